"""A step of an LSTM for autograd, with far fewer operations than PyTorch would record.

Shapes: B rows, H units.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

_by_sigmoid = torch.ops.aten.sigmoid_backward.grad_input
_by_tanh = torch.ops.aten.tanh_backward.grad_input


def lstm_step(projected: Tensor, recurrent: Tensor, state: Tensor) -> Tensor:
    """See ``LSTM.step``. Gates are in the state's type."""
    gates = projected.to(state.dtype), recurrent.to(state.dtype)
    after: Tensor = _Step.apply(*gates, state)  # type: ignore[no-untyped-call]
    return after


class _Step(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, projected: Tensor, recurrent: Tensor, state: Tensor) -> Tensor:
        gates = projected + recurrent
        gate_in, gate_forget, candidate, gate_out = gates.chunk(4, 1)
        for gate in (gate_in, gate_forget, gate_out):
            gate.sigmoid_()
        candidate.tanh_()
        after = torch.empty_like(state)
        torch.mul(gate_forget, state[:, 1], out=after[:, 1]).addcmul_(gate_in, candidate)
        shown = after[:, 1].tanh()
        torch.mul(gate_out, shown, out=after[:, 0])
        ctx.save_for_backward(gates, state, shown)
        return after

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, by_after: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        gates, state, shown = ctx.saved_tensors
        gate_in, gate_forget, candidate, gate_out = gates.chunk(4, 1)
        by_gates = torch.empty_like(gates)
        by_in, by_forget, by_candidate, by_out = by_gates.chunk(4, 1)
        by_hidden, by_memory = by_after[:, 0], by_after[:, 1]
        _by_sigmoid(by_hidden * shown, gate_out, grad_input=by_out)
        by_shown = by_hidden * gate_out
        by_memory = _by_tanh(by_shown, shown, grad_input=by_shown).add_(by_memory)
        _by_sigmoid(by_memory * candidate, gate_in, grad_input=by_in)
        _by_sigmoid(by_memory * state[:, 1], gate_forget, grad_input=by_forget)
        _by_tanh(by_memory * gate_in, candidate, grad_input=by_candidate)
        by_state = torch.zeros_like(state)
        torch.mul(by_memory, gate_forget, out=by_state[:, 1])
        return by_gates, by_gates, by_state
