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
        p: Probability of dropping a value. On a CPU it is the nearest multiple of 1/256.
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
    """Factors with mean 1: 0 with probability ``p``, else 1 / (1 - p).

    Args:
        shape: Of the factors.
        p: On a CPU the nearest multiple of 1/256, and at least one.
        like: Has the type and the device.
    """
    if like.device.type != "cpu":
        return F.dropout(like.new_ones(shape), p)
    # A random byte for each value costs a tenth of PyTorch's Bernoulli numbers. A value is dropped where
    # its byte is below 256 p.
    dropped = min(max(round(256 * p), 1), 255)
    count = torch.Size(shape).numel()
    # Drawn eight bytes at a time. The upper limit None makes all 64 bits random.
    numbers = torch.empty(-(-count // 8), dtype=torch.int64).random_(-(2**63), None)
    kept = numbers.view(torch.uint8)[:count].view(*shape) >= dropped
    return kept.to(like.dtype).mul_(256 / (256 - dropped))
