"""Lines that commands read, and how text becomes lines and columns that they write."""

from __future__ import annotations

import argparse
import contextlib
import io
import itertools
import json
import os
import re
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

from seqtext.cli.progress import watched
from seqtext.errors import DataError

if TYPE_CHECKING:
    from seqtext.cli.answers import Answers

STANDARD = ("-", "/dev/stdin")
CHUNK = 2_000  # most lines decoded before their output is written
_FIRST = 500  # lines of the first chunk. Each further chunk has twice as many
_BLOCK = 1 << 16  # bytes, which is what a pipe holds


# --- standard streams -----------------------------------------------------------------------------------


def use_utf8() -> None:
    """Write UTF-8 and LF on every system, also into a pipe on Windows."""
    for stream, errors in ((sys.stdout, None), (sys.stderr, "backslashreplace")):
        if isinstance(stream, io.TextIOWrapper) and not stream.closed:  # a notebook has others
            stream.reconfigure(encoding="utf-8", errors=errors, newline="\n")


def _standard_input() -> io.BufferedIOBase:
    if sys.stdin is None or sys.stdin.closed:
        raise DataError("standard input is closed. Name a file with --input")
    if (buffer := getattr(sys.stdin, "buffer", None)) is not None:
        return cast(io.BufferedIOBase, buffer)
    return io.BytesIO(sys.stdin.read().encode())  # text alone, as in a notebook


# --- input ----------------------------------------------------------------------------------------------


class Input:
    """Lines of a file, a pipe or standard input, packed or not.

    Args:
        file: Open for reading bytes.
        name: What messages call it.
    """

    def __init__(self, file: io.BufferedIOBase, name: str) -> None:
        from seqtext.data.files import unpacked

        self._raw, self.name = file, name
        self._file = unpacked(file, name)
        self._blocks = self._arrivals()
        self.headers = 0  # lines at the start that ``chunks`` leaves out
        self.size: int | None = None  # bytes of a regular file
        with contextlib.suppress(OSError, ValueError):  # no file of the system
            status = os.fstat(file.fileno())
            self.size = status.st_size if stat.S_ISREG(status.st_mode) else None
        self._waits = self.size is None and not isinstance(file, io.BytesIO)

    @property
    def position(self) -> int:
        """Bytes read of a regular file."""
        return self._raw.tell()

    def read(self) -> bytes:
        """All bytes, unpacked.

        Raises:
            DataError: They cannot be read.
        """
        from seqtext.data.files import UNREADABLE

        try:
            return self._file.read()
        except UNREADABLE as error:
            raise DataError(f"{self.name}: cannot be read ({error})") from error

    def peek(self) -> str:
        """The first line, which stays. Empty if there is none.

        Raises:
            DataError: See ``chunks``.
        """
        from seqtext.data.files import UNREADABLE, text_lines

        try:
            if (block := next(self._blocks, None)) is None:
                return ""
        except UNREADABLE as error:
            raise DataError(f"{self.name}: cannot be read ({error})") from error
        self._blocks = itertools.chain([block], self._blocks)
        return next(text_lines(block[:1], self.name))

    def take_header(self) -> None:
        """Leave the first line out of ``chunks``."""
        self.headers = 1

    def chunks(
        self, *, skip: int = 0, skipped: Callable[[str], None] = lambda line: None
    ) -> Iterator[list[str]]:
        """Lines, at most ``CHUNK`` together.

        A pipe may wait for the answer to a line before it gives the next line. So all lines that have
        arrived make a chunk. The first chunks of a file are short, so that an interruption leaves
        some finished answers.

        Args:
            skip: Lines at the start, behind a header, that are left out.
            skipped: Takes each of them.

        Raises:
            DataError: Not UTF-8, or unreadable. The lines before come first.
        """
        from seqtext.data.files import UNREADABLE, text_lines

        number, chunk, size = 0, list[str](), min(_FIRST, CHUNK)
        try:
            for raw in self._blocks:
                for line in text_lines(raw, self.name, before=number):
                    number += 1
                    if number <= self.headers:
                        continue
                    if number <= self.headers + skip:
                        skipped(line)
                        continue
                    chunk.append(line)
                    if len(chunk) == size:
                        yield chunk
                        chunk, size = [], min(2 * size, CHUNK)
                if chunk and self._waits:
                    yield chunk
                    chunk = []
        except DataError:
            if chunk:
                yield chunk
            raise
        except UNREADABLE as error:
            if chunk:
                yield chunk
            raise DataError(f"{self.name}: cannot be read after line {number} ({error})") from error
        if number < self.headers + skip:
            raise DataError(
                f"{self.name}: has {number - self.headers:,} lines, but {skip:,} are answered already."
                " Is it the same input?"
            )
        if chunk:
            yield chunk

    def watched(
        self, answers: Answers, skipped: Callable[[str], None] | None = None
    ) -> Iterator[list[str]]:
        """``chunks`` after the answered lines, with a progress bar.

        Args:
            answers: Knows how many lines are answered.
            skipped: Takes each of these lines. Default: ``answers.skip``.
        """
        if self.headers:
            answers.begin(self.peek())
        chunks = self.chunks(skip=answers.done, skipped=skipped or answers.skip)
        if answers.on_terminal:
            return chunks  # a bar would mix with the answers
        position = (lambda: self.position) if self.size else (lambda: answers.done)
        return watched(chunks, "lines", position, self.size, count=lambda: answers.done)

    def _arrivals(self) -> Iterator[list[bytes]]:
        """Lines as they arrive."""
        data: bytes
        start: list[bytes] = []  # of a line whose end has not arrived
        while data := self._file.read1(_BLOCK):
            first, *lines = data.split(b"\n")
            start.append(first)
            if not lines:
                continue
            lines = [b"".join(start), *lines]
            start = [lines.pop()]
            yield [line + b"\n" for line in lines]
        if last := b"".join(start):
            yield [last]


def add_input(parser: argparse.ArgumentParser) -> None:
    """``--input F``."""
    parser.add_argument(
        "--input", metavar="F",
        help="file to read, packed (.gz, .zst) or not; - is standard input, the default",
    )  # fmt: skip


def check_input(path: str | None, option: str = "--input") -> None:
    """Refuse what cannot be read before anything is loaded.

    Raises:
        DataError: There is no such file, or it is a folder.
    """
    if path is None or path in STANDARD:
        return
    if not os.path.exists(path):
        raise DataError(f"{option} {path}: no such file")
    if os.path.isdir(path):
        raise DataError(f"{option} {path}: is a folder, expected a file of text")


@contextlib.contextmanager
def open_input(path: str | None) -> Iterator[Input]:
    """A file, a pipe, or standard input (``None`` or ``-``).

    Raises:
        DataError: It cannot be read.
    """
    if path is None or path in STANDARD:
        if sys.stdin is not None and sys.stdin.isatty():
            print("reading from the terminal: a text a line, Ctrl-D ends", file=sys.stderr)
        yield Input(_standard_input(), "standard input")
        return
    from seqtext.data.files import open_file

    with open_file(Path(path), unpack=False) as file:
        yield Input(file, path)


# --- lines and columns ----------------------------------------------------------------------------------

# every character that some program takes for the end of a line, as Python's str.splitlines does
_ENDS = re.compile("\r\n|[\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029]")
_ESCAPED = {ord(end): f"\\u{ord(end):04x}" for end in "\x85\u2028\u2029"}  # JSON leaves these raw


def as_line(text: str) -> str:
    r"""Text as one line.

    >>> as_line("one\r\ntwo\u2028three")
    'one two three'
    """
    return _ENDS.sub(" ", text)


def as_row(*columns: str) -> str:
    r"""Columns as one line with tabs between them.

    >>> as_row("0", "a\tb\n")
    '0\ta b '
    """
    return "\t".join(as_line(column).replace("\t", " ") for column in columns)


def as_json(record: object) -> str:
    """A value as one line of JSON, whatever the program that splits the lines."""
    return json.dumps(record, ensure_ascii=False).translate(_ESCAPED)


def lines_of(texts: Iterable[str]) -> str:
    """A line for each text."""
    return "".join(f"{text}\n" for text in texts)
