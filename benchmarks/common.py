"""What the scripts here share: how a measurement is reported, and a recipe's parts outside a Trainer."""

from __future__ import annotations

import datetime
import json
import os
import platform
import subprocess
import sys
import time
import warnings
from collections.abc import Iterable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from seqtext.cli import main
from seqtext.cli.options import FitCLI, own_options, parse, settle
from seqtext.data.pairs import PairsDataModule
from seqtext.models.encoder_decoder import EncoderDecoderModule

REPOSITORY = Path(__file__).resolve().parent.parent
TRANSLATION = REPOSITORY / "recipes/translation"
PACKAGES = ("torch", "lightning", "sentencepiece", "datasets", "torchmetrics", "sacrebleu")


def timed(command: list[str], **options: Any) -> tuple[float, str]:
    """Run a command that must succeed; seconds, and what it printed on stdout."""
    start = time.perf_counter()
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, **options)
    if result.returncode:
        sys.exit(f"{result.stdout}\n{' '.join(command)} ended with {result.returncode}")
    return time.perf_counter() - start, result.stdout


def report(what: str, **figures: Any) -> None:
    """Print a measurement, one JSON object, with all that it depends on."""
    row = {
        "what": what,
        **figures,
        "date": datetime.date.today().isoformat(),
        "python": platform.python_version(),
        "versions": {name: metadata.version(name) for name in PACKAGES},
        "processors": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load": round(os.getloadavg()[0], 2),
    }
    print(json.dumps(row), flush=True)


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table in Markdown; the first column is text, the others are numbers."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    print("\n" + "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines), flush=True)


def fit_command(recipe: str, data: Path, options: list[str]) -> list[str]:
    """``seqtext fit`` with a translation recipe on local files ``data/train.*``, ``data/val.*``."""
    command = [sys.executable, str(TRANSLATION / "train.py"), "fit"]
    command += ["--config", str(TRANSLATION / recipe)]
    command += ["--data.train", str(data / "train"), "--data.validation", str(data / "val")]
    return [*command, *options]


def fit(recipe: str, data: Path, options: list[str]) -> None:
    """The same command, run within this process."""
    if status := main(fit_command(recipe, data, options)[2:], preset=PRESET):
        sys.exit(status)


class Clock(Callback):
    """Writes, as JSON, the time.perf_counter() at which each training batch was done.

    For the command line: ``--trainer.callbacks+=common.Clock --trainer.callbacks.path=FILE``.

    Args:
        path: The file.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._stamps: list[float] = []

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Take the time."""
        self._stamps.append(time.perf_counter())

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write it all."""
        self._path.write_text(json.dumps(self._stamps))


def configured(recipe: str, data: Path, options: list[str]) -> FitCLI:
    """The same command's options, and its objects; nothing is read yet."""
    _, arguments = own_options(fit_command(recipe, data, options)[3:], PRESET)
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # Lightning's, about arguments that are not the script's own
        cli = parse(arguments, PRESET)
    settle(cli.config.trainer)
    cli.instantiate()
    return cli


def parts(
    recipe: str, data: Path, options: list[str]
) -> tuple[EncoderDecoderModule, PairsDataModule]:
    """The same command's module, its network built, and data module, without a Trainer's loop."""
    return built(configured(recipe, data, options))


def built(cli: FitCLI) -> tuple[EncoderDecoderModule, PairsDataModule]:
    """Module, its network built, and data module, its corpora read."""
    module, datamodule = cli.model, cli.datamodule
    assert isinstance(module, EncoderDecoderModule)
    assert isinstance(datamodule, PairsDataModule)
    datamodule.prepare_data()
    datamodule.setup("fit")
    assert datamodule.tokenizers is not None
    module.build(datamodule.tokenizers)
    return module, datamodule


PRESET: dict[str, Any] = {
    "model": {"class_path": "seqtext.EncoderDecoderModule"},
    "data": {
        "class_path": "seqtext.PairsDataModule",
        "init_args": {"source": "en", "target": "de"},
    },
}
