from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from seqtext.data.batch import IGNORE, collate, pad, source_rows

IDS = st.lists(st.integers(0, 99), max_size=6)


def test_collate_by_hand() -> None:
    batch = collate([[7, 8], []], [[5], [5, 6, 0]], source_eos=2, target_bos=1, target_eos=3)
    assert batch.source.tolist() == [[7, 8, 2], [2, 0, 0]]
    assert batch.source_lengths.tolist() == [3, 1]
    assert batch.target_input.tolist() == [[1, 5, 0, 0], [1, 5, 6, 0]]
    assert batch.labels.tolist() == [[5, 3, IGNORE, IGNORE], [5, 6, 0, 3]]


@given(rows=st.lists(st.tuples(IDS, IDS), min_size=1, max_size=5))
def test_batch_holds_every_pair_and_nothing_else(rows: list[tuple[list[int], list[int]]]) -> None:
    sources, targets = ([row[side] for row in rows] for side in (0, 1))
    batch = collate(sources, targets, source_eos=101, target_bos=102, target_eos=103)
    assert {tensor.dtype for tensor in batch} == {torch.int64}
    assert batch.source.shape == (len(rows), max(map(len, sources)) + 1)
    assert batch.target_input.shape == batch.labels.shape == (len(rows), max(map(len, targets)) + 1)
    for i, (source, target) in enumerate(rows):
        assert batch.source[i, : batch.source_lengths[i]].tolist() == [*source, 101]
        labels = batch.labels[i][batch.labels[i] != IGNORE].tolist()
        assert labels == [*target, 103]
        # where there is a label, the input is the label before it
        assert batch.target_input[i, : len(labels)].tolist() == [102, *target]


def test_empty_source_is_eos_alone() -> None:
    source, lengths = source_rows([[]], eos=2)
    assert source.tolist() == [[2]]
    assert lengths.tolist() == [1]


def test_pad_of_empty_rows_is_a_tensor_of_ids() -> None:
    empty = pad([[], []])
    assert (empty.shape, empty.dtype) == ((2, 0), torch.int64)
    assert pad([[1], []], value=9).tolist() == [[1], [9]]
