"""The name of a corpus -> its kind and its files, or what is wrong with it."""

from __future__ import annotations

import glob
import os
from pathlib import Path
from typing import Literal

from seqtext.data import builtin
from seqtext.data.files import PACKINGS, check_text, ending_of, first_bytes
from seqtext.data.readers import (
    ENDINGS,
    FORMAT_OF_ENDING,
    Columns,
    LabelColumns,
    detect_format,
    files_in_folders,
)
from seqtext.data.readers.columns import source_columns
from seqtext.errors import DataError
from seqtext.suggestion import suggest

_ARCHIVES = ("zip", "tar", "tgz", "7z", "rar", "bz2", "xz")


def kind_of(name: str, columns: Columns, format: str | None) -> Literal["builtin", "hub"] | str:
    """``builtin``, ``hub``, or a key of ``FORMATS``.

    Args:
        name: The corpus.
        columns: Names of source and target. A folder holds folders of labels if they name a label.
        format: The format that the user names, if any.

    Raises:
        DataError: A file cannot be read.
    """
    if format is not None:
        return format.partition(":")[0]
    if name.startswith(builtin.PREFIX):
        return "builtin"
    named = FORMAT_OF_ENDING.get(ending_of(name))
    is_file = os.path.isfile(name)
    if not (named and is_file) and _are_sides(name, columns):
        return "lines"
    if is_file:
        one_side = named is None and Path(name).suffix[1:] in columns
        kind = None if one_side else detect_format(first_bytes(Path(name)), columns, named)
        return kind or "lines"
    if named is not None:
        return named
    if isinstance(columns, LabelColumns) and os.path.isdir(name) and files_in_folders(Path(name)):
        return "folders"
    return "lines" if _prefix_files(name) or _looks_like_path(name) else "hub"


def check_name(name: str) -> None:
    """Refuse what cannot be the name of a corpus.

    Raises:
        DataError: It is empty, an address, or an unknown part of the grammar.
    """
    if not name:
        raise DataError(f"the name is empty, expected {ENDINGS}, a PREFIX or a hub name")
    if "://" in name:
        raise DataError(
            f"{name}: is an address, and nothing is downloaded from there; fetch the file, and give"
            " its name"
        )
    if name.startswith(builtin.PREFIX):
        builtin.fields_of(name)


def files_of(name: str, columns: Columns, format: str | None) -> list[Path]:
    """The local files of a corpus. The built-in one and those of the hub have no files.

    Raises:
        DataError: See ``check_name``, or a file is missing or no file.
    """
    check_name(name)
    kind = kind_of(name, columns, format)
    if kind in ("builtin", "hub"):
        return []
    if kind == "folders":
        if not (files := files_in_folders(Path(name))):
            raise DataError(f"{name}: has no files in folders, expected {name}/LABEL/FILE")
        return files
    paths = [_side(name, side) for side in columns] if kind == "lines" else [Path(name)]
    names = source_columns(columns).names
    if kind == "lines" and len(names) > 1 and not paths[0].exists():
        raise DataError(
            f"{name}: is the prefix of parallel files, whose source is one file. Put the columns"
            f" {' and '.join(names)} into a table"
        )
    for path in paths:
        try:
            exists = path.is_file()
        except OSError as error:  # a folder on the way that may not be entered
            raise DataError(f"{path}: cannot be read ({error.strerror})") from error
        if not exists:
            raise DataError(_missing(path, name, columns, kind))
    return paths


def _are_sides(prefix: str, columns: Columns) -> bool:
    """Whether both parallel files exist."""
    return all(os.path.isfile(_side(prefix, column)) for column in columns)


def _side(prefix: str, suffix: str) -> Path:
    """One of two parallel files, packed or not."""
    path = Path(f"{prefix}.{suffix}")
    candidates = (path, *(Path(f"{path}{packing}") for packing in PACKINGS))
    return next((candidate for candidate in candidates if os.path.exists(candidate)), path)


def _prefix_files(prefix: str) -> list[Path]:
    path = Path(prefix)
    try:
        return sorted(path.parent.glob(f"{glob.escape(path.name)}.*")) if path.name else []
    except (OSError, ValueError):
        return []


def _looks_like_path(name: str) -> bool:
    # a hub name is NAME or USER/NAME. Whatever lies in an existing folder, or deeper, is a path
    path = Path(name)
    return (
        name.startswith((".", "/", "~", "\\"))
        or len(path.parts) > 2
        or os.path.exists(path)
        or (len(path.parts) == 2 and os.path.isdir(path.parent))
    )


# --- messages ---------------------------------------------------------------------------------------------


def _missing(path: Path, name: str, columns: Columns, kind: str) -> str:
    """What is wrong where ``path``, a file of the corpus ``name``, does not exist."""
    source, target = columns
    expected = f"expected {ENDINGS}, or the PREFIX of PREFIX.{source} and PREFIX.{target}"
    files = _prefix_files(name) if kind == "lines" else []
    if files and not path.is_dir() and not os.path.isfile(name):
        near = suggest(path.suffix.lstrip("."), [file.suffix.lstrip(".") for file in files])
        return (
            f"{path}: no such file; with the prefix {name} there are {', '.join(map(str, files))}{near}."
            " Name two of the suffixes with --data.source and --data.target"
        )
    for folder in (path, Path(name)):
        if folder.is_dir():
            if isinstance(columns, LabelColumns):
                expected = f"expected files FOLDER/LABEL/FILE in it, {expected[9:]}"
            return f"{folder}: is a folder, {expected}"
    if Path(name).is_file():
        return _other_format(name, columns, expected)
    if path.exists() or Path(name).exists():
        return (
            f"{name}: is a pipe or a device, and a corpus is read several times; write it to a file"
        )
    return f"{path}: no such file ({expected})"


def _other_format(name: str, columns: Columns, expected: str) -> str:
    """What is wrong with a file that has no reader."""
    suffix = Path(name).suffix
    prefix = name.removesuffix(suffix)
    if suffix[1:] in columns:
        return f"{name}: is one side of parallel files; give their prefix, {prefix}"
    if ending_of(name) in _ARCHIVES:
        return f"{name}: is packed in a way that is not read here; unpack it ({expected})"
    check_text(first_bytes(Path(name)), name)
    others = [str(file) for file in _prefix_files(prefix)]
    others = [
        other for other in others if other != name and ending_of(other) not in FORMAT_OF_ENDING
    ]
    advice = "if it is a table, give it a header, or name its format with --data.format"
    if others:
        advice = (
            f"if it is one side of parallel files, beside {', '.join(others)}, give their prefix,"
            f" {prefix}, and the two suffixes with --data.source and --data.target"
        )
    return f"{name}: neither its ending nor its content says what it is ({expected}); {advice}"
