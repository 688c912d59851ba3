"""The plan of batches: like lengths together, the same on every rank, for every epoch anew.

An *update* is the set of rows behind one optimizer step. It is planned as a whole and then cut into
shares, one for each rank and each step of gradient accumulation. Neither of them therefore changes
what an update contains: more ranks make training faster, not different.
"""

from __future__ import annotations

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
        ConfigError: Not exactly one of the two is given, or it is too small.
    """
    if (batch_tokens is None) == (batch_size is None):
        raise ConfigError("data: give either batch_tokens or batch_size, and not both")
    for name, value in (("batch_tokens", batch_tokens), ("batch_size", batch_size)):
        if value is not None and value < 1:
            raise ConfigError(f"data.{name}: {value}, expected at least 1")


class BatchPlan:
    """Which rows make up which update.

    Args:
        source_lengths: (N,) pieces of each source, eos counted.
        target_lengths: (N,) pieces of each target, eos counted.
        batch_tokens: Most pieces of an update, padding counted, on its longer side.
        batch_size: Or: rows of an update.
        shares: Ranks times accumulation steps; each gets at least one row of every update.
        seed: Of the shuffling.
        weights: (N,) how often an epoch has each row: 0.5 says that it has a random half of the rows
            with this weight. Default: every row once.

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
        """The updates of one epoch, every row in as many of them as its weight says, in random order.

        Args:
            epoch: Its number; where an epoch has several plans, the plan's number as well.

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


def share(updates: list[Rows], *, rank: int, ranks: int, accumulation: int) -> list[Rows]:
    """The batches of one rank: every update cut in ``accumulation`` pieces of like length.

    Returns:
        ``len(updates) * accumulation`` batches, the pieces of an update one after the other.
    """
    step = ranks * accumulation
    return [rows[piece * ranks + rank :: step] for rows in updates for piece in range(accumulation)]


def padding(batches: list[Rows], lengths: Lengths) -> float:
    """Share of the positions of all batches that is padding, 0 to 1."""
    real = sum(int(lengths[rows].sum()) for rows in batches)
    return 1 - real / sum(int(lengths[rows].max()) * len(rows) for rows in batches)
