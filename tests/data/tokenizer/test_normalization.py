"""Rules that compose characters are those of Unicode."""

from __future__ import annotations

import sys
import unicodedata
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sentencepiece import SentencePieceProcessor

from seqtext.cli.tokenizer import parser
from seqtext.data.tokenizer import Tokenizer, TokenizerConfig
from seqtext.data.tokenizer.normalization import Normalization
from seqtext.errors import ConfigError

LETTERS = "".join(map(chr, range(0x41, 0x250))) + "αειηωΑΕΩабийІ"
MARKS = "\u0300\u0301\u0302\u0303\u0304\u0306\u0308\u030a\u030c\u0323\u0327\u0328\u0345"


def nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def decomposed(text: str) -> str:
    return unicodedata.normalize("NFD", text)


def normalize(name: Normalization) -> SentencePieceProcessor:
    config = TokenizerConfig(model_type="char", vocab_size=20, normalization=name)
    return SentencePieceProcessor(model_proto=bytes(Tokenizer.train(["alma körte"], config)))


@pytest.fixture(scope="module")
def processors() -> dict[str, SentencePieceProcessor]:
    return {name: normalize(name) for name in ("nfc", "nfc_lower")}


def wanted(name: str, text: str) -> str:
    """What Unicode says, where a letter's lower case does not depend on its neighbours."""
    composed = nfc(text)
    return nfc("".join(map(str.lower, composed))) if name == "nfc_lower" else composed


@pytest.mark.parametrize("name", ["nfc", "nfc_lower"])
def test_every_character_is_composed(
    name: str, processors: dict[str, SentencePieceProcessor]
) -> None:
    every = (chr(i) for i in range(sys.maxunicode + 1) if not 0xD800 <= i < 0xE000)
    changing = [one for one in every if decomposed(one) != one or one.lower() != one]
    # a mark composes with the letter before it, so that it is no case of its own
    changing = [one for one in changing if not unicodedata.combining(one[0])]
    assert len(changing) > 13_000
    for texts in ([f"q{one}" for one in changing], [f"q{decomposed(one)}" for one in changing]):
        found = processors[name].normalize(texts)
        assert [one[1:] for one in found] == [wanted(name, text) for text in texts]


@given(st.sampled_from(LETTERS), st.sampled_from(MARKS), st.sampled_from(["", *MARKS]))
def test_marks_are_composed_in_any_order(
    processors: dict[str, SentencePieceProcessor], letter: str, first: str, second: str
) -> None:
    text = letter + first + second
    if len(nfc(text)) == 1:
        for name, processor in processors.items():
            assert processor.normalize(text)[1:] == wanted(name, text)


@pytest.mark.parametrize("phones", ["tʰ", "kʷ", "dʲ", "aː", "ɑ̃", "x²", "ſ", "ﬁ"])
def test_phonetic_symbols_survive(
    phones: str, processors: dict[str, SentencePieceProcessor]
) -> None:
    for processor in processors.values():
        assert processor.normalize(phones)[1:] == phones


def test_letter_case_and_unicode_form_give_the_same_pieces() -> None:
    config = TokenizerConfig(model_type="char", vocab_size=40, normalization="nfc_lower")
    tokenizer = Tokenizer.train(["éva budapest árvíz"], config)
    given = ["éva", "Éva", decomposed("ÉVA")]
    assert len({tuple(ids) for ids in tokenizer.encode(given)}) == 1
    assert tokenizer.unk not in tokenizer.encode(["BUDAPEST"])[0]
    again = Tokenizer.train(["éva budapest árvíz"], config)
    assert bytes(again) == bytes(tokenizer)
    longer = tokenizer.extended(["<s1>"], ["fűrész"], 4)
    assert longer.encode(["FŰ É"]) == longer.encode(["fű é"])
    assert longer.id_of("ű") is not None and longer.has(["<s1>"])


def test_each_side_has_a_rule_of_its_own() -> None:
    config = TokenizerConfig(joint=False, normalization="nfc", target_normalization="identity")
    assert config.of_target().normalization == "identity"
    assert TokenizerConfig(normalization="nfc").of_target().normalization == "nfc"
    with pytest.raises(ConfigError, match=r"target_normalization: nfc, but with tokenizer\.joint"):
        TokenizerConfig(target_normalization="nfc")
    with pytest.raises(ConfigError, match="target_normalization: 'nfd', expected one of nmt_nfkc"):
        TokenizerConfig(joint=False, target_normalization="nfd")  # type: ignore[arg-type]


def test_the_command_offers_every_rule() -> None:
    needed = ["--data.train=c.tsv", "--output=t.model"]
    for rule in get_args(Normalization):
        assert parser().parse_args([*needed, f"--normalization={rule}"]).normalization == rule
