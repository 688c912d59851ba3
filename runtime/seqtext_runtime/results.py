"""What models give for a text."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Hypothesis:
    """One output for one source.

    Args:
        text: Detokenized.
        score: What it was ranked by: ``log_prob`` under the length penalty.
        log_prob: Sum of the log-probabilities of all pieces and of eos, in nats.
        pieces: The pieces of the text.
        ids: Their ids. An id beyond the vocabulary is a word that only the source has.
        at_limit: Whether it has as many pieces as its length limit allows. Then it may be cut off.
    """

    text: str
    score: float
    log_prob: float
    pieces: tuple[str, ...]
    ids: tuple[int, ...]
    at_limit: bool = False


@dataclass(frozen=True, kw_only=True)
class Classification:
    """The labels of a text.

    Args:
        labels: The decision. One label, or where a text can have several, those above the threshold.
        probabilities: Of these labels. Of a text that is out of scope, that of its likeliest label.
        top: The likeliest labels and their probabilities, likeliest first.
    """

    labels: tuple[str, ...]
    probabilities: tuple[float, ...]
    top: tuple[tuple[str, float], ...]
