"""Files that appear under their name only when they are whole, and that have one writer."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, BinaryIO


@contextlib.contextmanager
def whole(path: str | Path) -> Iterator[BinaryIO]:
    """Write a file under a name of its own in the same folder, and rename it at the end.

    After an error ``path`` is what it was before, and nothing else is left.

    Raises:
        OSError: The file cannot be written.
    """
    target = Path(os.path.realpath(path))
    part = target.with_name(f"{target.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as file:
            yield file
        replace(part, target)
    finally:
        part.unlink(missing_ok=True)


def replace(part: Path, path: str | Path) -> None:
    """Give a file the name ``path``, and the rights of the file that has it."""
    target = Path(os.path.realpath(path))
    with contextlib.suppress(FileNotFoundError):
        part.chmod(stat.S_IMODE(target.stat().st_mode))
    part.replace(target)


def odd_name(path: str | Path) -> str | None:
    """Why no file or folder can have this name: it is too long, a loop of links, or below a file.

    Returns:
        The system's reason. None where there is such a file or folder, or one could be made.
    """
    try:
        os.stat(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        return error.strerror or str(error)
    except ValueError as error:  # a NUL character
        return str(error)
    return None


def lock(file: IO[Any]) -> bool:
    """Keep other processes out of an open file until it is closed, or this process ends.

    Returns:
        False if another one has it. A file system without locks keeps nobody out.
    """
    import portalocker

    try:
        portalocker.lock(file, portalocker.LOCK_EX | portalocker.LOCK_NB)
    except portalocker.exceptions.AlreadyLocked:
        return False
    except portalocker.exceptions.LockException:
        pass
    return True
