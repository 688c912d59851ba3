"""Which training rows are held out as the validation set: a number of them, or a fold."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from seqtext.console import say
from seqtext.data.bucketing import Rows
from seqtext.errors import ConfigError, DataError

if TYPE_CHECKING:
    import datasets

Hashes = npt.NDArray[np.uint64]
_SPLIT, _FOLD, _FOLDS = "split:", "fold:", "folds:"
NAMED = (_SPLIT, _FOLD, _FOLDS)  # what a validation set of training rows is named by


class HeldOut(ABC):
    """A part of the training rows. Rows with the same source are all in it, or none is.

    ``str`` gives the value of ``data.validation`` that names it.
    """

    @abstractmethod
    def choose(self, hashes: Hashes, described: str) -> npt.NDArray[np.bool_]:
        """Choose rows by the hashes of their sources, the same rows wherever they stand.

        Args:
            hashes: (U,) of the rows that may be chosen.
            described: What these rows are, for messages.

        Returns:
            (U,) whether a row is chosen.

        Raises:
            DataError: There are fewer sources than parts.
        """

    @abstractmethod
    def count_of(self, rows: int) -> int:
        """About how many of so many rows are chosen."""


@dataclass(frozen=True)
class Split(HeldOut):
    """``split:COUNT``: so many rows. Rows with the same source can make it more."""

    count: int

    def __str__(self) -> str:
        return f"{_SPLIT}{self.count}"

    def choose(self, hashes: Hashes, described: str) -> npt.NDArray[np.bool_]:
        """The rows with the smallest hashes."""
        chosen: npt.NDArray[np.bool_] = hashes <= np.sort(hashes)[: self.count].max(initial=0)
        return chosen

    def count_of(self, rows: int) -> int:
        """The count, however many rows there are."""
        return self.count


@dataclass(frozen=True)
class Fold(HeldOut):
    """``fold:NUMBER/FOLDS``: one of several equal parts, which have all rows together.

    Args:
        number: Counted from 1.
        folds: How many parts there are.
    """

    number: int
    folds: int

    def __str__(self) -> str:
        return f"{_FOLD}{self.number}/{self.folds}"

    def choose(self, hashes: Hashes, described: str) -> npt.NDArray[np.bool_]:
        """A range of the sorted hashes. Folds differ by at most one different source."""
        different, ranks = np.unique(hashes, return_inverse=True)
        if len(different) < self.folds:
            raise DataError(
                f"data.validation: {self.folds} folds of {described}, which have {len(different)}"
                " different sources; give fewer folds"
            )
        chosen: npt.NDArray[np.bool_] = ranks * self.folds // len(different) == self.number - 1
        return chosen

    def count_of(self, rows: int) -> int:
        """The size of a fold."""
        return max(1, rows // self.folds)


def read_held_out(given: object) -> HeldOut | None:
    """The part of the training rows that ``data.validation`` names. None where it names none.

    Raises:
        ConfigError: There is no such part. Or ``folds:N`` is given, which is no single part.
    """
    if not isinstance(given, str) or not given.startswith(NAMED):
        return None
    if several := count_folds(given):
        raise ConfigError(
            f"data.validation: {given} trains {several} models, which only the command seqtext fit does;"
            f" give a fold for each, as {Fold(1, several)}"
        )
    kind, _, value = given.partition(":")
    if kind == "split":
        if not value.isdecimal() or not int(value):
            raise ConfigError(f"data.validation: {given}, expected split:COUNT, as split:1000")
        return Split(int(value))
    number, _, folds = value.partition("/")
    if not (number.isdecimal() and folds.isdecimal() and 1 <= int(number) <= int(folds) >= 2):
        raise ConfigError(
            f"data.validation: {given}, expected fold:NUMBER/FOLDS, as fold:1/5 to fold:5/5"
        )
    return Fold(int(number), int(folds))


def count_folds(given: object) -> int | None:
    """The number of folds that ``folds:N`` in ``data.validation`` names. None for another value.

    Raises:
        ConfigError: It is no number of folds.
    """
    if not isinstance(given, str) or not given.startswith(_FOLDS):
        return None
    count = given.removeprefix(_FOLDS)
    if not count.isdecimal() or int(count) < 2:
        raise ConfigError(
            f"data.validation: {given}, expected folds:N with at least 2 folds, as folds:5"
        )
    return int(count)


def source_hash(source: str) -> int:
    """64 bits that depend on the text alone."""
    return int.from_bytes(hashlib.blake2b(source.encode(), digest_size=8).digest())


def hold_out(
    rows: datasets.Dataset,
    usable: Rows,
    part: HeldOut,
    *,
    available: str,
    rows_are: str,
    hint: str = "",
) -> tuple[datasets.Dataset, Rows]:
    """Take a part of the usable rows.

    Args:
        rows: Encoded rows.
        usable: (U,) indices of the rows that may be chosen.
        part: Which rows to choose.
        available: How many there are, for messages.
        rows_are: What a row is called.
        hint: What else helps where too few rows are left.

    Returns:
        The chosen rows, kept in memory, and their indices.

    Raises:
        DataError: No row would be left to train on, or see ``HeldOut.choose``.
    """
    hashes = np.fromiter(map(source_hash, rows["source"]), dtype=np.uint64)[usable]
    described = f"{available} training {rows_are}"
    chosen: Rows = usable[part.choose(hashes, described)]
    if len(chosen) == len(usable):
        raise DataError(f"data.validation: {part} of {described} leaves none to train on{hint}")
    say(f"data: {len(chosen):,} of {described} are the validation set, by a hash of their source")
    return rows.select(chosen).flatten_indices(keep_in_memory=True), chosen
