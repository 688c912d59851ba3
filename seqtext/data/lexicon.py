"""Which target pieces stand for a source piece: IBM model 1, learned from encoded pairs."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

T = TypeVar("T")
Pair = tuple[Sequence[int], Sequence[int]]  # ids of a source and of its target
Ids = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_ROUNDS = 5  # of expectation and maximization. More change few lists
_MOST_CELLS = 100_000_000  # source pieces times target pieces of all pairs, 4 bytes each
_CHUNK = 2_000  # pairs that are laid out at once
_SEED = 1


class Lexicon(NamedTuple):
    """Probabilities of target pieces, given a source piece. Other probabilities are 0.

    The entries of a source piece follow each other, the most probable first.
    """

    source: Ids  # (P,) in ascending order
    target: Ids  # (P,)
    probability: Floats  # (P,)


class _Chunk(NamedTuple):
    """Pairs that are laid out. Each target piece has a cell for each piece of its source."""

    entries: Ids  # (E,) which entries of the lexicon the pairs have
    cells: npt.NDArray[np.int32]  # (C,) places in ``entries``
    starts: Ids  # (T,) the first cell of each target piece
    widths: Ids  # (T,) its number of cells


def draw_rows(rows: Iterable[T], most: int) -> list[T]:
    """At most so many rows, each as likely as any other, and always the same (Vitter 1985)."""
    rest = iter(rows)
    kept, rng = list(islice(rest, most)), random.Random(_SEED)
    for number, row in enumerate(rest, most):
        if (place := rng.randrange(number + 1)) < most:
            kept[place] = row
    return kept


def learn_lexicon(pairs: Sequence[Pair], target_size: int) -> Lexicon:
    """Learn IBM model 1 (Brown et al. 1993, section 4.1).

    Args:
        pairs: Ids of sources and targets, of ``within_memory``. A piece that all sources have can stand
            for the empty word.
        target_size: Number of target pieces.
    """
    chunks, keys = _lay_out(pairs, target_size)
    source, target = np.divmod(keys, target_size)
    probability = np.ones(len(keys))  # the first round divides them by their sums
    for _ in range(_ROUNDS):
        counts = np.zeros(len(keys))
        for chunk in chunks:
            cells = probability[chunk.entries][chunk.cells]
            sums = np.add.reduceat(cells, chunk.starts)
            cells /= np.repeat(sums, chunk.widths)
            counts[chunk.entries] += np.bincount(chunk.cells, cells, len(chunk.entries))
        probability = counts / np.bincount(source, counts)[source]
    order = np.lexsort((target, -probability, source))
    return Lexicon(source[order], target[order], probability[order])


def within_memory(pairs: Sequence[Pair]) -> list[Pair]:
    """Pairs with both sides. Some are left out at random, where there are too many for the memory."""
    known = [pair for pair in pairs if pair[0] and pair[1]]
    random.Random(_SEED).shuffle(known)
    cells = itertools.accumulate(len(source) * len(target) for source, target in known)
    return [pair for pair, so_far in zip(known, cells, strict=True) if so_far <= _MOST_CELLS]


def _lay_out(pairs: Sequence[Pair], target_size: int) -> tuple[list[_Chunk], Ids]:
    """The pairs in chunks, and the keys of the lexicon's entries: source * size + target, ascending."""
    parts = [_lay_out_chunk(part, target_size) for part in _chunks(pairs)]
    keys = np.unique(np.concatenate([own for _, own in parts] or [np.empty(0, np.int64)]))
    return [chunk._replace(entries=np.searchsorted(keys, own)) for chunk, own in parts], keys


def _chunks(pairs: Sequence[Pair]) -> Iterator[list[Pair]]:
    return (list(pairs[start : start + _CHUNK]) for start in range(0, len(pairs), _CHUNK))


def _lay_out_chunk(pairs: list[Pair], target_size: int) -> tuple[_Chunk, Ids]:
    own = [
        (np.asarray(target)[:, None] + np.asarray(source) * target_size).ravel()
        for source, target in pairs
    ]
    widths = np.repeat([len(source) for source, _ in pairs], [len(target) for _, target in pairs])
    keys, cells = np.unique(np.concatenate(own), return_inverse=True)
    starts = np.cumsum(widths) - widths
    return _Chunk(np.empty(0, np.int64), cells.astype(np.int32), starts, widths), keys
