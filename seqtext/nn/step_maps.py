"""The linear maps of one step of the decoder, and how they are laid out for search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor

from seqtext.nn.linear import Linear, packed
from seqtext.nn.quantized import QuantizedLinear

Weights = tuple[Tensor, Tensor | None]  # (O, I) and a bias (O,)


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
    quantized: bool  # whether products are in 8-bit integers


def prepare(
    table: Tensor, step: Sequence[Weights], output: Weights, *, quantized: bool
) -> Prepared:
    """Lay out weights.

    Args:
        table: See ``Prepared``.
        step: Of ``StepMaps``. A map without inputs, such as no feed, stays as it is.
        output: Of the output layer, whose inputs lie within -1 and 1.
        quantized: Whether products are in 8-bit integers.
    """
    if not quantized:
        return Prepared(table, StepMaps(*(packed(*part) for part in step)), packed(*output), False)
    maps = (QuantizedLinear(*part) if part[0].numel() else packed(*part) for part in step)
    return Prepared(table, StepMaps(*maps), QuantizedLinear(*output, bounded=True), True)
