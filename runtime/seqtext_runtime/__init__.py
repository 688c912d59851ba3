"""Decode with models that ``seqtext export`` wrote. Needs no PyTorch."""

from seqtext_runtime.errors import RuntimeModelError
from seqtext_runtime.model import Classifier, Generator, load
from seqtext_runtime.results import Classification, Hypothesis

__all__ = [
    "Classification",
    "Classifier",
    "Generator",
    "Hypothesis",
    "RuntimeModelError",
    "load",
]
__version__ = "0.1.0"
