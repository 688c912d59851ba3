"""Trained tokenizers on disk, under the digest of the text and the options that they come from."""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from seqtext import files
from seqtext.console import say
from seqtext.data.encoding import digest_of
from seqtext.data.prepared import unwritable
from seqtext.data.tokenizer import Tokenizer, TokenizerConfig
from seqtext.errors import DataError


def trained(
    texts: Callable[[], Iterable[str]],
    config: TokenizerConfig,
    base: Tokenizer | None,
    decisive: Sequence[str],
    cache_dir: Path,
) -> Tokenizer:
    """Train a tokenizer, or give one what it lacks, or take the result of an earlier time.

    Args:
        texts: What to learn from; asked for only where it is needed.
        config: Of the tokenizer. With ``base`` its symbols and new pieces are added to those there are.
        base: The one to start from.
        decisive: All that decides what ``texts`` are.
        cache_dir: Where results are kept.

    Raises:
        ConfigError, DataError: See ``Tokenizer.train``.
        DataError: The result cannot be written.
    """
    if base is not None and not config.new_pieces and base.has(config.symbols):
        return base
    unsampled = dataclasses.replace(config, sampling_nbest=1, sampling_alpha=0.0)
    origin = [base.fingerprint] if base is not None else []
    folder = cache_dir / "tokenizers"
    key = digest_of(*decisive, repr(unsampled), *origin)[:32]
    if (cached := _cached(folder, key)) is not None:
        return cached
    try:  # before training, which may take minutes
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise unwritable(cache_dir, error) from error
    start = time.perf_counter()
    if base is None:
        tokenizer = Tokenizer.train(texts(), config)
        told = f"{config.model_type} with {tokenizer.vocab_size:,} pieces, trained"
    else:
        tokenizer = base.extended(config.symbols, texts(), config.new_pieces)
        told = f"{tokenizer.vocab_size - base.vocab_size:,} pieces added to those given"
    say(f"tokenizer: {told} in {time.perf_counter() - start:.1f} s")
    try:
        with files.whole(folder / f"{key}-{tokenizer.fingerprint}.model") as file:
            file.write(bytes(tokenizer))
    except OSError as error:
        raise unwritable(cache_dir, error) from error
    return tokenizer


def _cached(folder: Path, key: str) -> Tokenizer | None:
    """The tokenizer that was kept under ``key``. Its digest is the end of its name."""
    for path in sorted(folder.glob(f"{key}-*.model")):
        with contextlib.suppress(DataError):  # what is no tokenizer has another digest, too
            tokenizer = Tokenizer.load(path)
            if tokenizer.fingerprint == path.stem.partition("-")[2]:
                return tokenizer
        say(f"cache: {path} is damaged or another tokenizer; training it anew")
        with contextlib.suppress(OSError):  # keeping the new one tells of a read-only folder
            path.unlink()
    return None
