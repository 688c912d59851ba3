"""Logits and labels -> loss."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def smoothed_nll(logits: Tensor, labels: Tensor, smoothing: float = 0.0) -> Tensor:
    """Label-smoothed negative log-likelihood, summed over real pieces (Szegedy et al. 2016, section 7).

    The target distribution is (1 - e) on the label plus e spread evenly over all V pieces.

    Args:
        logits: (..., V), any float type; computed in float32 at least.
        labels: (...) ids, -100 where padded.
        smoothing: e in [0, 1).

    Returns:
        Scalar, in nats.
    """
    if logits.dtype.itemsize < 4:
        logits = logits.float()
    return F.cross_entropy(
        logits.reshape(-1, logits.size(-1)),
        labels.reshape(-1),
        ignore_index=-100,
        label_smoothing=smoothing,
        reduction="sum",
    )
