"""Text to text, with trained networks. Imports neither Lightning nor datasets."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from seqtext import checkpoint
from seqtext.data.batch import pad, source_rows
from seqtext.data.tokenizer import SPACE, Tokenizers
from seqtext.description import Scoring
from seqtext.errors import CheckpointError, ConfigError
from seqtext.nn.encoder_decoder import EncoderDecoder
from seqtext.nn.precision import Precision
from seqtext.search.beam import beam_search
from seqtext.search.coverage_penalty import CoverageFormula, CoveragePenalty
from seqtext.search.ensemble import Ensemble
from seqtext.search.greedy import greedy_search
from seqtext.search.length_penalty import Formula, LengthPenalty
from seqtext.search.protocol import Found, Pieces, State, StepModel
from seqtext.search.rules import MinLength, NoRepeatedNgram, Rule, WordLimits, WordPart

_LONGEST = 1 << 30


@dataclass(frozen=True, kw_only=True)
class Hypothesis:
    """One output for one source.

    Args:
        text: Detokenized.
        score: What the search ranked by: ``log_prob`` under the length penalty.
        log_prob: Sum of the log-probabilities of all pieces and of eos, in nats.
        pieces: The pieces of the text.
        ids: Their ids in the target's tokenizer; beyond its size a word that only the source has.
    """

    text: str
    score: float
    log_prob: float
    pieces: tuple[str, ...]
    ids: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class SearchConfig:
    """How to decode.

    Args:
        beam_size: Hypotheses kept at every step; 1 is greedy search.
        n_best: Hypotheses returned for a source, at most ``beam_size``.
        length_penalty: Strength (alpha) of the length penalty; more favours longer output.
        length_formula: ``power``: log-probability / length ** alpha; ``wu``: / ((5 + length) / 6) **
            alpha (Wu et al. 2016).
        coverage_penalty: Strength (beta) of the coverage penalty.
        coverage_formula: ``wu``: against source left out (Wu et al. 2016); ``repetition``: against reading
            the same again (Gehrmann et al. 2018).
        min_length: Fewest pieces of an output.
        max_length: Most pieces of an output. Default: twice the source's, and 20 more. Where two limits
            contradict each other, as with ``min_length`` and ``max_words``, the one that rules out more wins.
        min_ratio: Fewest pieces of an output for each of the source's.
        max_ratio: Most pieces of an output for each of the source's.
        min_words: Fewest words of an output, where spaces separate words.
        max_words: Most words of an output.
        no_repeat_ngram: No sequence of so many pieces twice in an output; 0 allows it.
        batch_size: Sentences decoded together; changes the speed, not the result.

    Raises:
        ConfigError: A value is out of range, or two contradict each other.
    """

    beam_size: int = 5
    n_best: int = 1
    length_penalty: float = 1.0
    length_formula: Formula = "power"
    coverage_penalty: float = 0.0
    coverage_formula: CoverageFormula = "wu"
    min_length: int = 0
    max_length: int | None = None
    min_ratio: float = 0.0
    max_ratio: float | None = None
    min_words: int = 0
    max_words: int | None = None
    no_repeat_ngram: int = 0
    batch_size: int = 64

    def __post_init__(self) -> None:
        for name in ("beam_size", "n_best", "batch_size", "max_length", "max_words"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise ConfigError(f"{name}: {value}, expected at least 1")
        for name in ("min_length", "min_ratio", "min_words", "no_repeat_ngram"):
            if not 0 <= (value := getattr(self, name)) < math.inf:
                raise ConfigError(f"{name}: {value}, expected at least 0")
        for what in ("length", "ratio", "words"):
            low, high = getattr(self, f"min_{what}"), getattr(self, f"max_{what}")
            if high is not None and not (low <= high < math.inf and high > 0):
                raise ConfigError(
                    f"max_{what}: {high}, expected more than 0, and at least min_{what}, which is {low}"
                )
        if self.n_best > self.beam_size:
            raise ConfigError(
                f"n_best: {self.n_best}, expected at most beam_size, which is {self.beam_size}"
            )
        LengthPenalty(self.length_penalty, self.length_formula)
        CoveragePenalty(self.coverage_penalty, self.coverage_formula)

    def limits(self, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Fewest and most pieces of outputs for sources of so many pieces (N,) int64, eos not counted."""
        fewest = (self.min_ratio * lengths).ceil().long().clamp(min=self.min_length)
        most = lengths.new_full(lengths.shape, self.max_length or _LONGEST)
        if self.max_ratio is not None:
            most = most.minimum((self.max_ratio * lengths).ceil().long())
        elif self.max_length is None:
            most = (2 * lengths + 20).maximum(fewest)
        return fewest.minimum(most), most


class Generator:
    """Networks and their tokenizers, ready to decode.

    Args:
        networks: One, or several that decode as an ensemble; in evaluation mode while they do.
        tokenizers: Of both sides, shared by all networks.
        columns: Names of source and target in the corpus trained on.
        task: What the outputs are judged by.
        source_limit: Pieces of a source that are read; ``cut`` counts longer ones.
        scoring: How outputs were scored in training.
    """

    def __init__(
        self,
        networks: Sequence[EncoderDecoder],
        tokenizers: Tokenizers,
        columns: tuple[str, str] = ("source", "target"),
        task: str = "translation",
        source_limit: int | None = None,
        scoring: Scoring = Scoring(),  # noqa: B008 (frozen)
    ) -> None:
        self.networks = networks
        self.tokenizers = tokenizers
        self.columns = columns
        self.task = task
        self.source_limit = source_limit
        self.scoring = scoring
        self.cut = 0
        target = tokenizers.target
        banned = target.control_ids
        if any(network.config.copying for network in networks):
            banned = (*banned, target.unk)  # a word of the source says more
        self._pieces = Pieces(bos=target.bos, eos=target.eos, banned=banned)

    def generate(self, sources: Sequence[str], **options: Any) -> list[list[Hypothesis]]:
        """Decode ``sources``.

        Args:
            sources: A list of texts.
            options: Fields of ``SearchConfig``: ``beam_size=5``, ``n_best=1``, …

        Returns:
            For every source, in order, its ``n_best`` hypotheses, best first. A source without text
            has one, without text.

        Raises:
            ConfigError: There is no such option, or its value is out of range.
            CheckpointError: The network's outputs are no numbers.
        """
        known = [field.name for field in dataclasses.fields(SearchConfig)]
        if unknown := [name for name in options if name not in known]:
            raise ConfigError(f"no option {unknown[0]!r}; there are {', '.join(known)}")
        return self.search(sources, SearchConfig(**options))

    def search(self, sources: Sequence[str], config: SearchConfig) -> list[list[Hypothesis]]:
        """``generate`` with its options as one object."""
        if isinstance(sources, str):
            raise ConfigError("sources: a single string, expected a list of strings")
        ids, words, cut = self.encode(sources)
        self.cut += cut
        # like lengths together: little padding, and the sentences of a batch finish together
        order = sorted((i for i in range(len(ids)) if ids[i]), key=lambda i: len(ids[i]))
        nothing = Hypothesis(text="", score=0.0, log_prob=0.0, pieces=(), ids=())
        results: list[list[Hypothesis]] = [[nothing] for _ in ids]
        training = [network.training for network in self.networks]
        for network in self.networks:
            network.eval()
        try:
            bounds = [*range(0, len(order), config.batch_size), len(order)]
            for start, end in pairwise(bounds):
                rows = order[start:end]
                decoded = self._decode(
                    [ids[row] for row in rows], [words[row] for row in rows], config
                )
                for row, found in zip(rows, decoded, strict=True):
                    if not found or not math.isfinite(found[0].log_prob):
                        raise CheckpointError(
                            "the network's outputs are no probabilities (nan or infinite): training"
                            " has diverged; lower the learning rate, or use an earlier checkpoint"
                        )
                    best = found[: config.n_best]
                    results[row] = [self._hypothesis(one, words[row]) for one in best]
        finally:
            for network, mode in zip(self.networks, training, strict=True):
                network.train(mode)
        return results

    def encode(self, sources: Sequence[str]) -> tuple[list[list[int]], list[tuple[str, ...]], int]:
        """As much of sources as is read: ids, the words that they alone have, and how many were cut."""
        ids, words = self.tokenizers.encode_sources(sources)
        read = [row[: self.source_limit] for row in ids]
        return read, words, sum(a != b for a, b in zip(ids, read, strict=True))

    @property
    def device(self) -> torch.device:
        """Where the networks are."""
        return next(self.networks[0].parameters()).device

    @torch.inference_mode()
    def _decode(
        self, ids: list[list[int]], words: list[tuple[str, ...]], config: SearchConfig
    ) -> list[list[Found]]:
        source, lengths = (
            part.to(self.device) for part in source_rows(ids, self.tokenizers.source.eos)
        )
        fewest, most = config.limits(lengths - 1)
        rules = self._rules(fewest, words, config)
        states = [network.start(source, lengths) for network in self.networks]
        if len(states) == 1:
            return self._search(self.networks[0], states[0], lengths, most, rules, config)
        return self._search(Ensemble(self.networks), states, lengths, most, rules, config)

    def _search(
        self,
        model: StepModel[State],
        state: State,
        lengths: Tensor,
        most: Tensor,
        rules: list[Rule],
        config: SearchConfig,
    ) -> list[list[Found]]:
        penalty = LengthPenalty(config.length_penalty, config.length_formula)
        coverage = None
        if config.coverage_penalty:
            coverage = CoveragePenalty(config.coverage_penalty, config.coverage_formula), lengths
        if config.beam_size == 1 and coverage is None:
            found = greedy_search(model, state, most, self._pieces, penalty, rules)
            return [[one] for one in found]
        return beam_search(
            model, state, most, self._pieces, config.beam_size, penalty, rules, coverage
        )

    def _rules(
        self, fewest: Tensor, words: list[tuple[str, ...]], config: SearchConfig
    ) -> list[Rule]:
        """What the options rule out."""
        rules: list[Rule] = []
        if bool((fewest > 0).any()):
            rules.append(MinLength(fewest, self._pieces.eos))
        if config.min_words or config.max_words is not None:
            own = torch.tensor(self._parts, device=fewest.device).repeat(len(words), 1)
            copied = pad([[_word_part(word) for word in row] for row in words]).to(fewest.device)
            limits = config.min_words, config.max_words
            rules.append(WordLimits(torch.cat([own, copied], 1), *limits, self._pieces.eos))
        if config.no_repeat_ngram:
            rules.append(NoRepeatedNgram(config.no_repeat_ngram))
        return rules

    @functools.cached_property
    def _parts(self) -> list[WordPart]:
        """What each target piece is to words."""
        target = self.tokenizers.target
        pieces = target.pieces(range(target.vocab_size))
        if any(piece.endswith(SPACE) and piece.strip(SPACE) for piece in pieces):
            raise ConfigError(
                "min_words, max_words: the target's tokenizer writes spaces behind words, so words cannot be"
                " counted before they end; limit pieces with min_length and max_length"
            )
        return [_word_part(piece) for piece in pieces]

    def _hypothesis(self, found: Found, words: Sequence[str]) -> Hypothesis:
        target = self.tokenizers.target
        return Hypothesis(
            text=target.decode(found.ids, words),
            score=found.score,
            log_prob=found.log_prob,
            pieces=tuple(target.pieces(found.ids, words)),
            ids=found.ids,
        )


def _word_part(piece: str) -> WordPart:
    if not piece.startswith(SPACE):
        return WordPart.INNER
    return WordPart.FIRST if piece.strip(SPACE) else WordPart.SPACE


def generator_of(
    models: Sequence[checkpoint.Model],
    where: Sequence[str | Path],
    device: str,
    precision: Precision,
) -> Generator:
    """One that decodes with all ``models`` as an ensemble; ``where`` they come from is for messages.

    Raises:
        CheckpointError: Tokenizers differ, or weights do not fit.
        ConfigError: The device is not there.
    """
    tokenizers, columns = models[0].tokenizers, models[0].columns
    for other, model in zip(where, models, strict=True):
        for side in ("source", "target"):
            if bytes(getattr(model.tokenizers, side)) != bytes(getattr(tokenizers, side)):
                raise CheckpointError(
                    f"{other}: its {side} tokenizer is not that of {where[0]}; the models of an ensemble"
                    " share their tokenizers: train one with `seqtext tokenizer`, and all models with it"
                )
    networks = []
    for model, path in zip(models, where, strict=True):
        network = EncoderDecoder(model.config, *tokenizers.sizes, tokenizers.unknown)
        checkpoint.restore(network, model.weights, path, device, precision)
        network.decoder.precompute()
        networks.append(network)
    limit = checkpoint.common_limit(models)
    return Generator(networks, tokenizers, columns, models[0].task, limit, models[0].scoring)


def texts(hypotheses: Iterable[list[Hypothesis]]) -> list[str]:
    """The best text of every source."""
    return [found[0].text for found in hypotheses]
