"""Scores of whole outputs and of words, as spaces separate them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple


def is_exact(hypothesis: str, references: Sequence[str]) -> bool:
    """Whether it is one of its references, the number of spaces between words aside."""
    return hypothesis.split() in [reference.split() for reference in references]


def exact_match(hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """Per cent of the hypotheses that are one of their references; see ``is_exact``."""
    right = sum(map(is_exact, hypotheses, references))
    return round(100 * right / len(hypotheses), 2)


class UnseenWords(NamedTuple):
    """How words that training never had fare."""

    unseen_words: int  # of the first references, that stand in the source and in no training target
    unseen_words_right: float | None  # per cent of them that the hypothesis has; None of none


def unseen_words(
    sources: Sequence[str],
    hypotheses: Sequence[str],
    references: Sequence[str],
    training: Iterable[str],
) -> UnseenWords:
    """Of the words that a reference takes from its source, those that no training target has.

    Args:
        sources: One for each hypothesis.
        hypotheses: What is judged.
        references: One for each.
        training: All training targets.
    """
    seen = {word for text in training for word in text.split()}
    count = right = 0
    for source, hypothesis, reference in zip(sources, hypotheses, references, strict=True):
        wanted = (set(reference.split()) & set(source.split())) - seen
        count += len(wanted)
        right += len(wanted & set(hypothesis.split()))
    return UnseenWords(count, round(100 * right / count, 2) if count else None)
