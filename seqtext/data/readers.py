"""Files of sentence pairs -> records: one reader for each format.

A row that cannot be read is a record, too, so that whoever reads may stop there or count it. What
makes the rest of a file unreadable is raised.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

from seqtext.data.files import UNREADABLE, open_file, text_lines
from seqtext.errors import DataError

Row = tuple[str, str]
Columns = tuple[str, str]  # names of the source and of the target
csv.field_size_limit(2**31 - 1)  # rows of 100,000 words are longer than its default
_SEPARATORS = (",", ";", "|", "\t")  # that tables have between columns
SEPARATOR = "<sep>"  # a word of its own between two texts


class LabelColumns(NamedTuple):
    """``Columns`` of rows whose target is no text but a label, or a list of labels."""

    text: str  # or two, which make one text: premise+hypothesis
    label: str


class Record(NamedTuple):
    """One row of a corpus."""

    where: str  # file and line, as messages name it
    row: Row | DataError


def _lines_of(path: Path, *, ends: bool = False, lenient: bool = False) -> Iterator[str]:
    with open_file(path) as file:
        yield from text_lines(file, str(path), ends=ends, lenient=lenient)


# --- fields ---------------------------------------------------------------------------------------------


def records(row: Mapping[str, Any], columns: Columns, where: str) -> Iterator[Record]:
    """Two fields of a row; a dotted name reaches into an object within it.

    A list of several targets (references) makes as many records, which all stand at ``where``.
    """
    if isinstance(columns, LabelColumns):
        yield Record(where, _labelled(row, columns, where))
        return
    try:
        source, target = (_value(row, column, where) for column in columns)
        source = _text(source, columns[0], where)
        several = target if isinstance(target, list) and target else [target]
        targets = [_text(one, columns[1], where) for one in several]
    except DataError as error:
        yield Record(where, error)
        return
    for one in targets:
        yield Record(where, (source, one))


def _labelled(row: Mapping[str, Any], columns: LabelColumns, where: str) -> Row | DataError:
    try:
        *texts, label = fields(columns, row)
        text = f" {SEPARATOR} ".join(_text(_value(row, one, where), one, where) for one in texts)
        value = _value(row, label, where)
        several = value if isinstance(value, list) else [value]
        return text, "\n".join(_label(one, label, where) for one in several)
    except DataError as error:
        return error


def _label(value: Any, column: str, where: str) -> str:
    """A label's name; a number is one, too."""
    if isinstance(value, bool | int):
        return str(value).lower()
    name = _text(value, column, where).strip()
    if "\n" in name:
        raise DataError(f"{where}: column {column!r} holds {name!r}, expected a label in one line")
    return name


def fields(columns: Columns, there: Iterable[str]) -> list[str]:
    """The single fields that ``columns`` name, where rows have those that are ``there``."""
    if not isinstance(columns, LabelColumns) or columns.text in there:
        return list(columns)
    return [*columns.text.split("+"), columns.label]


def check_columns(names: Iterable[str], columns: Columns, where: str) -> None:
    """Raise what is wrong with every row of a table.

    Raises:
        DataError: There is no such column, or it is there twice.
    """
    there = list(names)
    for column in fields(columns, there):
        name = column if column in there else column.partition(".")[0]
        if name not in there:
            raise DataError(unknown(column, there, where))
        if there.count(name) > 1:
            places = [place for place, one in enumerate(there, 1) if one == name]
            raise DataError(_twice(name, places, where))


class _Repeated(NamedTuple):
    """The value of a field that an object has more than once."""

    places: list[int]


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object, in which the value of a repeated field is ``_Repeated``."""
    row = dict(pairs)
    if len(row) < len(pairs):
        names = [name for name, _ in pairs]
        for name in row:
            if names.count(name) > 1:
                places = [place for place, one in enumerate(names, 1) if one == name]
                row[name] = _Repeated(places)
    return row


def _twice(column: str, places: list[int], where: str) -> str:
    """What to say of a column that is there more than once."""
    numbers = " and ".join(map(str, places))
    return (
        f"{where}: column {column!r} is there {len(places)} times, at places {numbers}; rename or"
        " delete one"
    )


def unknown(column: str, names: Iterable[str], where: str) -> str:
    """What to say of a column that is not there."""
    there = list(names)
    if len(there) == 1 and any(mark in there[0] for mark in _SEPARATORS):
        return (
            f"{where}: no column {column!r}; all of the header is one column, {there[0]!r:.80}. Commas"
            " separate the columns of a .csv file, and tabs those of a .tsv file; convert it, or rename it"
        )
    return (
        f"{where}: no column {column!r}; there are {', '.join(map(repr, there))}. Choose with"
        " --data.source and --data.target (of a classifier --data.text and --data.label)"
    )


def _value(row: Mapping[str, Any], column: str, where: str) -> Any:
    value: Any = row
    for name in [column] if column in row else column.split("."):
        if not isinstance(value, Mapping) or name not in value:
            raise DataError(unknown(column, _names(row), where))
        value = value[name]
        if isinstance(value, _Repeated):
            raise DataError(_twice(name, value.places, where))
    return value


def _text(value: Any, column: str, where: str) -> str:
    if not isinstance(value, str):
        found = "nothing (null)" if value is None else f"{type(value).__name__} {value!r}"
        raise DataError(f"{where}: column {column!r} holds {found}, expected text")
    try:
        value.encode()
    except UnicodeEncodeError as error:  # JSON can spell half of a character
        half = f"\\u{ord(value[error.start]):04x}"
        raise DataError(
            f"{where}: column {column!r} holds {half}, half of a surrogate pair, expected text"
        ) from error
    return value


def _names(row: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in row.items():
        if isinstance(value, Mapping):
            yield from _names(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


# --- formats --------------------------------------------------------------------------------------------


def read_lines(paths: list[Path], columns: Columns, *, lenient: bool = False) -> Iterator[Record]:
    """Two parallel files, a line for each line.

    Raises:
        DataError: Not UTF-8, unreadable, or of different length.
    """
    source, target = (_lines_of(path, lenient=lenient) for path in paths)
    counts = [0, 0]
    while True:
        pair = [next(lines, None) for lines in (source, target)]
        counts = [count + (line is not None) for count, line in zip(counts, pair, strict=True)]
        if pair[0] is None or pair[1] is None:
            break
        yield Record(f"{paths[0]}:{counts[0]}", (pair[0], pair[1]))
    counts = [
        count + sum(1 for _ in lines) for count, lines in zip(counts, (source, target), strict=True)
    ]
    if counts[0] != counts[1]:
        raise DataError(
            f"{paths[0]} has {counts[0]} lines and {paths[1]} has {counts[1]}; parallel files need a"
            " line for each line"
        )


def read_tsv(paths: list[Path], columns: Columns, *, lenient: bool = False) -> Iterator[Record]:
    """A table read literally: no quoting, no missing values, a tab separates and a line ends.

    Numbers as ``columns`` are those of a file without header, counted from 1.

    Raises:
        DataError: Not UTF-8 or unreadable.
    """
    [path] = paths
    lines = enumerate(_lines_of(path, lenient=lenient), 1)
    if all(column.isdecimal() for column in fields(columns, ())):
        header = None
    else:
        header = next(lines, (1, ""))[1].split("\t")
    for number, line in lines:
        values = line.split("\t")
        names = header or [str(i) for i in range(1, len(values) + 1)]
        if number <= 2:
            check_columns(names, columns, f"{path}:{1 if header else number}")
        yield from _of_columns(names, values, columns, f"{path}:{number}")


def read_csv(paths: list[Path], columns: Columns, *, lenient: bool = False) -> Iterator[Record]:
    """Comma-separated values with a header and strict quoting.

    Raises:
        DataError: Not UTF-8, unreadable, or a quote that ends nowhere.
    """
    [path] = paths
    reader = csv.reader(_lines_of(path, ends=True, lenient=lenient), strict=True)
    try:
        header, checked = next(reader, []), False
        for values in reader:
            if not values:
                continue
            if not checked:
                check_columns(header, columns, f"{path}:1")
                checked = True
            yield from _of_columns(header, values, columns, f"{path}:{reader.line_num}")
    except csv.Error as error:
        raise DataError(
            f"{path}:{reader.line_num}: not well-formed CSV ({error}); double every quote inside"
            " quotes, or use TSV, which is read literally"
        ) from error


def _of_columns(
    names: list[str], values: list[str], columns: Columns, where: str
) -> Iterator[Record]:
    if len(values) == len(names):
        yield from records(dict(zip(names, values, strict=True)), columns, where)
        return
    found = f"{len(values)} columns, expected {len(names)} as in the header"
    if isinstance(columns, LabelColumns) and len(values) > len(names):
        found += (
            ". Several labels belong in one field: set data.several_labels, and data.label_separator to what"
            " stands between them"
        )
    yield Record(where, DataError(f"{where}: {found}"))


def read_jsonl(paths: list[Path], columns: Columns, *, lenient: bool = False) -> Iterator[Record]:
    """An object a line; lines without text are passed over.

    Raises:
        DataError: Not UTF-8 or unreadable.
    """
    [path] = paths
    for number, line in enumerate(_lines_of(path, lenient=lenient), 1):
        where = f"{path}:{number}"
        if not line.strip():
            continue
        try:
            row = _from_json(line)
        except ValueError as error:
            yield Record(where, DataError(f"{where}: {error}"))
            continue
        yield from _of_object(row, columns, where)


def read_json(paths: list[Path], columns: Columns, *, lenient: bool = False) -> Iterator[Record]:
    """A list of objects, or an object a line as in ``read_jsonl``. The list is held in memory.

    Raises:
        DataError: Not UTF-8, unreadable, or anything else than these two.
    """
    [path] = paths
    text = "".join(_lines_of(path, ends=True, lenient=lenient))
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
        yield from _of_object(row, columns, f"{path}, record {number}")


_JSON = json.JSONDecoder(object_pairs_hook=_object)  # made once: json.loads would make one a line


def _from_json(text: str) -> Any:
    """What JSON text stands for.

    Raises:
        ValueError: It is no JSON, or none that can be read. Its text says which.
    """
    try:
        return _JSON.decode(text)
    except json.JSONDecodeError as error:
        line = f"line {error.lineno}, " if error.lineno > 1 else ""
        raise ValueError(f"not JSON ({error.msg}, {line}column {error.colno})") from None
    except (ValueError, RecursionError) as error:  # numbers too long, lists in lists too deep
        raise ValueError(f"JSON that cannot be read ({error})") from None


def _of_object(row: Any, columns: Columns, where: str) -> Iterator[Record]:
    if isinstance(row, dict):
        yield from records(row, columns, where)
    else:
        found = json.dumps(row, ensure_ascii=False)[:40]
        reason = f"expected an object with named fields, got {found}"
        yield Record(where, DataError(f"{where}: {reason}"))


def read_parquet(paths: list[Path], columns: Columns, *, lenient: bool = False) -> Iterator[Record]:
    """A Parquet file, batch by batch.

    Raises:
        DataError: No Parquet file, or no such column.
    """
    import pyarrow
    from pyarrow import parquet

    [path] = paths
    try:
        with open_file(path) as file:
            # a Parquet file is read from its end
            table = parquet.ParquetFile(file if file.seekable() else io.BytesIO(file.read()))
            names = table.schema_arrow.names
            check_columns(names, columns, str(path))
            number = 0
            for batch in table.iter_batches(columns=fields(columns, names)):
                for row in _rows_of(batch):
                    number += 1
                    where = f"{path}, row {number}"
                    if row is None:
                        yield Record(where, DataError(f"{where}: not UTF-8"))
                    else:
                        yield from records(row, columns, where)
    except (pyarrow.ArrowException, *UNREADABLE) as error:
        raise DataError(f"{path}: not a Parquet file ({error})") from error
    except ValueError as error:  # an object in it has a field twice
        raise DataError(f"{path}: cannot be read ({error})") from error


def _rows_of(batch: Any) -> Iterator[dict[str, Any] | None]:
    """The rows of an Arrow batch; None for one whose bytes are not UTF-8."""
    try:
        yield from batch.to_pylist()
    except UnicodeDecodeError:
        for i in range(len(batch)):
            try:
                yield from batch.slice(i, 1).to_pylist()
            except UnicodeDecodeError:
                yield None


_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"


def read_tmx(paths: list[Path], columns: Columns, *, lenient: bool = False) -> Iterator[Record]:
    """A translation memory (TMX 1.4); ``columns`` are languages, ``en`` standing for ``en-GB`` as well.

    Inline markup is taken out, its text with it; what it encloses stays. Units that lack one of the
    languages are records that say so.

    Raises:
        DataError: Not XML.
    """
    [path] = paths
    with open_file(path) as file:
        number = 0
        try:
            for _, element in ElementTree.iterparse(file):
                if element.tag != "tu":
                    continue
                number += 1
                texts: dict[str, str] = {}
                for version in element.iter("tuv"):
                    language = version.get(_LANGUAGE) or version.get("lang") or ""
                    if (segment := version.find("seg")) is not None:
                        texts.setdefault(language.lower(), " ".join(_said(segment).split()))
                element.clear()
                where = f"{path}, unit {number}"
                yield from records(_languages(texts, columns), columns, where)
        except DataError:
            raise
        except (ElementTree.ParseError, LookupError, ValueError) as error:
            # of an encoding that it does not know the parser says LookupError or ValueError
            raise DataError(f"{path}: not a TMX file ({error})") from error
        except UNREADABLE as error:
            raise DataError(f"{path}: cannot be read after unit {number} ({error})") from error
    if not number:
        raise DataError(f"{path}: there are no translation units (<tu>) in it")


def _languages(texts: dict[str, str], columns: Columns) -> dict[str, str]:
    """The texts under the names asked for, those that nobody asked for under their own."""
    found = dict(texts)
    for column in columns:
        wanted = column.lower()
        for language, text in texts.items():
            if language == wanted or language.startswith((f"{wanted}-", f"{wanted}_")):
                found.setdefault(column, text)
    return found


def _said(segment: ElementTree.Element) -> str:
    """The text of a segment: that of ``hi`` and ``sub`` is text, that of other elements markup."""
    parts = [segment.text or ""]
    for child in segment:
        if child.tag in ("hi", "sub"):
            parts.append(_said(child))
        parts.append(child.tail or "")
    return "".join(parts)


READERS: dict[str, Callable[..., Iterator[Record]]] = {
    "csv": read_csv,
    "tsv": read_tsv,
    "jsonl": read_jsonl,
    "json": read_json,
    "parquet": read_parquet,
    "tmx": read_tmx,
}
