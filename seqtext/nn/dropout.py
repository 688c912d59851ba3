"""Dropout of values."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Dropout(nn.Module):
    """Drops values with probability ``p``: anew at every position, or the same ones at all of a row.

    The latter (``locked``) is Gal & Ghahramani 2016, section 4.

    Args:
        p: Probability of dropping a value; on CPU the nearest multiple of 1/256.
        locked: Whether the positions of a row share what is dropped.
    """

    def __init__(self, p: float, *, locked: bool = False) -> None:
        super().__init__()
        self.p, self.locked = p, locked

    def forward(self, inputs: Tensor) -> Tensor:
        """Inputs (..., T, C), of the same shape out."""
        if not self.training or not self.p:
            return inputs
        if self.locked:
            return inputs * factors((*inputs.shape[:-2], 1, inputs.size(-1)), self.p, inputs)
        if inputs.device.type == "cpu":
            return inputs * factors(inputs.shape, self.p, inputs)
        return F.dropout(inputs, self.p)


def factors(shape: Sequence[int], p: float, like: Tensor) -> Tensor:
    """0 with probability ``p``, else what keeps the mean at 1; type and device of ``like``."""
    if like.device.type != "cpu":
        return F.dropout(like.new_ones(shape), p)
    # a random byte for each value costs a tenth of PyTorch's Bernoulli numbers
    dropped = min(max(round(256 * p), 1), 255)
    count = torch.Size(shape).numel()
    numbers = torch.empty(-(-count // 8), dtype=torch.int64).random_(-(2**63), None)
    kept = numbers.view(torch.uint8)[:count].view(*shape) >= dropped
    return kept.to(like.dtype).mul_(256 / (256 - dropped))
