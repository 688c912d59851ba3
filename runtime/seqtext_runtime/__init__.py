"""Decode with models that ``seqtext export`` wrote. Needs no PyTorch."""

from seqtext_runtime.errors import RuntimeModelError
from seqtext_runtime.model import (
    Classification,
    Classifier,
    Generator,
    Hypothesis,
    load,
)

__all__ = [
    "Classification",
    "Classifier",
    "Generator",
    "Hypothesis",
    "RuntimeModelError",
    "load",
]
__version__ = "0.1.0"
