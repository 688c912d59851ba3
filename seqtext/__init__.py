"""Recurrent sequence-to-sequence text models: train, load, decode."""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seqtext.data.pairs import PairsDataModule
    from seqtext.generate import Generator, Hypothesis, load
    from seqtext.models import EncoderDecoderModule

# PyTorch's CPU kernels keep what they prepared for each of the last 1,024 shapes, which text with its
# many lengths makes hundreds of megabytes, for a few percent of speed. Read when first used.
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")
os.environ.setdefault("LRU_CACHE_CAPACITY", "16")

# imported on first use: decoding never waits for what only training needs
_WHERE = {
    "EncoderDecoderModule": "seqtext.models",
    "Generator": "seqtext.generate",
    "Hypothesis": "seqtext.generate",
    "PairsDataModule": "seqtext.data.pairs",
    "load": "seqtext.generate",
}
__all__ = ["EncoderDecoderModule", "Generator", "Hypothesis", "PairsDataModule", "load"]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(import_module(_WHERE[name]), name)
    raise AttributeError(f"module 'seqtext' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
