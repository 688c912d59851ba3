"""Samples: their distribution beside the exact one, and what their random numbers depend on."""

import itertools
import math

import pytest
import torch
from torch import Tensor

from seqtext.search.length_penalty import LengthPenalty
from seqtext.search.protocol import FinishedHypothesis
from seqtext.search.rules import MinLength
from seqtext.search.sample import Filters, draw, sample, uniform
from tests.search.test_table_search import (
    BANNED,
    BOS,
    EOS,
    PIECES,
    REAL,
    Tables,
    random_tables,
    rescore,
)

COUNT = 20_000


def samples(
    tables: Tensor,
    max_length: int,
    count: int = 1,
    keys: list[bytes] | None = None,
    filters: Filters | None = None,
) -> list[list[FinishedHypothesis]]:
    model, limits = Tables(tables), torch.full((len(tables),), max_length)
    keys = keys or [b"%d" % row for row in range(len(tables))]
    return sample(model, model.start(), limits, PIECES, keys, count, filters)


def naive_filter(log_probs: list[float], filters: Filters) -> list[float]:
    """The probabilities that are drawn from, piece by piece in float64."""
    scaled = [value / filters.temperature for value in log_probs]
    highest = max(scaled)
    weights = [math.exp(value - highest) for value in scaled]
    order = sorted(range(len(weights)), key=lambda piece: -weights[piece])
    kept = order[: filters.top_k] if filters.top_k else order
    total, summed, nucleus = sum(weights[piece] for piece in kept), 0.0, []
    for piece in kept:
        if summed < filters.top_p * total:
            nucleus.append(piece)
        summed += weights[piece]
    kept = [piece for piece in nucleus if weights[piece] >= filters.min_p * weights[order[0]]]
    total = sum(weights[piece] for piece in kept)
    return [weight / total if i in kept else 0.0 for i, weight in enumerate(weights)]


def assert_distribution(counts: Tensor, expected: Tensor) -> None:
    """Nothing of probability 0 was drawn, and all else as often as chance allows (5 standard errors)."""
    total = counts.sum()
    assert (counts[expected == 0] == 0).all()
    error = (counts - total * expected).abs() / (total * expected * (1 - expected)).sqrt().clamp(1)
    assert error.max() < 5


@pytest.mark.parametrize(
    "filters",
    [
        Filters(),
        Filters(temperature=0.5),
        Filters(temperature=2.0),
        Filters(top_k=7),
        Filters(top_p=0.3),
        Filters(top_p=0.9),
        Filters(min_p=0.2),
        Filters(temperature=1.5, top_k=40, top_p=0.8, min_p=0.05),
        Filters(top_k=3, top_p=0.999),
        Filters(top_k=100_000),
    ],
    ids=str,
)
def test_filters_are_those_of_a_naive_filter(filters: Filters) -> None:
    generator = torch.Generator().manual_seed(0)
    for size in (5, 64, 200):
        log_probs = (3 * torch.randn(size, generator=generator)).double().log_softmax(0)
        drawn = filters.draw(log_probs.expand(COUNT, 1, -1), uniform([b"x"], COUNT, 0)[0, :, :1])
        counts = drawn.flatten().bincount(minlength=size)
        expected = torch.tensor(naive_filter(log_probs.tolist(), filters), dtype=torch.double)
        assert_distribution(counts, expected)
        # few draws miss a piece, so the share of pieces that can be drawn at all is compared, too
        probable = expected > 20 / COUNT
        assert (counts[probable] > 0).all()


def test_a_piece_without_weight_is_never_drawn() -> None:
    weights = torch.zeros(3, 130)
    weights[0, 129], weights[1, 0], weights[2, [63, 64]] = 1e-30, 7.0, torch.tensor([0.25, 0.75])
    edges = torch.tensor([0.0, 0.25, 1 - 2**-24])
    for first, second in itertools.product(edges, edges):
        ids = draw(weights, torch.stack([first, second]).expand(3, 2)).tolist()
        assert ids == [129, 0, 63 if first < 0.25 else 64]


def test_samples_have_the_distribution_of_the_model() -> None:
    table = random_tables(1, favour={EOS: 2.0, BOS: 5.0, BANNED: 5.0})
    found = samples(table, 2, COUNT)[0]
    texts = [ids for length in range(3) for ids in itertools.product(REAL, repeat=length)]
    counts = torch.tensor([[one.ids for one in found].count(ids) for ids in texts])
    assert counts.sum() == COUNT  # neither bos nor a banned piece

    def probability(ids: tuple[int, ...]) -> float:
        """Among the pieces that are possible. At the maximum length, eos is certain."""
        product, history = 1.0, [BOS, BOS, *ids, EOS]
        for i, j, k in zip(history, history[1:], history[2:], strict=False):
            allowed = table[0, i, j, [EOS, *REAL]].exp()
            product *= (table[0, i, j, k].exp() / allowed.sum()).item()
        if len(ids) == 2:
            i, j = history[-3:-1]
            product /= (table[0, i, j, EOS].exp() / table[0, i, j, [EOS, *REAL]].exp().sum()).item()
        return product

    assert_distribution(counts, torch.tensor([probability(ids) for ids in texts]))
    assert len(set(counts.tolist())) > 5


@pytest.mark.parametrize("filters", [Filters(), Filters(0.7, 4, 0.9, 0.01)], ids=str)
def test_a_sample_has_the_log_probability_of_the_model(filters: Filters) -> None:
    tables = random_tables(2, 20)
    for table, found in zip(tables, samples(tables, 5, 3, filters=filters), strict=True):
        for hypothesis in found:
            expected = rescore(table, hypothesis.ids)
            assert math.isclose(hypothesis.log_prob, expected, rel_tol=1e-12)
            mean = expected / (len(hypothesis.ids) + 1)
            assert math.isclose(hypothesis.score, mean, rel_tol=1e-12)


def test_a_sample_depends_on_its_key_and_number_alone() -> None:
    tables = random_tables(3, 30)
    keys = [b"%d" % row for row in range(30)]
    expected = samples(tables, 40, 4, keys)
    rows = torch.randperm(30, generator=torch.Generator().manual_seed(0)).tolist()
    found = samples(tables[rows], 40, 4, [keys[row] for row in rows])
    assert found == [expected[row] for row in rows]
    assert samples(tables, 40, 2, keys) == [each[:2] for each in expected]
    assert [samples(tables[row : row + 1], 40, 4, [keys[row]])[0] for row in rows] == found
    # the same key draws the same, and another key or number draws something else
    same = samples(tables[:1].expand(3, -1, -1, -1), 40, 2, [b"a", b"b", b"a"])
    assert same[0] == same[2] and same[0] != same[1] and same[0][0] != same[0][1]


def test_every_step_has_random_numbers_of_its_own() -> None:
    tables = torch.full((1, 6, 6, 6), math.log(1 / 3)).double()
    tables[..., EOS] = -50
    ids = samples(tables, 200)[0][0].ids
    assert len(ids) == 200
    parts = [ids[i : i + 20] for i in range(180)]
    assert len(set(parts)) == len(parts)


def test_random_numbers_are_uniform_and_the_same_on_every_machine() -> None:
    numbers = uniform([b"a", b"b"], 500, 3)
    assert numbers.min() >= 0 and numbers.max() < 1
    assert numbers.double().mean() == pytest.approx(1 / 2, abs=0.005)
    assert numbers.double().var() == pytest.approx(1 / 12, abs=0.002)
    assert numbers.flatten().unique().numel() > 0.98 * numbers.numel()
    told = uniform([b"seqtext"], 1, 0)[0, 0, 0].flatten().mul(2**24).int().tolist()
    assert told == [5031037, 11749875, 684201, 14858539, 4156041, 10058480]


def test_rules_hold_for_samples() -> None:
    tables = random_tables(4, 20, favour={EOS: 3.0})
    model, limits = Tables(tables), torch.full((20,), 6)
    keys = [b"%d" % row for row in range(20)]
    rule = MinLength(torch.full((20,), 4), EOS)
    penalty = LengthPenalty(0.0)
    found = sample(model, model.start(), limits, PIECES, keys, 5, None, penalty, [rule])
    lengths = {len(hypothesis.ids) for each in found for hypothesis in each}
    assert lengths == {4, 5, 6}
    assert all(one.score == one.log_prob for each in found for one in each)


def test_looking_seldom_for_finished_sentences_changes_nothing() -> None:
    tables = random_tables(5, 20)
    expected = samples(tables, 9, 3, filters=Filters(top_p=0.8))
    with pytest.MonkeyPatch.context() as patch:  # as it is on a GPU
        patch.setattr("seqtext.search.stepwise.look_now", lambda step, device: step % 8 == 0)
        assert samples(tables, 9, 3, filters=Filters(top_p=0.8)) == expected
