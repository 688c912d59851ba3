"""Recurrent cells as operations: a step of one, and whole rows of a layer.

Shapes: B rows, S positions, I inputs, H units, G gates, D directions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from seqtext.errors import ConfigError
from seqtext.export.graph import Array, Graph, array
from seqtext.nn.cells.contract import Cell
from seqtext.nn.cells.fused import GRU, LSTM, FusedCell, ReluRNN, TanhRNN
from seqtext.nn.cells.linear_recurrence import SRU, SSRU, MinGRU, MinLSTM
from seqtext.nn.recurrent import RecurrentStack

Step = Callable[[Graph, list[str], list[str], list[str]], list[str]]


class Rows(NamedTuple):
    """What a layer gives for whole rows."""

    outputs: str  # (S, B, D * H)
    last: str  # (B, D * H), where each direction has read all of a row


class _Operator(NamedTuple):
    """The operator of ONNX that computes a cell, and the order of gates there."""

    name: str
    order: tuple[int, ...]
    options: dict[str, object]


_OPERATORS: dict[type[Cell], _Operator] = {
    LSTM: _Operator("LSTM", (0, 3, 1, 2), {}),
    GRU: _Operator("GRU", (1, 0, 2), {"linear_before_reset": 1}),
    TanhRNN: _Operator("RNN", (0,), {"activations": ["Tanh"]}),
    ReluRNN: _Operator("RNN", (0,), {"activations": ["Relu"]}),
}


def check_cell(cell: type[Cell], name: str) -> None:
    """Refuse a cell that has no operations here.

    Raises:
        ConfigError: It is a class from outside of seqtext.
    """
    if cell not in _STEPS:
        raise ConfigError(
            f"network.cell: {name} is a class of your own, and export knows the built-in cells alone"
        )


def step(graph: Graph, cell: Cell, projected: str, state: list[str]) -> list[str]:
    """Read one position.

    Args:
        graph: Gets the operations.
        cell: Its weights.
        projected: (N, G * H), W x + b.
        state: Parts of the state (N, H) before. The first is the hidden state.

    Returns:
        The parts after.
    """
    size = cell.hidden_size
    recurrent: list[str] = []
    if cell.recurrent_weights:
        product = graph.linear(state[0], cell.weight_hh_l0, cell.bias_hh_l0, bounded=cell.bounded)
        if not isinstance(cell, GRU):  # which alone keeps both maps apart
            projected = graph.op("Add", projected, product)
        else:
            recurrent = graph.split(product, [size] * cell.gates)
    gates = graph.split(projected, [size] * cell.gates)
    return _STEPS[type(cell)](graph, gates, recurrent, state)


def project(graph: Graph, cell: Cell, inputs: str, *, bounded: bool = False) -> str:
    """W x + b: (..., I) -> (..., G * H)."""
    return graph.linear(inputs, cell.weight_ih_l0, cell.bias_ih_l0, bounded=bounded)


# --- steps ----------------------------------------------------------------------------------------------


def _lstm(graph: Graph, gates: list[str], recurrent: list[str], state: list[str]) -> list[str]:
    gate_in, forget, candidate, out = gates
    kept = graph.op("Mul", graph.op("Sigmoid", forget), state[1])
    new = graph.op("Mul", graph.op("Sigmoid", gate_in), graph.op("Tanh", candidate))
    memory = graph.op("Add", kept, new)
    return [graph.op("Mul", graph.op("Sigmoid", out), graph.op("Tanh", memory)), memory]


def _gru(graph: Graph, gates: list[str], recurrent: list[str], state: list[str]) -> list[str]:
    reset, update = (
        graph.op("Sigmoid", graph.op("Add", x, h))
        for x, h in zip(gates[:2], recurrent[:2], strict=True)
    )
    candidate = graph.op("Add", gates[2], graph.op("Mul", reset, recurrent[2]))
    candidate = graph.op("Tanh", candidate)
    change = graph.op("Mul", update, graph.op("Sub", state[0], candidate))
    return [graph.op("Add", candidate, change)]


def _tanh(graph: Graph, gates: list[str], recurrent: list[str], state: list[str]) -> list[str]:
    return [graph.op("Tanh", gates[0])]


def _relu(graph: Graph, gates: list[str], recurrent: list[str], state: list[str]) -> list[str]:
    return [graph.op("Relu", gates[0])]


def _mixed(graph: Graph, keep: str, old: str, new: str) -> str:
    """new + keep (old - new)."""
    return graph.op("Add", new, graph.op("Mul", keep, graph.op("Sub", old, new)))


def _min_gru(graph: Graph, gates: list[str], recurrent: list[str], state: list[str]) -> list[str]:
    return [_mixed(graph, graph.op("Sigmoid", gates[0]), gates[1], state[0])]


def _min_lstm(graph: Graph, gates: list[str], recurrent: list[str], state: list[str]) -> list[str]:
    # the logarithms of s(f) and s(i), however small both are
    minus_f, minus_i = (graph.op("Softplus", graph.op("Neg", gate)) for gate in gates[:2])
    keep = graph.op("Sigmoid", graph.op("Sub", minus_i, minus_f))
    return [_mixed(graph, keep, state[0], gates[2])]


def _ssru(graph: Graph, gates: list[str], recurrent: list[str], state: list[str]) -> list[str]:
    memory = _mixed(graph, graph.op("Sigmoid", gates[0]), state[1], gates[1])
    return [graph.op("Relu", memory), memory]


def _sru(graph: Graph, gates: list[str], recurrent: list[str], state: list[str]) -> list[str]:
    memory = _mixed(graph, graph.op("Sigmoid", gates[0]), state[1], gates[2])
    return [_mixed(graph, graph.op("Sigmoid", gates[1]), memory, gates[3]), memory]


_STEPS: dict[type[Cell], Step] = {
    LSTM: _lstm,
    GRU: _gru,
    TanhRNN: _tanh,
    ReluRNN: _relu,
    MinGRU: _min_gru,
    MinLSTM: _min_lstm,
    SSRU: _ssru,
    SRU: _sru,
}


# --- whole rows -----------------------------------------------------------------------------------------


def read_rows(
    graph: Graph, stack: RecurrentStack, layer: int, inputs: str, lengths: str, *, bounded: bool
) -> Rows:
    """Run all directions of a layer.

    Args:
        graph: Gets the operations.
        stack: Has the cells.
        layer: Which of its layers.
        inputs: (S, B, I).
        lengths: (B,) int64.
        bounded: Whether the inputs lie within -1 and 1.
    """
    cells = [stack.cell(layer, backward=backward) for backward in (False, True)[: stack.directions]]
    if isinstance(cells[0], FusedCell) and not graph.integers:
        return _by_operator(graph, cells, inputs, lengths)
    parts = [
        _by_steps(graph, cell, inputs, lengths, bounded=bounded, backward=backward)
        for cell, backward in zip(cells, (False, True), strict=False)
    ]
    outputs, last = zip(*parts, strict=True)
    return Rows(graph.concat(outputs), graph.concat(last))


def _by_operator(graph: Graph, cells: list[Cell], inputs: str, lengths: str) -> Rows:
    """ONNX's own operator knows lengths: its other direction begins at the end of each row."""
    operator = _OPERATORS[type(cells[0])]
    size = cells[0].hidden_size
    weights = [
        _in_order([cell.weight_ih_l0 for cell in cells], size, operator.order),
        _in_order([cell.weight_hh_l0 for cell in cells], size, operator.order),
        np.concatenate(
            [
                _in_order([getattr(cell, name) for cell in cells], size, operator.order)
                for name in ("bias_ih_l0", "bias_hh_l0")
            ],
            1,
        ),
    ]
    options = dict(operator.options)
    if "activations" in options:
        options["activations"] = options["activations"] * len(cells)  # type: ignore[operator]
    outputs, last, *_ = graph.ops(
        operator.name,
        3 if operator.name == "LSTM" else 2,
        inputs,
        *map(graph.constant, weights),
        graph.op("Cast", lengths, to=6),  # int32
        hidden_size=size,
        direction="bidirectional" if len(cells) == 2 else "forward",
        **options,
    )
    side_by_side = graph.op("Transpose", outputs, perm=[0, 2, 1, 3])  # (S, D, B, H) before
    ends = graph.op("Transpose", last, perm=[1, 0, 2])
    width = len(cells) * size
    return Rows(graph.reshape(side_by_side, 0, 0, width), graph.reshape(ends, 0, width))


def _in_order(weights: list[object], size: int, order: tuple[int, ...]) -> Array:
    """(D, G * H, …): the weights of each direction, with gates in another order."""
    stacked = np.stack([array(weight) for weight in weights])  # type: ignore[arg-type]
    by_gate = stacked.reshape(len(weights), len(order), size, -1)[:, list(order)]
    return by_gate.reshape(stacked.shape)


def _by_steps(
    graph: Graph, cell: Cell, inputs: str, lengths: str, *, bounded: bool, backward: bool
) -> Rows:
    """A loop over positions. Backward it reads rows that are reversed within their lengths."""
    reversing = {"time_axis": 0, "batch_axis": 1}
    if backward:
        inputs = graph.op("ReverseSequence", inputs, lengths, **reversing)
    projected = project(graph, cell, inputs, bounded=bounded)
    body = Graph(graph.prefix("step"), integers=graph.integers)
    size = cell.hidden_size
    names = [f"state{i}" for i in range(cell.state_parts)]
    state = [body.input(body.own(name), "float32", ["B", size]) for name in names]
    row = body.input(body.own("row"), "float32", ["B", cell.gates * size])
    after = step(body, cell, row, state)
    for name, value in zip([*names, "kept"], [*after, after[0]], strict=True):
        body.output(body.own(f"next_{name}"), value, ["B", size])
    # as many rows as there are lengths, all of zeros
    shape = graph.op("Concat", graph.op("Shape", lengths), graph.constant([size], np.int64), axis=0)
    zeros = graph.op("Expand", graph.constant(0, np.float32), shape)
    *_, outputs = graph.scan([zeros] * len(names), [projected], body)
    # the hidden state behind the last position of each row, before rows are reversed again
    by_row = graph.op("Transpose", outputs, perm=[1, 0, 2])
    ends = graph.op("Sub", lengths, graph.constant(1, np.int64))
    last = graph.op("GatherND", by_row, graph.unsqueeze(ends, 1), batch_dims=1)
    if backward:
        outputs = graph.op("ReverseSequence", outputs, lengths, **reversing)
    return Rows(outputs, last)
