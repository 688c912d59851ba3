"""The largest values of long rows."""

from __future__ import annotations

import torch
from torch import Tensor

_BLOCK = 16


def largest(values: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """What ``values.topk(count)`` gives. Of equal values, it may choose others.

    PyTorch's topk on a CPU sorts pairs of a value and its place, and reads every value for this. A maximum
    is computed many times faster. So the maxima of blocks say which blocks hold the largest values.

    Args:
        values: (N, M).
        count: At most M.

    Returns:
        Values and places (N, count), the largest first.
    """
    size = values.size(1)
    blocks = size // _BLOCK
    if values.device.type != "cpu" or blocks < 2 * count:
        found = values.topk(count, 1)
        return found.values, found.indices
    # Block i holds every value whose place is i more than a multiple of their number. Then the maxima of
    # neighbours are computed at once.
    table = values[:, : blocks * _BLOCK].reshape(-1, _BLOCK, blocks)
    best = table.amax(1).topk(count, 1).indices.unsqueeze(1).expand(-1, _BLOCK, -1)
    steps = torch.arange(0, blocks * _BLOCK, blocks).view(-1, 1)
    candidates, places = table.gather(2, best).flatten(1), (best + steps).flatten(1)
    if size > blocks * _BLOCK:
        rest = torch.arange(blocks * _BLOCK, size).expand(len(values), -1)
        candidates = torch.cat([candidates, values[:, blocks * _BLOCK :]], 1)
        places = torch.cat([places, rest], 1)
    chosen = candidates.topk(count, 1)
    return chosen.values, places.gather(1, chosen.indices)
