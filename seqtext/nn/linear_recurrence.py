"""Cells whose gates read the input alone, so that c_t = a_t c_{t-1} + b_t is all there is in time.

All products with weights are one for the whole row; what is left goes element by element.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from seqtext.nn.config import LinearCell

GATES = {"min_gru": 2, "min_lstm": 3, "sru": 4, "ssru": 2}


class LinearRecurrence(nn.Module):
    """One layer and direction. With p the parts of W x + b, s(.) the sigmoid:

    ``min_gru``: z = s(p1), h_t = (1 - z) h_{t-1} + z p2 (Feng et al. 2024, section 3.1).
    ``min_lstm``: f = s(p1), i = s(p2), h_t = (f h_{t-1} + i p3) / (f + i) (section 3.2).
    ``ssru``: f = s(p1), c_t = f c_{t-1} + (1 - f) p2, h_t = relu(c_t) (Kim et al. 2019, section 3.1).
    ``sru``: f = s(p1), r = s(p2), c_t = f c_{t-1} + (1 - f) p3, h_t = r c_t + (1 - r) p4 (Lei et al. 2018,
    eq. 1 to 4, without the weights from c_{t-1} to the gates; p4 stands for the input of the highway
    connection, whatever its width).

    Args:
        cell: See above.
        input_size: I.
        hidden_size: H.
    """

    def __init__(self, cell: LinearCell, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.cell = cell
        self.input_size, self.hidden_size = input_size, hidden_size
        self.parts = 2 if cell in ("sru", "ssru") else 1  # of the state: h and c, or h alone
        rows = GATES[cell] * hidden_size
        self.weight_ih_l0 = nn.Parameter(torch.empty(rows, input_size))  # named as in nn.RNNBase
        self.bias_ih_l0 = nn.Parameter(torch.zeros(rows))
        bound = hidden_size**-0.5
        nn.init.uniform_(self.weight_ih_l0, -bound, bound)

    def forward(self, projected: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
        """W x + b (B, T, gates * H) and the state (B, P, H) before -> outputs (B, T, H), state after.

        Sums in time are in float32 at least.
        """
        wide = projected.to(torch.promote_types(projected.dtype, torch.float32))
        keep, new, of_output = self._gates(wide)
        before = new.new_zeros(new[:, 0].shape) if state is None else state[:, -1].to(new.dtype)
        memory = scan(keep, new, before)
        outputs = self._output(memory, of_output)
        last = [outputs[:, -1], memory[:, -1]][-self.parts :]
        return outputs.to(projected.dtype), torch.stack(last, 1).to(projected.dtype)

    def _gates(self, projected: Tensor) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
        """a, b, and what the output needs beside c."""
        if self.cell == "min_gru":
            update, candidate = projected.chunk(2, -1)
            update = update.sigmoid()
            return 1 - update, update * candidate, ()
        if self.cell == "min_lstm":
            forget, let_in, candidate = projected.chunk(3, -1)
            # s(f) / (s(f) + s(i)), however small both are
            keep = (nn.functional.logsigmoid(forget) - nn.functional.logsigmoid(let_in)).sigmoid()
            return keep, (1 - keep) * candidate, ()
        of_output: tuple[Tensor, ...] = ()
        if self.cell == "sru":
            forget, share, candidate, passed = projected.chunk(4, -1)
            of_output = share.sigmoid(), passed
        else:
            forget, candidate = projected.chunk(2, -1)
        keep = forget.sigmoid()
        return keep, (1 - keep) * candidate, of_output

    def _output(self, memory: Tensor, of_output: tuple[Tensor, ...]) -> Tensor:
        if self.cell == "ssru":
            return memory.relu()
        if self.cell == "sru":
            share, passed = of_output
            return share * memory + (1 - share) * passed
        return memory


def scan(keep: Tensor, new: Tensor, start: Tensor) -> Tensor:
    """c_t = a_t c_{t-1} + b_t.

    Args:
        keep: (B, T, H), a.
        new: (B, T, H), b.
        start: (B, H), c_0.

    Returns:
        (B, T, H).
    """
    found: Tensor = _Scan.apply(keep, new, start)  # type: ignore[no-untyped-call]
    return found


class _Scan(torch.autograd.Function):
    """The gradient by b is the same recurrence from the end to the start."""

    @staticmethod
    def forward(ctx: Any, keep: Tensor, new: Tensor, start: Tensor) -> Tensor:
        found = _forward(keep, new, start)
        ctx.save_for_backward(keep, found, start)
        return found

    @staticmethod
    def backward(ctx: Any, *by_output: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        keep, found, start = ctx.saved_tensors
        # d_t = g_t + a_{t+1} d_{t+1}
        ahead = torch.cat([keep[:, 1:], torch.zeros_like(keep[:, :1])], 1)
        nothing = torch.zeros_like(start)
        by_new = _forward(ahead.flip(1), by_output[0].flip(1), nothing).flip(1)
        before = torch.cat([start.unsqueeze(1), found[:, :-1]], 1)
        return by_new * before, by_new, by_new[:, 0] * keep[:, 0]


def _forward(keep: Tensor, new: Tensor, start: Tensor) -> Tensor:
    # on CPU a step is quick, and what it reads is still in the cache; elsewhere few calls are better
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
