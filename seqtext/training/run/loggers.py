"""Loggers of a run: those named in one word, and what every logger is given."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, get_args

import yaml
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import (
    CSVLogger,
    Logger,
    MLFlowLogger,
    TensorBoardLogger,
    WandbLogger,
)
from lightning.pytorch.loggers.logger import DummyLogger

from seqtext.errors import ConfigError
from seqtext.training.module import TextModule
from seqtext.training.run import folder
from seqtext.training.run.folder_callback import RunFolder

LoggerName = Literal["csv", "mlflow", "tensorboard", "wandb"]
LOGGER_NAMES: tuple[LoggerName, ...] = get_args(LoggerName)
Sample = tuple[str, str, str]  # source, reference, hypothesis
_PROJECT = "seqtext"
# read at once: mlflow sets it in its process, and a second run would log into the first one's folder
_MLFLOW_SERVER = os.environ.get("MLFLOW_TRACKING_URI")


def check_installed(names: Sequence[LoggerName]) -> None:
    """Check that the packages of loggers are installed.

    Raises:
        ConfigError: A package is missing.
    """
    for name in names:
        if name != "csv" and importlib.util.find_spec(name) is None:
            raise ConfigError(
                f"trainer.logger: {name} needs the package {name}, which is not installed. Run"
                f" pip install {name}"
            )


class Loggers(Callback):
    """Opens the named loggers inside the run's folder, and writes to all loggers of the trainer.

    Lightning itself logs the validation scores. This class adds the configuration, other numbers of a row
    of ``metrics.csv``, and samples.

    Args:
        run: Where the loggers keep their files.
        names: Of the loggers to open.
        config: Text of ``config.yaml``.
    """

    def __init__(self, run: RunFolder, names: Sequence[LoggerName], config: str) -> None:
        self._run, self._names, self._config = run, names, config
        self._opened = False

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Open the loggers. Every logger then gets the configuration."""
        if self._opened:  # the average of checkpoints is validated with a setup of its own
            return
        self._opened = True
        if isinstance(pl_module, TextModule):
            pl_module.train_loss_to_loggers = False
        # the other ranks need loggers that do nothing: each MLFlowLogger would create the database
        opened = [
            _open(name, self._run.path) if trainer.is_global_zero else DummyLogger()
            for name in self._names
        ]
        trainer.loggers = [*trainer.loggers, *opened]
        for logger in trainer.loggers:
            logger.log_hyperparams(yaml.safe_load(self._config))

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Have Lightning log the scores at the step of the console's line. It would count an update less."""
        if trainer.loggers and not trainer.sanity_checking:
            pl_module.log("step", float(trainer.global_step))

    def write(
        self, trainer: Trainer, numbers: Mapping[str, float], samples: Sequence[Sample]
    ) -> None:
        """Log numbers and decoded sentences at the current step."""
        for logger in trainer.loggers:
            logger.log_metrics(dict(numbers), step=trainer.global_step)
            if samples:
                _log_samples(logger, samples, trainer.global_step)
            logger.save()

    def close(self, trainer: Trainer, best: Mapping[str, float]) -> None:
        """End the logs. Later validations are of averaged weights, which belong to no update.

        Args:
            trainer: Its loggers are taken away.
            best: The best score by name. TensorBoard shows hyper-parameters beside it.
        """
        for logger in trainer.loggers if trainer.is_global_zero else ():
            if isinstance(logger, TensorBoardLogger) and best:
                logger.log_hyperparams(yaml.safe_load(self._config), dict(best))
                logger.finalize("success")
            if isinstance(logger, WandbLogger):  # the next run of this process would join it
                logger.experiment.finish()
        trainer.loggers = []


def _open(name: LoggerName, run: Path) -> Logger:
    """A logger whose files lie in the folder of a run, unless its own environment variables say else."""
    logs = run / folder.LOGS
    title = "-".join(run.resolve().parts[-2:])  # as translation-001
    if name == "csv":  # a folder version_N for each time that the run resumes
        return CSVLogger(logs, name="csv")
    if name == "tensorboard":
        return TensorBoardLogger(logs, name=name, version="", default_hp_metric=False)
    if name == "wandb":
        project = os.environ.get("WANDB_PROJECT", _PROJECT)
        return WandbLogger(title, save_dir=logs, project=project)
    # a database, since MLflow 3 refuses a folder of plain files
    (logs / name).mkdir(parents=True, exist_ok=True)
    store = (logs / name).resolve()
    return MLFlowLogger(
        os.environ.get("MLFLOW_EXPERIMENT_NAME", _PROJECT),
        run_name=title,
        tracking_uri=_MLFLOW_SERVER or f"sqlite:///{store.as_posix()}/mlflow.db",
        artifact_location=None if _MLFLOW_SERVER else (store / "artifacts").as_uri(),
    )


def _log_samples(logger: Logger, samples: Sequence[Sample], step: int) -> None:
    """Log decoded sentences, where a logger takes text."""
    if isinstance(logger, WandbLogger):
        columns = ["source", "reference", "hypothesis"]
        logger.log_text("samples", columns, [list(sample) for sample in samples], step=step)
    elif isinstance(logger, TensorBoardLogger):
        logger.experiment.add_text("samples", list_samples(samples, "  \n"), step)
    elif isinstance(logger, MLFlowLogger):
        logger.experiment.log_text(logger.run_id, list_samples(samples), f"samples/{step}.md")


def list_samples(samples: Sequence[Sample], line_break: str = "\n") -> str:
    """Decoded sentences as a list in Markdown. Two spaces before a line break keep it in a rendered page."""
    return "\n".join(
        line_break.join(
            [f"- source: {source}", f"  reference: {reference}", f"  hypothesis: {hypothesis}"]
        )
        for source, reference, hypothesis in samples
    )
