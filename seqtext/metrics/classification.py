"""Scores of labels. Loads torchmetrics when asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

_BINS = 15  # of the calibration error


class LabelScore(NamedTuple):
    """How one label fares; shares from 0 to 100."""

    label: str
    precision: float
    recall: float
    f1: float
    texts: int  # that have it


def score_labels(
    probabilities: Tensor, labels: Tensor, threshold: float | None = None
) -> dict[str, float]:
    """Scores from 0 to 100.

    Args:
        probabilities: (N, L) of every label for every text.
        labels: (N,) int64, negative where a text is out of scope. Or (N, L) bool, where a text can have
            several. At least one text is in scope.
        threshold: Below this probability a text counts as out of scope. Where a text can have several
            labels, it has those from this probability on. Default: 0, or 0.5 for several labels.

    Returns:
        Scores by name. The share of texts with just the right labels is ``accuracy``. The mean over the
        labels that texts have or are given is ``macro_f1``. With several labels there is ``micro_f1``.
        The expected calibration error in 15 bins (Guo et al. 2017) is ``ece``. All these are of texts in
        scope, whatever the threshold. With texts out of scope, or a threshold, there are also
        ``in_scope_accuracy``, ``out_of_scope_recall``, ``out_of_scope_precision`` and ``threshold`` (0
        to 1).
    """
    if labels.dim() == 2:
        return _score_several(probabilities, labels, 0.5 if threshold is None else threshold)
    return _score_single(probabilities, labels, threshold or 0.0)


def _score_several(probabilities: Tensor, labels: Tensor, threshold: float) -> dict[str, float]:
    """Scores where a text can have several labels."""
    from torchmetrics.functional.classification import binary_calibration_error

    has = probabilities >= threshold
    # not by torchmetrics, which refuses a single label
    hits, total = (has & labels).sum(0).double(), has.sum(0).double() + labels.sum(0)
    used = max(int((total > 0).sum()), 1)
    return _rounded(
        accuracy=(has == labels).all(1).double().mean(),
        macro_f1=(2 * hits / total.clamp(min=1)).sum() / used,
        micro_f1=2 * hits.sum() / total.sum().clamp(min=1),
        ece=binary_calibration_error(probabilities.flatten(), labels.flatten().long(), _BINS),
    )


def _score_single(probabilities: Tensor, labels: Tensor, threshold: float) -> dict[str, float]:
    """Scores where a text has one label, or is out of scope."""
    from torchmetrics.functional.classification import (
        multiclass_calibration_error,
        multiclass_f1_score,
    )

    count, inside = probabilities.size(1), labels >= 0
    known, right = probabilities[inside], labels[inside]
    given = known.argmax(1)
    scores = _rounded(
        accuracy=(given == right).double().mean(),
        macro_f1=multiclass_f1_score(given, right, num_classes=count, average="macro"),
        ece=multiclass_calibration_error(known, right, num_classes=count, n_bins=_BINS),
    )
    if inside.all() and not threshold:
        return scores
    rejected = probabilities.max(1).values < threshold
    accepted = ~rejected[inside]
    scores |= _rounded(in_scope_accuracy=((given == right) & accepted).double().mean())
    if not inside.all():
        wrong = (~inside & rejected).sum().double()
        scores |= _rounded(
            out_of_scope_recall=wrong / (~inside).sum(),
            out_of_scope_precision=wrong / rejected.sum().clamp(min=1),
        )
    return {**scores, "threshold": round(threshold, 4)}


def _rounded(**scores: Tensor) -> dict[str, float]:
    return {name: round(100 * float(score), 2) for name, score in scores.items()}


def score_each(decided: Tensor, labels: Tensor, names: Sequence[str]) -> list[LabelScore]:
    """Precision, recall and F1 of every label, in the order of ``names``.

    Args:
        decided: (N, L) bool, the labels that each text was given.
        labels: (N, L) bool, those that it has.
        names: Of the labels.
    """
    hits, given, there = (part.sum(0).double() for part in (decided & labels, decided, labels))
    precision, recall = hits / given.clamp(min=1), hits / there.clamp(min=1)
    f1 = 2 * hits / (given + there).clamp(min=1)
    columns = [[round(100 * x, 2) for x in part.tolist()] for part in (precision, recall, f1)]
    return [
        LabelScore(*fields) for fields in zip(names, *columns, there.long().tolist(), strict=True)
    ]


def fit_temperature(logits: Tensor, labels: Tensor) -> float:
    """The temperature at which probabilities are likeliest (Guo et al. 2017, section 4.2).

    One more text counts as having any label. So no number of right answers gives certainty (Platt 1999,
    section 2.2).

    Args:
        logits: (N, L).
        labels: (N,) int64, negative where a row does not count; or (N, L) bool.

    Returns:
        From 0.05 to 20.1 (e to the power of -3 and 3); 1 where no row counts.
    """
    if labels.dim() == 1:
        logits, labels = logits[labels >= 0], labels[labels >= 0]
    if not len(labels):
        return 1.0
    logits, smoothing = logits.double(), 1 / (len(labels) + 1)
    wanted = labels.double() * (1 - smoothing) + smoothing / 2 if labels.dim() == 2 else None

    def loss(log_temperature: float) -> float:
        scaled = logits / torch.tensor(log_temperature).exp()
        if wanted is None:
            return float(F.cross_entropy(scaled, labels, label_smoothing=smoothing))
        return float(F.binary_cross_entropy_with_logits(scaled, wanted))

    # convex in 1 / temperature, so with a single valley in its logarithm: golden section
    low, high, golden = -3.0, 3.0, (5**0.5 - 1) / 2
    for _ in range(40):
        third = high - low
        left, right = high - golden * third, low + golden * third
        low, high = (low, right) if loss(left) <= loss(right) else (left, high)
    return float(torch.tensor((low + high) / 2).exp())


def choose_threshold(probabilities: Tensor, labels: Tensor) -> float:
    """The threshold that is right about most texts: their label, or that they are out of scope.

    It depends on the share of texts that are out of scope.

    Args:
        probabilities: (N, L).
        labels: (N,) int64, negative where a text is out of scope.

    Returns:
        The middle between two probabilities, or 0 if no text is out of scope.
    """
    inside = labels >= 0
    if inside.all():
        return 0.0
    best, found = probabilities.double().max(1)
    right = inside & (found == labels)
    order = best.argsort()
    # with so many texts rejected, those of least probability first
    lost = torch.cat([right.new_zeros(1), right[order].cumsum(0)])
    caught = torch.cat([right.new_zeros(1), (~inside)[order].cumsum(0)])
    ends = torch.cat([best.new_zeros(1), best[order], best.new_ones(1)])
    possible = ends[:-1] < ends[1:]  # no threshold is between equals
    worth = (caught - lost).where(possible, -torch.inf)
    worth[0] = 0.0
    bounds = (ends[:-1] + ends[1:]) / 2
    bounds[0] = 0.0
    return float(bounds[worth.argmax()])
