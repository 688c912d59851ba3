"""The search that options ask for."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from seqtext.search.beam import beam_search
from seqtext.search.config import SearchConfig
from seqtext.search.coverage_penalty import CoveragePenalty
from seqtext.search.diversity import Diversity
from seqtext.search.greedy import greedy_search
from seqtext.search.length_penalty import LengthPenalty
from seqtext.search.protocol import FinishedHypothesis, Pieces, State, StepModel, Watch
from seqtext.search.rules import Rule
from seqtext.search.sample import Filters, sample


def run_search(
    model: StepModel[State],
    state: State,
    source_lengths: Tensor,
    max_lengths: Tensor,
    pieces: Pieces,
    config: SearchConfig,
    rules: Sequence[Rule] = (),
    keys: Sequence[bytes] = (),
    watch: Watch | None = None,
) -> list[list[FinishedHypothesis]]:
    """Sample, or search greedily or with a beam.

    Args:
        model: See ``StepModel``.
        state: Of N sentences with one hypothesis each.
        source_lengths: (N,) int64, eos counted.
        max_lengths: (N,) int64, most pieces of a hypothesis, without eos.
        pieces: Special ids.
        config: Which search, and how.
        rules: What hypotheses may not continue with.
        keys: What the random numbers of each sentence depend on. Only sampling needs them.
        watch: Sees an output of each sentence grow: the best live hypothesis, or the first sample.

    Returns:
        Hypotheses of each sentence, best first. Samples in the order of their numbers.
    """
    given = model, state, max_lengths, pieces
    penalty = LengthPenalty(config.length_penalty, config.length_formula)
    if config.samples:
        filters = Filters(config.temperature, config.top_k, config.top_p, config.min_p)
        return sample(*given, keys, config.samples, filters, penalty, rules, watch)
    coverage = None
    if config.coverage_penalty:
        coverage = CoveragePenalty(config.coverage_penalty, config.coverage_formula), source_lengths
    if config.beam_size == 1 and coverage is None:
        return [[best] for best in greedy_search(*given, penalty, rules, watch)]
    diversity = Diversity(config.beam_groups, config.diversity_penalty)
    return beam_search(*given, config.beam_size, penalty, rules, coverage, diversity, watch)
