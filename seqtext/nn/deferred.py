"""Products with the same matrix inside a loop over time. Its gradient is computed after all steps."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from seqtext.nn.linear import product

_Calls = list[tuple[Tensor, Tensor]]  # inputs (N, I) and gradients by outputs (N, O) of each call


class DeferredLinear:
    """W x + b, called once a step. The gradients by W and b are computed after all steps.

    Autograd would make a gradient as large as W at every step, by a product with few rows, and add
    them up. Here the inputs and gradients of all steps are kept, and one product makes the gradient.

    Args:
        weight: (O, I).
        bias: (O,).
    """

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        kind, weight = weight.device.type, weight.contiguous()
        if torch.is_autocast_enabled(kind):
            dtype = torch.get_autocast_dtype(kind)
            weight, bias = weight.to(dtype), None if bias is None else bias.to(dtype)
        # shared by all nodes of the graph: each call's backward pass adds to it, that of W reads it
        self._calls: _Calls = []
        self._weight, self._bias = _Weights.apply(weight, bias, self._calls)  # type: ignore[no-untyped-call]

    def __call__(self, inputs: Tensor) -> Tensor:
        """Inputs (N, I) -> (N, O)."""
        inputs = inputs.to(self._weight.dtype)
        outputs: Tensor = _Call.apply(inputs, self._weight, self._bias, self._calls)  # type: ignore[no-untyped-call]
        return outputs


class _Weights(torch.autograd.Function):
    """The node of W and b before all calls in the graph. So its backward pass comes after theirs."""

    @staticmethod
    def forward(
        ctx: Any, weight: Tensor, bias: Tensor | None, calls: _Calls
    ) -> tuple[Tensor, Tensor | None]:
        ctx.calls = calls
        # the calls pass on no gradients, and zeros as large as W would be made of that
        ctx.set_materialize_grads(False)
        # views, since an output that is an input would not become a node of the graph
        return weight.view_as(weight), None if bias is None else bias.view_as(bias)

    @staticmethod
    def backward(ctx: Any, *nothing: Tensor | None) -> tuple[Tensor | None, ...]:
        if not ctx.calls:
            return None, None, None
        inputs, gradients = (torch.cat(parts) for parts in zip(*ctx.calls, strict=True))
        ctx.calls.clear()  # frees the memory, and a second backward pass begins anew
        by_bias = gradients.sum(0) if ctx.needs_input_grad[1] else None
        return gradients.t() @ inputs, by_bias, None


class _Call(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, inputs: Tensor, weight: Tensor, bias: Tensor | None, calls: _Calls
    ) -> Tensor:
        ctx.save_for_backward(inputs, weight)
        ctx.calls = calls
        return product(inputs, weight, bias)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        inputs, weight = ctx.saved_tensors
        # None for W: autograd still visits the node of W, once all calls have been here
        ctx.calls.append((inputs, gradients[0]))
        return product(gradients[0], weight.t()), None, None, None


class DeferredProduct:
    """x V with a matrix V of each row, called once a step. The gradient by V is computed after all steps.

    Args:
        matrix: (B, I, O).
    """

    def __init__(self, matrix: Tensor) -> None:
        kind = matrix.device.type
        if torch.is_autocast_enabled(kind):
            matrix = matrix.to(torch.get_autocast_dtype(kind))
        self._calls: _Calls = []
        self._matrix: Tensor = _Matrix.apply(matrix, self._calls)  # type: ignore[no-untyped-call]

    def __call__(self, inputs: Tensor) -> Tensor:
        """Inputs (B, T, I) -> (B, T, O)."""
        inputs = inputs.to(self._matrix.dtype)
        outputs: Tensor = _Product.apply(inputs, self._matrix, self._calls)  # type: ignore[no-untyped-call]
        return outputs


class _Matrix(torch.autograd.Function):
    """The node of V before all calls in the graph, see ``_Weights``."""

    @staticmethod
    def forward(ctx: Any, matrix: Tensor, calls: _Calls) -> Tensor:
        ctx.calls = calls
        ctx.set_materialize_grads(False)
        return matrix.view_as(matrix)

    @staticmethod
    def backward(ctx: Any, *nothing: Tensor | None) -> tuple[Tensor | None, ...]:
        if not ctx.calls:
            return None, None
        inputs, gradients = (torch.cat(parts, 1) for parts in zip(*ctx.calls, strict=True))
        ctx.calls.clear()
        return inputs.transpose(1, 2) @ gradients, None


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, inputs: Tensor, matrix: Tensor, calls: _Calls) -> Tensor:
        ctx.save_for_backward(inputs, matrix)
        ctx.calls = calls
        return inputs @ matrix

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        inputs, matrix = ctx.saved_tensors
        ctx.calls.append((inputs, gradients[0]))
        return gradients[0] @ matrix.transpose(1, 2), None, None
