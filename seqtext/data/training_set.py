"""The rows to train on: prepared on disk, or streamed. Both plan whole updates and share them out."""

from __future__ import annotations

import dataclasses
import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import datasets
import numpy as np

from seqtext.console import say
from seqtext.data.augmentation import Augmentation
from seqtext.data.bucketing import Place, Planner, Rows, Weights, share
from seqtext.data.corpus import Corpus
from seqtext.data.encoding import BatchReader, Sides, encode_rows, join, lengths_of
from seqtext.data.held_out import HeldOut, hold_out, source_hash
from seqtext.data.left_out import LeftOut
from seqtext.data.loader import PlannedLoader
from seqtext.data.options import Mixture
from seqtext.data.readers import Row
from seqtext.data.streaming import Pool, Pools, Stream, StreamedLoader

_TOKENIZER_ROWS = 250_000  # of a stream, read for training tokenizers


@dataclass(kw_only=True, eq=False)
class TrainingSet(ABC):
    """Rows to train on.

    First ``rows`` are read to train tokenizers. Then ``prepare`` runs once on each node, ``open`` on
    every rank, and ``loader`` in every epoch.

    Args:
        corpora: Where the rows come from.
        mixture: How often an epoch has each corpus.
        planner: Plans the batches.
        left_out: Says which rows are left out, and counts them.
        validation_part: The part that becomes the validation set, and is not trained on. None for none.
        num_workers: Processes that prepare batches ahead.
    """

    streamed: ClassVar[bool]
    corpora: Sequence[Corpus]
    mixture: Mixture
    planner: Planner
    left_out: LeftOut
    validation_part: HeldOut | None
    num_workers: int
    is_open: bool = field(init=False, default=False)
    held_out: datasets.Dataset | None = field(init=False, default=None)  # after ``open``

    @abstractmethod
    def rows(self) -> Iterator[Row]:
        """Rows to train tokenizers on, each once.

        Raises:
            DataError: A row cannot be read.
        """

    @property
    def tags(self) -> list[str]:
        """Words before sources that are pieces."""
        return [corpus.tag for corpus in self.corpora if corpus.tag is not None]

    @abstractmethod
    def prepare(self, tokenizers: Sides) -> str:
        """Prepare on disk what ``open`` needs. Returns what there is, for a message."""

    @abstractmethod
    def open(self, reader: BatchReader) -> None:
        """Make ready for training: leave rows out, and hold rows out.

        Raises:
            ConfigError: An epoch would have too many rows.
            DataError: No row is left to train on.
        """

    @abstractmethod
    def updates_per_epoch(self, shares: int) -> int | None:
        """Updates in the first epoch. Later epochs have nearly as many. None if nobody knows."""

    @abstractmethod
    def loader(
        self, place: Place, read_epoch: int, *, asked_ahead: bool
    ) -> PlannedLoader | StreamedLoader:
        """The batches of a rank in an epoch.

        Args:
            place: The rank and the epoch.
            read_epoch: The epoch whose batches are read.
            asked_ahead: Whether Lightning asks a loader of unknown length for one batch more than it
                trains on.

        Raises:
            DataError: There are too few rows for all shares of an update.
        """


@dataclass(kw_only=True, eq=False)
class PreparedTrainingSet(TrainingSet):
    """Tokenized rows on disk, in an Arrow table.

    Args:
        encode: Makes the table of each corpus, or opens that of an earlier time.
        augmentation: Makes further pairs of those that are trained on. None makes none.
    """

    streamed = False
    encode: Callable[[Sides], list[datasets.Dataset]]
    augmentation: Augmentation | None = None
    table: datasets.Dataset = field(init=False)  # of all rows, see ``encode``
    kept: Rows = field(init=False)  # indices of the rows that are trained on
    _weights: Weights | None = field(init=False)  # of these rows
    _reader: BatchReader = field(init=False)

    @property
    def tags(self) -> list[str]:
        """Words before sources, made ones included, that are pieces."""
        return super().tags + (self.augmentation.tags if self.augmentation is not None else [])

    def rows(self) -> Iterator[Row]:
        """All rows."""
        return itertools.chain.from_iterable(corpus.rows() for corpus in self.corpora)

    def prepare(self, tokenizers: Sides) -> str:
        """Tokenize all rows."""
        count = sum(map(len, self.encode(tokenizers)))
        return f"{count:,} train {self.planner.rows_are} from {self.left_out.names}"

    def open(self, reader: BatchReader) -> None:
        """Open the tables, and choose rows by their lengths."""
        tables, self._reader = self.encode(reader.tokenizers), reader
        self.table = join(tables)
        lengths = lengths_of(self.table)
        self.kept = self.left_out.count(*lengths)
        self.left_out.tell()
        if self.validation_part is not None:
            usable = self.left_out.usable(*lengths)
            self.held_out, chosen = hold_out(
                self.table,
                usable,
                self.validation_part,
                available=f"{len(usable):,}",
                rows_are=self.planner.rows_are,
            )
            self.kept = np.setdiff1d(self.kept, chosen)
        sizes = [len(table) for table in tables]
        self._weights = self.mixture.of_rows(sizes, self.kept, self.planner.rows_are)
        if self.augmentation is not None:
            self._add_rows(self.augmentation)
        self.is_open = True

    def _add_rows(self, augmentation: Augmentation) -> None:
        """Add rows made of those that are trained on. An epoch has each once."""
        augmentation.check(self._reader.tokenizers)
        texts = self.table.select(self.kept)
        rows = augmentation.make([*zip(texts["source"], texts["target"], strict=True)], self.tags)
        made = encode_rows(rows, self._reader.tokenizers)
        kept = self.left_out.count(*lengths_of(made)) + len(self.table)
        if self._weights is not None:
            self._weights = np.concatenate([self._weights, np.ones(len(kept))])
        self.kept = np.concatenate([self.kept, kept])
        self.table = join([self.table, made])

    def updates_per_epoch(self, shares: int) -> int:
        """Updates in the first epoch."""
        source, target = lengths_of(self.table)
        plan = self.planner.plan(source[self.kept], target[self.kept], shares, self._weights)
        return len(plan.updates(0))

    def loader(self, place: Place, read_epoch: int, *, asked_ahead: bool) -> PlannedLoader:
        """The batches of a rank, whose number is known."""
        source, target = (lengths[self.kept] for lengths in lengths_of(self.table))
        updates = self.planner.plan(source, target, place.shares, self._weights).updates(read_epoch)
        if place.epoch == 0:
            say(f"data: {self.planner.describe(updates, source, target, 'an epoch')}")
        batches = share([self.kept[rows] for rows in updates], place)
        read = self._reader.over(self.table, read_epoch)
        return PlannedLoader(batches, read, epoch=place.epoch, num_workers=self.num_workers)


@dataclass(kw_only=True, eq=False)
class StreamedTrainingSet(TrainingSet):
    """Rows that are read anew in every epoch, and shuffled pool by pool.

    Args:
        shuffle_buffer: Rows of a pool.
    """

    streamed = True
    shuffle_buffer: int
    _pools: Pools = field(init=False)
    _whole: Stream | None = field(init=False, default=None)

    def rows(self) -> Iterator[Row]:
        """The first rows."""
        return itertools.islice(self._stream().unweighted(), _TOKENIZER_ROWS)

    def prepare(self, tokenizers: Sides) -> str:
        """Nothing is prepared on disk."""
        return f"train streamed from {self.left_out.names}"

    def _stream(self) -> Stream:
        """All rows, none held out."""
        if self._whole is None:
            sizes: list[int] = []
            if len(self.corpora) > 1:  # their sizes say how they are dealt into each other
                sizes = [sum(1 for _ in corpus.rows()) for corpus in self.corpora]
            weights = self.mixture.of_corpora(sizes).tolist()
            self._whole = Stream(self.corpora, weights, sizes, self.planner.seed)
        return self._whole

    def open(self, reader: BatchReader) -> None:
        """Hold out some of the first rows."""
        stream = self._stream()
        if self.validation_part is not None:
            first = list(itertools.islice(stream.unweighted(), self.shuffle_buffer))
            table = encode_rows(first, reader.tokenizers)
            self.held_out, chosen = hold_out(
                table,
                self.left_out.usable(*lengths_of(table)),
                self.validation_part,
                available=f"the first {len(first):,}",
                rows_are=self.planner.rows_are,
                hint="; hold out fewer, or raise data.shuffle_buffer",
            )
            hashes = frozenset(source_hash(first[row][0]) for row in chosen)
            stream = dataclasses.replace(stream, held_out=hashes)
        self._pools = Pools(stream, self.shuffle_buffer, reader)
        self.is_open = True

    def updates_per_epoch(self, shares: int) -> None:
        """Nobody knows."""

    def loader(self, place: Place, read_epoch: int, *, asked_ahead: bool) -> StreamedLoader:
        """The batches of a rank, planned pool by pool."""
        return StreamedLoader(
            self._pools,
            lambda pool, epoch, number: self._batches(pool, epoch, number, place),
            epoch=place.epoch,
            read_epoch=read_epoch,
            asked_ahead=asked_ahead,
            num_workers=self.num_workers,
            on_end=self.left_out.tell if place.epoch == 0 else lambda: None,
        )

    def _batches(self, pool: Pool, epoch: int, number: int, place: Place) -> list[Rows]:
        """A rank's batches of a pool."""
        source, target = pool.source.lengths, pool.target.lengths
        kept = self.left_out.count(source, target)
        if 0 < len(kept) < place.shares and number:  # of the last pool, as each rank needs a row
            self.left_out.drop(len(kept), "too few for the last update")
            return []
        if not len(kept):
            return []
        source, target = source[kept], target[kept]
        updates = self.planner.plan(source, target, place.shares).updates(epoch, number)
        if epoch == number == 0:
            where = f"in the first {len(pool.source.lengths):,} pairs"
            say(f"data: {self.planner.describe(updates, source, target, where)}")
        return share([kept[rows] for rows in updates], place)
