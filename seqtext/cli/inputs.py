"""Lines of an input -> what a model reads: a text, or the values of several columns."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from seqtext.cli.streams import Input
from seqtext.data.files import ending_of
from seqtext.errors import DataError

if TYPE_CHECKING:
    from seqtext.data.readers.columns import SourceColumns

# what software is translated in
StringsFormat = Literal["po", "xliff", "ts", "android", "properties"]
InputFormat = Literal["text", "tsv", "jsonl", StringsFormat]
Row = str | tuple[str, ...]  # a tuple where a source has several columns
_STRINGS: Mapping[str, StringsFormat] = {
    "po": "po", "pot": "po", "xlf": "xliff", "xliff": "xliff", "ts": "ts", "xml": "android",
    "properties": "properties",
}  # fmt: skip
_ENDINGS: Mapping[str, InputFormat] = {"tsv": "tsv", "jsonl": "jsonl", "ndjson": "jsonl"}


def add_input_format(parser: argparse.ArgumentParser, rows: str = "a source a line") -> None:
    """``--input_format FORMAT``."""
    parser.add_argument(
        "--input_format", choices=get_args(InputFormat),
        help=f"text: {rows}, with tabs between several columns; tsv: a table with the columns of training;"
        " jsonl: an object a line; others: strings of a program, which generate fills (default: what the"
        " name of --input says, else text)",
    )  # fmt: skip


def strings_format(name: str, given: InputFormat | None) -> StringsFormat | None:
    """The format of an input that has the strings of a program. None if it has lines.

    Args:
        name: Of the input.
        given: The format that the user names, if any.
    """
    if given is not None:
        return next((known for known in get_args(StringsFormat) if known == given), None)
    return _STRINGS.get(ending_of(name))


def read_dictionary(path: str) -> dict[str, str]:
    """Words and their translations.

    Args:
        path: Of a file with lines of word<TAB>translation.

    Raises:
        DataError: It cannot be read, or a line is something else.
    """
    from seqtext.data.readers.text import lines_of

    words: dict[str, str] = {}
    for number, line in enumerate(lines_of(Path(path)), 1):
        word, _, translation = line.partition("\t")
        if not (word and translation) or "\t" in translation:
            raise DataError(f"{path}:{number}: {line!r:.60}, expected word<TAB>translation")
        words[word] = translation
    return words


class RowReader:
    """Reads the columns of a model's source from lines.

    A row of a table has the columns by name, if its first line has the names. Otherwise it has the
    columns of the source in order, or by number where the corpus had no header.

    Args:
        lines: The input. The header of a table is taken from it.
        given: The format. None takes what the name of the input says.
        columns: Of the source.
        others: Names of other columns to read. Each ``read`` leaves their values in ``others``.

    Raises:
        DataError: The input has the strings of a program, or a table lacks a column.
    """

    def __init__(
        self,
        lines: Input,
        given: InputFormat | None,
        columns: SourceColumns,
        others: Sequence[str] = (),
    ) -> None:
        if (strings := strings_format(lines.name, given)) is not None:
            raise DataError(
                f"{lines.name}: has the strings of a program ({strings}), and only seqtext generate reads"
                " them. --input_format text reads each line as a text"
            )
        self._lines, self._columns = lines, columns
        self._format: InputFormat = given or _ENDINGS.get(ending_of(lines.name), "text")
        self._names = [*columns.names, *others]
        self.others: list[Sequence[object]] = []
        if others and self._format == "text":
            raise DataError(
                f"{lines.name}: is read as lines of text, which have no column {others[0]!r}. Give"
                " --input_format tsv or jsonl"
            )
        self._header: list[str] | None = None
        if self._format == "tsv" and not self._numbered:
            self._take_header()

    @property
    def _numbered(self) -> bool:
        return all(name.isdecimal() for name in self._names)

    def _take_header(self) -> None:
        from seqtext.data.readers.rows import check_names

        first, names = self._lines.peek().split("\t"), self._names
        if set(names) <= set(first):
            check_names(first, names, f"{self._lines.name}:1")
            self._header = first
            self._lines.take_header()
        elif len(first) == len(names):
            print(
                f"{self._lines.name}: line 1 does not name the column(s) {', '.join(names)}. Each line has"
                f" {len(names)} column(s), so they are read in order",
                file=sys.stderr,
            )
        else:
            raise DataError(
                f"{self._lines.name}:1: {len(first)} columns, {', '.join(map(repr, first))}, expected a"
                f" header with {', '.join(map(repr, names))}. --input_format text reads each line as a text"
            )

    def read(self, lines: Sequence[str], number: int) -> list[Row]:
        """The sources of some lines.

        Args:
            lines: As ``Input.chunks`` gives them.
            number: That of the first one among the lines behind a header, counted from 1.

        Raises:
            DataError: A line has other columns. The message names file and line.
        """
        if self._format == "text" and len(self._columns.names) == 1:
            return list(lines)
        number += self._header is not None
        self.others = []
        rows = [
            tuple(self._values(line, f"{self._lines.name}:{i}"))
            for i, line in enumerate(lines, number)
        ]
        own = len(self._columns.names)
        if self._format != "jsonl":
            self.others = [row[own:] for row in rows]
        return [row[0] if own == 1 else row[:own] for row in rows]

    def _values(self, line: str, where: str) -> list[str]:
        from seqtext.data.readers.json_objects import read_object
        from seqtext.data.readers.rows import values_of

        names = self._names
        if self._format == "jsonl":
            record = read_object(line, where, numbered=self._numbered)
            own = self._columns.names
            self.others.append([_other(record, name, where) for name in names[len(own) :]])
            return values_of(record, own, where)
        values = line.split("\t")
        if self._header is not None:
            if len(values) != len(self._header):
                raise DataError(
                    f"{where}: {len(values)} columns, expected {len(self._header)} as in the header"
                )
            return values_of(dict(zip(self._header, values, strict=True)), names, where)
        if len(values) == len(names):
            return values
        if self._format == "tsv" and self._numbered and len(values) >= max(map(int, names)):
            return [values[int(name) - 1] for name in names]
        raise DataError(
            f"{where}: {len(values)} column(s) separated by tabs, expected {len(names)}:"
            f" {', '.join(names)}"
        )


def _other(record: Mapping[str, object], name: str, where: str) -> object:
    """The value of a column that is no part of the source: a text, a list of texts, or null."""
    if name not in record:
        raise DataError(f"{where}: no column {name!r}; it has {', '.join(record)}")
    value = record[name]
    if value is not None and not isinstance(value, str | list):
        raise DataError(f"{where}: {name}: {value!r:.60}, expected a text or a list of texts")
    return value
