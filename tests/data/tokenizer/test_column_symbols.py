"""Symbols of columns are pieces of their own, also where a model has never seen one."""

from __future__ import annotations

import random
from typing import Any

import pytest

from seqtext.data.readers import Row
from seqtext.data.readers.columns import source_columns
from seqtext.data.tokenizer import Tokenizer, TokenizerConfig, Tokenizers
from seqtext.data.tokenizer.column_symbols import symbols_of, without_symbols
from seqtext.errors import ConfigError

ROWS: list[Row] = [
    (f"{lemma}⟦{kind}⟧⟦{number}⟧", lemma)
    for lemma in ("NoVa", "Lova", "SGa n", "vas")
    for kind in ("N", "V")
    for number in ("SG", "PL")
]
INFLECTION = source_columns(("lemma+features", "form"))


def trained(model_type: Any = "char", **options: Any) -> Tokenizer:
    config = TokenizerConfig(
        model_type=model_type,
        vocab_size=320,
        symbols=symbols_of([INFLECTION], lambda: ROWS),
        **options,
    )
    return Tokenizer.train(without_symbols(text for row in ROWS for text in row), config)


def pieces(tokenizer: Tokenizer, text: str) -> list[str]:
    [ids] = tokenizer.encode([text])
    return tokenizer.pieces(ids)


def test_symbols_of_the_training_sources() -> None:
    assert symbols_of([INFLECTION], lambda: ROWS) == ("⟦N⟧", "⟦PL⟧", "⟦SG⟧", "⟦V⟧")
    texts = source_columns(("premise+hypothesis:text", "label"))
    assert symbols_of([texts], lambda: pytest.fail("no symbols to read")) == ("<sep>",)
    assert symbols_of([source_columns(("a", "b"))], lambda: ROWS) == ()


@pytest.mark.parametrize("normalization", ["nmt_nfkc", "nfkc_cf", "nfc_lower", "identity"])
@pytest.mark.parametrize("model_type", ["char", "bpe", "unigram"])
def test_a_symbol_is_no_letter(model_type: str, normalization: str) -> None:
    tokenizer = trained(model_type, normalization=normalization, byte_fallback=False)
    *letters, kind, number = pieces(tokenizer, "NoVa⟦V⟧⟦SG⟧")
    assert (kind, number) == ("⟦V⟧", "⟦SG⟧")
    assert not {"⟦V⟧", "⟦N⟧", "⟦SG⟧"} & set(letters)
    assert not any(
        "⟦" in piece
        for piece in tokenizer.pieces(range(tokenizer.vocab_size))
        if piece not in tokenizer.column_symbols
    )


@pytest.mark.parametrize("byte_fallback", [False, True])
@pytest.mark.parametrize("model_type", ["char", "bpe", "unigram"])
def test_a_symbol_that_the_model_lacks_is_one_unknown_piece(
    model_type: str, byte_fallback: bool
) -> None:
    tokenizer = trained(model_type, byte_fallback=byte_fallback)
    [known], [lacking], [first], [alone] = (
        tokenizer.encode([text]) for text in ("vas⟦V⟧⟦SG⟧", "vas⟦NV⟧⟦SG⟧", "⟦NV⟧⟦SG⟧ vas", "⟦NV⟧")
    )
    assert [
        tokenizer.unk if piece == "⟦V⟧" else i
        for i, piece in zip(known, tokenizer.pieces(known), strict=True)
    ] == lacking
    assert first.count(tokenizer.unk) == 1 and tokenizer.decode(first[1:]).endswith("vas")
    assert alone == [tokenizer.unk]
    assert tokenizer.unknown_parts("vas⟦NV⟧⟦SG⟧", lacking) == ("⟦NV⟧",)
    both = Tokenizers(tokenizer, tokenizer)
    [ids], [words] = both.encode_sources(["vas⟦NV⟧⟦SG⟧"])
    assert words == ("⟦NV⟧",) and tokenizer.vocab_size in ids


def test_lacking_symbols_beside_each_other_are_one_piece_each() -> None:
    tokenizer = trained()
    [ids] = tokenizer.encode(["vas⟦X⟧⟦Y⟧⟦SG⟧⟦Z⟧"])
    assert ids.count(tokenizer.unk) == 3 and tokenizer.id_of("⟦SG⟧") in ids


def test_segmentations_are_drawn_around_symbols() -> None:
    tokenizer = trained("unigram")
    for text in ("NoVa⟦V⟧⟦SG⟧", "NoVa⟦X⟧⟦SG⟧"):
        drawn = tokenizer.sample(text, 8, 0.1, random.Random(1))
        assert tokenizer.pieces(drawn)[-1] == "⟦SG⟧"
        assert (tokenizer.unk in drawn) == ("X" in text)


def test_models_without_symbols_read_the_marks_as_text() -> None:
    tokenizer = Tokenizer.train(["a⟦b⟧c"] * 9, TokenizerConfig(model_type="char", vocab_size=20))
    assert "⟦" in pieces(tokenizer, "a⟦b⟧") and not tokenizer.column_symbols


def test_a_text_that_was_taken_for_symbols_is_refused() -> None:
    body = [(f"title⟦word{i}⟧⟦the⟧", "x") for i in range(300)]
    with pytest.raises(ConfigError, match="the column body has 301 different symbols"):
        symbols_of([source_columns(("title+body", "x"))], lambda: body)
    assert len(symbols_of([source_columns(("title+body:symbols", "x"))], lambda: body)) == 301
