"""From the command line's options to a finished run. Loads Lightning."""

from __future__ import annotations

import dataclasses
import signal
import sys
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.strategies.launchers import _SubprocessScriptLauncher
from lightning.pytorch.utilities import rank_zero_only

from seqtext import tasks
from seqtext.checkpoint import ClassifierModel, Model
from seqtext.cli.options import (
    FitCLI,
    classes_of,
    flatten,
    own_options,
    parse,
    with_config,
)
from seqtext.cli.parser_messages import explained
from seqtext.cli.trainer_options import settle
from seqtext.console import say
from seqtext.errors import ConfigError, SeqtextError
from seqtext.training.comparison import Comparison
from seqtext.training.config import SelectionConfig
from seqtext.training.module import TextModule
from seqtext.training.pretrained import refuse_other_network
from seqtext.training.run import callbacks, folder
from seqtext.training.run import resume as resuming
from seqtext.training.run.checkpoints import Checkpoints
from seqtext.training.run.report import Report
from seqtext.training.run.run_folder import RunFolder

_CLASSIFIER = "seqtext.ClassifierModule"


def train(arguments: list[str], task: str | None, preset: dict[str, Any]) -> None:
    """Parse ``arguments``, go on with a run or start one, train it to its end.

    Without ``task`` runs go where the model's class has its recipes.

    Raises:
        ConfigError: A wrong option, a used folder, or a resume that would change the network.
        CheckpointError: The checkpoint to go on from cannot be read.
    """
    torch.set_flush_denormal(True)  # denormal numbers make oneDNN's LSTM many times slower
    options, arguments = own_options(arguments, preset)
    if task is None:
        labels = classes_of(arguments, preset)["model"] == _CLASSIFIER
        task = (tasks.CLASSIFICATION if labels else tasks.TRANSLATION).name
    root = Path("runs") / task
    resume = resuming.find(options.resume, options.run, root)
    # the configuration of the run that is gone on with in its folder
    saved = resume.parent / folder.CONFIG if resume is not None else None
    if saved is not None and not saved.exists():
        saved = None
    if saved is not None:
        before = with_config(saved, f"--resume {options.resume}: {saved}", options.trusted)
        arguments = [before, *arguments]
    try:
        cli = parse(arguments, preset, options.trusted)
    except ConfigError as error:
        if resume is None or saved is not None:
            raise
        raise ConfigError(
            f"--resume {options.resume}: {resume.parent / folder.CONFIG} is missing. Put it back, or give"
            f" all options of the run again and another folder with --run ({error})"
        ) from error
    in_place, run = saved is not None, saved.parent if saved is not None else options.run
    if not in_place and run is not None and rank_zero_only.rank == 0:  # type: ignore[attr-defined]
        if options.resume == "auto":
            folder.clear_stillborn(run)
        folder.check_unused(run)
    model = None
    if resume is not None:
        model = resuming.model_in(resume)
    if saved is not None:
        was = parse([before], preset, options.trusted)
        resuming.tell_changes(saved.parent, *(flatten(one.config.as_dict()) for one in (was, cli)))
    settle(cli.config.trainer)
    text = explained(lambda: cli.parser.dump(cli.config))
    if resume is not None:
        _start_from_own(cli, resume)
    explained(cli.instantiate)
    selection = cli.config_init.selection
    if selection.monitor == "task":
        selection = dataclasses.replace(selection, monitor=_scores(cli.model)[-1])
    folder_of_run = RunFolder(run, root, text, selection.monitor, resumed=in_place)
    _fit(cli, selection, folder_of_run, model, resume)


def _start_from_own(cli: FitCLI, resume: Path) -> None:
    """A run that began with another model's weights, or word vectors, goes on without needing them."""
    options = cli.config.model.init_args
    for vectors in ("source_vectors", "target_vectors", "vectors"):
        if vectors in options:
            options[vectors] = None
    if options.get("init_from") is not None:
        options.init_from = None if options.init_parts else str(resume)
        options.init_parts = None


def _scores(module: LightningModule) -> list[str]:
    """What can choose the best checkpoint of a module, ours or another one. The last is its own."""
    return module.task.keys if isinstance(module, TextModule) else [tasks.BLEU.key]


def _check_monitor(monitor: str, module: LightningModule) -> None:
    if monitor == tasks.LOSS.key or not isinstance(module, TextModule):
        return
    if not getattr(module, "decode_sentences", 1):
        raise ConfigError(
            f"selection.monitor: {monitor} needs decoded sentences, and model.decode_sentences is 0; choose"
            " val_loss"
        )
    if monitor not in module.task.keys:
        raise ConfigError(
            f"selection.monitor: {monitor} is no score of the task {module.task.name}, which has"
            f" {', '.join(module.task.keys)} and val_loss; choose one of these, or another model.task"
        )


def _fit(
    cli: FitCLI,
    selection: SelectionConfig,
    run: RunFolder,
    model: Model | ClassifierModel | None,
    resume: Path | None,
) -> None:
    checkpoints = Checkpoints(run, selection)
    report = Report(run, checkpoints)
    trainer: Trainer = cli.trainer
    callbacks.refuse(trainer, cli.model, trainer.callbacks)  # type: ignore[attr-defined]
    comparison = Comparison(lambda: run.path)
    own: list[Callback] = [run, checkpoints, report, comparison]
    trainer.callbacks = [*own, *trainer.callbacks]  # type: ignore[attr-defined]
    _check_monitor(selection.monitor, cli.model)
    if getattr(cli.datamodule, "compares", False) and not cli.model.decode_sentences:
        raise ConfigError(
            "data.compare: scores decoded sentences, and model.decode_sentences is 0; raise it"
        )
    validates = getattr(cli.datamodule, "validates", True)
    validates = validates and trainer.limit_val_batches != 0
    if not validates and selection.patience is not None:
        raise ConfigError(
            "selection.patience: no validation, so nothing to wait for; give --data.validation, or leave"
            " selection.patience and trainer.limit_val_batches out"
        )
    if not validates:
        say("no validation: nothing chooses a best checkpoint, best.ckpt will be the last one")
    if model is not None:
        refuse_other_network(model.config, cli.model.config)
        cli.datamodule.tokenizers = model.tokenizers
    try:
        with run.locking(trainer):
            trainer.fit(
                cli.model,
                datamodule=cli.datamodule,
                ckpt_path=None if resume is None else str(resume),
                weights_only=True,
            )
            checkpoints.finish(trainer, cli.model, cli.datamodule)
            comparison.finish(trainer, cli.model, run.path / folder.BEST)
            report.finish(trainer)
    except Exception as error:
        reason = _reason(error, run)
        if reason is None:
            raise
        raise ConfigError(reason) from error
    finally:
        _end_other_processes(trainer)


def _reason(error: Exception, run: RunFolder) -> str | None:
    """What to say of an error that a user can mend, None of any other."""
    text = str(error)
    if isinstance(error, SeqtextError):
        return None
    if isinstance(error, MisconfigurationException):
        return text
    if isinstance(error, OSError) and not isinstance(error, BrokenPipeError):
        return _unwritable(run, error)
    if isinstance(error, RuntimeError) and "Early stopping conditioned on metric" in text:
        return f"trainer.callbacks: {text}"
    if isinstance(error, ValueError) and "val_check_interval" in text:
        return f"trainer.{text.strip().strip('`')}"
    return None


def _unwritable(run: RunFolder, error: OSError) -> str:
    """What to say where a file of the run, or of a logger, cannot be written."""
    where = f"{error.filename}: " if error.filename else ""
    told = f"{where}{error.strerror or error}"
    if (path := run.known) is None:
        return told
    if not (path / folder.LAST).is_file():
        again = folder.start_again(path)
        return f"run: {path}: {told}; nothing to resume from is saved yet. Mend that, then {again}"
    return (
        f"run: {path}: {told}; what was saved before is whole, go on from it with --resume {path}"
    )


def _end_other_processes(trainer: Trainer) -> None:
    """Processes that this one has started would wait for it forever after an error."""
    launcher = trainer.strategy.launcher
    if isinstance(sys.exception(), Exception) and isinstance(launcher, _SubprocessScriptLauncher):
        launcher.kill(getattr(signal, "SIGKILL", signal.SIGTERM))
