"""How weights start."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from seqtext.nn.attention import Attention
from seqtext.nn.cells.contract import WEIGHTS, Cell
from seqtext.nn.config import EncoderConfig
from seqtext.nn.embedding import OutputLayer, PieceEmbedding

_STARTS = {"orthogonal": "orthogonal_", "identity": "eye_"}
_DRAWS = ("uniform_", "normal_", "kaiming_uniform_")  # of tensors and of nn.init
_unstarted = ContextVar("unstarted", default=False)


@contextmanager
def unstarted() -> Iterator[None]:
    """Parameters of networks that are built here keep what their memory holds. Load them all afterwards."""
    token = _unstarted.set(True)
    try:
        with _NoDraws():
            yield
    finally:
        _unstarted.reset(token)


class _NoDraws(TorchFunctionMode):
    """Leaves parameters as they are where random numbers would fill them.

    Other tensors are filled. An own cell may hold fixed random numbers that no checkpoint has.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        named = kwargs or {}
        if func.__name__ in _DRAWS:
            tensor: Tensor = args[0] if args else named["tensor"]
            if isinstance(tensor, nn.Parameter):
                return tensor
        return func(*args, **named)


def initialize(network: nn.Module, config: EncoderConfig) -> None:
    """Start all weights so that a fused decoder aligns early.

    Matrices are uniform within +-(scale / sqrt(fan-in)), embeddings have standard deviation
    1 / sqrt(E), biases are 0. PyTorch's own start has the scale 1 for recurrent weights, and less for the
    others. It leaves attention scores so flat that the decoder learns a language model first and aligns
    late. So does a forget gate that starts open (bias 1), which lets the recurrence explain more.
    """
    # on the meta device only shapes are wanted, and normal_ is slow there
    if _unstarted.get() or next(network.parameters()).is_meta:
        return
    scale = config.init_scale
    of_transformers = set[nn.Module]()
    for module in network.modules():
        if isinstance(module, nn.TransformerEncoder | nn.TransformerDecoder):
            of_transformers.update(module.modules())
            for parameter in module.parameters():
                if parameter.dim() > 1:  # its layers are copies of one
                    nn.init.xavier_uniform_(parameter)
        if module in of_transformers:
            continue
        if isinstance(module, PieceEmbedding | OutputLayer):  # the same weights if tied
            nn.init.normal_(module.weight, std=module.weight.size(1) ** -0.5)
        elif isinstance(module, Attention) and module.kind == "additive":
            bound = scale * len(module.vector) ** -0.5
            nn.init.uniform_(module.vector, -bound, bound)
        elif isinstance(module, Cell | nn.Linear):
            _start_matrices(module, config)
        if isinstance(module, Cell):
            bias = module.bias_ih_l0.detach().view(-1, module.hidden_size)
            for gate, sign in module.keep_gates.items():
                bias[gate] = sign * config.forget_bias


def _start_matrices(module: nn.Module, config: EncoderConfig) -> None:
    for name, parameter in module.named_parameters(recurse=False):
        if isinstance(module, Cell) and name not in WEIGHTS:
            continue  # a weight beyond the contract keeps the start that its class gives it
        if "bias" in name:
            nn.init.zeros_(parameter)
        elif "weight_hh" in name and config.recurrent_start != "scaled":
            start = getattr(nn.init, _STARTS[config.recurrent_start])
            for gate in parameter.chunk(len(parameter) // parameter.size(1)):
                start(gate)
        else:
            bound = config.init_scale * parameter.size(-1) ** -0.5
            nn.init.uniform_(parameter, -bound, bound)
