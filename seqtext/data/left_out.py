"""Which rows are not trained on: left out for a reason, or held out as the validation set."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from seqtext.console import say
from seqtext.data.bucketing import Lengths, Planner, Rows, cut_lengths
from seqtext.errors import DataError

if TYPE_CHECKING:
    import datasets

OUT_OF_SCOPE = "out of scope"  # the reason of rows that are left out, and yet validated on
Reasons = dict[str, npt.NDArray[np.bool_]]  # reason -> (N,) whether a row is left out for it


class LeftOut:
    """Counts of training rows.

    Args:
        names: Names of the training corpora.
        planner: Says where sources are cut, and what a row is called.
        reasons: Given lengths of sources as they are read, and of targets, which rows are left out.
    """

    def __init__(
        self,
        names: str,
        planner: Planner,
        reasons: Callable[[Lengths, Lengths], Reasons],
    ) -> None:
        self.names, self.rows_are, self._reasons = names, planner.rows_are, reasons
        self.source_limit = planner.source_limit
        self.read = self.cut = self.total = 0
        self.longest = 0  # pieces read of the longest source that is trained on
        self.by_reason = Counter[str]()

    def usable(self, source: Lengths, target: Lengths) -> Rows:
        """The rows that can be validated on."""
        reasons = self._find(source, target)
        reasons.pop(OUT_OF_SCOPE, None)
        return _kept(reasons)

    def count(self, source: Lengths, target: Lengths) -> Rows:
        """Count rows with these lengths, and find those that are trained on."""
        reasons = self._find(source, target)
        kept = _kept(reasons)
        longest = int(source[kept].max(initial=self.longest))
        if self.source_limit is not None:
            self.cut += int((source[kept] > self.source_limit).sum())
            longest = min(longest, self.source_limit)
        self.longest = longest
        self.read += len(source)
        self.by_reason += Counter({reason: int(mask.sum()) for reason, mask in reasons.items()})
        self.total += len(source) - len(kept)
        return kept

    def drop(self, rows: int, reason: str) -> None:
        """Leave out rows that were counted as trained on."""
        self.total += rows
        self.by_reason[reason] += rows

    def tell(self) -> None:
        """Say what was counted.

        Raises:
            DataError: Nothing is left.
        """
        if self.cut:
            say(
                f"data: {self.cut:,} of {self.read:,} training sources cut behind"
                f" {self.source_limit:,} pieces"
            )
        counts = ", ".join(f"{n:,} {reason}" for reason, n in self.by_reason.items() if n)
        if self.total:
            say(
                f"data: {self.total:,} of {self.read:,} training {self.rows_are} left out ({counts})"
            )
        if self.total and self.total == self.read:
            raise DataError(
                f"{self.names}: nothing is left to train on ({counts}); longer rows stay in with"
                " data.max_source_length and data.max_target_length"
            )

    def _find(self, source: Lengths, target: Lengths) -> Reasons:
        return self._reasons(cut_lengths(source, self.source_limit), target)


def _kept(reasons: Reasons) -> Rows:
    return np.flatnonzero(~np.logical_or.reduce(list(reasons.values())))


def source_hash(source: str) -> int:
    """64 bits that depend on the text alone."""
    return int.from_bytes(hashlib.blake2b(source.encode(), digest_size=8).digest())


def hold_out(
    rows: datasets.Dataset,
    usable: Rows,
    count: int,
    *,
    available: str,
    rows_are: str,
    hint: str = "",
) -> tuple[datasets.Dataset, Rows]:
    """Choose ``count`` of the usable rows, the same ones wherever they stand.

    Rows with the same source go together, so ``count`` may be exceeded.

    Args:
        rows: Encoded rows.
        usable: (U,) indices of the rows that may be chosen.
        count: Rows to choose.
        available: How many there are, for messages.
        rows_are: What a row is called.
        hint: What else helps where too few rows are left.

    Returns:
        The chosen rows, kept in memory, and their indices.

    Raises:
        DataError: No row would be left to train on.
    """
    hashes = np.fromiter(map(source_hash, rows["source"]), dtype=np.uint64)[usable]
    chosen: Rows = usable[hashes <= np.sort(hashes)[:count].max(initial=0)]
    if len(chosen) >= len(usable):
        raise DataError(
            f"data.validation: split:{count} of {available} training {rows_are} leaves none to"
            f" train on{hint}"
        )
    say(
        f"data: {len(chosen):,} of {available} training {rows_are} are the validation set, by a hash of"
        " their source"
    )
    return rows.select(chosen).flatten_indices(keep_in_memory=True), chosen
