"""Ids of sentence pairs, or of texts with labels -> one padded batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

IGNORE = -100  # label of a padded position, as PyTorch's losses expect

# Most positions of a batch that a trained model reads. These are the rows times the longest row.
# Attention has as many for every hypothesis. Each takes about 2.5 KB at hidden size 256, so this many
# take 300 MB. So 64 sources of 300 pieces fit with a beam of 5.
_MOST_POSITIONS = 120_000


class Batch(NamedTuple):
    """B sentence pairs. Padding is known by the lengths, so no id is reserved for it."""

    source: Tensor  # (B, S) int64 ids, eos last
    source_lengths: Tensor  # (B,) int64, eos counted
    target_input: Tensor  # (B, T) int64 ids, bos first
    labels: Tensor  # (B, T) int64 ids, eos last, IGNORE where padded


class LabelledBatch(NamedTuple):
    """B texts and their labels."""

    source: Tensor  # (B, S) int64 ids, eos last
    source_lengths: Tensor  # (B,) int64, eos counted
    labels: Tensor  # (B,) int64, IGNORE out of scope, or (B, L) bool where a text can have several


def pad(rows: Sequence[Sequence[int]], value: int = 0) -> Tensor:
    """Rows of ids -> (B, longest) int64, filled up with ``value``.

    >>> pad([[5, 6], [7]]).tolist()
    [[5, 6], [7, 0]]
    """
    longest = max(len(row) for row in rows)
    filled = [[*row, *[value] * (longest - len(row))] for row in rows]
    return torch.tensor(filled, dtype=torch.int64)


def batches_to_read(lengths: Sequence[int], batch_size: int, beam_size: int) -> Iterator[list[int]]:
    """Rows of each batch that a trained model reads, the shortest first.

    Like lengths come together: little padding, and the sentences of a batch finish together.

    Args:
        lengths: Pieces of each row.
        batch_size: Most rows of a batch. Long rows make it smaller, so that memory stays bounded.
        beam_size: Hypotheses of a row.
    """
    batch: list[int] = []
    for row in sorted(range(len(lengths)), key=lengths.__getitem__):
        positions = (len(batch) + 1) * (lengths[row] + 1) * (beam_size + 1)  # with eos
        if batch and (len(batch) == batch_size or positions > _MOST_POSITIONS):
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


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


def collate_labels(
    sources: Sequence[Sequence[int]],
    labels: Sequence[Sequence[int]],
    *,
    source_eos: int,
    count: int | None,
) -> LabelledBatch:
    """Ids of B texts, and of the labels of each, -> ``LabelledBatch``.

    Args:
        sources: Ids without special pieces.
        labels: Ids of each text's labels. One or none, where ``count`` is None.
        source_eos: Put behind each text.
        count: L, where a text can have several labels.
    """
    return LabelledBatch(*source_rows(sources, source_eos), label_tensor(labels, count))


def label_tensor(rows: Sequence[Sequence[int]], count: int | None) -> Tensor:
    """Ids of each row's labels -> ``LabelledBatch.labels``. For ``count`` see ``collate_labels``."""
    if count is None:
        return torch.tensor([[*ids, IGNORE][0] for ids in rows])
    has = torch.zeros(len(rows), count, dtype=torch.bool)
    for row, ids in zip(has, rows, strict=True):
        row[list(ids)] = True
    return has
