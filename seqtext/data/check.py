"""What is odd about a corpus, found before a training finds it."""

from __future__ import annotations

import functools
import re
import unicodedata
from array import array
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from seqtext.data.corpus import Corpus
from seqtext.data.readers import Record, Row
from seqtext.data.tokenizer import Tokenizer, Tokenizers
from seqtext.errors import DataError

Flags = npt.NDArray[np.uint32]
Lengths = npt.NDArray[np.int32]
Hashes = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


class Finding(NamedTuple):
    """Something that can be odd about a pair."""

    name: str
    what: str
    effect: str  # on training, and what mends it
    harmful: bool  # whether a pair is better left out


FINDINGS = [
    Finding(
        "unreadable", "the row is not two texts",
        "training stops at it; correct it, or leave it out with --write", True,
    ),
    Finding(
        "undecodable", "bytes that are not UTF-8, or U+FFFD where such bytes were",
        "training stops at bytes, and learns U+FFFD; convert the file from its real encoding", True,
    ),
    Finding(
        "mojibake", "UTF-8 that was read as Latin-1 once (Ã¤ for ä)",
        "learned as it is, beside the right spelling; convert the text, or leave it out", True,
    ),
    Finding("empty", "a side without text", "training leaves it out", True),
    Finding(
        "control", "control, bidirectional, private or unassigned characters",
        "each takes a piece of its own, and output may contain it", True,
    ),
    Finding(
        "duplicate", "the same pair as an earlier row", "learned as often as it is there", True
    ),
    Finding(
        "overlap", "the source is in the validation or test set as well",
        "scores are too good: the answer was seen", True,
    ),
    Finding(
        "untranslated", "the target is the source, or nearly all of its words are",
        "teaches to copy instead of to translate", True,
    ),
    Finding(
        "script", "letters of another script than nearly all of that side",
        "another language, or the sides are swapped; learned as a translation all the same", True,
    ),
    Finding(
        "ratio", "a side more than three times as long for the other as is usual here",
        "often pairs that are no translations; teaches to leave out or to invent", True,
    ),
    Finding(
        "long", "a side longer than the limit",
        "training leaves it out; raise data.max_source_length and data.max_target_length, or split it",
        False,
    ),
    Finding(
        "ambiguous", "the same source as an earlier row, with another target",
        "the model learns a mixture; harmless where both are right", False,
    ),
    Finding(
        "normalization", "characters that are not composed (NFC)",
        "none with the default tokenizer, which composes them; with data.tokenizer.normalization"
        " identity they are other pieces than composed ones", False,
    ),
    Finding(
        "uncovered", "characters that the tokenizer does not know",
        "unknown to the model, or spelled as bytes; train a tokenizer on this corpus", False,
    ),
]  # fmt: skip
HARMFUL = [finding.name for finding in FINDINGS if finding.harmful]
_BITS = {finding.name: 1 << i for i, finding in enumerate(FINDINGS)}


def _bit(name: str) -> int:
    return _BITS[name]


_LIMIT = 250  # pieces, as data.max_source_length has it; without a tokenizer, words
_RATIO = 3.0
_RATIO_SLACK = 10  # characters on both sides, so that short texts may differ
_NEARLY_ALL = 0.95  # share of a side's rows that have its script
_FEWEST_LETTERS = 4  # distinct ones that make a script
_FEWEST_WORDS, _SAME_WORDS = 4, 0.8  # of a target that is taken for untranslated


class Sides(NamedTuple):
    """Lengths of all pairs, (N,) each."""

    source: Lengths
    target: Lengths


class Scan(NamedTuple):
    """What was found in one corpus of N rows."""

    corpus: Corpus
    flags: Flags  # (N,) one bit a finding, in the order of FINDINGS
    words: Sides
    pieces: Sides | None  # with a tokenizer
    scripts: tuple[str, str]  # of nearly all rows of a side; "" where there is no such script
    uncovered: tuple[float, ...]  # share of the pieces that are unknown, or bytes
    sources: Hashes  # (N,) of the source texts, equal within this process alone

    def rows(self, name: str) -> npt.NDArray[np.int64]:
        """Indices of the rows with a finding."""
        return np.flatnonzero(self.flags & _bit(name))

    def kept(self, names: list[str]) -> Mask:
        """(N,) rows without any of these findings."""
        kept: Mask = self.flags & sum(map(_bit, names)) == 0
        return kept


class _Side:
    """What is known of all texts of one side."""

    def __init__(self) -> None:
        self.words, self.characters, self.pieces = array("i"), array("i"), array("i")
        self.scripts, self.uncovered = array("i"), 0

    def add(self, text: str) -> int:
        """Look at one more text; the bits of its findings."""
        script, found = _look(text)
        self.scripts.append(script)
        self.words.append(len(text.split()))
        self.characters.append(len(text))
        return found

    def encode(self, texts: list[str], tokenizer: Tokenizer) -> list[int]:
        """Count the pieces of texts; which of them the tokenizer does not cover."""
        uncovered = []
        for row, ids in enumerate(tokenizer.encode(texts)):
            self.pieces.append(len(ids))
            if count := sum(i in tokenizer.uncovered_ids for i in ids):
                self.uncovered += count
                uncovered.append(row)
        return uncovered


def scan(corpus: Corpus, tokenizers: Tokenizers | None = None) -> Scan:
    """Read a corpus once and look at every pair.

    Raises:
        DataError: The file as a whole cannot be read.
    """
    sides, bits = (_Side(), _Side()), array("I")
    sources, both = array("q"), array("q")
    everything = corpus.records(lenient=True)
    while records := list(islice(everything, 1000)):
        first = len(bits)
        pairs = [("", "") if isinstance(one.row, DataError) else one.row for one in records]
        for one, pair in zip(records, pairs, strict=True):
            found = sides[0].add(pair[0]) | sides[1].add(pair[1])
            if isinstance(one.row, DataError):
                found = _bit("unreadable")
            elif not (sides[0].words[-1] and sides[1].words[-1]):
                found |= _bit("empty")
            elif _untranslated(*pair):
                found |= _bit("untranslated")
            bits.append(found)
            sources.append(hash(pair[0]))
            both.append(hash(pair))
        for i, tokenizer in enumerate(tokenizers or ()):
            for row in sides[i].encode([pair[i] for pair in pairs], tokenizer):
                bits[first + row] |= _bit("uncovered")
    words, characters, pieces = (
        Sides(*(np.array(getattr(side, name), dtype=np.int32) for side in sides))
        for name in ("words", "characters", "pieces")
    )
    (source_script, odd_sources), (target_script, odd_targets) = (
        _main_script(np.array(side.scripts)) for side in sides
    )
    flags = np.array(bits, dtype=np.uint32)
    whole = flags & (_bit("unreadable") | _bit("empty")) == 0
    again = _seen_before(np.array(both), whole)
    marks = {
        "duplicate": again,
        "ambiguous": _seen_before(np.array(sources), whole & ~again),
        "ratio": _unlike(characters, whole),
        "script": odd_sources | odd_targets,
        "long": np.maximum(*(pieces if tokenizers else words)) > _LIMIT,
    }
    for name, which in marks.items():
        flags[which & whole] |= np.uint32(_bit(name))
    return Scan(
        corpus,
        flags,
        words,
        pieces if tokenizers else None,
        (source_script, target_script),
        tuple(side.uncovered / max(1, sum(side.pieces)) for side in sides),
        np.array(sources),
    )


def mark_overlap(train: Scan, others: list[Scan]) -> None:
    """Mark the training pairs whose source a held-out corpus has, too."""
    held_out = np.concatenate([np.empty(0, np.int64), *(other.sources for other in others)])
    overlap = np.isin(train.sources, held_out) & train.kept(["unreadable", "empty"])
    train.flags[overlap] |= np.uint32(_bit("overlap"))


def examples(scan: Scan, count: int) -> dict[str, list[Record]]:
    """The first rows of each finding, read once more."""
    wanted = {finding.name: scan.rows(finding.name)[:count].tolist() for finding in FINDINGS}
    rows = {row for rows in wanted.values() for row in rows}
    last = max(rows, default=-1)
    records: dict[int, Record] = {}
    for i, one in enumerate(scan.corpus.records(lenient=True)):
        if i > last:
            break
        if i in rows:
            records[i] = one
    return {name: [records[row] for row in rows] for name, rows in wanted.items() if rows}


def clean_rows(scan: Scan, names: list[str]) -> Iterator[Row]:
    """The pairs without any of the findings ``names``, read once more."""
    records = scan.corpus.records(lenient=True)
    for one, kept in zip(records, scan.kept(names).tolist(), strict=True):
        if kept and not isinstance(one.row, DataError):
            yield one.row


# --- one text -------------------------------------------------------------------------------------------

_MOJIBAKE = re.compile("[ÂÃÐÑ][\u0080-\u00bf]|â€|ï»¿")
_SCRIPTS: list[str] = [""]  # by number; 0 is none
# scripts of one writing system
_ALIKE = {"HIRAGANA": "CJK", "KATAKANA": "CJK", "FULLWIDTH": "LATIN", "HALFWIDTH": "CJK"}


def _look(text: str) -> tuple[int, int]:
    """The number of the script that most distinct letters of a text have, and findings."""
    if text.isascii() and text.isprintable():
        latin = sum(map(str.isalpha, set(text))) >= _FEWEST_LETTERS
        return _script_number("LATIN") if latin else 0, 0
    found = 0
    scripts: dict[int, int] = {}
    for character in set(text):
        script, flags = _of_character(character)
        found |= flags
        if script:
            scripts[script] = scripts.get(script, 0) + 1
    if _MOJIBAKE.search(text):
        found |= _bit("mojibake")
    if not unicodedata.is_normalized("NFC", text):
        found |= _bit("normalization")
    main = max(scripts, key=scripts.__getitem__, default=0)
    return main if scripts.get(main, 0) >= _FEWEST_LETTERS else 0, found


@functools.cache
def _of_character(character: str) -> tuple[int, int]:
    """Number of a letter's script, and what is odd about a character."""
    category = unicodedata.category(character)
    if character == "\ufffd":
        return 0, _bit("undecodable")
    bidirectional = "\u200e" <= character <= "\u200f" or "\u202a" <= character <= "\u202e"
    isolating = "\u2066" <= character <= "\u2069"
    odd = category in ("Cc", "Cn", "Co", "Cs") and character != "\t"
    if odd or bidirectional or isolating or character == "\ufeff":
        return 0, _bit("control")
    if not category.startswith("L"):
        return 0, 0
    script = unicodedata.name(character, "").partition(" ")[0]
    return _script_number(_ALIKE.get(script, script)), 0


@functools.cache
def _script_number(name: str) -> int:
    if not name:
        return 0
    _SCRIPTS.append(name)
    return len(_SCRIPTS) - 1


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


def _unlike(characters: Sides, which: Mask) -> Mask:
    """Whose lengths' ratio is far from the median of the rows ``which``."""
    ratios = np.log((characters.target + _RATIO_SLACK) / (characters.source + _RATIO_SLACK))
    usual = np.median(ratios[which]) if which.any() else 0.0
    unlike: Mask = np.abs(ratios - usual) > np.log(_RATIO)
    return unlike


def _main_script(numbers: npt.NDArray[np.int64]) -> tuple[str, Mask]:
    """The script of nearly all rows, and which rows have another; "" if there is no such script."""
    counts = np.bincount(numbers, minlength=len(_SCRIPTS))
    counts[0] = 0
    main = int(counts.argmax())
    if counts[main] < _NEARLY_ALL * max(1, counts.sum()):
        return "", np.zeros(len(numbers), dtype=bool)
    return _SCRIPTS[main].capitalize(), (numbers != 0) & (numbers != main)
