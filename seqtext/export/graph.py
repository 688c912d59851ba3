"""Named operations that make a graph in the format ONNX.

A value of the graph is known by its name, a ``str``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import ArrayLike, NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

Array = NDArray[Any]
Shape = Sequence[int | str]  # a name stands for a size that is known when the graph is computed

_OPERATORS = 17  # version of the set: LayerNormalization came with it
_FORMAT = 8  # of the file, that belongs to this set
_CONTRIBUTED = "com.microsoft"  # operators of ONNX Runtime alone
_TYPES = {"int64": TensorProto.INT64, "float32": TensorProto.FLOAT}
_TINY = float(np.finfo(np.float32).tiny)
# Processors without VNNI add two products in 16 bits. With these largest integers, the sum always fits.
_MOST_INPUT, _MOST_WEIGHT = 127, 64
_TABLE = 1 << 26  # most bytes of a table that is worth its memory


def array(tensor: Tensor) -> Array:
    """The values of a tensor, float32 if they are real numbers."""
    values = tensor.detach().cpu()
    own: Array = (values.float() if values.is_floating_point() else values).numpy()
    return own


class Graph:
    """Operations in the order in which they are computed.

    Args:
        name: What the graph does.
        integers: Whether products with weights are in 8-bit integers. Then each row of the inputs has its
            own scale, so the other rows of a batch never change a result.
    """

    def __init__(self, name: str, *, integers: bool = False) -> None:
        self._name, self.integers = name, integers
        self._nodes: list[onnx.NodeProto] = []
        self._weights: dict[str, onnx.TensorProto] = {}
        self._known: dict[bytes, str] = {}
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []
        self._count = 0

    # --- the rim ----------------------------------------------------------------------------------------

    def input(self, name: str, kind: str, shape: Shape) -> str:
        """A value that the caller gives."""
        self._inputs.append(helper.make_tensor_value_info(name, _TYPES[kind], shape))
        return name

    def output(self, name: str, value: str, shape: Shape, kind: str = "float32") -> None:
        """A value that the caller gets."""
        self._add("Identity", [value], [name], {})
        self._outputs.append(helper.make_tensor_value_info(name, _TYPES[kind], shape))

    def constant(self, values: ArrayLike, kind: type[np.generic] | None = None) -> str:
        """A value that never changes. Equal ones are stored once."""
        own = np.ascontiguousarray(np.asarray(values, kind)).reshape(np.shape(values))
        if own.dtype == np.float64:
            own = own.astype(np.float32)
        key = own.tobytes() + str((own.dtype, own.shape)).encode()
        if key not in self._known:
            self._known[key] = self._new("w")
            self._weights[self._known[key]] = numpy_helper.from_array(own, self._known[key])
        return self._known[key]

    def model(self) -> onnx.ModelProto:
        """The whole graph, checked."""
        graph = helper.make_graph(
            self._nodes, self._name, self._inputs, self._outputs, list(self._weights.values())
        )
        sets = [helper.make_opsetid("", _OPERATORS), helper.make_opsetid(_CONTRIBUTED, 1)]
        model = helper.make_model(
            graph, opset_imports=sets, ir_version=_FORMAT, producer_name="seqtext"
        )
        onnx.checker.check_model(model)
        return model

    # --- operations -------------------------------------------------------------------------------------

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """An operator of ONNX with one output."""
        return self.ops(kind, 1, *inputs, **attributes)[0]

    def ops(self, kind: str, count: int, *inputs: str, **attributes: Any) -> list[str]:
        """An operator with several outputs."""
        names = [self._new("v") for _ in range(count)]
        self._add(kind, inputs, names, attributes)
        return names

    def shape(self, value: str, place: int) -> str:
        """A size of a value, (1,) int64."""
        return self.op("Shape", value, start=place, end=place + 1)

    def reshape(self, value: str, *sizes: int | str) -> str:
        """The same values in another shape. A name is that of a size, and 0 keeps the size there."""
        if all(isinstance(size, int) for size in sizes):
            return self.op("Reshape", value, self.constant(list(sizes), np.int64))
        return self.op("Reshape", value, self.op("Concat", *map(self.size, sizes), axis=0))

    def size(self, value: int | str) -> str:
        """A size that may be known when the graph is made, (1,) int64."""
        return value if isinstance(value, str) else self.constant([value], np.int64)

    def squeeze(self, value: str, axis: int) -> str:
        """Without a dimension of size 1."""
        return self.op("Squeeze", value, self.constant([axis], np.int64))

    def unsqueeze(self, value: str, axis: int) -> str:
        """With a new dimension of size 1."""
        return self.op("Unsqueeze", value, self.constant([axis], np.int64))

    def slice(self, value: str, start: int, end: int, axis: int) -> str:
        """A part of a value along one dimension."""
        ends = [self.constant([place], np.int64) for place in (start, end, axis)]
        return self.op("Slice", value, *ends)

    def split(self, value: str, sizes: Sequence[int], axis: int = -1) -> list[str]:
        """Parts of a value along one dimension."""
        if len(sizes) == 1:
            return [value]
        return self.ops("Split", len(sizes), value, self.constant(sizes, np.int64), axis=axis)

    def pick(self, value: str, index: int, axis: int) -> str:
        """The values at one place of a dimension, which is gone then."""
        return self.op("Gather", value, self.constant(index, np.int64), axis=axis)

    def concat(self, values: Sequence[str], axis: int = -1) -> str:
        """Values side by side."""
        return values[0] if len(values) == 1 else self.op("Concat", *values, axis=axis)

    def sum(self, value: str, axis: int, *, keep: bool = False) -> str:
        """The sum over a dimension."""
        return self.op("ReduceSum", value, self.constant([axis], np.int64), keepdims=int(keep))

    def positions(self, size: str) -> str:
        """0, 1, … up to a size (1,): (S,) int64."""
        zero, step = self.constant(0, np.int64), self.constant(1, np.int64)
        return self.op("Range", zero, self.squeeze(size, 0), step)

    def norm(self, value: str, layer: nn.LayerNorm) -> str:
        """Layer normalization over the last dimension."""
        parts = self.constant(array(layer.weight)), self.constant(array(layer.bias))
        return self.op("LayerNormalization", value, *parts, axis=-1, epsilon=layer.eps)

    # --- products with weights --------------------------------------------------------------------------

    def linear(
        self,
        value: str,
        weight: Tensor,
        bias: Tensor | None = None,
        *,
        bounded: bool = False,
        exact: bool = False,
    ) -> str:
        """Inputs (..., I), W (O, I), b (O,) -> W x + b, (..., O).

        Args:
            value: The inputs.
            weight: W.
            bias: b.
            bounded: Whether all inputs lie within -1 and 1. Then integers need no scale of each row.
            exact: Whether to compute in float32 in any case.
        """
        if self.integers and not exact:
            product = self._integer_product(value, array(weight), bounded=bounded)
        else:
            product = self.op("MatMul", value, self.constant(array(weight).T))
        if bias is None or not bias.any():
            return product
        return self.op("Add", product, self.constant(array(bias)))

    def _integer_product(self, value: str, weight: Array, *, bounded: bool) -> str:
        scales = np.maximum(np.abs(weight).max(1), _TINY) / np.float32(_MOST_WEIGHT)
        rounded = self.constant(np.round(weight / scales[:, None]).T.astype(np.int8))
        zero, rows = self.constant(_MOST_INPUT + 1, np.uint8), ""
        scale = self.constant(1 / _MOST_INPUT, np.float32)
        if not bounded:
            largest = self.op("ReduceMax", self.op("Abs", value), axes=[-1], keepdims=1)
            rows = self.op("Max", largest, self.constant(_TINY, np.float32))
            value = self.op("Div", value, rows)
        integers = self.op("QuantizeLinear", value, scale, zero)
        inputs = integers, rounded, scale, self.constant(scales.astype(np.float32)), zero
        product = self.op("MatMulIntegerToFloat", *inputs, domain=_CONTRIBUTED)
        return product if bounded else self.op("Mul", product, rows)

    def looked_up(self, ids: str, table: Tensor) -> str:
        """Rows of a table (V, H) for ids (...): (..., H). With integers, the table has 16 bits."""
        values = array(table)
        narrow = self.integers and np.abs(values).max() < np.finfo(np.float16).max
        rows = self.op(
            "Gather", self.constant(values.astype(np.float16) if narrow else values), ids
        )
        return self.op("Cast", rows, to=TensorProto.FLOAT) if narrow else rows

    # --- loops ------------------------------------------------------------------------------------------

    def scan(self, states: Sequence[str], inputs: Sequence[str], body: Graph) -> list[str]:
        """Compute ``body`` for every place of the first dimension of ``inputs``.

        Args:
            states: What the body begins with.
            inputs: What it reads place by place.
            body: Its inputs are the states, then a place of each input. Its outputs are the next states,
                then what is kept of each place.

        Returns:
            The last states, and what was kept of all places.
        """
        graph = helper.make_graph(
            body._nodes, body._name, body._inputs, body._outputs, list(body._weights.values())
        )
        count = len(body._outputs)
        return self.ops("Scan", count, *states, *inputs, body=graph, num_scan_inputs=len(inputs))

    def own(self, name: str) -> str:
        """A name that no other graph has."""
        return f"{self._name}_{name}"

    def prefix(self, name: str) -> str:
        """The name of a graph inside of this one, which no other has."""
        return self._new(name)

    def _new(self, kind: str) -> str:
        self._count += 1
        return f"{self._name}_{kind}{self._count}"

    def _add(
        self, kind: str, inputs: Sequence[str], names: Sequence[str], attributes: Mapping[str, Any]
    ) -> None:
        self._nodes.append(helper.make_node(kind, list(inputs), list(names), **attributes))


def fits_table(rows: int, width: int) -> bool:
    """Whether a table of these sizes is small enough to be computed before."""
    return rows * width * 4 <= _TABLE
