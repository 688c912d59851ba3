"""Lightning's own callbacks beside ours: which of them cannot work, and why."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import (
    BackboneFinetuning,
    BatchSizeFinder,
    DeviceStatsMonitor,
    GradientAccumulationScheduler,
    LearningRateFinder,
    LearningRateMonitor,
    ModelPruning,
    StochasticWeightAveraging,
    WeightAveraging,
)

from seqtext.errors import ConfigError
from seqtext.internals import callbacks_of
from seqtext.training.optimized import OptimizedModule

_CANNOT_WORK: dict[type[Callback], str] = {
    ModelPruning: "it renames the weights, and no checkpoint of seqtext can hold them. Leave it out",
    LearningRateFinder: (
        "it would set a learning rate that config.yaml does not have. Find it in a script, with"
        " Tuner(trainer).lr_find(module, datamodule=data), and give --model.optimizer.learning_rate"
    ),
    BatchSizeFinder: (
        "it would set a size that config.yaml does not have. Find it in a script, with"
        " Tuner(trainer).scale_batch_size(…, batch_arg_name='batch_tokens'), and give --data.batch_tokens"
    ),
    GradientAccumulationScheduler: (
        "an update has --data.batch_tokens whatever the accumulation. Leave it out, and set"
        " --trainer.accumulate_grad_batches"
    ),
}
_NEED_LOGGER = (DeviceStatsMonitor, LearningRateMonitor)


def refuse(module: LightningModule, callbacks: Sequence[Callback], *, logs: bool) -> None:
    """Refuse callbacks that cannot work with ``module``, before anything is written.

    Args:
        module: What is trained.
        callbacks: Those of the trainer.
        logs: The run has a logger.

    Raises:
        ConfigError: One of them cannot.
    """
    for callback in callbacks:
        if isinstance(callback, _NEED_LOGGER) and not logs:
            reason: str | None = "it writes to a logger. Add one, as --trainer.logger csv"
        else:
            reason = _reason(module, callback)
        if reason:
            raise ConfigError(f"trainer.callbacks: {type(callback).__name__}: {reason}")


def _reason(module: LightningModule, callback: Callback) -> str | None:
    for kind, reason in _CANNOT_WORK.items():
        if isinstance(callback, kind):
            return reason
    if isinstance(callback, BackboneFinetuning) and not hasattr(module, "backbone"):
        return (
            "the network has no 'backbone'. Keep parts with --model.freeze, or write a class on"
            " BaseFinetuning that names the parts of module.network"
        )
    if (
        isinstance(callback, StochasticWeightAveraging)
        and isinstance(module, OptimizedModule)
        and module.optimizer_config.schedule == "plateau"
    ):
        return "it sets the learning rate, and so does model.optimizer.schedule plateau. Choose one"
    return None


def remove_averaging(trainer: Trainer, module: LightningModule) -> str | None:
    """After training: take averaging callbacks away, so that other weights can be validated.

    Returns:
        The name of a callback whose average ``module`` has now, and that no validation has scored.
    """
    name = None
    callbacks = callbacks_of(trainer)
    for callback in callbacks:
        # it has no count where it has not begun
        if isinstance(callback, StochasticWeightAveraging) and callback.n_averaged is not None:
            # Lightning does so only if the last epoch of all has come
            average = callback.state_dict()["average_model_state"]
            with torch.no_grad():
                for parameter, weight in module.named_parameters():
                    weight.copy_(average[parameter])
            name = type(callback).__name__
    kinds = (WeightAveraging, StochasticWeightAveraging)
    callbacks[:] = [callback for callback in callbacks if not isinstance(callback, kinds)]
    return name
