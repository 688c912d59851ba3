"""Text files: parallel lines, tab-separated and comma-separated values."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterator
from pathlib import Path

from seqtext.data.files import open_file, text_lines
from seqtext.data.readers.rows import Columns, Record, fields
from seqtext.data.readers.tables import are_numbers, first_row, has_columns, read_rows
from seqtext.errors import DataError

csv.field_size_limit(2**31 - 1)  # rows of 100,000 words are longer than its default


def lines_of(path: Path, *, ends: bool = False, lenient: bool = False) -> Iterator[str]:
    """Lines of a file, packed or not. See ``text_lines``."""
    with open_file(path) as file:
        yield from text_lines(file, str(path), ends=ends, lenient=lenient)


def count_lines(paths: list[Path]) -> int:
    """Number of line ends of the first file, about the number of rows."""
    with open_file(paths[0]) as file:
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
    rows = ((f"{path}:{number}", line.split("\t")) for number, line in lines)
    return read_rows(rows, columns, header=not are_numbers(columns))


def read_csv(paths: list[Path], columns: Columns, *, lenient: bool = False) -> Iterator[Record]:
    """Comma-separated values with strict quoting. Empty lines are skipped.

    Semicolons may stand for the commas, as Excel writes them in many countries. They do where the first
    line has the columns between semicolons, and not between commas.

    Numbers as ``columns`` are those of a file without header, counted from 1. A first row of nothing but
    numbers that has them all is a header, as pandas writes it.

    Raises:
        DataError: Not UTF-8, unreadable, without such a column, or a quote that ends nowhere. Or numbers
            may be names or places of columns.
    """
    [path] = paths
    lines = lines_of(path, ends=True, lenient=lenient)
    line = next(lines, "")
    mark = ";" if _has_semicolons(line, columns) else ","
    reader = csv.reader(itertools.chain([line], lines), delimiter=mark, strict=True)
    try:
        rows = ((f"{path}:{reader.line_num}", values) for values in reader if values)
        first = list(itertools.islice(rows, 1))
        names = any(_has_names(values, columns, where) for where, values in first)
        yield from read_rows(itertools.chain(first, rows), columns, header=names)
    except csv.Error as error:
        raise DataError(
            f"{path}:{reader.line_num}: not well-formed CSV ({error}); double every quote inside"
            " quotes, or use TSV, which is read literally"
        ) from error


def _has_semicolons(line: str, columns: Columns) -> bool:
    """Whether the first line of a table has the columns between semicolons, and not between commas."""
    if are_numbers(columns):
        return ";" in line and "," not in line
    commas, semicolons = (first_row(line, mark) for mark in ",;")
    return not has_columns(commas, columns) and has_columns(semicolons, columns)


def _has_names(first: list[str], columns: Columns, where: str) -> bool:
    """Whether the first row has the names of the columns. Where numbers are asked for, it may have rows.

    Raises:
        DataError: The numbers may be names or places of columns.
    """
    if not are_numbers(columns):
        return True
    asked = fields(columns, ())
    if not set(asked) <= set(first):
        return False
    if not all(value.isdecimal() for value in first if value):  # an index has an empty name
        raise DataError(
            f"{where}: holds {' and '.join(map(repr, asked))} beside other text, so these may be names or"
            " numbers of columns; give the columns a header of words"
        )
    return True
