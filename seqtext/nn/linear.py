"""x W' + b outside of autograd, by the quickest kernel that a processor has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

Linear = Callable[[Tensor], Tensor]

# oneDNN's product, which PyTorch's own compiler calls too. For a few rows in float32 it is up to
# twice as fast as MKL, and the only one to take weights that are laid out for it beforehand.
_ONEDNN: Any = None
if torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
    _ONEDNN = getattr(torch.ops.mkldnn, "_linear_pointwise", None)


def _by_onednn(tensor: Tensor, *types: torch.dtype) -> bool:
    return _ONEDNN is not None and tensor.device.type == "cpu" and tensor.dtype in types


def product(inputs: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Inputs (..., I), weight (O, I), bias (O,) -> (..., O); no gradient."""
    if _by_onednn(inputs, torch.float32):
        if not (weight.is_contiguous() or weight.t().is_contiguous()):
            weight = weight.contiguous()  # a part of a matrix oneDNN reads a thousand times slower
        outputs: Tensor = _ONEDNN(inputs, weight, bias, "none", [], "")
        return outputs
    return F.linear(inputs, weight, bias)


def packed(weight: Tensor, bias: Tensor | None = None) -> Linear:
    """``product`` with these weights, as they are now, laid out once for many calls."""
    weight, bias = weight.detach(), None if bias is None else bias.detach()
    if not weight.numel() or not _by_onednn(weight, torch.float32, torch.bfloat16):
        return lambda inputs: product(inputs, weight, bias)
    laid_out = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), None)
    return lambda inputs: _ONEDNN(inputs, laid_out, bias, "none", [], "")
