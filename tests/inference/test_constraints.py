"""Constraints on texts, beside every text that a small vocabulary can write."""

from __future__ import annotations

import itertools
import math
import random
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
import torch
from sentencepiece.sentencepiece_model_pb2 import ModelProto
from torch import Tensor

from seqtext.data.batch import collate
from seqtext.data.tokenizer import SPACE, Tokenizer, TokenizerConfig, Tokenizers
from seqtext.errors import ConfigError
from seqtext.inference.constraints.options import Constraints
from seqtext.inference.constraints.rules import ConstraintRules
from seqtext.inference.constraints.terminology import Terminology
from seqtext.inference.constraints.words import missing, stands_in
from seqtext.inference.generator import Generator
from seqtext.nn.config import NetworkConfig
from seqtext.nn.encoder_decoder import EncoderDecoder
from seqtext.search.beam import beam_search
from seqtext.search.greedy import greedy_search
from seqtext.search.length_penalty import LengthPenalty
from seqtext.search.protocol import FinishedHypothesis, Pieces

TEXTS = ["a", "b", "ab", "ba", "_a", "_ab", "_", "."]  # pieces that overlap
PENALTY = LengthPenalty(0.7)
LENGTH = 3
Allowed = Callable[[str], bool]

# options -> what their outputs are, by a slow reference
CASES: dict[str, tuple[dict[str, Any], Allowed]] = {
    "prefix": ({"prefix": "ab"}, lambda text: text.startswith("ab")),
    "prefix of a word": ({"prefix": "ba "}, lambda text: text.startswith("ba ")),
    "prefix of two words": ({"prefix": "b a"}, lambda text: text.startswith("b a")),
    "prefix in bytes": ({"prefix": "aé"}, lambda text: text.startswith("aé")),
    "outputs": (
        {"outputs": ["ab", "aba", "b a", "é", "a.b"]},
        lambda text: text in ("ab", "aba", "b a", "é", "a.b"),
    ),
    "banned": ({"banned": ["ab", "b"]}, lambda text: not re.search(r"\b(ab|b)\b", text)),
    "banned in any case": (
        {"banned": ["AB", "b a"], "banned_any_case": True},
        lambda text: not re.search(r"\b(ab|b a)\b", text),
    ),
    "banned in bytes": ({"banned": ["é", "aé"]}, lambda text: not re.search(r"\b(é|aé)\b", text)),
    "required": ({"required": [["ab"]]}, lambda text: bool(re.search(r"\bab\b", text))),
    "required twice": (
        {"required": [["a", "b"]]},
        lambda text: bool(re.search(r"\ba\b", text) and re.search(r"\bb\b", text)),
    ),
    "required in bytes": ({"required": [["é"]]}, lambda text: bool(re.search(r"\bé\b", text))),
    "all": (
        {"prefix": "a", "banned": ["b"], "required": [["ab"]]},
        lambda text: (
            text.startswith("a")
            and not re.search(r"\bb\b", text)
            and bool(re.search(r"\bab\b", text))
        ),
    ),
}


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    """It knows a few overlapping pieces, and every byte."""
    model = ModelProto()
    model.trainer_spec.model_type = 1  # unigram
    model.trainer_spec.byte_fallback = True
    model.normalizer_spec.name = "identity"
    kinds = {"<unk>": 2, "<s>": 3, "</s>": 3}
    for piece, kind in kinds.items():
        model.pieces.add(piece=piece, score=0.0, type=kind)
    for byte in range(256):
        model.pieces.add(piece=f"<0x{byte:02X}>", score=0.0, type=6)
    for text in TEXTS:
        model.pieces.add(piece=text.replace("_", SPACE), score=-1.0, type=1)
    return Tokenizer(model.SerializeToString())


def used(tokenizer: Tokenizer) -> list[int]:
    """The ids that outputs are made of. The others have no probability."""
    pieces = tokenizer.pieces(range(tokenizer.vocab_size))
    return [pieces.index(text) for text in ("<0xC3>", "<0xA9>")] + list(
        range(259, tokenizer.vocab_size)
    )


class Tables:
    """Random tables of log p(k | last piece) for each sentence."""

    def __init__(self, tokenizer: Tokenizer, seed: int, count: int = 1) -> None:
        self.used, self.eos = used(tokenizer), tokenizer.eos
        generator = torch.Generator().manual_seed(seed)
        size = tokenizer.vocab_size
        logits = 2 * torch.randn(count, size, size, generator=generator, dtype=torch.double)
        never = torch.ones(size, dtype=torch.bool)
        never[[*self.used, self.eos]] = False
        self.tables = logits.masked_fill(never, -torch.inf).log_softmax(-1)
        self.bos = tokenizer.bos

    def start(self) -> Tensor:
        return torch.arange(len(self.tables))

    def step(self, ids: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        return self.tables[state.unsqueeze(1), ids], state

    def select(self, state: Tensor, sentences: Tensor, beams: Tensor) -> Tensor:
        return state[sentences]

    def attention(self, state: Tensor) -> Tensor:
        raise NotImplementedError

    def log_prob(self, ids: Sequence[int], row: int = 0) -> float:
        steps = itertools.pairwise([self.bos, *ids, self.eos])
        return sum(self.tables[row, i, k].item() for i, k in steps)


def search(
    tokenizer: Tokenizer,
    model: Tables,
    options: dict[str, Any],
    beam_size: int | None,
    length: int = LENGTH,
    words: Sequence[Sequence[str]] = (),
) -> list[list[FinishedHypothesis]]:
    """Beam search with these constraints, or greedy search without a beam size."""
    count = len(model.tables)
    constraints = Constraints(**options).of_sources([""] * count, tokenizer)
    limits = torch.full((count,), length)
    first, last, limits = ConstraintRules(tokenizer).rules(
        constraints, limits, words or [()] * count, greedy=beam_size in (None, 1)
    )
    pieces, rules = Pieces(bos=tokenizer.bos, eos=tokenizer.eos), [*first, *last]
    if beam_size is None:
        best = greedy_search(model, model.start(), limits, pieces, PENALTY, rules)
        return [[hypothesis] for hypothesis in best]
    return beam_search(model, model.start(), limits, pieces, beam_size, PENALTY, rules)


def everything(model: Tables, length: int = LENGTH) -> Iterator[tuple[int, ...]]:
    for size in range(length + 1):
        yield from itertools.product(model.used, repeat=size)


@pytest.mark.parametrize("name", CASES)
def test_full_width_beam_is_all_that_is_allowed(tokenizer: Tokenizer, name: str) -> None:
    options, allowed = CASES[name]
    model = Tables(tokenizer, 0)
    expected = {
        ids: model.log_prob(ids) for ids in everything(model) if allowed(tokenizer.decode(ids))
    }
    assert expected
    (found,) = search(tokenizer, model, options, 1200)
    missing = set(expected) - {hypothesis.ids for hypothesis in found}
    # several spaces at the start are not written, so some pieces there make no difference
    kept = {ids for ids in missing if tokenizer.pieces(ids)[0] != SPACE}
    # at the limit, room is kept for a phrase in its usual pieces, though fewer may do
    assert all(len(ids) == LENGTH and "required" in options for ids in kept)
    for hypothesis in found:
        assert math.isclose(hypothesis.log_prob, expected[hypothesis.ids], rel_tol=1e-9)
    best = max(set(expected) - missing, key=lambda ids: expected[ids] / PENALTY(len(ids) + 1))
    assert found[0].ids == best


@pytest.mark.parametrize("beam_size", [None, 1, 2, 5])
@pytest.mark.parametrize("name", CASES)
def test_constraints_hold_in_narrow_beams(
    tokenizer: Tokenizer, name: str, beam_size: int | None
) -> None:
    options, allowed = CASES[name]
    for seed in range(10):
        model = Tables(tokenizer, seed)
        for hypothesis in search(tokenizer, model, options, beam_size, 8)[0]:
            text = tokenizer.decode(hypothesis.ids)
            assert allowed(text), (seed, text)
            assert math.isclose(hypothesis.log_prob, model.log_prob(hypothesis.ids), rel_tol=1e-9)


BANNED = [
    (["ab", "b"], r"\b(ab|b)\b", [20]),
    (["a", "b", "ab", "ba"], r"\b(a|b|ab|ba)\b", [31]),
    (["b.", "a"], r"\bb\.|\ba\b", range(8)),  # nothing that follows makes another word of it
    (["\N{REPLACEMENT CHARACTER}"], "\N{REPLACEMENT CHARACTER}", range(8)),
]


@pytest.mark.parametrize("beam_size", [None, 2])
@pytest.mark.parametrize(("banned", "pattern", "seeds"), BANNED)
def test_bytes_that_are_no_character_hide_no_banned_phrase(
    tokenizer: Tokenizer,
    banned: list[str],
    pattern: str,
    seeds: Sequence[int],
    beam_size: int | None,
) -> None:
    """They may stand at the end, behind a complete word, or begin a character that never comes."""
    for seed in seeds:
        model = Tables(tokenizer, seed)
        for hypothesis in search(tokenizer, model, {"banned": banned}, beam_size, 8)[0]:
            text = tokenizer.decode(hypothesis.ids)
            assert not re.search(pattern, text), (seed, text)


@pytest.mark.slow
@pytest.mark.parametrize("beam_size", [None, 4])
def test_a_thousand_random_cases(tokenizer: Tokenizer, beam_size: int | None) -> None:
    """Each sentence has its own prefix and phrases. Sentences leave the batch at different times."""
    draw, wrong = random.Random(0), 0
    for seed in range(20):
        model = Tables(tokenizer, seed, 25)
        words = ["a", "b", "ab", "ba", "é", "aa", "a b", "ba ab"]
        required = [draw.sample(words, draw.randint(0, 2)) for _ in range(25)]
        prefixes = [draw.choice(["", "", "a", "ba ", "ab.", "é"]) for _ in range(25)]
        options = {"required": required, "prefixes": prefixes, "banned": ["bb", "bab"]}
        found = search(tokenizer, model, options, beam_size, 24)
        for row, hypotheses in enumerate(found):
            for hypothesis in hypotheses:
                text = tokenizer.decode(hypothesis.ids)
                log_prob = model.log_prob(hypothesis.ids, row)
                assert math.isclose(hypothesis.log_prob, log_prob, rel_tol=1e-9)
                assert text.startswith(prefixes[row]), text
                assert not re.search(r"\b(bb|bab)\b", text), text
                patterns = [rf"(?<!\w){re.escape(phrase)}(?!\w)" for phrase in required[row]]
                wrong += not all(re.search(pattern, text) for pattern in patterns)
    assert wrong == 0


@pytest.mark.parametrize("beam_size", [None, 3])
def test_the_batch_changes_nothing(tokenizer: Tokenizer, beam_size: int | None) -> None:
    model = Tables(tokenizer, 3, 6)
    required = [["ab"], [], ["é", "b"], ["b"], ["ba"], []]
    prefixes = ["", "a", "", "b ", "", ""]
    options: dict[str, Any] = {"required": required, "prefixes": prefixes, "banned": ["a"]}
    at_once = search(tokenizer, model, options, beam_size, 7)
    for row in range(6):
        alone = Tables(tokenizer, 3, 6)
        alone.tables = alone.tables[row : row + 1]
        own = {**options, "required": [required[row]], "prefixes": [prefixes[row]]}
        assert search(tokenizer, alone, own, beam_size, 7) == [at_once[row]]


def test_limits_leave_room_for_what_must_be_written(tokenizer: Tokenizer) -> None:
    model = Tables(tokenizer, 1)
    for options in ({"prefix": "abab.abab.é"}, {"outputs": ["ab ab.ab.é"]}):
        for hypothesis in search(tokenizer, model, options, 3, length=2)[0]:
            assert tokenizer.decode(hypothesis.ids).startswith(next(iter(options.values()))[0])


def test_contradictions_give_the_best_that_is_left(tokenizer: Tokenizer) -> None:
    """A required phrase that a rule of the user's makes impossible."""
    model = Tables(tokenizer, 1)

    def no_ab(log_probs: Tensor, history: Tensor, origin: Tensor) -> None:
        log_probs[:, :, 261:] = -torch.inf

    (found,) = search(tokenizer, model, {"required": [["ab"]], "rules": [no_ab]}, 3, length=4)
    assert found and all(math.isfinite(hypothesis.log_prob) for hypothesis in found)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"banned": [""]}, r"banned\[0\]: an empty phrase"),
        ({"banned": "cat"}, "banned: a single string"),
        ({"outputs": ["a", 3]}, r"outputs\[1\]: 3 \(int\)"),
        ({"outputs": ["a"], "prefix": "b"}, "outputs: cannot be combined with prefix"),
        ({"prefix": "a", "prefixes": ["b"]}, "prefix: cannot be combined with prefixes"),
        ({"prefixes": ["a", "b"]}, "prefixes: 2 for 1 sources"),
        ({"required": [["a"], []]}, "required: 2 for 1 sources"),
        ({"required": [["b"]], "banned": ["b"]}, "banned: 'b' stands in 'b'"),
        ({"prefix": "a b.", "banned": ["b"]}, "banned: 'b' stands in 'a b.'"),
        ({"terminology": ["a"]}, "terminology: .*expected a dict"),
        ({"banned_any_case": True}, "banned_any_case: needs banned"),
        ({"rules": [3]}, "rules: 3"),
    ],
)
def test_wrong_constraints(tokenizer: Tokenizer, options: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        Constraints(**options).of_sources(["x"], tokenizer)


def test_texts_that_cannot_be_written() -> None:
    plain = Tokenizer.train(["alma", "körte"], _of_characters())
    with pytest.raises(ConfigError, match="outputs: 'fa': the target's tokenizer cannot write 'f'"):
        Constraints(outputs=["alma", "fa"]).of_sources([""], plain)
    Constraints(banned=["fa"]).of_sources([""], plain)  # never written anyway


def _of_characters() -> TokenizerConfig:
    return TokenizerConfig(model_type="char", vocab_size=40)


class CopyingTables(Tables):
    """Tables whose last columns are words of the source: some only the second sentence has."""

    def step(self, ids: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        log_probs, state = super().step(ids.clamp(max=self.tables.size(1) - 1), state)
        words = log_probs.new_full((*log_probs.shape[:2], 2), -1.0)
        words[(state == 0), :, 1] = -torch.inf
        return torch.cat([log_probs, words], 2).log_softmax(-1), state


@pytest.mark.parametrize("beam_size", [None, 4])
def test_words_that_are_copied_count(tokenizer: Tokenizer, beam_size: int | None) -> None:
    words, copied = [("zoo",), (f"{SPACE}zoo", "a.b")], False
    for seed in range(10):
        model = CopyingTables(tokenizer, seed, 2)
        banned = search(tokenizer, model, {"banned": ["zoo"]}, beam_size, 6, words)
        free = search(tokenizer, model, {}, beam_size, 6, words)
        begun = search(tokenizer, model, {"prefix": "a.b "}, beam_size, 6, words)
        for row, own in enumerate(words):
            texts = [tokenizer.decode(found.ids, own) for found in banned[row]]
            assert not any(re.search(r"\bzoo\b", text) for text in texts)
            texts = [tokenizer.decode(found.ids, own) for found in begun[row]]
            assert all(text.startswith("a.b ") for text in texts)
        copied |= any("zoo" in tokenizer.decode(found.ids, words[1]) for found in free[1])
    assert copied


class LikelyCopies(Tables):
    """Tables whose last two columns are the most probable words."""

    def step(self, ids: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        log_probs, state = super().step(ids.clamp(max=self.tables.size(1) - 1), state)
        words = log_probs.new_full((*log_probs.shape[:2], 2), 3.0)
        return torch.cat([log_probs, words], 2).log_softmax(-1), state


@pytest.mark.parametrize("beam_size", [None, 2, 3])
def test_banned_words_without_a_letter_at_their_end_are_not_copied(
    tokenizer: Tokenizer, beam_size: int | None
) -> None:
    words, banned = [("C++", "C#")], ["C++", "C#"]
    for seed in range(10):
        model = LikelyCopies(tokenizer, seed, 1)
        (found,) = search(tokenizer, model, {"banned": banned}, beam_size, 6, words)
        texts = [tokenizer.decode(hypothesis.ids, words[0]) for hypothesis in found]
        assert texts and not any(stands_in(word, text) for text in texts for word in banned)


@pytest.mark.parametrize("beam_size", [None, 1, 4])
def test_a_required_phrase_begins_with_a_banned_word(
    tokenizer: Tokenizer, beam_size: int | None
) -> None:
    options = {"banned": ["ba"], "required": [["baba"]]}
    for seed in range(10):
        (found,) = search(tokenizer, Tables(tokenizer, seed), options, beam_size, 24)
        text = tokenizer.decode(found[0].ids)
        assert not missing(["baba"], text) and not re.search(r"\bba\b", text)


def test_a_terminology_finds_whole_words_and_the_longest() -> None:
    terms = Terminology(
        {"fire": "Feuer", "fire truck": "Löschzug", "US": "USA", "c++": "C++", "猫": "Katze"}
    )
    assert terms.required("A Fire truck and a fire.") == ("Löschzug", "Feuer")
    assert terms.required("He sees us, not the US") == ("USA",)
    assert terms.required("fireman, firetruck") == ()
    assert terms.required("We use C++ daily") == ("C++",)
    assert terms.required("黒猫だ") == ("Katze",)


@pytest.mark.parametrize("beam_size", [1, 4])
def test_own_rules_know_which_source_they_rule(beam_size: int) -> None:
    """Batches are of like lengths, so that rows of a batch are not rows of the sources."""
    generator, draw = _generator(), random.Random(0)
    sources = ["".join(draw.choices("almkörte", k=draw.randint(1, 12))) for _ in range(30)]
    pieces = [generator.tokenizers.target.encode([letter])[0][-1] for letter in "almk"]

    def only_the_own_letter(log_probs: Tensor, history: Tensor, origin: Tensor) -> None:
        for row, source in enumerate(origin.tolist()):
            others = [piece for place, piece in enumerate(pieces) if place != source % 4]
            log_probs[row, :, others] = -torch.inf

    found = generator.generate(
        sources, rules=[only_the_own_letter], beam_size=beam_size, batch_size=7, max_length=6
    )
    for row, [best] in enumerate(found):
        assert not set(best.ids) & {piece for i, piece in enumerate(pieces) if i != row % 4}
    assert any(set(best.ids) & set(pieces) for [best] in found)


@pytest.mark.parametrize("beam_size", [1, 3])
def test_batches_and_their_order_change_nothing(beam_size: int) -> None:
    """Also, outputs have what was asked for, and their scores are those of the network."""
    generator, draw = _generator(), random.Random(1)
    sources = ["".join(draw.choices("almkörte", k=draw.randint(1, 9))) for _ in range(200)]
    prefixes = [draw.choice(["", "al", "k"]) for _ in sources]
    required = [[draw.choice(["ö", "tra"])] if draw.random() < 0.4 else [] for _ in sources]
    options: dict[str, Any] = {"banned": ["al", "ka"], "beam_size": beam_size, "max_length": 9}
    expected = generator.generate(sources, prefixes=prefixes, required=required, **options)
    order = list(range(len(sources)))
    draw.shuffle(order)
    found = generator.generate(
        [sources[row] for row in order],
        prefixes=[prefixes[row] for row in order],
        required=[required[row] for row in order],
        batch_size=7,
        **options,
    )
    for row, [best] in zip(order, found, strict=True):
        assert best.text == expected[row][0].text
        assert best.log_prob == pytest.approx(expected[row][0].log_prob, abs=1e-9)
        assert best.text.startswith(prefixes[row])
        assert not re.search(r"\b(al|ka)\b", best.text)
        assert not missing(required[row], best.text)
        assert best.log_prob == pytest.approx(
            _rescored(generator, sources[row], best.ids), abs=1e-6
        )
    assert generator.counts.lacking == 0


@pytest.mark.parametrize("beam_size", [3, 8])
@pytest.mark.parametrize("count", [2, 3, 6])
def test_lists_of_a_closed_set_have_all_that_is_asked_for(beam_size: int, count: int) -> None:
    """Other spellings of a text take places of the beam."""
    generator, draw = _generator(), random.Random(0)
    outputs = ["alma", "körte", "al", "ma", "kör", "alma alma"][:count]
    sources = ["", *("".join(draw.choices("almkörte", k=draw.randint(1, 9))) for _ in range(20))]
    shown: dict[int, str] = {}
    options: dict[str, Any] = {"outputs": outputs, "beam_size": beam_size}
    n_best = min(beam_size, 4)
    lists = generator.generate(sources, n_best=n_best, on_piece=shown.__setitem__, **options)
    assert len(lists[0]) == 1
    for place, own in enumerate(lists[1:], 1):
        scores = [each.score for each in own]
        assert len({each.text for each in own} & set(outputs)) == len(own) == min(n_best, count)
        assert scores == sorted(scores, reverse=True)
        assert shown[place] == own[0].text


class _EndsAtTwo:
    def __call__(self, log_probs: Tensor, history: Tensor, origin: Tensor) -> None:
        pass

    def may_end(self, history: Tensor, origin: Tensor) -> Any:
        return history.size(2) == 2


def _writes_nan(log_probs: Tensor, history: Tensor, origin: Tensor) -> None:
    log_probs[0, 0, 5] = math.nan


def _adds(log_probs: Tensor, history: Tensor, origin: Tensor) -> Any:
    return log_probs.masked_fill(log_probs < -5, -torch.inf)


@pytest.mark.parametrize(
    ("rule", "beam_sizes", "told"),
    [
        (_writes_nan, (1, 3), "rules: _writes_nan writes NaN"),
        (_adds, (1, 3), "rules: _adds returns a value of type Tensor"),
        # greedy search does not ask
        (_EndsAtTwo(), (3,), "rules: _EndsAtTwo: may_end returns False, expected a tensor of bool"),
    ],
)
def test_own_rules_that_do_something_else(
    rule: Any, beam_sizes: tuple[int, ...], told: str
) -> None:
    for beam_size in beam_sizes:
        with pytest.raises(ConfigError, match=told):
            _generator().generate(["alma"], rules=[rule], beam_size=beam_size, max_length=6)


def test_outputs_without_a_required_phrase_are_counted() -> None:
    generator = _generator()

    def never(log_probs: Tensor, history: Tensor, origin: Tensor) -> None:
        log_probs[:, :, generator.tokenizers.target.encode(["k"])[0][-1]] = -torch.inf

    generator.generate(["alma", "körte"], required=[["k"], []], rules=[never], max_length=5)
    assert generator.counts.lacking == 1
    assert any("lack a required phrase" in line for line in generator.messages())


def _generator() -> Generator:
    """A network that has learned nothing, whose outputs depend on its sources all the same."""
    torch.manual_seed(0)
    tokenizer = Tokenizer.train(["alma", "körte"], _of_characters())
    config = NetworkConfig(embedding_size=8, hidden_size=12, init_scale=4.0)
    network = EncoderDecoder(config, tokenizer.vocab_size, tokenizer.vocab_size).double()
    return Generator([network], Tokenizers(tokenizer, tokenizer))


def _rescored(generator: Generator, source: str, ids: Sequence[int]) -> float:
    """The log-probability of an output, read as in training."""
    own = generator.tokenizers.target
    batch = collate(
        generator.tokenizers.source.encode([source]), [list(ids)],
        source_eos=own.eos, target_bos=own.bos, target_eos=own.eos,
    )  # fmt: skip
    with generator.evaluating():
        loss = generator.networks[0].loss(*batch)
    return -float(loss)
