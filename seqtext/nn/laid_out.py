"""Modules that keep a second layout of their weights, for inference."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Self, TypeVar

from torch import Tensor, nn

ModuleT = TypeVar("ModuleT", bound=nn.Module)


class LaidOut(nn.Module, ABC):
    """Forgets the second layout when weights change, move or get another type."""

    @abstractmethod
    def forget(self) -> None:
        """Forget the second layout."""

    def train(self, mode: bool = True) -> Self:
        """See ``nn.Module``."""
        if mode:
            self.forget()
        return super().train(mode)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        # PyTorch moves weights by this method, and has no public hook for it. PyTorch 2.8 to 2.13
        self.forget()
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return self


def second_of(module: ModuleT) -> ModuleT:
    """A module with the same weights in memory. Another layout of its weights leaves the first as it is."""
    second = type(module).__new__(type(module))
    parts = {
        name: None if part is None else second_of(part) for name, part in module._modules.items()
    }
    second.__dict__ = {**module.__dict__, "_modules": parts}
    return second
