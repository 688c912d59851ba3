"""Constraints that differ by source: files with a line for each source, and columns of the input."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import itertools
import os
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from seqtext.cli.constraints import BETWEEN, check_phrases, open_lines, split_phrases
from seqtext.cli.streams import Input
from seqtext.errors import DataError

if TYPE_CHECKING:
    from seqtext.data.tokenizer import Tokenizer
    from seqtext.inference.constraints.options import Constraints, NormalTexts


@contextlib.contextmanager
def source_constraints(
    options: argparse.Namespace, shared: Constraints
) -> Iterator[SourceConstraintReader]:
    """What reads the constraints of each source.

    Raises:
        DataError: A file cannot be read.
    """
    with contextlib.ExitStack() as stack:
        files = {
            name: _LineFile(name, path, stack.enter_context(open_lines(name, path)))
            for name in ("prefixes", "required")
            if (path := getattr(options, name)) is not None
        }
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

    def check(self, normal: NormalTexts, count: int | None, source: str) -> None:
        """Look at all lines, if this is a file.

        Args:
            normal: Normalizes texts.
            count: Number of sources. None if nobody knows.
            source: What the sources come from.

        Raises:
            DataError: It has another number of lines, or a phrase is empty.
            ConfigError: The model cannot write a text.
        """
        if not os.path.isfile(self.path):
            return
        number = 0
        with open_lines(self.name, self.path) as lines:
            for number, line in enumerate(lines, 1):
                where = f"--{self.name} {self.path}:{number}"
                if self.name == "required":
                    for phrase in split_phrases(line, "\t", where):
                        normal.writable(phrase, where)
                else:
                    normal.beginning(line, where)
        if count not in (None, number):
            raise DataError(
                f"--{self.name} {self.path}: has {number:,} lines, and {source} has {count:,} sources. Give"
                " one line for each source"
            )

    def take(self, count: int) -> list[tuple[str, str]]:
        """The next lines, each with its place for messages.

        Raises:
            DataError: There are fewer.
        """
        lines = list(itertools.islice(self._lines, count))
        first, self._read = self._read + 1, self._read + len(lines)
        if len(lines) < count:
            raise DataError(
                f"--{self.name} {self.path}: has {self._read:,} lines, and the input goes on with line"
                f" {self._read + 1:,}. Give one line for each source"
            )
        where = f"--{self.name} {self.path}"
        return [(line, f"{where}:{number}") for number, line in enumerate(lines, first)]

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
        self._taken = dict[str, list[tuple[str, str]]]()
        self._count = 0  # of sources

    @property
    def columns(self) -> list[str]:
        """Columns of the input to read beside those of the source."""
        return list(self._columns.values())

    def check_files(self, lines: Input, target: Tokenizer) -> None:
        """Look at whole files, before their sources are decoded.

        Args:
            lines: The input.
            target: The tokenizer of the outputs.

        Raises:
            DataError: See ``_LineFile.check``.
            ConfigError: See there.
        """
        from seqtext.inference.constraints.options import NormalTexts

        is_file = lines.size is not None and os.path.isfile(lines.name)
        count = _count(lines.name) - lines.headers if self._files and is_file else None
        for file in self._files.values():
            file.check(NormalTexts(target), count, lines.name)

    def take(self, lines: Sequence[str]) -> Sequence[object]:
        """Go on to the next sources.

        Args:
            lines: Of the input, one for each source.

        Returns:
            For each source, what its answer depends on.
        """
        self._count += len(lines)
        self._taken = {name: file.take(len(lines)) for name, file in self._files.items()}
        if not self._files:
            return lines
        return [
            (line, {name: taken[row][0] for name, taken in self._taken.items()})
            for row, line in enumerate(lines)
        ]

    def read(self, columns: Sequence[Sequence[object]]) -> Constraints:
        """The constraints of the sources that were last taken.

        Args:
            columns: Of each source, its values in ``columns``.

        Raises:
            DataError: A phrase is empty.
        """
        given: dict[str, Any] = {}
        for option, taken in self._taken.items():
            given[option] = [
                split_phrases(line, "\t", where) if option == "required" else line
                for line, where in taken
            ]
        for place, (option, name) in enumerate(self._columns.items()):
            values, first = [row[place] for row in columns], self._count - len(columns) + 1
            if option == "required":
                where = f"--required_column {name}: source "
                given[option] = [
                    _as_phrases(v, f"{where}{i:,}") for i, v in enumerate(values, first)
                ]
            else:
                given[option] = ["" if value is None else value for value in values]
        return dataclasses.replace(self._shared, **given) if given else self._shared

    def finish(self) -> None:
        """Say what was not used."""
        for file in self._files.values():
            file.tell_rest()


def _as_phrases(value: object, where: str) -> Sequence[object]:
    if value is None:
        return ()
    if isinstance(value, list):
        return check_phrases(value, where)
    return split_phrases(str(value), BETWEEN, where)


def _count(path: str) -> int:
    with open_lines("input", path) as lines:
        return sum(1 for _ in lines)
