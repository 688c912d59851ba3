"""PyTorch's own recurrent networks as cells: a whole row is one call of a fused kernel."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from seqtext.nn.cells.contract import Cell
from seqtext.nn.cells.lstm_step import lstm_step
from seqtext.nn.linear import product


class FusedCell(Cell):
    """A subclass of this and of an ``nn.RNNBase``, which makes the weights and lays them out for cuDNN."""

    kernel: ClassVar[Callable[..., Any]]  # what the ``nn.RNNBase`` calls
    # On a CPU autocast knows only the LSTM. A GRU would be handed mixed types, and a plain RNN would
    # round its state at every step.
    autocast_on_cpu: ClassVar[bool] = False

    def run(
        self, inputs: Tensor, state: Tensor | None = None, drop: float = 0.0
    ) -> tuple[Tensor, Tensor]:
        """See ``Cell``."""
        if self.maps is not None and not torch.is_grad_enabled():
            return super().run(inputs, state, drop)
        if inputs.size(1) == 1 and state is not None and not torch.is_grad_enabled():
            # PyTorch prepares its weights anew in every call, which costs more than a step itself
            projected = product(inputs[:, 0], self.weight_ih_l0, self.bias_ih_l0)
            recurrent = product(state[:, 0], self.weight_hh_l0, self.bias_hh_l0)
            state = self.step(projected, recurrent, state)
            return state[:, :1], state
        # On a GPU autocast hands cuDNN float16, also where bfloat16 was asked for. That is too narrow
        # for gradients that nothing scales.
        full = not self.autocast_on_cpu or inputs.is_cuda
        if full:
            inputs = inputs.to(self.weight_ih_l0.dtype)
        if state is None:
            state = inputs.new_zeros(len(inputs), self.state_parts, self.hidden_size)
        parts = tuple(part.contiguous() for part in state.to(inputs.dtype).transpose(0, 1).chunk(2))
        pair = self.state_parts == 2  # which PyTorch takes and returns as a tuple
        kind = inputs.device.type
        with torch.autocast(kind, enabled=torch.is_autocast_enabled(kind) and not full):
            if not drop:
                outputs, last = self(inputs, parts if pair else parts[0])
            else:
                outputs, last = self._run_dropped(inputs, parts, drop)
        return outputs, (torch.cat(last) if pair else last).transpose(0, 1)

    def _run_dropped(self, inputs: Tensor, parts: tuple[Tensor, ...], drop: float) -> Any:
        """``self(inputs, parts)`` with recurrent weights that lack some."""
        dropped = self.dropped_weights(drop)
        weights = [self.weight_ih_l0, dropped, self.bias_ih_l0, self.bias_hh_l0]
        start = parts if self.state_parts == 2 else parts[0]
        outputs, *last = self.kernel(inputs, start, weights, True, 1, 0.0, True, False, True)
        return outputs, last if self.state_parts == 2 else last[0]


class LSTM(FusedCell, nn.LSTM):
    """c' = f c + i g, h' = o tanh(c') (Gers et al. 2000).

    Gates i, f, o = s(.). The candidate g = tanh(.).
    """

    gates, state_parts, keep_gates = 4, 2, MappingProxyType({1: 1})
    kernel, autocast_on_cpu = torch.lstm, True

    def __init__(self, input_size: int, hidden_size: int) -> None:
        nn.LSTM.__init__(self, input_size, hidden_size, batch_first=True)

    def step(self, projected: Tensor, recurrent: Tensor | None, state: Tensor) -> Tensor:
        """See ``Cell``."""
        assert recurrent is not None
        if torch.is_grad_enabled():
            return lstm_step(projected, recurrent, state)
        gate_in, gate_forget, candidate, gate_out = (projected + recurrent).chunk(4, 1)
        memory = gate_forget.sigmoid() * state[:, 1] + gate_in.sigmoid() * candidate.tanh()
        return torch.stack([gate_out.sigmoid() * memory.tanh(), memory], 1)


class GRU(FusedCell, nn.GRU):
    """h' = (1 - z) n + z h (Cho et al. 2014).

    Gates r, z = s(.). The candidate n = tanh(W x + b + r (U h + c)).
    """

    gates, keep_gates = 3, MappingProxyType({1: 1})
    kernel = torch.gru

    def __init__(self, input_size: int, hidden_size: int) -> None:
        nn.GRU.__init__(self, input_size, hidden_size, batch_first=True)

    def step(self, projected: Tensor, recurrent: Tensor | None, state: Tensor) -> Tensor:
        """See ``Cell``."""
        assert recurrent is not None
        of_input, of_state = projected.chunk(3, 1), recurrent.chunk(3, 1)
        reset, update = ((x + h).sigmoid() for x, h in zip(of_input[:2], of_state[:2], strict=True))
        candidate = (of_input[2] + reset * of_state[2]).tanh()
        return (candidate + update * (state[:, 0] - candidate)).unsqueeze(1)


class TanhRNN(FusedCell, nn.RNN):
    """h' = tanh(W x + b + U h + c) (Elman 1990)."""

    gates = 1
    kernel = torch.rnn_tanh

    def __init__(self, input_size: int, hidden_size: int) -> None:
        nn.RNN.__init__(self, input_size, hidden_size, nonlinearity="tanh", batch_first=True)

    def step(self, projected: Tensor, recurrent: Tensor | None, state: Tensor) -> Tensor:
        """See ``Cell``."""
        assert recurrent is not None
        return (projected + recurrent).tanh().unsqueeze(1)


class ReluRNN(FusedCell, nn.RNN):
    """h' = relu(W x + b + U h + c) (Le et al. 2015)."""

    gates = 1
    kernel = torch.rnn_relu

    def __init__(self, input_size: int, hidden_size: int) -> None:
        nn.RNN.__init__(self, input_size, hidden_size, nonlinearity="relu", batch_first=True)

    def step(self, projected: Tensor, recurrent: Tensor | None, state: Tensor) -> Tensor:
        """See ``Cell``."""
        assert recurrent is not None
        return (projected + recurrent).relu().unsqueeze(1)
