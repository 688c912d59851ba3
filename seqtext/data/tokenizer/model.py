"""Text to pieces to ids and back: a SentencePiece model that travels as bytes."""

from __future__ import annotations

import functools
import hashlib
import itertools
import math
import os
import random
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import sentencepiece

from seqtext.data.readers.columns import SYMBOL
from seqtext.data.tokenizer import training
from seqtext.data.tokenizer.config import NO_SAMPLING, TokenizerConfig
from seqtext.errors import ConfigError, DataError

SPACE = "\N{LOWER ONE EIGHTH BLOCK}"  # what SentencePiece writes for a space
_WORDS = re.compile(f"{SPACE}?[^{SPACE}]+|{SPACE}")


class Tokenizer:
    """One SentencePiece model. ``bytes(tokenizer)`` is the whole of it.

    Args:
        model: The bytes of a SentencePiece ``.model`` file.
        name: What to call it in an error message.

    Raises:
        DataError: The bytes are no SentencePiece model, or one without bos or eos.
    """

    def __init__(self, model: bytes, name: str = "the tokenizer") -> None:
        self._model = model
        self._processor = sentencepiece.SentencePieceProcessor()
        try:
            self._processor.LoadFromSerializedProto(model)
        except (RuntimeError, TypeError) as error:
            raise DataError(
                f"{name}: not a SentencePiece model; make one with `seqtext tokenizer`"
            ) from error
        self.vocab_size: int = self._processor.vocab_size()
        self.bos: int = self._processor.bos_id()
        self.eos: int = self._processor.eos_id()
        self.unk: int = self._processor.unk_id()
        if min(self.bos, self.eos) < 0:
            raise DataError(
                f"{name}: has no bos or no eos piece; train it without bos_id=-1 and eos_id=-1"
            )

    @classmethod
    def load(cls, path: str | Path) -> Tokenizer:
        """Read a ``.model`` file, and compare it with the digest beside it, if there is one.

        Raises:
            DataError: It cannot be read, is no SentencePiece model, or has another digest.
        """
        beside = digest_path(path)
        try:
            model = Path(path).read_bytes()
            digest = beside.read_bytes().split()[:1] if os.path.exists(beside) else None
        except OSError as error:
            raise DataError(f"{error.filename}: cannot be read ({error.strerror})") from error
        except ValueError as error:  # a NUL character in the name
            raise DataError(f"{str(path)!r}: cannot be read ({error})") from error
        if digest not in (None, [hashlib.sha256(model).hexdigest().encode()]):
            raise DataError(
                f"{path}: damaged, or another tokenizer: its digest is not that of {beside}; use another"
                " copy, or remove the digest if you replaced the tokenizer on purpose"
            )
        return cls(model, str(path))

    @classmethod
    def train(cls, texts: Iterable[str], config: TokenizerConfig) -> Tokenizer:
        """Train on ``texts``. The same texts and options give the same bytes.

        Raises:
            DataError: There is no text, or not enough of it for ``vocab_size``.
        """
        return cls(training.train(texts, config))

    def __bytes__(self) -> bytes:
        return self._model

    @property
    def fingerprint(self) -> str:
        """Hexadecimal digest of the model."""
        return hashlib.sha256(self._model).hexdigest()

    @property
    def control_ids(self) -> tuple[int, ...]:
        """Ids that stand for no text (pad and the like), bos and eos left out."""
        special = {self.bos, self.eos}
        ids = range(self.vocab_size)
        return tuple(i for i in ids if self._processor.is_control(i) and i not in special)

    @functools.cached_property
    def uncovered_ids(self) -> frozenset[int]:
        """Ids that stand for a character without a piece of its own: unk, and bytes."""
        ids = range(self.vocab_size)
        return frozenset(i for i in ids if i == self.unk or self._processor.is_byte(i))

    def byte_of(self, number: int) -> int | None:
        """The byte that a piece stands for, if it spells characters without a piece of their own."""
        if not self._processor.is_byte(number):
            return None
        return int(self._processor.id_to_piece(number)[1:-1], 16)  # <0xC3>

    @functools.cached_property
    def drops_first_space(self) -> bool:
        """Whether a space before the first word of an output is not written."""
        spec = self._proto().normalizer_spec
        return bool(spec.add_dummy_prefix or spec.remove_extra_whitespaces)

    @functools.cached_property
    def of_characters(self) -> bool:
        """Whether it was trained to cut text into characters, symbols of its own aside."""
        return self._type == "CHAR"

    @functools.cached_property
    def of_words(self) -> bool:
        """Whether its pieces are whole words."""
        return self._type == "WORD"

    @functools.cached_property
    def _type(self) -> str:
        from sentencepiece.sentencepiece_model_pb2 import TrainerSpec

        name: str = TrainerSpec.ModelType.Name(self._proto().trainer_spec.model_type)
        return name

    @functools.cached_property
    def _scores(self) -> list[float]:
        return [self._processor.get_score(i) for i in range(self.vocab_size)]

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of each text, without bos and eos. A column's symbol that the model lacks is one unk."""
        ids: list[list[int]] = self._processor.encode(list(texts))
        if self.column_symbols:
            for number, text in enumerate(texts):
                if self._lacks_symbol(text):
                    ids[number] = [i for i, _ in self.spelled(text)]
        return ids

    @functools.cached_property
    def column_symbols(self) -> frozenset[str]:
        """Pieces that stand for symbols of a column (see ``SourceColumns``)."""
        return frozenset(filter(SYMBOL.fullmatch, self.pieces(range(self.vocab_size))))

    def _lacks_symbol(self, text: str) -> bool:
        return not self.column_symbols.issuperset(SYMBOL.findall(text))

    def check_sampling(self) -> None:
        """Check that the model can draw segmentations.

        Raises:
            ConfigError: See ``sample``.
        """
        self.sample("", 1, 0.0, random.Random())

    def sample(self, text: str, nbest: int, alpha: float, generator: random.Random) -> list[int]:
        """Ids of one segmentation, drawn with probability ~ P(segmentation) ** alpha (Kudo 2018).

        Raises:
            ConfigError: The model is not ``unigram``. The others know one segmentation.
        """
        if self.column_symbols and self._lacks_symbol(text):
            return self.encode([text])[0]
        try:
            candidates = self._processor.nbest_encode(text, nbest_size=nbest, out_type=int)
        except RuntimeError as error:
            raise ConfigError(NO_SAMPLING) from error
        if not any(candidates):
            return []
        scores = [sum(map(self._scores.__getitem__, ids)) for ids in candidates]
        best = max(scores)
        weights = [math.exp(alpha * (score - best)) for score in scores]
        chosen: list[int] = generator.choices(candidates, weights)[0]
        return chosen

    def extended(self, symbols: Sequence[str], texts: Iterable[str], count: int) -> Tokenizer:
        """Add new pieces behind its own pieces, whose ids and scores stay.

        Args:
            symbols: Words that become one piece each, wherever they stand.
            texts: Texts to learn other pieces from. A tokenizer of the same type is trained on them. Its
                pieces that this one lacks are added, characters first, then by frequency.
            count: The largest number of pieces to learn.

        Raises:
            ConfigError: A symbol cannot be a piece, see ``TokenizerConfig``.
            DataError: See ``train``.
        """
        return Tokenizer(training.extend(self, symbols, texts, count))

    def has(self, symbols: Sequence[str]) -> bool:
        """Whether all of these are pieces wherever they stand."""
        if not symbols:
            return True
        pieces = self._proto().pieces
        return set(symbols) <= {piece.piece for piece in pieces if piece.type == piece.USER_DEFINED}

    def _proto(self) -> Any:
        from sentencepiece.sentencepiece_model_pb2 import ModelProto

        return ModelProto.FromString(self._model)

    def id_of(self, piece: str) -> int | None:
        """The id of a piece that is in the vocabulary."""
        number: int = self._processor.piece_to_id(piece)
        return None if number == self.unk else number

    def normalize(self, text: str) -> str:
        """The text as the model reads it."""
        normalized: str = self._processor.normalize(text)
        return normalized.replace(SPACE, " ").strip()

    def shared(self, other: Tokenizer) -> dict[int, int]:
        """The ids of the pieces that both have -> their ids in the other tokenizer."""
        other_ids = {piece: i for i, piece in enumerate(other.pieces(range(other.vocab_size)))}
        pieces = enumerate(self.pieces(range(self.vocab_size)))
        return {i: other_ids[piece] for i, piece in pieces if piece in other_ids}

    def made_of(self, pieces: Sequence[str]) -> list[list[int]]:
        """Ids of the pieces here that spell each of ``pieces`` of another tokenizer."""
        from sentencepiece.sentencepiece_model_pb2 import NormalizerSpec

        model = self._proto()
        model.normalizer_spec.CopyFrom(NormalizerSpec(name="identity"))
        for option in ("add_dummy_prefix", "remove_extra_whitespaces"):
            setattr(model.normalizer_spec, option, False)
        literal = Tokenizer(model.SerializeToString())
        return literal.encode([piece.replace(SPACE, " ") for piece in pieces])

    def spelled(self, text: str) -> list[tuple[int, str]]:
        """Ids of a text, each with its piece. With unk stands the unknown part: a word, or a symbol."""
        if not self.column_symbols or not self._lacks_symbol(text):
            return self._spelled(text)
        # SentencePiece would cut a symbol that it lacks into letters, as if they were text
        spelled: list[tuple[int, str]] = []
        for symbol, group in itertools.groupby(SYMBOL.split(text), self._is_lacking):
            if symbol:
                spelled += [(self.unk, part) for part in group]
            elif part := "".join(group):
                more = self._spelled(part)
                # SentencePiece puts a space before, but this part goes on behind a symbol
                added = bool(spelled) and not part[0].isspace() and bool(more)
                spelled += more[1:] if added and more[0][1] == SPACE else more
        return spelled

    def _is_lacking(self, part: str) -> bool:
        return SYMBOL.fullmatch(part) is not None and part not in self.column_symbols

    def _spelled(self, text: str) -> list[tuple[int, str]]:
        ids, pieces = self._processor.encode(text), self._processor.encode(text, out_type=str)
        return [
            (i, part)
            for i, piece in zip(ids, pieces, strict=True)
            for part in (_WORDS.findall(piece) if i == self.unk else [piece])
        ]

    def unknown_parts(self, text: str, ids: Sequence[int]) -> tuple[str, ...]:
        """The parts of a text with ``ids`` that have no piece, each once."""
        if self.unk not in ids:
            return ()
        return tuple(dict.fromkeys(piece for i, piece in self.spelled(text) if i == self.unk))

    def decode(self, ids: Sequence[int], words: Sequence[str] = ()) -> str:
        """The text that ``ids`` spell. For ``words`` see ``pieces``."""
        if not words:
            text: str = self._processor.decode(list(ids))
            return text
        pieces = self.pieces(ids, words)
        # SentencePiece leaves unknown words as they are
        text = self._processor.decode(pieces).replace(SPACE, " ")
        starts = bool(ids) and ids[0] >= self.vocab_size and pieces[0].startswith(SPACE)
        return text.removeprefix(" ") if starts else text

    def text_of(self, row: Sequence[int]) -> str:
        """The text of a row of a batch, up to its eos. Ids beyond the vocabulary are left out."""
        ids = itertools.takewhile(lambda i: i != self.eos, row)
        return self.decode([i for i in ids if i < self.vocab_size])

    def pieces(self, ids: Sequence[int], words: Sequence[str] = ()) -> list[str]:
        """The pieces that ``ids`` name. Ids from the vocabulary's size on name ``words``."""
        size, piece_of = self.vocab_size, self._processor.id_to_piece
        pieces: list[str] = [piece_of(i) if i < size else words[i - size] for i in ids]
        return pieces


def digest_path(path: str | Path) -> Path:
    """Where the digest of a ``.model`` file lies, as ``sha256sum`` writes and reads it."""
    return Path(f"{path}.sha256")
