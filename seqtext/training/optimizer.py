"""Optimizers and learning rates over steps."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau

from seqtext.errors import ConfigError
from seqtext.training.pretrained import part_of, parts_of
from seqtext.values import check_fields

Schedule = Literal["constant", "inverse_sqrt", "cosine", "plateau"]


@dataclass(frozen=True, kw_only=True)
class OptimizerConfig:
    """How weights are updated.

    Args:
        name: ``adam`` (Kingma & Ba 2015) or ``adamw`` (Loshchilov & Hutter 2019), both fused.
        learning_rate: The highest one.
        beta1: Decay of the mean gradient.
        beta2: Decay of the mean squared gradient.
        eps: Added to the denominator.
        weight_decay: Decoupled for ``adamw``, an L2 penalty for ``adam``.
        schedule: After the warm-up ``constant``, ``inverse_sqrt`` (falls as 1 / sqrt(step), Vaswani et
            al. 2017), ``cosine`` (to ``final_share`` at ``total_steps``, Loshchilov & Hutter 2017) or
            ``plateau`` (falls when the validation loss does not).
        warmup_steps: Updates over which the learning rate rises from 0.
        total_steps: Updates until ``cosine`` is at its end. Default: those of the whole run.
        final_share: Share of the learning rate that ``cosine`` ends at.
        part_rates: Of a part of the network (``embeddings``, ``encoder``, ``attention``, ``decoder``,
            ``output``) the share of the learning rate that it has; 1 where nothing is said.
        plateau_factor: What ``plateau`` multiplies the learning rate by.
        plateau_patience: Validations without a better loss that ``plateau`` waits for.

    Raises:
        ConfigError: A value is out of range, or two contradict each other.
    """

    name: Literal["adam", "adamw"] = "adam"
    learning_rate: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    weight_decay: float = 0.0
    schedule: Schedule = "constant"
    warmup_steps: int = 0
    total_steps: int | None = None
    final_share: float = 0.02
    part_rates: dict[str, float] = field(default_factory=dict)
    plateau_factor: float = 0.5
    plateau_patience: int = 1

    def __post_init__(self) -> None:
        check_fields(self, "optimizer.")
        for name, least, most in (
            ("learning_rate", 0.0, math.inf),
            ("eps", 0.0, math.inf),
            ("plateau_factor", 0.0, 1.0),
        ):
            if not least < (value := getattr(self, name)) < most:
                until = "" if most == math.inf else f" and less than {most:g}"
                raise ConfigError(f"optimizer.{name}: {value}, expected more than {least:g}{until}")
        for name in ("beta1", "beta2"):
            if not 0 <= (value := getattr(self, name)) < 1:
                raise ConfigError(f"optimizer.{name}: {value}, expected 0 <= {name} < 1")
        if not 0 <= self.weight_decay < math.inf:
            raise ConfigError(f"optimizer.weight_decay: {self.weight_decay}, expected at least 0")
        if not 0 <= self.final_share <= 1:
            raise ConfigError(
                f"optimizer.final_share: {self.final_share}, expected 0 <= share <= 1"
            )
        for name in ("warmup_steps", "plateau_patience"):
            if (value := getattr(self, name)) < 0:
                raise ConfigError(f"optimizer.{name}: {value}, expected at least 0")
        if self.total_steps is not None and self.total_steps < 1:
            raise ConfigError(f"optimizer.total_steps: {self.total_steps}, expected at least 1")
        if self.schedule == "inverse_sqrt" and not self.warmup_steps:
            raise ConfigError(
                "optimizer.schedule: inverse_sqrt needs optimizer.warmup_steps above 0"
            )
        if self.schedule == "plateau" and self.warmup_steps:
            raise ConfigError("optimizer.warmup_steps: plateau has no warm-up, set it to 0")
        parts_of("optimizer.part_rates", list(self.part_rates))
        for part, rate in self.part_rates.items():
            if not 0 < rate < math.inf:
                raise ConfigError(
                    f"optimizer.part_rates: {rate} for {part}, expected more than 0; model.freeze keeps a"
                    " part as it is"
                )


def learning_rate_share(config: OptimizerConfig, step: int, total_steps: int) -> float:
    """The learning rate at ``step`` (from 0) as a share of the highest one.

    >>> config = OptimizerConfig(schedule="inverse_sqrt", warmup_steps=4)
    >>> [learning_rate_share(config, step, 100) for step in (0, 3, 15)]
    [0.25, 1.0, 0.5]
    """
    step += 1
    warmup = config.warmup_steps
    if step < warmup:
        return step / warmup
    if config.schedule == "inverse_sqrt":
        return math.sqrt(warmup / step)
    if config.schedule == "cosine":
        done = min(1.0, (step - warmup) / max(1, total_steps - warmup))
        return config.final_share + (1 - config.final_share) * 0.5 * (1 + math.cos(math.pi * done))
    return 1.0


def build(
    config: OptimizerConfig, module: nn.Module, total_steps: int
) -> tuple[torch.optim.Optimizer, LambdaLR | ReduceLROnPlateau]:
    """The optimizer, and its schedule over updates (``plateau``: over validations)."""
    kind = torch.optim.Adam if config.name == "adam" else torch.optim.AdamW
    by_rate: dict[float, list[nn.Parameter]] = {}
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            rate = config.part_rates.get(part_of(name.removeprefix("network.")), 1.0)
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
    optimizer.register_load_state_dict_pre_hook(_refuse_other_groups)
    for group in optimizer.param_groups:
        group["base_lr"] = group["lr"]  # see apply
    if config.schedule == "plateau":
        patience = config.plateau_patience
        return optimizer, ReduceLROnPlateau(
            optimizer, factor=config.plateau_factor, patience=patience
        )
    return optimizer, LambdaLR(
        optimizer, lambda step: learning_rate_share(config, step, total_steps)
    )


def _refuse_other_groups(optimizer: torch.optim.Optimizer, saved: dict[str, Any]) -> None:
    """Refuse a checkpoint whose optimizer trains other weights, or at other rates.

    PyTorch calls this once callbacks have added their groups of weights, and before it restores anything.
    """
    groups = optimizer.param_groups, saved["param_groups"]
    ours, others = ([len(group["params"]) for group in part] for part in groups)
    if ours != others:
        raise ConfigError(
            "--resume: model.freeze or model.optimizer.part_rates are not those that the checkpoint was"
            " written with; give the same ones, or start a new run from it with --model.init_from"
        )


def adopt_groups(config: OptimizerConfig, optimizer: torch.optim.Optimizer, schedule: Any) -> None:
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


def apply(config: OptimizerConfig, optimizer: torch.optim.Optimizer, schedule: Any) -> None:
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
