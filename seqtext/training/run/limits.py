"""Which of the trainer's limits ended a run."""

from __future__ import annotations

from pathlib import Path

from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import Timer

from seqtext.console import say
from seqtext.internals import callbacks_of


def tell_limits(trainer: Trainer, run: Path, *, trained: bool, improving: bool) -> None:
    """Say which limits a run has reached. The number of epochs is the usual one and needs no line.

    Args:
        trainer: Of the run.
        run: Its folder.
        trained: Whether an update was made.
        improving: Whether validation has improved to the end.
    """
    if tried := trainer.fast_dev_run:  # type: ignore[attr-defined]
        say(
            f"fit: ended after {trainer.global_step:,} updates: trainer.fast_dev_run is {tried}; leave it"
            " out to train"
        )
        return
    limits = {}
    if 0 <= trainer.max_steps <= trainer.global_step:
        limits["max_steps"] = f"{trainer.max_steps:,}"
    for callback in callbacks_of(trainer):
        if isinstance(callback, Timer) and (callback.time_remaining() or 1) < 0:
            limits["max_time"] = "over"
    epochs = trainer.max_epochs
    if epochs is not None and 0 <= epochs <= trainer.current_epoch and not trained:
        limits["max_epochs"] = f"{epochs:,}"
    if limits:
        told = ", ".join(f"trainer.{name} is {value}" for name, value in limits.items())
        options = " and ".join(f"--trainer.{name}" for name in limits)
        say(
            f"fit: {'ended' if trained else 'nothing was left to train'} after"
            f" {trainer.global_step:,} updates: {told}{', and validation still improved' * improving}; to go"
            f" further give {options} a higher value with --resume {run}"
        )
    elif not trained:
        say("fit: nothing was left to train: a callback has stopped the run")
