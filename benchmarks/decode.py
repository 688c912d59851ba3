"""Time the decoding of a run: start-up, throughput, single sentences, memory, share of the bound.

    python -m benchmarks decode RUN SOURCES [--references FILE] [--threads 2] [--sentences 1000] [--pieces 15]

SOURCES holds a sentence a line. The script decodes in fp32, and in bf16 and int8 where the processor has
them, each with beam 5 and greedy. With ``--pieces`` each output has exactly so many, so that models of
unlike length are compared by equal work. It prints:

- Output pieces (eos counted) and sentences a second, in batches of 64.
- Milliseconds for one sentence alone: median and 95th percentile.
- BLEU where references are given.
- Start-up: seconds of the whole command on one sentence. Memory: of the whole command on all sentences.
- The share of the bound, for floats. The bound is the time of the matrix products alone, at the best rate
  of this machine. It counts as many hypotheses as the search had alive.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import seqtext
from benchmarks.bound import Work, flops, rates
from benchmarks.common import (
    Command,
    Cost,
    Row,
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
from seqtext.nn.precision import Precision, has_bfloat16, has_integers

_ALONE = 100  # sentences that are timed one by one
_STARTS = 3


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
    """Decode all sentences after a first batch, which warms the caches: seconds, figures and texts."""
    generator.generate(sources[:64], **search)
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
        "hypotheses_per_piece": round(counted.rows / count, 2),
        "seconds": round(seconds, 2),
    }
    if gflops is not None:
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
        generator.generate([source])
        milliseconds.append(1000 * (time.perf_counter() - start))
    quantiles = statistics.quantiles(milliseconds, n=20)
    return {"p50_ms": round(statistics.median(milliseconds), 1), "p95_ms": round(quantiles[-1], 1)}


def command(run: str, sources: list[str], precision: Precision) -> Cost:
    """The whole ``seqtext generate``."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in", Path(folder) / "out"
        write(source, sources)
        call: Command = [sys.executable, "-m", "seqtext", "generate", run]
        call += ["--precision", precision, "--input", source, "--output", target]
        return watch(call, Path(folder))


def of_command(run: str, sources: list[str], precision: Precision) -> Row:
    """Start-up and memory."""
    starts = [command(run, sources[:1], precision).seconds for _ in range(_STARTS)]
    memory = command(run, sources, precision).peak_mib
    return {"startup_seconds": round(statistics.median(starts), 2), "peak_mib": memory}


def main(arguments: Sequence[str]) -> None:
    parser = parser_of(__doc__)
    parser.add_argument("run")
    parser.add_argument("sources", type=Path)
    parser.add_argument("--references", type=Path)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--sentences", type=int, default=1000)
    parser.add_argument("--pieces", type=int, help="of each output (default: as the model ends it)")
    parser.add_argument("--rounds", type=int, default=3, help="the median is reported")
    options = parser.parse_args(arguments)
    use_threads(options.threads)
    torch.set_flush_denormal(True)
    gflops = rates()
    sources = read(options.sources)[: options.sentences]
    references = read(options.references)[: len(sources)] if options.references else None
    length = (
        {}
        if options.pieces is None
        else dict.fromkeys(("min_length", "max_length"), options.pieces)
    )
    there = {"fp32": True, "bf16": has_bfloat16(), "int8": has_integers()}
    precisions: list[Any] = [name for name, computes in there.items() if computes]
    rows = []
    for precision in precisions:
        generator = seqtext.load_generator(options.run, precision=precision)
        once = of_command(options.run, sources, precision) | alone(generator, sources[:_ALONE])
        for beam_size in (5, 1):
            turns = [
                throughput(
                    generator, sources, gflops.get(precision), {"beam_size": beam_size, **length}
                )
                for _ in range(options.rounds)
            ]
            turns.sort(key=lambda turn: turn[0])
            _, figures, hypotheses = turns[len(turns) // 2]
            figures |= once if beam_size == 5 else {}
            if references is not None:
                figures["bleu"] = score_translations(hypotheses, references).bleu
            name = f"beam {beam_size}, {precision}" if beam_size > 1 else f"greedy, {precision}"
            network = vars(generator.networks[0].config)
            report("decoding", name, **figures, precision=precision, network=network)
            rows.append({"name": name, **figures})
    table(rows)
