"""Options that say what outputs must be. Their files are read and checked before a model is loaded."""

from __future__ import annotations

import argparse
import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from seqtext.cli.answers import note_content
from seqtext.cli.flags import Parser
from seqtext.errors import ConfigError, DataError

if TYPE_CHECKING:
    from seqtext.inference.constraints.options import Constraints

T = TypeVar("T")
SHARED = ("prefix", "banned", "banned_any_case", "outputs", "terminology", "shortlist")
OF_SOURCE = ("prefixes", "prefix_column", "required", "required_column")
BETWEEN = "|"  # phrases in a cell of a table, where a tab would be another cell


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
    parser.add_argument(
        "--shortlist", metavar="F",
        help="file of seqtext shortlist, or the run folder that has it: decodes faster with a large"
        " vocabulary, and some outputs differ",
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
        help=f"column of the input with phrases that its output must have, with {BETWEEN} between phrases,"
        " in jsonl also a list",
    )  # fmt: skip


def read_constraints(options: argparse.Namespace) -> Constraints:
    """The constraints that all sources share.

    Raises:
        ConfigError: Options contradict each other.
        DataError: A file cannot be read, is empty, or has an empty line or phrase.
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
            shortlist=options.shortlist,
        )
    except ConfigError as error:
        raise ConfigError(f"--{error}") from error
    for name in OF_SOURCE:
        if getattr(options, name, None) is not None:
            others = ("outputs", "shortlist", *(["prefix"] if name.startswith("prefix") else []))
            for other in others:
                if getattr(options, other):
                    raise ConfigError(f"--{name}: cannot be combined with --{other}")
    for name in ("prefix", "required"):
        file = "prefixes" if name == "prefix" else name
        if (
            getattr(options, file, None) is not None
            and getattr(options, f"{name}_column") is not None
        ):
            raise ConfigError(f"--{file}: cannot be combined with --{name}_column")
    if (path := getattr(options, "required", None)) is not None and os.path.isfile(path):
        with open_lines("required", path) as lines:
            for number, line in enumerate(lines, 1):
                split_phrases(line, "\t", f"--required {path}:{number}")
    if shared.shortlist is not None:
        from seqtext.inference.shortlist import read_shortlist

        try:
            note_content(options, "shortlist", read_shortlist(shared.shortlist).digest)
        except DataError as error:
            raise DataError(f"--{error}") from error
    return shared


def split_phrases(line: str, between: str, where: str) -> list[str]:
    """Phrases of a line. An empty line has none.

    Raises:
        DataError: A phrase of another line is empty.
    """
    return check_phrases(line.split(between), where) if line.strip() else []


def check_phrases(phrases: list[T], where: str) -> list[T]:
    """Refuse phrases that are empty.

    Raises:
        DataError: One is.
    """
    if any(isinstance(phrase, str) and not phrase.strip() for phrase in phrases):
        raise DataError(f"{where}: has an empty phrase. Leave it out")
    return phrases


def _phrases(options: argparse.Namespace, name: str) -> list[str]:
    """The lines of a file that an option names, if it does."""
    path = getattr(options, name)
    if path is None:
        return []
    with open_lines(name, path) as file:
        lines = list(file)
    if not lines:
        raise DataError(f"--{name} {path}: is empty")
    for number, line in enumerate(lines, 1):
        if not line.strip():
            raise DataError(f"--{name} {path}:{number}: an empty line, expected a text")
    note_content(options, name, lines)
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
def open_lines(name: str, path: str) -> Iterator[Iterator[str]]:
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
