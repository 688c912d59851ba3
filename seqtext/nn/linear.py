"""x W' + b outside of autograd, by the quickest kernel that a processor has."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from seqtext import internals

Linear = Callable[[Tensor], Tensor]


def product(inputs: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Inputs (..., I), weight (O, I), bias (O,) -> (..., O). No gradient."""
    linear = internals.onednn_linear()
    if linear is None or inputs.device.type != "cpu" or inputs.dtype != torch.float32:
        return F.linear(inputs, weight, bias)
    # oneDNN reads a part of a matrix a thousand times slower
    if not (weight.is_contiguous() or weight.t().is_contiguous()):
        weight = weight.contiguous()
    return linear(inputs, weight, bias)


def packed(weight: Tensor, bias: Tensor | None = None) -> Linear:
    """``product`` with these weights, as they are now, laid out once for many calls."""
    weight, bias = weight.detach(), None if bias is None else bias.detach()
    linear, lay_out = internals.onednn_linear(), internals.onednn_layout()
    fits = weight.device.type == "cpu" and weight.dtype in (torch.float32, torch.bfloat16)
    if linear is None or lay_out is None or not (fits and weight.numel()):
        return lambda inputs: product(inputs, weight, bias)
    laid_out = lay_out(weight.contiguous())
    return lambda inputs: linear(inputs, laid_out, bias)
