"""What hypotheses may not be, and what they are penalized for: beside everything there is, tried by hand."""

import itertools
import math
from collections.abc import Callable

import pytest
import torch

from seqtext.errors import ConfigError
from seqtext.search.beam import beam_search
from seqtext.search.coverage_penalty import CoveragePenalty
from seqtext.search.ensemble import Ensemble
from seqtext.search.greedy import greedy_search
from seqtext.search.length_penalty import LengthPenalty
from seqtext.search.protocol import Pieces
from seqtext.search.rules import MinLength, NoRepeatedNgram, Rule, WordLimits, WordPart

BANNED, BOS, EOS, VOCAB = 0, 1, 2, 6
REAL = range(3, VOCAB)
PIECES = Pieces(bos=BOS, eos=EOS, banned=(BANNED,))
PARTS = torch.tensor([0, 0, 0, WordPart.FIRST, WordPart.INNER, WordPart.SPACE])
MAX_LENGTH, SENTENCES = 4, 3
WIDTH = sum(len(REAL) ** length for length in range(MAX_LENGTH + 1))
SOURCE_LENGTHS = torch.tensor([3, 1, 2])
PENALTY = LengthPenalty(0.7)

# what the search is given -> what a whole hypothesis must be
RULES: dict[str, tuple[list[Rule], Callable[[int, list[int]], bool]]] = {
    "min_length": (
        [MinLength(torch.tensor([2, 0, 3]), EOS)],
        lambda row, ids: len(ids) >= [2, 0, 3][row],
    ),
    "words": (
        [WordLimits(PARTS.expand(SENTENCES, -1), 1, 2, EOS)],
        lambda row, ids: 1 <= words(ids) <= 2 and not goes_on(row, ids),
    ),
    "fewest_words": (
        [WordLimits(PARTS.expand(SENTENCES, -1), 3, None, EOS)],
        lambda row, ids: words(ids) >= 3,
    ),
    "1-grams": ([NoRepeatedNgram(1)], lambda row, ids: not repeats(ids, 1)),
    "2-grams": ([NoRepeatedNgram(2)], lambda row, ids: not repeats(ids, 2)),
    "3-grams": ([NoRepeatedNgram(3)], lambda row, ids: not repeats(ids, 3)),
    "all": (
        [
            MinLength(torch.tensor([1, 1, 1]), EOS),
            WordLimits(PARTS.expand(SENTENCES, -1), 0, 2, EOS),
            NoRepeatedNgram(2),
        ],
        lambda row, ids: (
            bool(ids) and words(ids) <= 2 and not repeats(ids, 2) and not goes_on(row, ids)
        ),
    ),
}


def words(ids: list[int]) -> int:
    return len("".join({3: " a", 4: "b", 5: " "}[i] for i in ids).split())


def goes_on(row: int, ids: list[int]) -> bool:
    """Whether anything follows the second word that is no part of it, or less probable than another word."""
    tables = Tables().tables
    for i in range(2, len(ids)):
        if words(ids[:i]) == 2:
            best = max([EOS, *REAL], key=lambda piece: tables[row, ids[i - 1], piece].item())
            if ids[i] != 4 or best in (3, 5):
                return True
    return False


def repeats(ids: list[int], n: int) -> bool:
    grams = [ids[i : i + n] for i in range(len(ids) - n + 1)]
    return len(grams) > len(set(grams))


class Tables:
    """Random tables of log p(k | sentence, last piece), and of the attention of such a step."""

    def __init__(self, seed=0):
        generator = torch.Generator().manual_seed(seed)

        def drawn(*shape):
            return 2 * torch.randn(*shape, generator=generator, dtype=torch.double)

        self.tables = drawn(SENTENCES, VOCAB, VOCAB).log_softmax(-1)
        padded = torch.arange(3) >= SOURCE_LENGTHS.view(-1, 1, 1)
        self.weights = drawn(SENTENCES, VOCAB, 3).masked_fill(padded, -torch.inf).softmax(-1)

    def start(self):
        return torch.arange(SENTENCES), torch.full((SENTENCES, 1), BOS)

    def step(self, ids, state):
        return self.tables[state[0].unsqueeze(1), ids], (state[0], ids)

    def select(self, state, sentences, beams):
        return state[0][sentences], state[1][sentences.unsqueeze(1), beams]

    def attention(self, state):
        return self.weights[state[0].unsqueeze(1), state[1]]


def everything(model, row, allowed, bonus):
    """All hypotheses that there may be: (ids, log-probability, score)."""
    found = []
    for length in range(MAX_LENGTH + 1):
        for ids in itertools.product(REAL, repeat=length):
            if not allowed(row, ids):
                continue
            steps = list(itertools.pairwise([BOS, *ids, EOS]))
            log_prob = sum(model.tables[row, i, k].item() for i, k in steps)
            covered = sum(model.weights[row, i] for i, _ in steps)[: SOURCE_LENGTHS[row]].tolist()
            score = log_prob / PENALTY(length + 1) + bonus(covered)
            found.append((ids, log_prob, score))
    return found


def assert_everything(model, found, allowed, bonus):
    for row, hypotheses in enumerate(found):
        expected = everything(model, row, allowed, bonus)
        scores = [one.score for one in hypotheses]
        assert scores == sorted(scores, reverse=True)
        assert len({one.ids for one in hypotheses}) == len(hypotheses)
        expected = {ids: values for ids, *values in everything(model, row, allowed, bonus)}
        assert {one.ids for one in hypotheses} == set(expected)
        for one in hypotheses:
            log_prob, score = expected[one.ids]
            assert math.isclose(one.log_prob, log_prob, rel_tol=1e-9)
            assert math.isclose(one.score, score, rel_tol=1e-6)


@pytest.mark.parametrize("name", RULES)
def test_full_width_beam_is_all_that_is_allowed(name):
    rules, allowed = RULES[name]
    model, limits = Tables(), torch.full((SENTENCES,), MAX_LENGTH)

    def may_be(row, ids):  # at its full length a hypothesis ends, however few words it has
        complete = len(ids) == MAX_LENGTH and name in ("words", "fewest_words", "min_length")
        return allowed(row, ids) or (
            complete and (name != "words" or (words(ids) <= 2 and not goes_on(row, ids)))
        )

    found = beam_search(model, model.start(), limits, PIECES, WIDTH, PENALTY, rules)
    assert_everything(model, found, may_be, lambda covered: 0.0)
    greedy = greedy_search(model, model.start(), limits, PIECES, PENALTY, rules)
    for row, one in enumerate(greedy):
        assert may_be(row, one.ids)
    narrow = beam_search(model, model.start(), limits, PIECES, 1, PENALTY, rules)
    assert [[one.ids] for one in greedy] == [[one.ids for one in found] for found in narrow]


def test_a_hypothesis_without_a_continuation_ends():
    """Two words at most and four pieces at least, where every piece begins a word."""
    parts = torch.full((SENTENCES, VOCAB), WordPart.FIRST)
    rules: list[Rule] = [MinLength(torch.tensor([4] * 3), EOS), WordLimits(parts, 0, 2, EOS)]
    model, limits = Tables(), torch.full((SENTENCES,), 6)
    greedy = greedy_search(model, model.start(), limits, PIECES, PENALTY, rules)
    beam = beam_search(model, model.start(), limits, PIECES, 3, PENALTY, rules)
    assert {len(one.ids) for found in [greedy, *beam] for one in found} == {2}
    assert all(math.isfinite(one.log_prob) for found in [greedy, *beam] for one in found)


def wu(covered):
    return 0.3 * sum(math.log(min(c, 1)) for c in covered)


def repetition(covered):
    return -0.3 * sum(max(c - 1, 0) for c in covered)


@pytest.mark.parametrize("formula", [wu, repetition])
def test_full_width_beam_ranks_by_coverage(formula):
    model, limits = Tables(), torch.full((SENTENCES,), MAX_LENGTH)
    penalty = CoveragePenalty(0.3, formula.__name__), SOURCE_LENGTHS
    found = beam_search(
        model, model.start(), limits, PIECES, WIDTH, PENALTY, RULES["2-grams"][0], penalty
    )
    assert_everything(model, found, RULES["2-grams"][1], formula)
    twice = Ensemble([model, model])
    start = [model.start()] * 2
    of_two = beam_search(twice, start, limits, PIECES, WIDTH, PENALTY, (), penalty)
    assert_everything(model, of_two, lambda row, ids: True, formula)


@pytest.mark.parametrize("formula", ["wu", "repetition"])
@pytest.mark.parametrize("width", [2, 3])
def test_finished_sentences_take_their_coverage_along(formula, width):
    """In a beam too narrow for all, sentences that leave early change nothing for those that stay."""
    model, penalty = Tables(5), CoveragePenalty(0.5, formula)
    at_once, seldom = torch.tensor([4, 0, 2]), torch.tensor([4, 4, 4])
    found, expected = (
        beam_search(
            model, model.start(), limits, PIECES, width, PENALTY, (), (penalty, SOURCE_LENGTHS)
        )
        for limits in (at_once, seldom)
    )
    assert found[0] == expected[0]
    assert found[1] != expected[1]


def test_an_ensemble_with_a_model_that_copies_words():
    """One that cannot copy gives words beyond the vocabulary no probability."""

    class Wider(Tables):
        def step(self, ids, state):
            log_probs, state = super().step(ids.clamp(max=VOCAB - 1), state)
            wider = torch.cat([log_probs, torch.full_like(log_probs[..., :1], 3.0)], 2)
            return wider.log_softmax(-1), state

    models = Tables(), Wider()
    start = [model.start() for model in models]
    log_probs, _ = Ensemble(models).step(start[0][1], start)
    one, other = (model.step(start[0][1], start[0])[0].exp() for model in models)
    expected = torch.nn.functional.pad(one, (0, 1)).add(other).div(2).log()
    torch.testing.assert_close(log_probs, expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [((-1.0,), "beta: -1.0"), ((1.0, "x"), "formula: 'x', .*wu, repetition")],
)
def test_wrong_penalties_say_what_was_expected(options, message):
    with pytest.raises(ConfigError, match=message):
        CoveragePenalty(*options)
