"""Options that say what outputs must be. Their files are read and checked before a model is loaded."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import itertools
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqtext.cli.flags import Parser
from seqtext.cli.streams import STANDARD
from seqtext.errors import ConfigError, DataError

if TYPE_CHECKING:
    from seqtext.inference.constraints.options import Constraints

SHARED = ("prefix", "banned", "banned_any_case", "outputs", "terminology")
OF_SOURCE = ("prefixes", "prefix_column", "required", "required_column")
_BETWEEN = "|"  # phrases in a cell of a table, where a tab would be another cell


def add_constraints(parser: Parser, *, of_source: bool = False) -> None:
    """``--prefix TEXT --banned F …``, and options that differ by source."""
    parser.add_argument(
        "--prefix", metavar="TEXT", default="", help="what every output begins with"
    )
    parser.add_argument(
        "--banned",
        metavar="F",
        help="file of words and phrases that stand in no output, one a line",
    )
    parser.add_argument(
        "--banned_any_case", action="store_true", help="letter case makes no difference in --banned"
    )
    parser.add_argument("--outputs", metavar="F", help="file of all possible outputs, one a line")
    parser.add_argument(
        "--terminology", metavar="F",
        help="table without a header: a term of the source, a tab, what it is called in the output",
    )  # fmt: skip
    if not of_source:
        return
    parser.add_argument(
        "--prefixes", metavar="F", help="file with the beginning of each output, a line a source"
    )
    parser.add_argument(
        "--prefix_column",
        metavar="NAME",
        help="column of the input with the beginning of its output",
    )
    parser.add_argument(
        "--required", metavar="F",
        help="file of phrases that each output must have, a line a source, with tabs between phrases",
    )  # fmt: skip
    parser.add_argument(
        "--required_column", metavar="NAME",
        help=f"column of the input with phrases that its output must have, with {_BETWEEN} between phrases,"
        " in jsonl also a list",
    )  # fmt: skip


def read_constraints(options: argparse.Namespace) -> Constraints:
    """The constraints that all sources share.

    Raises:
        ConfigError: Options contradict each other.
        DataError: A file cannot be read, is empty, or has an empty line.
    """
    from seqtext.inference.constraints.options import Constraints

    banned, outputs = _phrases(options, "banned"), _phrases(options, "outputs")
    terminology = _terms(options)
    try:
        shared = Constraints(
            prefix=options.prefix,
            banned=banned,
            banned_any_case=options.banned_any_case,
            outputs=outputs,
            terminology=terminology,
        )
    except ConfigError as error:
        raise ConfigError(f"--{error}") from error
    for name in OF_SOURCE:
        if getattr(options, name, None) is not None:
            for other in ("outputs", *(("prefix",) if name.startswith("prefix") else ())):
                if getattr(options, other):
                    raise ConfigError(f"--{name}: cannot be combined with --{other}")
    for name in ("prefix", "required"):
        file = "prefixes" if name == "prefix" else name
        if (
            getattr(options, file, None) is not None
            and getattr(options, f"{name}_column") is not None
        ):
            raise ConfigError(f"--{file}: cannot be combined with --{name}_column")
    return shared


@contextlib.contextmanager
def source_constraints(
    options: argparse.Namespace, shared: Constraints
) -> Iterator[SourceConstraintReader]:
    """What reads the constraints of each source.

    Raises:
        DataError: A file cannot be read, or has another number of lines than an input that is a file.
    """
    with contextlib.ExitStack() as stack:
        files = {
            name: _LineFile(name, path, stack.enter_context(_open(name, path)))
            for name in ("prefixes", "required")
            if (path := getattr(options, name)) is not None
        }
        counted = {name: file for name, file in files.items() if os.path.isfile(file.path)}
        if counted and _has_countable_lines(options):
            count = _count(options.input)
            for name, file in counted.items():
                if (own := _count(file.path)) != count:
                    raise DataError(
                        f"--{name} {file.path}: has {own:,} lines, and {options.input} has {count:,}. Give"
                        " one line for each source"
                    )
        yield SourceConstraintReader(options, shared, files)


class _LineFile:
    """A file with a line for each source.

    Args:
        name: Of its option.
        path: Of the file.
        lines: Its lines.
    """

    def __init__(self, name: str, path: str, lines: Iterator[str]) -> None:
        self.name, self.path = name, path
        self._lines, self._read = lines, 0

    def take(self, count: int) -> list[str]:
        """The next lines.

        Raises:
            DataError: There are fewer.
        """
        lines = list(itertools.islice(self._lines, count))
        self._read += len(lines)
        if len(lines) < count:
            raise DataError(
                f"--{self.name} {self.path}: has {self._read:,} lines, and the input goes on with line"
                f" {self._read + 1:,}. Give one line for each source"
            )
        return lines

    def tell_rest(self) -> None:
        """Say if there are lines for which the input had no source."""
        if rest := sum(1 for _ in self._lines):
            print(
                f"--{self.name} {self.path}: has {rest:,} lines more than the input, which were not used",
                file=sys.stderr,
            )


class SourceConstraintReader:
    """Reads the constraints of sources, in their order.

    Args:
        options: Of the command line.
        shared: What all sources share.
        files: Those with a line for each source, by option.
    """

    def __init__(
        self, options: argparse.Namespace, shared: Constraints, files: dict[str, _LineFile]
    ) -> None:
        self._shared, self._files = shared, files
        names = {"prefixes": options.prefix_column, "required": options.required_column}
        self._columns = {option: name for option, name in names.items() if name is not None}

    @property
    def columns(self) -> list[str]:
        """Columns of the input to read beside those of the source."""
        return list(self._columns.values())

    def skip(self, count: int) -> None:
        """Leave out sources that are answered already."""
        for file in self._files.values():
            file.take(count)

    def read(self, count: int, columns: Sequence[Sequence[object]]) -> Constraints:
        """The constraints of the next sources.

        Args:
            count: Number of sources.
            columns: Of each source, its values in ``columns``.
        """
        given: dict[str, Any] = {name: file.take(count) for name, file in self._files.items()}
        if "required" in given:
            given["required"] = [_split(line, "\t") for line in given["required"]]
        for place, option in enumerate(self._columns):
            values = [row[place] for row in columns]
            if option == "required":
                given[option] = [_as_phrases(value) for value in values]
            else:
                given[option] = ["" if value is None else value for value in values]
        return dataclasses.replace(self._shared, **given) if given else self._shared

    def finish(self) -> None:
        """Say what was not used."""
        for file in self._files.values():
            file.tell_rest()


def _as_phrases(value: object) -> Sequence[object]:
    if value is None:
        return ()
    return value if isinstance(value, list) else _split(str(value), _BETWEEN)


def _split(line: str, between: str) -> list[str]:
    """Phrases of a line. An empty line has none."""
    return line.split(between) if line.strip() else []


def _phrases(options: argparse.Namespace, name: str) -> list[str]:
    """The lines of a file that an option names, if it does."""
    path = getattr(options, name)
    if path is None:
        return []
    with _open(name, path) as file:
        lines = list(file)
    if not lines:
        raise DataError(f"--{name} {path}: is empty")
    for number, line in enumerate(lines, 1):
        if not line.strip():
            raise DataError(f"--{name} {path}:{number}: an empty line, expected a text")
    return lines


def _terms(options: argparse.Namespace) -> dict[str, str]:
    """The terminology. Of a term that stands there twice, the first row counts."""
    terms: dict[str, str] = {}
    for number, line in enumerate(_phrases(options, "terminology"), 1):
        where = f"--terminology {options.terminology}:{number}"
        columns = line.split("\t")
        if len(columns) != 2 or not all(map(str.strip, columns)):
            raise DataError(f"{where}: expected a term, a tab, and what it is called in the output")
        terms.setdefault(columns[0].strip(), columns[1].strip())
    return terms


@contextlib.contextmanager
def _open(name: str, path: str) -> Iterator[Iterator[str]]:
    """The lines of a file that an option names."""
    from seqtext.data.files import UNREADABLE, open_file, text_lines

    if os.path.isdir(path):
        raise DataError(f"--{name} {path}: is a folder, expected a file of text")
    if not os.path.exists(path):
        raise DataError(f"--{name} {path}: no such file")
    with open_file(Path(path)) as file:
        try:
            yield text_lines(file, path)
        except UNREADABLE as error:
            raise DataError(f"--{name} {path}: cannot be read ({error})") from error


def _count(path: str) -> int:
    with _open("input", path) as lines:
        return sum(1 for _ in lines)


def _has_countable_lines(options: argparse.Namespace) -> bool:
    """Whether the input is a file with a source on every line. A table may have a header."""
    from seqtext.data.files import ending_of

    if options.input in (None, *STANDARD) or not os.path.isfile(options.input):
        return False
    return bool((options.input_format or ending_of(options.input)) != "tsv")
