"""One recurrent stack for every cell: padded, with lengths, one or two directions."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqtext.nn.config import LINEAR_CELLS, RecurrentCell
from seqtext.nn.dropout import Dropout, factors
from seqtext.nn.linear import product
from seqtext.nn.linear_recurrence import LinearRecurrence

# of one layer and direction: an nn.RNNBase or a LinearRecurrence; its weights are attributes by name
Recurrence = Any


class RecurrentOutput(NamedTuple):
    """What a stack returns."""

    outputs: Tensor  # (B, T, D * H), one vector a position
    last: Tensor  # (B, layers, D * H), hidden state at each row's last position
    state: (
        Tensor  # (B, layers, P, D * H), to go on from: hidden, and where a cell has one its memory
    )


def reverse(inputs: Tensor, lengths: Tensor) -> Tensor:
    """Reverse each row within its length; padding stays where it is.

    Args:
        inputs: (B, T, I).
        lengths: (B,) int64, each at most T.

    Example:
        >>> reverse(torch.tensor([[[1], [2], [0]]]), torch.tensor([2])).flatten().tolist()
        [2, 1, 0]
    """
    positions = torch.arange(inputs.size(1), device=inputs.device)
    mirrored = lengths.unsqueeze(1) - 1 - positions
    index = torch.where(mirrored >= 0, mirrored, positions)
    return inputs.gather(1, index.unsqueeze(2).expand_as(inputs))


def at_length(outputs: Tensor, lengths: Tensor | None) -> Tensor:
    """(B, T, H) -> (B, H): the vector at each row's last position."""
    if lengths is None:
        return outputs[:, -1]
    return outputs[torch.arange(len(outputs), device=outputs.device), lengths - 1]


def at_ends(outputs: Tensor, lengths: Tensor | None, size: int) -> Tensor:
    """(B, T, D * H) -> (B, D * H): where each direction, ``size`` wide, has read all of a row."""
    # the backward direction ends at the row's first position
    return torch.cat([at_length(outputs[..., :size], lengths), outputs[:, 0, size:]], 1)


class RecurrentStack(nn.Module):
    """Recurrent layers on top of each other, over padded rows.

    A padded call reaches kernels that a packed one never does (oneDNN on CPU, persistent cuDNN),
    so every direction of every layer is a padded call of its own; the backward one runs on rows
    reversed within their lengths. Padding therefore never changes a result. Order in a layer:
    recurrence, residual, layer normalization; dropout between layers.

    Args:
        cell: See ``NetworkConfig``.
        input_size: I, width of the input.
        hidden_size: H, width of one direction.
        layers: Number of layers.
        bidirectional: Two directions (D = 2), their outputs side by side.
        dropout: Between layers.
        locked: See ``Dropout``.
        recurrent_dropout: Probability of dropping a weight from state to state in training, drawn
            once a call (Merity et al. 2018, section 2).
        residual: Add a layer's input to its output where the widths agree.
        layer_norm: Normalize every layer's output.

    Example:
        >>> stack = RecurrentStack("gru", 3, 4, bidirectional=True)
        >>> stack(torch.zeros(2, 5, 3), torch.tensor([5, 2])).outputs.shape
        torch.Size([2, 5, 8])
    """

    def __init__(
        self,
        cell: RecurrentCell,
        input_size: int,
        hidden_size: int,
        *,
        layers: int = 1,
        bidirectional: bool = False,
        dropout: float = 0.0,
        locked: bool = False,
        recurrent_dropout: float = 0.0,
        residual: bool = False,
        layer_norm: bool = False,
    ) -> None:
        super().__init__()
        self.cell = cell
        self.hidden_size = hidden_size
        self.layers = layers
        self.directions = 2 if bidirectional else 1
        self.output_size = hidden_size * self.directions
        self.residual = residual
        self.recurrent_dropout = recurrent_dropout
        sizes = [input_size] + [self.output_size] * (layers - 1)
        self.forwards = nn.ModuleList(_recurrence(cell, size, hidden_size) for size in sizes)
        self.backwards = nn.ModuleList(
            _recurrence(cell, size, hidden_size) for size in (sizes if bidirectional else [])
        )
        self.parts = 2 if cell == "lstm" else getattr(self.forwards[0], "parts", 1)  # P
        self.norms = nn.ModuleList(
            nn.LayerNorm(self.output_size) if layer_norm else nn.Identity() for _ in sizes
        )
        self.dropout = Dropout(dropout, locked=locked)

    def forward(
        self, inputs: Tensor, lengths: Tensor | None = None, state: Tensor | None = None
    ) -> RecurrentOutput:
        """Run the stack.

        Args:
            inputs: (B, T, I).
            lengths: (B,) int64, at least 1 each; None where no row is padded.
            state: (B, layers, P, D * H) to go on from; None starts at zero.

        Returns:
            ``RecurrentOutput``. Its ``state`` is meaningful only for rows without padding: the cell
            state that an LSTM had at a shorter row's end is overwritten and cannot be recovered.
        """
        last, states = [], []
        for layer in range(self.layers):
            outputs, state_out = self._layer(
                layer, inputs, lengths, None if state is None else state[:, layer]
            )
            last.append(at_ends(outputs, lengths, self.hidden_size))
            states.append(state_out)
            if self.residual and outputs.shape == inputs.shape:
                outputs = outputs + inputs
            outputs = self.norms[layer](outputs)
            inputs = self.dropout(outputs) if layer + 1 < self.layers else outputs
        return RecurrentOutput(inputs, torch.stack(last, 1), torch.stack(states, 1))

    def _layer(
        self, layer: int, inputs: Tensor, lengths: Tensor | None, state: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        size = self.hidden_size
        ahead = None if state is None else state[..., :size]
        drop = self.recurrent_dropout if self.training else 0.0
        outputs, state_out = _run(self.forwards[layer], inputs, ahead, drop)
        if self.directions == 1:
            return outputs, state_out
        if lengths is None:
            lengths = torch.full((len(inputs),), inputs.size(1), device=inputs.device)
        back = None if state is None else state[..., size:]
        back_outputs, back_state = _run(self.backwards[layer], reverse(inputs, lengths), back, drop)
        outputs = torch.cat([outputs, reverse(back_outputs, lengths)], 2)
        return outputs, torch.cat([state_out, back_state], 2)


def _recurrence(cell: RecurrentCell, input_size: int, hidden_size: int) -> Recurrence:
    if cell == "lstm":
        return nn.LSTM(input_size, hidden_size, batch_first=True)
    if cell == "gru":
        return nn.GRU(input_size, hidden_size, batch_first=True)
    if cell in LINEAR_CELLS:
        return LinearRecurrence(cell, input_size, hidden_size)  # type: ignore[arg-type]
    return nn.RNN(input_size, hidden_size, nonlinearity=cell.removeprefix("rnn_"), batch_first=True)


def _run(
    module: Recurrence, inputs: Tensor, state: Tensor | None, drop: float
) -> tuple[Tensor, Tensor]:
    """One direction of one layer: (B, T, I), (B, P, H) or None -> (B, T, H), (B, P, H)."""
    if isinstance(module, LinearRecurrence):
        return module(F.linear(inputs, module.weight_ih_l0, module.bias_ih_l0), state)  # type: ignore[no-any-return]
    if inputs.size(1) == 1 and state is not None and not torch.is_grad_enabled():
        projected = product(inputs[:, 0], module.weight_ih_l0, module.bias_ih_l0)
        recurrent = product(state[:, 0], module.weight_hh_l0, module.bias_hh_l0)
        state = advance(module, projected, recurrent, state)
        return state[:, :1], state
    lstm = isinstance(module, nn.LSTM)
    # On a CPU autocast knows no low-precision GRU and would be handed mixed types, and a plain RNN would
    # round its state at every step. On a GPU autocast hands cuDNN float16, also where bfloat16 was asked
    # for: too narrow for gradients that nothing scales.
    full = not lstm or inputs.is_cuda
    if full:
        inputs = inputs.to(module.weight_ih_l0.dtype)
    if state is None:
        state = inputs.new_zeros(len(inputs), 2 if lstm else 1, module.hidden_size)
    parts = tuple(part.contiguous() for part in state.to(inputs.dtype).transpose(0, 1).chunk(2))
    kind = inputs.device.type
    with torch.autocast(kind, enabled=torch.is_autocast_enabled(kind) and not full):
        if not drop:
            outputs, last = module(inputs, parts if lstm else parts[0])
        else:
            outputs, last = _run_dropped(module, inputs, parts, drop)
    return outputs, (torch.cat(last) if lstm else last).transpose(0, 1)


def _run_dropped(
    module: Recurrence, inputs: Tensor, parts: tuple[Tensor, ...], drop: float
) -> tuple[Tensor, Any]:
    """``module(inputs, parts)`` with weights from state to state that lack some."""
    kernel: Any = {
        "LSTM": torch.lstm,
        "GRU": torch.gru,
        "RNN_TANH": torch.rnn_tanh,
        "RNN_RELU": torch.rnn_relu,
    }[module.mode]
    weight = module.weight_hh_l0
    dropped = weight * factors(weight.shape, drop, weight)
    weights = [module.weight_ih_l0, dropped, module.bias_ih_l0, module.bias_hh_l0]
    start = parts if module.mode == "LSTM" else parts[0]
    outputs, *last = kernel(inputs, start, weights, True, 1, 0.0, True, False, True)
    return outputs, last if module.mode == "LSTM" else last[0]


# --- one step of a cell ---------------------------------------------------------------------------------
# PyTorch's own modules prepare their weights anew in every call, which costs more than a step itself.


def advance(
    module: Recurrence, projected: Tensor, recurrent: Tensor | None, state: Tensor
) -> Tensor:
    """One step of a cell.

    Args:
        module: Says which cell.
        projected: (B, gates * H), W x + b of the input.
        recurrent: (B, gates * H), likewise of the hidden state; None where gates read the input alone.
        state: (B, P, H) before the step.

    Returns:
        (B, P, H) after it.
    """
    if recurrent is None:
        _, after = module(projected.unsqueeze(1), state)
        return after  # type: ignore[no-any-return]
    if isinstance(module, nn.LSTM):
        gate_in, gate_forget, candidate, gate_out = (projected + recurrent).chunk(4, 1)
        cell = gate_forget.sigmoid() * state[:, 1] + gate_in.sigmoid() * candidate.tanh()
        return torch.stack([gate_out.sigmoid() * cell.tanh(), cell], 1)
    if isinstance(module, nn.GRU):
        of_input, of_state = projected.chunk(3, 1), recurrent.chunk(3, 1)
        reset, update = ((x + h).sigmoid() for x, h in zip(of_input[:2], of_state[:2], strict=True))
        candidate = (of_input[2] + reset * of_state[2]).tanh()
        return (candidate + update * (state[:, 0] - candidate)).unsqueeze(1)
    total = projected + recurrent
    return (total.tanh() if module.nonlinearity == "tanh" else total.relu()).unsqueeze(1)
