"""Cells whose gates read the input alone, so that the recurrence is c_t = a_t c_{t-1} + b_t.

All products with weights are one for the whole row. What is left goes element by element.
"""

from __future__ import annotations

from abc import abstractmethod
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from seqtext.nn.cells.contract import Cell

Extra = tuple[Tensor, ...]


class LinearCell(Cell):
    """A subclass says what a, b and the output are. Below, p1, p2, … are the gates, s(.) the sigmoid."""

    recurrent_weights = False

    @abstractmethod
    def terms(self, projected: Tensor) -> tuple[Tensor, Tensor, Extra]:
        """a and b (B, T, H) of the gates (B, T, G * H), and what ``output`` needs beside c."""

    def output(self, memory: Tensor, *extra: Tensor) -> Tensor:
        """Outputs (B, T, H) of c (B, T, H)."""
        return memory

    def step(self, projected: Tensor, recurrent: Tensor | None, state: Tensor) -> Tensor:
        """See ``Cell``."""
        _, after = self._run(projected.unsqueeze(1), state)
        return after

    def run(
        self, inputs: Tensor, state: Tensor | None = None, drop: float = 0.0
    ) -> tuple[Tensor, Tensor]:
        """See ``Cell``. There are no weights to drop."""
        return self._run(self.project(inputs), state)

    def _run(self, projected: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
        # sums in time are in float32 at least
        wide = projected.to(torch.promote_types(projected.dtype, torch.float32))
        keep, new, extra = self.terms(wide)
        before = new.new_zeros(new[:, 0].shape) if state is None else state[:, -1].to(new.dtype)
        memory = scan(keep, new, before)
        outputs = self.output(memory, *extra)
        last = [outputs[:, -1], memory[:, -1]][-self.state_parts :]
        return outputs.to(projected.dtype), torch.stack(last, 1).to(projected.dtype)


class MinGRU(LinearCell):
    """z = s(p1), h_t = (1 - z) h_{t-1} + z p2 (Feng et al. 2024, section 3.1)."""

    gates, keep_gates = 2, MappingProxyType({0: -1})

    def terms(self, projected: Tensor) -> tuple[Tensor, Tensor, Extra]:
        """See ``LinearCell``."""
        update, candidate = projected.chunk(2, -1)
        update = update.sigmoid()
        return 1 - update, update * candidate, ()


class MinLSTM(LinearCell):
    """h_t = (f h_{t-1} + i p3) / (f + i) (Feng et al. 2024, section 3.2).

    Gates f = s(p1), i = s(p2).
    """

    gates = 3
    keep_gates = MappingProxyType({0: 1, 1: -1})  # s(b) / (s(b) + s(-b)) = s(b)

    def terms(self, projected: Tensor) -> tuple[Tensor, Tensor, Extra]:
        """See ``LinearCell``."""
        forget, let_in, candidate = projected.chunk(3, -1)
        # s(f) / (s(f) + s(i)), however small both are
        keep = (F.logsigmoid(forget) - F.logsigmoid(let_in)).sigmoid()
        return keep, (1 - keep) * candidate, ()


class SSRU(LinearCell):
    """f = s(p1), c_t = f c_{t-1} + (1 - f) p2, h_t = relu(c_t) (Kim et al. 2019, section 3.1)."""

    gates, state_parts, keep_gates = 2, 2, MappingProxyType({0: 1})

    def terms(self, projected: Tensor) -> tuple[Tensor, Tensor, Extra]:
        """See ``LinearCell``."""
        forget, candidate = projected.chunk(2, -1)
        keep = forget.sigmoid()
        return keep, (1 - keep) * candidate, ()

    def output(self, memory: Tensor, *extra: Tensor) -> Tensor:
        """See ``LinearCell``."""
        return memory.relu()


class SRU(LinearCell):
    """c_t = f c_{t-1} + (1 - f) p3, h_t = r c_t + (1 - r) p4.

    Gates f = s(p1), r = s(p2). Lei et al. 2018, eq. 1 to 4, without the weights from c_{t-1} to the gates.
    And p4 stands for the input of the highway connection.
    """

    gates, state_parts, keep_gates = 4, 2, MappingProxyType({0: 1})

    def terms(self, projected: Tensor) -> tuple[Tensor, Tensor, Extra]:
        """See ``LinearCell``."""
        forget, share, candidate, passed = projected.chunk(4, -1)
        extra = share.sigmoid(), passed
        keep = forget.sigmoid()
        return keep, (1 - keep) * candidate, extra

    def output(self, memory: Tensor, *extra: Tensor) -> Tensor:
        """See ``LinearCell``."""
        share, passed = extra
        return share * memory + (1 - share) * passed


def scan(keep: Tensor, new: Tensor, start: Tensor) -> Tensor:
    """c_t = a_t c_{t-1} + b_t.

    Args:
        keep: (B, T, H), a.
        new: (B, T, H), b.
        start: (B, H), c_0.

    Returns:
        (B, T, H).
    """
    memory: Tensor = _Scan.apply(keep, new, start)  # type: ignore[no-untyped-call]
    return memory


class _Scan(torch.autograd.Function):
    """The gradient by b is the same recurrence from the end to the start."""

    @staticmethod
    def forward(ctx: Any, keep: Tensor, new: Tensor, start: Tensor) -> Tensor:
        memory = _forward(keep, new, start)
        ctx.save_for_backward(keep, memory, start)
        return memory

    @staticmethod
    def backward(ctx: Any, *by_output: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        keep, memory, start = ctx.saved_tensors
        # d_t = g_t + a_{t+1} d_{t+1}
        ahead = torch.cat([keep[:, 1:], torch.zeros_like(keep[:, :1])], 1)
        nothing = torch.zeros_like(start)
        by_new = _forward(ahead.flip(1), by_output[0].flip(1), nothing).flip(1)
        before = torch.cat([start.unsqueeze(1), memory[:, :-1]], 1)
        return by_new * before, by_new, by_new[:, 0] * keep[:, 0]


def _forward(keep: Tensor, new: Tensor, start: Tensor) -> Tensor:
    # On CPU a step is quick, and its inputs are still in the cache. Elsewhere few calls are better.
    return (one_by_one if keep.device.type == "cpu" else doubling)(keep, new, start)


def one_by_one(keep: Tensor, new: Tensor, start: Tensor) -> Tensor:
    """``scan`` in T steps."""
    memory, steps = start, []
    for a, b in zip(keep.unbind(1), new.unbind(1), strict=True):
        memory = torch.addcmul(b, a, memory)
        steps.append(memory)
    return torch.stack(steps, 1)


def doubling(keep: Tensor, new: Tensor, start: Tensor) -> Tensor:
    """``scan`` in log2(T) steps over all positions (Hillis & Steele 1986)."""
    first = torch.addcmul(new[:, :1], keep[:, :1], start.unsqueeze(1))
    total, share, reach = torch.cat([first, new[:, 1:]], 1), keep, 1
    while reach < keep.size(1):
        behind = torch.addcmul(total[:, reach:], share[:, reach:], total[:, :-reach])
        total = torch.cat([total[:, :reach], behind], 1)
        share = torch.cat([share[:, :reach], share[:, reach:] * share[:, :-reach]], 1)
        reach *= 2
    return total
