"""The tokenizers of source and target."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from seqtext.data.tokenizer.config import TokenizerConfig
from seqtext.data.tokenizer.model import Tokenizer

if TYPE_CHECKING:
    from seqtext.data.batch import Batch
    from seqtext.data.readers import Row


class Tokenizers(NamedTuple):
    """One for each side, or the same one twice."""

    source: Tokenizer
    target: Tokenizer

    @property
    def sizes(self) -> tuple[int, int]:
        """Sizes of the vocabularies."""
        return self.source.vocab_size, self.target.vocab_size

    @property
    def described(self) -> str:
        """The sizes, for a message."""
        source, target = (f"{size:,} pieces" for size in self.sizes)
        return (
            f"{source} for both sides" if self.source is self.target else f"{source} and {target}"
        )

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
        """Ids of both sides. A word that both lack has the same number beyond the vocabulary on both."""
        source_rows, unknown = self.encode_sources(sources)
        return source_rows, self.encode_targets(targets, unknown)

    def encode_targets(
        self, targets: Sequence[str], unknown: Sequence[Sequence[str]]
    ) -> list[list[int]]:
        """Ids of target texts. ``unknown`` are the words of each source that its vocabulary lacks."""
        rows = self.target.encode(targets)
        size, unk = self.target.vocab_size, self.target.unk
        for number, (row, words) in enumerate(zip(rows, unknown, strict=True)):
            if words and unk in row:
                places = {word: size + j for j, word in enumerate(words)}
                spelled = self.target.spelled(targets[number])
                rows[number] = [places.get(p, unk) if i == unk else i for i, p in spelled]
        return rows

    def sample_pairs(
        self, rows: Sequence[Row], config: TokenizerConfig, keys: Sequence[str]
    ) -> tuple[list[list[int]], list[list[int]]]:
        """Ids of drawn segmentations. They depend on ``keys`` alone, so a resumed run draws the same.

        Rows with words that a vocabulary lacks are not drawn: those words have ids of their own.
        """
        nbest, alpha = config.sampling_nbest, config.sampling_alpha
        drawn: list[list[list[int]]] = []
        for texts, key in zip(rows, keys, strict=True):
            pair = [
                tokenizer.sample(text, nbest, alpha, random.Random(f"{key}-{side}"))
                for side, tokenizer, text in zip(self._fields, self, texts, strict=True)
            ]
            if any(unk in ids for unk, ids in zip(self.unknown, pair, strict=True)):
                pair = [ids for [ids] in self.encode_pairs(*([text] for text in texts))]
            drawn.append(pair)
        return [source for source, _ in drawn], [target for _, target in drawn]

    def collate(
        self,
        source: Sequence[Sequence[int]],
        target: Sequence[Sequence[int]],
        source_limit: int | None,
    ) -> Batch:
        """The batch of pairs of ids. Sources are cut behind ``source_limit`` pieces."""
        from seqtext.data.batch import collate  # PyTorch, which training a tokenizer needs not

        source = [row[:source_limit] for row in source]
        size, own = self.sizes
        if source_limit is not None and any(max(row, default=0) >= own for row in target):
            # a word that stood behind the cut cannot be copied
            target = [
                [i if i < own or size + i - own in words else self.target.unk for i in row]
                for row, words in zip(target, map(set, source), strict=True)
            ]
        return collate(
            source,
            target,
            source_eos=self.source.eos,
            target_bos=self.target.bos,
            target_eos=self.target.eos,
        )

    def copy_ids(self) -> list[int]:
        """For each source piece the target piece with the same spelling, or -1."""
        source, target = self
        shared = source.shared(target)
        for no_text in (source.unk, source.bos, source.eos, *source.control_ids):
            shared.pop(no_text, None)
        return [shared.get(i, -1) for i in range(source.vocab_size)]
