"""LightningModules, each owning one network."""

from seqtext.models.encoder_decoder import EncoderDecoderModule
from seqtext.models.optimizer import OptimizerConfig

__all__ = ["EncoderDecoderModule", "OptimizerConfig"]
