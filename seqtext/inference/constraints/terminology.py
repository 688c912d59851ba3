"""Terms of a source, and what they are called in its output."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from seqtext.inference.constraints.words import in_word


class Terminology:
    """Finds the terms that stand in a source, as whole words. The longest term at a place counts.

    Args:
        terms: What each term of a source is called. The letter case of a term in lowercase makes no
            difference.

    Example:
        >>> Terminology({"fire": "Feuer", "fire truck": "Löschzug"}).required("A Fire truck.")
        ('Löschzug',)
    """

    def __init__(self, terms: Mapping[str, str]) -> None:
        self._by_start = defaultdict[str, list[tuple[str, str]]](list)
        for term in sorted(terms, key=len, reverse=True):
            self._by_start[_unit(term.lower(), 0)].append((term, terms[term]))

    def required(self, source: str) -> tuple[str, ...]:
        """The target terms of a source, each once, in the order of its terms."""
        lowered = source.lower()
        if len(lowered) != len(source):  # a letter with another length in lowercase
            lowered = source
        required: dict[str, None] = {}
        place = 0
        while place < len(source):
            unit = _unit(lowered, place)
            for term, target in self._by_start.get(unit, ()):
                text = lowered if term == term.lower() else source
                end = place + len(term)
                if text.startswith(term, place) and _ends(text, end):
                    required[target] = None
                    place = end
                    break
            else:
                place += len(unit)
        return tuple(required)


def _unit(text: str, place: int) -> str:
    """The word at a place, or the single character where there is no word."""
    end = place
    while end < len(text) and in_word(text[end]):
        end += 1
    return text[place : max(end, place + 1)]


def _ends(text: str, place: int) -> bool:
    return place >= len(text) or not (in_word(text[place - 1]) and in_word(text[place]))
