"""Search over tables of probabilities, small enough to try everything and to search by hand."""

import itertools
import math
from typing import NamedTuple

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from seqtext.search.beam import beam_search
from seqtext.search.ensemble import Ensemble
from seqtext.search.greedy import greedy_search
from seqtext.search.length_penalty import LengthPenalty
from seqtext.search.protocol import Pieces

BANNED, BOS, EOS, VOCAB = 0, 1, 2, 6
REAL = range(3, VOCAB)
PIECES = Pieces(bos=BOS, eos=EOS, banned=(BANNED,))
PENALTIES = [
    LengthPenalty(alpha, formula) for formula in ("power", "wu") for alpha in (0.0, 0.6, 1.0)
]

seeds = st.integers(0, 10_000)
penalties = st.sampled_from(PENALTIES)
beam_sizes = st.integers(1, 6)
# up to 5 pieces no two hypotheses consist of the same triples, so there are no ties
max_lengths_of_some = st.lists(st.integers(0, 5), min_size=1, max_size=5)


class State(NamedTuple):
    sentence: Tensor  # (N,) whose table
    before: Tensor  # (N, K) the piece before the one that is read next


class Tables:
    """One table a sentence: table[i, j, k] = log p(k | i, j), where j is the last piece.

    Only the state knows the piece before the last. So a hypothesis with the state of another one
    gives wrong results.
    """

    def __init__(self, tables):
        self.tables = tables
        self.rows_seen = []

    def attention(self, state: State) -> Tensor:
        raise NotImplementedError

    def start(self):
        count = len(self.tables)
        return State(torch.arange(count), torch.full((count, 1), BOS))

    def step(self, ids, state):
        self.rows_seen.append(len(ids))
        return self.tables[state.sentence.unsqueeze(1), state.before, ids], State(
            state.sentence, ids
        )

    def select(self, state, sentences, beams):
        return State(state.sentence[sentences], state.before[sentences.unsqueeze(1), beams])


def random_tables(seed, count=1, favour=None):
    """Tables (N, V, V, V). `favour` maps pieces to a number that is added to their logits."""
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(count, VOCAB, VOCAB, VOCAB, generator=generator, dtype=torch.double)
    for piece, bonus in (favour or {}).items():
        logits[..., piece] += bonus
    return logits.log_softmax(-1)


def beam(tables, max_lengths, beam_size, penalty=None):
    model = Tables(tables)
    limits = torch.tensor(max_lengths)
    return beam_search(model, model.start(), limits, PIECES, beam_size, penalty)


def greedy(tables, max_lengths, penalty=None):
    model = Tables(tables)
    return greedy_search(model, model.start(), torch.tensor(max_lengths), PIECES, penalty)


def rescore(table, ids):
    """The table's own log-probability of pieces and eos."""
    history = [BOS, BOS, *ids, EOS]
    triples = zip(history[:-2], history[1:-1], history[2:], strict=True)
    return sum(table[triple].item() for triple in triples)


def assert_same(found, expected, penalty):
    """`found` is `expected`, a list of (ids, log-probability), best first, with these scores."""
    assert [hypothesis.ids for hypothesis in found] == [ids for ids, _ in expected]
    for hypothesis, (ids, log_prob) in zip(found, expected, strict=True):
        assert math.isclose(hypothesis.log_prob, log_prob, rel_tol=1e-12)
        assert math.isclose(hypothesis.score, log_prob / penalty(len(ids) + 1), rel_tol=1e-12)


# --- the references ---


def ranked(finished, penalty):
    return sorted(finished, key=lambda item: item[1] / penalty(len(item[0]) + 1), reverse=True)


def exhaustive(table, max_length, penalty):
    """All hypotheses there are."""
    everything = [
        ids for length in range(max_length + 1) for ids in itertools.product(REAL, repeat=length)
    ]
    return ranked([(ids, rescore(table, ids)) for ids in everything], penalty)


def slow_beam(table, max_length, beam_size, penalty):
    """One sentence with lists: a hypothesis ends when eos is among the best `beam_size`."""
    live: list[tuple[tuple[int, ...], float]] = [((), 0.0)]
    finished: list[tuple[tuple[int, ...], float]] = []
    for length in range(max_length + 1):
        followers = [EOS] if length == max_length else [EOS, *REAL]
        continuations = []
        for ids, log_prob in live:
            i, j = [BOS, BOS, *ids][-2:]
            for k in followers:
                continuations.append(((*ids, k), log_prob + table[i, j, k].item()))
        continuations.sort(key=lambda item: item[1], reverse=True)
        for ids, log_prob in continuations[:beam_size]:
            if ids[-1] == EOS:
                finished.append((ids[:-1], log_prob))
        if len(finished) >= beam_size:
            break
        live = [item for item in continuations if item[0][-1] != EOS][:beam_size]
    return ranked(finished, penalty)[:beam_size]


def slow_greedy(table, max_length):
    ids: tuple[int, ...] = ()
    while len(ids) < max_length:
        i, j = [BOS, BOS, *ids][-2:]
        best = max([EOS, *REAL], key=lambda k: table[i, j, k].item())
        if best == EOS:
            break
        ids += (best,)
    return ids


# --- against the references ---


@pytest.mark.parametrize("penalty", PENALTIES, ids=str)
@pytest.mark.parametrize("max_length", [0, 1, 2, 3, 4])
def test_full_width_beam_is_exhaustive(max_length, penalty):
    tables = random_tables(max_length, count=3)
    width = sum(len(REAL) ** length for length in range(max_length + 1))
    for table, found in zip(tables, beam(tables, [max_length] * 3, width, penalty), strict=True):
        assert_same(found, exhaustive(table, max_length, penalty), penalty)


@settings(max_examples=100, deadline=None)
@given(seeds, beam_sizes, max_lengths_of_some, penalties)
def test_beam_equals_a_slow_beam(seed, beam_size, max_lengths, penalty):
    tables = random_tables(seed, len(max_lengths))
    results = beam(tables, max_lengths, beam_size, penalty)
    for table, max_length, found in zip(tables, max_lengths, results, strict=True):
        assert_same(found, slow_beam(table, max_length, beam_size, penalty), penalty)


@settings(max_examples=50, deadline=None)
@given(seeds, max_lengths_of_some, penalties)
def test_greedy_takes_the_best_piece_at_every_step(seed, max_lengths, penalty):
    tables = random_tables(seed, len(max_lengths))
    results = greedy(tables, max_lengths, penalty)
    for table, max_length, found in zip(tables, max_lengths, results, strict=True):
        ids = slow_greedy(table, max_length)
        assert_same([found], [(ids, rescore(table, ids))], penalty)


@settings(max_examples=50, deadline=None)
@given(seeds, max_lengths_of_some, penalties)
def test_beam_of_1_is_greedy(seed, max_lengths, penalty):
    tables = random_tables(seed, len(max_lengths))
    expected = [[found] for found in greedy(tables, max_lengths, penalty)]
    assert beam(tables, max_lengths, 1, penalty) == expected


# --- properties ---


@settings(max_examples=50, deadline=None)
@given(seeds, beam_sizes, max_lengths_of_some, penalties)
def test_hypotheses_are_distinct_ranked_and_score_what_the_table_says(
    seed, beam_size, max_lengths, penalty
):
    tables = random_tables(seed, len(max_lengths))
    results = beam(tables, max_lengths, beam_size, penalty)
    for table, max_length, found in zip(tables, max_lengths, results, strict=True):
        assert 1 <= len(found) <= beam_size
        assert len({hypothesis.ids for hypothesis in found}) == len(found)
        scores = [hypothesis.score for hypothesis in found]
        assert scores == sorted(scores, reverse=True)
        assert all(len(hypothesis.ids) <= max_length for hypothesis in found)
        assert_same(found, [(item.ids, rescore(table, item.ids)) for item in found], penalty)


@settings(max_examples=50, deadline=None)
@given(st.data(), seeds, beam_sizes, max_lengths_of_some)
def test_the_batch_changes_nothing(data, seed, beam_size, max_lengths):
    tables = random_tables(seed, len(max_lengths))
    everyone = range(len(max_lengths))
    rows = data.draw(st.lists(st.sampled_from(everyone), min_size=1, unique=True))
    limits = [max_lengths[row] for row in rows]
    at_once = beam(tables, max_lengths, beam_size), greedy(tables, max_lengths)
    some = beam(tables[rows], limits, beam_size), greedy(tables[rows], limits)
    for found, expected in zip(some, at_once, strict=True):
        assert found == [expected[row] for row in rows]


@pytest.mark.parametrize("beam_size", [1, 4])
def test_bos_and_banned_pieces_are_never_produced(beam_size):
    max_lengths = [5] * 20
    tables = random_tables(0, 20, favour={BOS: 8.0, BANNED: 9.0})
    results = beam(tables, max_lengths, beam_size)
    results += [[found] for found in greedy(tables, max_lengths)]
    produced = {piece for found in results for item in found for piece in item.ids}
    assert produced == set(REAL)


@pytest.mark.parametrize("beam_size", [1, 3])
def test_eos_is_forced_at_the_maximum_length_and_counted(beam_size):
    max_lengths = [0, 1, 4, 2]
    tables = random_tables(0, 4, favour={EOS: -50.0})
    results = beam(tables, max_lengths, beam_size)
    for found, expected in zip(greedy(tables, max_lengths), results, strict=True):
        assert len(found.ids) == len(expected[0].ids)
    for table, max_length, found in zip(tables, max_lengths, results, strict=True):
        for hypothesis in found:
            assert len(hypothesis.ids) == max_length
            assert hypothesis.log_prob < -40
            assert math.isclose(hypothesis.log_prob, rescore(table, hypothesis.ids))


@pytest.mark.parametrize("beam_size", [1, 3])
def test_certain_eos_gives_an_empty_hypothesis(beam_size):
    tables = random_tables(0, 2, favour={EOS: 50.0})
    for found in [greedy(tables, [4, 4]), [items[0] for items in beam(tables, [4, 4], beam_size)]]:
        assert [hypothesis.ids for hypothesis in found] == [(), ()]


def test_a_beam_wider_than_all_there_is_finds_just_that():
    (found,) = beam(random_tables(0), [2], beam_size=50)
    assert len(found) == 1 + 3 + 9


def test_longer_output_wins_as_alpha_grows():
    tables = random_tables(3, 30)
    mean = [
        sum(len(found[0].ids) for found in beam(tables, [6] * 30, 6, LengthPenalty(alpha))) / 30
        for alpha in (0.0, 1.0, 2.0)
    ]
    assert mean[0] < mean[1] < mean[2]


def test_the_default_score_is_the_mean_log_probability():
    for found in [greedy(random_tables(0), [5])[0], beam(random_tables(0), [5], 3)[0][0]]:
        assert math.isclose(found.score, found.log_prob / (len(found.ids) + 1))


def test_finished_sentences_leave_the_batch():
    model = Tables(random_tables(0, 3, favour={EOS: -50.0}))
    limits = torch.tensor([0, 3, 1])
    greedy_search(model, model.start(), limits, PIECES)
    assert model.rows_seen == [3, 2, 1, 1]
    model.rows_seen.clear()
    beam_search(model, model.start(), limits, PIECES, 3)
    assert model.rows_seen == [3, 2, 1, 1]


@settings(max_examples=30, deadline=None)
@given(seeds, beam_sizes, max_lengths_of_some)
def test_looking_seldom_for_finished_sentences_changes_nothing(seed, beam_size, max_lengths):
    tables = random_tables(seed, len(max_lengths))
    expected = beam(tables, max_lengths, beam_size), greedy(tables, max_lengths)
    with pytest.MonkeyPatch.context() as patch:  # as it is on a GPU
        for module in ("beam", "stepwise"):
            patch.setattr(f"seqtext.search.{module}.look_now", lambda step, device: step % 8 == 0)
        found = beam(tables, max_lengths, beam_size), greedy(tables, max_lengths)
    assert found == expected


@given(seeds, beam_sizes, max_lengths_of_some, penalties)
def test_an_ensemble_predicts_the_mean_of_the_probabilities(seed, beam_size, max_lengths, penalty):
    one, other = (random_tables(s, len(max_lengths)) for s in (seed, seed + 1))
    models = Tables(one), Tables(other)
    limits = torch.tensor(max_lengths)
    mean = ((one.exp() + other.exp()) / 2).log()
    start = [model.start() for model in models]
    found = beam_search(Ensemble(models), start, limits, PIECES, beam_size, penalty)
    for of_both, of_mean in zip(found, beam(mean, max_lengths, beam_size, penalty), strict=True):
        assert_same(of_both, [(item.ids, item.log_prob) for item in of_mean], penalty)
    greedily = greedy_search(Ensemble(models), start, limits, PIECES, penalty)
    assert [item.ids for item in greedily] == [
        item.ids for item in greedy(mean, max_lengths, penalty)
    ]
