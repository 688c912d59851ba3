"""Results as objects of JSON, in JSON lines of commands and in answers of a server. Loads no torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from seqtext.inference.explain import OutputExplanation
    from seqtext.inference.explain_labels import LabelExplanation
    from seqtext.inference.hypothesis import Hypothesis
    from seqtext.inference.score import Score

Fields = dict[str, Any]  # of a JSON object
_DIGITS = 6


class Labelled(Protocol):
    """What a classifier gives for a text, here or in the runtime of exported models."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The decision."""

    @property
    def probabilities(self) -> tuple[float, ...]:
        """Of these labels."""

    @property
    def top(self) -> tuple[tuple[str, float], ...]:
        """The likeliest labels and their probabilities."""


def decoded_fields(hypotheses: Sequence[Hypothesis]) -> Fields:
    """What is said of a source. All its hypotheses have details, or none has."""
    details = hypotheses[0].details
    fields = {} if details is None else source_fields(details)
    fields["hypotheses"] = [
        hypothesis_fields(each) | ({} if each.details is None else score_fields(each.details))
        for each in hypotheses
    ]
    return fields


def hypothesis_fields(hypothesis: object) -> Fields:
    """What is said of each hypothesis, of this package or of the runtime of exported models."""
    names = ("text", "score", "log_prob", "pieces", "at_limit")
    return {name: getattr(hypothesis, name) for name in names}


def scored_fields(score: Score) -> Fields:
    """What is said of a pair."""
    return {
        "log_prob": score.log_prob,
        "perplexity": score.perplexity,
        "pieces": score.pieces,
        **score_fields(score),
        **source_fields(score),
    }


def source_fields(score: Score) -> Fields:
    """What a score says of its source."""
    return {"source_words": score.source_words, "source_pieces": score.source_pieces}


def score_fields(score: Score) -> Fields:
    """What a score says of its target."""
    fields: Fields = {
        "log_probs": [round(value, _DIGITS) for value in score.log_probs],
        "words": [
            {
                "text": word.text,
                "log_prob": round(word.log_prob, _DIGITS),
                "probability": round(word.probability, _DIGITS),
            }
            for word in score.words
        ],
        "alignment": score.alignment,
    }
    if score.attention is not None and score.copied is not None:
        fields["attention"] = _rounded(score.attention)
        fields["copied"] = [round(share, _DIGITS) for share in score.copied]
    return fields


def labelled_fields(result: Labelled) -> Fields:
    """What is said of a text by a classifier."""
    return {
        "labels": result.labels,
        "probabilities": [round(p, _DIGITS) for p in result.probabilities],
        "top": [{"label": name, "probability": round(p, _DIGITS)} for name, p in result.top],
    }


def explained_fields(explanation: OutputExplanation) -> Fields:
    """Which words of a source the words of an output come from."""
    return {
        "source_words": explanation.source,
        "words": explanation.words,
        "attention": _rounded(explanation.attention),
        "copied": [round(share, _DIGITS) for share in explanation.copied],
    }


def weighed_fields(explanation: LabelExplanation) -> Fields:
    """Which words gave a text its label."""
    weights = [round(weight, _DIGITS) for weight in explanation.weights]
    labelled = labelled_fields(explanation.classification)
    return {"words": explanation.words, "weights": weights, **labelled}


def _rounded(rows: Sequence[Sequence[float]]) -> list[list[float]]:
    return [[round(share, _DIGITS) for share in row] for row in rows]
