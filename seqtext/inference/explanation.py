"""How explanations are shown: as text for a terminal, or as an HTML page."""

from __future__ import annotations

import html
import json
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
        """Attention of each word of the last paragraph to each word of the first, if they are linked."""
        return None

    def as_text(self, colours: bool) -> str:
        """``lines`` as one text."""
        return "".join(f"{line}\n" for line in self.lines(colours))

    @classmethod
    def as_html(cls, explanations: Sequence[Self]) -> str:
        """A page with all explanations. It loads nothing from elsewhere."""
        head = _PAGE.format(title=cls.title, intro=cls.intro(explanations), style=_STYLE)
        return head + "".join(map(_section, explanations)) + _SCRIPT


def paint(text: str, code: str) -> str:
    """Text in a colour of the terminal, by the number that stands in its escape sequence."""
    return f"\x1b[{code}m{text}\x1b[0m"


_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>{style}</head><body>
<h1>{title}</h1>
<p>{intro}</p>
"""
_STYLE = """<style>
body { font-family: sans-serif; max-width: 50em; margin: 2em auto; line-height: 1.8 }
section { border-top: 1px solid #ccc; padding: 1em 0 }
section p { margin: 0 }
span { padding: .1em .15em; border-radius: .2em }
[tabindex] { cursor: pointer }
[tabindex]:hover, [tabindex]:focus { outline: 2px solid #27c }
</style>"""
_SCRIPT = """<script>
for (const section of document.querySelectorAll("section[data-links]")) {
  const links = JSON.parse(section.dataset.links);
  const [first, last] = section.querySelectorAll("p[dir]");
  const source = first.querySelectorAll("span");
  last.querySelectorAll("span").forEach((word, i) => {
    const show = () => source.forEach((other, j) => {
      other.style.background = `rgba(255, 160, 0, ${links[i][j]})`;
    });
    const hide = () => source.forEach(other => { other.style.background = ""; });
    word.tabIndex = 0;
    for (const event of ["mouseenter", "focus"]) word.addEventListener(event, show);
    for (const event of ["mouseleave", "blur"]) word.addEventListener(event, hide);
  });
}
</script></body></html>
"""


def _section(explanation: Explanation) -> str:
    links = ""
    if explanation.links is not None:
        rounded = [[round(weight, 3) for weight in row] for row in explanation.links]
        links = f' data-links="{html.escape(json.dumps(rounded))}"'
    paragraphs = (
        # words may be written from right to left, whatever the heading is
        f'<p><b>{heading}</b></p><p dir="auto">{" ".join(map(_span, words))}</p>'
        for heading, words in explanation.paragraphs()
    )
    return f"<section{links}>{''.join(paragraphs)}</section>\n"


def _span(word: Word) -> str:
    style = f' style="background: rgba(40, 160, 60, {word.green:.2f})"' if word.green else ""
    title = f' title="{html.escape(word.title)}"' if word.title else ""
    return f"<span{style}{title}>{html.escape(word.text)}</span>"
