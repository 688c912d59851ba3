"""The page's modules cut text into the very pieces of SentencePiece."""

from __future__ import annotations

import functools
import random
from pathlib import Path

import pytest
from sentencepiece import SentencePieceProcessor
from sentencepiece.sentencepiece_model_pb2 import ModelProto

from seqtext.data.corpus import Corpus
from seqtext.data.tokenizer import Tokenizer, TokenizerConfig
from tests.demo.conftest import Node

BUILTIN = Path(__file__).parent.parent.parent / "tokenizers/builtin.model"
ODD = (
    "🙂👩‍👩‍👧🇩🇪e\u0301\u0308n\u0303ＡＢｃ１２ｶﾞ㌔½ﬁ\u200b\u200d\ufeff\u00ad\0\x01\x1b\x7f\x85\u2028\u3000\u00a0\t\n\r"
    "▁⁇Ω≠İıſß漢字한ᄒ\u1161\u11abحر\u202eहि𝔘𝟘\U0010ffff\uffff\ufffd\ue000<s>  <unk> </s><0x41>"
)
OPTIONS = {
    "unigram without bytes": {"byte_fallback": False, "symbols": ("<x>", "Hund", "🙂")},
    "bpe": {"model_type": "bpe", "symbols": ("<x>", "Hund")},
    "bpe without bytes": {"model_type": "bpe", "byte_fallback": False},
    "char": {"model_type": "char", "byte_fallback": False},
    "word": {"model_type": "word", "byte_fallback": False},
    "identity": {"normalization": "identity"},
    "folded": {"normalization": "nmt_nfkc_cf"},
    "composed": {"normalization": "nfc_lower"},
}


@functools.cache
def sentences(count: int) -> list[str]:
    """English and German ones, and as many with odd characters in them."""
    rng = random.Random(4)
    rows = [text for row in Corpus("builtin:train:500", "en", "de").rows() for text in row]
    texts = rng.sample(rows, count // 2)
    for text in rng.sample(rows, count - len(texts)):
        own = list(text)
        for _ in range(rng.randint(1, 8)):
            own.insert(rng.randint(0, len(own)), rng.choice(ODD))
        texts.append("".join(own))
    return ["", " ", "▁", ODD, *texts[4:]]


def compare(node: Node, folder: Path, model: bytes, texts: list[str], tmp_path: Path) -> None:
    """Pieces and ids of texts, and what ids spell: those of the texts and any others."""
    file = tmp_path / "spm.model"
    file.write_bytes(model)
    processor = SentencePieceProcessor()
    processor.LoadFromSerializedProto(model)
    rng = random.Random(5)
    ids = [processor.encode(text) for text in texts]
    ids += [rng.choices(range(processor.vocab_size()), k=rng.randint(0, 9)) for _ in texts]
    # bytes that spell no character
    data = [i for i in range(processor.vocab_size()) if processor.is_byte(i)]
    ids += [rng.choices(data, k=9) for _ in texts if data]
    given = {"folder": str(folder), "model": str(file), "texts": texts, "outputs": ids}
    result = node("pieces.mjs", **given)
    for text, own in zip(texts, result["pieces"], strict=True):
        pieces = zip(processor.encode(text, out_type=str), processor.encode(text), strict=True)
        assert [tuple(pair) for pair in own] == list(pieces), ascii(text)
    for row, text in zip(ids, result["texts"], strict=True):
        assert text == processor.decode(row), row


def test_pieces_of_the_built_in_model(node: Node, tmp_path: Path, repository: Path) -> None:
    texts = sentences(1000)
    assert len(texts) == 1000
    compare(node, repository / "docs/demo", BUILTIN.read_bytes(), texts, tmp_path)


@pytest.mark.parametrize("kind", OPTIONS)
def test_pieces_of_other_models(node: Node, tmp_path: Path, repository: Path, kind: str) -> None:
    texts = sentences(200)
    options = TokenizerConfig(vocab_size=400, **OPTIONS[kind])  # type: ignore[arg-type]
    tokenizer = Tokenizer.train(texts[4:150], options)
    compare(node, repository / "docs/demo", bytes(tokenizer), texts, tmp_path)


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_pieces_that_are_not_used(node: Node, tmp_path: Path, repository: Path, kind: str) -> None:
    texts = sentences(200)
    options = TokenizerConfig(vocab_size=400, model_type=kind)  # type: ignore[arg-type]
    model = ModelProto.FromString(bytes(Tokenizer.train(texts[4:150], options)))
    longer = [piece for piece in model.pieces if piece.type == 1 and len(piece.piece) > 1]
    for piece in longer[::3]:
        piece.type = ModelProto.SentencePiece.UNUSED
    compare(node, repository / "docs/demo", model.SerializeToString(), texts, tmp_path)
