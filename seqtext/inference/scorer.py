"""Scores of given targets, and what is behind outputs."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from seqtext.data.readers import Columns
from seqtext.data.texts import SourceRow, check_text, rows_of, texts_of
from seqtext.data.tokenizer import Tokenizers
from seqtext.errors import ConfigError
from seqtext.inference.config import RerankConfig
from seqtext.inference.hypothesis import Hypothesis
from seqtext.inference.predictor import Predictor
from seqtext.inference.reading import PairBatch, Reading, WordReading, read_batch
from seqtext.inference.score import Score, empty_score
from seqtext.inference.unknown_words import replace_unknown
from seqtext.nn.encoder_decoder import EncoderDecoder
from seqtext.search.config import SearchConfig
from seqtext.search.length_penalty import LengthPenalty

_BATCH_SIZE = 64


# Its batches are sources to decode, or pairs to read. So no single type is that of all
class Scorer(Predictor[EncoderDecoder, Any, Any]):
    """The part of a ``Generator`` that reads targets instead of searching for them.

    ``dictionary`` may be set to translations of source words, for ``replace_unknown``.

    Args:
        networks: See ``Predictor``.
        tokenizers: Of both sides, shared by all networks.
        columns: See ``Predictor``.
        task: See ``Predictor``.
        source_limit: See ``Predictor``.
        longest_source: See ``Predictor``.
    """

    def __init__(
        self,
        networks: Sequence[EncoderDecoder],
        tokenizers: Tokenizers,
        columns: Columns,
        task: str,
        source_limit: int | None,
        longest_source: int | None,
    ) -> None:
        super().__init__(networks, columns, task, source_limit, longest_source)
        self.tokenizers = tokenizers
        self.dictionary: Mapping[str, str] = {}
        self._copies = any(network.config.copying for network in networks)

    def score(
        self,
        sources: Iterable[SourceRow],
        targets: Iterable[str],
        *,
        attention: bool = False,
        batch_size: int = _BATCH_SIZE,
    ) -> list[Score]:
        """How likely each target is, given its source. Ensembles use the mean of their probabilities.

        A source is cut as in decoding. A part of a target that has no piece is read as the unknown piece.
        A network that copies knows it as a word of the source, if it is there.

        Args:
            sources: See ``Generator.generate``.
            targets: Texts, one for each source.
            attention: Whether the scores have the attention, piece by piece.
            batch_size: Most pairs read together. It changes the speed, not the result.

        Raises:
            ConfigError: A source or a target is no text, or their numbers differ. Or the network has no
                single attention to show.
            CheckpointError: The network's outputs are no numbers.
        """
        if attention:
            self.check_attention()
        ids, unknown = self.encode(texts_of(sources, "sources", self.source_columns))
        texts = [
            check_text(row, f"targets[{i}]") for i, row in enumerate(rows_of(targets, "targets"))
        ]
        if len(texts) != len(ids):
            raise ConfigError(f"targets: {len(texts):,} texts for {len(ids):,} sources")
        known = unknown if self._copies else [()] * len(texts)
        outputs = self.tokenizers.encode_targets(texts, known)
        return [
            each.score(attention=attention) for each in self.read(ids, outputs, unknown, batch_size)
        ]

    def rerank(
        self,
        sources: Sequence[SourceRow],
        hypotheses: Iterable[Sequence[Hypothesis]],
        **options: Any,
    ) -> list[list[Hypothesis]]:
        """Rank hypotheses of another model by its scores and those of this one.

        Args:
            sources: One for each list of hypotheses.
            hypotheses: As ``generate`` returns them.
            options: Fields of ``RerankConfig``: ``weight=0.5``, ``n_best=1``, …

        Returns:
            The best hypotheses of each source with their new scores, best first.

        Raises:
            ConfigError: See ``score`` and ``RerankConfig``.
        """
        config = RerankConfig(**options)
        hypotheses = [list(own) for own in hypotheses]  # a stream can be read once
        texts = [[each.text for each in own] for own in hypotheses]
        scores = [[each.score for each in own] for own in hypotheses]
        combined = self.combined_scores(sources, texts, scores, config)
        reranked = [
            [dataclasses.replace(each, score=score) for each, score in zip(*row, strict=True)]
            for row in zip(hypotheses, combined, strict=True)
        ]
        return [sorted(own, key=lambda each: -each.score)[: config.n_best] for own in reranked]

    def combined_scores(
        self,
        sources: Sequence[SourceRow],
        texts: Sequence[Sequence[str]],
        scores: Sequence[Sequence[float]],
        config: RerankConfig,
    ) -> list[list[float]]:
        """The new scores of ``rerank``, in the order of the hypotheses.

        Args:
            sources: One for each list of texts.
            texts: Of the hypotheses.
            scores: Of the hypotheses.
            config: How to rank.

        Raises:
            ConfigError: See ``score``.
        """
        if len(sources) != len(texts):
            raise ConfigError(f"hypotheses: {len(texts):,} lists for {len(sources):,} sources")
        if (best := max(itertools.chain.from_iterable(scores), default=0.0)) > 0:
            raise ConfigError(
                f"hypotheses: a score of {best:.4g}, expected log-probabilities, which are at most 0. Make"
                " the lists without mbr"
            )
        repeated = [source for source, own in zip(sources, texts, strict=True) for _ in own]
        pairs: list[Any] = [repeated, [text for own in texts for text in own]]
        read = iter(
            self.score(*(pairs[::-1] if config.reverse else pairs), batch_size=config.batch_size)
        )
        penalty = LengthPenalty(config.length_penalty, config.length_formula)

        def combined(own: float) -> float:
            other = next(read)
            ranked_by = other.log_prob / penalty(len(other.log_probs))
            return (1 - config.weight) * own + config.weight * ranked_by

        return [[combined(own) for own in row] for row in scores]

    def encode(self, texts: Sequence[str]) -> tuple[list[list[int]], list[tuple[str, ...]]]:
        """Encode source texts, as ``texts_of`` gives them. Cut them to what is read, and count them.

        Returns:
            Ids of each source, and its words that the vocabulary lacks (see ``Tokenizers.encode_sources``).
        """
        ids, words = self.tokenizers.encode_sources(texts)
        unknown = [] if self._copies else words  # a copied word is not lost
        self._count(ids, unknown)
        return [row[: self.source_limit] for row in ids], words

    def read(
        self,
        sources: Sequence[Sequence[int]],
        targets: Sequence[Sequence[int]],
        unknown: Sequence[Sequence[str]],
        batch_size: int = _BATCH_SIZE,
        *,
        attention: bool = True,
    ) -> list[WordReading]:
        """Read pairs.

        Args:
            sources: Ids of each source, as ``encode`` returns them.
            targets: Ids of each target, without eos.
            unknown: Of each source, its words that the vocabulary lacks.
            batch_size: Most pairs read together.
            attention: Whether the readings have attention.
        """
        longer = [max(pair, key=len) for pair in zip(sources, targets, strict=True)]

        def batch_of(places: list[int]) -> PairBatch:
            pairs = [list(sources[i]) for i in places], [list(targets[i]) for i in places]
            return PairBatch(*pairs, attention)

        readings: list[Reading] = self._by_length(longer, batch_of, batch_size)
        rows = zip(sources, targets, unknown, readings, strict=True)
        return [WordReading(self.tokenizers, *row) for row in rows]

    def read_pairs(self, batch: PairBatch) -> list[Reading]:
        """``predict_batch`` for pairs. See ``read_batch``."""
        return read_batch(self.networks, self.tokenizers, batch, self.device)

    def complete(
        self,
        ids: Sequence[list[int]],
        unknown: Sequence[tuple[str, ...]],
        decoded: Sequence[list[Hypothesis]],
        config: SearchConfig,
    ) -> list[list[Hypothesis]]:
        """Give hypotheses what ``config`` asks for besides the search.

        Args:
            ids: Of each source, as ``encode`` returns them.
            unknown: Of each source, its words that the vocabulary lacks.
            decoded: The hypotheses of each source.
            config: Asks for details, for attention or for the replacement of unknown words.
        """
        details, unk = config.details or config.attention, self.tokenizers.target.unk
        if not (details or config.replace_unknown):
            return [*decoded]
        wanted = [
            (i, each.ids)
            for i, own in enumerate(decoded)
            for each in own
            if ids[i] and (details or (config.replace_unknown and unk in each.ids))
        ]
        rows, outputs = [i for i, _ in wanted], [output for _, output in wanted]
        sources, words = [ids[i] for i in rows], [unknown[i] for i in rows]
        read = self.read(sources, outputs, words, config.batch_size)
        readings = dict(zip(wanted, read, strict=True))
        return [
            [self._completed(each, readings.get((i, each.ids)), config) for each in own]
            for i, own in enumerate(decoded)
        ]

    def _completed(
        self, hypothesis: Hypothesis, reading: WordReading | None, config: SearchConfig
    ) -> Hypothesis:
        if reading is not None and config.replace_unknown:
            target = self.tokenizers.target
            hypothesis = replace_unknown(target, hypothesis, reading, self.dictionary)
        if not (config.details or config.attention):
            return hypothesis
        # a source without text was not decoded
        shown = config.attention
        score = empty_score(attention=shown) if reading is None else reading.score(attention=shown)
        return dataclasses.replace(hypothesis, details=score)

    def check_output(self, config: SearchConfig) -> None:
        """Refuse an output that these networks cannot give.

        Raises:
            ConfigError: A network has no single attention to show. Or the networks copy, so they write
                no unknown words.
        """
        if config.attention or config.replace_unknown:
            self.check_attention()
        if config.replace_unknown and self._copies:
            raise ConfigError(
                "replace_unknown: the model copies words that it does not know, so its outputs have no"
                " unknown words. Leave the option out"
            )

    def check_attention(self) -> None:
        """Refuse networks without a single attention to show.

        Raises:
            ConfigError: A network is a Transformer.
        """
        for network in self.networks:
            network.check_attention()
