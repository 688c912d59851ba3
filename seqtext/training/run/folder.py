"""The folder of a run: which one, and that nobody else's work is in it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from seqtext import files
from seqtext.checkpoint import location
from seqtext.errors import ConfigError

CONFIG, LAST, BEST, RESULT = "config.yaml", "last.ckpt", "best.ckpt", location.RESULT
METRICS, CURVE, SAMPLES = "metrics.csv", "learning_curve.png", "samples.md"
COMPARISON = "comparison.json"  # scores before and after fine-tuning
CANDIDATES = "candidates"  # folder of the weights that are the best so far
LOGS = "logs"  # folder of the loggers
_LOCK = ".lock"
_PART = ".part"  # of a file that is being written


class Result(NamedTuple):
    """What is read again of ``result.json``."""

    monitor: str | None = None  # what the best checkpoint was chosen by
    best_score: float | None = None


def part_of(path: Path) -> Path:
    """The file that is written in place of ``path``."""
    return path.with_name(path.name + _PART)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A file to write in place of ``path``, which stays as it was if that fails."""
    part = part_of(path)
    try:
        yield part
        os.replace(part, path)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink()
        raise


def write(path: Path, text: str) -> None:
    """Write a text file, as a whole or not at all."""
    with replacing(path) as part:
        part.write_text(text, encoding="utf-8")


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep other processes out of a run's folder. The lock ends with this process, however it dies.

    Raises:
        ConfigError: Another process is in it, or it cannot be written to.
    """
    place = path / _LOCK
    try:
        file = place.open("w")
    except OSError as error:
        raise cannot_write(path, error) from error
    with file:
        if not files.lock(file):
            raise ConfigError(
                f"run: another process trains in {path}; wait for its end, or stop it"
            )
        try:
            yield
        finally:
            with contextlib.suppress(OSError):  # Windows deletes no open file
                place.unlink()


def cannot_write(path: Path, error: OSError) -> ConfigError:
    """What to say of a run's folder that takes no files."""
    return ConfigError(
        f"run: {path} cannot be written to ({error.strerror}); make it writable, or choose another"
        " folder for a new run with --run"
    )


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
        raise cannot_write(path, error) from error
    return path


def check_unused(path: Path) -> None:
    """Refuse a folder that holds something.

    Raises:
        ConfigError: It does, or is no folder.
    """
    if path.exists() and not path.is_dir():
        raise ConfigError(f"run: {path} is a file, expected a folder; choose another with --run")
    if path.is_dir() and (found := sorted(entry.name for entry in path.iterdir())):
        if (path / LAST).is_file() or location.has_folds(path):
            otherwise = f"go on with --resume {path}"
        else:
            otherwise = start_again(path) if is_stillborn(path) else "empty it"
        raise ConfigError(
            f"run: {path} is in use already (it holds {', '.join(found[:4])}); choose another with"
            f" --run, or {otherwise}"
        )


def check_kinds(path: Path) -> None:
    """Refuse a folder in place of one of the run's files, and a file in place of its folder.

    Raises:
        ConfigError: There is one.
    """
    for name in (CONFIG, LAST, BEST, RESULT, METRICS, CURVE, SAMPLES, COMPARISON):
        if (path / name).is_dir():
            raise ConfigError(
                f"run: {path / name} is a folder, expected a file; move it away, then resume"
            )
    for name in (CANDIDATES, LOGS):
        if (path / name).exists() and not (path / name).is_dir():
            raise ConfigError(
                f"run: {path / name} is a file, expected a folder; move it away, then resume"
            )


def start_again(path: Path) -> str:
    """What to do about a run that has no ``last.ckpt``."""
    if (path / BEST).is_file():  # a user may want it, so nothing removes it
        return f"start a new run with another --run, or from {path / BEST} with --model.init_from"
    return f"start it again with the same options and --resume auto --run {path}"


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


def result(run: Path) -> Result:
    """What ``result.json`` says; nothing where it is missing or says something else."""
    try:
        content = json.loads((run / RESULT).read_text(encoding="utf-8"))
        score = content["best_score"]
        return Result(str(content["monitor"]), None if score is None else float(score))
    except (OSError, ValueError, KeyError, TypeError):
        return Result()


def is_stillborn(run: Path) -> bool:
    """Whether a folder holds only what a run leaves that ended before its first ``last.ckpt``."""
    return (run / CONFIG).is_file() and all(
        entry.name in (CONFIG, _LOCK, COMPARISON)
        or entry.suffix == _PART
        or (entry.name == LOGS and entry.is_dir())
        or (
            entry.name == CANDIDATES
            and entry.is_dir()
            and all(file.suffix in (".ckpt", _PART) for file in entry.iterdir())
        )
        for entry in run.iterdir()
    )


def clear_stillborn(run: Path) -> None:
    """Empty the folder of such a run, so that it can start again.

    Raises:
        ConfigError: That run is still at work. Or something cannot be removed.
    """
    if not run.is_dir() or not is_stillborn(run):
        return
    with locked(run):
        try:
            for entry in run.iterdir():
                if entry.name in (CANDIDATES, LOGS):
                    shutil.rmtree(entry)
                elif entry.name not in (CONFIG, _LOCK):
                    entry.unlink()
            (run / CONFIG).unlink()  # last: it marks the folder as that of a run
        except OSError as error:
            raise cannot_write(run, error) from error


def unfinished(root: Path) -> Path | None:
    """The newest unfinished run below ``root`` that can be resumed."""
    for run in sorted(_numbered(root), key=lambda run: int(run.name), reverse=True):
        if ((run / LAST).exists() or location.has_folds(run)) and not (run / RESULT).exists():
            return run
    return None


def _numbered(root: Path) -> list[Path]:
    if not root.is_dir():
        return []
    return [entry for entry in root.iterdir() if entry.is_dir() and entry.name.isdecimal()]
