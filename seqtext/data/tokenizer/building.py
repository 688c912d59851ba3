"""The tokenizers of a training: a checkpoint's, named files, or trained on the corpus."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from seqtext import assets, files
from seqtext.console import say
from seqtext.data.prepared import digest_of, unwritable
from seqtext.data.readers import Row
from seqtext.data.readers.columns import SourceColumns
from seqtext.data.tokenizer import Tokenizer, TokenizerConfig, Tokenizers
from seqtext.data.tokenizer.column_symbols import symbols_of, without_symbols
from seqtext.errors import ConfigError, DataError

_BOTH, _SOURCE, _TARGET = (0, 1), (0,), (1,)  # sides of a row
_ADDITIONS = ("sampling", "symbols", "new_pieces")  # options that a checkpoint's tokenizers allow


@dataclass(frozen=True)
class TokenizerBuilder:
    """Builds tokenizers, and keeps trained and extended ones on disk.

    Args:
        config: Options.
        pretrained: Tokenizers of the model that training starts from, if it brings some.
        tags: Words that become symbols, beside those of the options.
        columns: Columns of the source, of each training corpus.
        rows: Reads the training rows to learn from.
        digests: Digests of the training corpora, for the keys on disk.
        streamed: Whether ``rows`` are only the first ones of a stream.
        cache_dir: Folder of everything that is kept.

    Every method raises:
        ConfigError: Options contradict the tokenizers that are given.
        DataError: See ``Tokenizer.train``, or the result cannot be written.
    """

    config: TokenizerConfig
    pretrained: Tokenizers | None
    tags: Sequence[str]
    columns: Sequence[SourceColumns]
    rows: Callable[[], Iterable[Row]]
    digests: Sequence[str]
    streamed: bool
    cache_dir: Path

    @property
    def origin(self) -> str:
        """Where tokenizers come from, for a message."""
        if self.pretrained is not None:
            return "the checkpoint's"
        return self.config.source_model or "trained on data.train"

    def pair(self) -> Tokenizers:
        """Tokenizers of source and target."""
        config = self.config
        if self.pretrained is not None:
            self._check_pretrained()
            return self._extend(*self.pretrained)
        if config.new_pieces:
            raise ConfigError(
                f"data.tokenizer.new_pieces: {config.new_pieces}, but no checkpoint brings the pieces"
                " that these are added to; name one with model.init_from, without model.init_parts"
            )
        if config.source_model is not None:
            source = _load(config.source_model)
            target = source if config.target_model is None else _load(config.target_model)
            return self._extend(source, target)
        if config.joint:
            both = self._train(_BOTH)
            return Tokenizers(both, both)
        return Tokenizers(self._train(_SOURCE), self._train(_TARGET))

    def source(self) -> Tokenizer:
        """A tokenizer of sources alone."""
        path = self.config.source_model
        return self._train(_SOURCE, None if path is None else _load(path))

    def _check_pretrained(self) -> None:
        default = vars(TokenizerConfig())
        for name, value in vars(self.config).items():
            if value != default[name] and not name.startswith(_ADDITIONS):
                raise ConfigError(
                    f"data.tokenizer.{name}: {value!r}, but model.init_from brings its tokenizers; leave the"
                    " option out, or choose parts of the model with model.init_parts"
                )

    def _extend(self, source: Tokenizer, target: Tokenizer) -> Tokenizers:
        """Add symbols, tags and new pieces that given tokenizers lack."""
        if source.fingerprint == target.fingerprint:
            both = self._train(_BOTH, source)
            return Tokenizers(both, both)
        return Tokenizers(self._train(_SOURCE, source), self._train(_TARGET, target))

    def _train(self, sides: tuple[int, ...], base: Tokenizer | None = None) -> Tokenizer:
        """Train on some sides of the rows, or extend ``base``, or take the result of an earlier time."""
        config = self._with_symbols(sides)
        if base is not None and not config.new_pieces and base.has(config.symbols):
            return base
        unsampled = dataclasses.replace(config, sampling_nbest=1, sampling_alpha=0.0)
        key = digest_of(
            *self.digests,
            repr(sides),
            *(["streamed"] if self.streamed else []),
            repr(unsampled),
            *([base.fingerprint] if base is not None else []),
        )[:32]
        folder = self.cache_dir / "tokenizers"
        if (cached := _find_cached(folder, key)) is not None:
            return cached
        with self._writing():  # before training, which may take minutes
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        texts: Iterable[str] = (row[side] for row in self.rows() for side in sides)
        if any(columns.symbols for columns in self.columns):
            texts = without_symbols(texts)
        tokenizer = _learn(texts, config, base)
        with self._writing(), files.whole(folder / f"{key}-{tokenizer.fingerprint}.model") as file:
            file.write(bytes(tokenizer))
        return tokenizer

    def _with_symbols(self, sides: tuple[int, ...]) -> TokenizerConfig:
        """The options of a tokenizer for some sides, with all its symbols."""
        of_columns = () if sides == _TARGET else self._of_columns
        symbols = tuple(dict.fromkeys((*self.config.symbols, *of_columns, *self.tags)))
        config = dataclasses.replace(self.config, symbols=symbols)
        return config.of_target() if sides == _TARGET else config

    @functools.cached_property
    def _of_columns(self) -> tuple[str, ...]:
        return symbols_of(self.columns, self.rows)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise unwritable(self.cache_dir, error) from error


def _load(path: str) -> Tokenizer:
    return Tokenizer.load(assets.find(path))


def _learn(texts: Iterable[str], config: TokenizerConfig, base: Tokenizer | None) -> Tokenizer:
    start = time.perf_counter()
    if base is None:
        tokenizer = Tokenizer.train(texts, config)
        result = f"{config.model_type} with {tokenizer.vocab_size:,} pieces, trained"
    else:
        tokenizer = base.extended(config.symbols, texts, config.new_pieces)
        result = f"{tokenizer.vocab_size - base.vocab_size:,} pieces added to those given"
    say(f"tokenizer: {result} in {time.perf_counter() - start:.1f} s")
    return tokenizer


def _find_cached(folder: Path, key: str) -> Tokenizer | None:
    """The tokenizer that was kept under ``key``. Its digest is the end of its name."""
    for path in sorted(folder.glob(f"{key}-*.model")):
        with contextlib.suppress(DataError):  # what is no tokenizer has another digest, too
            tokenizer = Tokenizer.load(path)
            if tokenizer.fingerprint == path.stem.partition("-")[2]:
                return tokenizer
        say(f"cache: {path} is damaged or another tokenizer; training it anew")
        with contextlib.suppress(OSError):  # a read-only folder is noticed when the new one is kept
            path.unlink()
    return None
