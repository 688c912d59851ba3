"""JSON: an object a line, or a list of objects."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from seqtext.data.readers.rows import Columns, Record, Repeated, places_of, records
from seqtext.data.readers.text import lines_of
from seqtext.errors import DataError


def read_jsonl(paths: list[Path], columns: Columns, *, lenient: bool = False) -> Iterator[Record]:
    """An object a line. Empty lines are skipped.

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


def read_json(paths: list[Path], columns: Columns, *, lenient: bool = False) -> Iterator[Record]:
    """A list of objects, or an object a line as in ``read_jsonl``. The list is held in memory.

    Raises:
        DataError: Not UTF-8, unreadable, or neither of these two.
    """
    [path] = paths
    text = "".join(lines_of(path, ends=True, lenient=lenient))
    try:
        rows = _from_json(text)
    except ValueError as error:
        if text.lstrip().startswith("{"):
            yield from read_jsonl(paths, columns, lenient=lenient)
            return
        raise DataError(f"{path}: {error}") from None
    if isinstance(rows, dict):
        lists = [name for name, value in rows.items() if isinstance(value, list)]
        advice = f"; take out a list: jq -c '.{lists[0]}[]' {path} > NEW.jsonl" if lists else ""
        raise DataError(f"{path}: is one object, expected a list of objects{advice}")
    if not isinstance(rows, list):
        raise DataError(f"{path}: expected a list of objects, got {text[:40]}")
    for number, row in enumerate(rows, 1):
        yield from _records(row, columns, f"{path}, record {number}")


def read_object(line: str, where: str) -> dict[str, object]:
    """The object in a line of JSON lines.

    Raises:
        DataError: The line has something else. ``where`` is its name in the message.
    """
    try:
        row = _from_json(line)
    except ValueError as error:
        raise DataError(f"{where}: {error}") from None
    if not isinstance(row, dict):
        raise _no_object(row, where)
    return row


def _records(row: object, columns: Columns, where: str) -> Iterator[Record]:
    if isinstance(row, dict):
        yield from records(row, columns, where)
        return
    yield Record(where, _no_object(row, where))


def _no_object(row: object, where: str) -> DataError:
    content = json.dumps(row, ensure_ascii=False)[:40]
    return DataError(f"{where}: expected an object with named fields, got {content}")


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
