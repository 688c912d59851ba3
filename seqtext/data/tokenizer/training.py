"""SentencePiece models: trained on texts, or extended by new pieces."""

from __future__ import annotations

import io
import random
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import sentencepiece

from seqtext.data.tokenizer.config import (
    OWN_PIECES,
    TokenizerConfig,
    check_symbols,
    own_piece,
)
from seqtext.data.tokenizer.normalization import finished, training_options
from seqtext.errors import DataError

if TYPE_CHECKING:
    from seqtext.data.tokenizer.model import Tokenizer

# A tokenizer of some thousand pieces learns nothing from more texts. Its training takes 1.1 KB for each
_MOST_TEXTS = 500_000
# and time ~ the square of the length of a text that repeats itself, so long texts are cut
_MOST_CHARACTERS = 10_000


def train(texts: Iterable[str], config: TokenizerConfig) -> bytes:
    """The bytes of a new model, see ``Tokenizer.train``."""
    model = io.BytesIO()
    failures: list[DataError] = []
    identity = config.normalization == "identity"
    try:
        with training_options(config.normalization) as rules:
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=_noting(sample_texts(texts, _MOST_TEXTS), failures),
                model_writer=model,
                model_type=config.model_type,
                vocab_size=config.vocab_size,
                hard_vocab_limit=False,
                remove_extra_whitespaces=not identity,
                byte_fallback=config.byte_fallback and config.model_type in ("unigram", "bpe"),
                character_coverage=config.character_coverage,
                user_defined_symbols=list(dict.fromkeys(config.symbols)),
                max_sentence_length=1 << 20,  # bytes, as it silently leaves out longer texts
                shuffle_input_sentence=False,
                num_threads=1 if config.model_type == "unigram" else 4,
                minloglevel=2,
                **rules,
            )
    except RuntimeError as error:
        if failures:  # of the corpus, not of SentencePiece
            raise failures[0] from None
        detail = str(error).rsplit("] ", 1)[-1] or "there is no text in it"
        raise DataError(
            f"tokenizer: SentencePiece cannot train {config.model_type} with vocab_size"
            f" {config.vocab_size} on this text: {detail}"
        ) from error
    return finished(model.getvalue(), config.normalization)


def extend(base: Tokenizer, symbols: Sequence[str], texts: Iterable[str], count: int) -> bytes:
    """The bytes of the model of ``base`` with new pieces, see ``Tokenizer.extended``."""
    from sentencepiece.sentencepiece_model_pb2 import ModelProto

    model = ModelProto.FromString(bytes(base))
    known = {piece.piece for piece in model.pieces} | set(symbols)
    _add_symbols(model, symbols)
    if count:
        model.pieces.extend(_learned(base, model, texts, count, known))
    model.trainer_spec.vocab_size = len(model.pieces)
    extended: bytes = model.SerializeToString(deterministic=True)
    return extended


def _add_symbols(model: Any, symbols: Sequence[str]) -> None:
    known = {piece.piece: piece for piece in model.pieces}
    kind = type(model).SentencePiece
    check_symbols(symbols)
    for symbol in dict.fromkeys(symbols):
        if symbol not in known:
            model.pieces.add(piece=symbol, score=0.0, type=kind.USER_DEFINED)
        elif known[symbol].type in (kind.CONTROL, kind.UNKNOWN, kind.BYTE):
            raise own_piece(symbol)
        else:  # a piece of text until now, which another way to cut a text may pass over
            known[symbol].type = kind.USER_DEFINED


def _learned(
    base: Tokenizer, model: Any, texts: Iterable[str], count: int, known: set[str]
) -> list[object]:
    """At most ``count`` pieces that ``base`` lacks: characters first, then by frequency.

    A model of the same type is trained on the texts, and its pieces are compared.
    """
    from sentencepiece.sentencepiece_model_pb2 import ModelProto, TrainerSpec

    normalized = [base.normalize(text) for text in sample_texts(texts, _MOST_TEXTS)]
    characters = len(set().union(*normalized))
    config = TokenizerConfig(
        model_type=TrainerSpec.ModelType.Name(model.trainer_spec.model_type).lower(),
        vocab_size=max(base.vocab_size, characters + count + len(OWN_PIECES)),
        normalization="identity",  # the texts are normalized already, by the rules of base
        byte_fallback=False,
    )
    trained = ModelProto.FromString(train(normalized, config)).pieces
    new = [piece for piece in trained if piece.type == piece.NORMAL and piece.piece not in known]
    new.sort(key=lambda piece: len(piece.piece) > 1)  # stable: trained pieces come by frequency
    return new[:count]


def sample_texts(texts: Iterable[str], limit: int) -> Iterator[str]:
    """All texts in order, or ``limit`` of them drawn at random (Vitter 1985, algorithm R)."""
    generator = random.Random(0)
    kept: list[str] = []
    parts = (
        text[start : start + _MOST_CHARACTERS]
        for text in texts
        for start in range(0, max(len(text), 1), _MOST_CHARACTERS)
    )
    for number, text in enumerate(parts):
        if number < limit:
            kept.append(text)
        elif (place := int(generator.random() * (number + 1))) < limit:
            kept[place] = text
    kept.reverse()
    while kept:  # SentencePiece makes a copy
        yield kept.pop()


def _noting(texts: Iterable[str], failures: list[DataError]) -> Iterator[str]:
    """``texts``. An error in reading them is noted, as SentencePiece would replace it."""
    try:
        yield from texts
    except DataError as error:
        failures.append(error)
        raise
