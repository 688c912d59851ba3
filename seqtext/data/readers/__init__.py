"""Corpus files -> records: one module for each family of formats, and their registry.

A new format is a function like ``read_tsv`` and a line in ``FORMATS``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from seqtext.data.readers.columns import SEPARATOR, Columns, LabelColumns
from seqtext.data.readers.json_objects import read_json, read_jsonl
from seqtext.data.readers.parquet import count_parquet_rows, read_parquet
from seqtext.data.readers.rows import Record, Row
from seqtext.data.readers.text import count_lines, read_csv, read_parallel, read_tsv
from seqtext.data.readers.tmx import read_tmx

__all__ = [
    "ENDINGS", "FORMATS", "OTHER_ENDINGS", "PARALLEL", "SEPARATOR", "Columns", "Format", "LabelColumns",
    "Record", "Row",
]  # fmt: skip


class Reader(Protocol):
    """Reads files of one format, row by row.

    A row that cannot be read is a record too, so the caller may stop there or count it. An error that
    makes the rest of a file unreadable is raised as a ``DataError``.
    """

    def __call__(
        self, paths: list[Path], columns: Columns, *, lenient: bool = False
    ) -> Iterator[Record]:
        """Yield all records.

        Args:
            paths: The files: one, or the two of a parallel corpus. They may be packed.
            columns: Names of the source and the target.
            lenient: Put U+FFFD where bytes are not UTF-8, instead of raising.
        """


class Format(NamedTuple):
    """One format of corpus files."""

    read: Reader
    # about how many rows a file has, without parsing it. None where nothing tells
    estimate: Callable[[Path], int | None] = lambda path: None


# by the ending of a file's name
FORMATS = {
    "csv": Format(read_csv, count_lines),
    "tsv": Format(read_tsv, count_lines),
    "jsonl": Format(read_jsonl, count_lines),
    "json": Format(read_json),
    "parquet": Format(read_parquet, count_parquet_rows),
    "tmx": Format(read_tmx),
}
ENDINGS = ", ".join(FORMATS)  # for messages
OTHER_ENDINGS = {"ndjson": "jsonl"}
PARALLEL = Format(read_parallel, count_lines)
