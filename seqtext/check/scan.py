"""What is odd about a corpus, found before a training finds it."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from seqtext.check.characters import look, main_script
from seqtext.check.findings import FINDINGS, LABEL_FINDINGS, Finding, bit
from seqtext.check.labels import LabelledRows, LabelReading
from seqtext.data.corpus import Corpus
from seqtext.data.labels import Labels
from seqtext.data.options import LONGEST_LABELLED, LONGEST_OF_PAIR
from seqtext.data.readers import Record, Row
from seqtext.data.tokenizer import Tokenizer
from seqtext.errors import DataError

Flags = npt.NDArray[np.uint32]
Lengths = npt.NDArray[np.int32]
Hashes = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


_RATIO = 3.0
_RATIO_SLACK = 10  # characters on both sides, so that short texts may differ
_FEWEST_WORDS, _SAME_WORDS = 4, 0.8  # of a target that is taken for untranslated


class Scan(NamedTuple):
    """What was found in one corpus of N rows."""

    corpus: Corpus
    flags: Flags  # (N,) one bit a finding
    words: list[Lengths]  # (N,) of each side that is text
    pieces: list[Lengths] | None  # likewise, with a tokenizer
    scripts: list[str]  # of nearly all rows of a side, "" where there is no such script
    uncovered: list[float]  # share of the pieces that are unknown, or bytes
    sources: Hashes  # (N,) of the source texts, equal within this process alone
    labels: LabelledRows | None  # of rows that have labels in place of a target text

    @property
    def sides(self) -> tuple[str, ...]:
        """What the sides that are text are called."""
        return ("source", "target") if self.labels is None else ("text",)

    @property
    def findings(self) -> list[Finding]:
        """What can be odd about such rows."""
        return FINDINGS if self.labels is None else LABEL_FINDINGS

    def rows(self, name: str) -> npt.NDArray[np.int64]:
        """Indices of the rows with a finding."""
        return np.flatnonzero(self.flags & bit(name))

    def kept(self, names: list[str]) -> Mask:
        """(N,) rows without any of these findings."""
        kept: Mask = self.flags & sum(map(bit, names)) == 0
        return kept


class _Side:
    """What is known of all texts of one side."""

    def __init__(self) -> None:
        self.words, self.characters, self.pieces = array("i"), array("i"), array("i")
        self.scripts, self.uncovered = array("i"), 0

    def add(self, texts: Sequence[str]) -> int:
        """Look at the text, or texts, of a further row. Returns the bits of its findings."""
        text = texts[0] if len(texts) == 1 else " ".join(texts)
        script, flags = look(text)
        self.scripts.append(script)
        self.words.append(len(text.split()))
        self.characters.append(len(text))
        return flags

    def encode(self, texts: list[str], tokenizer: Tokenizer) -> list[int]:
        """Count the pieces of texts. Returns the rows that the tokenizer does not cover."""
        uncovered = []
        for row, ids in enumerate(tokenizer.encode(texts)):
            self.pieces.append(len(ids))
            if count := sum(i in tokenizer.uncovered_ids for i in ids):
                self.uncovered += count
                uncovered.append(row)
        return uncovered


def scan(
    corpus: Corpus,
    tokenizers: Sequence[Tokenizer] = (),
    labels: Labels | None = None,
    watch: Callable[[Iterator[Record]], Iterator[Record]] = iter,
) -> Scan:
    """Read a corpus once and look at every row.

    Args:
        corpus: Whose rows they are.
        tokenizers: Of source and target, or of the text alone where rows have labels.
        labels: How those of a labelled corpus are read. Its names do not count.
        watch: Passes the rows on, and shows how far they are.

    Raises:
        DataError: The file as a whole cannot be read.
    """
    rows = _Rows(corpus, tokenizers, labels)
    records = watch(corpus.records(lenient=True))
    while some := list(islice(records, 1000)):
        rows.add(some)
    return rows.scan()


class _Rows:
    """What is known of the rows read so far. For the arguments see ``scan``."""

    def __init__(
        self, corpus: Corpus, tokenizers: Sequence[Tokenizer], labels: Labels | None
    ) -> None:
        self._corpus, self._tokenizers = corpus, tokenizers
        self._sides = [_Side() for _ in range(1 if corpus.labelled else 2)]
        self._bits, self._sources, self._whole_rows = array("I"), array("q"), array("q")
        self._labels = LabelReading(labels or Labels()) if corpus.labelled else None

    def add(self, records: list[Record]) -> None:
        """Look at further rows."""
        first = len(self._bits)
        rows = [("", "") if isinstance(row, DataError) else row for _, row in records]
        for record, row in zip(records, rows, strict=True):
            self._bits.append(self._look(row, readable=not isinstance(record.row, DataError)))
        for i, (side, tokenizer) in enumerate(zip(self._sides, self._tokenizers, strict=False)):
            for index in side.encode([row[i] for row in rows], tokenizer):
                self._bits[first + index] |= bit("uncovered")

    def _look(self, row: Row, *, readable: bool) -> int:
        """Add a row, and return the bits of what is odd about it alone."""
        target: tuple[str, ...] = row[1:]
        texts = self._corpus.texts_of(row[0])
        flags = self._sides[0].add(texts)
        if self._labels is None:
            flags |= self._sides[1].add(target)
            texts = [*texts, *target]
        else:
            target = self._labels.add(row[1] if readable else None)
        self._sources.append(hash(row[0]))
        self._whole_rows.append(hash((row[0], target)))
        if not readable:
            return bit("unreadable")
        if not all(text.strip() for text in texts):
            return flags | bit("empty")
        if self._labels is None and _untranslated(*row):
            return flags | bit("untranslated")
        return flags

    def scan(self) -> Scan:
        """All that is known, once every row has been added."""
        words, characters, pieces = (
            [np.array(getattr(side, name), dtype=np.int32) for side in self._sides]
            for name in ("words", "characters", "pieces")
        )
        scripts, odd = zip(
            *(main_script(np.array(side.scripts)) for side in self._sides), strict=True
        )
        sources, flags = np.array(self._sources), np.array(self._bits, dtype=np.uint32)
        whole = flags & (bit("unreadable") | bit("empty")) == 0
        again = _seen_before(np.array(self._whole_rows), whole)
        limit = LONGEST_LABELLED if self._corpus.labelled else LONGEST_OF_PAIR
        marks = {
            "duplicate": again,
            "ambiguous": _seen_before(sources, whole & ~again),
            "script": np.logical_or.reduce(odd),
            "long": np.maximum.reduce(pieces if self._tokenizers else words) > limit,
        }
        if self._labels is None:
            marks["ratio"] = _unlike(characters[0], characters[1], whole)
        for name, which in marks.items():
            flags[which & whole] |= np.uint32(bit(name))
        labelled = None if self._labels is None else self._labels.done()
        if labelled is not None:
            flags |= labelled.flags()
        return Scan(
            corpus=self._corpus,
            flags=flags,
            words=words,
            pieces=pieces if self._tokenizers else None,
            scripts=list(scripts),
            uncovered=[side.uncovered / max(1, sum(side.pieces)) for side in self._sides],
            sources=sources,
            labels=labelled,
        )


def mark_overlap(train: Scan, others: list[Scan]) -> None:
    """Mark the training rows whose source is also in a held-out corpus."""
    held_out = np.concatenate([np.empty(0, np.int64), *(other.sources for other in others)])
    overlap = np.isin(train.sources, held_out) & train.kept(["unreadable", "empty"])
    train.flags[overlap] |= np.uint32(bit("overlap"))


def examples(scan: Scan, count: int) -> dict[str, list[Record]]:
    """The first rows of each finding, read once more."""
    wanted = {finding.name: scan.rows(finding.name)[:count].tolist() for finding in scan.findings}
    rows = {row for rows in wanted.values() for row in rows}
    last = max(rows, default=-1)
    records: dict[int, Record] = {}
    for i, record in enumerate(scan.corpus.records(lenient=True)):
        if i > last:
            break
        if i in rows:
            records[i] = record
    return {name: [records[row] for row in rows] for name, rows in wanted.items() if rows}


def clean_rows(scan: Scan, names: list[str]) -> Iterator[Row]:
    """The rows without any of the findings ``names``, read once more."""
    records = scan.corpus.records(lenient=True)
    for record, kept in zip(records, scan.kept(names).tolist(), strict=True):
        if kept and not isinstance(record.row, DataError):
            yield record.row


# --- one pair -------------------------------------------------------------------------------------------


def _untranslated(source: str, target: str) -> bool:
    if source == target:
        return any(map(str.isalpha, target))
    words = target.split()
    if len(words) < _FEWEST_WORDS:
        return False
    known = set(source.split())
    return sum(word in known for word in words) > _SAME_WORDS * len(words)


# --- all texts ------------------------------------------------------------------------------------------


def _seen_before(hashes: Hashes, which: Mask) -> Mask:
    """Which of the rows ``which`` equal an earlier one of them."""
    rows = np.flatnonzero(which)
    _, first = np.unique(hashes[rows], return_index=True)
    again = np.zeros(len(hashes), dtype=bool)
    again[np.delete(rows, first)] = True
    return again


def _unlike(source: Lengths, target: Lengths, which: Mask) -> Mask:
    """Whose lengths' ratio is far from the median of the rows ``which``."""
    ratios = np.log((target + _RATIO_SLACK) / (source + _RATIO_SLACK))
    usual = np.median(ratios[which]) if which.any() else 0.0
    unlike: Mask = np.abs(ratios - usual) > np.log(_RATIO)
    return unlike
