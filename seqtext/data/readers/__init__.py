"""Corpus files -> records: one module for each family of formats, and their registry.

A new format is a function like ``read_tsv`` and a line in ``FORMATS``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from seqtext.data.readers.columns import SEPARATOR, Columns, LabelColumns
from seqtext.data.readers.detection import detect_format
from seqtext.data.readers.json_objects import read_json, read_jsonl
from seqtext.data.readers.labelled import files_in_folders, read_label_folders, read_label_lines
from seqtext.data.readers.parquet import count_parquet_rows, read_parquet
from seqtext.data.readers.rows import Record, Row
from seqtext.data.readers.spreadsheet import read_spreadsheet
from seqtext.data.readers.strings import (
    SINGLE_LANGUAGE,
    read_translations,
    refuse_single_language,
)
from seqtext.data.readers.text import count_lines, read_csv, read_parallel, read_tsv
from seqtext.data.readers.tmx import read_tmx
from seqtext.errors import ConfigError
from seqtext.suggestion import suggest

__all__ = [
    "ENDINGS", "FORMATS", "FORMAT_OF_ENDING", "SEPARATOR", "Columns", "Format", "LabelColumns", "Record",
    "Row", "detect_format", "files_in_folders", "reader_of",
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
            paths: The files: one, the two of a parallel corpus, or all of a folder. They may be packed.
            columns: Names of the source and the target.
            lenient: Put U+FFFD where bytes are not UTF-8, instead of raising.
        """


class Format(NamedTuple):
    """One format of corpus files."""

    read: Reader
    # about how many rows the files have, without parsing them. None where nothing tells
    estimate: Callable[[list[Path]], int | None] = lambda paths: None
    # reads a part of a file, as KEY of json:KEY
    read_part: Callable[[str], Reader] | None = None


FORMATS = {
    "csv": Format(read_csv, count_lines),
    "tsv": Format(read_tsv, count_lines),
    "jsonl": Format(read_jsonl, count_lines),
    "json": Format(read_json, read_part=lambda key: functools.partial(read_json, key=key)),
    "parquet": Format(read_parquet, count_parquet_rows),
    "tmx": Format(read_tmx),
    "xlsx": Format(
        read_spreadsheet,
        read_part=lambda sheet: functools.partial(read_spreadsheet, sheet=sheet),
    ),
    **{
        name: Format(functools.partial(read_translations, format=name))
        for name in ("po", "xliff", "ts")
    },
    "android": Format(refuse_single_language),
    "properties": Format(refuse_single_language),
    "fasttext": Format(read_label_lines, count_lines),
    "folders": Format(read_label_folders, len),
    "lines": Format(read_parallel, count_lines),
}
FORMAT_OF_ENDING = {
    **{name: name for name in ("csv", "tsv", "jsonl", "json", "parquet", "tmx", "xlsx", "po", "xliff", "ts")},
    "ndjson": "jsonl", "ods": "xlsx", "xls": "xlsx", "pot": "po", "xlf": "xliff", "properties": "properties",
}  # fmt: skip
# for messages
ENDINGS = ", ".join(
    name for name in dict.fromkeys(FORMAT_OF_ENDING.values()) if name not in SINGLE_LANGUAGE
)


def reader_of(name: str) -> Reader:
    """The reader of a format, ``FORMAT`` or ``FORMAT:PART``.

    Raises:
        ConfigError: There is no such format, or it has no parts.
    """
    known, colon, part = name.partition(":")
    if known not in FORMATS:
        raise ConfigError(
            f"data.format: {name!r}, expected one of {', '.join(FORMATS)}{suggest(known, FORMATS)}"
        )
    read, _, read_part = FORMATS[known]
    if not colon:
        return read
    if read_part is None or not part:
        raise ConfigError(
            f"data.format: {name!r}, expected {known}; only json:KEY and xlsx:SHEET name a part of a file"
        )
    return read_part(part)
