"""Ids of sentence pairs -> one padded batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

IGNORE = -100  # label of a padded position, as PyTorch's losses expect; elsewhere lengths say it


class Batch(NamedTuple):
    """B sentence pairs. Padding is known by the lengths, so no id is reserved for it."""

    source: Tensor  # (B, S) int64 ids, eos last
    source_lengths: Tensor  # (B,) int64, eos counted
    target_input: Tensor  # (B, T) int64 ids, bos first
    labels: Tensor  # (B, T) int64 ids, eos last, IGNORE where padded


def pad(rows: Sequence[Sequence[int]], value: int = 0) -> Tensor:
    """Rows of ids -> (B, longest) int64, filled up with ``value``.

    >>> pad([[5, 6], [7]]).tolist()
    [[5, 6], [7, 0]]
    """
    longest = max(len(row) for row in rows)
    filled = [[*row, *[value] * (longest - len(row))] for row in rows]
    return torch.tensor(filled, dtype=torch.int64)


def source_rows(rows: Sequence[Sequence[int]], eos: int) -> tuple[Tensor, Tensor]:
    """Source ids -> (B, S) with eos last, and lengths (B,). An empty source is eos alone."""
    ended = [[*row, eos] for row in rows]
    return pad(ended), torch.tensor([len(row) for row in ended])


def collate(
    sources: Sequence[Sequence[int]],
    targets: Sequence[Sequence[int]],
    *,
    source_eos: int,
    target_bos: int,
    target_eos: int,
) -> Batch:
    """Ids of B pairs, without special pieces, -> ``Batch``."""
    source, source_lengths = source_rows(sources, source_eos)
    return Batch(
        source,
        source_lengths,
        pad([[target_bos, *row] for row in targets]),
        pad([[*row, target_eos] for row in targets], IGNORE),
    )
