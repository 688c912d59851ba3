"""Two parallel files of text lines, and the lines of any file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from seqtext.data.files import open_file, text_lines
from seqtext.data.readers.rows import Columns, Record
from seqtext.errors import DataError


def lines_of(path: Path, *, ends: bool = False, lenient: bool = False) -> Iterator[str]:
    """Lines of a file, packed or not; see ``text_lines``."""
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
