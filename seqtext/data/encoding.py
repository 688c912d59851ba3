"""Rows of text -> ids, cached as Arrow under the digests of text and tokenizers -> batches."""

from __future__ import annotations

import functools
import hashlib
import random
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import datasets
import numpy as np

from seqtext.data.batch import Batch, collate
from seqtext.data.bucketing import Rows
from seqtext.data.corpus import Corpus
from seqtext.data.labels import Labels, TextAndLabels
from seqtext.data.prepared import kept, unwritable
from seqtext.data.readers import Row
from seqtext.data.tokenizer import Tokenizer, TokenizerConfig, Tokenizers
from seqtext.errors import DataError

SIDES = ("source", "target")
Sides = Tokenizers | TextAndLabels
_CACHE_VERSION = "5"  # another one when cached results of the same input would differ


def encode(
    corpus: Corpus, digest: str, tokenizers: Sides, cache_dir: Path, processes: int
) -> datasets.Dataset:
    """Read and tokenize, or take the result of an earlier time.

    Args:
        corpus: What to read.
        digest: Its digest.
        tokenizers: Of both sides; or of texts, with their labels.
        cache_dir: Where results are kept.
        processes: That tokenize.

    Returns:
        Columns ``source``, ``target`` (text), ``row`` (the same for references of one source),
        ``source_ids``, ``target_ids`` and ``source_length``, ``target_length`` (int32, bos and eos not
        counted).

    Raises:
        DataError: The corpus cannot be read as what it should be, or the result cannot be written.
    """
    try:
        return _encode(corpus, digest, tokenizers, cache_dir, processes)
    except (OSError, datasets.exceptions.DatasetGenerationError) as error:
        cause = error if isinstance(error, OSError) else error.__cause__
        if isinstance(cause, DataError):
            raise cause from None
        if not isinstance(cause, OSError):
            raise
        raise unwritable(cache_dir, cause) from error


def _encode(
    corpus: Corpus, digest: str, tokenizers: Sides, cache_dir: Path, processes: int
) -> datasets.Dataset:
    folder = cache_dir / "datasets" / digest_of(digest, _CACHE_VERSION)[:32]
    source, target = tokenizers
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
    """Likewise of rows that have been read; kept in memory."""
    table = {side: list(texts) for side, texts in zip(SIDES, zip(*rows, strict=True), strict=True)}
    numbers = {"row": list(range(len(rows)))}
    ids = _encode_rows(table, **_models(tokenizers))
    return datasets.Dataset.from_dict({**table, **numbers, **ids})


def _models(tokenizers: Sides) -> dict[str, Any]:
    sides: tuple[Tokenizer, Tokenizer | Labels] = tokenizers
    models = {f"{side}_model": bytes(model) for side, model in zip(SIDES, sides, strict=True)}
    return {**models, "labelled": isinstance(tokenizers, TextAndLabels)}


def held_out(sources: Iterable[str], rows: Rows, count: int) -> Rows:
    """Some of ``rows``, by a hash of their source: the same ones wherever they stand.

    Rows with the same source go together, so ``count`` may be exceeded.
    """
    hashes = np.fromiter(map(source_hash, sources), dtype=np.uint64)[rows]
    last = np.sort(hashes)[min(count, len(rows)) - 1]
    chosen: Rows = rows[hashes <= last]
    return chosen


def source_hash(source: str) -> int:
    """64 bits that depend on the text alone."""
    return int.from_bytes(hashlib.blake2b(source.encode(), digest_size=8).digest())


def digest_of(*parts: str) -> str:
    """Hexadecimal digest of all ``parts``."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _generate(corpus: Corpus) -> Iterator[dict[str, Any]]:
    for number, (source, targets) in enumerate(corpus.examples()):
        for target in targets:
            yield {"source": source, "target": target, "row": number}


@functools.lru_cache(maxsize=2)
def _tokenizer(model: bytes) -> Tokenizer:
    return Tokenizer(model)


def _encode_rows(
    rows: dict[str, list[str]], source_model: bytes, target_model: bytes, labelled: bool
) -> dict[str, list[Any]]:
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


def read_batch(
    encoded: datasets.Dataset,
    tokenizers: Tokenizers,
    sampling: TokenizerConfig | None,
    key: tuple[int, int],
    source_limit: int | None,
    rows: Rows,
) -> Batch:
    """The batch of ``rows``; with ``sampling``, of segmentations drawn for ``key`` (seed, epoch).

    Sources are cut behind ``source_limit`` pieces.
    """
    found = encoded[rows.tolist()]
    source, target = found["source_ids"], found["target_ids"]
    if sampling is not None:
        texts = list(zip(found["source"], found["target"], strict=True))
        keys = [f"{key}-{row}" for row in rows.tolist()]
        source, target = sampled(tokenizers, texts, sampling, keys)
    return batch_of(source, target, tokenizers, source_limit)


def sampled(
    tokenizers: Tokenizers, rows: Sequence[Row], sampling: TokenizerConfig, keys: Sequence[str]
) -> tuple[list[list[int]], list[list[int]]]:
    """Ids of segmentations that depend on ``keys`` alone: a resumed run draws what it would have drawn.

    Rows with words that a vocabulary lacks are not drawn anew: those words have ids of their own.
    """
    nbest, alpha = sampling.sampling_nbest, sampling.sampling_alpha
    found: list[list[list[int]]] = []
    for texts, key in zip(rows, keys, strict=True):
        pair = [
            tokenizer.sample(text, nbest, alpha, random.Random(f"{key}-{side}"))
            for side, tokenizer, text in zip(SIDES, tokenizers, texts, strict=True)
        ]
        if any(unk in ids for unk, ids in zip(tokenizers.unknown, pair, strict=True)):
            pair = [ids for [ids] in tokenizers.encode_pairs(*([text] for text in texts))]
        found.append(pair)
    return [source for source, _ in found], [target for _, target in found]


def batch_of(
    source: Sequence[Sequence[int]],
    target: Sequence[Sequence[int]],
    tokenizers: Tokenizers,
    source_limit: int | None,
) -> Batch:
    """The batch of pairs of ids, sources cut behind so many."""
    source = [row[:source_limit] for row in source]
    size, own = tokenizers.sizes
    if source_limit is not None and any(max(row, default=0) >= own for row in target):
        # a word that stood behind the cut cannot be copied
        target = [
            [i if i < own or size + i - own in words else tokenizers.target.unk for i in row]
            for row, words in zip(target, map(set, source), strict=True)
        ]
    return collate(
        source,
        target,
        source_eos=tokenizers.source.eos,
        target_bos=tokenizers.target.bos,
        target_eos=tokenizers.target.eos,
    )
