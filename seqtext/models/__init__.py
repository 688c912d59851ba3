"""LightningModules, each owning one network."""

from seqtext.models.classifier import ClassifierModule
from seqtext.models.encoder_decoder import EncoderDecoderModule
from seqtext.models.optimizer import OptimizerConfig

__all__ = ["ClassifierModule", "EncoderDecoderModule", "OptimizerConfig"]
