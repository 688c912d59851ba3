"""What a recurrent cell is.

Shapes: B rows, T positions, I inputs, H units, P parts of the state, G gates.
"""

from __future__ import annotations

import functools
from abc import abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqtext.nn.deferred import DeferredLinear
from seqtext.nn.dropout import factors
from seqtext.nn.laid_out import LaidOut
from seqtext.nn.linear import Linear, product

# names and order of nn.RNNBase, so that checkpoints of all cells look alike
WEIGHTS = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")


class Cell(LaidOut):
    """One recurrent layer in one direction.

    A gate takes W x + b of the input x and U h + c of the hidden state h. Both are linear maps outside of
    ``step``. So the first is one product for all positions, and the decoder can prepare both for search.

    A cell sets ``gates`` and writes ``step``. It sets the other attributes where they differ. It may override
    ``run`` by something faster. ``check.py`` tries a class.

    Args:
        input_size: I.
        hidden_size: H.
    """

    gates: ClassVar[int]  # G, number of vectors (H,) that ``step`` takes of each map
    state_parts: ClassVar[int] = 1  # P. The first part is the hidden state, which is the output.
    recurrent_weights: ClassVar[bool] = True  # whether gates read the hidden state
    # Whether the hidden state always lies within -1 and 1. A subclass with another step says it anew.
    bounded: ClassVar[bool] = False
    # Gates whose bias ``forget_bias`` sets. The value is 1 where a larger bias keeps more, else -1.
    keep_gates: ClassVar[Mapping[int, int]] = MappingProxyType({})

    input_size: int
    hidden_size: int
    # W x + b and U h + c in another number format, for inference. ``seqtext.nn.quantized`` sets them.
    maps: tuple[Linear, Linear | None] | None = None
    weight_ih_l0: nn.Parameter  # (G * H, I), W
    bias_ih_l0: nn.Parameter  # (G * H,), b
    weight_hh_l0: nn.Parameter  # (G * H, H), U, missing without recurrent weights
    bias_hh_l0: nn.Parameter  # (G * H,), c, missing likewise

    def __init_subclass__(cls, **options: object) -> None:
        super().__init_subclass__(**options)
        if "step" in vars(cls) and "bounded" not in vars(cls):
            cls.bounded = False

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        rows, bound = self.gates * hidden_size, hidden_size**-0.5
        sizes = {"ih": input_size} | ({"hh": hidden_size} if self.recurrent_weights else {})
        for name, size in sizes.items():
            weight = nn.Parameter(torch.empty(rows, size))
            nn.init.uniform_(weight, -bound, bound)
            self.register_parameter(f"weight_{name}_l0", weight)
        for name in sizes:
            self.register_parameter(f"bias_{name}_l0", nn.Parameter(torch.zeros(rows)))

    def forget(self) -> None:
        """Forget ``maps``."""
        self.maps = None

    def project(self, inputs: Tensor) -> Tensor:
        """W x + b: (..., I) -> (..., G * H). Narrower inputs take the first columns of W."""
        if self.maps is not None and not torch.is_grad_enabled():
            return self.maps[0](inputs)
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
        if self.maps is not None and self.maps[1] is not None and not torch.is_grad_enabled():
            return self.maps[1]
        weight = self.dropped_weights(drop)
        if torch.is_grad_enabled():
            return DeferredLinear(weight, self.bias_hh_l0)
        return functools.partial(product, weight=weight, bias=self.bias_hh_l0)

    def dropped_weights(self, drop: float) -> Tensor:
        """U with each weight dropped with probability ``drop`` (Merity et al. 2018, section 2)."""
        weight = self.weight_hh_l0
        return weight * factors(weight.shape, drop, weight) if drop else weight
