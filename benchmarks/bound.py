"""The bound on a machine's speed: the time of a network's matrix products at the best rate reached here.

Padding, softmax, dropout, loss and optimizer do not count. A test compares ``flops`` with
torch's counter.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from seqtext.nn.cells.contract import Cell
from seqtext.nn.cells.registry import load_cell
from seqtext.nn.config import NetworkConfig
from seqtext.nn.precision import has_bfloat16

# (rows, inner, outputs) of products that networks make. The first three are a recurrence of 512 over 1,024
# pieces, its later layer, and one step of 64 rows. The others are output layers.
SHAPES = (
    (1024, 512, 2048),
    (1024, 1024, 2048),
    (64, 512, 2048),
    (1024, 256, 8000),
    (1024, 512, 8001),
    (1024, 512, 8064),
)
_WARM = 3  # calls that do not count


# --- rates of matrix products ---------------------------------------------------------------------------


def rates(repeats: int = 10) -> dict[str, float]:
    """Best GFLOP/s of ``fp32`` and, where the processor has it, ``bf16``, with torch's number of threads."""
    best = {"fp32": _best_rate(_blas, torch.float32, repeats)}
    if torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        best["fp32"] = max(best["fp32"], _best_rate(_onednn, torch.float32, repeats))
    if has_bfloat16():
        best["bf16"] = _best_rate(_blas, torch.bfloat16, repeats)
    return best


def _blas(inputs: Tensor, weight: Tensor) -> Tensor:
    return torch.mm(inputs, weight.T)


def _onednn(inputs: Tensor, weight: Tensor) -> Tensor:
    product: Tensor = torch.ops.mkldnn._linear_pointwise(inputs, weight, None, "none", [], "")
    return product


@torch.no_grad()
def _best_rate(
    product: Callable[[Tensor, Tensor], Tensor], dtype: torch.dtype, repeats: int
) -> float:
    """The best of all shapes and repeats."""
    best = 0.0
    for rows, inner, outputs in SHAPES:
        inputs, weight = torch.randn(rows, inner).to(dtype), torch.randn(outputs, inner).to(dtype)
        for number in range(_WARM + repeats):
            start = time.perf_counter()
            product(inputs, weight)
            rate = 2e-9 * rows * inner * outputs / (time.perf_counter() - start)
            best = max(best, rate) if number >= _WARM else best
    return best


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
    cell = load_cell(config.cell)
    gates = cell.gates
    own = size if cell.recurrent_weights else 0  # what is read of the state
    queried = 2 * size  # first layer and context, for a context is as wide as a query
    later = config.decoder_layers - 1
    macs = {
        "encoder": source * _recurrent(config, cell),
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


def _recurrent(config: NetworkConfig, cell: type[Cell]) -> int:
    """Multiply-adds of the encoder's recurrence for one piece."""
    directions = 2 if config.bidirectional else 1
    width = config.hidden_size // directions
    own = width if cell.recurrent_weights else 0
    inputs = [config.embedding_size] + [config.hidden_size] * (config.encoder_layers - 1)
    return sum(directions * cell.gates * width * (size + own) for size in inputs)


def training_seconds(forward: dict[str, float], gflops: float) -> float:
    """The bound: seconds of forward and backward pass at ``gflops``."""
    return 3 * sum(forward.values()) / (gflops * 1e9)
