"""What the texts of a corpus are like: how many, how long, and what their targets are made of."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from seqtext.data.augmentation import has_stem
from seqtext.data.corpus import Corpus
from seqtext.data.readers import Row
from seqtext.data.readers.columns import SYMBOL
from seqtext.errors import DataError

_SAMPLED, _COUNTED = 5_000, 100_000  # rows of a corpus that are looked at, and that are counted
_COMPARED = 300  # rows whose sides are compared letter by letter


class Side(NamedTuple):
    """What the sources, or the targets, of a corpus are like.

    Args:
        words: Mean number of words of a text.
        word_length: Mean number of characters of a word.
        capitals: Whether some letter is a capital.
        distinct: Number of different texts.
        vocabulary: Number of different words.
    """

    words: float
    word_length: float
    capitals: bool
    distinct: int
    vocabulary: int


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What the training rows are like.

    Args:
        rows: Their number, about. Where nothing tells it, the rows that were read.
        sampled: Rows that the other values are of.
        whole: Whether ``rows`` is not only a lower bound.
        source: What the sources are like. Symbols of further columns do not count.
        target: What the targets are like.
        copied: Share of the words of targets that are also in their source.
        shared: Share of the letters of targets that sources have, too.
        inflected: Share of the first rows whose source has symbols, and shares a stem with its target.
    """

    rows: int
    sampled: int
    whole: bool
    source: Side
    target: Side
    copied: float
    shared: float
    inflected: float = 0.0


def survey(corpora: Sequence[Corpus]) -> Survey | None:
    """Look at the first rows of each corpus.

    Returns:
        What they are like. None where no row can be read: preparing the corpus says why.
    """
    rows: list[Row] = []
    total, whole = 0, True
    for corpus in corpora:
        try:
            readable = _readable(corpus)
            sample = list(itertools.islice(readable, _SAMPLED))
            count = corpus.estimated_rows() if len(sample) == _SAMPLED else len(sample)
            if count is None:
                count = len(sample) + sum(1 for _ in itertools.islice(readable, _COUNTED))
                whole = whole and count < _SAMPLED + _COUNTED
        except DataError:
            return None
        rows += sample
        total += count
    if not rows:
        return None
    sources = [SYMBOL.sub("", source) for source, _ in rows]
    targets = [target for _, target in rows]
    known_letters = set().union(*sources)
    letters = Counter(itertools.chain.from_iterable("".join(text.split()) for text in targets))
    words = copied = 0
    for source, target in rows:
        known = set(source.split())
        of_target = target.split()
        words += len(of_target)
        copied += sum(word in known for word in of_target)
    return Survey(
        rows=total,
        sampled=len(rows),
        whole=whole,
        source=_side(sources),
        target=_side(targets),
        copied=copied / max(1, words),
        shared=sum(n for letter, n in letters.items() if letter in known_letters)
        / max(1, letters.total()),
        inflected=_inflected(rows[:_COMPARED]),
    )


def _inflected(rows: Sequence[Row]) -> float:
    inflected = sum(
        SYMBOL.search(source) is not None and has_stem(source, target) for source, target in rows
    )
    return inflected / len(rows)


def _readable(corpus: Corpus) -> Iterator[Row]:
    for _, row in corpus.records(lenient=True):
        if not isinstance(row, DataError):
            yield row


def _side(texts: Sequence[str]) -> Side:
    words = Counter(word for text in texts for word in text.split())
    return Side(
        words=words.total() / len(texts),
        word_length=sum(len(word) * n for word, n in words.items()) / max(1, words.total()),
        capitals=any(text != text.lower() for text in texts),
        distinct=len(set(texts)),
        vocabulary=len(words),
    )
