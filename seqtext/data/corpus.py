"""Hub name, files or the built-in grammar -> rows of source and target text."""

from __future__ import annotations

import csv
import glob
import gzip
import hashlib
import io
import json
import os
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from seqtext.data import hub
from seqtext.errors import DataError

Split = Literal["train", "validation", "test"]
Row = tuple[str, str]
TABLES = ("csv", "tsv", "jsonl", "parquet")
_UNREADABLE = (OSError, EOFError, zlib.error)  # what reading raises, of a packed file too


@dataclass(frozen=True)
class Corpus:
    """A place where sentence pairs are, resolved but not yet read.

    Args:
        name: What the user wrote: ``file.{csv,tsv,jsonl,parquet}[.gz]``, the PREFIX of parallel files
            ``PREFIX.en`` and ``PREFIX.de``, ``builtin:SPLIT:COUNT[:SEED]``, or a hub name
            (``NAME`` or ``NAME:CONFIG:SPLIT``).
        source: Column of the table (or suffix of the file) with the source text. In a TSV file two
            numbers name columns of a file without header, counted from 1.
        target: Likewise for the target text.
        split: What it is used for; the split to take where the name does not say.
    """

    name: str
    source: str
    target: str
    split: Split = "train"

    @property
    def kind(self) -> str:
        """``builtin``, ``lines``, ``hub``, or the kind of table."""
        if self.name.startswith("builtin:"):
            return "builtin"
        path = Path(self.name)
        suffix = path.suffixes[-2:-1] if path.suffix == ".gz" else path.suffixes[-1:]
        if suffix and suffix[0][1:] in TABLES:
            return suffix[0][1:]
        if self._prefix_files() or _looks_like_path(self.name):
            return "lines"
        return "hub"

    @property
    def files(self) -> list[Path]:
        """The local files that hold it.

        Raises:
            DataError: One of them is missing or no file.
        """
        if self.kind in ("builtin", "hub"):
            return []
        if self.kind == "lines":
            paths = [Path(f"{self.name}.{side}") for side in (self.source, self.target)]
        else:
            paths = [Path(self.name)]
        for path in paths:
            try:
                there = path.is_file()
            except OSError as error:  # a folder on the way that may not be entered
                raise DataError(f"{path}: cannot be read ({error.strerror})") from error
            if not there:
                raise DataError(self._missing(path))
        return paths

    def digest(self) -> str:
        """Of all that decides the rows, the files' content included: cached results hang on it."""
        content = hashlib.sha256(repr((self.name, self.source, self.target, self.split)).encode())
        paths = self.files
        if self.kind == "builtin":  # its rows are as new as the grammar that makes them
            from seqtext.data import builtin

            paths = sorted(Path(builtin.__file__).parent.glob("*.py"))
        for path in paths:
            with _open(path, unpack=False) as file:
                content.update(hashlib.file_digest(file, "sha256").digest())
        if self.kind == "hub":
            content.update(self.load_hub()._fingerprint.encode())
        return content.hexdigest()

    def rows(self) -> Iterator[Row]:
        """All pairs, in order.

        Raises:
            DataError: Something cannot be read as what it should be; names file and line.
        """
        count = 0
        for row in getattr(self, f"_{self.kind}")():
            count += 1
            yield row
        if not count:
            raise DataError(f"{self.name}: there are no rows in it")

    def _prefix_files(self) -> list[Path]:
        path = Path(self.name)
        try:
            return sorted(path.parent.glob(f"{glob.escape(path.name)}.*")) if path.name else []
        except (OSError, ValueError):
            return []

    def _missing(self, path: Path) -> str:
        if path.is_dir():
            return f"{path}: is a folder, expected a file"
        if self.kind == "lines" and Path(self.name).is_file():
            prefix = self.name.removesuffix(Path(self.name).suffix)
            return f"{self.name}: is one side of parallel files; give their prefix, {prefix}"
        there = ", ".join(str(file) for file in self._prefix_files())
        if self.kind == "lines" and there:
            return (
                f"{path}: no such file; with the prefix {self.name} there are {there}. Name two of"
                f" the suffixes with --data.source and --data.target"
            )
        known = ", ".join(TABLES)
        return f"{path}: no such file (expected {known}, or PREFIX.{self.source}, PREFIX.{self.target})"

    # --- one reader for each kind -------------------------------------------------------------------

    def _builtin(self) -> Iterator[Row]:
        from seqtext.data import builtin

        expected = "expected builtin:SPLIT:COUNT[:SEED], for example builtin:train:20000"
        _, *fields = self.name.split(":")
        if len(fields) not in (2, 3) or not all(field.isdecimal() for field in fields[1:]):
            raise DataError(f"{self.name}: {expected}")
        split: Any = fields[0]
        if split not in builtin.SPLITS:
            raise DataError(
                f"{self.name}: no split {split!r}; there are {', '.join(builtin.SPLITS)}"
            )
        for english, german in builtin.pairs(split, *(int(field) for field in fields[1:])):
            row = {"en": english, "de": german, "source": english, "target": german}
            yield self._field(row, self.source, self.name), self._field(row, self.target, self.name)

    def _lines(self) -> Iterator[Row]:
        paths = self.files
        source, target = (_text_lines(path) for path in paths)
        counts = [0, 0]
        while True:
            pair = [next(lines, None) for lines in (source, target)]
            counts = [count + (line is not None) for count, line in zip(counts, pair, strict=True)]
            if pair[0] is None or pair[1] is None:
                break
            yield pair[0], pair[1]
        counts = [
            count + sum(1 for _ in lines)
            for count, lines in zip(counts, (source, target), strict=True)
        ]
        if counts[0] != counts[1]:
            raise DataError(
                f"{paths[0]} has {counts[0]} lines and {paths[1]} has {counts[1]}; parallel files need"
                " a line for each line"
            )

    def _tsv(self) -> Iterator[Row]:
        # read literally: no quoting, no missing values, a tab separates and a line ends
        path = self.files[0]
        lines = enumerate(_text_lines(path), 1)
        if self.source.isdecimal() and self.target.isdecimal():
            header = None
        else:
            header = next(lines, (1, ""))[1].split("\t")
        for number, line in lines:
            values = line.split("\t")
            names = header or [str(i) for i in range(1, len(values) + 1)]
            if len(values) != len(names):
                raise DataError(
                    f"{path}:{number}: {len(values)} columns, expected {len(names)} as in the header"
                )
            row = dict(zip(names, values, strict=True))
            where = f"{path}:{number}"
            yield self._field(row, self.source, where), self._field(row, self.target, where)

    def _csv(self) -> Iterator[Row]:
        path = self.files[0]
        reader = csv.reader(_text_lines(path, ends=True), strict=True)
        try:
            header = next(reader, [])
            for values in reader:
                where = f"{path}:{reader.line_num}"
                if not values:
                    continue
                if len(values) != len(header):
                    raise DataError(
                        f"{where}: {len(values)} columns, expected {len(header)} as in the header"
                    )
                row = dict(zip(header, values, strict=True))
                yield self._field(row, self.source, where), self._field(row, self.target, where)
        except csv.Error as error:
            raise DataError(
                f"{path}:{reader.line_num}: not well-formed CSV ({error}); double every quote inside"
                " quotes, or use TSV, which is read literally"
            ) from error

    def _jsonl(self) -> Iterator[Row]:
        path = self.files[0]
        for number, line in enumerate(_text_lines(path), 1):
            where = f"{path}:{number}"
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                raise DataError(f"{where}: not JSON ({error.msg}, column {error.colno})") from error
            if not isinstance(row, dict):
                raise DataError(f"{where}: expected an object with named fields, got {line[:40]}")
            yield self._field(row, self.source, where), self._field(row, self.target, where)

    def _parquet(self) -> Iterator[Row]:
        import pyarrow
        from pyarrow import parquet

        path = self.files[0]
        try:
            with _open(path) as file:
                table = parquet.ParquetFile(file)
                self._check_columns(table.schema_arrow.names, str(path))
                number = 0
                for batch in table.iter_batches(columns=[self.source, self.target]):
                    for row in batch.to_pylist():
                        number += 1
                        where = f"{path}, row {number}"
                        yield (
                            self._field(row, self.source, where),
                            self._field(row, self.target, where),
                        )
        except (pyarrow.ArrowException, *_UNREADABLE) as error:
            raise DataError(f"{path}: not a Parquet file ({error})") from error

    def _hub(self) -> Iterator[Row]:
        dataset = self.load_hub()
        self._check_columns(dataset.column_names, self.name)
        for number, row in enumerate(dataset.select_columns([self.source, self.target])):
            where = f"{self.name}, row {number}"
            yield self._field(row, self.source, where), self._field(row, self.target, where)

    def load_hub(self) -> Any:
        """The ``datasets.Dataset`` of a hub name.

        Raises:
            DataError: It cannot be reached, or there is no such data, configuration or split.
        """
        name, _, rest = self.name.partition(":")
        config, _, split = rest.partition(":")
        if self.name.count(":") not in (0, 2):
            raise DataError(f"{self.name}: expected a hub name NAME or NAME:CONFIG:SPLIT")
        try:
            return hub.load(name, config or None, split or self.split)
        except Exception as error:  # the hub's client raises whatever its transport does
            reason = str(error).strip().split("\n")[0] or type(error).__name__
            raise DataError(
                f"{self.name}: is no file here, and cannot be had from the hub either ({reason})."
                f" Local data is a table ({', '.join(TABLES)}) or the prefix of two parallel files"
            ) from error

    def _check_columns(self, names: list[str], where: str) -> None:
        for column in (self.source, self.target):
            if column not in names:
                raise DataError(self._unknown(column, names, where))

    @staticmethod
    def _unknown(column: str, names: list[str], where: str) -> str:
        return (
            f"{where}: no column {column!r}; there are {', '.join(map(repr, names))}. Choose with"
            " --data.source and --data.target"
        )

    def _field(self, row: dict[str, Any], column: str, where: str) -> str:
        if column not in row:
            raise DataError(self._unknown(column, list(row), where))
        value = row[column]
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


def _looks_like_path(name: str) -> bool:
    # a hub name is NAME or USER/NAME; whatever lies in an existing folder, or deeper, is a path
    path = Path(name)
    return (
        name.startswith((".", "/", "~", "\\"))
        or len(path.parts) > 2
        or os.path.exists(path)
        or (len(path.parts) == 2 and os.path.isdir(path.parent))
    )


def _open(path: Path, *, unpack: bool = True) -> io.BufferedIOBase:
    try:
        if unpack and path.suffix == ".gz":
            return gzip.open(path)
        return path.open("rb")
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error


def _text_lines(path: Path, *, ends: bool = False) -> Iterator[str]:
    with _open(path) as file:
        yield from text_lines(file, str(path), ends=ends)


def text_lines(file: Iterable[bytes], name: str, *, ends: bool = False) -> Iterator[str]:
    """Lines as they are; a byte-order mark at the start is dropped.

    Args:
        file: Open for reading bytes.
        name: What to call it in an error message.
        ends: Keep the end of each line (LF or CRLF).

    Raises:
        DataError: Not UTF-8, or unreadable; names ``name`` and the line.
    """
    number = 0
    try:
        for number, raw in enumerate(file, 1):
            line = raw if ends else raw.removesuffix(b"\n").removesuffix(b"\r")
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{name}:{number}: not UTF-8 (byte 0x{error.object[error.start]:02x} at position"
            f" {error.start + 1}); convert it to UTF-8"
        ) from error
    except _UNREADABLE as error:
        raise DataError(f"{name}: cannot be read after line {number} ({error})") from error
