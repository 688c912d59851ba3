"""Verify the zip archive of a checkpoint, then read it."""

from __future__ import annotations

import os
import pickle
import zipfile
from pathlib import Path
from typing import BinaryIO

import torch
from torch.serialization import get_unsafe_globals_in_checkpoint

from seqtext.errors import CheckpointError

_WRITTEN = "expected a .ckpt file that `seqtext fit` has written"
_OTHER = "use another copy of it, or an earlier checkpoint"


def read(path: Path) -> object:
    """Read an archive of plain data and tensors, onto the CPU.

    PyTorch does not compare checksums, so a flipped bit would give another weight without a word.

    Raises:
        CheckpointError: The file cannot be read, is no such archive, or is damaged. Or its entries are
            compressed or overlap, or it has objects other than plain data.
    """
    try:
        with path.open("rb") as file:
            _verify(file, path)
            file.seek(0)
            return _load(file, path)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror or error})") from error


def _verify(file: BinaryIO, path: Path) -> None:
    """Refuse an archive that differs from its checksums, or that PyTorch would not have written."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    # PyTorch would read any other file in an older format, which has no checksums
    if file.read(4) != b"PK\3\4":
        raise CheckpointError(
            f"{path}: not a checkpoint, or a damaged one ({size:,} bytes); {_WRITTEN}"
        )
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            # PyTorch compresses nothing. So packed or overlapping entries may be an attack: a small
            # file could fill the memory. Its reader ignores case, so A and a would be the same entry.
            stored = all(
                entry.compress_type == zipfile.ZIP_STORED and entry.compress_size == entry.file_size
                for entry in entries
            )
            names = {entry.filename.lower() for entry in entries}
            whole = sum(entry.file_size for entry in entries)
            if not stored or whole > size or len(names) < len(entries):
                raise CheckpointError(
                    f"{path}: not a checkpoint of seqtext: its entries are packed, overlap or have the same"
                    f" name; {_WRITTEN}. It may be unsafe"
                )
            damaged = archive.testzip()
    except CheckpointError:
        raise
    except Exception as error:  # zipfile raises many types for an archive that contradicts itself
        raise CheckpointError(
            f"{path}: not a checkpoint, or a damaged one ({_first_line(error)}, {size:,} bytes); {_OTHER}"
        ) from error
    if damaged is not None:
        raise CheckpointError(
            f"{path}: damaged: {damaged} is not what was written (its checksum differs); {_OTHER}"
        )


def _load(file: BinaryIO, path: Path) -> object:
    try:
        return torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        # PyTorch's own message is left out: it explains how to load the file without this check
        raise CheckpointError(
            f"{path}: holds objects other than plain data and tensors{_foreign_objects(file)}. It may be"
            f" unsafe: such objects can run any program when they are loaded. Nothing was loaded; {_WRITTEN}"
        ) from error
    except Exception as error:  # PyTorch's reader raises any type for a foreign file
        raise CheckpointError(
            f"{path}: not a checkpoint of seqtext, or a damaged one ({_first_line(error)}); {_WRITTEN}"
        ) from error


def _foreign_objects(file: BinaryIO) -> str:
    """Names of classes and functions that the file would call, in brackets, three at most."""
    file.seek(0)
    try:
        names = sorted(get_unsafe_globals_in_checkpoint(file))
    except Exception:  # the file has instructions that PyTorch does not know
        return ""
    return f" ({', '.join(name[:60] for name in names[:3])})" if names else ""


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).split("\n")[0][:200]
