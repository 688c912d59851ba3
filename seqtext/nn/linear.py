"""x W' + b outside of autograd, by the quickest kernel that a processor has."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from seqtext.nn import internals

Linear = Callable[[Tensor], Tensor]


def _by_onednn(tensor: Tensor, *types: torch.dtype) -> bool:
    known = internals.linear_pointwise is not None
    return known and tensor.device.type == "cpu" and tensor.dtype in types


def product(inputs: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Inputs (..., I), weight (O, I), bias (O,) -> (..., O). No gradient."""
    if _by_onednn(inputs, torch.float32):
        # oneDNN reads a part of a matrix a thousand times slower
        if not (weight.is_contiguous() or weight.t().is_contiguous()):
            weight = weight.contiguous()
        outputs: Tensor = internals.linear_pointwise(inputs, weight, bias, "none", [], "")
        return outputs
    return F.linear(inputs, weight, bias)


def packed(weight: Tensor, bias: Tensor | None = None) -> Linear:
    """``product`` with these weights, as they are now, laid out once for many calls."""
    weight, bias = weight.detach(), None if bias is None else bias.detach()
    known = internals.reorder_linear_weight is not None
    if not (known and weight.numel() and _by_onednn(weight, torch.float32, torch.bfloat16)):
        return lambda inputs: product(inputs, weight, bias)
    laid_out = internals.reorder_linear_weight(weight.contiguous(), None)
    return lambda inputs: internals.linear_pointwise(inputs, laid_out, bias, "none", [], "")
