"""What software is translated in: PO, XLIFF, Qt's TS, Android's strings and Java's properties.

A new format is a function like ``parse_po`` and a line in ``PARSERS``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from seqtext.data.files import UNREADABLE, open_file
from seqtext.data.readers.rows import Columns, LabelColumns, Record, by_language, records, tell_once
from seqtext.data.readers.strings.android import parse_android
from seqtext.data.readers.strings.entries import StringsFile
from seqtext.data.readers.strings.po import parse_po
from seqtext.data.readers.strings.properties import parse_properties
from seqtext.data.readers.strings.ts import parse_ts
from seqtext.data.readers.strings.xliff import parse_xliff
from seqtext.errors import DataError


class StringsParser(Protocol):
    """Finds the texts of a program in a file."""

    def __call__(self, content: bytes, name: str, *, lenient: bool = False) -> StringsFile:
        """Parse a file.

        Args:
            content: All of it, unpacked.
            name: What messages call it.
            lenient: Put U+FFFD where bytes are wrong, instead of raising.

        Raises:
            DataError: It has another format or encoding.
        """


PARSERS: dict[str, StringsParser] = {
    "po": parse_po,
    "xliff": parse_xliff,
    "ts": parse_ts,
    "android": parse_android,
    "properties": parse_properties,
}
SINGLE_LANGUAGE = ("android", "properties")  # a translated file is another one


def read_translations(
    paths: list[Path], columns: Columns, *, lenient: bool = False, format: str
) -> Iterator[Record]:
    """The pairs of a file with texts and their translations. Each plural form is a pair.

    Columns are ``source``, ``target`` and ``context``, and the languages that the file names. Entries
    without a translation, or with one that waits for a review, are left out. One line counts them.

    Args:
        format: A key of ``PARSERS``.

    Raises:
        DataError: Not of this format, or nothing in it is translated. Or labels are asked for.
    """
    [path] = paths
    if isinstance(columns, LabelColumns):
        raise DataError(f"{path}: has texts and their translations, and no labels")
    try:
        with open_file(path) as file:
            content = file.read()
    except UNREADABLE as error:
        raise DataError(f"{path}: cannot be read ({error})") from error
    strings = PARSERS[format](content, str(path), lenient=lenient)
    states = Counter(entry.state for entry in strings.entries)
    left_out = f"{states['untranslated']:,} untranslated, {states['fuzzy']:,} fuzzy"
    if not states["translated"]:
        raise DataError(f"{path}: has no translated entry ({left_out})")
    if len(states) > 1:
        count = states.total() - states["translated"]
        tell_once(f"data: {path}: {count:,} of {states.total():,} entries left out ({left_out})")
    for entry in strings.entries:
        if entry.state != "translated":
            continue
        for form in entry.forms:
            sides = {"source": form.source, "target": form.target}
            languages = {name: sides[side] for side, name in strings.languages.items()}
            row = {**by_language(languages, columns), **sides, "context": entry.context}
            yield from records(row, columns, f"{path}:{entry.line}")


def refuse_single_language(
    paths: list[Path], columns: Columns, *, lenient: bool = False
) -> Iterator[Record]:
    """Refuse a file with texts of one language, which are no pairs.

    Raises:
        DataError: Always.
    """
    raise DataError(
        f"{paths[0]}: has texts of one language, and a corpus needs pairs. Write the two texts of each key"
        " into a table. seqtext generate translates such a file"
    )
