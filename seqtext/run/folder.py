"""The folder of a run: which one, and that nobody else's work is in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from seqtext.errors import ConfigError

CONFIG, LAST, BEST, RESULT = "config.yaml", "last.ckpt", "best.ckpt", "result.json"


def create(path: Path) -> Path:
    """Make ``path`` the folder of a new run.

    Raises:
        ConfigError: It holds something already, or cannot be written to.
    """
    check_unused(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
        (path / CONFIG).touch()
    except OSError as error:
        raise ConfigError(
            f"run: {path} cannot be written to ({error.strerror}); choose another with --run"
        ) from error
    return path


def check_unused(path: Path) -> None:
    """Refuse a folder that holds something.

    Raises:
        ConfigError: It does, or is no folder.
    """
    if path.exists() and not path.is_dir():
        raise ConfigError(f"run: {path} is a file, expected a folder; choose another with --run")
    if path.is_dir() and (found := sorted(entry.name for entry in path.iterdir())):
        raise ConfigError(
            f"run: {path} is in use already (it holds {', '.join(found[:4])}); choose another with"
            f" --run, or go on with --resume {path}"
        )


def create_next(root: Path) -> Path:
    """Make the next of ``root/001``, ``root/002``, …; two runs that start at once get two folders."""
    number = max((int(run.name) for run in _numbered(root)), default=0)
    while True:
        number += 1
        path = root / f"{number:03d}"
        try:
            path.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            raise ConfigError(
                f"run: {path} cannot be made ({error.strerror}); choose another place with --run"
            ) from error
        return create(path)


def result(run: Path) -> dict[str, Any]:
    """What ``result.json`` says; nothing where it is missing or no JSON."""
    try:
        content: dict[str, Any] = json.loads((run / RESULT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content


def clear_stillborn(run: Path) -> None:
    """Empty a folder whose run died before its first checkpoint, so that it can start again."""
    if run.is_dir() and {entry.name for entry in run.iterdir()} <= {
        CONFIG,
        f"{Path(LAST).stem}.part",
    }:
        for entry in run.iterdir():
            entry.unlink()


def unfinished(root: Path) -> Path | None:
    """The newest run below ``root`` that can be gone on with and has not come to its end."""
    for run in sorted(_numbered(root), key=lambda run: int(run.name), reverse=True):
        if (run / LAST).exists() and not (run / RESULT).exists():
            return run
    return None


def _numbered(root: Path) -> list[Path]:
    if not root.is_dir():
        return []
    return [entry for entry in root.iterdir() if entry.is_dir() and entry.name.isdecimal()]
