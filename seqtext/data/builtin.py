"""The built-in grammar as a corpus: ``builtin:SPLIT:COUNT[:SEED]``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seqtext.data.readers.rows import Columns, Record, check_columns, fields, records
from seqtext.errors import DataError
from seqtext.suggestion import suggest

PREFIX = "builtin:"


def grammar_files() -> list[Path]:
    """The code that makes the rows."""
    from seqtext import grammar

    return sorted(Path(grammar.__file__).parent.glob("*.py"))


def fields_of(name: str) -> tuple[Any, list[int]]:
    """The split that a name stands for, and the count and the seed.

    Raises:
        DataError: The name has another form, or there is no such split.
    """
    from seqtext import grammar

    expected = "expected builtin:SPLIT:COUNT[:SEED], for example builtin:train:20000"
    _, *fields = name.split(":")
    if len(fields) not in (2, 3) or not all(field.isdecimal() for field in fields[1:]):
        raise DataError(f"{name}: {expected}")
    split = fields[0]
    if split not in grammar.SPLITS:
        near = suggest(split, grammar.SPLITS)
        raise DataError(f"{name}: no split {split!r}; there are {', '.join(grammar.SPLITS)}{near}")
    return split, [int(field) for field in fields[1:]]


def read_builtin(name: str, columns: Columns) -> Iterator[Record]:
    """Pairs of the grammar, with their summaries where a column asks for these.

    Raises:
        DataError: See ``fields_of``, or there is no such column.
    """
    from seqtext import grammar

    split, numbers = fields_of(name)
    draw = grammar.examples if "summary" in fields(columns, ()) else grammar.pairs
    drawn: Iterator[tuple[str, ...]] = draw(split, *numbers)
    for number, (english, german, *summary) in enumerate(drawn, 1):
        row = {"en": english, "de": german, "source": english, "target": german}
        if summary:
            row["summary"] = summary[0]
        if number == 1:
            check_columns({**row, "summary": ""}, columns, name)
        yield from records(row, columns, f"{name}, pair {number}")


def count_builtin_rows(name: str) -> int | None:
    """The count in a name, if it has one."""
    count = name.split(":")[2:3]
    return int(count[0]) if count and count[0].isdecimal() else None
