"""Error rates of strings of symbols: pronunciations, transliterations, inflected forms."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

from seqtext.metrics.words import is_exact

Symbols = Literal["characters", "words"]  # what the symbol error rate counts


class TransductionScores(NamedTuple):
    """Per cent, less is better."""

    wer: float  # outputs that are none of their references
    wer_low: float  # 95 % confidence interval of it (Wilson 1927)
    wer_high: float
    ser: float  # symbols wrong, missing or too many, of the symbols of the nearest reference
    outputs: int


def score_transductions(
    hypotheses: Sequence[str], references: Sequence[Sequence[str]], *, characters: bool = False
) -> TransductionScores:
    """Word and symbol error rates against any of the references.

    The latter are PER where symbols are phones, CER where they are characters.

    Args:
        hypotheses: Symbols with spaces between them.
        references: One or several for each.
        characters: Whether every character is a symbol, spaces too.
    """
    count = len(hypotheses)
    wrong = count - sum(map(is_exact, hypotheses, references))
    nearest = [
        edits(one, several, characters) for one, several in zip(hypotheses, references, strict=True)
    ]
    symbols = sum(length for _, length in nearest)
    low, high = _wilson(wrong, count)
    return TransductionScores(
        round(100 * wrong / max(count, 1), 2),
        round(100 * low, 2),
        round(100 * high, 2),
        round(100 * sum(found for found, _ in nearest) / max(symbols, 1), 2),
        count,
    )


def edits(hypothesis: str, references: Sequence[str], characters: bool) -> tuple[int, int]:
    """Insertions, deletions and substitutions to the nearest reference, by torchmetrics; and its symbols."""
    from torchmetrics.functional.text import char_error_rate, word_error_rate

    error_rate = char_error_rate if characters else word_error_rate
    symbols: Callable[[str], Sequence[str]] = list if characters else str.split
    found = []
    for reference in references:
        length = len(symbols(reference))
        rate = float(error_rate(hypothesis, reference)) if length else 0.0
        found.append((round(rate * length) if length else len(symbols(hypothesis)), length))
    return min(found)


def _wilson(successes: int, trials: int, z: float = 1.959964) -> tuple[float, float]:
    if not trials:
        return 0.0, 1.0
    share, spread = successes / trials, z * z / trials
    middle = (share + spread / 2) / (1 + spread)
    reach = z / (1 + spread) * math.sqrt(share * (1 - share) / trials + spread / (4 * trials))
    return middle - reach, middle + reach
