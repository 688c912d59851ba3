"""The pointer-generator: the output distribution mixed with the attention over the source's pieces.

P(y) = g softmax(logits)_y + (1 - g) sum_{s: x_s = y} a_s  (See et al. 2017, eq. 9)

The gate g is computed from the readout. A source piece that is no target piece cannot be copied. Its share
goes to the softmax.

Shapes: B rows, N queries (hypotheses or target positions), S source positions, V target pieces.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn


class Mixture(NamedTuple):
    """The shares of the distribution that are generated and copied. Together they are 1."""

    generated: Tensor  # (B, N)
    copied: Tensor  # (B, N, S), 0 where the source has no piece of the target's vocabulary
    pieces: Tensor  # (B, S) target pieces of the source's pieces, negative where there is none


def mixture(gate: Tensor, weights: Tensor, pieces: Tensor) -> Mixture:
    """The shares, float32 at least.

    Args:
        gate: (B, N), the logit of g.
        weights: (B, N, S) attention.
        pieces: (B, S), see ``Mixture``.
    """
    dtype = torch.promote_types(gate.dtype, torch.float32)
    known = (pieces >= 0).unsqueeze(1)
    copied = (-gate.to(dtype)).sigmoid().unsqueeze(2) * weights
    generated = gate.to(dtype).sigmoid() + copied.masked_fill(known, 0).sum(2)
    return Mixture(generated, copied.masked_fill(~known, 0), pieces)


def copied_labels(shares: Mixture, labels: Tensor) -> Tensor:
    """The copied share of each label's probability: (B, N) -> (B, N), 0 for a negative label.

    Training needs only this, so no (B, N, V) tensor of the copied distribution exists.
    """
    same = (shares.pieces.unsqueeze(1) == labels.unsqueeze(2)) & (labels >= 0).unsqueeze(2)
    return (shares.copied * same).sum(2)


def mix(logits: Tensor, shares: Mixture, size: int) -> Tensor:
    """Logits (B, N, V) of the softmax -> log-probabilities of the mixture, float32 at least.

    Args:
        logits: See above.
        shares: What is mixed.
        size: V' >= V, number of pieces of the mixture. The last V' - V can only be copied.

    Returns:
        (B, N, V').
    """
    dtype = torch.promote_types(logits.dtype, torch.float32)
    probabilities = logits.softmax(-1, dtype=dtype) * shares.generated.unsqueeze(2)
    if size > logits.size(-1):
        probabilities = nn.functional.pad(probabilities, (0, size - logits.size(-1)))
    places = shares.pieces.clamp(min=0).unsqueeze(1).expand_as(shares.copied)
    probabilities = probabilities.scatter_add(2, places, shares.copied)
    log_probs = probabilities.clamp(min=torch.finfo(dtype).tiny).log()
    if size > logits.size(-1):  # a source without such a piece cannot give it
        beyond = torch.arange(size, device=logits.device) >= logits.size(-1)
        log_probs = log_probs.masked_fill(beyond & (probabilities == 0), -torch.inf)
    return log_probs
