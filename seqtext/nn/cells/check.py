"""Whether a class is a cell: it is tried on tiny inputs.

Shapes as in ``contract.py``: B rows, T positions, I inputs, H units, P parts of the state, G gates.
"""

from __future__ import annotations

import inspect
import math
import os
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqtext.errors import ConfigError
from seqtext.nn.cells.contract import WEIGHTS, Cell

# All differ, so that a wrong shape says which axis is wrong.
_ROWS, _LENGTH, _INPUTS, _UNITS = 2, 3, 5, 4
_OUTPUTS, _STATE = "(B, T, H)", "(B, state_parts, H)"
_OTHER_CODE = (
    *(f"{folder}{os.sep}" for folder in (Path(__file__).parents[2], Path(torch.__file__).parent)),
    "<frozen",  # the import system
)


def check_contract(cell: type, name: str) -> None:
    """Try a class from outside of seqtext on tiny inputs.

    Args:
        cell: The class.
        name: Its import path, for messages.

    Raises:
        ConfigError: It is no ``Cell``, a shape is wrong, or its results depend on how it is called.
    """
    if not (isinstance(cell, type) and issubclass(cell, Cell)):
        raise ConfigError(f"network.cell: {name} is no subclass of seqtext.nn.cells.contract.Cell")
    broken = _wrong_class(cell)
    try:
        # on the CPU, whatever device a network is built on, and without a trace in random numbers
        with torch.device("cpu"), torch.random.fork_rng(devices=[]), torch.inference_mode(False):
            torch.manual_seed(0)
            broken = broken or _broken_rule(cell(_INPUTS, _UNITS).double().eval())
    except Exception as error:  # whatever the user's code does
        sizes = f"B = {_ROWS}, T = {_LENGTH}, I = {_INPUTS}, H = {_UNITS}, gates = {cell.gates}"
        if not cell.recurrent_weights:
            sizes += "; recurrent is None, because recurrent_weights is False"
        raise ConfigError(
            f"network.cell: {name} fails on a tiny input: {describe_error(error)} ({sizes})"
        ) from error
    if broken is not None:
        raise ConfigError(f"network.cell: {name} breaks the contract of a cell: {broken}")


def describe_error(error: Exception) -> str:
    """An error in a user's code, with the last line of that code that led to it."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not frame.filename.startswith(_OTHER_CODE)]
    place = f", {own[-1].filename}, line {own[-1].lineno}" if own else ""
    return f"{type(error).__name__}: {error!s:.200}{place}"


def _wrong_class(cell: type[Cell]) -> str | None:
    """What is wrong before an instance exists."""
    gates = getattr(cell, "gates", None)
    if not isinstance(gates, int) or gates < 1:
        return f"set the class attribute gates. It is {gates!r:.80}, expected a number from 1"
    if not _takes(cell, 2):
        return "__init__ takes the input size and the hidden size"
    return None


def _takes(function: Callable[..., object], count: int) -> bool:
    """Whether a function can be called with so many arguments by position."""
    try:
        inspect.signature(function).bind(*range(count))
    except TypeError:
        return False
    return True


def _broken_rule(module: Cell) -> str | None:
    """The first rule that a cell breaks, with what was found."""
    if wrong := _wrong_size(module):
        return wrong
    if not _takes(module.step, 3):
        return "step takes projected, recurrent and state"
    if not (_takes(module.run, 1) and _takes(module.run, 3)):
        return "run takes inputs, state=None and drop=0.0"
    for name, parameter in module.named_parameters():
        if name in WEIGHTS:
            nn.init.uniform_(parameter, -1, 1)
    inputs = torch.randn(_ROWS, _LENGTH, _INPUTS, dtype=torch.double)
    start = torch.randn(_ROWS, module.state_parts, _UNITS, dtype=torch.double)
    with torch.enable_grad():
        after = _step(module, inputs[:, 0], start)
        if wrong := _wrong_shape("step returned", after, start.shape, _STATE):
            return wrong
        result: object = module.run(inputs, start, 0.0)
        if not (isinstance(result, tuple) and len(result) == 2):
            return f"run returned {type(result).__name__}, expected a tuple of outputs and state"
        outputs, after = result
        wrong = _wrong_shape("run returned outputs", outputs, (_ROWS, _LENGTH, _UNITS), _OUTPUTS)
        if wrong := wrong or _wrong_shape("run returned a state", after, start.shape, _STATE):
            return wrong
        if wrong := _wrong_use(module, inputs, start, outputs):
            return wrong
    with torch.no_grad():
        for what, axes, value, expected in _equal_results(module, inputs, start, outputs, after):
            if not torch.allclose(value, expected, rtol=1e-6, atol=1e-8):
                return f"{what}, {_largest_difference(value, expected)} of {axes}"
    return None


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


def _wrong_shape(what: str, value: object, shape: tuple[int, ...], axes: str) -> str | None:
    actual = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
    return None if actual == shape else f"{what} {actual}, expected {tuple(shape)}: {axes}"


def _wrong_use(module: Cell, inputs: Tensor, start: Tensor, outputs: Tensor) -> str | None:
    """What is wrong with how outputs depend on W and U."""
    used = ["weight_hh_l0"] if module.recurrent_weights else []
    weights = [getattr(module, name) for name in (*used, "weight_ih_l0")]
    gradients: list[Tensor | None] = [
        *torch.autograd.grad(outputs.sum(), weights, allow_unused=True)
    ]
    if gradients[-1] is None:
        return "no output depends on projected"
    if gradients[0] is None:
        return "no output depends on recurrent. Set recurrent_weights to False"
    if not all(value is not None and value.isfinite().all() for value in (outputs, *gradients)):
        return "its outputs or gradients are not finite"
    if used and gradients[0].any():  # a factor of the cell's own may start at 0
        torch.manual_seed(0)
        if torch.equal(module.run(inputs, start, 0.5)[0], outputs):
            return "run ignores drop: 0.5 changes no output"
    return None


def _step(module: Cell, inputs: Tensor, state: Tensor) -> Tensor:
    """(B, P, H) after one position (B, I)."""
    hidden = None
    if module.recurrent_weights:
        hidden = F.linear(state[:, 0], module.weight_hh_l0, module.bias_hh_l0)
    return module.step(module.project(inputs), hidden, state)


def _equal_results(
    module: Cell, inputs: Tensor, start: Tensor, outputs: Tensor, after: Tensor
) -> Iterator[tuple[str, str, Tensor, Tensor]]:
    """What differs if two results do, their axes, and both results."""
    state, steps = start, []
    for position in inputs.unbind(1):
        state = _step(module, position, state)
        steps.append(state[:, 0])
    padded = F.pad(inputs, (0, 0, 0, 2), value=math.nan)
    first, middle = module.run(inputs[:, :1], start, 0.0)
    second, end = module.run(inputs[:, 1:], middle, 0.0)
    zero = module.run(inputs, torch.zeros_like(start), 0.0)[0]
    before_padding = module.run(padded, start, 0.0)[0][:, :_LENGTH]
    single = module.run(inputs[:1], start[:1], 0.0)[0]
    yield from (
        ("step by step it has other outputs than run", _OUTPUTS, torch.stack(steps, 1), outputs),
        ("step by step it has another last state than run", _STATE, state, after),
        ("padding changes outputs before it", _OUTPUTS, before_padding, outputs),
        ("a row depends on its neighbours", _OUTPUTS, single, outputs[:1]),
        ("going on from a state differs from one run", _OUTPUTS, torch.cat([first, second], 1), outputs),
        ("going on from a state leads to another last state", _STATE, end, after),
        ("the first part of its state is not its last output", "(B, H)", after[:, 0], outputs[:, -1]),
        ("run does not start at zero", _OUTPUTS, module.run(inputs)[0], zero),
    )  # fmt: skip


def _largest_difference(value: Tensor, expected: Tensor) -> str:
    difference = (value - expected).abs()
    position = torch.unravel_index(difference.argmax(), difference.shape)
    return f"by up to {difference.max():.3g} at {[int(index) for index in position]}"
