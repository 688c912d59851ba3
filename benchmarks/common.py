"""What the benchmarks share: their options, running commands, reports, and a recipe outside the Trainer."""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import os
import platform
import runpy
import shlex
import shutil
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import psutil
import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from seqtext.cli import main
from seqtext.cli.options import FitCLI, own_options, parse
from seqtext.cli.trainer_options import settle
from seqtext.data.batch import Batch
from seqtext.data.pairs import PairsDataModule
from seqtext.training.encoder_decoder import EncoderDecoderModule
from seqtext.training.run.folder import LAST, RESULT

REPOSITORY = Path(__file__).resolve().parent.parent
RECIPES = REPOSITORY / "recipes"
TRANSLATION = RECIPES / "translation"
PRESET: dict[str, Any] = runpy.run_path(str(TRANSLATION / "train.py"))["PRESET"]
PACKAGES = ("torch", "lightning", "sentencepiece", "datasets", "torchmetrics", "sacrebleu")
PROGRAM = f"python benchmarks/{Path(sys.argv[0]).name}"

Command = list[str | Path]


# --- options --------------------------------------------------------------------------------------------


def parser_of(description: str | None, *folders: str) -> argparse.ArgumentParser:
    """A parser whose help is the docstring of a script, with folders as its first arguments."""
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for folder in folders:
        parser.add_argument(folder, type=Path)
    return parser


def split_arguments() -> tuple[list[str], list[str]]:
    """The command line before and behind ``--``: options of the script, and of ``seqtext fit``."""
    arguments = sys.argv[1:]
    end = arguments.index("--") if "--" in arguments else len(arguments)
    return arguments[:end], arguments[end + 1 :]


# --- commands -------------------------------------------------------------------------------------------


class FailedError(Exception):
    """A command did not succeed."""


class Cost(NamedTuple):
    """What a command took."""

    seconds: float
    peak_mib: float  # resident, of all its processes together
    anonymous_mib: float  # without files behind them, shared memory counted once


def read(path: Path) -> list[str]:
    """The lines of a file, which nothing but a newline ends."""
    text = path.read_text(encoding="utf-8").removesuffix("\n")
    return text.split("\n") if text else []


def write(path: Path, texts: Iterable[str]) -> None:
    """The inverse of ``read``."""
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")


def read_log(folder: Path) -> str:
    """All that a command said."""
    return "\n".join(read(folder / "stdout") + read(folder / "stderr"))


def watch(
    command: Command,
    folder: Path,
    environment: Mapping[str, str] = MappingProxyType({}),
    source: Path | None = None,
) -> Cost:
    """Run a command with ``source`` as its stdin. Its output goes to ``stdout`` and ``stderr``.

    Raises:
        FailedError: It ended with an error.
    """
    peak, start = (0, 0), time.perf_counter()
    with (
        open(source or os.devnull, "rb") as stdin,
        open(folder / "stdout", "wb") as stdout,
        open(folder / "stderr", "wb") as stderr,
    ):
        streams = {"stdin": stdin, "stdout": stdout, "stderr": stderr}
        process = psutil.Popen(
            [str(part) for part in command], env={**os.environ, **environment}, **streams
        )
        while process.poll() is None:
            now = resident(process)
            peak = (max(peak[0], now[0]), max(peak[1], now[1]))
            with contextlib.suppress(psutil.TimeoutExpired):
                process.wait(timeout=0.2)
    seconds = time.perf_counter() - start
    if process.returncode:
        last = "\n".join(read_log(folder).split("\n")[-15:])
        raise FailedError(f"{last}\n{' '.join(map(str, command))} ended with {process.returncode}")
    return Cost(seconds, *(round(bytes_ / 2**20) for bytes_ in peak))


def resident(process: psutil.Process) -> tuple[int, int]:
    """Resident and anonymous bytes of a process and its children."""
    total = anonymous = 0
    with contextlib.suppress(psutil.Error):
        for one in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                total += one.memory_info().rss
                anonymous += _anonymous(one.pid)
    return total, anonymous


def _anonymous(process: int) -> int:
    """Bytes of a process without a file behind them, with its part of shared ones. Linux only."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss_Anon:"):
                return 1024 * int(line.split()[1])
    return 0


def timed(command: list[str], **options: Any) -> tuple[float, str]:
    """Run a command that must succeed. Return its seconds and its stdout."""
    start = time.perf_counter()
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, **options)
    if result.returncode:
        sys.exit(f"{result.stdout}\n{' '.join(command)} ended with {result.returncode}")
    return time.perf_counter() - start, result.stdout


def in_turns(calls: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median seconds of each call, of so many rounds after two that do not count."""
    found: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(rounds + 2):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            if number >= 2:
                found[name].append(time.perf_counter() - start)
    return {name: statistics.median(seconds) for name, seconds in found.items()}


# --- reports --------------------------------------------------------------------------------------------


def report(task: str, what: str, **figures: Any) -> None:
    """Print a measurement as a JSON object, with all that it depends on. See tables.py for the format.

    Args:
        task: What was done, as "training" or the name of a recipe.
        what: The configuration: a toolkit, a variant, a seed.
        figures: The numbers. Their names contain the unit.
    """
    row = {
        "task": task,
        "what": what,
        **figures,
        "command": f"{PROGRAM} {shlex.join(sys.argv[1:])}".rstrip(),
        "date": datetime.date.today().isoformat(),
        "processor": processor(),
        "python": platform.python_version(),
        "versions": {name: metadata.version(name) for name in PACKAGES},
        "processors": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load": round(os.getloadavg()[0], 2),
    }
    if torch.cuda.is_available():
        row["device"] = torch.cuda.get_device_name()
        row["cudnn"] = torch.backends.cudnn.version()
    print(json.dumps(row, ensure_ascii=False), flush=True)


def processor() -> str:
    """Name of the processor."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


def use_threads(count: int) -> None:
    """Have this process and those that it starts use so many threads."""
    torch.set_num_threads(count)
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(count)


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table in Markdown. The first column is text, the others are numbers."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    print("\n" + "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines), flush=True)


def words_a_piece(texts: Sequence[str], encoded: Sequence[Sequence[object]]) -> float:
    """Words, split at spaces, for each piece. eos counts as a piece."""
    pieces = sum(len(one) + 1 for one in encoded)
    return sum(len(text.split()) for text in texts) / pieces


def scored(
    runs: Path | Sequence[Path], corpus: Path, beam_size: int | None
) -> tuple[float, dict[str, Any]]:
    """``seqtext test`` of a run, or of several as one: seconds of the whole command, and the scores."""
    test = [sys.executable, "-m", "seqtext", "test"]
    test += map(str, [runs] if isinstance(runs, Path) else runs)
    test += ["--device", "cuda"] if torch.cuda.is_available() else []
    test += [] if beam_size is None else ["--beam_size", str(beam_size)]
    seconds, output = timed([*test, "--data.test", str(corpus)])
    return seconds, json.loads(output.splitlines()[-1])


# --- a recipe's parts -----------------------------------------------------------------------------------


def fit_command(recipe: str, data: Path, options: list[str]) -> list[str]:
    """``seqtext fit`` with a translation recipe on local files ``data/train.*``, ``data/val.*``."""
    command = [sys.executable, str(TRANSLATION / "train.py"), "fit"]
    command += ["--config", str(TRANSLATION / recipe)]
    command += ["--data.train", str(data / "train"), "--data.validation", str(data / "val")]
    return [*command, *options]


def seed_options(seed: int) -> list[str]:
    """Options of ``seqtext fit`` for one seed of everything."""
    return [f"--model.seed={seed}", f"--data.seed={seed}"]


def minutes_of(run: Path) -> float:
    """Minutes that a training took."""
    return float(json.loads((run / RESULT).read_text())["minutes"])


def train_run(recipe: str, data: Path, run: Path, options: list[str]) -> None:
    """``train_into`` with a translation recipe. See ``fit_command``."""
    train_into(fit_command(recipe, data, []), run, options)


def train_into(command: list[str], run: Path, options: list[str]) -> None:
    """Train into ``run`` unless that is done. Resume an unfinished training."""
    if (run / RESULT).exists():
        return
    if (run / LAST).exists():
        # with the options: the recipe's would otherwise win over those that the run began with
        options = ["--resume", str(run), *options]
    else:
        shutil.rmtree(run, ignore_errors=True)
        options = ["--run", str(run), *options]
    subprocess.run([*command, *options], check=True)


def fit(recipe: str, data: Path, options: list[str]) -> None:
    """The same command, run within this process."""
    if status := main(fit_command(recipe, data, options)[2:], preset=PRESET):
        sys.exit(status)


def pieces(batch: Batch) -> int:
    """Target pieces, eos counted."""
    return int((batch.labels >= 0).sum())


class UpdateLog(Callback):
    """A line a batch: time.perf_counter() at its end, its target pieces with eos, its sentences.

    For the command line: ``--trainer.callbacks+=common.UpdateLog --trainer.callbacks.path=FILE``.

    Args:
        path: Of the file.
    """

    def __init__(self, path: str) -> None:
        self._file = Path(path).open("w", buffering=1, encoding="utf-8")  # noqa: SIM115

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """The time from which the first batch counts."""
        print(time.perf_counter(), 0, 0, file=self._file)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """One line."""
        print(time.perf_counter(), pieces(batch), len(batch.labels), file=self._file)


def configured(recipe: str, data: Path, options: list[str]) -> FitCLI:
    """Options and objects of the same command. No data is read yet."""
    own, arguments = own_options(fit_command(recipe, data, options)[3:], PRESET)
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # Lightning's, about arguments that are not the script's own
        cli = parse(arguments, PRESET, own.trusted)
    settle(cli.config.trainer)
    cli.instantiate()
    return cli


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
