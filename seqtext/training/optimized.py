"""LightningModule with an optimizer whose gradients are those of a mean over all ranks."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from typing import Any

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, ReduceLROnPlateau

from seqtext.errors import ConfigError, TrainingError
from seqtext.internals import trainer_of
from seqtext.training import optimizer
from seqtext.training.config import OptimizerConfig
from seqtext.training.data import data_of
from seqtext.training.optimizer import Decay


def mean_of_sum(total: Tensor, divisor: Tensor) -> Tensor:
    """A sum divided by its divisor, with the gradient of the sum.

    Callbacks see the mean, and gradients of sums add up over batches and ranks.
    """
    mean: Tensor = _MeanOfSum.apply(total, divisor)  # type: ignore[no-untyped-call]
    return mean


class _MeanOfSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: object, total: Tensor, divisor: Tensor) -> Tensor:
        return total / divisor

    @staticmethod
    def backward(ctx: object, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient, None


class OptimizedModule(LightningModule):
    """Optimizer, schedule, and gradients of sums that become those of a mean.

    Args:
        optimizer: How weights are updated.
    """

    def __init__(self, optimizer: OptimizerConfig) -> None:
        super().__init__()
        self.optimizer_config = optimizer
        self._divisor: Tensor | int = 0  # of this rank's gradients since the last update
        self._norms: Tensor | float = (
            0.0  # (sum of the gradients' norms, updates), see gradient_norm
        )
        self._plateau: ReduceLROnPlateau | None = None
        self.decay: Decay | None = None  # of the schedule ``adaptive``
        # of the run that is resumed
        self._saved_plateau: dict[str, object] | None = None
        self._saved_decay: int | None = None
        self._saved_groups: list[int] | None = None  # numbers of weights in its optimizer's groups

    @abstractmethod
    def diverged(self, what: str) -> TrainingError:
        """The error to raise where the loss or the gradient is no number."""

    # --- learning rate ------------------------------------------------------------------------------

    @property
    def learning_rate(self) -> float:
        """The highest learning rate, as Lightning's tuner reads and sets it."""
        return self.optimizer_config.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        self.optimizer_config = dataclasses.replace(self.optimizer_config, learning_rate=value)
        self.hparams["optimizer"] = {**self.hparams["optimizer"], "learning_rate": value}
        trainer = trainer_of(self)
        if trainer is not None and trainer.optimizers and self._is_ours():
            optimizer.apply(self.optimizer_config, trainer.optimizers[0], self._schedule())

    # --- optimizer and schedule ---------------------------------------------------------------------

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Optimizer and schedule."""
        config, total_steps = self.optimizer_config, self._total_steps()
        if config.schedule == "adaptive":
            self.decay = Decay(config.decay_share, total_steps)
        built, schedule = optimizer.build(config, self, total_steps, self.decay)
        if isinstance(schedule, LambdaLR):
            return {"optimizer": built, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
        self._plateau = schedule
        return built

    def _total_steps(self) -> int:
        # Lightning's own estimate would build the training loader before a checkpoint's position in
        # it is restored
        if self.optimizer_config.schedule not in ("cosine", "adaptive"):
            return 0
        if self.optimizer_config.total_steps:
            return self.optimizer_config.total_steps
        trainer, limits = self.trainer, []
        if trainer.max_steps > 0:
            limits.append(trainer.max_steps)
        data = data_of(trainer)
        if data is None:
            return int(trainer.estimated_stepping_batches)
        updates = data.updates_per_epoch()
        if updates and trainer.max_epochs and trainer.max_epochs > 0:
            limits.append(trainer.max_epochs * updates)
        if not limits and self.optimizer_config.schedule == "adaptive":
            return 0
        if not limits:
            unknown = "" if updates else " (those of an epoch are not known with data.streaming)"
            raise ConfigError(
                "optimizer.schedule: cosine needs to know the number of updates; set trainer.max_steps or"
                f" optimizer.total_steps{unknown or ', or trainer.max_epochs'}"
            )
        return min(limits)

    def on_fit_start(self) -> None:
        """Take what a resumed run has saved of its schedule, before Lightning loads its optimizer.

        Raises:
            ConfigError: The optimizer has other groups of weights than the saved one.
        """
        if self._saved_groups is not None and self._is_ours():
            optimizer.check_groups(self.trainer.optimizers[0], self._saved_groups)
        if self._plateau is not None and self._saved_plateau is not None:
            self._plateau.load_state_dict(self._saved_plateau)
        if self.decay is not None:
            self.decay.start = self._saved_decay

    def on_train_start(self) -> None:
        """In a resumed run the options of now win over the saved ones."""
        built = self.trainer.optimizers[0]
        if self._is_ours():
            optimizer.adopt_groups(self.optimizer_config, built, self._schedule())
            optimizer.apply(self.optimizer_config, built, self._schedule())
        if self.trainer.ckpt_path is not None:
            # a callback that thaws weights freezes them again in its setup
            for group in built.param_groups:
                for weight in group["params"]:
                    weight.requires_grad_(True)

    def _is_ours(self) -> bool:
        """Whether the optimizer is that of the options. A child may configure its own."""
        return optimizer.is_ours(self.trainer.optimizers[0].param_groups)

    def _schedule(self) -> LRScheduler | None:
        """The schedule of now. A callback may have replaced ours, or taken it away."""
        schedule = self._plateau or self.lr_schedulers()
        assert schedule is None or isinstance(schedule, LRScheduler)
        return schedule

    def on_train_epoch_start(self) -> None:
        """Take in what a callback has added to the optimizer."""
        if self._is_ours():
            built = self.trainer.optimizers[0]
            optimizer.adopt_groups(self.optimizer_config, built, self._schedule())

    def step_plateau(self, loss: float) -> None:
        """Tell the schedule ``plateau`` of a validation loss."""
        if self._plateau is not None:
            self._plateau.step(loss)

    def on_save_checkpoint(self, content: dict[str, object]) -> None:
        """Save what Lightning does not save: it knows nothing of the schedule ``plateau``."""
        if self._plateau is not None:
            content["seqtext_plateau"] = self._plateau.state_dict()
        if self.decay is not None:
            content["seqtext_decay"] = self.decay.start

    def on_load_checkpoint(self, content: dict[str, Any]) -> None:
        """Keep what ``on_fit_start`` needs of a run that is resumed. There is no optimizer yet."""
        self._saved_plateau = content.get("seqtext_plateau")
        self._saved_decay = content.get("seqtext_decay")
        groups = content["optimizer_states"][0]["param_groups"]
        self._saved_groups = [len(group["params"]) for group in groups]

    # --- gradients ----------------------------------------------------------------------------------

    def count_in_update(self, divisor: Tensor) -> None:
        """Add the divisor of a batch's loss to that of the update."""
        self._divisor = self._divisor + divisor

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        """Turn gradients of sums into those of the mean over all pieces of the update.

        Backward passes have summed over pieces. Lightning has divided by its number of accumulation
        steps, and DDP by the number of ranks. The sum over all ranks and steps must be divided by their
        pieces. A short last window has fewer steps.
        """
        count = torch.as_tensor(self._divisor, dtype=torch.float32, device=self.device)
        count = self.trainer.strategy.reduce(count, reduce_op="sum")
        self._divisor = 0
        scale = self.trainer.accumulate_grad_batches * self.trainer.world_size / count
        for weight in self.parameters():
            if weight.grad is not None:
                weight.grad *= scale

    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: int | float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Clip by norm, or by value. Note the norm before.

        Raises:
            TrainingError: The norm is no number. No weight has changed yet.
        """
        # Lightning refuses to clip for a fused optimizer under mixed precision, because of a loss
        # scaling that bfloat16 does not need
        by_value = gradient_clip_algorithm == "value"
        largest = gradient_clip_val if gradient_clip_val and not by_value else torch.inf
        norm = torch.nn.utils.clip_grad_norm_(self.parameters(), largest)
        if not torch.isfinite(norm):
            raise self.diverged("the gradient")
        if gradient_clip_val and by_value:
            torch.nn.utils.clip_grad_value_(self.parameters(), gradient_clip_val)
        self._norms = self._norms + torch.stack([norm, torch.ones_like(norm)])

    def gradient_norm(self) -> float:
        """Mean norm of the gradients before clipping since the last call, of this rank's updates."""
        if not isinstance(self._norms, Tensor):
            return 0.0
        total, updates = self._norms.tolist()
        self._norms = 0.0
        return float(total / updates)
