"""Files of sentence pairs -> records: one reader for each format.

A row that cannot be read is a record, too, so that whoever reads may stop there or count it. What
makes the rest of a file unreadable is raised.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast
from xml.etree import ElementTree

from seqtext.errors import DataError

Row = tuple[str, str]
Columns = tuple[str, str]  # names of the source and of the target
csv.field_size_limit(2**31 - 1)  # rows of 100,000 words are longer than its default
SEPARATOR = "<sep>"  # a word of its own between two texts
UNREADABLE = (OSError, EOFError, zlib.error)  # what reading raises, of a packed file too


class LabelColumns(NamedTuple):
    """``Columns`` of rows whose target is no text but a label, or a list of labels."""

    text: str  # or two, which make one text: premise+hypothesis
    label: str


class Record(NamedTuple):
    """One row of a corpus."""

    where: str  # file and line, as messages name it
    row: Row | DataError


# --- bytes and lines ------------------------------------------------------------------------------------

PACKINGS = (".gz", ".zst")
_ARCHIVES = {"zip": rb"PK\x03\x04", "bzip2": rb"BZh[1-9]1AY&SY", "xz": rb"\xfd7zXZ\x00"}


def open_file(path: Path, *, unpack: bool = True) -> io.BufferedIOBase:
    """Open for reading bytes.

    Raises:
        DataError: It cannot be.
    """
    try:
        if unpack and path.suffix == ".gz":
            return gzip.open(path)
        if unpack and path.suffix == ".zst":
            import pyarrow

            return io.BufferedReader(pyarrow.input_stream(str(path), compression="zstd"))
        return path.open("rb")
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error


def unpacked(file: BinaryIO, name: str) -> BinaryIO:
    """The content of a file that gzip or zstd may have packed, whatever its name.

    Args:
        file: Open for reading bytes, at its start. It need not be seekable.
        name: What to call it in an error message.

    Raises:
        DataError: It is an archive of another kind, or unreadable.
    """
    # a pipe has no way back: the first bytes are looked at and left where they are
    ahead: Any = file if hasattr(file, "peek") else io.BufferedReader(file)
    try:
        start = ahead.peek(10)
    except OSError as error:
        raise DataError(f"{name}: cannot be read ({error.strerror or error})") from error
    if start.startswith(b"\x1f\x8b"):
        return cast(BinaryIO, gzip.open(ahead))
    if start.startswith(b"\x28\xb5\x2f\xfd"):
        import pyarrow

        raw = pyarrow.CompressedInputStream(pyarrow.PythonFile(ahead, mode="r"), "zstd")
        return cast(BinaryIO, io.BufferedReader(raw))
    for kind, magic in _ARCHIVES.items():
        if re.match(magic, start):
            raise DataError(f"{name}: is packed as {kind}; unpack it, or pack it as .gz or .zst")
    return cast(BinaryIO, ahead)


def text_lines(
    file: Iterable[bytes],
    name: str,
    *,
    first: int = 1,
    ends: bool = False,
    lenient: bool = False,
) -> Iterator[str]:
    """Lines as they are; a byte-order mark at the start is dropped.

    Args:
        file: Open for reading bytes.
        name: What to call it in an error message.
        first: Number of the first line in the file.
        ends: Keep the end of each line (LF or CRLF).
        lenient: Put U+FFFD where bytes are not UTF-8.

    Raises:
        DataError: Not UTF-8, or unreadable; names ``name`` and the line.
    """
    number, errors = first - 1, "replace" if lenient else "strict"
    try:
        for number, raw in enumerate(file, first):
            line = raw if ends else raw.removesuffix(b"\n").removesuffix(b"\r")
            yield line.decode("utf-8-sig" if number == 1 else "utf-8", errors)
    except UnicodeDecodeError as error:
        raise DataError(
            f"{name}:{number}: not UTF-8 (byte 0x{error.object[error.start]:02x} at position"
            f" {error.start + 1}); convert it to UTF-8"
        ) from error
    except UNREADABLE as error:
        raise DataError(f"{name}: cannot be read after line {number} ({error})") from error


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
    name = _text(value, column, where)
    if "\n" in name:
        raise DataError(f"{where}: column {column!r} holds {name!r}, expected a label in one line")
    return name


def fields(columns: Columns, there: Iterable[str]) -> list[str]:
    """The single fields that ``columns`` name, where rows have those that are ``there``."""
    if not isinstance(columns, LabelColumns) or columns.text in there:
        return list(columns)
    return [*columns.text.split("+"), columns.label]


def check_columns(names: Iterable[str], columns: Columns, where: str) -> None:
    """Raise what ``records`` would say of every row.

    Raises:
        DataError: There is no such column.
    """
    there = list(names)
    for column in fields(columns, there):
        if column not in there and column.partition(".")[0] not in there:
            raise DataError(unknown(column, there, where))


def unknown(column: str, names: Iterable[str], where: str) -> str:
    """What to say of a column that is not there."""
    return (
        f"{where}: no column {column!r}; there are {', '.join(map(repr, names))}. Choose with"
        " --data.source and --data.target (of a classifier --data.text and --data.label)"
    )


def _value(row: Mapping[str, Any], column: str, where: str) -> Any:
    value: Any = row
    for name in [column] if column in row else column.split("."):
        if not isinstance(value, Mapping) or name not in value:
            raise DataError(unknown(column, _names(row), where))
        value = value[name]
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
            check_columns(names, columns, f"{path}:{number}")
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
            where = f"{path}:{reader.line_num}"
            if not checked:
                check_columns(header, columns, where)
                checked = True
            yield from _of_columns(header, values, columns, where)
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
            row = json.loads(line)
        except json.JSONDecodeError as error:
            reason = f"not JSON ({error.msg}, column {error.colno})"
            yield Record(where, DataError(f"{where}: {reason}"))
            continue
        except (ValueError, RecursionError) as error:  # numbers too long, lists in lists too deep
            yield Record(where, DataError(f"{where}: JSON that cannot be read ({error})"))
            continue
        if isinstance(row, dict):
            yield from records(row, columns, where)
        else:
            found = f"expected an object with named fields, got {line[:40]}"
            yield Record(where, DataError(f"{where}: {found}"))


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
    "parquet": read_parquet,
    "tmx": read_tmx,
}
