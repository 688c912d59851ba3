"""x W' + b with 8-bit integers, for inference on a CPU.

Weights have a scale for each output. Inputs are scaled row by row, so a row's result never depends on the
others of a batch.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqtext import internals
from seqtext.errors import ConfigError
from seqtext.nn.cells.contract import Cell
from seqtext.nn.config import EncoderConfig

_MOST = 127  # the largest integer of a weight
_TINY = torch.finfo(torch.float32).tiny


class QuantizedLinear:
    """Inputs (..., I) float32 -> (..., O) float32. No gradient.

    Args:
        weight: (O, I), as it is now.
        bias: (O,).
        bounded: Whether all inputs stay within -1 and 1. Otherwise each row is scaled by its largest value.
    """

    def __init__(
        self, weight: Tensor, bias: Tensor | None = None, *, bounded: bool = False
    ) -> None:
        weight = weight.detach().float()
        self._scales = weight.abs().amax(1).clamp(min=_TINY) / _MOST
        self._weight = (weight / self._scales.unsqueeze(1)).round().to(torch.int8)
        self._bias = None if bias is None else bias.detach().float()
        self._bounded = bounded
        self._lay_out()

    def _lay_out(self) -> None:
        self._product = internals.integer_product(self._weight, self._scales)
        # the largest integer of an input. An integer without sign stands for it, shifted
        self._most = 127 if internals.adds_wide() else 63
        # the half rounds, as a conversion to integers cuts
        self._shift = torch.tensor(self._most + 1.5)

    def __call__(self, inputs: Tensor) -> Tensor:
        zero = self._most + 1
        if self._bounded:
            integers = torch.add(self._shift, inputs, alpha=self._most).to(torch.uint8)
            outputs = self._product(integers, 1 / self._most, zero, self._bias)
            if inputs.sum().isnan():  # no integer stands for NaN
                outputs[inputs.isnan().any(-1)] = torch.nan
            return outputs
        largest = inputs.abs().amax(-1, keepdim=True).clamp_(min=_TINY)
        scale = largest / self._most
        integers = torch.addcdiv(self._shift, inputs, scale).to(torch.uint8)
        product = self._product(integers, 1.0, zero, None)
        return product * scale if self._bias is None else torch.addcmul(self._bias, product, scale)

    def select(self, outputs: Tensor) -> QuantizedLinear:
        """The same map to some of the outputs (M,) alone."""
        part = object.__new__(QuantizedLinear)
        bias = None if self._bias is None else self._bias[outputs]
        weights = {"_weight": self._weight[outputs], "_scales": self._scales[outputs]}
        part.__setstate__({**self.__getstate__(), **weights, "_bias": bias})
        return part

    def __getstate__(self) -> dict[str, object]:
        # weights laid out for this processor cannot be copied or sent elsewhere
        return {name: value for name, value in self.__dict__.items() if name != "_product"}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._lay_out()


def check_recurrent(config: EncoderConfig) -> None:
    """Refuse a network whose layers PyTorch computes in floats alone.

    Raises:
        ConfigError: It is a Transformer.
    """
    if not config.is_recurrent:
        raise ConfigError("precision: a transformer has no int8, choose fp32 or bf16")


def quantize_cells(part: nn.Module) -> None:
    """Let all cells of a network's part compute their products with integers.

    They then read a row step by step. This is quicker than PyTorch's fused kernels in float32.
    """
    for cell in part.modules():
        if isinstance(cell, Cell):
            cell.maps = (
                QuantizedLinear(cell.weight_ih_l0, cell.bias_ih_l0),
                QuantizedLinear(cell.weight_hh_l0, cell.bias_hh_l0, bounded=cell.bounded)
                if cell.recurrent_weights
                else None,
            )
