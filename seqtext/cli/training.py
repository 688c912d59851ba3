"""From the command line's options to a finished run. Loads Lightning."""

from __future__ import annotations

import dataclasses
import signal
import sys
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import EarlyStopping
from lightning.pytorch.utilities import rank_zero_only

from seqtext import checkpoint
from seqtext.checkpoint import ClassifierModel, Model
from seqtext.cli.internals import raised_by
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
from seqtext.training.pretrained import refuse_other_network
from seqtext.training.run import callbacks, folder
from seqtext.training.run import resume as resuming
from seqtext.training.run.checkpoints import Checkpoints, SelectionConfig
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
        task = checkpoint.CLASSIFICATION if labels else "translation"
    root = Path("runs") / task
    resume = resuming.find(options.resume, options.run, root)
    # the configuration of the resumed run
    saved = resume.parent / folder.CONFIG if resume is not None else None
    saved = saved if saved is not None and saved.exists() else None
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
        with options.trusted.enforced():
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


def _scores(module: Any, default: str = "val_bleu") -> list[Any]:
    """What a module, ours or another one, has to choose the best checkpoint by."""
    return getattr(module, "scores", [default])


def _check_monitor(monitor: str, module: Any) -> None:
    if monitor == "val_loss":
        return
    if not getattr(module, "decode_sentences", 1):
        raise ConfigError(
            f"selection.monitor: {monitor} needs decoded sentences, and model.decode_sentences is 0; choose"
            " val_loss"
        )
    scores = _scores(module, monitor)
    if monitor not in scores:
        raise ConfigError(
            f"selection.monitor: {monitor} is no score of the task {module.task}, which has"
            f" {', '.join(scores)} and val_loss; choose one of these, or another model.task"
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
        reason = _reason(error, trainer, run, resume)
        if reason is None:
            raise
        raise ConfigError(reason) from error
    finally:
        _end_other_processes(trainer)


def _reason(error: Exception, trainer: Trainer, run: RunFolder, resume: Path | None) -> str | None:
    """What to say of an error that a user can mend, None of any other."""
    text = str(error)
    if isinstance(error, SeqtextError):
        return None
    if isinstance(error, MisconfigurationException):
        return text
    if isinstance(error, OSError) and not isinstance(error, BrokenPipeError):
        return _unwritable(run, error)
    if isinstance(error, RuntimeError) and raised_by(error, EarlyStopping.__module__):
        return f"trainer.callbacks: {text}"
    if isinstance(error, ValueError) and "parameter group" in text:
        return (
            f"--resume {resume}: model.freeze or model.optimizer.part_rates are not those that the"
            " checkpoint was written with; give the same ones, or start a new run from it with"
            " --model.init_from"
        )
    interval, batches = trainer.val_check_interval, trainer.num_training_batches
    if isinstance(error, ValueError) and isinstance(interval, int) and interval > batches:
        return (
            f"trainer.val_check_interval: {interval}, expected at most {batches}, the batches of an epoch."
            " To count batches over all epochs, set trainer.check_val_every_n_epoch to null"
        )
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
    if isinstance(sys.exception(), Exception) and launcher is not None:
        launcher.kill(getattr(signal, "SIGKILL", signal.SIGTERM))
