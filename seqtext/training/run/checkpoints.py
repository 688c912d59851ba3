"""Callback that keeps a run: last and best checkpoints, and an orderly stop."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningDataModule, LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn

from seqtext import checkpoint, tasks
from seqtext.console import say
from seqtext.errors import CheckpointError
from seqtext.signals import Stopped
from seqtext.training.config import SelectionConfig
from seqtext.training.run import callbacks, folder
from seqtext.training.run.average import intact, load_average
from seqtext.training.run.folder_callback import RunFolder
from seqtext.training.run.patience import Patience
from seqtext.training.run.stop_signals import StopSignals


class Checkpoints(Callback):
    """Writes ``last.ckpt`` and ``best.ckpt``, and stops in good order when asked to.

    The first Ctrl-C, SIGTERM or SIGHUP ends the run after the batch at hand, with everything saved. The
    second one ends it at once.
    """

    def __init__(self, run: RunFolder, config: SelectionConfig) -> None:
        self._run, self._config = run, config
        # (score, step), best first. Step -1 is the best.ckpt that a finished run had.
        self._best: list[tuple[float, int]] = []
        self._patience = Patience(config)
        self._gathering = False  # gradients of an update, which no checkpoint has
        self._saved_at, self._saved_step = time.monotonic(), 0
        self._validation: list[object] | None = None  # what scores are measured on
        self._compared = True  # with the scores before a resume
        self._first_step: int | None = None  # of this process. None if there is nothing to train.
        self._signals = StopSignals()

    @property
    def best(self) -> tuple[float, int] | None:
        """Score and step of the best validation."""
        return self._best[0] if self._best else None

    @property
    def best_score(self) -> dict[str, float]:
        """The best score by name, empty if nothing was validated."""
        return {f"best_{self.monitor}": self._best[0][0]} if self._best else {}

    def describe(self, step: int) -> str:
        """What the validation at a step has reached, if it is now the best."""
        if self.best is None or self.best[1] != step:
            return ""
        return "as good as the best" if self._patience.without_better else "best so far"

    @property
    def monitor(self) -> str:
        """What the best is chosen by."""
        return self._config.monitor

    # --- an orderly stop ----------------------------------------------------------------------------

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Know what scores will be measured on, before a checkpoint's are read."""
        key: list[object] = getattr(trainer.datamodule, "validation_key", list)()  # type: ignore[attr-defined]
        by_loss = self.monitor == tasks.LOSS.key
        decoded = None if by_loss else getattr(pl_module, "decode_sentences", None)
        self._validation = [*key, decoded, trainer.limit_val_batches]

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Restore the best checkpoints of a finished run that continues."""
        if self._run.earlier_best is not None and self._compared:
            self._best = self._sorted([(self._run.earlier_best, -1), *self._best])
        if trainer.ckpt_path is not None:
            self._on_first(trainer, self._mend_best)
            self._best = trainer.strategy.broadcast(self._best)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Listen to signals that ask to stop."""
        self._first_step = trainer.global_step
        gone = any(not self._weights(step).exists() for _, step in self._best)
        if self._config.average_best > 1 and gone:
            say("resume: averages at the end are of new checkpoints, the earlier ones are gone")
        self._signals.listen()

    def _mend_best(self) -> None:
        """Forget the scores of lost weights, where a resumed run has no intact ``best.ckpt``."""
        best = self._run.path / folder.BEST
        if not self._best and not best.exists():
            return
        try:
            checkpoint.read(best)
            return
        except CheckpointError as error:
            say(f"resume: {error}")
        if best.exists():  # the user may know how to save something of it
            best.replace(damaged := best.with_name(f"{best.name}.damaged"))
            say(f"resume: it is {damaged} now")
        files = [self._weights(step) for _, step in self._best]
        whole = [bool(file.exists() and intact([file])) for file in files]
        self._best = [pair for pair, good in zip(self._best, whole, strict=True) if good]
        if self._best:
            _copy(file := self._weights(self._best[0][1]), best)
            say(f"resume: {best} is a copy of {file} now")
        else:
            say(f"resume: its score is forgotten, the best from now on will be {best}")

    def trained(self, trainer: Trainer) -> bool:
        """Whether this process has made an update."""
        return self._first_step not in (None, trainer.global_step)

    @property
    def may_end_early(self) -> bool:
        """Whether the run ends when validation no longer improves."""
        return self._config.patience is not None

    def improving(self, trainer: Trainer) -> bool:
        """Whether validation improved to the end."""
        return bool(self._best) and self._patience.left(trainer.lightning_module)

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Leave signals as they were."""
        self._signals.leave()

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: object,
        batch: object,
        batch_idx: int,
    ) -> None:
        """Save from time to time, and stop when asked to."""
        self._patience.stop_at_end(trainer, pl_module)
        # a run that stopped between a batch and its validation, or the epoch's end, would go on
        # behind them
        done, every = batch_idx + 1, trainer.val_check_batch or float("inf")
        last = done == trainer.num_training_batches or trainer.is_last_batch
        self._gathering = not last and done % trainer.accumulate_grad_batches > 0
        if done % every == 0 or last or self._gathering:
            return
        due = time.monotonic() - self._saved_at > 60 * self._config.save_minutes
        if self._over_ranks(trainer, due or self._signals.came):
            self._save_last(trainer)
            self._stop_if_asked(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save what no validation has saved, and stop when asked to."""
        self.on_train_end(trainer, pl_module)
        self._stop_if_asked(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save what no validation has saved: the end may come between two of them."""
        if self._saved_step != trainer.global_step:
            self._save_last(trainer)

    @staticmethod
    def _over_ranks(trainer: Trainer, mine: int) -> int:
        """The largest number of all ranks."""
        if trainer.world_size == 1:
            return mine
        number = torch.tensor(int(mine), device=trainer.strategy.root_device)
        return int(trainer.strategy.reduce(number, reduce_op="max"))

    def _stop_if_asked(self, trainer: Trainer) -> None:
        if came := self._over_ranks(trainer, self._signals.came):
            say(f"stopped at step {trainer.global_step:,}; go on with --resume {self._run.whole}")
            raise Stopped(came)

    # --- last and best ------------------------------------------------------------------------------

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save the last state, and the weights if they are among the best. Stop without patience left."""
        if trainer.state.fn != TrainerFn.FITTING or trainer.sanity_checking:
            return
        score, step = self._score(trainer), trainer.global_step
        kept = self._sorted([*self._best, (score, step)])[: self._config.average_best]
        if (score, step) in kept:
            self._save(trainer, self._weights(step), weights_only=True)
        for dropped in {step for _, step in self._best} - {step for _, step in kept}:
            self._on_first(trainer, self._weights(dropped).unlink, missing_ok=True)
        better = not self._best or self._config.is_better(score, self._best[0][0])
        self._best = kept
        self._patience.count(trainer, pl_module, better=better)
        if kept[0][1] == step:
            self._on_first(trainer, _copy, self._weights(step), self._run.path / folder.BEST)
        if not self._gathering:
            self._save_last(trainer)

    def _sorted(self, scored: list[tuple[float, int]]) -> list[tuple[float, int]]:
        """Best first. Of equal scores the later is better."""
        sign = 1 if self._config.is_better(1, 0) else -1
        return sorted(scored, key=lambda pair: (sign * pair[0], pair[1]), reverse=True)

    def _score(self, trainer: Trainer) -> float:
        return float(trainer.callback_metrics[self.monitor])

    def _weights(self, step: int) -> Path:
        return self._run.path / folder.CANDIDATES / f"{step}.ckpt"

    def _save_last(self, trainer: Trainer) -> None:
        self._save(trainer, self._run.path / folder.LAST)
        # from now on the run is known to be unfinished
        self._on_first(trainer, (self._run.path / folder.RESULT).unlink, missing_ok=True)
        self._saved_at, self._saved_step = time.monotonic(), trainer.global_step

    @staticmethod
    def _save(trainer: Trainer, path: Path, *, weights_only: bool = False) -> None:
        part = contextlib.nullcontext(folder.part_of(path))
        with folder.replacing(path) if trainer.is_global_zero else part as file:
            trainer.save_checkpoint(file, weights_only=weights_only)

    @staticmethod
    def _on_first(
        trainer: Trainer, action: Callable[..., object], *args: object, **kwargs: object
    ) -> None:
        if trainer.is_global_zero:
            action(*args, **kwargs)

    def state_dict(self) -> dict[str, object]:
        """The candidates, so that a resumed run knows them."""
        return {
            "best": self._best,
            "monitor": self._config.monitor,
            "without_better": self._patience.without_better,
            "validation": self._validation,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Know them again, unless something else is compared now."""
        if state_dict.get("validation", self._validation) != self._validation:
            self._compared = False
        if state_dict["best"] and not self._compared:
            say("resume: the validation set is another one, so the best score so far is forgotten")
        elif self._compared and state_dict["monitor"] == self._config.monitor:
            self._best = [(score, step) for score, step in state_dict["best"]]
            self._patience.without_better = state_dict["without_better"]

    def finish(
        self, trainer: Trainer, module: LightningModule, datamodule: LightningDataModule
    ) -> None:
        """After training: try averages of weights, and leave only ``best.ckpt``."""
        average = callbacks.remove_averaging(trainer, module)
        best = self._run.path / folder.BEST
        # a finished run has none of its earlier ones
        files = [self._weights(step) for _, step in self._best if self._weights(step).exists()]
        if not self._best and average is not None:  # nothing was validated
            self._save(trainer, best, weights_only=True)
        elif not self._best:
            chosen = getattr(datamodule, "validates", True) and not self.trained(trainer)
            if not chosen or not best.exists():
                self._on_first(trainer, _copy, self._run.path / folder.LAST, best)
                if chosen:
                    say(f"best: no scored checkpoint is left, {best} is a copy of {folder.LAST}")
        elif trainer.enable_validation:
            if average is not None:
                self._try(trainer, datamodule, f"average by {average}", or_equal=True)
            if len(candidates := intact(files)) > 1:
                load_average(module, candidates)
                self._try(trainer, datamodule, f"average of the {len(candidates)} best")
        trainer.strategy.barrier("best checkpoint")
        self._on_first(
            trainer, shutil.rmtree, self._run.path / folder.CANDIDATES, ignore_errors=True
        )

    def _try(
        self,
        trainer: Trainer,
        datamodule: LightningDataModule,
        what: str,
        *,
        or_equal: bool = False,
    ) -> None:
        """Make the module's weights the best checkpoint if they are better."""
        trainer.validate(trainer.lightning_module, datamodule=datamodule, verbose=False)
        score, (best, step) = self._score(trainer), self._best[0]
        taken = self._config.is_better(score, best) or (or_equal and score == best)
        when = f"at step {step:,}" if step >= 0 else "before"
        say(
            f"best: {self._config.monitor} {best:.2f} {when}; {what}: {score:.2f}"
            f"{', taken' if taken else ''}"
        )
        if taken:
            self._best.insert(0, (score, trainer.global_step))
            self._save(trainer, self._run.path / folder.BEST, weights_only=True)


def _copy(source: Path, target: Path) -> None:
    """Copy so that ``target`` is never half-written."""
    with folder.replacing(target) as part:
        shutil.copyfile(source, part)
