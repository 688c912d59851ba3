"""Optimizers and learning rates over steps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, ReduceLROnPlateau

from seqtext.errors import ConfigError
from seqtext.training.config import OptimizerConfig
from seqtext.training.pretrained import part_of


class Decay:
    """When the learning rate of the schedule ``adaptive`` falls.

    Args:
        share: Updates of the fall, as a share of those before it.
        total_steps: Updates of the whole run, 0 where nothing limits them.
    """

    def __init__(self, share: float, total_steps: int) -> None:
        self.share = share
        self._latest = math.ceil(total_steps / (1 + share)) if total_steps else math.inf
        self.start: int | None = None  # the update that it began with, where patience ended

    def begin(self, step: int) -> None:
        """Begin at an update, unless the limit of updates began it before."""
        self.start = int(min(step, self._latest))

    def began(self, step: int) -> bool:
        """Whether the learning rate falls at an update."""
        return step >= self._first

    def ended(self, step: int) -> bool:
        """Whether the fall is over before an update."""
        return self.left(step) == 0

    def left(self, step: int) -> float:
        """The learning rate at an update, as a share of the highest one."""
        if not self.began(step):
            return 1.0
        return max(0.0, 1 - math.sqrt((step - self._first) / (self.share * self._first)))

    @property
    def _first(self) -> float:
        return self._latest if self.start is None else self.start


def learning_rate_share(
    config: OptimizerConfig, step: int, total_steps: int, decay: Decay | None = None
) -> float:
    """The learning rate at ``step`` (from 0) as a share of the highest one.

    >>> config = OptimizerConfig(schedule="inverse_sqrt", warmup_steps=4)
    >>> [learning_rate_share(config, step, 100) for step in (0, 3, 15)]
    [0.25, 1.0, 0.5]
    """
    left = decay.left(step) if decay else 1.0
    step += 1
    warmup = config.warmup_steps
    if step < warmup:
        return left * step / warmup
    if config.schedule == "inverse_sqrt":
        return math.sqrt(warmup / step)
    if config.schedule == "cosine":
        done = min(1.0, (step - warmup) / max(1, total_steps - warmup))
        least = config.min_learning_rate_share
        return least + (1 - least) * 0.5 * (1 + math.cos(math.pi * done))
    return left


def build(
    config: OptimizerConfig, module: nn.Module, total_steps: int, decay: Decay | None
) -> tuple[torch.optim.Optimizer, LambdaLR | ReduceLROnPlateau]:
    """The optimizer, and its schedule over updates (``plateau``: over validations)."""
    kind = torch.optim.Adam if config.name == "adam" else torch.optim.AdamW
    by_rate: dict[float, list[nn.Parameter]] = {}
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            rate = config.learning_rate_factors.get(part_of(name.removeprefix("network.")), 1.0)
            by_rate.setdefault(rate, []).append(parameter)
    if not by_rate:
        raise ConfigError("model.freeze: all weights are frozen, nothing is left to train")
    devices = {parameter.device.type for group in by_rate.values() for parameter in group}
    optimizer = kind(
        [
            {"params": by_rate[rate], "lr": config.learning_rate * rate, "rate": rate}
            for rate in sorted(by_rate)
        ],
        lr=config.learning_rate,
        betas=(config.beta1, config.beta2),
        eps=config.eps,
        weight_decay=config.weight_decay,
        fused=devices <= {"cpu", "cuda"},
    )
    for group in optimizer.param_groups:
        group["base_lr"] = group["lr"]  # see apply
    if config.schedule == "plateau":
        patience = config.plateau_patience
        return optimizer, ReduceLROnPlateau(
            optimizer, factor=config.plateau_factor, patience=patience
        )
    return optimizer, LambdaLR(
        optimizer, lambda step: learning_rate_share(config, step, total_steps, decay)
    )


def is_ours(groups: Sequence[Mapping[str, object]]) -> bool:
    """Whether an optimizer with these groups of weights was made by ``build``."""
    return "base_lr" in groups[0]


def check_groups(optimizer: torch.optim.Optimizer, saved: list[int]) -> None:
    """Refuse to resume with other groups of weights.

    Args:
        optimizer: Of the run of now.
        saved: Numbers of weights in each group of the checkpoint's optimizer.

    Raises:
        ConfigError: The groups differ.
    """
    if [len(group["params"]) for group in optimizer.param_groups] != saved:
        raise ConfigError(
            "model.freeze or model.optimizer.learning_rate_factors are not those that the checkpoint was"
            " written with; give the same ones, or start a new run from it with --model.init_from"
        )


def adopt_groups(
    config: OptimizerConfig, optimizer: torch.optim.Optimizer, schedule: LRScheduler | None
) -> None:
    """Give a schedule the groups of weights that a callback has added, as unfreezing does."""
    first, *others = optimizer.param_groups
    for group in others:
        if "base_lr" not in group:
            # the callback gave the rate at this point of the schedule
            highest = group["lr"] * first["base_lr"] / (first["lr"] or first["base_lr"])
            group.update(base_lr=highest, initial_lr=highest, rate=highest / config.learning_rate)
    if isinstance(schedule, LambdaLR):
        schedule.base_lrs = [group["base_lr"] for group in optimizer.param_groups]
        schedule.lr_lambdas = schedule.lr_lambdas[:1] * len(optimizer.param_groups)


def apply(
    config: OptimizerConfig, optimizer: torch.optim.Optimizer, schedule: LRScheduler | None
) -> None:
    """Let ``config`` win over the hyper-parameters that a checkpoint has brought back.

    The position in the schedule stays as it was restored.
    """
    for group in optimizer.param_groups:
        highest = config.learning_rate * group.get("rate", 1.0)  # older checkpoints have none
        group["lr"] *= highest / group["base_lr"]
        group.update(
            base_lr=highest,
            initial_lr=highest,
            betas=(config.beta1, config.beta2),
            eps=config.eps,
            weight_decay=config.weight_decay,
        )
    if isinstance(schedule, ReduceLROnPlateau):
        schedule.factor, schedule.patience = config.plateau_factor, config.plateau_patience
    elif isinstance(schedule, LambdaLR):
        schedule.base_lrs = [group["base_lr"] for group in optimizer.param_groups]
        # Lightning's tuner has set the highest rate, and the schedule may be at another one
        for group, share in zip(optimizer.param_groups, schedule.lr_lambdas, strict=True):
            group["lr"] = group["base_lr"] * share(schedule.last_epoch)
