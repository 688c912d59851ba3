"""Rules that SentencePiece normalizes text by: its own, and those that compose characters (Unicode's NFC)."""

from __future__ import annotations

import functools
import itertools
import sys
import tempfile
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

Normalization = Literal[
    "nmt_nfkc", "nfkc", "nmt_nfkc_cf", "nfkc_cf", "nfc", "nfc_lower", "identity"
]
_OURS = ("nfc", "nfc_lower")  # SentencePiece has no rule of this kind


@contextmanager
def training_options(normalization: Normalization) -> Iterator[dict[str, Any]]:
    """Options of ``SentencePieceTrainer`` that make a model normalize text in this way.

    A model keeps its rules, so nothing but its file is needed to apply them. The options are valid within
    the context. See ``finished``.
    """
    if normalization not in _OURS:
        yield {"normalization_rule_name": normalization}
        return
    rules = composing_rules(lower=normalization == "nfc_lower")
    lines = (f"{_code_points(before)}\t{_code_points(after)}\n" for before, after in rules.items())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rules.tsv"
        path.write_text("".join(lines), encoding="ascii")
        yield {"normalization_rule_tsv": str(path)}


def finished(model: bytes, normalization: Normalization) -> bytes:
    """A trained model that names its rules, not the temporary file that they came from."""
    if normalization not in _OURS:
        return model
    from sentencepiece.sentencepiece_model_pb2 import ModelProto

    content = ModelProto.FromString(model)
    content.normalizer_spec.name = normalization
    content.normalizer_spec.normalization_rule_tsv = ""
    described: bytes = content.SerializeToString(deterministic=True)
    return described


@functools.cache
def composing_rules(*, lower: bool) -> dict[str, str]:
    """Every other spelling of a character -> the composed one (NFC), with ``lower`` in lower case.

    A character with several marks has a rule for each order of them, also partly composed.
    """
    rules = {}
    for character in map(chr, range(sys.maxunicode + 1)):
        cased = lower and character != character.lower()
        if unicodedata.is_normalized("NFD", character) and not cased:
            continue  # most of them
        composed = _nfc(character)
        result = _nfc(composed.lower()) if lower else composed
        for spelling in _spellings(character):
            if spelling != result and _nfc(spelling) == composed:
                rules[spelling] = result
    return rules


def _spellings(character: str) -> set[str]:
    """Candidates: the letter and its marks in any order, the first of them composed."""
    decomposed = unicodedata.normalize("NFD", character)
    spellings = {character}
    for order in itertools.permutations(decomposed[1:]):
        text = decomposed[0] + "".join(order)
        spellings.update(_nfc(text[:end]) + text[end:] for end in range(1, len(text) + 1))
    return spellings


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _code_points(text: str) -> str:
    return " ".join(f"{ord(character):X}" for character in text)
