"""Hub name, files or the built-in grammar -> rows of source and target text."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from seqtext.data import builtin, corpus_names, hub
from seqtext.data.files import open_file
from seqtext.data.in_memory import Table
from seqtext.data.readers import FORMATS, Columns, LabelColumns, Record, Row, reader_of
from seqtext.data.readers.columns import SourceColumns, source_columns
from seqtext.errors import ConfigError, DataError

Example = tuple[str, list[str]]  # a source and its references
Split = Literal["train", "validation", "test"]


@dataclass(frozen=True)
class Corpus:
    """A place where sentence pairs are, not read yet.

    Args:
        name: What the user wrote. A file ``file.{csv,tsv,jsonl,json,parquet,tmx,xlsx,po,xliff,ts}``, or
            the PREFIX of parallel files ``PREFIX.en`` and ``PREFIX.de``. These may be packed (``.gz``,
            ``.zst``). A file of another name says by its content what it is. Or a folder with a folder of
            texts for each label, ``builtin:SPLIT:COUNT[:SEED]``, or a hub name (``NAME`` or
            ``NAME:CONFIG:SPLIT``).
        source: Column of the table (suffix of the file, language of a TMX file) with the source text.
            A dotted name reaches into nested columns: ``translation.en``. Two numbers name columns of a
            table without header, counted from 1. Several columns as in ``Columns``.
        target: Likewise for the target text. A list of several makes a pair of each.
        split: What it is used for. Also the split of the hub's data where the name has none.
        tag: Put before each source.
        streamed: Read data from the hub as they come, instead of keeping a copy first.
        labelled: The target is a label, or a list of labels: see ``LabelColumns``.
        table: The rows, where they are in memory. ``name`` is then that of the option.
        format: A key of ``FORMATS`` that decides what the file is. ``json:KEY`` and ``xlsx:SHEET`` also
            name a part of it.

    Raises:
        ConfigError: There is no such format, or the rows are in no file.
    """

    name: str
    source: str
    target: str
    split: Split = "train"
    tag: str | None = None
    streamed: bool = False
    labelled: bool = False
    table: Table | None = None
    format: str | None = None

    def __post_init__(self) -> None:
        if self.format is None:
            return
        reader_of(self.format)
        if self.table is not None or self.name.startswith(builtin.PREFIX):
            raise ConfigError(
                f"data.format: {self.format}, but {self.name} is no file; name the format of single files"
                " in a list, as {path: FILE, format: NAME}"
            )

    @property
    def columns(self) -> Columns:
        """Names of source and target."""
        if self.labelled:
            return LabelColumns(self.source, self.target)
        return self.source, self.target

    @property
    def source_columns(self) -> SourceColumns:
        """The columns of the source, where no column has a ``+`` in its name."""
        return source_columns(self.columns)

    def fields_of(self, source: str) -> dict[str, str]:
        """The values that a source text without its tag is made of, by column."""
        columns = self.source_columns
        values = columns.split(source)
        if values is None:  # of a single column with a + in its name
            return {self.source: source}
        return dict(zip(columns.names, values, strict=True))

    def texts_of(self, source: str) -> list[str]:
        """The texts that a source text without its tag is made of, without symbols."""
        columns = self.source_columns
        values = columns.split(source)
        if values is None:
            return [source]
        pairs = zip(columns.columns, values, strict=True)
        return [value for column, value in pairs if column.cut == "text"]

    @property
    def kind(self) -> str:
        """``memory``, ``builtin``, ``hub``, or a key of ``FORMATS``."""
        if self.table is not None:
            return "memory"
        return corpus_names.kind_of(self.name, self.columns, self.format)

    @property
    def files(self) -> list[Path]:
        """The local files that hold it.

        Raises:
            DataError: One of them is missing or no file.
        """
        if self.table is not None:
            return []
        return corpus_names.files_of(self.name, self.columns, self.format)

    def digest(self) -> str:
        """Digest of all that decides the rows, the content of files included. Caches are keyed by it."""
        decisive = (self.name, self.source, self.target, self.split)
        how = (self.tag or "") + ("\nlabels" if self.labelled else "")
        how += f"\nformat {self.format}" if self.format else ""
        content = hashlib.sha256(repr(decisive).encode() + how.encode())
        paths, kind = self.files, self.kind
        if self.table is not None:
            content.update(self.table.digest(self.columns))
        if kind == "builtin":  # its rows change with the grammar that makes them
            paths = builtin.grammar_files()
        for path in paths:
            if kind == "folders":
                content.update(f"{path.parent.name}/{path.name}\n".encode())
            with open_file(path, unpack=False) as file:
                content.update(hashlib.file_digest(file, "sha256").digest())
        if kind == "hub":
            content.update(hub.open_hub(self.name, self.split, self.streamed)[1].encode())
        return content.hexdigest()

    def rows(self) -> Iterator[Row]:
        """All pairs, in order.

        Raises:
            DataError: A row or a file cannot be read. The message names file and line.
        """
        for _, row in self.records():
            if isinstance(row, DataError):
                raise row
            yield row

    def examples(self) -> Iterator[Example]:
        """Sources with all their references: a row whose target is a list has several.

        Raises:
            DataError: See ``rows``.
        """
        for _, group in itertools.groupby(self.records(), key=lambda record: record.where):
            source, targets = "", []
            for _, row in group:
                if isinstance(row, DataError):
                    raise row
                source = row[0]
                targets.append(row[1])
            yield source, targets

    @staticmethod
    def merged(examples: Iterable[Example]) -> list[Example]:
        """One example of each source, with all its references: a dictionary has a line for each."""
        references: dict[str, list[str]] = {}
        for source, targets in examples:
            references.setdefault(source, []).extend(targets)
        return list(references.items())

    def records(self, *, lenient: bool = False) -> Iterator[Record]:
        """All rows and where they stand. A row that cannot be read comes as an error.

        Args:
            lenient: Put U+FFFD where bytes are not UTF-8, instead of raising.

        Raises:
            DataError: The rest cannot be read, or there are no rows.
        """
        count = 0
        for record in self._untagged(lenient):
            count += 1
            if self.tag is not None and not isinstance(record.row, DataError):
                source, target = record.row
                if source.strip():  # an empty one stays empty, and is left out
                    record = Record(record.where, (f"{self.tag} {source}".rstrip(), target))
            yield record
        if not count:
            raise DataError(f"{self.name}: there are no rows in it")

    def _untagged(self, lenient: bool) -> Iterator[Record]:
        if self.table is not None:
            return self.table.records(self.columns)
        if self.kind == "builtin":
            return builtin.read_builtin(self.name, self.columns)
        if self.kind == "hub":
            corpus_names.check_name(self.name)
            return hub.read_hub(self.name, self.columns, self.split, self.streamed)
        read = reader_of(self.format or self.kind)
        return read(self.files, self.columns, lenient=lenient)

    def estimated_rows(self) -> int | None:
        """About how many rows there are, estimated without parsing them. None where nothing tells.

        Raises:
            DataError: A file cannot be read.
        """
        if self.table is not None:
            return len(self.table)
        if self.kind == "builtin":
            return builtin.count_builtin_rows(self.name)
        if self.kind == "hub":
            return None
        return FORMATS[self.kind].estimate(self.files)
