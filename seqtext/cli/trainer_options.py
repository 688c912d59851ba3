"""Options of Lightning's Trainer: those that work here, those that are refused, and our defaults."""

from __future__ import annotations

import math
import os
import re
from datetime import timedelta
from typing import Any, Literal

import torch
from jsonargparse import Namespace
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import ProgressBar
from lightning.pytorch.loggers import Logger
from lightning.pytorch.plugins import AsyncCheckpointIO
from lightning.pytorch.strategies import DeepSpeedStrategy, FSDPStrategy, ModelParallelStrategy

from seqtext import internals
from seqtext.cli.ranks import by_torchrun, local_rank
from seqtext.console import say
from seqtext.errors import ConfigError
from seqtext.nn.precision import has_bfloat16, speed_of_bfloat16
from seqtext.speeds import VARIABLE, WORTH, named, recall
from seqtext.training.run.loggers import LOGGER_NAMES, LoggerName, check_installed
from seqtext.training.run.progress_bar import RunProgressBar

DEFAULTS = {
    "logger": False,  # the run folder has metrics.csv
    "enable_autolog_hparams": False,  # Loggers gives them the whole configuration
    "enable_checkpointing": False,  # Checkpoints writes them
    "enable_model_summary": False,
    "num_sanity_val_steps": 0,
    "gradient_clip_val": 1.0,
}
_LIGHTNING = {"fp32": "32-true", "bf16": "bf16-mixed"}  # names of precisions
_MAX_EPOCHS = 10  # if no option limits the run
_Precision = Literal[
    "auto", "32-true", "bf16-mixed", "bf16-true", "64-true", "16-mixed", "16-true", "transformer-engine",
    "transformer-engine-float16", "16", "32", "64", "bf16",
]  # fmt: skip
# for strategies that a command cannot have, and in a notebook for all
OTHER_STRATEGY = "choose ddp, and in a notebook start a command: !seqtext fit …"


class FitTrainer(Trainer):
    """Lightning's Trainer, whose loggers can be named in one word.

    Args:
        logger: csv, mlflow, tensorboard or wandb: the logger keeps its files in the run's folder. Or a
            class of Lightning's with its own options. Or a list of these.
        callbacks: As Lightning takes them.
        enable_progress_bar: Show a bar, ours unless ``callbacks`` has another.
        precision: As Lightning names it, or ``auto``: bf16-mixed where that is faster than 32-true.
        options: The others of Lightning's Trainer.
    """

    def __init__(
        self,
        *,
        logger: LoggerName | Logger | list[LoggerName | Logger] | bool | None = False,
        callbacks: list[Callback] | Callback | None = None,
        enable_progress_bar: bool | None = None,
        precision: _Precision | Literal[16, 32, 64] | None = None,
        **options: Any,
    ) -> None:
        several = logger if isinstance(logger, list) else [logger] if logger else []
        self.named_loggers = [name for name in LOGGER_NAMES if name in several]
        built = [entry for entry in several if isinstance(entry, Logger)]
        chosen = callbacks if isinstance(callbacks, list) else [callbacks] if callbacks else []
        if enable_progress_bar and not any(isinstance(entry, ProgressBar) for entry in chosen):
            chosen = [*chosen, RunProgressBar()]
        super().__init__(
            logger=True if logger is True else built,
            callbacks=chosen,
            enable_progress_bar=enable_progress_bar,
            precision=None if precision == "auto" else precision,  # ``settle`` has chosen
            **options,
        )


WORKS = frozenset(
    {
        "accelerator", "accumulate_grad_batches", "benchmark", "callbacks", "check_val_every_n_epoch",
        "default_root_dir", "detect_anomaly", "deterministic", "devices", "enable_autolog_hparams",
        "enable_checkpointing", "enable_model_summary", "enable_progress_bar", "fast_dev_run",
        "gradient_clip_algorithm", "gradient_clip_val", "inference_mode", "limit_train_batches",
        "limit_val_batches", "log_every_n_steps", "logger", "max_epochs", "max_steps", "max_time",
        "min_epochs", "min_steps", "num_nodes", "num_sanity_val_steps", "overfit_batches", "plugins",
        "precision", "profiler", "strategy", "sync_batchnorm", "use_distributed_sampler",
        "val_check_interval",
    }
)  # fmt: skip
# the default of an option, and why no other value works
REFUSED = {
    "barebones": (False, "it keeps no scores and no checkpoints, which a run is made of"),
    "limit_predict_batches": (None, "fit predicts nothing"),
    "limit_test_batches": (None, "fit tests nothing; seqtext test does"),
    "model_registry": (
        None,
        "it uploads Lightning's own checkpoints only; share best.ckpt instead",
    ),
    "reload_dataloaders_every_n_epochs": (
        0,
        "every epoch has a plan of batches of its own already",
    ),
}
_LEAST = {  # the smallest value of an option
    "accumulate_grad_batches": 1,
    "check_val_every_n_epoch": 1,
    "gradient_clip_val": 0,
    "log_every_n_steps": 0,
    "min_epochs": 0,
    "min_steps": 0,
    "num_sanity_val_steps": -1,
}
_PROFILED = (
    "acc_events", "profile_memory", "record_shapes", "with_flops", "with_modules", "with_stack"
)  # fmt: skip
_ZERO = {  # the message for 0
    "limit_train_batches": "trains on nothing; leave it out, or give at least 1",
    "max_epochs": "trains on nothing; give at least 1, or -1 for no limit",
    "max_steps": "trains on nothing; give at least 1, or -1 for no limit",
    "val_check_interval": "is no interval; give more than 0, or leave data.validation out",
}


def settle(trainer: Namespace) -> None:
    """Complete the Trainer's options. Choose the precision ``auto``, and say so.

    Without bfloat16 in the processor, float32 stands for it.

    Raises:
        ConfigError: An option has no meaning here, or a value that cannot work.
    """
    _refuse(trainer)
    loggers = trainer.logger if isinstance(trainer.logger, list) else [trainer.logger]
    check_installed([name for name in LOGGER_NAMES if name in loggers])
    if trainer.max_epochs is None and trainer.max_steps == -1 and trainer.max_time is None:
        trainer.max_epochs = _MAX_EPOCHS
    every, epochs = trainer.check_val_every_n_epoch, trainer.max_epochs
    if every and epochs and 0 < epochs < every:  # validate at least the last epoch
        trainer.check_val_every_n_epoch = epochs
    if str(trainer.precision).startswith("16"):
        raise ConfigError(
            f"trainer.precision: {trainer.precision} overflows in a sum over pieces; choose bf16-mixed or"
            " 32-true"
        )
    on_cpu = trainer.accelerator == "cpu" or (
        trainer.accelerator == "auto" and not torch.accelerator.is_available()
    )
    if trainer.precision == "auto":
        trainer.precision = _quickest(on_cpu, trainer.num_nodes)
    wanted = str(trainer.precision)
    if wanted.startswith("bf16") and on_cpu and not has_bfloat16():
        say(f"precision: this processor has no bfloat16, training in 32-true instead of {wanted}")
        trainer.precision = "32-true"


def _quickest(on_cpu: bool, nodes: int) -> str:
    """The precision that trains sooner here, the same in all processes."""
    name = named()
    if name in _LIGHTNING:
        return _LIGHTNING[name]
    if not on_cpu:
        multiplies = torch.cuda.is_available() and torch.cuda.is_bf16_supported(
            including_emulation=False
        )
        return "bf16-mixed" if multiplies else "32-true"
    if not has_bfloat16():
        return "32-true"
    if local_rank() and name in ("32-true", "bf16-mixed"):  # Lightning has started this process
        return name
    if by_torchrun() or nodes > 1 or int(os.environ.get("SLURM_NTASKS", 1)) > 1:
        say(
            "precision: 32-true, because processes that start at once cannot agree on the faster one"
        )
        return "32-true"
    speed = recall({"ratio": "bf16-mixed to 32-true"}, speed_of_bfloat16)
    chosen = "bf16-mixed" if speed > WORTH else "32-true"
    say(f"precision: {chosen}, because bf16-mixed is {speed:.2f} times as fast as 32-true here")
    os.environ[VARIABLE] = chosen  # for the processes that Lightning starts
    return chosen


def _refuse(trainer: Namespace) -> None:
    for name, (unset, reason) in REFUSED.items():
        if trainer[name] != unset:
            raise ConfigError(f"trainer.{name}: {trainer[name]}: {reason}; leave the option out")
    for name, least in _LEAST.items():
        value = trainer[name]
        if value is not None and not least <= value < math.inf:
            raise ConfigError(f"trainer.{name}: {value}, expected at least {least}")
    for name, reason in _ZERO.items():
        value = trainer[name]
        if isinstance(value, int | float) and value == 0:
            raise ConfigError(f"trainer.{name}: {value} {reason}")
    if _is_no_time(trainer.max_time):
        raise ConfigError(f"trainer.max_time: {trainer.max_time}, expected more than no time")
    for unit in ("epochs", "steps"):
        most, least = trainer[f"max_{unit}"], trainer[f"min_{unit}"]
        if least is not None and most is not None and 0 < most < least:
            raise ConfigError(
                f"trainer.min_{unit}: {least}, but trainer.max_{unit} is {most}; one of the two must go"
            )
    _refuse_functions(trainer.profiler)


def _refuse_functions(profiler: object) -> None:
    """Refuse options of PyTorch's profiler that are functions. It would call a text when training ends."""
    if not isinstance(profiler, Namespace) or not profiler.class_path.endswith("PyTorchProfiler"):
        return
    for name, value in dict(profiler.get("dict_kwargs") or {}).items():
        if name not in _PROFILED or not isinstance(value, bool):
            raise ConfigError(
                f"trainer.profiler.dict_kwargs: {name}: {value!r:.60}; a configuration can only switch"
                f" {', '.join(_PROFILED)} to true or false"
            )


def _is_no_time(duration: object) -> bool:
    if isinstance(duration, str):  # DD:HH:MM:SS
        return bool(re.fullmatch(r"[0:]+", duration))
    if isinstance(duration, dict):
        duration = timedelta(**duration)
    return isinstance(duration, timedelta) and duration <= timedelta()


def refuse_built(trainer: Trainer) -> None:
    """Refuse options that only a built Trainer shows.

    Raises:
        ConfigError: A strategy or a plugin that this training does not work with.
    """
    strategy = trainer.strategy
    name = type(strategy).__name__
    if isinstance(strategy, DeepSpeedStrategy | FSDPStrategy | ModelParallelStrategy):
        raise ConfigError(
            f"trainer.strategy: {name} cuts weights into shards, and gradients are clipped and checkpoints"
            " are written as a whole here; choose ddp"
        )
    method = internals.start_method(strategy)
    if method not in (None, "popen"):
        raise ConfigError(
            f"trainer.strategy: {name} starts its processes by {method}, and a run cannot be handed over to"
            f" these; {OTHER_STRATEGY}"
        )
    if isinstance(strategy.checkpoint_io, AsyncCheckpointIO):
        raise ConfigError(
            "trainer.plugins: AsyncCheckpointIO has not written a checkpoint when it is needed; leave it"
            " out"
        )
