"""Scores of decoded text. Imports neither sacrebleu nor torchmetrics until it scores."""

from seqtext.metrics.summaries import (
    Baseline,
    copied_and_new,
    first_sentence,
    first_words,
    rouge,
    rouge2,
    score_summaries,
    sentences_of,
)
from seqtext.metrics.transduction import Symbols, score_transductions
from seqtext.metrics.translation import (
    BleuTokenize,
    References,
    bleu,
    bleu_signature,
    check_bleu_tokenize,
    chrf,
    chrf_signature,
    mean_sentence_bleu,
    score_translations,
)
from seqtext.metrics.words import exact_match, is_exact, unseen_words

__all__ = [
    "Baseline",
    "BleuTokenize",
    "References",
    "Symbols",
    "bleu",
    "bleu_signature",
    "check_bleu_tokenize",
    "chrf",
    "chrf_signature",
    "copied_and_new",
    "exact_match",
    "first_sentence",
    "first_words",
    "is_exact",
    "mean_sentence_bleu",
    "rouge",
    "rouge2",
    "score_summaries",
    "score_transductions",
    "score_translations",
    "sentences_of",
    "unseen_words",
]
