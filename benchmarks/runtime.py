"""Compare seqtext with its runtime on an exported model: start-up, single sentences, batches, memory.

    python -m benchmarks runtime CKPT SOURCES --references FILE

CKPT is exported in fp32 and int8. Then seqtext and the runtime decode with beam 5 in both precisions. They
take turns, so that all meet the same state of the machine. The script prints the table of docs/deploying.md.

It counts the lines that are equal to those of seqtext in fp32. It computes BLEU where references are given.
It times the whole command on one sentence, and single sentences in this process. It also times ``--batch``
sentences with exactly ``--pieces`` pieces each, which is equal work for all. Memory is the most that the
whole command has resident on all sentences.

Times are CPU times, and for commands wall times too. Each is the median of ``--rounds`` turns.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple, get_args

import seqtext_runtime
import torch

import seqtext
from benchmarks.common import (
    Command,
    Cost,
    Row,
    parser_of,
    read,
    report,
    use_threads,
    watch,
    write,
)
from seqtext.export.folder import Precision
from seqtext.metrics import score_translations

_BEAM = 5
_ALONE = 100  # sentences that are timed one by one
_RUNTIME = "from seqtext_runtime.cli import entry; entry()"
_SHOWN = {  # rows of the table: a text with figures
    "lines equal to fp32, beam 5": "{equal:,}",
    "BLEU, beam 5": "{bleu:.2f}",
    "one sentence, beam 5, median": "{p50_ms:.1f} ms",
    "one sentence, beam 5, 95th percentile": "{p95_ms:.1f} ms",
    "{batch} sentences, exactly {pieces} pieces each": "{batch_seconds:.2f} s",
    "start-up and one sentence, CPU": "{startup_cpu_seconds:.2f} s",
    "start-up and one sentence, wall": "{startup_seconds:.2f} s",
    "most memory, {sentences:,} sentences": "{peak_mib} MiB",
}

Decode = Callable[..., list[list[Any]]]  # of texts and options of a search


class Program(NamedTuple):
    """A program in a precision: the whole command, and its call in this process."""

    name: str
    command: Command
    decode: Decode
    flushes: bool  # denormal numbers to 0, as its command does


def programs(options: argparse.Namespace, folder: Path) -> list[Program]:
    """Those to compare. The first is the reference."""
    made = list[Program]()
    for precision in get_args(Precision):
        generator = seqtext.load_generator(options.checkpoint, precision=precision)
        call: Command = [sys.executable, "-m", "seqtext", "generate", options.checkpoint]
        call += ["--precision", precision]
        made.append(Program(f"seqtext {precision}", call, generator.generate, flushes=True))
    for precision in get_args(Precision):
        place = folder / precision
        export: Command = [sys.executable, "-m", "seqtext", "export", options.checkpoint, place]
        watch([*export, "--precision", precision], folder)
        model = seqtext_runtime.load(place, torch.get_num_threads())
        assert isinstance(model, seqtext_runtime.Generator)
        call = [sys.executable, "-c", _RUNTIME, place, "--threads", str(torch.get_num_threads())]
        made.append(Program(f"runtime {precision}", call, model.generate, flushes=False))
    return made


def seconds_of(program: Program, sources: list[str], **search: Any) -> float:
    """CPU seconds of a call."""
    torch.set_flush_denormal(program.flushes)
    start = time.process_time()
    program.decode(sources, beam_size=_BEAM, **search)
    return time.process_time() - start


def run(program: Program, sources: list[str], folder: Path) -> tuple[Cost, list[str]]:
    """The whole command: its cost and its outputs."""
    source, target = folder / "in", folder / "out"
    write(source, sources)
    call = [*program.command, "--beam_size", str(_BEAM), "--input", source, "--output", target]
    return watch(call, folder), read(target)


class Turns:
    """What each program took, turn by turn."""

    def __init__(self, compared: Sequence[Program]) -> None:
        self.starts: dict[str, list[Cost]] = {program.name: [] for program in compared}
        self.batches: dict[str, list[float]] = {program.name: [] for program in compared}
        self.alone: dict[str, list[float]] = {program.name: [] for program in compared}

    def figures(self, name: str) -> Row:
        """Medians of a program."""
        starts, alone = self.starts[name], self.alone[name]
        return {
            "p50_ms": round(statistics.median(alone), 1),
            "p95_ms": round(statistics.quantiles(alone, n=20)[-1], 1),
            "batch_seconds": round(statistics.median(self.batches[name]), 3),
            "startup_cpu_seconds": round(statistics.median(cost.cpu_seconds for cost in starts), 2),
            "startup_seconds": round(statistics.median(cost.seconds for cost in starts), 2),
        }


def take_turns(
    compared: Sequence[Program], sources: list[str], options: argparse.Namespace, folder: Path
) -> Turns:
    """Time all programs, each ``options.rounds`` times."""
    turns, batch = Turns(compared), sources[: options.batch]
    limits = {"min_length": options.pieces, "max_length": options.pieces}
    for program in compared:
        seconds_of(program, batch, **limits)  # warms the caches
    for _ in range(options.rounds):
        for program in compared:
            turns.starts[program.name].append(run(program, sources[:1], folder)[0])
            turns.batches[program.name].append(seconds_of(program, batch, **limits))
    for source in sources[:_ALONE]:
        rounds = [
            [1_000 * seconds_of(program, [source]) for program in compared]
            for _ in range(options.rounds)
        ]
        for program, milliseconds in zip(compared, zip(*rounds, strict=True), strict=True):
            turns.alone[program.name].append(statistics.median(milliseconds))
    return turns


def measure(options: argparse.Namespace, sources: list[str], folder: Path) -> dict[str, Row]:
    """The figures of each program, by its name."""
    compared = programs(options, folder)
    turns = take_turns(compared, sources, options, folder)
    figures, expected = dict[str, Row](), list[str]()
    for program in compared:
        cost, outputs = run(program, sources, folder)
        expected = expected or outputs
        own = turns.figures(program.name) | {
            "equal": sum(map(str.__eq__, expected, outputs)),
            "peak_mib": cost.peak_mib,
            "sentences": len(sources),
            "batch": min(options.batch, len(sources)),
            "pieces": options.pieces,
        }
        if options.references:
            references = read(options.references)[: len(sources)]
            own["bleu"] = round(score_translations(outputs, references).bleu, 2)
        report("runtime", program.name, **own, onnxruntime=metadata.version("onnxruntime"))
        figures[program.name] = own
    return figures


def main(arguments: Sequence[str]) -> None:
    parser = parser_of(__doc__)
    parser.add_argument("checkpoint", metavar="CKPT")
    parser.add_argument("sources", metavar="SOURCES", type=Path)
    parser.add_argument("--references", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--sentences", type=int, help="of SOURCES (default: all)")
    parser.add_argument("--batch", type=int, default=320, help="sentences with the same work")
    parser.add_argument("--pieces", type=int, default=15, help="of each of them")
    parser.add_argument("--rounds", type=int, default=5, help="the median is reported")
    options = parser.parse_args(arguments)
    use_threads(options.threads)
    sources = read(options.sources)[: options.sentences]
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(options, sources, Path(folder))
    first, *_ = figures.values()
    print(f"\n| | {' | '.join(figures)} |\n| ---{' | ---' * len(figures)} |")
    for name, shown in _SHOWN.items():
        if options.references or "bleu" not in shown:
            values = [shown.format(**own) for own in figures.values()]
            print(f"| {name.format(**first)} | {' | '.join(values)} |")
