"""Rows of text -> ids, cached as Arrow under the digests of text and tokenizers -> batches."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import datasets
import numpy as np

from seqtext.data.batch import Batch, LabelledBatch
from seqtext.data.bucketing import Lengths, Rows
from seqtext.data.corpus import Corpus
from seqtext.data.labels import Labels, TextAndLabels
from seqtext.data.prepared import digest_of, kept, unwritable
from seqtext.data.readers import Row
from seqtext.data.tokenizer import Tokenizer, TokenizerConfig, Tokenizers
from seqtext.errors import DataError

SIDES = ("source", "target")
_CACHE_VERSION = "5"  # another one when cached results of the same input would differ
Ids = tuple[list[list[int]], list[list[int]]]  # of sources and of targets, without special pieces


class Sides(Protocol):
    """Both sides of a row, text -> ids -> batch: ``Tokenizers`` or ``TextAndLabels``."""

    @property
    def source(self) -> Tokenizer: ...

    @property
    def target(self) -> Tokenizer | Labels: ...

    @property
    def described(self) -> str:
        """The sizes, for a message."""

    def encode_pairs(self, sources: Sequence[str], targets: Sequence[str]) -> Ids:
        """Ids of rows."""

    def sample_pairs(
        self, rows: Sequence[Row], config: TokenizerConfig, keys: Sequence[str]
    ) -> Ids:
        """Ids of rows, of segmentations drawn by their ``keys`` alone."""

    def collate(
        self, source: Sequence[list[int]], target: Sequence[list[int]], source_limit: int | None
    ) -> Batch | LabelledBatch:
        """The batch of rows of ids. Sources are cut to ``source_limit`` pieces."""


@dataclass(frozen=True)
class BatchReader:
    """Encoded rows -> batches. Worker processes get a copy.

    Args:
        tokenizers: Of both sides.
        source_limit: Sources are cut to so many pieces.
        sampling: Options of drawn segmentations. None draws none.
        seed: Of the draw.
    """

    tokenizers: Sides
    source_limit: int | None
    sampling: TokenizerConfig | None
    seed: int

    def over(
        self, encoded: datasets.Dataset, epoch: int
    ) -> Callable[[Rows], Batch | LabelledBatch]:
        """A function from row numbers to their batch, with segmentations drawn for an epoch."""
        columns = ["source_ids", "target_ids"] + (["source", "target"] if self.sampling else [])
        return functools.partial(self._read, encoded.select_columns(columns), epoch)

    def _read(self, encoded: datasets.Dataset, epoch: int, rows: Rows) -> Batch | LabelledBatch:
        table, numbers = encoded[rows.tolist()], rows.tolist()
        if self.sampling is None:
            return self.collate(table["source_ids"], table["target_ids"])
        texts = list(zip(table["source"], table["target"], strict=True))
        return self.collate(*self.encode(texts, epoch, numbers))

    def encode(self, rows: Sequence[Row], epoch: int, numbers: Sequence[int]) -> Ids:
        """Ids of rows with these numbers, which the draw depends on."""
        if self.sampling is None:
            return self.tokenizers.encode_pairs(*(list(side) for side in zip(*rows, strict=True)))
        keys = [f"{(self.seed, epoch)}-{number}" for number in numbers]
        return self.tokenizers.sample_pairs(rows, self.sampling, keys)

    def collate(
        self, source: Sequence[list[int]], target: Sequence[list[int]]
    ) -> Batch | LabelledBatch:
        """The batch of rows of ids."""
        return self.tokenizers.collate(source, target, self.source_limit)


def encode(
    corpus: Corpus, digest: str, tokenizers: Sides, cache_dir: Path, processes: int
) -> datasets.Dataset:
    """Read and tokenize, or take the result of an earlier time.

    Args:
        corpus: What to read.
        digest: Its digest.
        tokenizers: Of both sides.
        cache_dir: Where results are kept.
        processes: Number of processes that tokenize.

    Returns:
        A table with texts (``source``, ``target``), ids (``source_ids``, ``target_ids``) and numbers of
        ids (``source_length``, ``target_length``, int32). These do not count bos and eos. The column
        ``row`` is the same for all references of one source.

    Raises:
        DataError: The corpus cannot be read, or the result cannot be written.
    """
    if isinstance(tokenizers, TextAndLabels):
        _check_labels(corpus, digest, tokenizers.target)
    try:
        return _encode(corpus, digest, tokenizers, cache_dir, processes)
    except (OSError, datasets.exceptions.DatasetGenerationError) as error:
        cause = error if isinstance(error, OSError) else error.__cause__
        if isinstance(cause, DataError):
            raise cause from None
        if not isinstance(cause, OSError):
            raise
        raise unwritable(cache_dir, cause) from error


@functools.lru_cache(maxsize=8)  # a run encodes a corpus to prepare it and to open it
def _check_labels(corpus: Corpus, digest: str, labels: Labels) -> None:
    """Refuse wrong labels with file and line, which are not known later."""
    for _ in labels.read(corpus.records()):
        pass


def _encode(
    corpus: Corpus, digest: str, tokenizers: Sides, cache_dir: Path, processes: int
) -> datasets.Dataset:
    folder = cache_dir / "datasets" / digest_of(digest, _CACHE_VERSION)[:32]
    source, target = tokenizers.source, tokenizers.target
    key = digest_of(digest, source.fingerprint, target.fingerprint, _CACHE_VERSION)[:32]

    def read() -> datasets.Dataset:
        return datasets.Dataset.from_generator(
            _generate, gen_kwargs={"corpus": corpus}, cache_dir=str(folder)
        )

    def tokenize() -> datasets.Dataset:
        return kept(folder, "rows", read).map(
            _encode_rows,
            batched=True,
            fn_kwargs=_models(tokenizers),
            num_proc=processes if processes > 1 else None,
            new_fingerprint=key,
        )

    return kept(folder, key, tokenize)


def encode_rows(rows: Sequence[Row], tokenizers: Sides) -> datasets.Dataset:
    """``encode`` rows that have been read, in memory."""
    table = {side: list(texts) for side, texts in zip(SIDES, zip(*rows, strict=True), strict=True)}
    numbers = {"row": list(range(len(rows)))}
    ids = _encode_rows(table, **_models(tokenizers))
    return datasets.Dataset.from_dict({**table, **numbers, **ids})


def join(tables: Sequence[datasets.Dataset]) -> datasets.Dataset:
    """The rows of several tables, one table after the other."""
    return tables[0] if len(tables) == 1 else datasets.concatenate_datasets(tables)


def lengths_of(encoded: datasets.Dataset) -> tuple[Lengths, Lengths]:
    """(N,) pieces of the sources and of the targets, eos not counted."""
    source, target = (encoded.data.column(f"{side}_length").to_numpy() for side in SIDES)
    return source, target


def _generate(corpus: Corpus) -> Iterator[dict[str, object]]:
    for number, (source, targets) in enumerate(corpus.examples()):
        for target in targets:
            yield {"source": source, "target": target, "row": number}


def _models(tokenizers: Sides) -> dict[str, Any]:
    """Tokenizers as arguments that the library datasets can hand to other processes."""
    return {
        "source_model": bytes(tokenizers.source),
        "target_model": bytes(tokenizers.target),
        "labelled": isinstance(tokenizers, TextAndLabels),
    }


@functools.lru_cache(maxsize=2)
def _tokenizer(model: bytes) -> Tokenizer:
    return Tokenizer(model)


def _encode_rows(
    rows: dict[str, list[str]], source_model: bytes, target_model: bytes, labelled: bool
) -> dict[str, list[object]]:
    columns: dict[str, Any] = {}
    source = _tokenizer(source_model)
    tokenizers = (
        TextAndLabels(source, Labels.load(target_model))
        if labelled
        else Tokenizers(source, _tokenizer(target_model))
    )
    encoded = tokenizers.encode_pairs(rows["source"], rows["target"])
    for side, ids in zip(SIDES, encoded, strict=True):
        columns[f"{side}_ids"] = ids
        columns[f"{side}_length"] = np.array([len(row) for row in ids], dtype=np.int32)
    return columns
