"""Prepared corpora on disk: opened where they are intact, prepared anew where they are damaged."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import datasets
import pyarrow

from seqtext import files
from seqtext.console import say
from seqtext.errors import ConfigError, DataError, SeqtextError

# What opening a damaged file raises
_DAMAGE = (
    FileNotFoundError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    pyarrow.ArrowException,
)


def cache_folder(given: str | None) -> Path:
    """The folder of everything that is prepared: ``given``, or that of ``files.cache_folder``.

    Raises:
        ConfigError: There is no home folder, or no folder can have this name.
    """
    try:
        path = Path(given).expanduser() if given else files.cache_folder()
    except RuntimeError as error:
        raise ConfigError(
            f"data.cache_dir: there is no home folder for {given or '~/.cache/seqtext'}; name a folder for"
            " prepared corpora with the environment variable SEQTEXT_CACHE or with data.cache_dir"
        ) from error
    if (reason := files.odd_name(path)) is not None:
        raise ConfigError(f"data.cache_dir: {path}: no folder can have this name ({reason})")
    return path


def digest_of(*parts: str) -> str:
    """Hexadecimal digest of all ``parts``, which names a result."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def unwritable(cache_dir: Path, error: OSError) -> DataError:
    """What to say where nothing can be kept."""
    reason = " ".join((error.strerror or str(error)).split())
    return DataError(
        f"{cache_dir}: prepared corpora cannot be written there ({reason}); make room, or choose another"
        " folder with data.cache_dir or the environment variable SEQTEXT_CACHE"
    )


def kept(folder: Path, key: str, prepare: Callable[[], datasets.Dataset]) -> datasets.Dataset:
    """Open what an earlier run has prepared under ``key``, or prepare it.

    A file of sizes and digests is written last and compared first. Where something differs the whole
    folder is prepared anew. Where nothing does, nothing is written: the folder may be read-only.

    Args:
        folder: Of one corpus. ``prepare`` writes below it.
        key: Names the result in the folder.
        prepare: Makes the result, which lies in files.

    Raises:
        OSError: The result cannot be written.
    """
    seal, started = folder / f"{key}.json", folder.exists()
    try:
        return _opened(seal) if seal.exists() else _sealed(seal, prepare())
    except SeqtextError:
        raise
    except _DAMAGE as error:
        if not started:
            raise
        say(f"cache: {folder} is damaged ({error or type(error).__name__}); preparing it anew")
        shutil.rmtree(folder, ignore_errors=True)
        return _sealed(seal, prepare())


def _opened(seal: Path) -> datasets.Dataset:
    parts = []
    for file in json.loads(seal.read_text(encoding="utf-8")):
        path = seal.parent / file["path"]
        status = path.stat()
        if status.st_size != file["size"]:
            raise ValueError(f"{path.name} has {status.st_size:,} of {file['size']:,} bytes")
        if _sha256(path, status.st_size, status.st_mtime_ns) != file["sha256"]:
            raise ValueError(f"{path.name} has changed")
        parts.append(datasets.Dataset.from_file(str(path)))
    return parts[0] if len(parts) == 1 else datasets.concatenate_datasets(parts)


def _sealed(seal: Path, dataset: datasets.Dataset) -> datasets.Dataset:
    parts = []
    for name in dict.fromkeys(file["filename"] for file in dataset.cache_files):
        path = Path(name)
        status = path.stat()
        digest = _sha256(path, status.st_size, status.st_mtime_ns)
        relative = os.path.relpath(path, seal.parent)
        parts.append({"path": relative, "size": status.st_size, "sha256": digest})
    with files.whole(seal) as file:
        file.write(json.dumps(parts).encode())
    return dataset


@functools.cache  # a run opens its corpora twice
def _sha256(path: Path, size: int, modified: int) -> str:
    """Digest of a file that has this size and time: about 0.6 s a GB."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
