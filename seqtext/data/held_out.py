"""Which training rows are held out as the validation set: chosen by a hash of their source."""

from __future__ import annotations

import hashlib

import datasets
import numpy as np

from seqtext.console import say
from seqtext.data.bucketing import Rows
from seqtext.errors import DataError


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
