"""A classifier as operations: ids of a text -> logits of labels.

Shapes: B texts, S positions, M memory width, E embedding width, L labels, C characters of a piece.
"""

from __future__ import annotations

import numpy as np

from seqtext.export.encoder import Encoded, encode
from seqtext.export.graph import Graph, array
from seqtext.nn.classifier import Classifier, Pooling
from seqtext.nn.ngrams import BASE, MODULUS, CharacterNgrams

_FLOAT, _INT = 1, 7  # types that ONNX numbers


def build_classifier(network: Classifier, *, integers: bool) -> Graph:
    """Texts (B, S) and lengths (B,) -> logits (B, L)."""
    graph = Graph("classifier", integers=integers)
    texts = graph.input("texts", "int64", ["B", "S"])
    lengths = graph.input("lengths", "int64", ["B"])
    encoded = encode(graph, network.encoder, texts, lengths)
    width = network.config.hidden_size // 2
    pooled = _pool(graph, network.pooling, encoded, lengths, width)
    if network.ngrams is not None:
        pooled = graph.concat([pooled, _ngrams(graph, network.ngrams, texts, encoded.mask)])
    output = network.output
    logits = graph.linear(pooled, output.weight, output.bias, exact=True)
    graph.output("logits", logits, ["B", output.out_features])
    return graph


def _pool(graph: Graph, pooling: Pooling, encoded: Encoded, lengths: str, width: int) -> str:
    """(B, S, M) -> (B, M), see ``Pooling``. ``width`` is that of a direction."""
    memory, mask = encoded.memory, graph.unsqueeze(encoded.mask, 2)
    if pooling.kind == "last":
        return _ends(graph, memory, lengths, width if pooling.directions == 2 else 0)
    if pooling.kind == "max":
        least = graph.constant(-np.inf, np.float32)
        return graph.op("ReduceMax", graph.op("Where", mask, memory, least), axes=[1], keepdims=0)
    if pooling.kind == "mean":
        nothing = graph.constant(0, np.float32)
        total = graph.sum(graph.op("Where", mask, memory, nothing), 1)
        return graph.op("Div", total, graph.unsqueeze(graph.op("Cast", lengths, to=_FLOAT), 1))
    own = pooling.projection
    projected = graph.op("Tanh", graph.linear(memory, own.weight, own.bias, exact=True))
    scores = graph.linear(projected, pooling.score.weight, exact=True)
    scores = graph.op("Where", mask, scores, graph.constant(-np.inf, np.float32))
    weights = graph.op("Softmax", scores, axis=1)
    return graph.sum(graph.op("Mul", weights, memory), 1)


def _ends(graph: Graph, memory: str, lengths: str, width: int) -> str:
    """Where each direction, ``width`` wide, has read all of a text, (B, M). 0 is a single direction."""
    ends = graph.unsqueeze(graph.op("Sub", lengths, graph.constant(1, np.int64)), 1)
    last = graph.op("GatherND", memory, ends, batch_dims=1)
    if not width:
        return last
    first = graph.pick(memory, 0, 1)
    return graph.concat([graph.slice(last, 0, width, 1), graph.slice(first, width, 2 * width, 1)])


def _ngrams(graph: Graph, ngrams: CharacterNgrams, texts: str, mask: str) -> str:
    """The sum of the embeddings of a text's n-grams, (B, E), see ``CharacterNgrams``."""
    text = _characters(graph, ngrams, texts, mask)
    zero, one = graph.constant(0, np.int64), graph.constant([1], np.int64)
    longest = ngrams.lengths[-1]
    # room for the longest n-gram: what lies behind a text is no character
    text = graph.op("Pad", text, graph.constant([0, 0, 0, longest], np.int64))
    size = graph.op("Sub", graph.shape(text, 1), graph.constant([longest], np.int64))
    hashed, real, parts = "", "", list[tuple[str, str]]()
    for length in range(1, longest + 1):
        start = graph.constant([length - 1], np.int64)
        end = graph.op("Add", size, start)
        last = graph.op("Slice", text, start, end, one)
        is_real = graph.op("Greater", last, zero)
        if hashed:
            last = graph.op("Add", graph.op("Mul", hashed, graph.constant(BASE, np.int64)), last)
            is_real = graph.op("And", real, is_real)
        hashed = graph.op("Mod", last, graph.constant(MODULUS, np.int64))
        real = is_real
        if length in ngrams.lengths:
            parts.append((graph.op("Mod", hashed, graph.constant(ngrams.count, np.int64)), real))
    buckets, kept = (graph.concat(list(each), 1) for each in zip(*parts, strict=True))
    shares = graph.op("Cast", kept, to=_FLOAT)
    count = graph.op("Max", graph.sum(shares, 1, keep=True), graph.constant(1, np.float32))
    table = graph.constant(array(ngrams.embedding.weight))
    # (B, 1, N) by (B, N, E)
    total = graph.op("MatMul", graph.unsqueeze(shares, 1), graph.op("Gather", table, buckets))
    return graph.op("Div", graph.squeeze(total, 1), graph.op("Sqrt", count))


def _characters(graph: Graph, ngrams: CharacterNgrams, texts: str, mask: str) -> str:
    """The characters of each text without gaps between pieces, then 0: (B, S * C)."""
    table = graph.constant(array(ngrams.characters))
    width = ngrams.characters.size(1)
    inside = graph.op("Cast", graph.unsqueeze(mask, 2), to=_INT)
    spelled = graph.op("Mul", graph.op("Gather", table, texts), inside)
    size = graph.op("Mul", graph.shape(texts, 1), graph.constant([width], np.int64))
    spelled = graph.reshape(spelled, 0, size)
    real = graph.op("Greater", spelled, graph.constant(0, np.int64))
    ones = graph.op("Cast", real, to=_INT)
    places = graph.op("CumSum", ones, graph.constant(1, np.int64))
    before = graph.op("Sub", places, graph.constant(1, np.int64))
    # a column behind the last one takes the gaps, and is cut off
    places = graph.op("Where", real, before, size)
    empty = graph.op(
        "Pad",
        graph.op("Mul", spelled, graph.constant(0, np.int64)),
        graph.constant([0, 0, 0, 1], np.int64),
    )
    written = graph.op("ScatterElements", empty, places, spelled, axis=1)
    start, axis = graph.constant([0], np.int64), graph.constant([1], np.int64)
    return graph.op("Slice", written, start, size, axis)
