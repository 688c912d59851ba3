"""The built-in English-German corpus: sentence pairs generated from a grammar.

A seeded sampler draws abstract sentences (`grammar`). Two realizers (`english` and `german`) put
them into words. So the corpus has any number of pairs, and no file to download. An English
sentence always has the same German one.

A hash of the German sentence decides the split. So two splits never share a sentence, for any
seed and count.
"""

from array import array
from collections.abc import Iterator
from hashlib import blake2b
from typing import Final, Literal

from seqtext.grammar import english, german
from seqtext.grammar.grammar import Grammar
from seqtext.grammar.short import shortened
from seqtext.grammar.tree import Sentence

__all__ = ["SPLITS", "examples", "pairs"]

SPLITS: Final = ("train", "validation", "test")

_MAX_SPACES: Final = 23  # longer English sentences are left out
_BUCKETS: Final = 20
_BUCKET_OF: Final = {"validation": 0, "test": 1}  # every other bucket is for training


def pairs(
    split: Literal["train", "validation", "test"], count: int, seed: int = 0
) -> Iterator[tuple[str, str]]:
    """Yield `count` distinct (English, German) pairs of `split`, the same for the same seed.

    A smaller count gives the beginning of what a larger count gives. Of all sentences, 90 % belong
    to "train", 5 % to "validation" and 5 % to "test".
    """
    _check(split, count)
    return ((source, target) for source, target, _ in _generate(split, count, seed))


def examples(
    split: Literal["train", "validation", "test"], count: int, seed: int = 0
) -> Iterator[tuple[str, str, str]]:
    """As `pairs`, with a summary of the English sentence, which leaves out all that it can."""
    _check(split, count)
    return (
        (source, target, english.realize(shortened(sentence)))
        for source, target, sentence in _generate(split, count, seed)
    )


def _check(split: str, count: int) -> None:
    if split not in SPLITS:
        raise ValueError(f"unknown split {split!r}: choose one of {', '.join(SPLITS)}")
    if count < 0:
        raise ValueError(f"count must not be negative, got {count}")


def _generate(split: str, count: int, seed: int) -> Iterator[tuple[str, str, Sentence]]:
    grammar, seen = Grammar(seed), _Seen()
    while count:
        sentence = grammar.sentence()
        target = german.realize(sentence)
        if _split(target) != split:
            continue
        source = english.realize(sentence)
        if source.count(" ") > _MAX_SPACES or not seen.add(_hash(source)):
            continue
        yield source, target, sentence
        count -= 1


def _hash(text: str) -> int:
    """A 64-bit hash that is the same in every process, unlike Python's own."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little")


def _split(target: str) -> str:
    bucket = _hash(target) % _BUCKETS
    return SPLITS[1] if bucket == 0 else SPLITS[2] if bucket == 1 else SPLITS[0]


class _Seen:
    """A set of 64-bit hashes in an array. A set of Python integers takes ten times the memory."""

    def __init__(self) -> None:
        self._mask = 1023
        self._table = array("Q", bytes(8 * 1024))
        self._left = 600

    def add(self, key: int) -> bool:
        """Add a hash, and return False if the set has it already."""
        key = key or 1  # 0 marks a free slot
        table, mask = self._table, self._mask
        slot = key & mask
        while (taken := table[slot]) != 0:
            if taken == key:
                return False
            slot = (slot + 1) & mask
        table[slot] = key
        self._left -= 1
        if not self._left:
            self._grow()
        return True

    def _grow(self) -> None:
        old, size = self._table, 2 * (self._mask + 1)
        self._mask = size - 1
        self._table = array("Q", bytes(8 * size))
        self._left = size * 6 // 10
        for key in old:
            if key:
                self.add(key)
