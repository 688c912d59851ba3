"""From any texts to hypotheses: each source its own output, and what a user is told of it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from seqtext.data.texts import TextCounts
from seqtext.data.tokenizer import Tokenizer, TokenizerConfig, Tokenizers
from seqtext.errors import ConfigError
from seqtext.inference.explain import explain
from seqtext.inference.generator import Generator
from seqtext.inference.hypothesis import Hypothesis, texts
from seqtext.inference.source_batch import SourceBatch
from seqtext.nn.config import NetworkConfig
from seqtext.nn.encoder_decoder import EncoderDecoder
from seqtext.search.config import SearchConfig

WORDS = ["alma", "körte", "fa-9", "Éva"]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    """One that knows the letters of two words and no others."""
    return Tokenizer.train(WORDS[:2], TokenizerConfig(model_type="char", vocab_size=40))


def build(tokenizer: Tokenizer, **options: Any) -> Generator:
    """A network that has learned nothing, whose outputs depend on its sources all the same."""
    torch.manual_seed(0)
    config = NetworkConfig(embedding_size=8, hidden_size=12, init_scale=4.0, **options)
    network = EncoderDecoder(config, tokenizer.vocab_size, tokenizer.vocab_size).double()
    return Generator([network], Tokenizers(tokenizer, tokenizer))


@pytest.fixture
def generator(tokenizer: Tokenizer) -> Generator:
    return build(tokenizer, copying=True)  # outputs name the unknown characters of their source


def test_a_series_is_read_in_its_own_order(generator: Generator) -> None:
    shuffled = pd.Series(WORDS).sort_values(ascending=False)
    assert generator.generate(shuffled) == generator.generate(list(shuffled))
    one_row = shuffled[shuffled == "Éva"]  # its index is 3
    assert generator.generate(one_row) == generator.generate(["Éva"])
    explained = explain(generator, shuffled, SearchConfig(beam_size=2))
    assert explained[0].source == ["Év", "a"]  # unknown characters side by side are one piece


def test_a_generator_may_have_unknown_characters(generator: Generator) -> None:
    expected = generator.generate(WORDS)
    assert generator.generate(word for word in WORDS) == expected
    assert generator.generate(np.array(WORDS)) == expected
    explained = explain(generator, iter(WORDS), SearchConfig(beam_size=5))
    assert len(explained) == len(WORDS)
    with pytest.raises(ConfigError, match=r"sources\[2\]: None \(NoneType\)"):
        generator.generate([*WORDS[:2], None])  # type: ignore[list-item]
    with pytest.raises(ConfigError, match=r"sources\[1\]: 3 \(int\)"):
        explain(generator, ["alma", 3], SearchConfig())  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("beam_size", "5", "a whole number"),
        ("beam_size", 2.5, "a whole number"),
        ("beam_size", True, "a whole number"),
        ("batch_size", None, "a whole number"),
        ("max_length", "9", "a whole number or nothing"),
        ("max_length_ratio", "x", "a number or nothing"),
        ("length_formula", 1, "one of power, wu"),
        ("length_penalty", float("nan"), "at least -10 and at most 10"),
        ("coverage_penalty", float("nan"), "at least 0 and at most 100"),
        ("min_length_ratio", float("nan"), "at least 0"),
        ("min_length_ratio", 1e300, "at most 100"),
        ("beam_size", 10**9, "at most 1,000"),
        ("min_length", 10**9, "at most 10,000"),
        ("max_length_ratio", float("inf"), "more than 0"),
    ],
)
def test_options_have_their_types(name: str, value: Any, told: str) -> None:
    with pytest.raises(ConfigError) as refused:
        SearchConfig(**{name: value})
    assert str(refused.value).startswith(f"{name}: {value!r}") and told in str(refused.value)


def test_numbers_of_numpy_and_huge_limits_are_limits(generator: Generator) -> None:
    options: dict[str, Any] = {"beam_size": np.int8(2), "length_penalty": np.float32(1)}
    expected = generator.generate(WORDS, beam_size=2, max_length=9)
    assert generator.generate(WORDS, **options, max_length=np.int64(9)) == expected
    lengths = torch.tensor([3, 40_000_000])
    for huge in ({"max_length_ratio": 1e300}, {"max_length": 1 << 70}):
        fewest, most = SearchConfig(**huge).limits(lengths)
        assert (most > 1000 * lengths[:1]).all() and (fewest <= most).all() and (fewest >= 0).all()


def test_unknown_characters_are_counted(tokenizer: Tokenizer) -> None:
    reads = build(tokenizer)
    reads.generate(WORDS, beam_size=1)
    reads.generate(WORDS[3:], beam_size=1)
    assert reads.counts.texts == 5 and reads.counts.unknown == 3
    assert reads.counts.unknown_parts == ["f", "-9", "Év"]
    copies = build(tokenizer, copying=True)  # what it copies is not lost
    copies.generate(WORDS)
    assert copies.counts.unknown == 0
    with_bytes = Tokenizer.train(WORDS * 9, TokenizerConfig(model_type="bpe", vocab_size=300))
    spells = build(with_bytes)
    spells.generate(["ѣ"], beam_size=1, max_length=2)
    assert spells.counts.unknown == 0


def test_outputs_at_their_limit_are_told(generator: Generator) -> None:
    free = [best for [best] in generator.generate(WORDS, max_length=40)]
    shortest = min(free, key=lambda best: len(best.pieces))
    assert [best.at_limit for best in free] == [len(best.pieces) == 40 for best in free]
    generator.counts = TextCounts()
    limit = len(shortest.pieces) + 1
    found = [best for [best] in generator.generate(WORDS, max_length=limit)]
    assert [best.at_limit for best in found] == [len(best.pieces) == limit for best in found]
    assert generator.counts.at_limit == sum(best.at_limit for best in found) > 0
    assert any(
        "reached their length limit" in line for line in generator.counts.messages(None, None)
    )


def test_long_sources_make_small_batches_and_the_same_outputs(
    generator: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = random.Random(0)
    sources = ["".join(draw.choices("almkörte", k=draw.randint(1, 60))) for _ in range(40)]
    sources[7] = ""
    options: dict[str, Any] = {"beam_size": 2, "n_best": 2, "max_length": 12}
    expected = generator.generate(sources, **options)
    sizes: list[int] = []

    def noting(predict: Any, batches: Sequence[SourceBatch]) -> Any:
        sizes.extend(len(batch.ids) * (max(map(len, batch.ids)) + 1) * 3 for batch in batches)
        return predict(batches)

    monkeypatch.setattr(generator, "deal", noting)
    monkeypatch.setattr("seqtext.data.batch._MOST_POSITIONS", 600)
    found = generator.generate(sources, **options)
    assert texts(found) == texts(expected) and len(sizes) > 5 and max(sizes) <= 600
    for one, other in zip(found, expected, strict=True):
        assert [h.score for h in one] == pytest.approx([h.score for h in other], abs=1e-12)


def test_a_misspelt_option_of_generate(generator: Generator) -> None:
    with pytest.raises(ConfigError, match=r"no option 'beam'; .*\(did you mean beam_size\?\)"):
        generator.generate(["a"], beam=2)


def test_no_two_hypotheses_have_the_same_text(
    generator: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = generator.generate(WORDS, beam_size=6, n_best=6)
    decode = Tokenizer.decode
    # as if pieces of several segmentations had the same text
    monkeypatch.setattr(Tokenizer, "decode", lambda self, *given: decode(self, *given)[:4])
    found = generator.generate(WORDS, beam_size=6, n_best=6)
    for distinct, all_of_them in zip(found, every, strict=True):
        first = {hypothesis.text[:4]: hypothesis.ids for hypothesis in reversed(all_of_them)}
        assert {one.text: one.ids for one in distinct} == first  # the better one stays
        assert [one.score for one in distinct] == sorted(
            (one.score for one in distinct), reverse=True
        )
    assert min(map(len, found)) < 6
    for n_best in (1, 2):  # places of left out ones are filled
        some = generator.generate(WORDS, beam_size=6, n_best=n_best)
        assert some == [distinct[:n_best] for distinct in found]
    samples = generator.generate(WORDS, samples=8, temperature=0.3)
    assert all(len(each) == 8 for each in samples)  # repeated ones stay
    assert any(len({one.text for one in each}) < 8 for each in samples)


def test_samples_are_of_source_seed_and_number_alone(tokenizer: Tokenizer) -> None:
    reads = build(tokenizer)
    draw = random.Random(0)
    sources = ["".join(draw.choices("almkörte", k=draw.randint(1, 9))) for _ in range(50)]
    options: dict[str, Any] = {"samples": 3, "top_p": 0.95}
    expected = dict(zip(sources, texts_of_all(reads.generate(sources, **options)), strict=True))
    found = texts_of_all(reads.generate(sources[::-1], batch_size=3, **options))
    assert found == [expected[source] for source in sources[::-1]]
    for source in sources[:5]:
        assert texts_of_all(reads.generate([source], **options)) == [expected[source]]
        assert texts_of_all(reads.generate([source], samples=1, top_p=0.95)) == [
            expected[source][:1]
        ]
    other = texts_of_all(reads.generate(sources, seed=2, **options))
    assert sum(one == expected[source] for one, source in zip(other, sources, strict=True)) < 5


def test_a_source_of_unknown_words_has_samples_of_its_own(generator: Generator) -> None:
    one, other = texts_of_all(generator.generate(["fa", "fá"], samples=20))
    assert one != [text.replace("á", "a") for text in other]


def texts_of_all(found: list[list[Hypothesis]]) -> list[list[str]]:
    return [[hypothesis.text for hypothesis in each] for each in found]
