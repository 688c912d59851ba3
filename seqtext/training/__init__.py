"""LightningModules, each owning one network."""

from seqtext.training.classifier import ClassifierModule
from seqtext.training.encoder_decoder import EncoderDecoderModule
from seqtext.training.optimizer import OptimizerConfig

__all__ = ["ClassifierModule", "EncoderDecoderModule", "OptimizerConfig"]
