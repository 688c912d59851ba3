"""What a recurrent cell is, and whether a class is one.

Shapes: B rows, T positions, I inputs, H units, P parts of the state, G gates.
"""

from __future__ import annotations

import functools
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqtext.errors import ConfigError
from seqtext.nn.deferred import DeferredLinear
from seqtext.nn.dropout import factors
from seqtext.nn.linear import Linear, product

# names and order of nn.RNNBase, so that checkpoints of all cells look alike
WEIGHTS = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")


class Cell(nn.Module, ABC):
    """One recurrent layer in one direction.

    A gate takes W x + b of the input x and U h + c of the hidden state h. Both are linear maps outside of
    ``step``. So the first is one product for all positions, and the decoder can prepare both for search.

    A cell sets ``gates``, and ``state_parts``, ``recurrent_weights`` and ``keep_gates`` where they differ,
    and writes ``step``. ``run`` may be overridden by something faster.

    Args:
        input_size: I.
        hidden_size: H.
    """

    gates: ClassVar[int]  # G, number of vectors (H,) that ``step`` takes of each map
    state_parts: ClassVar[int] = 1  # P. The first part is the hidden state, which is the output.
    recurrent_weights: ClassVar[bool] = True  # whether gates read the hidden state
    # Gates whose bias ``forget_bias`` sets. The value is 1 where a larger bias keeps more, else -1.
    keep_gates: ClassVar[Mapping[int, int]] = MappingProxyType({})

    input_size: int
    hidden_size: int
    weight_ih_l0: nn.Parameter  # (G * H, I), W
    bias_ih_l0: nn.Parameter  # (G * H,), b
    weight_hh_l0: nn.Parameter  # (G * H, H), U, missing without recurrent weights
    bias_hh_l0: nn.Parameter  # (G * H,), c, missing likewise

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        rows, bound = self.gates * hidden_size, hidden_size**-0.5
        sizes = {"ih": input_size} | ({"hh": hidden_size} if self.recurrent_weights else {})
        for name, size in sizes.items():
            weight = torch.empty(rows, size).uniform_(-bound, bound)
            self.register_parameter(f"weight_{name}_l0", nn.Parameter(weight))
        for name in sizes:
            self.register_parameter(f"bias_{name}_l0", nn.Parameter(torch.zeros(rows)))

    def project(self, inputs: Tensor) -> Tensor:
        """W x + b: (..., I) -> (..., G * H). Narrower inputs take the first columns of W."""
        weight: Tensor = self.weight_ih_l0
        if inputs.size(-1) < self.input_size:  # a slice of all columns would copy the gradient
            weight = weight[:, : inputs.size(-1)]
        return F.linear(inputs, weight, self.bias_ih_l0)

    @abstractmethod
    def step(self, projected: Tensor, recurrent: Tensor | None, state: Tensor) -> Tensor:
        """Read one position.

        Args:
            projected: (B, G * H), W x + b.
            recurrent: (B, G * H), U h + c. None without recurrent weights.
            state: (B, P, H) before.

        Returns:
            (B, P, H) after.
        """

    def run(
        self, inputs: Tensor, state: Tensor | None = None, drop: float = 0.0
    ) -> tuple[Tensor, Tensor]:
        """Read whole rows.

        Args:
            inputs: (B, T, I).
            state: (B, P, H) before. None is zero.
            drop: Probability of dropping a weight of U, drawn once a call.

        Returns:
            Outputs (B, T, H) and the state (B, P, H) after the last position.
        """
        if state is None:
            # in the type of the weights, so that under autocast the state stays in float32
            shape = len(inputs), self.state_parts, self.hidden_size
            state = inputs.new_zeros(shape, dtype=self.weight_ih_l0.dtype)
        recurrent = self._recurrent_map(drop) if self.recurrent_weights else None
        outputs = []
        for projected in self.project(inputs).unbind(1):
            hidden = None if recurrent is None else recurrent(state[:, 0])
            state = self.step(projected, hidden, state)
            outputs.append(state[:, 0])
        return torch.stack(outputs, 1), state

    def _recurrent_map(self, drop: float) -> Linear:
        weight = self.dropped_weights(drop)
        if torch.is_grad_enabled():
            return DeferredLinear(weight, self.bias_hh_l0)
        return functools.partial(product, weight=weight, bias=self.bias_hh_l0)

    def dropped_weights(self, drop: float) -> Tensor:
        """U with each weight dropped with probability ``drop`` (Merity et al. 2018, section 2)."""
        weight = self.weight_hh_l0
        return weight * factors(weight.shape, drop, weight) if drop else weight


# --- whether a class is one -----------------------------------------------------------------------------

_ROWS, _LENGTH, _INPUTS, _UNITS = 2, 3, 3, 4  # of the check


def check_contract(cell: type, name: str) -> None:
    """Try a class from outside of seqtext on tiny sizes.

    Args:
        cell: The class.
        name: Its import path, for messages.

    Raises:
        ConfigError: It is no ``Cell``, a shape is wrong, or its results depend on how it is called.
    """
    if not (isinstance(cell, type) and issubclass(cell, Cell)):
        raise ConfigError(f"network.cell: {name} is no subclass of seqtext.nn.cells.contract.Cell")
    try:
        # on the CPU, whatever device a network is built on, and without a trace in random numbers
        with torch.device("cpu"), torch.random.fork_rng(devices=[]), torch.inference_mode(False):
            torch.manual_seed(0)
            broken = _broken_rule(cell)
    except Exception as error:  # whatever the user's code does
        raise ConfigError(
            f"network.cell: {name} fails on a tiny input ({type(error).__name__}: {error!s:.200})"
        ) from error
    if broken is not None:
        raise ConfigError(f"network.cell: {name} breaks the contract of a cell: {broken}")


def _broken_rule(cell: type[Cell]) -> str | None:
    """The first rule that a class breaks, with what was found."""
    module = cell(_INPUTS, _UNITS).double().eval()
    if wrong := _wrong_size(module):
        return wrong
    for name, parameter in module.named_parameters():
        if name in WEIGHTS:
            nn.init.uniform_(parameter, -1, 1)
    inputs = torch.randn(_ROWS, _LENGTH, _INPUTS, dtype=torch.double)
    start = torch.randn(_ROWS, module.state_parts, _UNITS, dtype=torch.double)
    with torch.enable_grad():
        outputs, after = module.run(inputs, start)
        for what, value, shape in (
            ("the outputs of run", outputs, (_ROWS, _LENGTH, _UNITS)),
            ("the state of run", after, start.shape),
        ):
            if value.shape != shape:
                return f"{what} have the shape {tuple(value.shape)}, expected {tuple(shape)}"
        weight = module.weight_hh_l0 if module.recurrent_weights else module.weight_ih_l0
        (gradient,) = torch.autograd.grad(outputs.sum(), [weight])
    if not (outputs.isfinite().all() and gradient.isfinite().all()):
        return "its outputs or gradients are not finite"
    with torch.no_grad():
        return _differences(module, inputs, start, outputs, after)


def _wrong_size(module: Cell) -> str | None:
    rows = module.gates * _UNITS
    sizes = {"weight_ih_l0": (rows, _INPUTS), "bias_ih_l0": (rows,)}
    if module.recurrent_weights:
        sizes |= {"weight_hh_l0": (rows, _UNITS), "bias_hh_l0": (rows,)}
    weights = dict(module.named_parameters())
    for name, shape in sizes.items():
        if name not in weights or weights[name].shape != shape:
            actual = tuple(weights[name].shape) if name in weights else "missing"
            return f"{name} is {actual}, expected the shape {shape}"
    if not set(module.keep_gates) <= set(range(module.gates)):
        return (
            f"keep_gates names {sorted(module.keep_gates)}, expected numbers below {module.gates}"
        )
    return None


def _differences(
    module: Cell, inputs: Tensor, start: Tensor, outputs: Tensor, after: Tensor
) -> str | None:
    """Compare ``run`` with what it must equal."""
    state, steps = start, []
    for position in inputs.unbind(1):
        hidden = None
        if module.recurrent_weights:
            hidden = F.linear(state[:, 0], module.weight_hh_l0, module.bias_hh_l0)
        state = module.step(module.project(position), hidden, state)
        if state.shape != start.shape:
            return f"the state of step has the shape {tuple(state.shape)}, expected {tuple(start.shape)}"
        steps.append(state[:, 0])
    padded = F.pad(inputs, (0, 0, 0, 2), value=math.nan)
    first, middle = module.run(inputs[:, :1], start)
    second, end = module.run(inputs[:, 1:], middle)
    zero = module.run(inputs, torch.zeros_like(start))[0]
    for what, value, expected in (
        ("step by step it has other outputs than run", torch.stack(steps, 1), outputs),
        ("step by step it has another last state than run", state, after),
        ("padding changes outputs before it", module.run(padded, start)[0][:, :_LENGTH], outputs),
        ("a row depends on its neighbours", module.run(inputs[:1], start[:1])[0], outputs[:1]),
        ("going on from a state differs from one run", torch.cat([first, second], 1), outputs),
        ("going on from a state leads to another last state", end, after),
        ("the first part of its state is not its last output", after[:, 0], outputs[:, -1]),
        ("run does not start at zero", module.run(inputs)[0], zero),
    ):
        if not torch.allclose(value, expected, rtol=1e-6, atol=1e-8):
            return what
    return None
