"""Where a model lies: a checkpoint file, the folder of a run, or a run of several folds."""

from __future__ import annotations

import json
import os
from pathlib import Path

from seqtext.errors import CheckpointError

RESULT = "result.json"  # of a finished run. It names the folds where a run has some
FOLDS = "folds"  # its key for them


def fold_folder(run: Path, number: int) -> Path:
    """The folder of a fold, counted from 1, in the folder of its run.

    >>> fold_folder(Path("runs/001"), 2).as_posix()
    'runs/001/fold-2'
    """
    return run / f"fold-{number}"


def has_folds(path: str | Path) -> bool:
    """Whether this is the folder of a run of several folds."""
    return os.path.isdir(fold_folder(Path(path), 1))


def find(path: str | Path) -> Path:
    """Find the checkpoint file: ``path`` itself, or ``best.ckpt`` of a run folder, else ``last.ckpt``.

    Raises:
        CheckpointError: There is no such file, or several folds have one each.
    """
    path = Path(path)
    if os.path.isdir(path):  # unlike Path.is_dir, False for a name that no file can have
        for name in ("best.ckpt", "last.ckpt"):
            if (path / name).is_file():
                return path / name
        if has_folds(path):
            raise CheckpointError(
                f"{path}: is a run of several folds, and a single model is needed here; name one of them, as"
                f" {fold_folder(path, 1)}"
            )
        raise CheckpointError(f"{path}: no best.ckpt or last.ckpt in this folder; is it a run?")
    if not os.path.exists(path):
        raise CheckpointError(
            f"{path}: no such file or folder; expected a checkpoint or a run folder"
        )
    if not path.is_file():
        raise CheckpointError(f"{path}: is a pipe or a device, expected a checkpoint file")
    return path


def models_in(path: str | Path) -> list[Path]:
    """The places of the models that ``path`` stands for: itself, or the folds of a run.

    Raises:
        CheckpointError: Folds of the run are not trained yet.
    """
    path = Path(path)
    if not has_folds(path):
        return [path]
    try:
        content = json.loads((path / RESULT).read_text(encoding="utf-8"))
        return [path / name for name in content[FOLDS]]
    except FileNotFoundError as error:
        raise CheckpointError(
            f"{path}: not all folds of this run are trained. Go on with seqtext fit --resume {path}, or name"
            f" the folds to use, as {fold_folder(path, 1)}"
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path / RESULT}: does not name the folds of this run") from error
