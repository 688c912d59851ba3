"""Minimum Bayes risk: the hypothesis that is most like all others."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from seqtext.inference.hypothesis import Hypothesis
from seqtext.metrics import BleuTokenize
from seqtext.metrics.pairwise import pairwise_bleu, pairwise_chrf
from seqtext.search.output import Utility


def rank_by_risk(
    hypotheses: Sequence[Hypothesis], utility: Utility, bleu_tokenize: BleuTokenize = "13a"
) -> list[Hypothesis]:
    """Rank the hypotheses of a source by their expected score (Eikema and Aziz 2020, section 4).

    Each hypothesis is a reference for all of them, and all references weigh the same. So a text that was
    sampled twice weighs twice.

    Args:
        hypotheses: Of one source, samples or an n-best list.
        utility: The score, ``chrf`` or ``bleu``.
        bleu_tokenize: What the n-grams of BLEU are made of.

    Returns:
        The hypotheses with their expected scores, 0 to 100, best first. Equal ones keep their order.
    """
    texts = [hypothesis.text for hypothesis in hypotheses]
    scores = pairwise_bleu(texts, bleu_tokenize) if utility == "bleu" else pairwise_chrf(texts)
    expected = scores.mean(1).tolist()
    ranked = [
        dataclasses.replace(hypothesis, score=score)
        for hypothesis, score in zip(hypotheses, expected, strict=True)
    ]
    return sorted(ranked, key=lambda hypothesis: -hypothesis.score)
