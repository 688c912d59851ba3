"""What the benchmarks share: options, commands and their costs, trained runs, and the result line."""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import os
import platform
import resource
import shlex
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, get_args

import psutil
import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from seqtext.data.batch import Batch
from seqtext.nn.precision import Precision, has_bfloat16, has_integers
from seqtext.training.run.folder import LAST, RESULT

REPOSITORY = Path(__file__).resolve().parent.parent
PACKAGES = ("torch", "lightning", "sentencepiece", "datasets", "torchmetrics", "sacrebleu")

Command = list[str | Path]
Row = dict[str, object]  # figures by name


# --- options --------------------------------------------------------------------------------------------


def parser_of(description: str | None) -> argparse.ArgumentParser:
    """A parser whose help is the docstring of a command."""
    return argparse.ArgumentParser(
        prog=f"python -m benchmarks {sys.argv[1]}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def split_arguments(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """The arguments before and behind ``--``: options of the command, and of ``seqtext fit``."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    return [*arguments[:end]], [*arguments[end + 1 :]]


def use_threads(count: int) -> None:
    """Have this process and those that it starts use so many threads."""
    torch.set_num_threads(count)
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(count)


def decoding_precisions() -> list[Precision]:
    """The precisions that this processor decodes in."""
    able = {"fp32": True, "bf16": has_bfloat16(), "int8": has_integers()}
    return [precision for precision in get_args(Precision) if able[precision]]


# --- commands -------------------------------------------------------------------------------------------


class FailedError(Exception):
    """A command did not succeed."""


class Cost(NamedTuple):
    """What a command took."""

    seconds: float
    cpu_seconds: float  # of all its processes, on all cores
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
    peak, start, before = (0, 0), time.perf_counter(), _children_seconds()
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
            now = _resident(process)
            peak = (max(peak[0], now[0]), max(peak[1], now[1]))
            with contextlib.suppress(psutil.TimeoutExpired):
                process.wait(timeout=0.2)
    seconds = time.perf_counter() - start
    if process.returncode:
        last = "\n".join(read_log(folder).split("\n")[-15:])
        raise FailedError(f"{last}\n{' '.join(map(str, command))} ended with {process.returncode}")
    cpu_seconds = _children_seconds() - before
    return Cost(seconds, cpu_seconds, *(round(size / 2**20) for size in peak))


def _children_seconds() -> float:
    """CPU seconds of all processes that this one has started and that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _resident(process: psutil.Process) -> tuple[int, int]:
    """Resident and anonymous bytes of a process and its children."""
    total = anonymous = 0
    with contextlib.suppress(psutil.Error):
        for member in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                total += member.memory_info().rss
                anonymous += _anonymous(member.pid)
    return total, anonymous


def _anonymous(process: int) -> int:
    """Bytes of a process without a file behind them, with its part of shared ones. Linux only."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss_Anon:"):
                return 1024 * int(line.split()[1])
    return 0


# --- trained runs ---------------------------------------------------------------------------------------


def fit_command(recipe: str) -> Command:
    """``seqtext fit`` with TASK/FILE.yaml of recipes/, in a process of its own."""
    path = REPOSITORY / "recipes" / recipe
    return [sys.executable, path.parent / "train.py", "fit", "--config", path]


def train_into(run: Path, recipe: str, options: Sequence[str]) -> float:
    """Train into ``run`` unless that is done. Resume an unfinished training. Return its minutes."""
    if not (run / RESULT).exists():
        unfinished = (run / LAST).exists()
        if not unfinished:
            shutil.rmtree(run, ignore_errors=True)
        # Resume with the options: otherwise the recipe's would win over those that the run began with.
        command = [*fit_command(recipe), "--resume" if unfinished else "--run", run, *options]
        subprocess.run(command, check=True)
    return float(json.loads((run / RESULT).read_text())["minutes"])


def score_runs(runs: Sequence[Path], options: Sequence[str]) -> dict[str, float | str]:
    """What ``seqtext test`` prints of a run, or of several as an ensemble."""
    command: Command = [
        sys.executable,
        "-m",
        "seqtext",
        "test",
        "--precision=fp32",
        *runs,
        *options,
    ]
    output = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    scores: dict[str, float | str] = json.loads(output.splitlines()[-1])
    return scores


def pieces(batch: Batch) -> int:
    """Target pieces, eos counted."""
    return int((batch.labels >= 0).sum())


class UpdateLog(Callback):
    """A line a batch: time.perf_counter() at its end, its target pieces with eos, its sentences.

    For the command line: see ``log_options``.

    Args:
        path: Of the file.
    """

    def __init__(self, path: str) -> None:
        self._file = Path(path).open("w", buffering=1, encoding="utf-8")  # noqa: SIM115

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """The time from which the first batch counts."""
        print(time.perf_counter(), 0, 0, file=self._file)

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: object,
        batch: Batch,
        batch_idx: int,
    ) -> None:
        """One line."""
        print(time.perf_counter(), pieces(batch), len(batch.labels), file=self._file)


def log_options(path: Path) -> list[str]:
    """Options of ``seqtext fit`` that add an ``UpdateLog``."""
    return [
        "--trainer.callbacks+=benchmarks.common.UpdateLog",
        f"--trainer.callbacks.path={path}",
    ]


def read_updates(path: Path) -> tuple[list[float], list[int], list[int]]:
    """Ends, pieces and sentences of the updates that an ``UpdateLog`` wrote. The first is the start."""
    ends, counts, sentences = zip(*(line.split() for line in read(path)), strict=True)
    return list(map(float, ends)), list(map(int, counts)), list(map(int, sentences))


# --- reports --------------------------------------------------------------------------------------------


def report(task: str, what: str, **figures: object) -> None:
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
        "command": f"python -m benchmarks {shlex.join(sys.argv[1:])}",
        "date": datetime.date.today().isoformat(),
        "processor": _processor(),
        "python": platform.python_version(),
        "versions": {name: metadata.version(name) for name in PACKAGES},
        "processors": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load": round(os.getloadavg()[0], 2),
    }
    if torch.cuda.is_available():
        row["device"] = torch.cuda.get_device_name()
        row["cudnn"] = torch.backends.cudnn.version()  # type: ignore[no-untyped-call]
    print(json.dumps(row, ensure_ascii=False), flush=True)


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


def medians(rows: Sequence[Mapping[str, object]]) -> dict[str, float]:
    """The median of every number."""
    numbers: dict[str, list[float]] = {}
    for row in rows:
        for name, value in row.items():
            if isinstance(value, int | float):
                numbers.setdefault(name, []).append(value)
    return {name: round(statistics.median(values), 4) for name, values in numbers.items()}


def table(rows: Sequence[Mapping[str, object]]) -> None:
    """Print the names and the numbers of rows in Markdown. The first column is the name."""
    numbers = [name for row in rows for name in row if isinstance(row[name], int | float)]
    names = ["name", *dict.fromkeys(numbers)]
    lines = [names, ["---", *["---:"] * (len(names) - 1)]]
    lines += [[str(row.get(name, "")) for name in names] for row in rows]
    print("\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines), flush=True)


def words_a_piece(texts: Sequence[str], encoded: Sequence[Sequence[object]]) -> float:
    """Words, split at spaces, for each piece. eos counts as a piece."""
    words = sum(len(text.split()) for text in texts)
    return round(words / sum(len(sentence) + 1 for sentence in encoded), 4)
