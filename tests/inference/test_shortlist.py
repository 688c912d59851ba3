"""Shortlists: which pieces they have, and what decoding with them gives."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from seqtext import internals
from seqtext.data.tokenizer import Tokenizer, TokenizerConfig, Tokenizers
from seqtext.errors import ConfigError, DataError
from seqtext.inference.generator import Generator
from seqtext.inference.hypothesis import Hypothesis
from seqtext.inference.shortlist import FILE, Shortlist, make_shortlist, read_shortlist
from seqtext.nn.config import NetworkConfig
from seqtext.nn.encoder_decoder import EncoderDecoder

TEXTS = [("alma körte", "tarka lakat"), ("rőt alma", "marok tarka"), ("körte", "lakat")] * 3
WORDS = ["alma", "körte rőt", "", "lakat?", "alma alma alma", "körte tarka", "marok", "rőt"]


def without_nine(log_probs: torch.Tensor, history: torch.Tensor, origin: torch.Tensor) -> None:
    """A rule of a user: the piece 9 never comes, and no piece comes twice in a row."""
    log_probs[:, :, 9] = -torch.inf
    if history.size(2):
        log_probs.scatter_(2, history[:, :, -1:], -torch.inf)


SEARCHES: list[dict[str, Any]] = [
    {"beam_size": 1},
    {"beam_size": 4, "n_best": 3},
    {"beam_size": 4, "beam_groups": 2},
    {"beam_size": 3, "coverage_penalty": 0.3},
    {"beam_size": 3, "min_length": 4, "max_length": 6, "no_repeat_ngram_size": 2},
    {"beam_size": 3, "max_words": 2},
    {"samples": 3},
    {"samples": 2, "top_p": 0.8, "temperature": 0.7},
    {"beam_size": 3, "banned": ["a", "t"]},
    {"beam_size": 3, "rules": [without_nine]},
    {"beam_size": 4, "mbr": "chrf"},
]  # fmt: skip
every_search = pytest.mark.parametrize("search", SEARCHES, ids=lambda options: ", ".join(options))


def build(tokenizers: Tokenizers, seed: int = 0, **options: Any) -> EncoderDecoder:
    torch.manual_seed(seed)
    config = NetworkConfig(embedding_size=8, hidden_size=12, **{"init_scale": 4.0, **options})
    return EncoderDecoder(config, *tokenizers.sizes, tokenizers.unknown).eval()


@pytest.fixture(scope="module")
def tokenizers() -> Tokenizers:
    config = TokenizerConfig(model_type="char", vocab_size=40)
    sides = ([text for text, _ in TEXTS], [text for _, text in TEXTS])
    return Tokenizers(*(Tokenizer.train(texts, config) for texts in sides))


@pytest.fixture(scope="module")
def generator(tokenizers: Tokenizers) -> Generator:
    return Generator([build(tokenizers).double()], tokenizers)


def write(tokenizers: Tokenizers, path: Path, pieces: int, frequent: int) -> Path:
    pairs = zip(*tokenizers.encode_pairs(*map(list, zip(*TEXTS, strict=True))), strict=True)
    path.write_bytes(bytes(make_shortlist(list(pairs), tokenizers, pieces, frequent)))
    return path


@pytest.fixture
def whole(tokenizers: Tokenizers, tmp_path: Path) -> Path:
    """The file of a list that has all pieces."""
    return write(tokenizers, tmp_path / "whole.npz", 1, tokenizers.target.vocab_size)


@pytest.fixture
def short(tokenizers: Tokenizers, tmp_path: Path) -> Path:
    return write(tokenizers, tmp_path / FILE, 3, 2)


def shown(outputs: list[list[Hypothesis]]) -> list[Any]:
    return [
        [(each.ids, each.text, pytest.approx(each.score), pytest.approx(each.log_prob)) for each in row]
        for row in outputs
    ]  # fmt: skip


@every_search
def test_a_list_of_all_pieces_changes_nothing(
    generator: Generator, whole: Path, search: dict[str, Any]
) -> None:
    assert shown(generator.generate(WORDS, **search)) == shown(
        generator.generate(WORDS, **search, shortlist=whole)
    )


@every_search
def test_a_batch_changes_no_output(
    generator: Generator, short: Path, search: dict[str, Any]
) -> None:
    def texts(sources: list[str], **more: Any) -> list[list[tuple[int, ...]]]:
        outputs = generator.generate(sources, **search, shortlist=short, **more)
        return [[each.ids for each in row] for row in outputs]

    together = texts(WORDS)
    assert texts(WORDS[::-1], batch_size=3)[::-1] == together
    assert [texts([word])[0] for word in WORDS] == together


@every_search
def test_outputs_are_made_of_the_lists(
    generator: Generator, tokenizers: Tokenizers, short: Path, search: dict[str, Any]
) -> None:
    ids, _ = tokenizers.encode_sources(WORDS)
    lists = read_shortlist(short).lists(ids, tokenizers)
    outputs = generator.generate(WORDS, **search, shortlist=short)
    for own, row in zip(lists, outputs, strict=True):
        for each in row:
            assert {*each.ids} <= {*own.tolist(), tokenizers.target.unk}


def test_scores_are_those_of_the_list_alone(
    generator: Generator, tokenizers: Tokenizers, short: Path
) -> None:
    [best], *_ = generator.generate(["alma"], shortlist=short, beam_size=2)
    target, [ids] = tokenizers.target, tokenizers.encode_sources(["alma"])[0]
    [own] = read_shortlist(short).lists([ids], tokenizers)
    allowed = sorted({*own.tolist(), target.bos, target.eos, target.unk, *target.control_ids})
    network = generator.networks[0]
    source = torch.tensor([[*ids, tokenizers.source.eos]])
    written = torch.tensor([[target.bos, *best.ids]])
    with torch.inference_mode():
        logits = network(source, torch.tensor([source.size(1)]), written)[0, :, allowed]
    labels = [allowed.index(i) for i in (*best.ids, target.eos)]
    log_probs = logits.log_softmax(1)[range(len(labels)), labels]
    assert best.log_prob == pytest.approx(float(log_probs.sum()))


def test_what_a_shortlist_has(tokenizers: Tokenizers) -> None:
    source, target = tokenizers
    [id_of_k], [id_of_a] = source.encode(["k"])[0][-1:], source.encode(["a"])[0][-1:]
    t, k = target.encode(["t"])[0][-1], target.encode(["k"])[0][-1]
    pairs = [([id_of_k], [t]), ([id_of_k], [t]), ([id_of_a], [t])]
    shortlist = make_shortlist(pairs, tokenizers, 1, 1)
    assert sorted(shortlist.pieces_of(id_of_k)) == sorted([t, k])  # and the same piece, as in names
    assert shortlist.frequent.tolist() == [t]
    beyond = source.vocab_size + 1  # a word that no vocabulary has
    [own] = shortlist.lists([[beyond]], tokenizers)
    assert own.tolist() == [t]


@pytest.mark.parametrize("precision", ["fp32", "int8", "bf16"])
@pytest.mark.parametrize("network", [{}, {"cell": "gru", "input_feeding": True}], ids=str)
def test_prepared_weights(
    tokenizers: Tokenizers, whole: Path, precision: str, network: dict[str, Any]
) -> None:
    if precision == "int8" and not internals.multiplies_integers():
        pytest.skip("this PyTorch has no products of integers")
    built = build(tokenizers, **network)
    if precision == "int8":
        built.quantize()
    else:
        built.to(torch.bfloat16 if precision == "bf16" else torch.float32).decoder.precompute()
    generator = Generator([built], tokenizers)
    plain = generator.generate(WORDS, beam_size=3, max_length=6)
    listed = generator.generate(WORDS, beam_size=3, max_length=6, shortlist=whole)
    for ours, other in zip(listed, plain, strict=True):
        assert ours[0].ids == other[0].ids
        assert ours[0].log_prob == pytest.approx(other[0].log_prob, rel=1e-3, abs=1e-3)


def test_ensembles_and_transformers(tokenizers: Tokenizers, whole: Path, short: Path) -> None:
    transformer = build(tokenizers, cell="transformer", heads=2, init_scale=1.0, seed=1)
    generator = Generator([build(tokenizers).double(), transformer.double()], tokenizers)
    assert shown(generator.generate(WORDS, shortlist=whole)) == shown(generator.generate(WORDS))
    together = shown(generator.generate(WORDS, shortlist=short))
    assert [shown(generator.generate([word], shortlist=short))[0] for word in WORDS] == together


def test_outputs_are_shown_while_they_grow(generator: Generator, short: Path) -> None:
    seen: dict[int, str] = {}
    outputs = generator.generate(["alma", "rőt"], shortlist=short, on_piece=seen.__setitem__)
    assert [seen[0], seen[1]] == [best.text for best, *_ in outputs]


def test_batches_have_no_shortlist_but_lists(generator: Generator, short: Path) -> None:
    sizes: list[int] = []

    def deal(predict: Any, batches: Any) -> Any:
        sent = pickle.dumps(batches)
        sizes.append(len(sent))
        return predict(pickle.loads(sent))

    generator.deal = deal
    try:
        outputs = generator.generate(WORDS, shortlist=short)
    finally:
        generator.deal = None
    assert sizes and shown(outputs) == shown(generator.generate(WORDS, shortlist=short))
    [batch] = sizes
    assert batch < 20_000


@pytest.mark.parametrize("option", [{"prefix": "ta"}, {"prefixes": ["t"]}, {"outputs": ["t"]},
                                    {"required": [["t"]]}, {"terminology": {"a": "t"}}], ids=str)  # fmt: skip
def test_texts_that_may_have_any_piece_are_refused(
    generator: Generator, short: Path, option: dict[str, Any]
) -> None:
    with pytest.raises(
        ConfigError, match=f"shortlist: cannot be combined with {next(iter(option))}"
    ):
        generator.generate(["alma"], shortlist=short, **option)


def test_models_that_it_is_not_for(tokenizers: Tokenizers, short: Path) -> None:
    copying = Generator([build(tokenizers, copying=True)], tokenizers)
    with pytest.raises(ConfigError, match="shortlist: the model copies"):
        copying.generate(["alma"], shortlist=short)
    turned = Tokenizers(*tokenizers[::-1])
    with pytest.raises(ConfigError, match="shortlist: was made for a model with other tokenizers"):
        Generator([build(turned)], turned).generate(["alma"], shortlist=short)


def test_files(generator: Generator, short: Path, tmp_path: Path) -> None:
    shortlist = read_shortlist(short)
    again = read_shortlist(str(tmp_path))  # the folder that has it
    assert again.digest == shortlist.digest
    assert isinstance(shortlist, Shortlist) and shortlist.pieces.dtype == np.int32
    with pytest.raises(DataError, match=r"nothing\.npz: no such file"):
        read_shortlist("nothing.npz")
    with pytest.raises(ConfigError, match="shortlist: 3, expected the path"):
        generator.generate(["alma"], shortlist=3)
    content = short.read_bytes()
    for damaged in (b"", b"text", content[:-40], content[: len(content) // 2]):
        short.write_bytes(damaged)
        with pytest.raises(DataError, match="is no shortlist, or a damaged one"):
            read_shortlist(short)
    short.write_bytes(bytes(shortlist._replace(offsets=shortlist.offsets + 1)))
    with pytest.raises(DataError, match="is no shortlist, or a damaged one"):
        read_shortlist(short)
    short.write_bytes(bytes(shortlist._replace(pieces=shortlist.pieces + 99)))
    with pytest.raises(DataError, match="shortlist: is damaged"):
        generator.generate(["alma"], shortlist=short)
    np.savez(short, format=9)
    with pytest.raises(DataError, match="another version"):
        read_shortlist(short)
