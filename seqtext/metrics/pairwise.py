"""Scores of every text against every other, for minimum Bayes risk.

They equal sacrebleu's scores of sentences. Each text is cut into n-grams once, where sacrebleu cuts both
texts of each pair.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from seqtext.metrics.translation import BleuTokenize, sentence_tokenizer

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Matrix = npt.NDArray[np.float64]

_CHRF_ORDERS, _CHRF_BETA = 6, 2.0  # of chrF2
_BLEU_ORDERS = 4


class _Matches(NamedTuple):
    """n-grams of one order in N texts."""

    common: Matrix  # (N, N), how many each two texts have in common
    counts: Matrix  # (N,), how many each text has


def pairwise_chrf(texts: Sequence[str]) -> Matrix:
    """chrF2 of each text, 0 to 100 (Popovic 2015).

    Returns:
        (N, N) float64, row i: text i as the hypothesis, with each text as its reference.
    """
    import numpy as np

    letters = ["".join(text.split()) for text in texts]
    precision, recall, orders = (np.zeros((len(texts), len(texts))) for _ in range(3))
    for order in range(1, _CHRF_ORDERS + 1):
        grams = [[text[i : i + order] for i in range(len(text) - order + 1)] for text in letters]
        common, counts = _matches(grams)
        filled = counts.clip(min=1)
        precision += common / filled[:, None]
        recall += common / filled[None, :]
        # an order counts where both texts have n-grams of it
        orders += (counts[:, None] > 0) & (counts[None, :] > 0)
    orders = orders.clip(min=1)
    precision, recall, weight = precision / orders, recall / orders, _CHRF_BETA**2
    divisor = weight * precision + recall
    score: Matrix = 100 * (1 + weight) * precision * recall / np.where(divisor > 0, divisor, 1)
    return score


def pairwise_bleu(texts: Sequence[str], bleu_tokenize: BleuTokenize = "13a") -> Matrix:
    """BLEU of each text as a single sentence, 0 to 100, with the orders that it has.

    An order without a match has a small precision (``exp`` of Chen and Cherry 2014).

    Args:
        texts: At least one.
        bleu_tokenize: What the n-grams are made of.

    Returns:
        See ``pairwise_chrf``.
    """
    import numpy as np

    tokenize = sentence_tokenizer(bleu_tokenize)
    words = [tokenize(text.rstrip()).split() for text in texts]
    shape = len(texts), len(texts)
    logs, orders, smoothing = np.zeros(shape), np.zeros((len(texts), 1)), np.ones(shape)
    any_match = np.zeros(shape, dtype=bool)
    for order in range(1, _BLEU_ORDERS + 1):
        grams = [[tuple(row[i : i + order]) for i in range(len(row) - order + 1)] for row in words]
        common, counts = _matches(grams)
        present = counts[:, None] > 0
        smoothing = np.where(present & (common == 0), 2 * smoothing, smoothing)
        matched = np.where(common > 0, common, 1 / smoothing)
        logs += np.where(present, np.log(matched / counts.clip(min=1)[:, None]), 0)
        orders += present
        any_match |= common > 0
    lengths = np.array([len(row) for row in words], dtype=np.float64)
    brevity = np.minimum(0, 1 - lengths[None, :] / lengths.clip(min=1)[:, None])
    score: Matrix = 100 * np.exp(brevity + logs / orders.clip(min=1)) * any_match
    return score


def _matches(grams: Sequence[Sequence[Hashable]]) -> _Matches:
    """Count the n-grams that texts have in common, given those of each text."""
    import numpy as np

    # The k-th "an" of a text is a thing of its own. So what two texts have in common is a product of
    # matrices of 0 and 1.
    columns: dict[tuple[Hashable, int], int] = {}
    rows: list[list[int]] = []
    for own in grams:
        seen, row = Counter[Hashable](), list[int]()
        for gram in own:
            seen[gram] += 1
            row.append(columns.setdefault((gram, seen[gram]), len(columns)))
        rows.append(row)
    has = np.zeros((len(grams), len(columns)), dtype=np.float32)  # counts below 2 ** 24 are exact
    for place, row in enumerate(rows):
        has[place, row] = 1
    counts = np.array([len(row) for row in rows], dtype=np.float64)
    return _Matches((has @ has.T).astype(np.float64), counts)
