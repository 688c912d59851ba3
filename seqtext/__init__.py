"""Recurrent text models, sequence to sequence and classifiers: train, load, use."""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seqtext.data.labelled import LabelsDataModule
    from seqtext.data.pairs import PairsDataModule
    from seqtext.errors import (
        CheckpointError,
        ConfigError,
        DataError,
        SeqtextError,
        TrainingError,
    )
    from seqtext.inference.classifier import Classification, Classifier
    from seqtext.inference.generator import Generator
    from seqtext.inference.hypothesis import Hypothesis
    from seqtext.inference.loading import load, load_classifier, load_generator
    from seqtext.inference.score import Score
    from seqtext.search.rules import Rule
    from seqtext.training.classifier import ClassifierModule
    from seqtext.training.encoder_decoder import EncoderDecoderModule

    __version__: str

# PyTorch's CPU kernels keep what they prepared for each of the last 1,024 shapes. Texts have many lengths,
# so this takes hundreds of megabytes, for a few percent of speed. PyTorch reads these at its first use.
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")
os.environ.setdefault("LRU_CACHE_CAPACITY", "16")

# imported on first use: decoding never waits for what only training needs
_WHERE = {
    "CheckpointError": "seqtext.errors",
    "Classification": "seqtext.inference.classifier",
    "Classifier": "seqtext.inference.classifier",
    "ClassifierModule": "seqtext.training.classifier",
    "ConfigError": "seqtext.errors",
    "DataError": "seqtext.errors",
    "EncoderDecoderModule": "seqtext.training.encoder_decoder",
    "Generator": "seqtext.inference.generator",
    "Hypothesis": "seqtext.inference.hypothesis",
    "LabelsDataModule": "seqtext.data.labelled",
    "PairsDataModule": "seqtext.data.pairs",
    "Rule": "seqtext.search.rules",
    "Score": "seqtext.inference.score",
    "SeqtextError": "seqtext.errors",
    "TrainingError": "seqtext.errors",
    "load": "seqtext.inference.loading",
    "load_classifier": "seqtext.inference.loading",
    "load_generator": "seqtext.inference.loading",
}
__all__ = [
    "CheckpointError",
    "Classification",
    "Classifier",
    "ClassifierModule",
    "ConfigError",
    "DataError",
    "EncoderDecoderModule",
    "Generator",
    "Hypothesis",
    "LabelsDataModule",
    "PairsDataModule",
    "Rule",
    "Score",
    "SeqtextError",
    "TrainingError",
    "__version__",
    "load",
    "load_classifier",
    "load_generator",
]


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        return getattr(import_module(_WHERE[name]), name)
    if name == "__version__":
        from importlib import metadata  # slow to import, and rarely needed

        return metadata.version("seqtext")
    raise AttributeError(f"module 'seqtext' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
