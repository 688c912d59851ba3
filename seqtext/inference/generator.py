"""Text to text, with trained networks. Imports neither Lightning nor datasets."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from seqtext import checkpoint
from seqtext.data.batch import source_rows
from seqtext.data.texts import SourceRow, texts_of
from seqtext.data.tokenizer import Tokenizers
from seqtext.errors import ConfigError
from seqtext.inference.constraints.options import Constraints, SourceConstraints
from seqtext.inference.constraints.rules import ConstraintRules
from seqtext.inference.hypothesis import Hypothesis
from seqtext.inference.predictor import Predictor, diverged, restore_networks
from seqtext.inference.rules import RuleMaker
from seqtext.nn.encoder_decoder import EncoderDecoder
from seqtext.nn.precision import Precision
from seqtext.renames import SEARCH, rename_arguments
from seqtext.search.beam import beam_search
from seqtext.search.config import SearchConfig
from seqtext.search.coverage_penalty import CoveragePenalty
from seqtext.search.ensemble import Ensemble
from seqtext.search.greedy import greedy_search
from seqtext.search.length_penalty import LengthPenalty
from seqtext.search.protocol import FinishedHypothesis, Pieces, State, StepModel
from seqtext.search.rules import Rule
from seqtext.suggestion import suggest
from seqtext.tasks import Scoring

_NO_TEXT = Hypothesis(text="", score=0.0, log_prob=0.0, pieces=(), ids=())


class SourceBatch(NamedTuple):
    """Sources that are decoded together.

    Args:
        ids: Pieces of each source.
        words: Of each source, its words that the vocabulary lacks.
        config: How to search.
        constraints: What each output must be.
    """

    ids: list[list[int]]
    words: list[tuple[str, ...]]
    config: SearchConfig
    constraints: SourceConstraints


class Generator(Predictor[EncoderDecoder, SourceBatch, list[Hypothesis]]):
    """Networks and their tokenizers, ready to decode.

    Args:
        networks: See ``Predictor``.
        tokenizers: Of both sides, shared by all networks.
        columns: Names of source and target in the training corpus.
        task: What the outputs are judged by.
        source_limit: Most pieces of a source that are read.
        longest_source: Pieces of the longest source in training. None if nobody knows.
        scoring: How outputs were scored in training. None if nobody knows.
    """

    def __init__(
        self,
        networks: Sequence[EncoderDecoder],
        tokenizers: Tokenizers,
        columns: tuple[str, str] = ("source", "target"),
        task: str = "translation",
        source_limit: int | None = None,
        longest_source: int | None = None,
        scoring: Scoring | None = None,
    ) -> None:
        super().__init__(networks, columns, task, source_limit, longest_source)
        self.tokenizers, self.scoring = tokenizers, scoring
        self._copies = any(network.config.copying for network in networks)
        target = tokenizers.target
        banned = target.control_ids
        if self._copies:
            banned = (*banned, target.unk)  # a word of the source says more
        self._rules, self._constraints = RuleMaker(target), ConstraintRules(target)
        self._pieces = Pieces(bos=target.bos, eos=target.eos, banned=banned)

    def generate(self, sources: Iterable[SourceRow], **options: Any) -> list[list[Hypothesis]]:
        """Decode ``sources``.

        Args:
            sources: Texts in any iterable, such as a list, a generator, a pandas Series or a NumPy array. A
                source of several columns is a tuple of their values, or a dict.
            options: Fields of ``SearchConfig``: ``beam_size=5``, ``n_best=1``, … And fields of
                ``Constraints``: ``prefix="The"``, ``banned=["cat"]``, …

        Returns:
            For every source, in order, its ``n_best`` hypotheses, best first. A source without text
            has one, without text.

        Raises:
            ConfigError: A source is no text. Or there is no such option, or its value has another type or
                is out of range. Or see ``Constraints``.
            CheckpointError: The network's outputs are no numbers.
        """
        options = rename_arguments(options, SEARCH)
        constraining = [field.name for field in dataclasses.fields(Constraints)]
        known = [*(field.name for field in dataclasses.fields(SearchConfig)), *constraining]
        if unknown := [name for name in options if name not in known]:
            near = suggest(unknown[0], known)
            raise ConfigError(f"no option {unknown[0]!r}; there are {', '.join(known)}{near}")
        given = {name: options.pop(name) for name in constraining if name in options}
        return self.search(sources, SearchConfig(**options), Constraints(**given))

    def search(
        self,
        sources: Iterable[SourceRow],
        config: SearchConfig,
        constraints: Constraints | None = None,
    ) -> list[list[Hypothesis]]:
        """``generate`` with its options as objects."""
        texts = texts_of(sources, "sources", self.source_columns)
        return self.decode(*self.encode(texts), config, self.constrain(texts, constraints))

    def constrain(
        self, sources: Iterable[SourceRow], constraints: Constraints | None
    ) -> SourceConstraints:
        """The constraints of each source. See ``Constraints.of_sources``."""
        texts = texts_of(sources, "sources", self.source_columns)
        texts = [" ".join(self.source_columns.split(text) or [text]) for text in texts]
        return (constraints or Constraints()).of_sources(texts, self.tokenizers.target)

    def encode(self, sources: Iterable[SourceRow]) -> tuple[list[list[int]], list[tuple[str, ...]]]:
        """Encode sources, cut to what is read, and count them.

        Returns:
            Ids of each source, and its words that the vocabulary lacks (see ``Tokenizers.encode_sources``).

        Raises:
            ConfigError: A source is no text.
        """
        ids, words = self.tokenizers.encode_sources(
            texts_of(sources, "sources", self.source_columns)
        )
        unknown = [] if self._copies else words  # a copied word is not lost
        self._count(ids, unknown)
        return [row[: self.source_limit] for row in ids], words

    def decode(
        self,
        ids: list[list[int]],
        words: list[tuple[str, ...]],
        config: SearchConfig,
        constraints: SourceConstraints,
    ) -> list[list[Hypothesis]]:
        """``search`` for sources as ``encode`` and ``constrain`` return them."""
        rows = [row for row, own in enumerate(ids) if own]
        decoded = iter(
            self._by_length(
                [ids[row] for row in rows],
                lambda places: SourceBatch(
                    [ids[rows[i]] for i in places],
                    [words[rows[i]] for i in places],
                    config,
                    constraints.of([rows[i] for i in places]),
                ),
                config.batch_size,
                config.beam_size,
            )
        )
        results = [next(decoded) if own else [_NO_TEXT] for own in ids]
        self.counts.at_limit += sum(best.at_limit for best, *_ in results)
        self.counts.lacking += sum(
            constraints.lacks(row, best.text) for row, (best, *_) in enumerate(results)
        )
        return results

    def predict_batch(self, batch: SourceBatch) -> list[list[Hypothesis]]:
        """The best hypotheses of each source of a batch."""
        ids, words, config, constraints = batch
        source, lengths = (
            part.to(self.device) for part in source_rows(ids, self.tokenizers.source.eos)
        )
        fewest, most = config.limits(lengths - 1)
        first, last, most = self._constraints.rules(
            constraints, most, words, greedy=config.beam_size == 1
        )
        rules = [*first, *self._rules.rules(config, fewest, words), *last]
        states = [network.start(source, lengths) for network in self.networks]
        if len(states) == 1:
            rows = self._search(self.networks[0], states[0], lengths, most, rules, config)
        else:
            rows = self._search(Ensemble(self.networks), states, lengths, most, rules, config)
        return [
            self._best(row, own, limit, config.n_best)
            for row, own, limit in zip(rows, words, most.tolist(), strict=True)
        ]

    def _search(
        self,
        model: StepModel[State],
        state: State,
        lengths: Tensor,
        most: Tensor,
        rules: list[Rule],
        config: SearchConfig,
    ) -> list[list[FinishedHypothesis]]:
        penalty = LengthPenalty(config.length_penalty, config.length_formula)
        coverage = None
        if config.coverage_penalty:
            coverage = CoveragePenalty(config.coverage_penalty, config.coverage_formula), lengths
        if config.beam_size == 1 and coverage is None:
            best = greedy_search(model, state, most, self._pieces, penalty, rules)
            return [[hypothesis] for hypothesis in best]
        return beam_search(
            model, state, most, self._pieces, config.beam_size, penalty, rules, coverage
        )

    def _best(
        self, hypotheses: list[FinishedHypothesis], words: Sequence[str], limit: int, n_best: int
    ) -> list[Hypothesis]:
        """The hypotheses of a source that are returned."""
        if not hypotheses or not math.isfinite(hypotheses[0].log_prob):
            raise diverged()
        target = self.tokenizers.target
        return [
            Hypothesis(
                text=target.decode(hypothesis.ids, words),
                score=hypothesis.score,
                log_prob=hypothesis.log_prob,
                pieces=tuple(target.pieces(hypothesis.ids, words)),
                ids=hypothesis.ids,
                at_limit=len(hypothesis.ids) >= limit,
            )
            for hypothesis in hypotheses[:n_best]
        ]


def generator_of(
    models: Sequence[checkpoint.Model],
    where: Sequence[str | Path],
    device: str,
    precision: Precision,
) -> Generator:
    """A generator that decodes with all models. Their paths are for messages.

    Raises:
        CheckpointError: Tokenizers differ, or weights do not fit.
        ConfigError: The device cannot hold a network.
    """
    first = models[0]
    tokenizers = first.tokenizers
    networks = restore_networks(
        models,
        where,
        device,
        precision,
        {"source": "source tokenizers", "target": "target tokenizers"},
        lambda model: EncoderDecoder(model.config, *tokenizers.sizes, tokenizers.unknown),
    )
    for network in networks:
        network.decoder.precompute()
    limits = checkpoint.common_limit(models), checkpoint.common_longest(models)
    return Generator(networks, tokenizers, first.columns, first.task, *limits, first.scoring)
