"""Which words made a classifier give a text its label."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from seqtext.data.texts import SourceRow
from seqtext.errors import ConfigError
from seqtext.inference.classifier import Classification, Classifier
from seqtext.inference.explanation import Explanation, Paragraph, Word, paint
from seqtext.inference.words import words_of

_EXPLAINED = ("attention", "max")  # poolings that weigh words


@dataclass(frozen=True, kw_only=True)
class LabelExplanation(Explanation):
    """One text, word by word.

    Args:
        words: Words of the text.
        weights: Weight of each word, the sum over its pieces. With the pooling ``attention`` it is the
            attention, with ``max`` the share of the units that have their maximum there. The rest to 1
            went to the text's end.
        classification: The labels of the text.
    """

    words: list[str]
    weights: list[float]
    classification: Classification

    title: ClassVar[str] = "Which words gave a text its label"

    @classmethod
    def intro(cls, explanations: Sequence[LabelExplanation]) -> str:
        return "The greener a word, the more it weighed. Point at a word to see its share."

    def lines(self, colours: bool) -> list[str]:
        words = []
        for word, weight in zip(self.words, self.weights, strict=True):
            if colours:
                shade = round(5 * weight / self._largest)  # of 6 greens in the cube of 256 colours
                letters = 16 if shade > 2 else 252  # dark on light, or light on dark
                words.append(paint(word, f"48;5;{16 + 6 * shade};38;5;{letters}"))
            else:
                words.append(f"{word}({weight:.2f})" if weight >= 0.05 else word)
        return [self._heading(str), f"  {' '.join(words)}"]

    def paragraphs(self) -> list[Paragraph]:
        words = [
            Word(word, 0.8 * weight / self._largest, f"{weight:.0%}")
            for word, weight in zip(self.words, self.weights, strict=True)
        ]
        # a label keeps its own direction, and does not reorder the numbers beside it
        heading = self._heading(lambda label: f"<bdi>{html.escape(label)}</bdi>")
        return [Paragraph(heading, words)]

    @property
    def _largest(self) -> float:
        return max(self.weights, default=0.0) or 1.0

    def _heading(self, shown: Callable[[str], str]) -> str:
        """The labels. ``shown`` makes text or HTML of each."""
        top = ", ".join(f"{shown(name)} {p:.0%}" for name, p in self.classification.top)
        return f"{', '.join(map(shown, self.classification.labels)) or 'none'}  ({top})"


def explain_labels(classifier: Classifier, texts: Iterable[SourceRow]) -> list[LabelExplanation]:
    """Classify, and note the weight of each word.

    Raises:
        ConfigError: The pooling weighs no words (``mean``, ``last``). Or a row is no text.
    """
    for network in classifier.networks:
        if (pooling := network.config.pooling) not in _EXPLAINED:
            raise ConfigError(
                f"network.pooling: with {pooling} no word has a weight of its own. Train with"
                f" {' or '.join(_EXPLAINED)}"
            )
    return [_explain(classifier, text) for text in classifier.texts_of(texts)]


def _explain(classifier: Classifier, text: str) -> LabelExplanation:
    classification, weights, ids = classifier.look(text, top_k=3)
    words = words_of(classifier.tokenizer, ids, ()) if ids else []
    return LabelExplanation(
        words=[word for word, _ in words],
        weights=[float(weights[inside].sum()) for _, inside in words],
        classification=classification,
    )
