"""Scores of decoded text. Imports no torchmetrics until it is asked for ROUGE."""

from typing import Literal

from seqtext.metrics.summaries import (
    SummaryScores,
    copied_and_new,
    first_sentence,
    first_words,
    rouge,
    score_summaries,
    sentences_of,
)
from seqtext.metrics.transduction import Symbols, TransductionScores, score_transductions
from seqtext.metrics.translation import (
    BleuTokenize,
    TranslationScores,
    check_bleu_tokenize,
    default_bleu_tokenize,
    mean_sentence_bleu,
    score_translations,
)
from seqtext.metrics.words import UnseenWords, exact_match, is_exact, unseen_words

Task = Literal["translation", "summarization", "code", "transduction"]  # what outputs are judged by

__all__ = [
    "BleuTokenize",
    "SummaryScores",
    "Symbols",
    "Task",
    "TransductionScores",
    "TranslationScores",
    "UnseenWords",
    "check_bleu_tokenize",
    "copied_and_new",
    "default_bleu_tokenize",
    "exact_match",
    "first_sentence",
    "first_words",
    "is_exact",
    "mean_sentence_bleu",
    "rouge",
    "score_summaries",
    "score_transductions",
    "score_translations",
    "sentences_of",
    "unseen_words",
]
