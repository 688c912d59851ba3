"""Recurrent text models, sequence to sequence and classifiers: train, load, use."""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seqtext.data.labelled import LabelsDataModule
    from seqtext.data.pairs import PairsDataModule
    from seqtext.inference.classifier import Classification, Classifier
    from seqtext.inference.generator import Generator, Hypothesis
    from seqtext.inference.loading import load
    from seqtext.training.classifier import ClassifierModule
    from seqtext.training.encoder_decoder import EncoderDecoderModule

# PyTorch's CPU kernels keep what they prepared for each of the last 1,024 shapes. Texts have many lengths,
# so this takes hundreds of megabytes, for a few percent of speed. PyTorch reads these at its first use.
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")
os.environ.setdefault("LRU_CACHE_CAPACITY", "16")

# imported on first use: decoding never waits for what only training needs
_WHERE = {
    "Classification": "seqtext.inference.classifier",
    "Classifier": "seqtext.inference.classifier",
    "ClassifierModule": "seqtext.training.classifier",
    "EncoderDecoderModule": "seqtext.training.encoder_decoder",
    "Generator": "seqtext.inference.generator",
    "Hypothesis": "seqtext.inference.generator",
    "LabelsDataModule": "seqtext.data.labelled",
    "PairsDataModule": "seqtext.data.pairs",
    "load": "seqtext.inference.loading",
    "load_classifier": "seqtext.inference.loading",
    "load_generator": "seqtext.inference.loading",
}
__all__ = [
    "Classification",
    "Classifier",
    "ClassifierModule",
    "EncoderDecoderModule",
    "Generator",
    "Hypothesis",
    "LabelsDataModule",
    "PairsDataModule",
    "load",
    "load_classifier",
    "load_generator",
]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(import_module(_WHERE[name]), name)
    raise AttributeError(f"module 'seqtext' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
