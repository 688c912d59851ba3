"""Search: functions over a step protocol. Imports no network and no Lightning."""

from seqtext.search.beam import beam_search
from seqtext.search.ensemble import Ensemble
from seqtext.search.greedy import greedy_search
from seqtext.search.length_penalty import Formula, LengthPenalty
from seqtext.search.protocol import Found, Pieces, StepModel

__all__ = [
    "Ensemble",
    "Formula",
    "Found",
    "LengthPenalty",
    "Pieces",
    "StepModel",
    "beam_search",
    "greedy_search",
]
