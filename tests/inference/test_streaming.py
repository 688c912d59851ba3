"""Outputs one by one: for sources without an end, and while they grow."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from seqtext.data.tokenizer import Tokenizer, TokenizerConfig, Tokenizers
from seqtext.errors import ConfigError
from seqtext.inference.generator import Generator
from seqtext.nn.config import NetworkConfig
from seqtext.nn.encoder_decoder import EncoderDecoder

WORDS = ["alma", "körte", "", "rőt", "lakat", "alma"]
SEARCHES: list[dict[str, Any]] = [
    {"beam_size": 1},
    {"beam_size": 3},
    {"beam_size": 4, "beam_groups": 2, "n_best": 3},
    {"samples": 2},
]


@pytest.fixture(scope="module")
def generator() -> Generator:
    tokenizer = Tokenizer.train(
        ["alma körte lakat"], TokenizerConfig(model_type="char", vocab_size=40)
    )
    torch.manual_seed(0)
    config = NetworkConfig(embedding_size=8, hidden_size=12, init_scale=4.0, copying=True)
    network = EncoderDecoder(config, tokenizer.vocab_size, tokenizer.vocab_size).double()
    return Generator([network], Tokenizers(tokenizer, tokenizer))


class Endless:
    """The words again and again. It counts how many were read."""

    def __init__(self) -> None:
        self.read = 0

    def __iter__(self) -> Iterator[str]:
        for word in itertools.cycle(WORDS):
            self.read += 1
            yield word


@pytest.mark.parametrize("options", SEARCHES, ids=str)
@pytest.mark.parametrize("buffer_size", [1, 4, 50])
def test_a_stream_holds_few_sources(
    generator: Generator, options: dict[str, Any], buffer_size: int
) -> None:
    expected = generator.generate(WORDS, **options)
    endless = Endless()
    stream = generator.stream(endless, buffer_size=buffer_size, **options)
    assert endless.read == 0
    for number, found in enumerate(itertools.islice(stream, 20)):
        assert [one.text for one in found] == [one.text for one in expected[number % len(WORDS)]]
        assert endless.read <= number + buffer_size
    assert next(generator.stream([]), None) is None


def test_a_stream_tells_mistakes(generator: Generator) -> None:
    with pytest.raises(ConfigError, match="no option 'beam'"):
        generator.stream(WORDS, beam=2)
    with pytest.raises(ConfigError, match="sources: a single string"):
        generator.stream("alma")
    with pytest.raises(ConfigError, match="buffer_size: 0, expected at least 1"):
        generator.stream(WORDS, buffer_size=0)
    stream = generator.stream([*WORDS, None], buffer_size=4)  # type: ignore[list-item]
    assert len(list(itertools.islice(stream, 4))) == 4
    with pytest.raises(ConfigError, match=r"sources\[6\]: None"):
        next(stream)


@pytest.mark.parametrize("options", SEARCHES, ids=str)
def test_outputs_are_shown_while_they_grow(generator: Generator, options: dict[str, Any]) -> None:
    expected = generator.generate(WORDS, **options)
    shown: dict[int, list[str]] = {}
    found = generator.generate(
        WORDS, on_piece=lambda i, text: shown.setdefault(i, []).append(text), **options
    )
    assert found == expected
    assert sorted(shown) == [0, 1, 3, 4, 5]  # the third is empty
    for number, texts in shown.items():
        assert texts[-1] == expected[number][0].text
        assert all(one != other for one, other in itertools.pairwise(texts))
        assert len(texts[0]) <= 1  # a piece is a character
        if options.get("beam_size") == 1 or "samples" in options:
            assert all(text.startswith(before) for before, text in itertools.pairwise(texts))
    assert max(map(len, shown.values())) > 5


def test_numbers_of_a_stream_go_on(generator: Generator) -> None:
    shown: dict[int, str] = {}
    stream = generator.stream(
        WORDS * 3, buffer_size=4, beam_size=2, on_piece=lambda i, text: shown.update({i: text})
    )
    found = [best.text for [best] in stream]
    assert shown == {i: text for i, text in enumerate(found) if WORDS[i % len(WORDS)]}


def test_an_error_of_the_caller_is_raised(generator: Generator) -> None:
    def stop(number: int, text: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generator.generate(WORDS, on_piece=stop)


@pytest.mark.parametrize("on_piece", ["print", 3, [print]])
def test_what_is_no_function_is_refused(generator: Generator, on_piece: Any) -> None:
    with pytest.raises(ConfigError, match=r"on_piece: .*expected a function"):
        generator.generate(WORDS, on_piece=on_piece)
    with pytest.raises(ConfigError, match=r"on_piece: .*expected a function"):
        next(generator.stream(WORDS, on_piece=on_piece))
