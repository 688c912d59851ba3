"""Text <-> pieces <-> ids."""

from seqtext.data.tokenizer.config import ModelType, TokenizerConfig
from seqtext.data.tokenizer.model import SPACE, Tokenizer, digest_path
from seqtext.data.tokenizer.pair import Tokenizers

__all__ = ["SPACE", "ModelType", "Tokenizer", "TokenizerConfig", "Tokenizers", "digest_path"]
