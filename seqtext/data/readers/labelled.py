"""Texts with labels as other programs keep them: lines with ``__label__``, a folder for each label."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from seqtext.data.readers.rows import Columns, LabelColumns, Record, check_columns, records
from seqtext.data.readers.text import lines_of
from seqtext.errors import DataError

LABEL_MARK = "__label__"
_COLUMNS = ("text", "label")  # as these formats name none
_LABEL = re.compile(rf"(?<!\S){LABEL_MARK}(\S+)\s*")


def read_label_lines(
    paths: list[Path], columns: Columns, *, lenient: bool = False
) -> Iterator[Record]:
    """Lines of fastText and flair: every word that begins with ``__label__`` is a label, the rest is text.

    Columns are ``text`` and ``label``. Empty lines are skipped.

    Raises:
        DataError: Not UTF-8 or unreadable, or other columns are asked for.
    """
    [path] = paths
    _check_asked(columns, f"{path}: has lines with {LABEL_MARK}")
    for number, line in enumerate(lines_of(path, lenient=lenient), 1):
        if line.strip():
            row = {"text": _LABEL.sub("", line).strip(), "label": _LABEL.findall(line)}
            yield from records(row, columns, f"{path}:{number}")


def read_label_folders(
    paths: list[Path], columns: Columns, *, lenient: bool = False
) -> Iterator[Record]:
    """A text in each file, labelled by the name of its folder. Columns are ``text`` and ``label``.

    A file that cannot be read is a record that says so.

    Raises:
        DataError: Other columns are asked for.
    """
    _check_asked(columns, f"{paths[0].parent.parent}: has a folder for each label")
    for path in paths:
        try:
            text = "\n".join(lines_of(path, lenient=lenient))
        except DataError as error:
            yield Record(str(path), error)
            continue
        row = {"text": text.strip(), "label": path.parent.name}
        yield from records(row, columns, str(path))


def _check_asked(columns: Columns, what: str) -> None:
    if not isinstance(columns, LabelColumns):
        raise DataError(
            f"{what}; only a classifier reads it, with --data.text text --data.label label"
        )
    check_columns(_COLUMNS, columns, what)


def files_in_folders(folder: Path) -> list[Path]:
    """The files FOLDER/LABEL/FILE by label and name, without hidden ones. Empty where there are none.

    Raises:
        DataError: A folder cannot be read, or the folder of a label has one within it.
    """
    files: list[Path] = []
    try:
        for label in _entries(folder):
            if not label.is_dir():
                continue
            for entry in _entries(label):
                if entry.is_dir():
                    raise DataError(
                        f"{entry.path}: is a folder in that of a label, expected a text file"
                    )
                files.append(Path(entry.path))
    except OSError as error:
        raise DataError(f"{folder}: cannot be read ({error.strerror or error})") from error
    return files


def _entries(folder: os.PathLike[str]) -> list[os.DirEntry[str]]:
    """What is in a folder, by name. An entry is known to be a folder without a look at the disk."""
    with os.scandir(folder) as entries:
        shown = (entry for entry in entries if not entry.name.startswith("."))
        return sorted(shown, key=lambda entry: entry.name)
