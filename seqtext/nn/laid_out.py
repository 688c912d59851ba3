"""Modules that keep a second layout of their weights, for inference."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Self

from torch import Tensor, nn


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
