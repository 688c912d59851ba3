"""Minimum Bayes risk: the choice of all scores, computed one by one."""

from __future__ import annotations

import math
import random

import pytest
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from seqtext.errors import ConfigError
from seqtext.inference.hypothesis import Hypothesis
from seqtext.inference.mbr import rank_by_risk
from seqtext.search.config import SearchConfig
from seqtext.search.output import Utility


def hypotheses(*texts: str) -> list[Hypothesis]:
    return [
        Hypothesis(text=text, score=-place, log_prob=-0.02 * place, pieces=(), ids=(place,))
        for place, text in enumerate(texts)
    ]


@pytest.mark.parametrize("sampled", [False, True])
@pytest.mark.parametrize("utility", ["chrf", "bleu"])
def test_the_best_expected_score_comes_first(utility: Utility, sampled: bool) -> None:
    metric = CHRF() if utility == "chrf" else BLEU(effective_order=True)
    draw = random.Random(0)
    for _ in range(20):
        candidates = hypotheses(*(" ".join(draw.choices("abcde", k=5)) for _ in range(6)))
        # of one piece and eos each
        weights = [1 if sampled else math.exp(each.log_prob / 2) ** 40 for each in candidates]
        expected = {
            each.ids: sum(
                weight * metric.sentence_score(each.text, [other.text]).score
                for weight, other in zip(weights, candidates, strict=True)
            )
            / sum(weights)
            for each in candidates
        }
        ranked = rank_by_risk(candidates, utility, sampled=sampled)
        assert {each.ids: each.score for each in ranked} == pytest.approx(expected)
        scores = [each.score for each in ranked]
        assert scores == sorted(scores, reverse=True)


def test_a_text_counts_as_often_as_it_was_sampled() -> None:
    samples = hypotheses("ein Hund läuft", "xyz", "xyz")
    assert rank_by_risk(samples, "chrf", sampled=True)[0].text == "xyz"
    # the first of equals
    assert rank_by_risk(samples[:2], "chrf", sampled=True)[0].text == "ein Hund läuft"


def test_a_single_hypothesis_is_no_choice() -> None:
    with pytest.raises(ConfigError, match="mbr: chooses among several"):
        SearchConfig(mbr="chrf", beam_size=1)
    with pytest.raises(ConfigError, match="mbr: 'ter', expected one of chrf, bleu"):
        SearchConfig(mbr="ter")  # type: ignore[arg-type]
