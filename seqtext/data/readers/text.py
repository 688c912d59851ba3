"""Text files: parallel lines, tab-separated and comma-separated values."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from seqtext.data.files import open_file, text_lines
from seqtext.data.readers.rows import (
    Columns,
    LabelColumns,
    Record,
    check_columns,
    fields,
    records,
)
from seqtext.errors import DataError

csv.field_size_limit(2**31 - 1)  # rows of 100,000 words are longer than its default


def lines_of(path: Path, *, ends: bool = False, lenient: bool = False) -> Iterator[str]:
    """Lines of a file, packed or not. See ``text_lines``."""
    with open_file(path) as file:
        yield from text_lines(file, str(path), ends=ends, lenient=lenient)


def count_lines(path: Path) -> int:
    """Number of line ends, about the number of rows."""
    with open_file(path) as file:
        blocks: Iterator[bytes] = iter(lambda: file.read(1 << 20), b"")
        return sum(block.count(b"\n") for block in blocks)


def read_parallel(
    paths: list[Path], columns: Columns, *, lenient: bool = False
) -> Iterator[Record]:
    """Two parallel files, a line for each line.

    Raises:
        DataError: Not UTF-8, unreadable, or of different length.
    """
    source, target = (lines_of(path, lenient=lenient) for path in paths)
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
        DataError: Not UTF-8, unreadable, or without such a column.
    """
    [path] = paths
    lines = enumerate(lines_of(path, lenient=lenient), 1)
    if all(column.isdecimal() for column in fields(columns, ())):
        header = None
    else:
        header = next(lines, (1, ""))[1].split("\t")
    for number, line in lines:
        values = line.split("\t")
        names = header or [str(i) for i in range(1, len(values) + 1)]
        if number <= 2:
            check_columns(names, columns, f"{path}:{1 if header else number}")
        yield from _records(names, values, columns, f"{path}:{number}")


def read_csv(paths: list[Path], columns: Columns, *, lenient: bool = False) -> Iterator[Record]:
    """Comma-separated values with a header and strict quoting.

    Raises:
        DataError: Not UTF-8, unreadable, without such a column, or a quote that ends nowhere.
    """
    [path] = paths
    reader = csv.reader(lines_of(path, ends=True, lenient=lenient), strict=True)
    try:
        header, checked = next(reader, []), False
        for values in reader:
            if not values:
                continue
            if not checked:
                check_columns(header, columns, f"{path}:1")
                checked = True
            yield from _records(header, values, columns, f"{path}:{reader.line_num}")
    except csv.Error as error:
        raise DataError(
            f"{path}:{reader.line_num}: not well-formed CSV ({error}); double every quote inside"
            " quotes, or use TSV, which is read literally"
        ) from error


def _records(names: list[str], values: list[str], columns: Columns, where: str) -> Iterator[Record]:
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
