"""Callback that agrees on the run's folder with all ranks before anything is written."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from lightning.pytorch import Callback, LightningModule, Trainer

from seqtext.checkpoint.location import fold_folder
from seqtext.console import say
from seqtext.errors import ConfigError
from seqtext.training.run import folder


@dataclass(frozen=True)
class Destination:
    """Where a run is kept.

    Args:
        path: The folder. None takes the next free one below ``root``.
        root: See ``path``.
        fold: Number of the fold, which has a folder in this one. None for a run without folds.
        config: Text of the whole run's ``config.yaml``, beside the folds.
    """

    path: Path | None
    root: Path
    fold: int | None = None
    config: str = ""


class RunFolder(Callback):
    """Agrees on the run's folder with all ranks before anything is written.

    Args:
        destination: Where the run is kept.
        config: Text of ``config.yaml``.
        monitor: What the best checkpoint is chosen by.
        resumed: The run is resumed in its folder.
    """

    def __init__(
        self, destination: Destination, config: str, monitor: str, *, resumed: bool
    ) -> None:
        self._destination, self._config, self._resumed = destination, config, resumed
        self._monitor = monitor
        self._lock = ExitStack()
        self._agreed: Path | None = None
        self.earlier_best: float | None = None  # of a finished run that is resumed

    def locking(self, trainer: Trainer) -> ExitStack:
        """A context that locks the folder of a resumed run. ``setup`` locks a new one."""
        if self._resumed and trainer.is_global_zero:
            self._lock.enter_context(folder.locked(self._inside(self._destination.path)))
        return self._lock

    def _inside(self, path: Path | None) -> Path:
        """The folder of the fold, or the whole run's folder itself."""
        assert path is not None
        return path if self._destination.fold is None else fold_folder(path, self._destination.fold)

    @property
    def known(self) -> Path | None:
        """The folder. It is known before ``setup`` if the run is resumed."""
        return self._agreed or (self._inside(self._destination.path) if self._resumed else None)

    @property
    def path(self) -> Path:
        """The folder, once ``setup`` has run."""
        assert self._agreed is not None
        return self._agreed

    @property
    def whole(self) -> Path:
        """The folder to resume the run from: of all folds, where it is a fold."""
        path = self.known
        assert path is not None
        return path if self._destination.fold is None else path.parent

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Create it on the first rank, tell the others."""
        if self._agreed is not None:
            return
        path = ""
        if trainer.is_global_zero:
            claimed = self._inside(self._destination.path) if self._resumed else self._create()
            result = folder.result(claimed)
            if result.monitor == self._monitor:
                self.earlier_best = result.best_score
            folder.write(claimed / folder.CONFIG, self._config)
            if self._destination.fold is not None:
                folder.write(claimed.parent / folder.CONFIG, self._destination.config)
                # from now on the whole run is known to be unfinished
                (claimed.parent / folder.RESULT).unlink(missing_ok=True)
            path = str(claimed)
        path, self.earlier_best = trainer.strategy.broadcast((path, self.earlier_best))
        self._agreed = Path(path)
        if not self._agreed.is_dir():
            raise ConfigError(
                f"run: {self._agreed} is not to be seen from rank {trainer.global_rank}; nodes need a"
                " folder that they share, choose one with --run"
            )
        say(f"run: {self._agreed}")

    def _create(self) -> Path:
        destination = self._destination
        if destination.path is None:
            path = folder.create_next(destination.root)
        elif destination.fold is None or not (destination.path / folder.CONFIG).exists():
            path = folder.create(destination.path)
        else:
            path = destination.path  # which an earlier fold has made
        if destination.fold is not None:
            path = self._inside(path)
            folder.clear_stillborn(path)
            folder.create(path)
        self._lock.enter_context(folder.locked(path))
        return path
