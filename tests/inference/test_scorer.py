"""Scores of given targets, equal to those of the search, and what is behind outputs."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest
import torch

from seqtext.cli.hypotheses import record_of
from seqtext.data.tokenizer import Tokenizer, TokenizerConfig, Tokenizers
from seqtext.errors import ConfigError
from seqtext.inference.generator import Generator
from seqtext.inference.hypothesis import Hypothesis
from seqtext.nn.config import NetworkConfig
from seqtext.nn.encoder_decoder import EncoderDecoder
from seqtext.search.config import SearchConfig
from seqtext.search.length_penalty import LengthPenalty

TEXTS = ["alma a fa alatt", "két körte", "a körte fa", "alma, alma"]
NETWORKS: dict[str, dict[str, Any]] = {
    "lstm": {},
    "fed": {"cell": "gru", "input_feeding": True, "decoder_layers": 1},
    "coverage": {"coverage": True, "attention": "additive"},
    "copying": {"copying": True},
    "transformer": {"cell": "transformer", "heads": 2, "embedding_size": 12},
}
every_network = pytest.mark.parametrize("options", NETWORKS.values(), ids=NETWORKS.keys())


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.train(TEXTS, TokenizerConfig(model_type="char", vocab_size=60))


def network(tokenizer: Tokenizer, seed: int = 0, **options: Any) -> EncoderDecoder:
    """One that has learned nothing, whose outputs depend on its sources all the same."""
    torch.manual_seed(seed)
    options = {"embedding_size": 8, "hidden_size": 12, **options}
    if options.get("cell") != "transformer":
        options["init_scale"] = 4.0
    size, unk = tokenizer.vocab_size, tokenizer.unk
    return EncoderDecoder(NetworkConfig(**options), size, size, (unk, unk))


def build(tokenizer: Tokenizer, dtype: torch.dtype = torch.double, **options: Any) -> Generator:
    return Generator([network(tokenizer, **options).to(dtype)], Tokenizers(tokenizer, tokenizer))


def sources(count: int) -> list[str]:
    """Texts of some words, with letters that the tokenizer lacks."""
    draw = random.Random(0)
    words = [*["alma", "körte", "fa", "két", "éva", "xylo"], "a", "alatt,"]
    return [" ".join(draw.choices(words, k=draw.randint(1, 6))) for _ in range(count)]


@every_network
@pytest.mark.parametrize("beam_size", [1, 4])
def test_the_score_of_every_output_is_that_of_its_pieces(
    tokenizer: Tokenizer, options: dict[str, Any], beam_size: int
) -> None:
    config = SearchConfig(
        beam_size=beam_size, n_best=beam_size, max_length=12, length_penalty=0.7, details=True
    )
    penalty = LengthPenalty(0.7)
    for dtype, tolerance in ((torch.double, 1e-10), (torch.float32, 2e-4)):
        generator = build(tokenizer, dtype, **options)
        for found in generator.search(sources(20), config):
            for output in found:
                assert output.details is not None
                assert output.details.pieces == output.pieces
                assert len(output.details.log_probs) == len(output.pieces) + 1
                log_prob = output.details.log_prob
                assert log_prob == pytest.approx(output.log_prob, rel=tolerance, abs=tolerance)
                score = log_prob / penalty(len(output.pieces) + 1)
                assert score == pytest.approx(output.score, rel=tolerance, abs=tolerance)


def test_an_ensemble_scores_by_the_mean_of_probabilities(tokenizer: Tokenizer) -> None:
    networks = [
        network(tokenizer, 1, copying=True).double(),
        network(tokenizer, 2, cell="gru").double(),
    ]
    generator = Generator(networks, Tokenizers(tokenizer, tokenizer))
    for found in generator.generate(sources(20), n_best=3, max_length=9, details=True):
        for output in found:
            assert output.details is not None
            assert output.details.log_prob == pytest.approx(output.log_prob, rel=1e-10)


@every_network
def test_texts_are_scored_as_the_network_is_trained(
    tokenizer: Tokenizer, options: dict[str, Any]
) -> None:
    generator, tokenizers = build(tokenizer, **options), Tokenizers(tokenizer, tokenizer)
    rows, targets = sources(30), sources(31)[1:]
    ids = tokenizers.encode_pairs(rows, targets)
    generator.networks[0].eval()
    with torch.no_grad():
        loss = generator.networks[0].loss(*tokenizers.collate(*ids, None))
    scores = generator.score(rows, targets)
    assert -sum(score.log_prob for score in scores) == pytest.approx(loss.item(), rel=1e-10)
    # words and eos are all of it
    for score, target in zip(scores, targets, strict=True):
        inside = math.fsum(word.log_prob for word in score.words) + score.log_probs[-1]
        assert inside == pytest.approx(score.log_prob, rel=1e-10)
        if len(words := target.split()) > 1:
            assert len(score.words) == len(words)
            for scored, word in zip(score.words, words, strict=True):
                assert scored.text == word or not set(word) <= set("".join(TEXTS))


def test_batch_size_order_and_length_change_no_score(tokenizer: Tokenizer) -> None:
    generator = build(tokenizer, copying=True)
    rows, targets = sources(1000), sources(1001)[1:]
    expected = generator.score(rows, targets, attention=True)
    order = random.Random(1).sample(range(1000), 1000)
    shuffled = generator.score(
        [rows[i] for i in order], [targets[i] for i in order], attention=True, batch_size=7
    )
    for place, score in zip(order, shuffled, strict=True):
        assert score.log_probs == pytest.approx(expected[place].log_probs, rel=1e-10)
        assert score.alignment == expected[place].alignment
        assert score.pieces == expected[place].pieces


def test_memory_is_bounded_and_nothing_changes(
    tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = build(tokenizer)
    rows, targets = sources(40), sources(41)[1:]
    expected = [score.log_prob for score in generator.score(rows, targets)]
    monkeypatch.setattr("seqtext.inference.reading._MOST_POSITIONS", 900)
    monkeypatch.setattr("seqtext.nn.encoder_decoder._MOST_LOGITS", 200)
    found = [score.log_prob for score in generator.score(rows, targets)]
    assert found == pytest.approx(expected, rel=1e-12)


def test_alignment_and_attention(tokenizer: Tokenizer) -> None:
    generator = build(tokenizer)
    [[plain]] = generator.generate(["alma a fa"], max_length=20)
    assert plain.details is None
    [[best]] = generator.generate(["alma a fa"], max_length=20, attention=True)
    details = best.details
    assert details is not None and details.attention is not None and details.alignment is not None
    assert details.source_words == ("alma", "a", "fa")
    rows, columns = len(best.pieces), len(details.source_pieces)
    assert len(details.attention) == rows and {len(row) for row in details.attention} == {columns}
    assert all(0 < sum(row) <= 1 + 1e-9 for row in details.attention)
    assert [target for _, target in details.alignment] == list(range(len(details.words)))
    assert details.pharaoh == " ".join(f"{s}-{t}" for s, t in details.alignment)
    [[again]] = generator.generate(["alma a fa"], max_length=20, details=True)
    assert again.details is not None and again.details.attention is None
    assert again.details.alignment == details.alignment
    for attention in (False, True):  # a source without text has the fields of others
        options: dict[str, Any] = {"max_length": 20, "details": True, "attention": attention}
        records = [
            record_of(0, "", own) for own in generator.generate(["", "alma a fa"], **options)
        ]
        empty, full = (record.keys() | record["hypotheses"][0].keys() for record in records)
        assert empty == full and ("attention" in full) == attention
    [[nothing]] = generator.generate([""], details=True)
    assert nothing.details is not None and nothing.details.log_probs == ()
    assert nothing.details.perplexity == 1


def test_a_transformer_has_scores_and_no_alignment(tokenizer: Tokenizer) -> None:
    generator = build(tokenizer, **NETWORKS["transformer"])
    [[best]] = generator.generate(["alma"], max_length=5, details=True)
    assert best.details is not None and best.details.alignment is None
    asked: list[dict[str, Any]] = [{"attention": True}, {"replace_unknown": True}]
    for options in asked:
        with pytest.raises(ConfigError, match="a transformer attends in every layer"):
            generator.generate(["alma"], **options)


@pytest.mark.parametrize("kind", ["char", "unigram", "word"])
def test_unknown_words_become_source_words(kind: Any) -> None:
    texts = [f"{a}{b} {b}{a}." for a in ("alma", "fa", "két") for b in ("körte", "ala", "te")]
    size = {"char": 30, "unigram": 40, "word": 60}[kind]
    config = TokenizerConfig(model_type=kind, vocab_size=size, byte_fallback=False)
    tokenizer = Tokenizer.train(texts * 3, config)
    generator = build(tokenizer)
    with torch.no_grad():
        generator.networks[0].decoder.output.bias[tokenizer.unk] += 6
    rows = ["Xáxo, almafa. Zzz", "Qű kétte, kétte."]
    plain = generator.generate(rows, beam_size=2, max_length=6)
    assert all("⁇" in best.text for [best] in plain)
    replaced = generator.generate(rows, beam_size=2, max_length=6, replace_unknown=True)
    generator.dictionary = {"Xáxo": "Eins", "almafa": "Zwei", "Zzz": "Drei"}
    translated = generator.generate(rows[:1], beam_size=2, max_length=6, replace_unknown=True)
    for [before], [after], row in zip(plain, replaced, rows, strict=True):
        assert after.ids == before.ids and after.score == before.score
        assert "⁇" not in after.text
        assert any(word.strip(",.") in after.text for word in row.split())
    words = set(generator.dictionary)
    assert not any(
        word in translated[0][0].text for word in words & set(replaced[0][0].text.split())
    )
    assert any(word in translated[0][0].text for word in generator.dictionary.values())


def test_a_network_that_copies_has_no_unknown_words(tokenizer: Tokenizer) -> None:
    with pytest.raises(ConfigError, match="replace_unknown: the model copies"):
        build(tokenizer, copying=True).generate(["alma"], replace_unknown=True)


def test_targets_are_texts_one_for_each_source(tokenizer: Tokenizer) -> None:
    generator = build(tokenizer)
    with pytest.raises(ConfigError, match="targets: 1 texts for 2 sources"):
        generator.score(["alma", "fa"], ["alma"])
    with pytest.raises(ConfigError, match=r"targets\[1\]: None"):
        generator.score(["alma", "fa"], ["alma", None])  # type: ignore[list-item]


def test_what_was_not_asked_for_is_not_there(tokenizer: Tokenizer) -> None:
    [[best]] = build(tokenizer).generate(["alma"], max_length=5)
    assert isinstance(best, Hypothesis) and best.details is None
