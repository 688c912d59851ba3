"""Time the decoding of a run: start-up, throughput, single sentences, memory, share of the bound.

    python -m benchmarks decode RUN SOURCES --references FILE --threads 1 2 --pieces 15
    python -m benchmarks decode RUN SOURCES --threads 2 --devices 1 2 --precisions fp32 int8

SOURCES holds a sentence a line. The script decodes in fp32, and in bf16 and int8 where the processor has
them, each with beam 5 and greedy. A trained model ends its outputs. With ``--pieces`` it decodes once more,
and each output has exactly so many. So models whose outputs differ in length do equal work. It prints:

- Output pieces (eos counted) and sentences a second, in batches of 64.
- Milliseconds for one sentence alone, beam 5: median and 95th percentile.
- BLEU where references are given.
- Start-up: seconds of the whole command on one sentence, and CPU seconds beside those of ``import torch``.
  Memory: of the whole command on all sentences.
- The share of the bound, for floats. The bound is the time of the matrix products alone, at the best rate
  of this machine. It counts as many hypotheses as the search had alive.

Each number of ``--threads`` has rows of its own, and so has each number of ``--devices``, the processes that
share these threads. Only one process says how many hypotheses it had, and its share of the bound.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

import seqtext
from benchmarks.bound import Work, flops, rates
from benchmarks.common import (
    Command,
    Cost,
    Row,
    decoding_precisions,
    parser_of,
    read,
    report,
    table,
    use_threads,
    watch,
    write,
)
from seqtext.inference.generator import Generator
from seqtext.inference.hypothesis import texts
from seqtext.metrics import score_translations
from seqtext.nn.encoder_decoder import EncoderDecoder
from seqtext.nn.precision import Precision

_ALONE = 100  # sentences that are timed one by one
_STARTS = 5
# Python keeps its compiled files, as it does by default
_COMPILED = {"PYTHONDONTWRITEBYTECODE": ""}


class Setting(NamedTuple):
    """How a model is loaded."""

    precision: Precision
    devices: int


class Counting:
    """Counts the hypotheses that a network's ``step`` reads."""

    def __init__(self, network: EncoderDecoder) -> None:
        self.rows = 0
        self._network, self._step = network, network.step

    def __enter__(self) -> Counting:
        self._network.step = self._count_and_step  # type: ignore[method-assign]
        return self

    def __exit__(self, *error: object) -> None:
        del self._network.step

    def _count_and_step(self, ids: Tensor, state: Any) -> Any:
        self.rows += ids.numel()
        return self._step(ids, state)


def pieces(hypotheses: list[list[seqtext.Hypothesis]]) -> int:
    """Pieces of the best hypotheses, eos counted."""
    return sum(len(best[0].pieces) + 1 for best in hypotheses)


def throughput(
    generator: Generator, sources: list[str], gflops: float | None, search: dict[str, Any]
) -> tuple[float, Row, list[str]]:
    """Decode all sentences after some batches, which warm the caches: seconds, figures and texts."""
    generator.generate(sources[:128], **search)  # two batches, so that a second process has one
    with Counting(generator.networks[0]) as counted:
        start = time.perf_counter()
        hypotheses = generator.generate(sources, **search)
        seconds = time.perf_counter() - start
    count = pieces(hypotheses)
    figures: Row = {
        **search,
        "pieces_per_second": round(count / seconds),
        "sentences_per_second": round(len(sources) / seconds, 1),
        "pieces": count,
        "seconds": round(seconds, 2),
    }
    if generator.deal is None:
        figures["hypotheses_per_piece"] = round(counted.rows / count, 2)
    if generator.deal is None and gflops is not None:
        least = bound(generator, sources, counted.rows, gflops)
        figures |= {"bound_seconds": round(least, 2), "share_of_bound": round(least / seconds, 2)}
    return seconds, figures, texts(hypotheses)


def bound(generator: Generator, sources: list[str], rows: int, gflops: float) -> float:
    """Seconds that the matrix products of one encoding and of ``rows`` steps take at the best rate."""
    network = generator.networks[0]
    lengths = [len(ids) + 1 for ids in generator.tokenizers.source.encode(sources)]
    work = Work(len(sources), sum(lengths), rows, round(rows * statistics.mean(lengths)))
    vocabulary = network.decoder.output.vocab_size
    return sum(flops(network.config, vocabulary, work).values()) / (gflops * 1e9)


def alone(generator: Generator, sources: list[str]) -> Row:
    """Milliseconds for one sentence, beam 5."""
    milliseconds = []
    for source in sources:
        start = time.perf_counter()
        generator.generate([source], beam_size=5)
        milliseconds.append(1000 * (time.perf_counter() - start))
    quantiles = statistics.quantiles(milliseconds, n=20)
    return {"p50_ms": round(statistics.median(milliseconds), 1), "p95_ms": round(quantiles[-1], 1)}


def command(options: argparse.Namespace, sources: list[str], setting: Setting) -> Cost:
    """The whole ``seqtext generate``."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in", Path(folder) / "out"
        write(source, sources)
        call: Command = [sys.executable, "-m", "seqtext", "generate", options.run]
        call += ["--precision", setting.precision, "--devices", str(setting.devices)]
        call += ["--input", source, "--output", target]
        return watch(call, Path(folder), _COMPILED)


def import_torch() -> Cost:
    """What PyTorch alone costs."""
    with tempfile.TemporaryDirectory() as folder:
        return watch([sys.executable, "-c", "import torch"], Path(folder), _COMPILED)


def of_command(options: argparse.Namespace, sources: list[str], setting: Setting) -> Row:
    """Start-up and memory."""
    cost = command(options, sources, setting)
    turns = [(command(options, sources[:1], setting), import_torch()) for _ in range(_STARTS)]
    ratios = [start.cpu_seconds / torch_alone.cpu_seconds for start, torch_alone in turns]
    return {
        "startup_seconds": round(statistics.median(start.seconds for start, _ in turns), 2),
        "startup_to_import_torch": round(statistics.median(ratios), 2),
        "peak_mib": cost.peak_mib,
        "anonymous_mib": cost.anonymous_mib,
    }


def measure(
    options: argparse.Namespace, sources: list[str], setting: Setting, gflops: float | None
) -> list[Row]:
    """A row for each search."""
    generator = seqtext.load_generator(
        options.run, precision=setting.precision, devices=setting.devices
    )
    once = of_command(options, sources, setting) | alone(generator, sources[:_ALONE])
    references = read(options.references)[: len(sources)] if options.references else None
    rows = []
    for pieces_each in (None, options.pieces) if options.pieces else (None,):
        limits = dict.fromkeys(("min_length", "max_length"), pieces_each) if pieces_each else {}
        for beam_size in (5, 1):
            search = {"beam_size": beam_size, **limits}
            turns = [throughput(generator, sources, gflops, search) for _ in range(options.rounds)]
            turns.sort(key=lambda turn: turn[0])
            _, figures, hypotheses = turns[len(turns) // 2]
            if not limits:
                figures |= once if beam_size == 5 else {}
                if references is not None:
                    figures["bleu"] = score_translations(hypotheses, references).bleu
            name = f"beam {beam_size}" if beam_size > 1 else "greedy"
            name += f", {pieces_each} pieces each" if pieces_each else ""
            name = f"{name}, {setting.precision}, {setting.devices} process(es)"
            network = vars(generator.networks[0].config)
            report("decoding", name, **figures, **setting._asdict(), network=network)
            rows.append({"name": name, "threads": torch.get_num_threads(), **figures})
    generator.close()
    return rows


def main(arguments: Sequence[str]) -> None:
    parser = parser_of(__doc__)
    parser.add_argument("run")
    parser.add_argument("sources", type=Path)
    parser.add_argument("--references", type=Path)
    parser.add_argument("--threads", type=int, nargs="+", default=[torch.get_num_threads()])
    parser.add_argument("--devices", type=int, nargs="+", default=[1], help="processes")
    precisions = decoding_precisions()
    parser.add_argument("--precisions", nargs="+", choices=precisions, default=precisions)
    parser.add_argument("--sentences", type=int, default=1000)
    parser.add_argument("--pieces", type=int, help="of each output, in a second measurement")
    parser.add_argument("--rounds", type=int, default=3, help="the median is reported")
    options = parser.parse_args(arguments)
    torch.set_flush_denormal(True)
    sources = read(options.sources)[: options.sentences]
    rows = []
    for threads in options.threads:
        use_threads(threads)
        gflops = rates()
        for devices, precision in product(options.devices, options.precisions):
            setting = Setting(precision, devices)
            rows += measure(options, sources, setting, gflops.get(precision))
    table(rows)
