"""Measure the matrix products of this machine, and the bound on training that follows.

    python benchmarks/machine.py [--threads 2] [--repeats 20]

The script prints one JSON object a product, then tables: rates, the work of a training step by part,
and the bound in target pieces a second. It does so for the Multi30k recipe and for the model that
compares toolkits.

The bound is the time of the matrix products alone, without padding. Each product runs at the best rate
that any product reached here. Softmax, dropout, loss and optimizer do not count.

Other scripts use ``rates`` and ``flops``. ``check`` compares ``flops`` with the counter of torch.
"""

from __future__ import annotations

import itertools
import statistics
import sys
import time
import warnings
from collections import defaultdict
from collections.abc import Callable
from typing import Any, NamedTuple, get_args
from unittest.mock import patch

import torch
import yaml
from common import TRANSLATION, parser_of, report, table
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from seqtext.nn import internals
from seqtext.nn.cells.registry import CELLS
from seqtext.nn.config import AttentionKind, NetworkConfig
from seqtext.nn.embedding import padded_size
from seqtext.nn.encoder_decoder import EncoderDecoder
from seqtext.nn.precision import has_bfloat16

# --- rates of matrix products ---------------------------------------------------------------------------

# (rows, inner, outputs): recurrence of 512 over 1,024 pieces, its later layer, one step of 64 rows, and
# output layers of the recipe and of larger ones, with and without the padding of the vocabulary
SHAPES = (
    (1024, 512, 2048),
    (1024, 1024, 2048),
    (64, 512, 2048),
    (1024, 256, 8000),
    (1024, 512, 8001),
    (1024, 512, 8064),
)
_WARM = 3  # calls


class Kind(NamedTuple):
    """One way to multiply matrices."""

    name: str
    precision: str  # fp32, bf16 or int8
    missing: Callable[[], str]  # why this processor or build of torch cannot, or ""
    prepare: Callable[[Tensor, Tensor], Callable[[], Tensor]]  # (M, K), (N, K) -> what is timed


class Rate(NamedTuple):
    """GFLOP/s of one kind and shape."""

    kind: Kind
    shape: tuple[int, int, int]
    median: float
    best: float


def _no_onednn() -> str:
    there = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return "" if there else "torch is built without oneDNN"


def _no_bfloat16() -> str:
    return "" if has_bfloat16() else "the processor has no bfloat16"


def _no_int8() -> str:
    return "" if torch.cpu._is_vnni_supported() else "the processor has no VNNI"


def _blas(inputs: Tensor, weight: Tensor) -> Callable[[], Tensor]:
    return lambda: torch.mm(inputs, weight.T)


def _onednn(inputs: Tensor, weight: Tensor) -> Callable[[], Tensor]:
    linear = torch.ops.mkldnn._linear_pointwise
    return lambda: linear(inputs, weight, None, "none", [], "")


def _bfloat16(inputs: Tensor, weight: Tensor) -> Callable[[], Tensor]:
    return _blas(inputs.bfloat16(), weight.bfloat16())


def _int8(inputs: Tensor, weight: Tensor) -> Callable[[], Tensor]:
    inputs, weight = (matrix.mul(30).clamp(-127, 127).char() for matrix in (inputs, weight))
    return lambda: torch._int_mm(inputs, weight.T)


BLAS = "MKL" if torch.backends.mkl.is_available() else "BLAS"  # type: ignore[no-untyped-call]
KINDS = (
    Kind(f"fp32, {BLAS}", "fp32", lambda: "", _blas),
    Kind("fp32, oneDNN", "fp32", _no_onednn, _onednn),
    Kind("bf16", "bf16", _no_bfloat16, _bfloat16),
    Kind("int8", "int8", _no_int8, _int8),
)


def rate(kind: Kind, shape: tuple[int, int, int], repeats: int) -> Rate:
    """Time one product."""
    rows, inner, outputs = shape
    call = kind.prepare(torch.randn(rows, inner), torch.randn(outputs, inner))
    seconds = []
    for _ in range(_WARM + repeats):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    gflop, seconds = 2e-9 * rows * inner * outputs, seconds[_WARM:]
    return Rate(kind, shape, gflop / statistics.median(seconds), gflop / min(seconds))


def measure(repeats: int) -> list[Rate]:
    """Measure all kinds and shapes. Missing kinds are reported and left out."""
    there = []
    for kind in KINDS:
        if reason := kind.missing():
            print(f"machine.py: no {kind.name}: {reason}", file=sys.stderr)
        else:
            there.append(kind)
    with torch.no_grad():
        return [rate(kind, shape, repeats) for kind in there for shape in SHAPES]


def best(measured: list[Rate]) -> dict[str, float]:
    """Best GFLOP/s of each precision."""
    found: dict[str, float] = {}
    for one in measured:
        found[one.kind.precision] = max(found.get(one.kind.precision, 0.0), one.best)
    return found


def rates(repeats: int = 10) -> dict[str, float]:
    """Best GFLOP/s of ``fp32``, ``bf16`` and ``int8`` on this machine, with torch's number of threads."""
    return best(measure(repeats))


# --- the work of a network ------------------------------------------------------------------------------


class Work(NamedTuple):
    """What a network reads and writes, eos counted."""

    pairs: int
    source_pieces: int
    target_pieces: int
    products: int  # sum over pairs of source pieces times target pieces


def flops(config: NetworkConfig, target_vocab: int, work: Work) -> dict[str, float]:
    """Operations of the matrix products of one forward pass, by part. Training needs three times as many.

    A multiplication and an addition are two operations. The size of the source's vocabulary plays no part:
    embeddings are looked up.

    Args:
        config: Sizes and kinds of a recurrent network without copying. A tied output layer costs what an
            untied one does.
        target_vocab: V.
        work: How much is translated.
    """
    size, embedded = config.hidden_size, config.embedding_size
    width = config.readout_size or embedded
    source, target = work.source_pieces, work.target_pieces
    cell = config.cell_class()
    gates = cell.gates
    own = size if cell.recurrent_weights else 0  # what is read of the state
    queried = 2 * size  # first layer and context, for a context is as wide as a query
    later = config.decoder_layers - 1
    macs = {
        "encoder": source * _recurrent(config, gates),
        "bridge and keys": work.pairs
        * (size * config.encoder_layers)
        * (size * cell.state_parts * config.decoder_layers)
        + source * size * size * {"dot": 0, "multi_head": 2}.get(config.attention, 1),
        "first decoder layer": target
        * gates
        * size
        * (embedded + own + (width if config.input_feeding else 0)),
        "attention": work.products * queried
        + target * size * size * {"additive": 1, "multi_head": 2}.get(config.attention, 0),
        "upper decoder layers": target
        * gates
        * size
        * ((queried + own) * (later > 0) + (size + own) * max(later - 1, 0)),
        "readout": target * width * (queried + size * (later > 0)),
        "output layer": target * width * target_vocab,
    }
    return {part: 2.0 * count for part, count in macs.items()}


def _recurrent(config: NetworkConfig, gates: int) -> int:
    """Multiply-adds of the encoder's recurrence for one piece."""
    directions = 2 if config.bidirectional else 1
    width = config.hidden_size // directions
    own = width if config.cell_class().recurrent_weights else 0
    inputs = [config.embedding_size] + [config.hidden_size] * (config.encoder_layers - 1)
    return sum(directions * gates * width * (size + own) for size in inputs)


def training_seconds(forward: dict[str, float], gflops: float) -> float:
    """The bound: seconds of forward and backward pass at ``gflops``."""
    return 3 * sum(forward.values()) / (gflops * 1e9)


def check() -> None:
    """Compare ``flops`` with the counter of torch for small networks. Exit on a difference."""
    for cell, attention in itertools.product(CELLS, get_args(AttentionKind)):
        for layers, one_way in ((1, True), (2, False), (3, False)):
            for feeding in (False, True):
                config = NetworkConfig(
                    cell=cell,
                    attention=attention,
                    embedding_size=8,
                    hidden_size=12,
                    encoder_layers=layers,
                    decoder_layers=layers,
                    bidirectional=not one_way,
                    input_feeding=feeding,
                    readout_size=10 if feeding else None,
                    tied_readout=not feeding,
                )
                _compare(config)


def _compare(config: NetworkConfig) -> None:
    pairs, source, target, vocabulary = 3, 5, 7, 60
    network = EncoderDecoder(config, vocabulary, vocabulary)
    counter = FlopCounterMode(
        display=False,
        custom_mapping={torch.ops.aten.mv: lambda matrix, *_, **__: 2 * matrix.numel()},
    )
    with warnings.catch_warnings(), counter, patch.object(internals, "linear_pointwise", None):
        warnings.simplefilter("ignore")
        with torch.backends.mkldnn.flags(enabled=False):  # whose products torch does not count
            lengths = torch.full((pairs,), source)
            network(
                torch.zeros(pairs, source, dtype=torch.int64),
                lengths,
                torch.zeros(pairs, target, dtype=torch.int64),
            )
    work = Work(pairs, pairs * source, pairs * target, pairs * source * target)
    ours = sum(flops(config, padded_size(vocabulary), work).values())
    if ours != counter.get_total_flops():
        sys.exit(f"flops: {ours:,.0f}, torch counts {counter.get_total_flops():,}: {config}")


# --- what is printed --------------------------------------------------------------------------------------


class Model(NamedTuple):
    """A network and the corpus that it is trained on."""

    config: NetworkConfig
    vocabulary: int
    work: Work


def models() -> dict[str, Model]:
    """Networks for Multi30k English-German. ``PairsDataModule`` counted its training corpus."""
    recipe = yaml.safe_load((TRANSLATION / "multi30k.yaml").read_text(encoding="utf-8"))
    network = NetworkConfig(**recipe["model"]["init_args"]["network"])
    separate = Work(29_000, 453_169, 487_423, 8_345_345)  # of 4,032 pieces each
    work = Work(29_000, 455_133, 471_541, 8_091_770)  # of 8,000 joint pieces
    plain: dict[str, Any] = {"decoder_layers": 1, "readout_size": 512, "tied_readout": False}
    feeding = NetworkConfig(**plain, attention="additive", input_feeding=True)
    fused = NetworkConfig(**plain, attention="general")
    return {
        "recipe multi30k.yaml": Model(network, 4032, separate),
        "peers' model, input feeding, additive": Model(feeding, 8001, work),
        "peers' model, fused, general": Model(fused, 8001, work),
    }


def bounds(gflops: dict[str, float]) -> None:
    """Print work and bound of every model."""
    work, lines = [], []
    for name, model in models().items():
        pieces = model.work.target_pieces
        forward = flops(model.config, model.vocabulary, model.work)
        millions = {part: round(count / pieces / 1e6, 2) for part, count in forward.items()}
        bound = {
            precision: round(pieces / training_seconds(forward, gflops[precision]))
            for precision in ("fp32", "bf16")
            if precision in gflops
        }
        figures: dict[str, float] = {f"{key}_pieces_per_second": bound[key] for key in bound}
        figures |= {f"{part}_mflop_a_piece": count for part, count in millions.items()}
        report("bound on training", name, **figures)
        work.append([name, *millions.values(), round(sum(forward.values()) / pieces / 1e6, 2)])
        lines.append([name, *(f"{found:,}" for found in bound.values())])
    table(["MFLOP forward, a target piece", *millions, "all"], work)
    table(["bound, target pieces a second", *bound], lines)


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--threads", type=int, help="default: torch's")
    parser.add_argument("--repeats", type=int, default=20)
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    check()
    measured = measure(options.repeats)
    columns: dict[tuple[int, int, int], list[str]] = defaultdict(list)
    for kind, shape, median, fastest in measured:
        figures = {"gflops_median": round(median, 1), "gflops_best": round(fastest, 1)}
        report("matrix product", kind.name, shape=shape, **figures)
        columns[shape].append(f"{median:.0f} / {fastest:.0f}")
    names = dict.fromkeys(one.kind.name for one in measured)
    rows = [["x".join(map(str, shape)), *cells] for shape, cells in columns.items()]
    table(["GFLOP/s, median / best", *names], rows)
    bounds(best(measured))


if __name__ == "__main__":
    main()
