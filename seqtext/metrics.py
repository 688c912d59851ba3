"""Scores of decoded text, as sacrebleu defines them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class TranslationScores(NamedTuple):
    """Corpus scores on a scale of 0 to 100."""

    bleu: float
    chrf: float
    signature: str  # of BLEU: all that a published score must say (Post 2018)


def score_translations(hypotheses: Sequence[str], references: Sequence[str]) -> TranslationScores:
    """Cased BLEU with the 13a tokenizer (Papineni et al. 2002; Post 2018) and chrF2 (Popovic 2015).

    Args:
        hypotheses: Detokenized.
        references: One for each.

    Example:
        >>> score_translations(["Der Hund schläft."], ["Der Hund schläft."]).bleu
        100.0
    """
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    bleu = BLEU()
    score = bleu.corpus_score(hypotheses, [references]).score
    chrf = CHRF().corpus_score(hypotheses, [references]).score
    return TranslationScores(round(score, 2), round(chrf, 2), str(bleu.get_signature()))
