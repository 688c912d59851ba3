"""One row of a corpus: its source and target, picked from the columns of a table or an object."""

from __future__ import annotations

import functools
import multiprocessing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from seqtext.data.readers.columns import Columns as Columns
from seqtext.data.readers.columns import LabelColumns as LabelColumns
from seqtext.data.readers.columns import source_columns
from seqtext.errors import DataError
from seqtext.suggestion import suggest

Row = tuple[str, str]
_COLUMN_MARKS = (",", ";", "|", "\t")  # that tables have between columns


class Record(NamedTuple):
    """One row of a corpus."""

    where: str  # file and line, as messages name it
    row: Row | DataError  # the error says why the row cannot be read


class Repeated(NamedTuple):
    """The value of a field that an object has more than once."""

    places: list[int]


def records(row: Mapping[str, object], columns: Columns, where: str) -> Iterator[Record]:
    """Source and target of a row. A dotted column name reaches into an object within the row.

    A list of several targets (references) makes as many records, which all stand at ``where``.
    """
    try:
        rows = (
            [_labelled(row, columns, where)]
            if isinstance(columns, LabelColumns)
            else _pairs(row, columns, where)
        )
    except DataError as error:
        yield Record(where, error)
        return
    yield from (Record(where, pair) for pair in rows)


def _pairs(row: Mapping[str, object], columns: Columns, where: str) -> list[Row]:
    source, target = _source(row, columns, where), _value(row, columns[1], where)
    targets = target if isinstance(target, list) and target else [target]
    return [(source, _text(reference, columns[1], where)) for reference in targets]


def _labelled(row: Mapping[str, object], columns: LabelColumns, where: str) -> Row:
    text, value = _source(row, columns, where), _value(row, columns.label, where)
    labels = value if isinstance(value, list) else [value]
    names = (_label(label, columns.label, where) for label in labels)
    return text, "\n".join(names)


def _source(row: Mapping[str, object], columns: Columns, where: str) -> str:
    source = source_columns(columns, row)
    return source.join(values_of(row, source.names, where))


def values_of(row: Mapping[str, object], names: Iterable[str], where: str) -> list[str]:
    """The texts in some columns of a row. ``where`` is the row's name in messages.

    Raises:
        DataError: A column is missing, or holds no text.
    """
    return [_text(_value(row, name, where), name, where) for name in names]


def _label(value: object, column: str, where: str) -> str:
    """The name of a label. A number is a name too."""
    if isinstance(value, bool | int):
        return str(value).lower()
    name = _text(value, column, where).strip()
    if "\n" in name:
        raise DataError(f"{where}: column {column!r} holds {name!r}, expected a label in one line")
    return name


def _value(row: Mapping[str, object], column: str, where: str) -> object:
    value: object = row
    for name in [column] if _own_spelling(column, row) in row else column.split("."):
        if not isinstance(value, Mapping) or (name := _own_spelling(name, value)) not in value:
            raise DataError(_missing(column, list(_names(row)), where))
        value = value[name]
        if isinstance(value, Repeated):
            raise DataError(_repeated(name, value.places, where))
    return value


def _text(value: object, column: str, where: str) -> str:
    if not isinstance(value, str):
        content = "nothing (null)" if value is None else f"{type(value).__name__} {value!r}"
        raise DataError(f"{where}: column {column!r} holds {content}, expected text")
    try:
        value.encode()
    except UnicodeEncodeError as error:  # JSON can spell half of a character
        half = f"\\u{ord(value[error.start]):04x}"
        raise DataError(
            f"{where}: column {column!r} holds {half}, half of a surrogate pair, expected text"
        ) from error
    return value


def _names(row: Mapping[str, object], prefix: str = "") -> Iterator[str]:
    for name, value in row.items():
        if isinstance(value, Mapping):
            yield from _names(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def by_language(texts: Mapping[str, str], columns: Columns) -> dict[str, str]:
    """Texts by language, and also by the column names that stand for them, as ``en`` for ``en-GB``."""
    row = dict(texts)
    for column in fields(columns, texts):
        wanted = column.lower()
        for language, text in texts.items():
            known = language.lower()
            if known == wanted or known.startswith((f"{wanted}-", f"{wanted}_")):
                row.setdefault(column, text)
    return row


# --- the columns of a table -------------------------------------------------------------------------------


def fields(columns: Columns, known: Iterable[str]) -> list[str]:
    """The single columns that ``columns`` name in rows with the columns ``known``."""
    return [*source_columns(columns, known).names, columns[1]]


def check_columns(names: Iterable[str], columns: Columns, where: str) -> None:
    """Check that a table has the columns, each once.

    Raises:
        DataError: A column is missing, or the table has it twice.
    """
    known = list(names)
    check_names(known, fields(columns, known), where)


def check_names(known: Sequence[str], needed: Iterable[str], where: str) -> None:
    """``check_columns`` for single columns."""
    for column in needed:
        name = top_level(column, known)
        if name not in known:
            raise DataError(_missing(column, list(known), where))
        if known.count(name) > 1:
            raise DataError(_repeated(name, places_of(name, known), where))


def top_level(column: str, known: Sequence[str]) -> str:
    """The column of a table that holds the values of a dotted name, in the table's letter case."""
    names = tuple(known)
    whole = spelled(column, names)
    return whole if whole in names else spelled(column.partition(".")[0], names)


@functools.lru_cache(maxsize=256)
def spelled(column: str, names: tuple[str, ...]) -> str:
    """The name among ``names`` that differs from ``column`` in letter case at most.

    ``column`` itself where it is among them, and also where no name or several fit.
    """
    if column in names:
        return column
    # tables of pandas can have numbers as names
    same = [name for name in names if str(name).casefold() == column.casefold()]
    return same[0] if len(same) == 1 else column


def _own_spelling(column: str, row: Mapping[str, object]) -> str:
    """The name of a column as a row has it. A difference is said once."""
    if column in row:
        return column
    name = spelled(column, tuple(row))
    if name != column:
        tell_once(f"data: there is no column {column!r}, so column {name!r} is read")
    return name


@functools.cache
def tell_once(message: str) -> None:
    """Say what a reader has noticed, however often it reads."""
    if multiprocessing.parent_process() is None:  # workers would say it again in every epoch
        from seqtext.console import say  # loads Lightning, which reading does without

        say(message)


def places_of(name: str, names: Sequence[str]) -> list[int]:
    """Where ``names`` has this name, counted from 1."""
    return [place for place, known in enumerate(names, 1) if known == name]


def _repeated(column: str, places: list[int], where: str) -> str:
    numbers = " and ".join(map(str, places))
    return (
        f"{where}: column {column!r} is there {len(places)} times, at places {numbers}; rename or"
        " delete one"
    )


def _missing(column: str, known: list[str], where: str) -> str:
    if len(known) == 1 and any(mark in known[0] for mark in _COLUMN_MARKS):
        return (
            f"{where}: no column {column!r}; all of the header is one column, {known[0]!r:.80}. Commas"
            " separate the columns of a .csv file, and tabs those of a .tsv file; convert it, or rename it"
        )
    return (
        f"{where}: no column {column!r}; there are {', '.join(map(repr, known))}{suggest(column, known)}."
        " Choose with --data.source and --data.target (of a classifier --data.text and --data.label)"
    )
