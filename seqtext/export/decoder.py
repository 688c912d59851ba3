"""The decoder's step as operations: the last pieces of hypotheses -> log-probabilities of the next.

Shapes: B sources, K hypotheses of each, N = B * K, S positions, H units, R readout width, V' pieces.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import nn

from seqtext.export.attention import Reader, project_memory
from seqtext.export.cells import project, step
from seqtext.export.encoder import encode
from seqtext.export.graph import Graph, Shape, array, fits_table
from seqtext.nn.decoder import Decoder
from seqtext.nn.encoder_decoder import EncoderDecoder


@dataclass(frozen=True)
class Signature:
    """What goes from the encoder to the steps, and from step to step, with shapes."""

    memory: dict[str, Shape]  # of each source
    state: dict[str, Shape]  # of each hypothesis, without B and K


def signature_of(network: EncoderDecoder) -> Signature:
    """The values that the graphs of a network exchange."""
    decoder = network.decoder
    assert isinstance(decoder, Decoder)
    attention, size = decoder.attention, network.config.hidden_size
    kind, heads = attention.kind, attention.heads
    keys: Shape = ["B", "S", size] if kind == "additive" else ["B", size, "S"]
    values: Shape = ["B", "S", size]
    if kind == "multi_head":
        keys, values = ["B", heads, size // heads, "S"], ["B", heads, "S", size // heads]
    memory: dict[str, Shape] = {
        "memory_keys": keys, "memory_values": values, "memory_bias": ["B", 1, "S"],
    }  # fmt: skip
    if network.config.copying:
        memory["memory_pieces"] = ["B", "S"]
    state: dict[str, Shape] = {"state_recurrent": list(decoder.bridge.shape)}
    if decoder.feed_size:
        state["state_feed"] = [decoder.feed_size]
    if attention.coverage is not None:
        state["state_covered"] = ["S"]
    return Signature(memory, state)


def build_encoder(network: EncoderDecoder, *, integers: bool) -> Graph:
    """Source and lengths -> the memory, and the state with one hypothesis a source."""
    graph, signature = Graph("encoder", integers=integers), signature_of(network)
    decoder = network.decoder
    assert isinstance(decoder, Decoder)
    source = graph.input("source", "int64", ["B", "S"])
    lengths = graph.input("lengths", "int64", ["B"])
    encoded = encode(graph, network.encoder, _known(graph, source, network, 0), lengths)
    values = project_memory(graph, decoder.attention, encoded)
    if network.config.copying:
        values["memory_pieces"] = _copyable(graph, source, network)
    bridge = decoder.bridge
    first = graph.op(
        "Tanh", graph.linear(encoded.last, bridge.linear.weight, bridge.linear.bias, exact=True)
    )
    values["state_recurrent"] = graph.reshape(first, 0, 1, *bridge.shape)
    rows = graph.shape(source, 0)
    sizes: dict[str, int | str] = {
        "state_feed": decoder.feed_size,
        "state_covered": graph.shape(source, 1),
    }
    for name in signature.state.keys() & sizes.keys():
        zero = graph.constant([[[0]]], np.float32)
        parts = [rows, graph.constant([1], np.int64), graph.size(sizes[name])]
        values[name] = graph.op("Expand", zero, graph.concat(parts, 0))
    shapes = signature.memory | {name: ["B", 1, *own] for name, own in signature.state.items()}
    for name, shape in shapes.items():
        graph.output(name, values[name], shape, "int64" if name == "memory_pieces" else "float32")
    return graph


def build_step(network: EncoderDecoder, *, integers: bool) -> Graph:
    """Pieces, memory and state -> log-probabilities, the next state and the attention."""
    graph, signature = Graph("step", integers=integers), signature_of(network)
    ids = graph.input("ids", "int64", ["B", "K"])
    given = {}
    for name, shape in signature.memory.items():
        kind = "int64" if name == "memory_pieces" else "float32"
        given[name] = graph.input(name, kind, shape)
    for name, shape in signature.state.items():
        given[name] = graph.input(name, "float32", ["B", "K", *shape])
    readout, weights, after = _Step(graph, network, given).read(_known(graph, ids, network, 1))
    decoder = network.decoder
    assert isinstance(decoder, Decoder)
    size = network.vocab_sizes[1]
    output = decoder.output
    logits = graph.linear(readout, output.weight[:size], output.bias[:size], bounded=True)
    if decoder.gate is None:
        log_probs = graph.op("LogSoftmax", logits, axis=-1)
    else:
        gate = graph.linear(readout, decoder.gate.weight, decoder.gate.bias, exact=True)
        log_probs = _mix(graph, logits, gate, weights, given["memory_pieces"], size)
    graph.output("log_probs", log_probs, ["B", "K", "V"])
    for name, shape in signature.state.items():
        graph.output(f"next_{name}", after[name], ["B", "K", *shape])
    graph.output("attention", weights, ["B", "K", "S"])
    return graph


def _known(graph: Graph, ids: str, network: EncoderDecoder, side: int) -> str:
    """``ids`` with the unknown piece for words beyond the vocabulary. Side 0 is the source."""
    size, unknown = network.vocab_sizes[side], network.unknown[side]
    inside = graph.op("Less", ids, graph.constant(size, np.int64))
    return graph.op("Where", inside, ids, graph.constant(unknown, np.int64))


def _copyable(graph: Graph, source: str, network: EncoderDecoder) -> str:
    """The target pieces of source pieces (B, S), negative where there is none."""
    own, other = network.vocab_sizes
    pieces = graph.constant(array(network.copy_ids))
    inside = graph.op("Less", source, graph.constant(own, np.int64))
    known = graph.op("Gather", pieces, graph.op("Min", source, graph.constant(own - 1, np.int64)))
    beyond = graph.op("Add", source, graph.constant(other - own, np.int64))
    return graph.op("Where", inside, known, beyond)


class _Step:
    """One step of a decoder.

    Args:
        graph: Gets the operations.
        network: Its weights.
        given: Memory and state by name.
    """

    def __init__(self, graph: Graph, network: EncoderDecoder, given: dict[str, str]) -> None:
        decoder = network.decoder
        assert isinstance(decoder, Decoder)
        self._graph, self._decoder, self._given = graph, decoder, given
        self._config = network.config
        self._beams = graph.shape(given["state_recurrent"], 1)

    def _by_source(self, value: str, width: int) -> str:
        """(N, X) -> (B, K, X)."""
        return self._graph.reshape(value, -1, self._beams, width)

    def read(self, ids: str) -> tuple[str, str, dict[str, str]]:
        """Pieces (B, K) -> readout (B, K, R), attention (B, K, S) and the state after."""
        graph, decoder, config = self._graph, self._decoder, self._config
        layers, parts, size = decoder.bridge.shape
        rows = graph.reshape(self._given["state_recurrent"], -1, layers * parts * size)
        states = graph.split(rows, [size] * (layers * parts))
        after = step(graph, decoder.bottom.cell(0), self._projected(ids), states[:parts])
        bottom, bounded = after[0], decoder.bottom.cell(0).bounded
        if isinstance(decoder.norm, nn.LayerNorm):
            bottom, bounded = graph.norm(bottom, decoder.norm), False
        query = self._by_source(bottom, size)
        context, weights, covered = self._attend(query, bounded=bounded)
        width = decoder.attention.output_size
        attended = graph.concat([bottom, graph.reshape(context, -1, width)])
        if decoder.upper is not None:
            top, more = self._upper(attended, states[parts:])
            attended, after = graph.concat([top, attended]), [*after, *more]
        own = decoder.readout
        bounded = decoder.outputs_bounded and config.attention != "multi_head"
        linear = graph.linear(attended, own.weight, own.bias, bounded=bounded)
        readout = self._by_source(graph.op("Tanh", linear), own.out_features)
        recurrent = graph.reshape(graph.concat(after), -1, self._beams, layers, parts, size)
        state = {"state_recurrent": recurrent, "state_feed": readout, "state_covered": covered}
        return readout, weights, state

    def _projected(self, ids: str) -> str:
        """W x + b of the first layer, (N, G * H)."""
        graph, decoder = self._graph, self._decoder
        cell = decoder.bottom.cell(0)
        embedding = decoder.embedding.weight
        flat = graph.reshape(ids, -1)
        if fits_table(len(embedding), len(cell.weight_ih_l0)):
            values = graph.looked_up(flat, cell.project(embedding))
        else:
            width = embedding.size(1)
            embedded = graph.op("Gather", graph.constant(array(embedding)), flat)
            values = graph.linear(embedded, cell.weight_ih_l0[:, :width], cell.bias_ih_l0)
        if decoder.feed_size:
            feed = graph.reshape(self._given["state_feed"], -1, decoder.feed_size)
            weight = cell.weight_ih_l0[:, cell.input_size - decoder.feed_size :]
            values = graph.op("Add", values, graph.linear(feed, weight, bounded=True))
        return values

    def _upper(self, values: str, states: list[str]) -> tuple[str, list[str]]:
        """The layers behind the attention: (N, I) -> (N, H), and the parts of their states after."""
        graph, stack = self._graph, self._decoder.upper
        assert stack is not None
        width, after = stack.cell(0).input_size, list[str]()
        for layer in range(stack.layers):
            cell = stack.cell(layer)
            own = states[layer * stack.state_parts :][: stack.state_parts]
            new = step(graph, cell, project(graph, cell, values), own)
            outputs = new[0]
            if stack.residual and width == stack.output_size:
                outputs = graph.op("Add", outputs, values)
            norm = stack.norms[layer]
            if isinstance(norm, nn.LayerNorm):
                outputs = graph.norm(outputs, norm)
            values, width, after = outputs, stack.output_size, [*after, *new]
        return values, after

    def _attend(self, query: str, *, bounded: bool) -> tuple[str, str, str]:
        """Query (B, K, H) -> context (B, K, M), weights (B, K, S) and the coverage after (B, K, S)."""
        graph, attention = self._graph, self._decoder.attention
        covered = self._given.get("state_covered", "")
        reading = Reader(graph, attention, self._given)
        queries = reading.queries(query, bounded=bounded)
        if not covered:
            return *reading.read(queries, ""), ""
        context, weights = reading.read(queries, covered)
        if self._decoder.feed_size:
            return context, weights, graph.op("Add", covered, weights)
        # coverage counts the weights of a first pass without it
        _, first = reading.read(queries, "")
        return context, weights, graph.op("Add", covered, first)


def _mix(graph: Graph, logits: str, gate: str, weights: str, pieces: str, size: int) -> str:
    """``seqtext.nn.copying``: log-probabilities (B, K, V') of generated and copied pieces."""
    zero = graph.constant(0, np.int64)
    known = graph.unsqueeze(graph.op("Not", graph.op("Less", pieces, zero)), 1)
    nothing = graph.constant(0, np.float32)
    copied = graph.op("Mul", graph.op("Sigmoid", graph.op("Neg", gate)), weights)
    lost = graph.sum(graph.op("Where", known, nothing, copied), 2, keep=True)
    generated = graph.op("Add", graph.op("Sigmoid", gate), lost)
    probabilities = graph.op("Mul", graph.op("Softmax", logits, axis=-1), generated)
    # room for the words of the sources that no vocabulary has
    most = graph.op("ReduceMax", pieces, axes=[0, 1], keepdims=0)
    more = graph.op("Sub", most, graph.constant(size - 1, np.int64))
    more = graph.unsqueeze(graph.op("Max", more, zero), 0)
    before = graph.constant([0, 0, 0, 0, 0], np.int64)
    probabilities = graph.op("Pad", probabilities, graph.concat([before, more], 0))
    places = graph.unsqueeze(graph.op("Max", pieces, zero), 1)
    places = graph.op("Expand", places, graph.op("Shape", copied))
    shares = graph.op("Where", known, copied, nothing)
    mixed = graph.op("ScatterElements", probabilities, places, shares, axis=2, reduction="add")
    least = graph.constant(np.finfo(np.float32).tiny, np.float32)
    logs = graph.op("Log", graph.op("Max", mixed, least))
    # a source without such a word cannot give it
    numbers = graph.positions(graph.shape(mixed, 2))
    beyond = graph.op("Not", graph.op("Less", numbers, graph.constant(size, np.int64)))
    impossible = graph.op("And", beyond, graph.op("Equal", mixed, nothing))
    return graph.op("Where", impossible, graph.constant(-np.inf, np.float32), logs)
