"""Write files that appear only when they are whole, let one process write at a time, and find the cache."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, BinaryIO


def cache_folder() -> Path:
    """The folder for what can be made again: ``$SEQTEXT_CACHE``, or ``seqtext`` in the user's caches.

    Raises:
        RuntimeError: There is no home folder.
    """
    caches = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(os.environ.get("SEQTEXT_CACHE") or Path(caches, "seqtext")).expanduser()


@contextlib.contextmanager
def whole(path: str | Path) -> Iterator[BinaryIO]:
    """Write a file under a temporary name in the same folder, and rename it at the end.

    After an error, ``path`` is as before, and no other file remains.

    Raises:
        OSError: The file cannot be written.
    """
    # Behind a link, the file itself is replaced. In its folder the renaming is one step of the system.
    target = Path(os.path.realpath(path))
    part = target.with_name(f"{target.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as file:
            yield file
        replace(part, target)
    finally:
        part.unlink(missing_ok=True)


@contextlib.contextmanager
def whole_folder(path: str | Path) -> Iterator[Path]:
    """Fill a folder under a temporary name in the same place, and rename it at the end.

    After an error, no folder remains.

    Raises:
        OSError: It cannot be written, or ``path`` is there already.
    """
    target = Path(path)
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    part = target.with_name(f"{target.name}.{secrets.token_hex(4)}.part")
    part.mkdir()
    try:
        yield part
        part.rename(target)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def replace(part: Path, path: str | Path) -> None:
    """Rename a file to ``path``. It takes over the access rights of the file that it replaces."""
    target = Path(os.path.realpath(path))
    with contextlib.suppress(FileNotFoundError):
        part.chmod(stat.S_IMODE(target.stat().st_mode))
    part.replace(target)


def odd_name(path: str | Path) -> str | None:
    """Say why no file or folder can have this name: too long, a loop of links, or below a file.

    Returns:
        The system's reason. None if such a file or folder exists, or could be made.
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
        False if another process has the lock.
    """
    import portalocker

    try:
        portalocker.lock(file, portalocker.LOCK_EX | portalocker.LOCK_NB)
    except portalocker.exceptions.AlreadyLocked:
        return False
    except portalocker.exceptions.LockException:
        pass  # some network file systems have no locks, and a run there must still start
    return True
