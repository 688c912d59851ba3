"""Text to pieces to ids and back: a SentencePiece model that travels as bytes."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import io
import math
import os
import random
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import sentencepiece

from seqtext.data.normalization import Normalization, finished, training_options
from seqtext.errors import ConfigError, DataError
from seqtext.values import check_fields

ModelType = Literal["unigram", "bpe", "char", "word"]
# A tokenizer of some thousand pieces learns nothing from more; its training takes 1.1 KB for each
_MOST_TEXTS = 500_000
SPACE = "\N{LOWER ONE EIGHTH BLOCK}"  # what SentencePiece writes for one
_WORDS = re.compile(f"{SPACE}?[^{SPACE}]+|{SPACE}")
# and time ~ the square of the length of a text that repeats itself, so long ones are cut
_MOST_CHARACTERS = 10_000
_OWN_PIECES = ("<unk>", "<s>", "</s>")
_BYTE_PIECE = re.compile("<0x[0-9A-F]{2}>")
_ONE_SEGMENTATION = "tokenizer.sampling_nbest: only a unigram tokenizer can draw segmentations"


@dataclass(frozen=True, kw_only=True)
class TokenizerConfig:
    """Where the tokenizers come from: files, or training on the training corpus.

    Args:
        model_type: SentencePiece algorithm: ``unigram``, ``bpe``, ``char`` or ``word``.
        target_type: Likewise of the target's tokenizer, where it is another one.
        vocab_size: Number of pieces, special ones included; fewer where the corpus has not so many.
        joint: One tokenizer for both sides instead of one each.
        source_model: A SentencePiece file for the source, instead of training one.
        target_model: Likewise for the target. With ``joint``, ``source_model`` serves both.
        normalization: How spellings of one text become the same. ``nfkc`` composes letters and marks, and
            replaces special forms. ``nmt_nfkc`` cleans spaces as well. Their ``_cf`` forms also fold
            letter case. ``nfc`` only composes letters and marks, so phonetic symbols survive.
            ``nfc_lower`` also writes lower case. ``identity`` leaves text as it is, for code.
        target_normalization: Likewise of the target's tokenizer, where it is another one.
        byte_fallback: Spell unknown characters as bytes, so that nothing is unknown.
        character_coverage: Share of the characters that get a piece; less for large alphabets.
        symbols: Words, tags and the like, without spaces, that are one piece each, wherever they stand.
            They are added to the pieces of a given file, and of a checkpoint with ``model.init_from``.
        new_pieces: With ``model.init_from``: as many pieces (at most) are learned from the training
            corpora and added to the checkpoint's, single characters first. A new piece starts with the
            mean weights of those that it is made of.
        sampling_nbest: In training, draw among this many segmentations of each sentence (subword
            regularization, Kudo 2018, section 3.3; ``unigram`` only); 1 draws none.
        sampling_alpha: How much the draw prefers probable segmentations; 0 is uniform.

    Raises:
        ConfigError: A value is out of range, or two contradict each other.
    """

    model_type: ModelType = "unigram"
    target_type: ModelType | None = None
    vocab_size: int = 4000
    joint: bool = True
    source_model: str | None = None
    target_model: str | None = None
    normalization: Normalization = "nmt_nfkc"
    target_normalization: Normalization | None = None
    byte_fallback: bool = True
    character_coverage: float = 1.0
    symbols: tuple[str, ...] = ()
    new_pieces: int = 0
    sampling_nbest: int = 1
    sampling_alpha: float = 0.2

    def __post_init__(self) -> None:
        check_fields(self, "tokenizer.")
        _check_symbols(self.symbols)
        if self.vocab_size < 4:
            raise ConfigError(f"tokenizer.vocab_size: {self.vocab_size}, expected at least 4")
        if not 0 < self.character_coverage <= 1:
            raise ConfigError(
                f"tokenizer.character_coverage: {self.character_coverage}, expected 0 < x <= 1"
            )
        if self.new_pieces < 0:
            raise ConfigError(f"tokenizer.new_pieces: {self.new_pieces}, expected >= 0")
        if self.sampling_nbest < 1:
            raise ConfigError(f"tokenizer.sampling_nbest: {self.sampling_nbest}, expected >= 1")
        if not 0 <= self.sampling_alpha < math.inf:
            raise ConfigError(f"tokenizer.sampling_alpha: {self.sampling_alpha}, expected >= 0")
        if self.sampling_nbest > 1 and self.model_type != "unigram" and self.source_model is None:
            raise ConfigError(_ONE_SEGMENTATION)
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


class Tokenizer:
    """One SentencePiece model. ``bytes(tokenizer)`` is all there is to it.

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
        """Read a ``.model`` file, and compare it with the digest that lies beside it, if one does.

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
        """Train on ``texts``; the same texts and configuration give the same bytes.

        Raises:
            DataError: There is no text, or not enough of it for ``vocab_size``.
        """
        model = io.BytesIO()
        failures: list[DataError] = []
        identity = config.normalization == "identity"
        try:
            with training_options(config.normalization) as rules:
                sentencepiece.SentencePieceTrainer.train(
                    sentence_iterator=_noting(_some(texts, _MOST_TEXTS), failures),
                    model_writer=model,
                    model_type=config.model_type,
                    vocab_size=config.vocab_size,
                    hard_vocab_limit=False,
                    remove_extra_whitespaces=not identity,
                    byte_fallback=config.byte_fallback and config.model_type in ("unigram", "bpe"),
                    character_coverage=config.character_coverage,
                    user_defined_symbols=list(dict.fromkeys(config.symbols)),
                    max_sentence_length=1 << 20,  # bytes; longer ones it leaves out without a word
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
        return cls(finished(model.getvalue(), config.normalization))

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

    @functools.cached_property
    def of_characters(self) -> bool:
        """Whether it was trained to cut text into characters, symbols of its own aside."""
        from sentencepiece.sentencepiece_model_pb2 import TrainerSpec

        return bool(self._proto().trainer_spec.model_type == TrainerSpec.ModelType.CHAR)

    @functools.cached_property
    def _scores(self) -> list[float]:
        return [self._processor.get_score(i) for i in range(self.vocab_size)]

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of each text, without bos and eos."""
        ids: list[list[int]] = self._processor.encode(list(texts))
        return ids

    def sample(self, text: str, nbest: int, alpha: float, generator: random.Random) -> list[int]:
        """Ids of one segmentation, drawn with probability ~ P(segmentation) ** alpha (Kudo 2018).

        Raises:
            ConfigError: The model is not ``unigram``: the others know one segmentation.
        """
        try:
            candidates = self._processor.nbest_encode(text, nbest_size=nbest, out_type=int)
        except RuntimeError as error:
            raise ConfigError(_ONE_SEGMENTATION) from error
        if not any(candidates):
            return []
        scores = [sum(map(self._scores.__getitem__, ids)) for ids in candidates]
        best = max(scores)
        weights = [math.exp(alpha * (score - best)) for score in scores]
        chosen: list[int] = generator.choices(candidates, weights)[0]
        return chosen

    def extended(self, symbols: Sequence[str], texts: Iterable[str], count: int) -> Tokenizer:
        """With new pieces behind those there are, whose ids and scores stay.

        Args:
            symbols: Words that become one piece each, wherever they stand.
            texts: What to learn other pieces from: a tokenizer of the same kind is trained on them, and
                what it has and this one lacks is taken over, characters first, then by frequency.
            count: How many of these at most.

        Raises:
            ConfigError: A symbol cannot be one, see ``TokenizerConfig``.
            DataError: See ``train``.
        """
        from sentencepiece.sentencepiece_model_pb2 import ModelProto, TrainerSpec

        kind = ModelProto.SentencePiece
        model = self._proto()
        known = {piece.piece: piece for piece in model.pieces}
        _check_symbols(symbols)
        for symbol in dict.fromkeys(symbols):
            if symbol not in known:
                model.pieces.add(piece=symbol, score=0.0, type=kind.USER_DEFINED)
            elif known[symbol].type in (kind.CONTROL, kind.UNKNOWN, kind.BYTE):
                raise _taken(symbol)
            else:  # a piece of text until now, which another way to cut a text may pass over
                known[symbol].type = kind.USER_DEFINED
        if count:
            normalized = [self._normalized(text) for text in _some(texts, _MOST_TEXTS)]
            characters = len(set().union(*normalized))
            kind_of_model = TrainerSpec.ModelType.Name(model.trainer_spec.model_type).lower()
            config = TokenizerConfig(
                model_type=kind_of_model,
                vocab_size=max(self.vocab_size, characters + count + len(_OWN_PIECES)),
                normalization="identity",  # they are normalized already, and by this model's rule
                byte_fallback=False,
            )
            trained = ModelProto.FromString(bytes(Tokenizer.train(normalized, config))).pieces
            new = [
                piece
                for piece in trained
                if piece.type == kind.NORMAL and piece.piece not in {*known, *symbols}
            ]
            new.sort(key=lambda piece: len(piece.piece) > 1)  # stable: they come by frequency
            model.pieces.extend(new[:count])
        model.trainer_spec.vocab_size = len(model.pieces)
        return Tokenizer(model.SerializeToString(deterministic=True))

    def has(self, symbols: Sequence[str]) -> bool:
        """Whether all of these are pieces wherever they stand."""
        if not symbols:
            return True
        pieces = self._proto().pieces
        return set(symbols) <= {one.piece for one in pieces if one.type == one.USER_DEFINED}

    def _proto(self) -> Any:
        from sentencepiece.sentencepiece_model_pb2 import ModelProto

        return ModelProto.FromString(self._model)

    def id_of(self, piece: str) -> int | None:
        """The id of a piece that is in the vocabulary."""
        found: int = self._processor.piece_to_id(piece)
        return None if found == self.unk else found

    def _normalized(self, text: str) -> str:
        normalized: str = self._processor.normalize(text)
        return normalized.replace(SPACE, " ").strip()

    def shared(self, other: Tokenizer) -> dict[int, int]:
        """The ids of the pieces that both have -> those in the other one."""
        there = {piece: i for i, piece in enumerate(other.pieces(range(other.vocab_size)))}
        pieces = enumerate(self.pieces(range(self.vocab_size)))
        return {i: there[piece] for i, piece in pieces if piece in there}

    def made_of(self, pieces: Sequence[str]) -> list[list[int]]:
        """Ids of the pieces that each of ``pieces``, which another tokenizer has, is made of here."""
        from sentencepiece.sentencepiece_model_pb2 import NormalizerSpec

        model = self._proto()
        model.normalizer_spec.CopyFrom(NormalizerSpec(name="identity"))
        for option in ("add_dummy_prefix", "remove_extra_whitespaces"):
            setattr(model.normalizer_spec, option, False)
        literal = Tokenizer(model.SerializeToString())
        return literal.encode([piece.replace(SPACE, " ") for piece in pieces])

    def spelled(self, text: str) -> list[tuple[int, str]]:
        """Ids of a text and the pieces that they stand for; of unk that is what was unknown, a word each."""
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
        """The text that ``ids`` spell; for ``words`` see ``pieces``."""
        if not words:
            text: str = self._processor.decode(list(ids))
            return text
        pieces = self.pieces(ids, words)
        text = self._processor.decode(pieces).replace(
            SPACE, " "
        )  # it leaves unknown words as they are
        starts = bool(ids) and ids[0] >= self.vocab_size and pieces[0].startswith(SPACE)
        return text.removeprefix(" ") if starts else text

    def pieces(self, ids: Sequence[int], words: Sequence[str] = ()) -> list[str]:
        """The pieces that ``ids`` name; from the vocabulary's size on those of ``words``."""
        size, piece_of = self.vocab_size, self._processor.id_to_piece
        pieces: list[str] = [piece_of(i) if i < size else words[i - size] for i in ids]
        return pieces


def _taken(symbol: str) -> ConfigError:
    return ConfigError(
        f"tokenizer.symbols: {symbol} is a piece of SentencePiece's own; choose another symbol or tag"
    )


def digest_path(path: str | Path) -> Path:
    """Where the digest of a ``.model`` file lies, as ``sha256sum`` writes and reads it."""
    return Path(f"{path}.sha256")


def _check_symbols(symbols: Sequence[str]) -> None:
    if taken := [one for one in symbols if one in _OWN_PIECES or _BYTE_PIECE.fullmatch(one)]:
        raise _taken(taken[0])
    if unused := [one for one in symbols if not one or " " in one or "\0" in one]:
        raise ConfigError(
            f"tokenizer.symbols: {unused[0]!r} would never be used, as SentencePiece cuts text at spaces;"
            " expected a word without spaces"
        )


def _some(texts: Iterable[str], limit: int) -> Iterator[str]:
    """All texts, or ``limit`` of them, each as probable (Vitter 1985, algorithm R); in order, if all."""
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
    """``texts``; an error in reading them is noted, as SentencePiece turns it into one of its own."""
    try:
        yield from texts
    except DataError as error:
        failures.append(error)
        raise


class Tokenizers(NamedTuple):
    """One for each side; the same one twice if joint."""

    source: Tokenizer
    target: Tokenizer

    @property
    def sizes(self) -> tuple[int, int]:
        """Of the vocabularies."""
        return self.source.vocab_size, self.target.vocab_size

    @property
    def unknown(self) -> tuple[int, int]:
        """Ids of the unknown pieces."""
        return self.source.unk, self.target.unk

    def encode_sources(self, texts: Sequence[str]) -> tuple[list[list[int]], list[tuple[str, ...]]]:
        """Ids of source texts, and of each the words in it that the vocabulary lacks.

        The j-th of these has the id "vocabulary's size + j" (see ``EncoderDecoder``).
        """
        rows, unknown = self.source.encode(texts), []
        for number, row in enumerate(rows):
            words: dict[str, int] = {}
            if self.source.unk in row:
                spelled = self.source.spelled(texts[number])
                for i, piece in spelled:
                    if i == self.source.unk:
                        words.setdefault(piece, self.source.vocab_size + len(words))
                rows[number] = [words[p] if i == self.source.unk else i for i, p in spelled]
            unknown.append(tuple(words))
        return rows, unknown

    def encode_pairs(
        self, sources: Sequence[str], targets: Sequence[str]
    ) -> tuple[list[list[int]], list[list[int]]]:
        """Ids of both sides; an unknown word of the target that the source has is the same word there."""
        source_rows, unknown = self.encode_sources(sources)
        rows = self.target.encode(targets)
        size, unk = self.target.vocab_size, self.target.unk
        for number, (row, words) in enumerate(zip(rows, unknown, strict=True)):
            if words and unk in row:
                places = {word: size + j for j, word in enumerate(words)}
                spelled = self.target.spelled(targets[number])
                rows[number] = [places.get(p, unk) if i == unk else i for i, p in spelled]
        return source_rows, rows

    def copy_ids(self) -> list[int]:
        """The target piece that spells what each source piece does; -1 where there is none."""
        source, target = self
        shared = source.shared(target)
        for no_text in (source.unk, source.bos, source.eos, *source.control_ids):
            shared.pop(no_text, None)
        return [shared.get(i, -1) for i in range(source.vocab_size)]
