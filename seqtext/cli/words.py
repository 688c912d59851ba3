"""The words of a command line as options with values."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence


def pair_options(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Options of a command line, each with its value, from ``--a=1`` and ``--a 1`` alike."""
    for word, value in itertools.pairwise([*words, ""]):
        name, equals, given = word.partition("=")
        if name.startswith("--"):
            yield name, given if equals else value
