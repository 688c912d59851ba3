"""Callback that keeps a run: last and best checkpoints, and an orderly stop."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn

from seqtext.console import say
from seqtext.errors import ConfigError
from seqtext.run import folder
from seqtext.run.run_folder import RunFolder

Monitor = Literal[
    "task",
    "val_bleu",
    "val_rouge2",
    "val_exact_match",
    "val_wer",
    "val_accuracy",
    "val_macro_f1",
    "val_loss",
]


@dataclass(frozen=True, kw_only=True)
class SelectionConfig:
    """Which checkpoint is the model to use.

    Args:
        monitor: What is compared: ``val_bleu``, ``val_rouge2`` or ``val_exact_match`` (more is better),
            ``val_wer`` or ``val_loss`` (less is better), each with its ``model.task``; of a classifier
            ``val_accuracy`` or ``val_macro_f1``. ``task`` is the task's own.
        average: The weights of so many best checkpoints are averaged at the end; the average becomes
            ``best.ckpt`` if it is better than all of them. 1 averages nothing.
        patience: Validations in a row without a better result after which training stops. Default:
            it goes on to the end.
        save_minutes: ``last.ckpt`` is written at every validation and at least this often.

    Raises:
        ConfigError: A value is out of range.
    """

    monitor: Monitor = "task"
    average: int = 4
    patience: int | None = None
    save_minutes: float = 10.0

    def __post_init__(self) -> None:
        if self.average < 1:
            raise ConfigError(f"selection.average: {self.average}, expected at least 1")
        if self.patience is not None and self.patience < 1:
            raise ConfigError(f"selection.patience: {self.patience}, expected at least 1")
        if not 0 < self.save_minutes < float("inf"):
            raise ConfigError(f"selection.save_minutes: {self.save_minutes}, expected more than 0")

    @property
    def smaller_is_better(self) -> bool:
        """Whether a smaller value is the better one."""
        return self.monitor in ("val_loss", "val_wer")


class Checkpoints(Callback):
    """Writes ``last.ckpt`` and ``best.ckpt``, and stops in good order when asked to.

    The first Ctrl-C (or SIGTERM) ends the run after the batch at hand, with everything saved; the
    second one ends it at once.
    """

    def __init__(self, run: RunFolder, config: SelectionConfig) -> None:
        self._run, self._config = run, config
        # (score, step), best first; step -1 is the best.ckpt that a finished run had
        self._best: list[tuple[float, int]] = []
        self._without_better = 0  # validations in a row
        self._gathering = False  # gradients of an update; they are in no checkpoint
        self._saved_at, self._saved_step = time.monotonic(), 0
        self._asked_to_stop = False
        self._handlers: dict[int, Any] = {}

    @property
    def best(self) -> tuple[float, int] | None:
        """Score and step of the best validation."""
        return self._best[0] if self._best else None

    @property
    def monitor(self) -> str:
        """What the best is chosen by."""
        return self._config.monitor

    # --- an orderly stop ----------------------------------------------------------------------------

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Know the best of a finished run that is gone on with; listen to Ctrl-C and SIGTERM."""
        if self._run.earlier_best is not None:
            self._best = self._sorted([(self._run.earlier_best, -1), *self._best])
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._handlers[number] = signal.signal(number, self._ask_to_stop)

    def _ask_to_stop(self, number: int, frame: Any) -> None:
        self._asked_to_stop = True
        self._restore_handlers()
        say("\nstopping after this batch; a second Ctrl-C stops at once and saves nothing")

    def _restore_handlers(self) -> None:
        for number, handler in self._handlers.items():
            signal.signal(
                number, signal.default_int_handler if number == signal.SIGINT else handler
            )
        self._handlers = {}

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Leave signals as they were."""
        self._restore_handlers()

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Save from time to time, and stop when asked to."""
        if trainer.global_step == trainer.max_steps:  # Lightning would end without a validation
            trainer.should_stop = True
        # a run that stopped between a batch and its validation, or the epoch's end, would go on
        # behind them
        done, every = batch_idx + 1, trainer.val_check_batch or float("inf")
        last = done == trainer.num_training_batches or trainer.is_last_batch
        self._gathering = not last and done % trainer.accumulate_grad_batches > 0
        if done % every == 0 or last or self._gathering:
            return
        due = time.monotonic() - self._saved_at > 60 * self._config.save_minutes
        if self._any_rank(trainer, due or self._asked_to_stop):
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

    def _any_rank(self, trainer: Trainer, mine: bool) -> bool:
        if trainer.world_size == 1:
            return mine
        return trainer.strategy.reduce_boolean_decision(mine, all=False)

    def _stop_if_asked(self, trainer: Trainer) -> None:
        if self._any_rank(trainer, self._asked_to_stop):
            say(f"stopped at step {trainer.global_step:,}; go on with --resume {self._run.path}")
            raise KeyboardInterrupt

    # --- last and best ------------------------------------------------------------------------------

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save the last state, and the weights if they are among the best; lose patience."""
        if trainer.state.fn != TrainerFn.FITTING or trainer.sanity_checking:
            return
        score, step = self._score(trainer), trainer.global_step
        kept = self._sorted([*self._best, (score, step)])[: self._config.average]
        if (score, step) in kept:
            trainer.save_checkpoint(self._weights(step), weights_only=True)
        for dropped in {step for _, step in self._best} - {step for _, step in kept}:
            self._on_first(trainer, self._weights(dropped).unlink, missing_ok=True)
        better = not self._best or self._better(score, self._best[0][0])
        self._without_better = 0 if better else self._without_better + 1
        self._best = kept
        if self._config.patience is not None and self._without_better >= self._config.patience:
            say(
                f"fit: no better {self._config.monitor} in {self._without_better} validations, stopping"
            )
            trainer.should_stop = True
        if kept[0][1] == step:
            self._on_first(trainer, _replace, self._weights(step), self._run.path / folder.BEST)
        if not self._gathering:
            self._save_last(trainer)

    def _sorted(self, scored: list[tuple[float, int]]) -> list[tuple[float, int]]:
        """Best first; of equal ones the later."""
        sign = -1 if self._config.smaller_is_better else 1
        return sorted(scored, key=lambda one: (sign * one[0], one[1]), reverse=True)

    def _better(self, score: float, other: float) -> bool:
        return score < other if self._config.smaller_is_better else score > other

    def _score(self, trainer: Trainer) -> float:
        return float(trainer.callback_metrics[self.monitor])

    def _weights(self, step: int) -> Path:
        return self._run.path / "candidates" / f"{step}.ckpt"

    def _save_last(self, trainer: Trainer) -> None:
        path = self._run.path / folder.LAST
        trainer.save_checkpoint(path.with_suffix(".part"))
        self._on_first(trainer, path.with_suffix(".part").replace, path)
        # from now on the run is known to be unfinished
        self._on_first(trainer, (self._run.path / folder.RESULT).unlink, missing_ok=True)
        self._saved_at, self._saved_step = time.monotonic(), trainer.global_step

    @staticmethod
    def _on_first(trainer: Trainer, action: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        if trainer.is_global_zero:
            action(*args, **kwargs)

    def state_dict(self) -> dict[str, Any]:
        """The candidates, so that a resumed run knows them."""
        monitor, waited = self._config.monitor, self._without_better
        return {"best": self._best, "monitor": monitor, "without_better": waited}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Know them again, unless something else is compared now."""
        if state_dict["monitor"] == self._config.monitor:
            self._best = [(score, step) for score, step in state_dict["best"]]
            self._without_better = state_dict["without_better"]

    def finish(self, trainer: Trainer, module: LightningModule, datamodule: Any) -> None:
        """After training: try the average of the best, and leave only ``best.ckpt``."""
        if not self._best:  # nothing was validated
            path = self._run.path
            self._on_first(trainer, _replace, path / folder.LAST, path / folder.BEST)
            return
        # a finished run has none of its earlier ones
        files = [self._weights(step) for _, step in self._best if self._weights(step).exists()]
        if len(files) > 1 and trainer.enable_validation:
            self._try_average(trainer, module, datamodule, files)
        trainer.strategy.barrier("best checkpoint")
        self._on_first(trainer, shutil.rmtree, self._run.path / "candidates", ignore_errors=True)

    def _try_average(
        self, trainer: Trainer, module: LightningModule, datamodule: Any, files: list[Path]
    ) -> None:
        candidates = [
            torch.load(file, map_location="cpu", weights_only=True)["state_dict"] for file in files
        ]
        average = {
            name: torch.stack([weights[name].double() for weights in candidates])
            .mean(0)
            .to(value.dtype)
            for name, value in candidates[0].items()
        }
        module.load_state_dict(average)
        trainer.validate(module, datamodule=datamodule, verbose=False)
        averaged, single = self._score(trainer), self._best[0][0]
        better = self._better(averaged, single)
        name = self._config.monitor
        say(
            f"best: {name} {single:.2f} at step {self._best[0][1]:,}; average of the"
            f" {len(candidates)} best: {averaged:.2f}{', taken' if better else ''}"
        )
        if better:
            self._best.insert(0, (averaged, trainer.global_step))
            part = self._run.path / "best.part"
            trainer.save_checkpoint(part, weights_only=True)
            self._on_first(trainer, part.replace, self._run.path / folder.BEST)


def _replace(source: Path, target: Path) -> None:
    """Copy so that ``target`` is never half-written."""
    part = target.with_suffix(".part")
    shutil.copyfile(source, part)
    os.replace(part, target)
