"""Search: functions over a step protocol. Imports no network and no Lightning."""

from seqtext.search.beam import beam_search
from seqtext.search.config import SearchConfig
from seqtext.search.coverage_penalty import CoverageFormula, CoveragePenalty
from seqtext.search.ensemble import Ensemble
from seqtext.search.greedy import greedy_search
from seqtext.search.length_penalty import Formula, LengthPenalty
from seqtext.search.protocol import FinishedHypothesis, Pieces, StepModel
from seqtext.search.rules import MinLength, NoRepeatedNgram, Rule, WordLimits, WordPart

__all__ = [
    "CoverageFormula",
    "CoveragePenalty",
    "Ensemble",
    "FinishedHypothesis",
    "Formula",
    "LengthPenalty",
    "MinLength",
    "NoRepeatedNgram",
    "Pieces",
    "Rule",
    "SearchConfig",
    "StepModel",
    "WordLimits",
    "WordPart",
    "beam_search",
    "greedy_search",
]
