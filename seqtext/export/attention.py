"""Attention as operations, see ``seqtext.nn.attention``.

Shapes: B sources, K hypotheses of each, S positions, H units, A key width, M memory width.
"""

from __future__ import annotations

import numpy as np

from seqtext.export.encoder import Encoded
from seqtext.export.graph import Graph, array
from seqtext.nn.attention import Attention


def project_memory(graph: Graph, attention: Attention, encoded: Encoded) -> dict[str, str]:
    """What the attention reads of each source, by name. Keys stand as each kind multiplies them."""
    keys = values = encoded.memory
    heads, width = attention.heads, attention.output_size
    if attention.kind != "dot":
        keys = graph.linear(keys, attention.key.weight, bounded=encoded.bounded)
    if attention.kind == "multi_head":
        own = attention.value
        values = graph.linear(values, own.weight, own.bias, bounded=encoded.bounded)
        keys, values = (graph.reshape(part, 0, 0, heads, width // heads) for part in (keys, values))
        keys = graph.op("Transpose", keys, perm=[0, 2, 3, 1])  # (B, heads, A, S)
        values = graph.op("Transpose", values, perm=[0, 2, 1, 3])  # (B, heads, S, A)
    elif attention.kind != "additive":
        keys = graph.op("Transpose", keys, perm=[0, 2, 1])  # (B, A, S)
    infinite, nothing = graph.constant(-np.inf, np.float32), graph.constant(0, np.float32)
    bias = graph.unsqueeze(graph.op("Where", encoded.mask, nothing, infinite), 1)  # (B, 1, S)
    return {"memory_keys": keys, "memory_values": values, "memory_bias": bias}


class Reader:
    """Reads the memory for queries.

    Args:
        graph: Gets the operations.
        attention: Its weights.
        given: Memory by name.
    """

    def __init__(self, graph: Graph, attention: Attention, given: dict[str, str]) -> None:
        self._graph, self._own, self._given = graph, attention, given

    def queries(self, query: str, *, bounded: bool) -> str:
        """(B, K, H), projected as the kind needs it. With heads, (B, heads, K, A)."""
        graph, own = self._graph, self._own
        if own.kind in ("dot", "general"):
            return query
        scale = (own.output_size // own.heads) ** -0.5 if own.kind == "multi_head" else 1.0
        linear = own.query.weight * scale, own.query.bias * scale
        projected = graph.linear(query, *linear, bounded=bounded)
        if own.kind == "additive":
            return graph.unsqueeze(projected, 2)
        projected = graph.reshape(projected, 0, 0, own.heads, own.output_size // own.heads)
        return graph.op("Transpose", projected, perm=[0, 2, 1, 3])

    def read(self, queries: str, covered: str) -> tuple[str, str]:
        """Context (B, K, M) and weights (B, K, S). ``covered`` (B, K, S) may be missing."""
        graph, own = self._graph, self._own
        keys, values, bias = (self._given[f"memory_{name}"] for name in ("keys", "values", "bias"))
        vector = None if own.coverage is None or not covered else array(own.coverage)
        if own.kind == "additive":
            keys = graph.unsqueeze(keys, 1)
            if vector is not None:
                shown = graph.op("Mul", graph.unsqueeze(covered, 3), graph.constant(vector))
                keys = graph.op("Add", keys, shown)
            similar = graph.op("Tanh", graph.op("Add", queries, keys))
            scores = graph.op("MatMul", similar, graph.constant(array(own.vector)))
        else:
            scores = graph.op("MatMul", queries, keys)
            if vector is not None:
                by_head = graph.constant(vector.reshape(own.heads, -1, 1))
                share = graph.op("MatMul", queries, by_head)
                shown = graph.unsqueeze(covered, 1) if own.kind == "multi_head" else covered
                scores = graph.op("Add", scores, graph.op("Mul", share, shown))
        if own.kind == "multi_head":
            bias = graph.unsqueeze(bias, 1)
        weights = graph.op("Softmax", graph.op("Add", scores, bias), axis=-1)
        context = graph.op("MatMul", weights, values)
        if own.kind != "multi_head":
            return context, weights
        joined = graph.op("Transpose", context, perm=[0, 2, 1, 3])
        joined = graph.reshape(joined, 0, 0, own.output_size)
        output = graph.linear(joined, own.output.weight, own.output.bias)
        return output, graph.op("ReduceMean", weights, axes=[1], keepdims=0)
