"""The linear maps of the decoder, and how they are laid out for search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor

from seqtext.nn.linear import Linear, packed
from seqtext.nn.quantized import QuantizedLinear


class Weights(NamedTuple):
    """A linear map."""

    weight: Tensor  # (O, I)
    bias: Tensor | None  # (O,)
    bounded: bool = False  # whether all inputs lie within -1 and 1


class StepMaps(NamedTuple):
    """Linear maps of one step of the decoder."""

    feed: Linear
    readout: Linear
    hidden: Linear | None = None  # None where a cell has no recurrent weights


class Prepared(NamedTuple):
    """Weights as they were at one time, for many steps of search."""

    table: Tensor  # (V', gates * H), W x + b of each piece's embedding in the first layer
    step: StepMaps
    output: Linear
    key: Linear | None  # of the attention, if not as in training
    quantized: bool  # whether products are in 8-bit integers


def prepare(
    table: Tensor,
    step: Sequence[Weights],
    output: Weights,
    key: Weights | None,
    *,
    quantized: bool,
) -> Prepared:
    """Lay out weights.

    Args:
        table: See ``Prepared``.
        step: Of ``StepMaps``. A map without inputs, such as no feed, stays as it is.
        output: Of the output layer.
        key: Of the attention.
        quantized: Whether products are in 8-bit integers.
    """

    def lay_out(part: Weights) -> Linear:
        if quantized and part.weight.numel():
            return QuantizedLinear(part.weight, part.bias, bounded=part.bounded)
        return packed(part.weight, part.bias)

    keys = None if key is None else lay_out(key)
    return Prepared(table, StepMaps(*map(lay_out, step)), lay_out(output), keys, quantized)
