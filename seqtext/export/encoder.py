"""The encoder as operations: ids of a source -> memory, and what the decoder begins with.

Shapes: B sources, S positions, E embedding width, M memory width.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from torch import nn

from seqtext.errors import ConfigError
from seqtext.export.cells import check_cell, read_rows
from seqtext.export.graph import Graph, array
from seqtext.nn.config import EncoderConfig
from seqtext.nn.encoder import Encoder
from seqtext.nn.recurrent import RecurrentStack


class Encoded(NamedTuple):
    """What an encoder knows of sources."""

    memory: str  # (B, S, M)
    last: str  # (B, layers * M), hidden states at the ends
    mask: str  # (B, S) bool, True at real positions
    bounded: bool  # whether the memory lies within -1 and 1


def check_encoder(config: EncoderConfig) -> None:
    """Refuse an encoder that has no operations here.

    Raises:
        ConfigError: It is a Transformer, or its cell is a class from outside of seqtext.
    """
    if not config.is_recurrent:
        raise ConfigError(
            "network.cell: export knows recurrent cells, and this model is a transformer. Decode it with"
            " seqtext"
        )
    check_cell(config.cell_class(), config.cell)


def encode(graph: Graph, encoder: Encoder, source: str, lengths: str) -> Encoded:
    """Read sources (B, S) of ``lengths`` (B,). An id stands for a piece of the vocabulary."""
    length = graph.shape(source, 1)
    positions = graph.positions(length)
    mask = graph.op("Less", positions, graph.unsqueeze(lengths, 1))
    # A state that goes on from window to window reads a source as if there were no windows.
    if encoder.window is None or encoder.carries:
        memory, last, bounded = _read(graph, encoder, source, lengths)
        return Encoded(memory, last, mask, bounded)
    return _read_windows(graph, encoder, source, lengths, mask)


def _read(graph: Graph, encoder: Encoder, source: str, lengths: str) -> tuple[str, str, bool]:
    """Memory (B, S, M), last states (B, layers * M), and whether the memory is bounded."""
    stack = encoder.stack
    assert isinstance(stack, RecurrentStack)
    ids = graph.op("Transpose", source, perm=[1, 0])
    values = graph.op("Gather", graph.constant(array(encoder.embedding.weight)), ids)
    width, bounded, ends = encoder.embedding.weight.size(1), False, list[str]()
    for layer in range(stack.layers):
        rows = read_rows(graph, stack, layer, values, lengths, bounded=bounded)
        ends.append(rows.last)
        outputs, bounded = rows.outputs, stack.cell(layer).bounded
        if stack.residual and width == stack.output_size:
            outputs, bounded = graph.op("Add", outputs, values), False
        norm = stack.norms[layer]
        if isinstance(norm, nn.LayerNorm):
            outputs, bounded = graph.norm(outputs, norm), False
        values, width = outputs, stack.output_size
    return graph.op("Transpose", values, perm=[1, 0, 2]), graph.concat(ends), bounded


def _read_windows(graph: Graph, encoder: Encoder, source: str, lengths: str, mask: str) -> Encoded:
    """Read every window as a row. The last states are the mean over the windows of a source."""
    assert isinstance(encoder.stack, RecurrentStack) and encoder.window is not None
    width = encoder.stack.output_size
    longest = graph.shape(source, 1)
    one, zero = graph.constant([1], np.int64), graph.constant([0], np.int64)
    window = graph.op("Min", graph.size(encoder.window), longest)
    rounded = graph.op("Sub", graph.op("Add", longest, window), one)
    count = graph.op("Div", rounded, window)
    whole = graph.op("Mul", count, window)
    added = graph.op("Sub", whole, longest)
    parts = graph.op("Pad", source, graph.concat([zero, zero, zero, added], 0))
    starts = graph.op("Mul", graph.positions(count), window)
    left = graph.op("Sub", graph.unsqueeze(lengths, 1), starts)
    inside = graph.op("Min", graph.op("Max", left, zero), window)  # (B, count)
    minus = graph.constant([-1], np.int64)
    # a window of padding alone is read as one piece, and does not count
    lengths = graph.op("Max", graph.reshape(inside, -1), one)
    memory, last, bounded = _read(graph, encoder, graph.reshape(parts, minus, window), lengths)
    memory = graph.reshape(memory, graph.shape(source, 0), whole, width)
    memory = graph.op("Slice", memory, zero, longest, one)
    used = graph.op("Cast", graph.op("Greater", inside, zero), to=1)  # float32
    by_source = graph.op("Concat", graph.op("Shape", inside), minus, axis=0)
    ends = graph.op("Mul", graph.op("Reshape", last, by_source), graph.unsqueeze(used, 2))
    mean = graph.op("Div", graph.sum(ends, 1), graph.sum(used, 1, keep=True))
    return Encoded(memory, mean, mask, bounded)
