"""How explanations are shown: as text for a terminal, or as an HTML page."""

from __future__ import annotations

import html
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, NamedTuple, Self


class Word(NamedTuple):
    """A word on a page."""

    text: str
    green: float = 0.0  # opacity, 0 to 1
    title: str = ""  # shown where the pointer rests


class Paragraph(NamedTuple):
    """Words on a page."""

    heading: str  # HTML
    words: Sequence[Word]


class Explanation(ABC):
    """One text, explained word by word."""

    title: ClassVar[str]  # of the page

    @classmethod
    @abstractmethod
    def intro(cls, explanations: Sequence[Self]) -> str:
        """How to read the page of these explanations."""

    @abstractmethod
    def lines(self, colours: bool) -> list[str]:
        """The explanation in lines of text, in colours of a terminal if asked for."""

    @abstractmethod
    def paragraphs(self) -> list[Paragraph]:
        """The explanation on the page."""

    @property
    def links(self) -> list[list[float]] | None:
        """Attention of each word of the last paragraph to each word of the first, if they are linked.

        The page shows it as a matrix.
        """
        return None

    def as_text(self, colours: bool) -> str:
        """``lines`` as one text."""
        return "".join(f"{line}\n" for line in self.lines(colours))

    @classmethod
    def as_html(cls, explanations: Sequence[Self]) -> str:
        """A page with all explanations. It loads nothing from elsewhere."""
        head = _PAGE.format(title=cls.title, intro=cls.intro(explanations), style=_STYLE)
        return head + "".join(map(_section, explanations)) + "</body></html>\n"


def paint(text: str, code: str) -> str:
    """Text in a colour of the terminal, by the number that stands in its escape sequence."""
    return f"\x1b[{code}m{text}\x1b[0m"


_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>{style}</head><body>
<h1>{title}</h1>
<p>{intro}</p>
"""
# The matrix shrinks to the width of the page. Below .65em a column it scrolls. Paper gets the shades too.
_STYLE = """<style>
body { --head: 112px; font-family: sans-serif; line-height: 1.6;
  max-width: 60em; margin: 1em auto; padding: 0 .8em;
  -webkit-print-color-adjust: exact; print-color-adjust: exact }
section { border-top: 1px solid #ccc; padding: 1em 0; break-inside: avoid }
section p { margin: 0; overflow-wrap: anywhere }
span { padding: .1em .15em; border-radius: .2em }
.matrix { overflow-x: auto; margin-top: .8em }
table { border-collapse: collapse; table-layout: fixed; width: 100%; line-height: 1.3;
  min-width: calc(var(--columns) * .65em + var(--head));
  max-width: calc(var(--columns) * 2.8em + var(--head)) }
th { font-weight: normal; font-size: .85em }
thead th { writing-mode: vertical-rl; text-align: right; vertical-align: bottom; padding: .3em 0;
  line-height: 1 }
thead th:first-child, tbody th { writing-mode: horizontal-tb; width: var(--head) }
tbody th { text-align: right; padding: .15em .5em; overflow-wrap: anywhere }
td { border: 1px solid #ddd; height: 1.5em; padding: 0; text-align: center; font-size: .7em;
  overflow: hidden }
@media (max-width: 40em) {
  body { --head: 76px } h1 { font-size: 1.4em }
  td { font-size: 0; height: 18px } th { font-size: 10px } tbody th { padding: 2px 4px } }
@media print { body { max-width: none; margin: 0 } .matrix { overflow: visible } table { min-width: 0 } }
</style>"""
_ROOM = 16  # columns, up to which cells have room for numbers


def _section(explanation: Explanation) -> str:
    shown = explanation.paragraphs()
    paragraphs = (
        # words may be written from right to left, whatever the heading is
        f'<p><b>{heading}</b></p><p dir="auto">{" ".join(map(_span, words))}</p>'
        for heading, words in shown
    )
    matrix = ""
    if explanation.links:
        matrix = _matrix(shown[0].words, shown[-1].words, explanation.links)
    return f"<section>{''.join(paragraphs)}{matrix}</section>\n"


def _span(word: Word) -> str:
    style = f' style="background: rgba(40, 160, 60, {word.green:.2f})"' if word.green else ""
    title = f' title="{html.escape(word.title)}"' if word.title else ""
    return f"<span{style}{title}>{html.escape(word.text)}</span>"


def _matrix(
    columns: Sequence[Word], rows: Sequence[Word], weights: Sequence[Sequence[float]]
) -> str:
    """A table of weights: a row for each word of the output, a column for each word of the source."""
    numbers = len(columns) <= _ROOM
    head = "".join(f'<th dir="auto">{html.escape(word.text)}</th>' for word in columns)
    body = "".join(
        f'<tr><th dir="auto">{_span(word)}</th>'
        f"{''.join(_cell(weight, numbers) for weight in row)}</tr>\n"
        for word, row in zip(rows, weights, strict=True)
    )
    return (
        f'<div class="matrix"><table style="--columns: {len(columns)}">'
        f"<thead><tr><th></th>{head}</tr></thead>\n<tbody>{body}</tbody></table></div>"
    )


def _cell(weight: float, number: bool) -> str:
    text = f"{100 * weight:.0f}" if number and weight >= 0.05 else ""
    return (
        f'<td title="{weight:.0%}" style="background: rgba(255, 140, 0, {weight:.2f})">{text}</td>'
    )
