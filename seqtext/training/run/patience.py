"""When a run ends because validation no longer improves."""

from __future__ import annotations

from lightning.pytorch import LightningModule, Trainer

from seqtext.console import say
from seqtext.training.config import SelectionConfig
from seqtext.training.optimizer import Decay


class Patience:
    """Counts validations without a better score. With none left, the run ends.

    With the schedule ``adaptive`` the learning rate falls before that.
    """

    def __init__(self, config: SelectionConfig) -> None:
        self._config = config
        self.without_better = 0  # validations in a row
        self._counted = 0  # validations of this process

    def count(self, trainer: Trainer, module: LightningModule, *, better: bool) -> None:
        """Count a validation. Stop training, or have the learning rate fall, if there were enough."""
        self._counted += 1
        self.without_better = 0 if better else self.without_better + 1
        if self._config.patience is None or self.without_better < self._config.patience:
            return
        decay, step = _decay_of(module), trainer.global_step
        what = f"fit: no better {self._config.monitor} in {self.without_better} validations"
        if decay is None:
            say(f"{what}, stopping")
            trainer.should_stop = True
        elif not decay.began(step):
            decay.begin(step)
            updates = round(decay.share * step)
            say(f"{what}; the last {updates:,} updates begin, with a falling learning rate")

    def stop_at_end(self, trainer: Trainer, module: LightningModule) -> None:
        """Stop behind the last update, which the learning rate or a limit makes, with a validation."""
        decay = _decay_of(module)
        ended = decay is not None and decay.ended(trainer.global_step)
        if ended or trainer.global_step == trainer.max_steps:
            # Lightning would end without a validation, unless its interval ends here by chance
            trainer.should_stop = True
            if trainer.check_val_every_n_epoch is not None:
                trainer.check_val_every_n_epoch = 1

    def left(self, module: LightningModule) -> bool:
        """Whether validation improved to the end, so that more updates would help."""
        decay = _decay_of(module)
        improved = self._counted > 1 and self.without_better <= 1
        return improved and (decay is None or decay.start is None)


def _decay_of(module: LightningModule) -> Decay | None:
    return getattr(module, "decay", None)  # a user's own module has none
