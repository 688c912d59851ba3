"""From the options of a run to its end. Loads Lightning."""

from __future__ import annotations

import dataclasses
import math
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import EarlyStopping
from lightning.pytorch.utilities import rank_zero_only

from seqtext import checkpoint, tasks
from seqtext.checkpoint import ClassifierModel, Model
from seqtext.cli.fit_options import flatten
from seqtext.cli.old_names import rename_config, renames_of
from seqtext.cli.options import FitCLI, classes_of, parse, with_config
from seqtext.cli.parser_messages import explained
from seqtext.cli.trainer_options import settle
from seqtext.cli.trust import Trust
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
from seqtext.training.run.folder_callback import Destination, RunFolder
from seqtext.training.run.loggers import Loggers
from seqtext.training.run.report import Report


@dataclass(frozen=True)
class Request:
    """A run to train.

    Args:
        arguments: The command line, each configuration as its text. Its options override the saved ones of
            a run that resumes in its folder.
        preset: Defaults of options.
        trusted: Classes that configurations may name.
        destination: Where the run is kept.
        resume: The checkpoint to resume from. None starts a new run.
        named: What ``--resume`` says, for messages.
        lines: What to say of the options, once they are checked.
        tokenizers_of: A checkpoint whose tokenizers the run takes. None takes those of ``resume``, or
            builds new ones.
    """

    arguments: list[str]
    preset: dict[str, object]
    trusted: Trust
    destination: Destination
    resume: Path | None = None
    named: str | None = None
    lines: Sequence[str] = ()
    tokenizers_of: Path | None = None


def train_run(request: Request) -> Path:
    """Train a new run or a resumed one to its end.

    Returns:
        Its folder.

    Raises:
        ConfigError: A wrong option, a used folder, or a resume that would change the network.
        CheckpointError: A checkpoint cannot be read.
    """
    cli, saved = _parse(request)
    if saved is None and request.destination.fold is None:
        check_unused(request)
    model, resume = None, request.resume
    if resume is not None:
        with request.trusted.enforced():
            model = resuming.model_in(resume)
    if saved is not None and resume is not None:
        resuming.tell_changes(resume.parent, saved, flatten(cli.config.as_dict()))
    text = settled_text(cli)
    if resume is not None:
        _drop_beginnings(cli, resume)
    explained(cli.instantiate)
    if request.tokenizers_of is not None:
        with request.trusted.enforced():
            cli.datamodule.tokenizers = checkpoint.load_any(request.tokenizers_of).tokenizers
    selection = cli.config_init.selection
    if selection.monitor == "task":
        selection = dataclasses.replace(selection, monitor=_scores(cli.model)[-1])
    for line in request.lines:
        say(line)
    _check_scores(cli, selection)
    resumed = saved is not None
    run_folder = RunFolder(request.destination, text, selection.monitor, resumed=resumed)
    loggers = Loggers(run_folder, cli.trainer.named_loggers, text)
    _fit(cli, selection, run_folder, loggers, model, resume)
    return run_folder.path


def check_unused(request: Request) -> None:
    """Check that the folder of a new run is free. ``--resume auto`` clears that of a run without checkpoint.

    Raises:
        ConfigError: It holds something.
    """
    run = request.destination.path
    if run is None or rank_zero_only.rank != 0:  # type: ignore[attr-defined]
        return
    if request.named == "auto":
        folder.clear_stillborn(run)
    folder.check_unused(run)


def settled_text(cli: FitCLI) -> str:
    """Complete the parsed options, and write them as a configuration."""
    settle(cli.config.trainer)
    text: str = explained(lambda: cli.parser.dump(cli.config))
    return text


def read_saved(run: Path, request: Request) -> str:
    """Read the saved options of a run, as a ``--config=`` word.

    Raises:
        ConfigError: They cannot be read, or name a class that is not trusted.
    """
    config = run / folder.CONFIG
    name = f"--resume {request.named}: {config}"
    saved = with_config(config, name, request.trusted)
    return rename_config(saved, renames_of(classes_of([saved], request.preset)), name)


def parse_over(saved: str, request: Request) -> tuple[FitCLI, dict[str, object]]:
    """Parse options of a request over saved ones. The precision ``auto`` is the one that was chosen.

    Returns:
        The parsed options, and the saved ones by dotted name.
    """
    before = flatten(parse([saved], request.preset, request.trusted).config.as_dict())
    cli = parse([saved, *request.arguments], request.preset, request.trusted)
    if cli.config.trainer.precision == "auto":
        cli.config.trainer.precision = before["trainer.precision"]
    return cli, before


def _parse(request: Request) -> tuple[FitCLI, dict[str, object] | None]:
    """Parse the options of a run, which override the saved ones of a run that resumes in its folder.

    Returns:
        The parsed options, and the saved ones by dotted name.

    Raises:
        ConfigError: A wrong option. Or the folder of ``resume`` has no configuration, and the options given
            are not enough.
    """
    arguments, preset, trusted = request.arguments, request.preset, request.trusted
    if request.resume is None:
        return parse(arguments, preset, trusted), None
    config = request.resume.parent / folder.CONFIG
    if config.exists():
        saved = read_saved(request.resume.parent, request)
        return parse_over(saved, request)
    try:
        return parse(arguments, preset, trusted), None
    except ConfigError as error:
        raise ConfigError(
            f"--resume {request.named}: {config} is missing. Put it back, or give all options of the run"
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
        again = folder.start_again(run.whole)
        return (
            f"run: {path}: {reason}; nothing to resume from is saved yet. Mend that, then {again}"
        )
    return f"run: {path}: {reason}; the last checkpoint is whole, resume from it with --resume {run.whole}"


def _end_other_processes(trainer: Trainer) -> None:
    """After an error, end the processes that this one has started. They would wait for it forever."""
    launcher = trainer.strategy.launcher
    if isinstance(sys.exception(), Exception) and launcher is not None:
        launcher.kill(getattr(signal, "SIGKILL", signal.SIGTERM))
