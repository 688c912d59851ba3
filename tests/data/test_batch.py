from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from seqtext.data.batch import IGNORE, batches_to_read, collate, pad, source_rows

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


@given(
    lengths=st.lists(st.integers(0, 3000), max_size=300),
    batch_size=st.integers(1, 100),
    beam_size=st.integers(1, 10),
)
def test_batches_to_read_have_every_row_and_bounded_positions(
    lengths: list[int], batch_size: int, beam_size: int
) -> None:
    batches = list(batches_to_read(lengths, batch_size, beam_size))
    rows = [row for batch in batches for row in batch]
    assert rows == sorted(range(len(lengths)), key=lengths.__getitem__)
    for batch in batches:
        positions = len(batch) * (lengths[batch[-1]] + 1) * (beam_size + 1)
        assert len(batch) <= batch_size and (positions <= 120_000 or len(batch) == 1)


def test_sentences_of_a_usual_length_fill_their_batches() -> None:
    batches = list(batches_to_read([*range(1, 301), 4000, 4000], 64, beam_size=5))
    assert [len(batch) for batch in batches] == [64] * 4 + [44, 2]
