"""Diverse beam search beside a loop over groups, with lists."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from seqtext.errors import ConfigError
from seqtext.search.beam import beam_search
from seqtext.search.coverage_penalty import CoveragePenalty
from seqtext.search.diversity import Diversity
from seqtext.search.length_penalty import LengthPenalty
from seqtext.search.protocol import FinishedHypothesis
from tests.search.test_rules import PENALTY, SENTENCES, SOURCE_LENGTHS
from tests.search.test_rules import Tables as TablesWithAttention
from tests.search.test_table_search import (
    BOS,
    EOS,
    PENALTIES,
    PIECES,
    REAL,
    Tables,
    assert_same,
    random_tables,
    ranked,
    rescore,
)

Item = tuple[tuple[int, ...], float]
seeds = st.integers(0, 10_000)
penalties = st.sampled_from(PENALTIES)
shapes = st.tuples(st.integers(1, 4), st.integers(1, 3))  # groups, hypotheses of each
strengths = st.sampled_from([0.0, 0.3, 1.0, 5.0])
max_lengths_of_some = st.lists(st.integers(0, 5), min_size=1, max_size=5)


def diverse(
    tables: Tensor,
    max_lengths: list[int],
    shape: tuple[int, int],
    strength: float,
    penalty: LengthPenalty | None = None,
) -> list[list[FinishedHypothesis]]:
    model, limits = Tables(tables), torch.tensor(max_lengths)
    diversity = Diversity(shape[0], strength)
    size = shape[0] * shape[1]
    return beam_search(model, model.start(), limits, PIECES, size, penalty, diversity=diversity)


def slow_diverse(
    table: Tensor, max_length: int, shape: tuple[int, int], strength: float, penalty: LengthPenalty
) -> list[Item]:
    """One sentence. A group takes its turn after those before it, and ends as a beam search ends."""
    groups, size = shape
    live: list[list[Item]] = [[((), 0.0)] for _ in range(groups)]
    finished: list[list[Item]] = [[] for _ in range(groups)]
    for length in range(max_length + 1):
        taken: list[int] = []
        for group in range(groups):
            if len(finished[group]) >= size:
                continue
            continuations = []
            for ids, log_prob in live[group]:
                i, j = [BOS, BOS, *ids][-2:]
                for k in [EOS] if length == max_length else [EOS, *REAL]:
                    total = log_prob + table[i, j, k].item()
                    continuations.append((total - strength * taken.count(k), (*ids, k), total))
            continuations.sort(reverse=True)
            finished[group] += [
                (ids[:-1], total) for _, ids, total in continuations[:size] if ids[-1] == EOS
            ]
            others = [(ids, total) for _, ids, total in continuations if ids[-1] != EOS]
            live[group] = others[:size]
            taken += [ids[-1] for ids, _ in live[group]]
    best: list[Item] = [item for each in finished for item in ranked(each, penalty)[:size]]
    return list(ranked(best, penalty))


@settings(max_examples=150, deadline=None)
@given(seeds, shapes, strengths, max_lengths_of_some, penalties)
def test_it_equals_a_slow_diverse_beam(
    seed: int,
    shape: tuple[int, int],
    strength: float,
    max_lengths: list[int],
    penalty: LengthPenalty,
) -> None:
    tables = random_tables(seed, len(max_lengths))
    results = diverse(tables, max_lengths, shape, strength, penalty)
    for table, max_length, found in zip(tables, max_lengths, results, strict=True):
        expected = slow_diverse(table, max_length, shape, strength, penalty)
        assert_same(found, expected, penalty)
        assert_same(found, [(one.ids, rescore(table, one.ids)) for one in found], penalty)


@settings(max_examples=30, deadline=None)
@given(seeds, shapes, max_lengths_of_some, penalties)
def test_without_a_penalty_all_groups_are_one_beam_search(
    seed: int, shape: tuple[int, int], max_lengths: list[int], penalty: LengthPenalty
) -> None:
    tables = random_tables(seed, len(max_lengths))
    model, limits = Tables(tables), torch.tensor(max_lengths)
    expected = beam_search(model, model.start(), limits, PIECES, shape[1], penalty)
    for found, each in zip(
        diverse(tables, max_lengths, shape, 0.0, penalty), expected, strict=True
    ):
        assert found == [one for one in each for _ in range(shape[0])]


@settings(max_examples=30, deadline=None)
@given(st.data(), seeds, shapes, strengths, max_lengths_of_some)
def test_the_batch_changes_nothing(
    data: st.DataObject,
    seed: int,
    shape: tuple[int, int],
    strength: float,
    max_lengths: list[int],
) -> None:
    tables = random_tables(seed, len(max_lengths))
    places = st.sampled_from(range(len(max_lengths)))
    rows = data.draw(st.lists(places, min_size=1, unique=True))
    at_once = diverse(tables, max_lengths, shape, strength)
    some = diverse(tables[rows], [max_lengths[row] for row in rows], shape, strength)
    assert some == [at_once[row] for row in rows]


def test_groups_begin_with_different_pieces() -> None:
    tables = random_tables(5, 20, favour={EOS: -20.0})
    beam = diverse(tables, [4] * 20, (1, 3), 0.0)
    apart = diverse(tables, [4] * 20, (3, 1), 50.0)
    assert all({one.ids[0] for one in found} == set(REAL) for found in apart)
    assert any(len({one.ids[0] for one in found}) < 3 for found in beam)


def test_a_coverage_penalty_is_that_of_each_hypothesis() -> None:
    model = TablesWithAttention()
    coverage = CoveragePenalty(0.7, "repetition")
    results = beam_search(
        model, model.start(), torch.full((SENTENCES,), 4), PIECES, 6, PENALTY,
        coverage=(coverage, SOURCE_LENGTHS), diversity=Diversity(3, 1.0),
    )  # fmt: skip
    for row, found in enumerate(results):
        assert len(found) == 6
        for one in found:
            covered = sum(model.weights[row, i] for i in (BOS, *one.ids))
            bonus = coverage(covered[: SOURCE_LENGTHS[row]]).item()
            score = one.log_prob / PENALTY(len(one.ids) + 1) + bonus
            assert math.isclose(one.score, score, rel_tol=1e-6)


@pytest.mark.parametrize(("size", "groups"), [(0, 1), (5, 2), (2, 3)])
def test_groups_divide_the_beam(size: int, groups: int) -> None:
    with pytest.raises(ConfigError, match=f"beam_size: {size}, .*multiple of {groups}"):
        Diversity(groups, 1.0).group_size(size)
