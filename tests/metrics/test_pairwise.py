"""Scores of texts against each other, equal to sacrebleu's."""

from __future__ import annotations

import random

import pytest
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from seqtext.metrics import BleuTokenize
from seqtext.metrics.pairwise import pairwise_bleu, pairwise_chrf

WORDS = ["a", "Haus", "das", "das", "haus.", "ist", "über", "x", "aaaa", ",", "3.5%", "犬が", "-"]


def texts(seed: int) -> list[str]:
    draw = random.Random(seed)
    rows = [" ".join(draw.choices(WORDS, k=draw.randint(0, 9))) for _ in range(12)]
    return [*rows, rows[0], "", " ", "z", "zzz zzz zzz zzz zzz"]


@pytest.mark.parametrize("seed", range(5))
def test_chrf_is_that_of_sacrebleu(seed: int) -> None:
    rows, metric = texts(seed), CHRF()
    found = pairwise_chrf(rows)
    for i, hypothesis in enumerate(rows):
        expected = [metric.sentence_score(hypothesis, [reference]).score for reference in rows]
        assert found[i].tolist() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("tokenize", ["13a", "char", "none"])
@pytest.mark.parametrize("seed", range(5))
def test_bleu_is_that_of_sacrebleu(seed: int, tokenize: BleuTokenize) -> None:
    rows, metric = texts(seed), BLEU(tokenize=tokenize, effective_order=True, force=True)
    found = pairwise_bleu(rows, tokenize)
    for i, hypothesis in enumerate(rows):
        expected = [metric.sentence_score(hypothesis, [reference]).score for reference in rows]
        assert found[i].tolist() == pytest.approx(expected, rel=1e-12)


def test_a_single_text() -> None:
    assert pairwise_chrf(["a b"]).tolist() == [[100]]
    assert pairwise_bleu(["a b"]).item() == pytest.approx(100)
