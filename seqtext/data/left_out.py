"""Which rows are not trained on, and why: counted, and told once all have been read."""

from __future__ import annotations

from collections import Counter

import numpy as np
import numpy.typing as npt

from seqtext.console import say
from seqtext.data.bucketing import Lengths, Rows
from seqtext.errors import DataError

Reasons = dict[str, npt.NDArray[np.bool_]]  # of each row, whether it is left out on account of this


def kept_rows(reasons: Reasons) -> Rows:
    """The rows that there is no reason to leave out."""
    return np.flatnonzero(~np.logical_or.reduce(list(reasons.values())))


class LeftOut:
    """Counts of training rows.

    Args:
        rows_are: What a row is called.
        source_limit: Pieces behind which sources are cut, if they are.
    """

    def __init__(self, rows_are: str, source_limit: int | None) -> None:
        self.rows_are, self.source_limit = rows_are, source_limit
        self.read = self.cut = self.total = 0
        self.longest = 0  # pieces read of the longest source that is trained on
        self.by_reason = Counter[str]()

    def count(self, reasons: Reasons, source: Lengths) -> Rows:
        """Count rows with the lengths of their sources; those that are trained on."""
        kept = kept_rows(reasons)
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

    def tell(self, names: str) -> None:
        """Say what was counted in the corpora called ``names``.

        Raises:
            DataError: It is everything.
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
                f"{names}: nothing is left to train on ({counts}); longer rows stay in with"
                " data.max_source_length and data.max_target_length"
            )
