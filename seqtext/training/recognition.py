"""What a corpus of pairs is for, by what its texts are like."""

from __future__ import annotations

from seqtext import tasks
from seqtext.data.survey import Side, Survey

_WORDS, _LENGTH = 2, 25  # words and characters of a text that is spelled, in the mean, at most
_SYMBOL, _SYMBOLS = 2.5, 500  # characters of a symbol between spaces, and different ones, at most


def recognize(rows: Survey) -> tuple[str, str]:
    """The task that pairs are probably for, and why."""
    source, target = rows.source, rows.target
    if _is_label(rows):
        return tasks.CLASSIFICATION.name, "whose targets repeat"
    if all(_is_word(side) or _is_symbols(side) for side in (source, target)):
        sides = " to ".join(
            "symbols" if _is_symbols(side) else "words" for side in (source, target)
        )
        return tasks.TRANSDUCTION.name, f"from {sides}"
    ratio = source.words / target.words
    if (rows.copied > 0.5 and ratio > 1.5) or (rows.copied > 0.25 and ratio > 5):
        share = f"{rows.copied:.0%} of their words are in the source"
        return tasks.SUMMARIZATION.name, f"with short targets, and {share}"
    return tasks.TRANSLATION.name, "from sentences to sentences"


def unit_of(side: Side) -> str:
    """The tokenizer of words or symbols: ``char``, or ``word`` for symbols between spaces."""
    return "word" if _is_symbols(side) else "char"


def _is_label(rows: Survey) -> bool:
    few = rows.target.distinct * 5 <= min(rows.sampled, rows.source.distinct)
    return few and rows.target.words <= 4 and rows.sampled >= 20


def _is_word(side: Side) -> bool:
    """Whether texts are words, or names of a few words."""
    return side.words < _WORDS and side.words * side.word_length < _LENGTH


def _is_symbols(side: Side) -> bool:
    """Whether texts are symbols between spaces. Segmented Chinese has short words, but many of them."""
    return side.words > 1 and side.word_length <= _SYMBOL and side.vocabulary <= _SYMBOLS
