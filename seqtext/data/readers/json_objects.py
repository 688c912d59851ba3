"""JSON: a row a line, or a list of rows in one value. A row is an object, or a list of its fields."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from seqtext.data.readers.rows import Columns, Record, Repeated, places_of, records
from seqtext.data.readers.tables import are_numbers, numbers
from seqtext.data.readers.text import lines_of
from seqtext.errors import DataError
from seqtext.suggestion import suggest


def read_jsonl(paths: list[Path], columns: Columns, *, lenient: bool = False) -> Iterator[Record]:
    """A row a line. Empty lines are skipped.

    Raises:
        DataError: Not UTF-8 or unreadable.
    """
    [path] = paths
    for number, line in enumerate(lines_of(path, lenient=lenient), 1):
        where = f"{path}:{number}"
        if not line.strip():
            continue
        try:
            row = _from_json(line)
        except ValueError as error:
            yield Record(where, DataError(f"{where}: {error}"))
            continue
        yield from _records(row, columns, where)


def read_json(
    paths: list[Path], columns: Columns, *, lenient: bool = False, key: str | None = None
) -> Iterator[Record]:
    """One JSON value that holds a list of rows, or a row a line as in ``read_jsonl``. It is held in memory.

    Args:
        key: Where in an object the list is, dotted for an object within it. None takes its only list.

    Raises:
        DataError: Not UTF-8, unreadable, or without such a list.
    """
    [path] = paths
    text = "".join(lines_of(path, ends=True, lenient=lenient))
    try:
        value = _from_json(text)
    except ValueError as error:
        if text.lstrip().startswith("{") and key is None:
            yield from read_jsonl(paths, columns, lenient=lenient)
            return
        raise DataError(f"{path}: {error}") from None
    for number, row in enumerate(_list_of(value, key, str(path)), 1):
        yield from _records(row, columns, f"{path}, record {number}")


def _list_of(value: object, key: str | None, name: str) -> list[object]:
    """The rows of a JSON value."""
    if key is None and isinstance(value, list):
        return value
    lists = dict(_lists_in(value)) if isinstance(value, dict) else {}
    if key is None and len(lists) == 1:
        return next(iter(lists.values()))
    if key in lists:
        return lists[key]
    names = ", ".join(map(repr, lists)) or "none"
    if key is not None:
        raise DataError(f"{name}: no list of rows {key!r}; there are {names}{suggest(key, lists)}")
    if lists:
        choice = f"--data.format json:{next(iter(lists))}"
        raise DataError(f"{name}: has several lists of rows, {names}; choose one, as {choice}")
    raise DataError(f"{name}: expected a list of objects, alone or below a key of an object")


def _lists_in(value: dict[str, object], prefix: str = "") -> Iterator[tuple[str, list[object]]]:
    """The lists of rows in an object and in those within it, by their dotted keys."""
    for name, content in value.items():
        if isinstance(content, dict):
            yield from _lists_in(content, f"{prefix}{name}.")
        elif isinstance(content, list) and content and isinstance(content[0], dict | list):
            yield f"{prefix}{name}", content


def read_object(line: str, where: str, *, numbered: bool) -> dict[str, object]:
    """The object in a line of JSON lines.

    Args:
        line: The line.
        where: Its name in messages.
        numbered: A list counts as an object with numbers as names, counted from 1.

    Raises:
        DataError: The line has something else.
    """
    try:
        row = _from_json(line)
    except ValueError as error:
        raise DataError(f"{where}: {error}") from None
    return _as_object(row, where, numbered=numbered)


def _records(row: object, columns: Columns, where: str) -> Iterator[Record]:
    try:
        named = _as_object(row, where, numbered=are_numbers(columns))
    except DataError as error:
        yield Record(where, error)
        return
    yield from records(named, columns, where)


def _as_object(row: object, where: str, *, numbered: bool) -> dict[str, object]:
    if isinstance(row, list) and numbered:
        return dict(zip(numbers(len(row)), row, strict=True))
    if isinstance(row, dict):
        return row
    content = json.dumps(row, ensure_ascii=False)[:40]
    reason = f"expected an object with named fields, got {content}"
    if isinstance(row, list):
        reason += ". Numbers as columns, counted from 1, name the items of a list"
    raise DataError(f"{where}: {reason}")


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """A JSON object, in which the value of a repeated field is ``Repeated``."""
    row = dict(pairs)
    if len(row) < len(pairs):
        names = [name for name, _ in pairs]
        row |= {name: Repeated(places_of(name, names)) for name in row if names.count(name) > 1}
    return row


_DECODER = json.JSONDecoder(object_pairs_hook=_object)  # json.loads would make one for every line


def _from_json(text: str) -> object:
    """The value of JSON text.

    Raises:
        ValueError: It is no JSON, or none that can be read. Its text says which.
    """
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        line = f"line {error.lineno}, " if error.lineno > 1 else ""
        raise ValueError(f"not JSON ({error.msg}, {line}column {error.colno})") from None
    except (ValueError, RecursionError) as error:  # numbers too long, lists in lists too deep
        raise ValueError(f"JSON that cannot be read ({error})") from None
