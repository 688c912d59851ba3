"""Which words made a classifier give a text its label."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from seqtext.errors import ConfigError
from seqtext.inference.classifier import Classification, Classifier, Text
from seqtext.inference.explain import words_of

_TOLD = ("attention", "max")  # poolings whose weights say something


@dataclass(frozen=True, kw_only=True)
class LabelExplanation:
    """One text, word by word.

    Args:
        words: Of the text.
        weights: What each word had of the whole, the sum over its pieces: attention, or with ``max`` the
            share of the units that are at their maximum there. What is missing to 1 went to the end.
        found: What the text is.
    """

    words: list[str]
    weights: list[float]
    found: Classification


def explain_labels(classifier: Classifier, texts: Iterable[Text]) -> list[LabelExplanation]:
    """Classify, and look at what each word said.

    Raises:
        ConfigError: The pooling is one of those that ask all words alike, or only the last ones. Or a row is
            no text.
    """
    for network in classifier.networks:
        if (pooling := network.config.pooling) not in _TOLD:
            raise ConfigError(
                f"network.pooling: with {pooling} no word has a weight of its own; train with"
                f" {' or '.join(_TOLD)}"
            )
    return [_explain(classifier, text) for text in classifier.texts_of(texts)]


def _explain(classifier: Classifier, text: Text) -> LabelExplanation:
    found, weights, ids = classifier.look(text, top_k=3)
    words = words_of(classifier.tokenizer, ids, ()) if ids else []
    return LabelExplanation(
        words=[word for word, _ in words],
        weights=[float(weights[inside].sum()) for _, inside in words],
        found=found,
    )


def _heading(one: LabelExplanation, shown: Callable[[str], str] = str) -> str:
    """What the text is; ``shown`` makes text or HTML of a label."""
    top = ", ".join(f"{shown(name)} {p:.0%}" for name, p in one.found.top)
    return f"{', '.join(map(shown, one.found.labels)) or 'none'}  ({top})"


def _isolated(label: str) -> str:
    """HTML of a label, whose direction does not reorder the numbers beside it."""
    return f"<bdi>{html.escape(label)}</bdi>"


def as_text(one: LabelExplanation, colours: bool) -> str:
    """The label, and the text: in colours as bright as a word's weight, else with weights behind words."""
    largest = max(one.weights, default=0.0) or 1.0
    told = []
    for word, weight in zip(one.words, one.weights, strict=True):
        if not colours:
            told.append(f"{word}({weight:.2f})" if weight >= 0.05 else word)
            continue
        shade = round(5 * weight / largest)  # of 6 greens in the cube of 256 colours
        text_colour = 16 if shade > 2 else 252
        told.append(f"\x1b[48;5;{16 + 6 * shade}m\x1b[38;5;{text_colour}m{word}\x1b[0m")
    return f"{_heading(one)}\n  {' '.join(told)}\n"


_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Which words gave a text its label</title><style>
body { font-family: sans-serif; max-width: 50em; margin: 2em auto; line-height: 1.8 }
section { border-top: 1px solid #ccc; padding: 1em 0 }
span { padding: .1em .15em; border-radius: .2em }
</style></head><body>
<h1>Which words gave a text its label</h1>
<p>The greener a word, the more it had to say. Point at one to see its share.</p>
"""


def as_html(explanations: Sequence[LabelExplanation]) -> str:
    """A page of its own, without anything from elsewhere."""
    sections = []
    for one in explanations:
        largest = max(one.weights, default=0.0) or 1.0
        words = " ".join(
            f'<span style="background: rgba(40, 160, 60, {0.8 * weight / largest:.2f})"'
            f' title="{weight:.0%}">{html.escape(word)}</span>'
            for word, weight in zip(one.words, one.weights, strict=True)
        )
        sections.append(
            f'<section><p><b>{_heading(one, _isolated)}</b></p><p dir="auto">{words}</p></section>\n'
        )
    return f"{_PAGE}{''.join(sections)}</body></html>\n"
