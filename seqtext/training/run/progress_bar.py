"""The progress bar of a run. It counts and names things as the console's lines do."""

from __future__ import annotations

import math

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import TQDMProgressBar

from seqtext.tasks import LOSS
from seqtext.training.module import TextModule

Shown = dict[str, int | str | float | dict[str, float]]


class RunProgressBar(TQDMProgressBar):
    """Lightning's bar with the mean loss, the scores of the last validation, and the epoch from 1 on."""

    def __init__(self) -> None:
        super().__init__()
        self._loss = ""  # the last one shown

    def on_train_epoch_start(self, trainer: Trainer, *_: object) -> None:
        """Begin the bar of an epoch. Lightning's own would count from 0."""
        bar, batches = self.train_progress_bar, self.total_train_batches
        bar.reset()
        bar.total = None if math.isinf(batches) else int(batches)  # a stream has no known end
        bar.initial = 0
        bar.set_description(f"epoch {trainer.current_epoch + 1}")

    def get_metrics(self, trainer: Trainer, pl_module: LightningModule) -> Shown:
        """The loss per piece or text since the last line, and what the last validation measured."""
        shown: Shown = dict(super().get_metrics(trainer, pl_module))
        shown.pop("v_num", None)  # the folder of the run says it
        if not isinstance(pl_module, TextModule):
            return shown
        if (loss := pl_module.running_loss()) is not None:
            self._loss = f"{loss:.3f}"
        shown["train_loss"] = self._loss
        for key in (LOSS.key, *pl_module.task.keys):
            if key in trainer.callback_metrics:
                places = 3 if key == LOSS.key else 2
                shown[key] = f"{float(trainer.callback_metrics[key]):.{places}f}"
        return shown
