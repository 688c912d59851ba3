"""From the command line's options to a finished run. Loads Lightning."""

from __future__ import annotations

import argparse
import dataclasses
import math
import signal
import sys
from pathlib import Path

import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import EarlyStopping
from lightning.pytorch.utilities import rank_zero_only

from seqtext import tasks
from seqtext.checkpoint import ClassifierModel, Model
from seqtext.cli.corpus_rule import Followed, follow_corpus, options_given
from seqtext.cli.fit_options import LABELS, flatten
from seqtext.cli.old_names import rename_config, rename_preset, renames_of
from seqtext.cli.options import (
    FitCLI,
    classes_of,
    own_options,
    parse,
    with_config,
)
from seqtext.cli.parser_messages import explained
from seqtext.cli.recipe_files import Recipe
from seqtext.cli.trainer_options import settle
from seqtext.console import say
from seqtext.errors import ConfigError, SeqtextError
from seqtext.internals import callbacks_of, raised_by
from seqtext.training.comparison import Comparison
from seqtext.training.config import SelectionConfig
from seqtext.training.module import TextModule
from seqtext.training.pretrained import refuse_other_network
from seqtext.training.run import callbacks, folder
from seqtext.training.run import resume as resuming
from seqtext.training.run.checkpoints import Checkpoints
from seqtext.training.run.folder_callback import RunFolder
from seqtext.training.run.loggers import Loggers
from seqtext.training.run.report import Report


def train(arguments: list[str], task: str | None, preset: dict[str, object]) -> None:
    """Parse ``arguments``, then train a new run or a resumed one to its end.

    Without ``task``, the folder of runs is that of the recipes for the model's class.

    Raises:
        ConfigError: A wrong option, a used folder, or a resume that would change the network.
        CheckpointError: The checkpoint to resume from cannot be read.
    """
    torch.set_flush_denormal(True)  # denormal numbers make oneDNN's LSTM many times slower
    preset = rename_preset(preset)
    options, arguments = own_options(arguments, preset)
    if options.recipe is not None:
        task = _task_of(options.recipe, task)
    classes = classes_of(arguments, preset)
    followed = Followed(task, {}, classes)
    if options.resume in (None, "auto"):
        followed = follow_corpus(options_given(arguments, preset), classes, task)
        task = followed.task
        if followed.options or followed.classes != classes:
            arguments = [f"--config={followed.config}", *arguments]
    if task is None:
        task = (
            tasks.CLASSIFICATION if classes["model"] == LABELS["model"] else tasks.TRANSLATION
        ).name
    root = Path("runs") / task
    resume = resuming.find(options.resume, options.run, root)
    cli, saved = _parse(arguments, preset, options, resume)
    in_place = saved is not None
    run = resume.parent if in_place and resume is not None else options.run
    if not in_place and run is not None and rank_zero_only.rank == 0:  # type: ignore[attr-defined]
        if options.resume == "auto":
            folder.clear_stillborn(run)
        folder.check_unused(run)
    model = None
    if resume is not None:
        with options.trusted.enforced():
            model = resuming.model_in(resume)
    if saved is not None:
        resuming.tell_changes(run, saved, flatten(cli.config.as_dict()))
    settle(cli.config.trainer)
    text = explained(lambda: cli.parser.dump(cli.config))
    if resume is not None:
        _drop_beginnings(cli, resume)
    explained(cli.instantiate)
    selection = cli.config_init.selection
    if selection.monitor == "task":
        selection = dataclasses.replace(selection, monitor=_scores(cli.model)[-1])
    for line in () if in_place else followed.lines:
        say(line)
    _check_scores(cli, selection)
    run_folder = RunFolder(run, root, text, selection.monitor, resumed=in_place)
    loggers = Loggers(run_folder, cli.trainer.named_loggers, text)
    _fit(cli, selection, run_folder, loggers, model, resume)


def _task_of(recipe: Recipe, task: str | None) -> str:
    """The task of a recipe.

    Raises:
        ConfigError: The script that was started has the defaults of another task.
    """
    if task not in (None, recipe.task):
        raise ConfigError(
            f"--recipe {recipe.name}: is of the task {recipe.task}, and this script presets options of"
            f" {task}; use seqtext fit, or recipes/{recipe.task}/train.py"
        )
    return recipe.task


def _parse(
    arguments: list[str],
    preset: dict[str, object],
    options: argparse.Namespace,
    resume: Path | None,
) -> tuple[FitCLI, dict[str, object] | None]:
    """Parse the options of a run, which override the saved ones of a run that resumes in its folder.

    Returns:
        The parsed options, and the saved ones by dotted name.

    Raises:
        ConfigError: A wrong option. Or the folder of ``resume`` has no configuration, and the options given
            are not enough.
    """
    if resume is None:
        return parse(arguments, preset, options.trusted), None
    config = resume.parent / folder.CONFIG
    if config.exists():
        name = f"--resume {options.resume}: {config}"
        saved = with_config(config, name, options.trusted)
        saved = rename_config(saved, renames_of(classes_of([saved], preset)), name)
        cli = parse([saved, *arguments], preset, options.trusted)
        return cli, flatten(parse([saved], preset, options.trusted).config.as_dict())
    try:
        return parse(arguments, preset, options.trusted), None
    except ConfigError as error:
        raise ConfigError(
            f"--resume {options.resume}: {config} is missing. Put it back, or give all options of the run"
            f" again and another folder with --run ({error})"
        ) from error


def _drop_beginnings(cli: FitCLI, resume: Path) -> None:
    """Resume without the other model or the word vectors that a run began with, which may be gone."""
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


def _check_scores(cli: FitCLI, selection: SelectionConfig) -> None:
    """Refuse scores that the training would not measure.

    Raises:
        ConfigError: Of ``selection.monitor``, ``selection.patience`` or ``data.compare``.
    """
    module, monitor = cli.model, selection.monitor
    decodes = getattr(module, "decode_sentences", 1)
    by_loss = monitor == tasks.LOSS.key or not isinstance(module, TextModule)
    if not by_loss and not decodes:
        raise ConfigError(
            f"selection.monitor: {monitor} needs decoded sentences, and model.decode_sentences is 0; choose"
            " val_loss"
        )
    if not by_loss and monitor not in module.task.keys:
        raise ConfigError(
            f"selection.monitor: {monitor} is no score of the task {module.task.name}, which has"
            f" {', '.join(module.task.keys)} and val_loss; choose one of these, or another model.task"
        )
    if getattr(cli.datamodule, "compares", False) and not decodes:
        raise ConfigError(
            "data.compare: scores decoded sentences, and model.decode_sentences is 0; raise it"
        )
    if getattr(cli.datamodule, "validates", True) and cli.trainer.limit_val_batches != 0:
        return
    if selection.patience is not None:
        raise ConfigError(
            "selection.patience: no validation, so nothing to wait for; give --data.validation, or leave"
            " selection.patience and trainer.limit_val_batches out"
        )
    say("no validation: nothing chooses a best checkpoint, best.ckpt will be the last one")


def _fit(
    cli: FitCLI,
    selection: SelectionConfig,
    run: RunFolder,
    loggers: Loggers,
    model: Model | ClassifierModel | None,
    resume: Path | None,
) -> None:
    checkpoints = Checkpoints(run, selection)
    report = Report(run, checkpoints, loggers)
    trainer: Trainer = cli.trainer
    logs = bool(trainer.loggers or cli.trainer.named_loggers)
    callbacks.refuse(cli.model, callbacks_of(trainer), logs=logs)
    comparison = Comparison(lambda: run.path)
    callbacks_of(trainer)[:0] = [run, loggers, checkpoints, report, comparison]
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
            loggers.close(trainer, checkpoints.best_score)
            checkpoints.finish(trainer, cli.model, cli.datamodule)
            comparison.finish(trainer, cli.model, run.path / folder.BEST)
            report.finish(trainer)
    except SeqtextError:
        raise
    except Exception as error:
        if reason := _explain(error, trainer, run):
            raise ConfigError(reason) from error
        raise
    finally:
        _end_other_processes(trainer)


def _explain(error: Exception, trainer: Trainer, run: RunFolder) -> str | None:
    """The message for an error that a user can mend, None for any other."""
    if isinstance(error, MisconfigurationException):
        return str(error)
    if isinstance(error, OSError) and not isinstance(error, BrokenPipeError):
        return _explain_unwritable(run, error)
    # Lightning counts the batches of an epoch, and refuses an interval of more, in one step.
    interval, batches = trainer.val_check_batch, trainer.fit_loop.max_batches
    validates = trainer.limit_val_batches and trainer.check_val_every_n_epoch is not None
    if isinstance(error, ValueError) and validates and batches < (interval or 0) < math.inf:
        return (
            f"trainer.val_check_interval: {interval} batches, but an epoch has {batches}; give at most"
            f" {batches}, or set trainer.check_val_every_n_epoch to null"
        )
    # Which metrics exist is known after the first epoch, because callbacks can log some of their own.
    if isinstance(error, RuntimeError) and raised_by(error, EarlyStopping.__module__):
        return f"trainer.callbacks: {error}"
    return None


def _explain_unwritable(run: RunFolder, error: OSError) -> str:
    """The message where a file of the run, or of a logger, cannot be written."""
    where = f"{error.filename}: " if error.filename else ""
    reason = f"{where}{error.strerror or error}"
    if (path := run.known) is None:
        return reason
    if not (path / folder.LAST).is_file():
        again = folder.start_again(path)
        return (
            f"run: {path}: {reason}; nothing to resume from is saved yet. Mend that, then {again}"
        )
    return (
        f"run: {path}: {reason}; the last checkpoint is whole, resume from it with --resume {path}"
    )


def _end_other_processes(trainer: Trainer) -> None:
    """After an error, end the processes that this one has started. They would wait for it forever."""
    launcher = trainer.strategy.launcher
    if isinstance(sys.exception(), Exception) and launcher is not None:
        launcher.kill(getattr(signal, "SIGKILL", signal.SIGTERM))
