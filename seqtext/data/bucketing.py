"""The plan of batches: like lengths together, the same on every rank, for every epoch anew.

An *update* is the set of rows behind one optimizer step. It is planned as a whole and then cut into
shares, one for each rank and each step of gradient accumulation. Neither of them therefore changes
what an update contains: more ranks make training faster, not different.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from seqtext.errors import ConfigError, DataError

Rows = npt.NDArray[np.int64]
Lengths = npt.NDArray[np.int32]
Weights = npt.NDArray[np.float64]

# Updates whose rows are sorted together. More leave less padding, and rows of rare lengths the same
# company in every epoch, if the whole corpus is one pool.
_POOL = 500


def check_size(batch_tokens: int | None, batch_size: int | None) -> None:
    """Check the size of an update.

    Raises:
        ConfigError: Not exactly one of the two is given.
    """
    if (batch_tokens is None) == (batch_size is None):
        raise ConfigError("data: give either batch_tokens or batch_size, and not both")


class Place(NamedTuple):
    """A rank in an epoch: what batches are cut for."""

    epoch: int = 0
    rank: int = 0
    ranks: int = 1
    accumulation: int = 1

    @property
    def shares(self) -> int:
        """Shares of an update."""
        return self.ranks * self.accumulation


class BatchPlan:
    """Which rows make up which update.

    Args:
        source_lengths: (N,) pieces of each source, eos counted.
        target_lengths: (N,) pieces of each target, eos counted.
        batch_tokens: Most pieces of an update, padding counted, on its longer side.
        batch_size: Or: rows of an update.
        shares: Ranks times accumulation steps. Each gets at least one row of every update.
        seed: Seed of the shuffling.
        weights: (N,) how often an epoch has each row. With 0.5 it has a random half of the rows with
            this weight. Default: every row once.

    Raises:
        ConfigError: See ``check_size``.
        DataError: There are fewer rows than shares.
    """

    def __init__(
        self,
        source_lengths: Lengths,
        target_lengths: Lengths,
        *,
        batch_tokens: int | None = None,
        batch_size: int | None = None,
        shares: int = 1,
        seed: int = 0,
        weights: Weights | None = None,
    ) -> None:
        check_size(batch_tokens, batch_size)
        if len(source_lengths) < shares:
            raise DataError(
                f"{len(source_lengths)} rows cannot be shared by {shares} (ranks times accumulation"
                " steps); use fewer"
            )
        self._source, self._target = source_lengths, target_lengths
        self._longer = np.maximum(source_lengths, target_lengths)
        self._tokens, self._size = batch_tokens, batch_size
        self.shares, self._seed, self._weights = shares, seed, weights

    def updates(self, *epoch: int) -> list[Rows]:
        """The updates of one epoch in random order, with each row as often as its weight says.

        Args:
            epoch: The epoch's number, followed by the plan's where an epoch has several.

        Raises:
            DataError: Weights leave fewer rows than shares.
        """
        generator = np.random.default_rng((self._seed, *epoch))
        order = self._draw(generator)
        if len(order) < self.shares:
            raise DataError(
                f"an epoch has {len(order)} rows by the weights of the corpora, and {self.shares} shares"
                " (ranks times accumulation steps) need one each; raise data.train's weights"
            )
        updates: list[Rows] = []
        pool_size = max(_POOL * self._rows_per_update(), self.shares)
        for start in range(0, len(order), pool_size):
            pool = order[start : start + pool_size]
            updates.extend(self._cut(pool[self._by_length(pool)]))
        if len(updates) > 1 and len(updates[-1]) < self.shares:
            short = updates.pop()
            updates[-1] = np.concatenate([updates[-1], short])
        return [updates[i] for i in generator.permutation(len(updates))]

    def _draw(self, generator: np.random.Generator) -> Rows:
        """The rows of one epoch in random order."""
        if self._weights is None:
            return generator.permutation(len(self._source))
        drawn = []
        for weight in np.unique(self._weights):
            rows = np.flatnonzero(self._weights == weight)
            drawn += [rows] * int(weight)
            drawn.append(generator.permutation(rows)[: round(weight % 1 * len(rows))])
        return generator.permutation(np.concatenate(drawn))

    def _by_length(self, pool: Rows) -> Rows:
        """Order by target length, and within one by source length, up and down in turns.

        So the source lengths of neighbours stay alike where the target length changes.
        """
        source, target = self._source[pool], self._target[pool]
        return np.lexsort((np.where(target % 2, source, -source), target))

    def _rows_per_update(self) -> int:
        if self._size is not None:
            return self._size
        assert self._tokens is not None
        return max(1, int(self._tokens / self._longer.mean()))

    def _cut(self, pool: Rows) -> list[Rows]:
        """Cut rows that are sorted by length into updates."""
        updates: list[Rows] = []
        longer, start = self._longer[pool], 0
        while start < len(pool):
            if self._size is not None:
                count = self._size
            else:
                assert self._tokens is not None
                window = longer[start : start + self._tokens]
                padded = np.maximum.accumulate(window) * np.arange(1, len(window) + 1)
                count = int(np.searchsorted(padded, self._tokens, side="right"))
            count = max(count, self.shares)
            if len(pool) - start - count < self.shares:  # too few left for an update of their own
                count = len(pool) - start
            updates.append(pool[start : start + count])
            start += count
        return updates


@dataclass(frozen=True)
class Planner:
    """Plans batches by the options of a data module.

    Args:
        batch_tokens: See ``BatchPlan``.
        batch_size: Likewise.
        seed: Likewise.
        source_limit: Sources are cut behind so many pieces.
        counts_targets: Whether targets are texts, whose lengths count. Labels cost nothing.
        rows_are: What a row is called.
    """

    batch_tokens: int | None
    batch_size: int | None
    seed: int
    source_limit: int | None
    counts_targets: bool
    rows_are: str

    def plan(
        self, source: Lengths, target: Lengths, shares: int, weights: Weights | None = None
    ) -> BatchPlan:
        """Plan rows with these lengths, eos not counted.

        Raises:
            DataError: See ``BatchPlan``.
        """
        return BatchPlan(
            *self._lengths(source, target),
            batch_tokens=self.batch_tokens,
            batch_size=self.batch_size,
            shares=shares,
            seed=self.seed,
            weights=weights,
        )

    def for_validation(self, accumulation: int) -> Planner:
        """A planner of batches like those of training, which do not depend on the seed."""
        tokens, size = (
            None if limit is None else max(1, limit // accumulation)
            for limit in (self.batch_tokens, self.batch_size)
        )
        return dataclasses.replace(self, batch_tokens=tokens, batch_size=size, seed=0)

    def describe(self, updates: list[Rows], source: Lengths, target: Lengths, where: str) -> str:
        """What updates of rows with these lengths hold, for a message."""
        source, target = self._lengths(source, target)
        rows = sum(map(len, updates)) / len(updates)
        counted = f"{len(updates):,} updates {where} of {rows:.0f} {self.rows_are}"
        of_source = f"{padding(updates, source):.1%}"
        if not self.counts_targets:
            return f"{counted}; padding {of_source}"
        pieces = sum(int(target[rows].sum()) for rows in updates) / len(updates)
        return (
            f"{counted}, {pieces:.0f} target pieces; padding {padding(updates, target):.1%} of the"
            f" target, {of_source} of the source"
        )

    def _lengths(self, source: Lengths, target: Lengths) -> tuple[Lengths, Lengths]:
        """What rows cost: pieces that are read, with eos."""
        target = target + 1 if self.counts_targets else np.ones_like(target)
        return cut_lengths(source, self.source_limit) + 1, target


def cut_lengths(source: Lengths, limit: int | None) -> Lengths:
    """Lengths of sources that are cut behind ``limit`` pieces."""
    return source if limit is None else np.minimum(source, limit)


def share(updates: list[Rows], place: Place) -> list[Rows]:
    """The batches of one rank: every update cut in pieces of like length, one for each accumulation step.

    Returns:
        ``len(updates) * accumulation`` batches, the pieces of an update one after the other.
    """
    pieces = range(place.rank, place.shares, place.ranks)
    return [rows[first :: place.shares] for rows in updates for first in pieces]


def padding(batches: list[Rows], lengths: Lengths) -> float:
    """Share of the positions of all batches that is padding, 0 to 1."""
    real = sum(int(lengths[rows].sum()) for rows in batches)
    return 1 - real / sum(int(lengths[rows].max()) * len(rows) for rows in batches)
