"""Files, pipes and standard output that commands write."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, TextIO

from seqtext import files
from seqtext.errors import ConfigError, DataError

STANDARD = ("-", "/dev/stdout")
_ERRORS = "/dev/stderr"
_DESCRIPTOR = re.compile(r"/(?:dev|proc/self)/fd/(\d+)")  # bash turns >(gzip > out.gz) into one


# --- before work starts ---------------------------------------------------------------------------------


def is_stream(path: str) -> bool:
    """Whether ``path`` is standard output, a pipe or a device, and not a file."""
    if path in (*STANDARD, _ERRORS) or _DESCRIPTOR.fullmatch(path):
        return True
    return os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path)


def check_output(path: str | None, option: str = "--output") -> None:
    """Refuse an output that cannot be written, before any work is done for it.

    Raises:
        DataError: Its folder is missing, it is a folder itself, or it must not be written.
    """
    if path is None or is_stream(path):
        return
    # an unfinished file has the longest name
    if (
        reason := files.odd_name(path) or files.odd_name(f"{path}.{'0' * 8}.unfinished")
    ) is not None:
        raise DataError(f"{option} {path}: cannot be written ({reason}). Choose another name")
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise DataError(f"{option} {path}: is a folder, expected a file")
    if not target.parent.is_dir():
        raise DataError(f"{option} {path}: no folder {target.parent}. Make it first")
    for place in (target.parent, target):
        if place.exists() and not os.access(place, os.W_OK):
            raise DataError(f"{option} {path}: {place} must not be written (Permission denied)")


def check_outputs(read: Iterable[str | None], written: Mapping[str, str | None]) -> None:
    """``check_output`` for all outputs of a command, and refuse those that it reads.

    Args:
        read: Files and folders of runs that the command reads.
        written: Files that it writes, by option.

    Raises:
        DataError: See ``check_output``.
        ConfigError: An output would replace an input, a checkpoint or another output.
    """
    from seqtext.data.files import PACKINGS

    for option, path in written.items():
        check_output(path, option)
    inputs = [Path(path) for path in read if path is not None]
    inputs += [path / name for path in inputs for name in ("best.ckpt", "last.ckpt")]
    taken = {os.path.realpath(path): f"{path} is read by the same command" for path in inputs}
    for option, path in written.items():
        if path is None or is_stream(path):
            continue
        if reason := taken.get(os.path.realpath(path)):
            raise ConfigError(f"{option} {path}: {reason}. Choose another name")
        if path.endswith(PACKINGS):
            raise ConfigError(
                f"{option} {path}: outputs are not packed. Give a name without"
                f" {os.path.splitext(path)[1]}, and pack the file afterwards"
            )
        taken[os.path.realpath(path)] = f"{option} writes it"


# --- whole files ----------------------------------------------------------------------------------------


@contextlib.contextmanager
def write_errors(path: str, option: str) -> Iterator[None]:
    """Turn errors of the system into a message about the output.

    Raises:
        DataError: The output cannot be written.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise DataError(f"{option} {path}: cannot be written ({error.strerror})") from error


def write_whole(path: str, text: str | bytes, option: str = "--output") -> None:
    """Write a file, a pipe or standard output. A file appears when it is whole.

    Raises:
        DataError: It cannot be written.
    """
    content = text.encode() if isinstance(text, str) else text
    with write_errors(path, option):
        if path in STANDARD:
            to_standard_output(content)
        elif is_stream(path):
            with open_stream(path) as file:
                write_all(file, content)
        else:
            with files.whole(path) as file:
                file.write(content)


def standard_output() -> TextIO:
    """The open standard output.

    Raises:
        DataError: It is closed.
    """
    # It is None if a shell closed it with >&-, and has ``closed`` if that happened later.
    if sys.stdout is None or sys.stdout.closed:
        raise DataError("standard output is closed. Name a file with --output")
    return sys.stdout


def to_standard_output(content: bytes) -> None:
    """Write UTF-8 to standard output, without a delay.

    Raises:
        DataError: It is closed, or cannot be written.
    """
    stream = standard_output()
    try:
        stream.write(content.decode())
        stream.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise DataError(f"standard output: cannot be written ({error.strerror})") from error


def open_stream(path: str) -> BinaryIO:
    """Open a pipe or a device. A file that the shell opened keeps its position and its content."""
    number = _DESCRIPTOR.fullmatch("/dev/fd/2" if path == _ERRORS else path)
    if number is not None:
        return open(int(number[1]), "wb", buffering=0, closefd=False)
    return open(path, "wb", buffering=0)


def write_all(file: BinaryIO, content: bytes) -> None:
    """Write all of ``content``. A single write to an unbuffered file may take only a part."""
    left = memoryview(content)
    while left:
        left = left[file.write(left) :]
