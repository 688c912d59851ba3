"""Which target pieces each source piece may give: made of a training set, kept in a file."""

from __future__ import annotations

import functools
import hashlib
import io
import itertools
import os
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from seqtext.data.lexicon import Pair, learn_lexicon
from seqtext.errors import ConfigError, DataError

if TYPE_CHECKING:
    from seqtext.data.tokenizer import Tokenizers

FILE = "shortlist.npz"  # beside the checkpoint
_FORMAT = 1
Ids = npt.NDArray[np.int32]
# What reading a damaged file raises
_DAMAGE = (
    ValueError, KeyError, IndexError, TypeError, AttributeError, EOFError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


class Shortlist(NamedTuple):
    """Target pieces by source piece (Jean et al. 2015, section 3.3).

    An output is made of the pieces of all pieces of its source, and of the most frequent target pieces.

    Args:
        pieces: (P,) target pieces, those of each source piece after those of the one before.
        offsets: (source pieces + 1,) where those of a source piece begin.
        frequent: (M,) the most frequent target pieces.
        fingerprints: (2,) of the tokenizers of source and target.
    """

    pieces: Ids
    offsets: npt.NDArray[np.int64]
    frequent: Ids
    fingerprints: tuple[str, str]

    def lists(self, sources: Sequence[Sequence[int]], tokenizers: Tokenizers) -> list[Ids]:
        """For each source, given by its ids, the target pieces of its output, in ascending order."""
        size, unk, eos = tokenizers.source.vocab_size, tokenizers.source.unk, tokenizers.source.eos
        rows = ({i if i < size else unk for i in (*source, eos)} for source in sources)
        return [
            np.unique(np.concatenate([self.frequent, *(self.pieces_of(i) for i in row)]))
            for row in rows
        ]

    def pieces_of(self, source: int) -> Ids:
        """The target pieces of a source piece."""
        return self.pieces[self.offsets[source] : self.offsets[source + 1]]

    def check(self, tokenizers: Tokenizers) -> None:
        """Refuse a model that the shortlist was not made for.

        Raises:
            ConfigError: Its tokenizers are others.
            DataError: The shortlist has pieces that these tokenizers lack.
        """
        if self.fingerprints != _fingerprints(tokenizers):
            raise ConfigError(
                "shortlist: was made for a model with other tokenizers. Make one with `seqtext shortlist`"
            )
        source, target = tokenizers.sizes
        ids = np.concatenate([self.pieces, self.frequent, [0]])
        if len(self.offsets) != source + 1 or not 0 <= ids.min() <= ids.max() < target:
            raise DataError("shortlist: is damaged. Make it again with `seqtext shortlist`")

    @property
    def digest(self) -> str:
        """Another one where the content differs."""
        parts = (self.pieces, self.offsets, self.frequent)
        content = b"".join(part.tobytes() for part in parts)
        return hashlib.sha256(content + " ".join(self.fingerprints).encode()).hexdigest()

    def __bytes__(self) -> bytes:
        """The content of a file."""
        file = io.BytesIO()
        np.savez_compressed(file, **{**self._asdict(), "format": _FORMAT})
        return file.getvalue()


def make_shortlist(
    pairs: Sequence[Pair], tokenizers: Tokenizers, pieces: int, frequent: int
) -> Shortlist:
    """Choose target pieces by encoded pairs of a training set.

    Args:
        pairs: Ids of sources and targets.
        tokenizers: Of both sides.
        pieces: For each source piece, the number of its most probable target pieces. Besides, it gets the
            target piece that is spelled like it, as names are.
        frequent: Number of frequent target pieces.
    """
    source, target = tokenizers
    # the eos of the source stands for the empty word, as it is in all sources
    known = [
        ([i if i < source.vocab_size else source.unk for i in (*own, source.eos)],
         [i if i < target.vocab_size else target.unk for i in other])
        for own, other in pairs
    ]  # fmt: skip
    lexicon = learn_lexicon(known, target.vocab_size)
    starts = np.searchsorted(lexicon.source, np.arange(source.vocab_size + 1))
    best = [
        lexicon.target[start : min(start + pieces, end)]
        for start, end in itertools.pairwise(starts)
    ]
    same = [[i] if i >= 0 else [] for i in tokenizers.copy_ids()]
    rows = [np.union1d(own, other) for own, other in zip(best, same, strict=True)]
    count = np.bincount([i for _, own in known for i in own], minlength=target.vocab_size)
    return Shortlist(
        pieces=np.concatenate(rows).astype(np.int32),
        offsets=np.cumsum([0, *map(len, rows)]),
        frequent=np.argsort(-count, kind="stable")[:frequent].astype(np.int32),
        fingerprints=_fingerprints(tokenizers),
    )


def _fingerprints(tokenizers: Tokenizers) -> tuple[str, str]:
    return tokenizers.source.fingerprint, tokenizers.target.fingerprint


def file_of(path: str | Path) -> str:
    """The file of a shortlist, where its folder may be named."""
    return os.path.join(path, FILE) if os.path.isdir(path) else os.fspath(path)


def read_shortlist(path: str | Path) -> Shortlist:
    """Read a shortlist from its file, or from the folder that has it. A second time it is remembered.

    Raises:
        DataError: There is no such file, or it is no shortlist.
    """
    path = file_of(path)
    try:
        status = os.stat(path)
        return _read(path, status.st_mtime_ns, status.st_size)
    except FileNotFoundError as error:
        raise DataError(
            f"shortlist: {path}: no such file. Make it with `seqtext shortlist`"
        ) from error
    except OSError as error:
        raise DataError(f"shortlist: {path}: cannot be read ({error.strerror or error})") from error


@functools.lru_cache(maxsize=4)
def _read(path: str, changed: int, size: int) -> Shortlist:
    """A file as it is at a time of change, with a size.

    Raises:
        DataError: It is no shortlist.
    """
    try:
        with open(path, "rb") as content, np.load(content, allow_pickle=False) as file:
            version, arrays = int(file["format"]), {name: file[name] for name in file.files}
        if version == _FORMAT:
            return _checked(arrays)
    except _DAMAGE as error:
        raise DataError(
            f"shortlist: {path}: is no shortlist, or a damaged one. Make it with `seqtext shortlist`"
        ) from error
    raise DataError(f"shortlist: {path}: was written by another version of seqtext")


def _checked(arrays: dict[str, npt.NDArray[Any]]) -> Shortlist:
    """The shortlist of arrays from a file.

    Raises:
        KeyError, ValueError: They are those of no shortlist.
    """
    source, target = arrays["fingerprints"].tolist()
    pieces, offsets = arrays["pieces"].astype(np.int32), arrays["offsets"].astype(np.int64)
    if (
        pieces.ndim != 1
        or offsets[0] != 0
        or offsets[-1] != len(pieces)
        or (np.diff(offsets) < 0).any()
    ):
        raise ValueError("the offsets do not fit the pieces")
    return Shortlist(pieces, offsets, arrays["frequent"].astype(np.int32), (source, target))
