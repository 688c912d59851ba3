"""Callback that agrees on the run's folder with all ranks before anything is written."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from lightning.pytorch import Callback, LightningModule, Trainer

from seqtext.console import say
from seqtext.errors import ConfigError
from seqtext.training.run import folder


class RunFolder(Callback):
    """Agrees on the run's folder with all ranks before anything is written.

    Args:
        path: The folder; None takes the next free one below ``root``.
        root: See ``path``.
        config: Text of ``config.yaml``.
        monitor: What the best checkpoint is chosen by.
        resumed: The folder is that of a run that is gone on with.
    """

    def __init__(
        self, path: Path | None, root: Path, config: str, monitor: str, *, resumed: bool
    ) -> None:
        self._path, self._root, self._config, self._resumed = path, root, config, resumed
        self._monitor = monitor
        self._lock = ExitStack()
        self._agreed: Path | None = None
        self.earlier_best: float | None = None  # of a finished run that is gone on with

    def locking(self, trainer: Trainer) -> ExitStack:
        """A context that locks the folder of a resumed run. ``setup`` locks a new one."""
        if self._resumed and trainer.is_global_zero:
            assert self._path is not None
            self._lock.enter_context(folder.locked(self._path))
        return self._lock

    @property
    def known(self) -> Path | None:
        """The folder, also before ``setup`` if the run is gone on with."""
        return self._agreed or (self._path if self._resumed else None)

    @property
    def path(self) -> Path:
        """The folder, once ``setup`` has run."""
        assert self._agreed is not None
        return self._agreed

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Create it on the first rank, tell the others."""
        if self._agreed is not None:
            return
        path = str(self._path)
        if trainer.is_global_zero:
            claimed = self._path if self._resumed else self._create()
            assert claimed is not None
            result = folder.result(claimed)
            if result.monitor == self._monitor:
                self.earlier_best = result.best_score
            folder.write(claimed / folder.CONFIG, self._config)
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
        path = folder.create(self._path) if self._path else folder.create_next(self._root)
        self._lock.enter_context(folder.locked(path))
        return path
