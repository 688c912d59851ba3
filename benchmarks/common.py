"""What the scripts here share: how a measurement is reported, and a recipe's parts outside a Trainer."""

from __future__ import annotations

import datetime
import json
import os
import platform
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any

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
        "threads": os.environ.get("OMP_NUM_THREADS", "default"),
        "load": round(os.getloadavg()[0], 2),
    }
    print(json.dumps(row), flush=True)


def fit_command(recipe: str, data: Path, options: list[str]) -> list[str]:
    """``seqtext fit`` with a translation recipe on local files ``data/train.*``, ``data/val.*``."""
    command = [sys.executable, str(TRANSLATION / "train.py"), "fit"]
    command += ["--config", str(TRANSLATION / recipe)]
    command += ["--data.train", str(data / "train"), "--data.validation", str(data / "val")]
    return [*command, *options]


def parts(recipe: str, data: Path, options: list[str]) -> tuple[EncoderDecoderModule, PairsDataModule]:
    """The same command's module, its network built, and data module, without a Trainer's loop."""
    from seqtext.cli.options import own_options, parse

    _, arguments = own_options(fit_command(recipe, data, options)[3:], PRESET)
    cli = parse(arguments, PRESET)
    cli.instantiate()
    module, datamodule = cli.model, cli.datamodule
    datamodule.prepare_data()
    datamodule.setup("fit")
    module.build(datamodule.tokenizers)
    return module, datamodule


PRESET: dict[str, Any] = {
    "model": {"class_path": "seqtext.EncoderDecoderModule"},
    "data": {
        "class_path": "seqtext.PairsDataModule",
        "init_args": {"source": "en", "target": "de"},
    },
}
