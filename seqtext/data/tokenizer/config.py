"""Options of tokenizers."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from seqtext.data.tokenizer.normalization import Normalization
from seqtext.errors import ConfigError
from seqtext.values import Count, Positive, Range, check_fields

ModelType = Literal["unigram", "bpe", "char", "word"]
OWN_PIECES = ("<unk>", "<s>", "</s>")  # of SentencePiece
_BYTE_PIECE = re.compile("<0x[0-9A-F]{2}>")
NO_SAMPLING = "tokenizer.sampling_nbest: only a unigram tokenizer can draw segmentations"


@dataclass(frozen=True, kw_only=True)
class TokenizerConfig:
    """Where the tokenizers come from: files, or training on the training corpus.

    Args:
        model_type: SentencePiece algorithm: ``unigram``, ``bpe``, ``char`` or ``word``.
        target_type: Algorithm of the target's tokenizer, if it differs.
        vocab_size: Number of pieces, special ones included. A small corpus may give fewer.
        joint: One tokenizer for both sides instead of one each.
        source_model: A SentencePiece file for the source, instead of training one.
        target_model: Likewise for the target. With ``joint``, ``source_model`` serves both.
        normalization: How spellings of one text become the same. ``nfkc`` composes letters and marks, and
            replaces special forms. The default also cleans spaces. Their ``_cf`` forms also fold letter
            case. With ``nfc``, which only composes, phonetic symbols survive. The
            form ``nfc_lower`` also writes lower case. Use ``identity``, which changes nothing, for code.
        target_normalization: Normalization of the target's tokenizer, if it differs.
        byte_fallback: Spell unknown characters as bytes, so that nothing is unknown.
        character_coverage: Share of the characters that get a piece. Use less for large alphabets.
        symbols: Words, tags and the like, without spaces, that are one piece each, wherever they stand.
            They are added to the pieces of a given file, and of a checkpoint with ``model.init_from``.
        new_pieces: With ``model.init_from``: the largest number of pieces that are learned from the
            training corpora and added to the checkpoint's. Single characters come first. A new piece
            starts with the mean weights of the pieces that it is made of.
        sampling_nbest: In training, draw among this many segmentations of each sentence. 1 draws none.
            Only ``unigram`` can draw. Subword regularization, Kudo 2018, section 3.3.
        sampling_alpha: How much the draw prefers probable segmentations. 0 is uniform.

    Raises:
        ConfigError: A value is out of range, or two contradict each other.
    """

    model_type: ModelType = "unigram"
    target_type: ModelType | None = None
    vocab_size: Annotated[int, Range(4)] = 4000
    joint: bool = True
    source_model: str | None = None
    target_model: str | None = None
    normalization: Normalization = "nmt_nfkc"
    target_normalization: Normalization | None = None
    byte_fallback: bool = True
    character_coverage: Annotated[float, Range(most=1, above=0)] = 1.0
    symbols: tuple[str, ...] = ()
    new_pieces: Count = 0
    sampling_nbest: Positive = 1
    sampling_alpha: Annotated[float, Range(0)] = 0.2

    def __post_init__(self) -> None:
        check_fields(self, "tokenizer.")
        check_symbols(self.symbols)
        if self.sampling_nbest > 1 and self.model_type != "unigram" and self.source_model is None:
            raise ConfigError(NO_SAMPLING)
        for name in ("target_type", "target_normalization"):
            if self.joint and (value := getattr(self, name)) is not None:
                raise ConfigError(
                    f"tokenizer.{name}: {value}, but with tokenizer.joint one tokenizer serves both sides;"
                    " set tokenizer.joint to false"
                )
        if self.joint and self.target_model is not None:
            raise ConfigError(
                "tokenizer.target_model: with tokenizer.joint the source_model serves both sides;"
                " set tokenizer.joint to false"
            )
        if not self.joint and (self.source_model is None) != (self.target_model is None):
            raise ConfigError(
                "tokenizer: with joint false give both source_model and target_model, or neither"
            )

    def of_target(self) -> TokenizerConfig:
        """The options of the target's own tokenizer."""
        return dataclasses.replace(
            self,
            model_type=self.target_type or self.model_type,
            normalization=self.target_normalization or self.normalization,
        )


def check_symbols(symbols: Sequence[str]) -> None:
    """Check that symbols can be pieces.

    Raises:
        ConfigError: One is a piece of SentencePiece's own, or would never be used.
    """
    for symbol in symbols:
        if symbol in OWN_PIECES or _BYTE_PIECE.fullmatch(symbol):
            raise own_piece(symbol)
        if not symbol or " " in symbol or "\0" in symbol:
            raise ConfigError(
                f"tokenizer.symbols: {symbol!r} would never be used, as SentencePiece cuts text at spaces;"
                " expected a word without spaces"
            )


def own_piece(symbol: str) -> ConfigError:
    """What is wrong with a symbol that SentencePiece has for itself."""
    return ConfigError(
        f"tokenizer.symbols: {symbol} is a piece of SentencePiece's own; choose another symbol or tag"
    )
