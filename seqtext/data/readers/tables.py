"""Rows of text fields -> records. Columns have names in a header, or numbers where there is none."""

from __future__ import annotations

import csv
import functools
import io
import itertools
from collections.abc import Iterable, Iterator, Sequence

from seqtext.data.readers.rows import (
    Columns,
    LabelColumns,
    Record,
    check_columns,
    fields,
    records,
    spelled,
)
from seqtext.errors import DataError

Fields = tuple[str, list[str]]  # where a row stands, and its fields


def are_numbers(columns: Columns) -> bool:
    """Whether ``columns`` are numbers, counted from 1, as a table without a header has them."""
    return all(column.isdecimal() for column in fields(columns, ()))


@functools.lru_cache(maxsize=256)
def numbers(count: int) -> tuple[str, ...]:
    """The names of so many columns without a header."""
    return tuple(str(number) for number in range(1, count + 1))


def has_columns(first: Sequence[str], columns: Columns) -> bool:
    """Whether a table with this first row has the columns."""
    names = numbers(len(first)) if are_numbers(columns) else tuple(first)
    return all(spelled(column, names) in names for column in fields(columns, names))


def first_row(text: str, mark: str) -> list[str]:
    """The first row of comma-separated values with this mark in place of commas. Empty if it is none."""
    try:
        return next(csv.reader(io.StringIO(text, newline=""), delimiter=mark), [])
    except csv.Error:
        return []


def read_rows(rows: Iterable[Fields], columns: Columns, *, header: bool) -> Iterator[Record]:
    """The records of a table.

    Args:
        rows: All rows, that of a header included.
        columns: Names of source and target.
        header: Whether the first row has the names of the columns.

    Raises:
        DataError: The table has no such column.
    """
    rows = iter(rows)
    first = next(rows, None)
    if first is None:
        return
    where, names = first
    if not header:
        rows = itertools.chain([first], rows)
    checked = False
    for place, values in rows:
        known = names if header else numbers(len(values))
        if not checked:
            _check_columns(known, columns, where)
            checked = True
        yield from _records(known, values, columns, place)


def _check_columns(names: Sequence[str], columns: Columns, where: str) -> None:
    try:
        check_columns(names, columns, where)
    except DataError as error:
        hint = "" if are_numbers(columns) else ". Numbers name columns where there is no header"
        raise DataError(f"{error}{hint}") from None


def _records(
    names: Sequence[str], values: list[str], columns: Columns, where: str
) -> Iterator[Record]:
    if len(values) == len(names):
        yield from records(dict(zip(names, values, strict=True)), columns, where)
        return
    reason = f"{len(values)} columns, expected {len(names)} as in the header"
    if isinstance(columns, LabelColumns) and len(values) > len(names):
        reason += (
            ". Several labels belong in one field: set data.several_labels, and data.label_separator to what"
            " stands between them"
        )
    yield Record(where, DataError(f"{where}: {reason}"))
