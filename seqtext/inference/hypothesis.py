"""What a search gives for a source."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from seqtext.inference.score import Score


@dataclass(frozen=True, kw_only=True)
class Hypothesis:
    """One output for one source.

    Args:
        text: Detokenized.
        score: What it was ranked by: ``log_prob`` under the length penalty, or the expected score of
            ``mbr``.
        log_prob: Sum of the log-probabilities of all pieces and of eos, in nats.
        pieces: The pieces of the text.
        ids: Their ids in the target's tokenizer. An id beyond its size is a word that only the source has.
        at_limit: Whether it has as many pieces as its length limit allows. Then it may be cut off.
        details: Log-probabilities of pieces and words, and the alignment, if they were asked for.
    """

    text: str
    score: float
    log_prob: float
    pieces: tuple[str, ...]
    ids: tuple[int, ...]
    at_limit: bool = False
    details: Score | None = None


def texts(hypotheses: Iterable[list[Hypothesis]]) -> list[str]:
    """The best text of every source."""
    return [best.text for best, *_ in hypotheses]
