"""What seqtext uses of other libraries beyond their public interfaces.

Each function says what it uses, why there is no public way, and for which versions it holds. The tests in
tests/test_internals.py fail where an installed version differs. Three uses stand elsewhere: ``_apply`` in
seqtext.nn.laid_out, messages of the option parser in seqtext.cli.parser_messages, and the state of uvicorn's
connections in seqtext.serving.connections.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # each function imports its library itself, so this module costs no start-up time
    import datasets
    from lightning.pytorch import Callback, LightningModule, Trainer
    from lightning.pytorch.callbacks import WeightAveraging
    from lightning.pytorch.strategies import Strategy
    from torch import Tensor

# --- PyTorch: oneDNN --------------------------------------------------------------------------------------


@functools.cache
def _onednn(operation: str) -> Callable[..., Any] | None:
    """An operation of oneDNN, None where this PyTorch lacks it. Callers then use a public one.

    PyTorch's own compiler calls these operations, and nothing public does. PyTorch 2.8 to 2.13.
    """
    import torch

    available = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return getattr(torch.ops.mkldnn, operation, None) if available else None


def onednn_linear() -> Callable[[Tensor, Tensor, Tensor | None], Tensor] | None:
    """x W' + b: inputs (..., I), weight (O, I) or laid out, bias (O,) -> (..., O). No gradient.

    For a few rows in float32 it is up to twice as fast as MKL, which ``F.linear`` calls.
    """
    linear = _onednn("_linear_pointwise")
    return linear and (lambda inputs, weight, bias: linear(inputs, weight, bias, "none", [], ""))


def onednn_layout() -> Callable[[Tensor], Tensor] | None:
    """A weight (O, I) -> the same weight, laid out for ``onednn_linear``."""
    reorder = _onednn("_reorder_linear_weight")
    return reorder and (lambda weight: reorder(weight, None))


def multiplies_integers() -> bool:
    """Whether ``integer_product`` is there."""
    import torch

    return _onednn("_linear_pointwise") is not None and hasattr(
        torch.ops.onednn, "qlinear_pointwise"
    )


def integer_product(weight: Tensor, scales: Tensor) -> Callable[..., Tensor]:
    """x W' + b, where x and W are 8-bit integers with scales.

    PyTorch's own compiler calls this operation. The public quantized modules have one scale for all inputs of
    a batch. PyTorch 2.8 to 2.13.

    Args:
        weight: (O, I) int8.
        scales: (O,) float32, of each output.

    Returns:
        A function of inputs (..., I) uint8, their scale, the integer that stands for 0, and a bias (O,). It
        returns (..., O) float32.
    """
    import torch

    laid_out = torch.ops.onednn.qlinear_prepack(weight, None)
    zeros = torch.zeros(len(weight), dtype=torch.int)
    nothing: list[float] = []
    fixed = 1.0, 0, torch.float32, "none", nothing, ""  # outputs are floats, and nothing follows
    multiply = torch.ops.onednn.qlinear_pointwise
    return lambda inputs, scale, zero, bias: multiply(
        inputs, scale, zero, laid_out, scales, zeros, bias, *fixed
    )


def adds_wide() -> bool:
    """Whether the processor adds up products of 8-bit integers in 32 bits. Others overflow in 16 bits."""
    import torch

    return torch.cpu._is_vnni_supported()


def multiplies_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16. PyTorch's public queries know only GPUs."""
    supported = _onednn("_is_mkldnn_bf16_supported")
    return supported is not None and bool(supported())


# --- errors -----------------------------------------------------------------------------------------------

# Texts of PyTorch's allocator for the CPU: on Linux and macOS, and on Windows
_NO_MEMORY = ("can't allocate memory", "not enough memory")


def lacks_memory(error: Exception) -> bool:
    """Whether memory ran out.

    PyTorch has a class for GPUs. For the CPU it raises a plain RuntimeError, which only its text tells
    from others. PyTorch 2.8 to 2.13.
    """
    if isinstance(error, MemoryError):
        return True
    import torch

    no_memory = isinstance(error, torch.OutOfMemoryError)
    return no_memory or any(text in str(error) for text in _NO_MEMORY)


# Texts of gloo and of NCCL
_LOST = ("Connection closed by peer", "Connection reset by peer", "remote process exited")


def lost_process(error: Exception) -> bool:
    """Whether another process of a process group has ended.

    PyTorch raises a RuntimeError for this, which only its text tells from others. PyTorch 2.8 to 2.13.
    """
    return isinstance(error, RuntimeError) and any(text in str(error) for text in _LOST)


def raised_by(error: Exception, module: str) -> bool:
    """Whether the code of a module or package raised an error, whatever its text says.

    Some errors have no class of their own:

    - EarlyStopping of Lightning raises a RuntimeError where its metric is missing. Lightning 2.6.
    - DataLoader of PyTorch raises a RuntimeError where a worker died. PyTorch 2.8 to 2.13. An error from
      within a worker is raised by another module.
    """
    import traceback  # 2 ms that only errors need

    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    name = str(frames[-1].f_globals.get("__name__")) if frames else ""
    return f"{name}.".startswith(f"{module}.")


# --- Lightning --------------------------------------------------------------------------------------------


def callbacks_of(trainer: Trainer) -> list[Callback]:
    """The callbacks of a trainer, the list itself.

    ``Trainer.callbacks`` is public, but Lightning declares no type for it. Lightning 2.6.
    """
    callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
    return callbacks


def trainer_of(module: LightningModule) -> Trainer | None:
    """The trainer of a module, None where it has none. ``module.trainer`` would raise. Lightning 2.6."""
    return module._trainer


def start_method(strategy: Strategy) -> str | None:
    """How a strategy starts processes: "popen", "spawn", "fork" or "forkserver". None if it starts none.

    DDPStrategy takes the method as an argument, and keeps it without a public name. Lightning 2.6.
    """
    method: str | None = getattr(strategy, "_start_method", None)
    return method


def copy_buffers(callback: WeightAveraging) -> None:
    """Let an averaging callback copy buffers instead of averaging them.

    The callback has an argument for this, which its user gave, and nothing to change it. Lightning 2.6.
    """
    if callback._average_model is not None:
        callback._average_model.use_buffers = False


# --- jsonargparse -----------------------------------------------------------------------------------------


@contextmanager
def parser_settings_restored() -> Iterator[None]:
    """Restore the settings of jsonargparse at the end. They are those of the whole process.

    ``set_parsing_settings`` is public, but nothing public reads them. jsonargparse 4.53.
    """
    from jsonargparse._common import parsing_settings

    before = dict(parsing_settings)
    try:
        yield
    finally:
        parsing_settings.update(before)


# --- datasets ---------------------------------------------------------------------------------------------


def fingerprint_of(dataset: datasets.Dataset) -> str:
    """The digest of a data set and of all that made it, which has no public name. datasets 4.0 to 5.2."""
    return str(dataset._fingerprint)
