"""Options of different kinds together: samples, constraints, streams, minimum Bayes risk, own rules."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from seqtext.data.texts import TextCounts
from seqtext.data.tokenizer import Tokenizer, TokenizerConfig, Tokenizers
from seqtext.errors import ConfigError
from seqtext.inference.generator import Generator
from seqtext.nn.config import NetworkConfig
from seqtext.nn.encoder_decoder import EncoderDecoder

WORDS = ["alma", "körte", "", "rőt", "lakat", "alma", "tarka", "marok"]
KINDS: list[dict[str, Any]] = [
    {"beam_size": 1},
    {"beam_size": 4},
    {"beam_size": 4, "beam_groups": 2, "n_best": 3},
    {"samples": 3, "top_p": 0.9},
    {"samples": 4, "mbr": "chrf", "n_best": 2},
    {"beam_size": 4, "mbr": "bleu", "no_repeat_ngram_size": 2},
]


@pytest.fixture(scope="module")
def generator() -> Generator:
    texts = ["alma körte lakat", "tarka marok rőt"]
    tokenizer = Tokenizer.train(texts, TokenizerConfig(model_type="char", vocab_size=40))
    torch.manual_seed(0)
    config = NetworkConfig(embedding_size=8, hidden_size=12, init_scale=4.0, copying=True)
    network = EncoderDecoder(config, tokenizer.vocab_size, tokenizer.vocab_size).double()
    return Generator([network], Tokenizers(tokenizer, tokenizer))


def answers(generator: Generator, sources: list[str], **options: Any) -> list[list[str]]:
    return [[each.text for each in row] for row in generator.generate(sources, **options)]


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize(
    "constraints",
    [{"prefix": "ta"}, {"banned": ["a", "al", "k"]}, {"outputs": ["alma", "rőt"]}],
    ids=str,
)
def test_constraints_hold_in_every_search_and_batch(
    generator: Generator, kind: dict[str, Any], constraints: dict[str, Any]
) -> None:
    outputs = answers(generator, WORDS, **kind, **constraints)
    for source, texts in zip(WORDS, outputs, strict=True):
        for text in texts if source else []:
            if "prefix" in constraints:
                assert text.startswith("ta")
            elif "banned" in constraints:
                assert not set(text.split()) & {"a", "al", "k"}
            else:
                assert text in ("alma", "rőt")
    backwards = answers(generator, WORDS[::-1], **kind, **constraints, batch_size=3)
    assert backwards[::-1] == outputs
    streamed = generator.stream(WORDS, buffer_size=3, **kind, **constraints)
    assert [[each.text for each in row] for row in streamed] == outputs


@pytest.mark.parametrize("kind", [KINDS[0], KINDS[1], KINDS[3]], ids=str)
def test_required_phrases_stand_in_searched_and_sampled_outputs(
    generator: Generator, kind: dict[str, Any]
) -> None:
    required = [["tarka"] if word else [] for word in WORDS]
    for word, texts in zip(
        WORDS, answers(generator, WORDS, required=required, **kind), strict=True
    ):
        for text in texts:
            assert not word or "tarka" in text.split()


def test_groups_of_a_beam_have_no_room_for_required_phrases(generator: Generator) -> None:
    with pytest.raises(ConfigError, match="beam_groups: required phrases"):
        generator.generate(["alma"], required=[["rőt"]], beam_size=4, beam_groups=2)


@pytest.mark.parametrize("option", [{"prefixes": ["a"]}, {"required": [["a"]]}], ids=str)
def test_streams_and_documents_refuse_what_is_of_each_source(
    generator: Generator, option: dict[str, Any]
) -> None:
    with pytest.raises(ConfigError, match=f"{next(iter(option))}: is of each source"):
        generator.stream(["alma"], **option)
    pytest.importorskip("sentencex")
    with pytest.raises(ConfigError, match=f"{next(iter(option))}: is of each source"):
        generator.generate_documents(["alma"], "en", **option)


def test_own_rules_of_a_stream_count_all_its_sources(generator: Generator) -> None:
    seen = set[int]()

    def rule(log_probs: Tensor, history: Tensor, origin: Tensor) -> None:
        seen.update(origin.tolist())

    list(generator.stream(WORDS, buffer_size=3, rules=[rule]))
    assert seen == {i for i, word in enumerate(WORDS) if word}


def test_samples_are_chosen_by_their_mean_likeness(generator: Generator) -> None:
    drawn = answers(generator, ["körte"], samples=20)[0]
    chosen = generator.generate(["körte"], samples=20, mbr="chrf", n_best=3)[0]
    assert len({each.text for each in chosen}) == len(chosen)
    assert all(each.text in drawn for each in chosen)
    scores = [each.score for each in chosen]
    assert scores == sorted(scores, reverse=True)
    with pytest.raises(ConfigError, match="n_best: 21, expected at most samples, which is 20"):
        generator.generate(["körte"], samples=20, mbr="chrf", n_best=21)
    with pytest.raises(ConfigError, match="mbr: chooses among several"):
        generator.generate(["körte"], samples=1, mbr="chrf")
    with pytest.raises(ConfigError, match="on_piece"):
        generator.generate(["körte"], mbr="chrf", on_piece=print)


def test_details_of_a_sample_are_its_rescoring(generator: Generator) -> None:
    [[sample, _]] = generator.generate(["lakat"], samples=2, temperature=2.0, details=True)
    assert sample.details is not None
    assert sum(sample.details.log_probs) == pytest.approx(sample.log_prob, abs=1e-9)


def test_documents_keep_banned_words_out(generator: Generator) -> None:
    pytest.importorskip("sentencex")
    [document] = generator.generate_documents(["alma lakat. tarka."], "en", banned=["a", "l", "k"])
    assert not set(document.text.split()) & {"a", "l", "k"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_words": 1, "outputs": ["alma"]}, "max_words: 1, cannot be combined with outputs"),
        ({"max_words": 1, "prefix": "alma rőt"}, "max_words: 1, .* a prefix of 2 words"),
        ({"samples": 2, "beam_groups": 2}, "beam_groups: 2, has no use with samples"),
        ({"rules": 3}, "rules: 3, expected a list"),
        ({"prefixes": ["Ω"]}, "prefixes: 'Ω'"),
        ({"required": [["a"]], "terminology": {"alma": "Ω"}}, "terminology: 'Ω'"),
    ],
    ids=str,
)
def test_contradictions_are_refused(
    generator: Generator, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        generator.generate(["alma"], **options)


def test_outputs_that_are_whole_are_not_counted_as_cut_off(generator: Generator) -> None:
    generator.counts = TextCounts()
    generator.generate(["alma", ""], outputs=["alma"], max_length=1)
    generator.generate(["rőt", ""], required=[["a"], ["k"]], beam_size=4)
    assert (generator.counts.at_limit, generator.counts.lacking) == (0, 0)


def test_streams_are_reranked_and_expected_scores_are_not(generator: Generator) -> None:
    lists = generator.generate(WORDS[:2], beam_size=4, n_best=3)
    streamed = generator.stream(WORDS[:2], beam_size=4, n_best=3)
    assert generator.rerank(WORDS[:2], streamed) == generator.rerank(WORDS[:2], lists)
    with pytest.raises(ConfigError, match="2 lists for 1 sources"):
        generator.rerank(["alma"], lists)
    risky = generator.generate(["körte"], beam_size=4, n_best=3, mbr="chrf")
    with pytest.raises(ConfigError, match="without mbr"):
        generator.rerank(["körte"], risky)
