"""ROUGE without downloads, how much is copied, and the simplest summaries to compare with."""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from seqtext.metrics.words import exact_match

_END = re.compile(  # behind . ! ? and a quote that closes there; before no small letter
    r"(?:(?<=[.!?])|(?<=[.!?][\"')\]]))\s+(?=[\"'(\[]*(?![a-zß-ÿ])\w)|\n+"
)


class SummaryScores(NamedTuple):
    """On a scale of 0 to 100, but for the last ones."""

    rouge1: float
    rouge2: float
    rougeL: float  # noqa: N815 (its name everywhere)
    rougeLsum: float  # noqa: N815
    exact_match: float
    copied: float  # of the words, those that the source has
    new_bigrams: float  # of the pairs of words, those that the source has not
    new_trigrams: float
    words: float  # a hypothesis has on average
    length_ratio: float  # to the words of the references


def score_summaries(
    sources: Sequence[str], hypotheses: Sequence[str], references: Sequence[Sequence[str]]
) -> SummaryScores:
    """ROUGE (Lin 2004) as F1, against the best of several references, and what a summary is made of.

    ROUGE-1, -2 and -L are torchmetrics', see ``rouge``. ROUGE-Lsum is the union of the longest common
    subsequences of each sentence (section 3.2). ``sentences_of`` cuts the sentences, because
    torchmetrics would download a splitter.

    Args:
        sources: One for each hypothesis.
        hypotheses: What is judged.
        references: One or several for each.
    """
    found = rouge(hypotheses, references, ("rouge1", "rouge2", "rougeL"))
    words_of = _words_of(references)
    lsum = [
        max(_rouge_lsum(one, other, words_of) for other in several)
        for one, several in zip(hypotheses, references, strict=True)
    ]
    made_of = copied_and_new(sources, hypotheses)
    words = _mean([len(one.split()) for one in hypotheses])
    wanted = _mean([_mean([len(one.split()) for one in several]) for several in references])
    rouge1, rouge2, rouge_l = (round(100 * value, 2) for value in found.values())
    return SummaryScores(
        rouge1,
        rouge2,
        rouge_l,
        round(100 * _mean(lsum), 2),
        exact_match(hypotheses, references),
        *made_of,
        round(words, 2),
        round(words / max(wanted, 1e-9), 3),
    )


def rouge2(hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """ROUGE-2 as F1 of the best reference, 0 to 100."""
    return 100 * rouge(hypotheses, references, ("rouge2",))["rouge2"]


def rouge(
    hypotheses: Sequence[str], references: Sequence[Sequence[str]], keys: tuple[str, ...]
) -> dict[str, float]:
    """F1 by torchmetrics, 0 to 1, of Porter's stems of lower-cased words.

    Words consist of the letters a to z and digits, as in the published scores. If most letters of the
    references are others, words consist of letters and digits of all scripts.
    """
    from torchmetrics.functional.text.rouge import rouge_score

    words_of = _words_of(references)
    found = rouge_score(
        hypotheses,
        [list(several) for several in references],
        rouge_keys=keys,
        use_stemmer=True,
        normalizer=lambda text: " ".join(words_of(text)),
        tokenizer=str.split,
    )
    return {key: float(found[f"{key}_fmeasure"]) for key in keys}


def _words_of(references: Sequence[Sequence[str]]) -> Callable[[str], list[str]]:
    """What counts as a word in text such as this."""
    text = "".join(one for several in references for one in several).lower()
    latin, letters = len(re.findall("[a-z]", text)), len(re.findall(r"[^\W\d_]", text))
    pattern = re.compile("[a-z0-9]+" if 2 * latin >= letters else r"[^\W_]+")
    return lambda text: pattern.findall(text.lower())


def copied_and_new(sources: Sequence[str], hypotheses: Sequence[str]) -> tuple[float, float, float]:
    """Per cent of the words that are copied, and of the 2-grams and 3-grams that are new.

    Words are lower-cased letters and digits of any script. A word or n-gram counts as often as it occurs in
    the hypotheses.
    """
    there, all_of_them = Counter[int](), Counter[int]()
    for source, hypothesis in zip(sources, hypotheses, strict=True):
        of_source, of_hypothesis = (
            re.findall(r"\w+", text.lower()) for text in (source, hypothesis)
        )
        for n in (1, 2, 3):
            grams = _ngrams(of_hypothesis, n)
            known = set(_ngrams(of_source, n))
            all_of_them[n] += len(grams)
            there[n] += sum(gram in known for gram in grams)
    share = {n: 100 * there[n] / max(all_of_them[n], 1) for n in (1, 2, 3)}
    new = (round(100 - share[n], 2) if all_of_them[n] else 0.0 for n in (2, 3))
    return (round(share[1], 2), *new)  # type: ignore[return-value]


def sentences_of(text: str) -> list[str]:
    """Split at line ends, and behind . ! ? where the next word begins with no small letter.

    >>> sentences_of("It rained. We, i.e. all of us, went home!\\nDr. Who stayed.")
    ['It rained.', 'We, i.e. all of us, went home!', 'Dr.', 'Who stayed.']
    """
    return [part for part in _END.split(text.strip()) if part]


class Baseline(NamedTuple):
    """A simple output for each source, to compare a model with."""

    name: str
    output_of: Callable[[str], str]


def first_words(count: int) -> Baseline:
    """So many words of the source."""
    return Baseline(f"first {count} words", lambda text: " ".join(text.split()[:count]))


def first_sentence() -> Baseline:
    """The source's first sentence."""
    return Baseline("first sentence", lambda text: next(iter(sentences_of(text)), ""))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / max(len(values), 1)


def _ngrams(words: Sequence[str], n: int) -> list[tuple[str, ...]]:
    return [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]


@functools.cache
def _stemmer() -> Any:
    from nltk.stem.porter import PorterStemmer

    return PorterStemmer()


def _stems(words: Sequence[str]) -> list[str]:
    """As torchmetrics has them."""
    return [_stemmer().stem(word) if len(word) > 3 else word for word in words]


def _rouge_lsum(hypothesis: str, reference: str, words_of: Callable[[str], list[str]]) -> float:
    """F1 of the words that some sentence of the hypothesis has in common with each of the reference's."""
    found = [_stems(words_of(sentence)) for sentence in sentences_of(hypothesis)]
    wanted = [_stems(words_of(sentence)) for sentence in sentences_of(reference)]
    left = Counter(word for sentence in found for word in sentence)
    total, hits = sum(left.values()), 0
    for sentence in wanted:
        union = sorted({place for other in found for place in _common(other, sentence)})
        for place in union:
            if left[sentence[place]] > 0:
                left[sentence[place]] -= 1
                hits += 1
    count = sum(map(len, wanted))
    return 2 * hits / (total + count) if total and count else 0.0


def _common(words: Sequence[str], reference: Sequence[str]) -> list[int]:
    """Places in the reference of a longest common subsequence."""
    rows = [[0] * (len(words) + 1)]
    for wanted in reference:
        above, row = rows[-1], [0]
        for j, word in enumerate(words):
            row.append(above[j] + 1 if word == wanted else max(row[j], above[j + 1]))
        rows.append(row)
    places: list[int] = []
    i, j = len(reference), len(words)
    while i and j:
        if reference[i - 1] == words[j - 1]:
            places.append(i - 1)
            i, j = i - 1, j - 1
        elif rows[i][j - 1] > rows[i - 1][j]:
            j -= 1
        else:
            i -= 1
    return places
