"""Which rows are left out of training, and for which reasons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from seqtext.console import say
from seqtext.data.bucketing import Lengths, Planner, Rows, cut_lengths
from seqtext.errors import DataError

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
