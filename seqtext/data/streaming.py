"""Corpora that need not fit anywhere: read anew in every epoch, shuffled and planned pool by pool.

A *pool* holds consecutive pairs of the stream, as many as the shuffle buffer. Its updates are planned
like those of a whole corpus, so every rank sees the same updates and takes its share.
"""

from __future__ import annotations

import dataclasses
import heapq
import itertools
import random
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
from torch.utils.data import IterableDataset, get_worker_info

from seqtext.data.batch import Batch, LabelledBatch
from seqtext.data.bucketing import Lengths, Rows
from seqtext.data.corpus import Corpus
from seqtext.data.encoding import BatchReader
from seqtext.data.held_out import source_hash
from seqtext.data.loader import read_ahead
from seqtext.data.readers import Row
from seqtext.errors import DataError

T = TypeVar("T")
# Pairs tokenized at once. Python's lists of numbers take much more memory than arrays
_CHUNK = 1000


@dataclass(frozen=True)
class Stream:
    """The pairs of an epoch, in an order that depends on the epoch alone.

    Args:
        corpora: Where the pairs come from. Several corpora are dealt into each other evenly.
        weights: How often an epoch has each corpus.
        sizes: Pairs of each corpus. A single corpus needs none.
        seed: Of the draw that a weight with a fraction makes.
        held_out: Hashes of sources that are passed over.
    """

    corpora: Sequence[Corpus]
    weights: Sequence[float]
    sizes: Sequence[int]
    seed: int
    held_out: Set[int] = frozenset()

    def rows(self, epoch: int) -> Iterator[Row]:
        """Every pair as often as the weight of its corpus says.

        Raises:
            DataError: One cannot be read.
        """
        parts = [self._part(i, epoch) for i in range(len(self.corpora))]
        rows = parts[0] if len(parts) == 1 else self._dealt(parts)
        if self.held_out:
            return (row for row in rows if source_hash(row[0]) not in self.held_out)
        return rows

    def unweighted(self) -> Iterator[Row]:
        """Every pair once."""
        return dataclasses.replace(self, weights=[1.0] * len(self.weights)).rows(0)

    def _part(self, index: int, epoch: int) -> Iterator[Row]:
        corpus = self.corpora[index]
        whole, share = divmod(self.weights[index], 1)
        for _ in range(int(whole)):
            yield from corpus.rows()
        if share:
            generator = random.Random(f"{self.seed}-{epoch}-{index}")
            yield from (row for row in corpus.rows() if generator.random() < share)

    def _dealt(self, parts: Sequence[Iterator[Row]]) -> Iterator[Row]:
        """Deal parts into each other: the next row is of the part that has advanced least."""
        steps = [1 / (s * w) for s, w in zip(self.sizes, self.weights, strict=True)]
        heap = [(step / 2, index) for index, step in enumerate(steps)]
        heapq.heapify(heap)
        while heap:
            way, index = heap[0]
            row = next(parts[index], None)
            if row is None:
                heapq.heappop(heap)
                continue
            yield row
            heapq.heapreplace(heap, (way + steps[index], index))


class Side(NamedTuple):
    """Ids of many texts, one after the other."""

    ids: npt.NDArray[np.int32]
    starts: npt.NDArray[np.int64]  # (N + 1,), the last is the end of all

    @property
    def lengths(self) -> Lengths:
        """(N,) pieces of each text."""
        return np.diff(self.starts).astype(np.int32)

    def take(self, rows: Rows) -> list[list[int]]:
        """Ids of some texts."""
        return [self.ids[self.starts[row] : self.starts[row + 1]].tolist() for row in rows]


class Pool(NamedTuple):
    """Pairs that are shuffled together."""

    source: Side
    target: Side


@dataclass(frozen=True)
class Pools:
    """The pools of an epoch, tokenized.

    Args:
        stream: Where the pairs come from.
        size: Pairs of a pool.
        reader: Tokenizes pairs and makes batches of them.
    """

    stream: Stream
    size: int
    reader: BatchReader

    def read(self, epoch: int, first: int = 0, step: int = 1) -> Iterator[Pool]:
        """Pools ``first``, ``first + step``, …. Pairs of the others are not tokenized.

        Raises:
            DataError: A pair cannot be read.
        """
        rows = self.stream.rows(epoch)
        next(itertools.islice(rows, first * self.size, first * self.size), None)
        number = first * self.size  # of the pair, in this epoch
        while pool := self._pool(itertools.islice(rows, self.size), epoch, number):
            yield pool
            skipped = (step - 1) * self.size
            next(itertools.islice(rows, skipped, skipped), None)
            number += step * self.size

    def _pool(self, rows: Iterator[Row], epoch: int, number: int) -> Pool | None:
        sides: list[tuple[list[npt.NDArray[np.int32]], list[int]]] = [([], [0]), ([], [0])]
        while chunk := list(itertools.islice(rows, _CHUNK)):
            numbers = range(number, number + len(chunk))
            encoded = self.reader.encode(chunk, epoch, numbers)
            for ids, (arrays, lengths) in zip(encoded, sides, strict=True):
                lengths += map(len, ids)
                arrays.append(np.fromiter(itertools.chain.from_iterable(ids), np.int32))
            number += len(chunk)
        if not sides[0][0]:
            return None
        return Pool(*(Side(np.concatenate(a), np.cumsum(n, dtype=np.int64)) for a, n in sides))


class _Source(IterableDataset[Pool | DataError]):
    """Pools from ``first`` on, dealt to the workers."""

    def __init__(self, pools: Pools, epoch: int, first: int) -> None:
        self._pools, self._epoch, self._first = pools, epoch, first

    def __iter__(self) -> Iterator[Pool | DataError]:
        worker = get_worker_info()
        first, step = (0, 1) if worker is None else (worker.id, worker.num_workers)
        try:
            yield from self._pools.read(self._epoch, self._first + first, step)
        except DataError as error:  # raised in a worker it would carry the worker's traceback
            yield error


class StreamedLoader:
    """Iterates over one epoch's batches, whose number is unknown.

    Lightning asks such a loader for one batch more than it trains on, to know the last one. With
    ``limit_train_batches`` it knows the number and does not ask. The state names the batch to train on
    next: the one that was handed out last, or the one behind it.

    Args:
        pools: Where pairs come from.
        plan: The batches of a pool (rows of it), given the epoch and the pool's number.
        epoch: What the state belongs to.
        read_epoch: The epoch that is read. Default: ``epoch``.
        asked_ahead: Whether Lightning asks for one batch more than it trains on.
        num_workers: Processes that read and tokenize pools ahead. 0 does so in this one.
        on_end: Called after the last batch.
    """

    made_by: object = None  # the data module

    def __init__(
        self,
        pools: Pools,
        plan: Callable[[Pool, int, int], Sequence[Rows]],
        *,
        epoch: int = 0,
        read_epoch: int | None = None,
        asked_ahead: bool = True,
        num_workers: int = 0,
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        self._pools, self._plan = pools, plan
        self._epoch, self._num_workers, self._on_end = epoch, num_workers, on_end
        self._read_epoch = epoch if read_epoch is None else read_epoch
        self._asked_ahead = asked_ahead
        self._state = {"epoch": epoch, "pool": 0, "position": 0}

    def __iter__(self) -> Iterator[Batch | LabelledBatch]:
        start = self._state
        pools = read_ahead(
            lambda done: _Source(self._pools, self._read_epoch, start["pool"] + done),
            self._num_workers,
            each=1,
            batch_size=None,
            collate_fn=_unchanged,
        )
        for number, pool in enumerate(pools, start["pool"]):
            if isinstance(pool, DataError):
                raise pool
            batches = self._plan(pool, self._read_epoch, number)
            first = start["position"] if number == start["pool"] else 0
            for position in range(first, len(batches)):
                following = position + (not self._asked_ahead)
                self._state = {"epoch": self._epoch, "pool": number, "position": following}
                rows = batches[position]
                source, target = pool.source.take(rows), pool.target.take(rows)
                yield self._pools.reader.collate(source, target)
            self._state = {"epoch": self._epoch, "pool": number + 1, "position": 0}
        self._on_end()

    def state_dict(self) -> dict[str, int]:
        """Epoch, pool, and the batch of it that comes next."""
        return dict(self._state)

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Resume behind the position of a state. A state of another epoch is ignored."""
        if state["epoch"] == self._epoch:
            self._state = dict(state)


def _unchanged(item: T) -> T:
    return item
