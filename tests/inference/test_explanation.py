"""Explanations as text and as a page."""

from __future__ import annotations

from typing import Any

from seqtext.inference.classifier import Classification
from seqtext.inference.explain import OutputExplanation
from seqtext.inference.explain_labels import LabelExplanation


def test_an_output_without_a_source_to_show() -> None:
    nothing = OutputExplanation(source=[], words=["a"], attention=[[]], copied=[0.0])
    assert nothing.as_text(colours=False) == "\n-> a\n  a\n"
    assert "<span" in OutputExplanation.as_html([nothing])


def test_copied_words_are_green() -> None:
    words: dict[str, Any] = {"source": ["x"], "words": ["a", "b"], "attention": [[1.0], [1.0]]}
    page = OutputExplanation.as_html([OutputExplanation(**words, copied=[0.5, 0.0])])
    # in the output, and before its row of the matrix
    assert page.count("50% copied") == 2 and "greener" in page and page.count("% copied") == 2
    nothing = OutputExplanation(**words, copied=[0.0, 0.0])
    assert "copied" not in OutputExplanation.as_html([nothing])


def test_cells_have_numbers_where_they_have_room() -> None:
    for count, numbers in ((3, 3), (40, 0)):
        weights = [[1 / count] * count] * count
        words = [f"w{i}" for i in range(count)]
        page = OutputExplanation.as_html(
            [OutputExplanation(source=words, words=words, attention=weights, copied=[0.0] * count)]
        )
        assert page.count("<td") == count**2 and page.count(">33</td>") == numbers * count


def test_output_words_in_colours() -> None:
    explanation = OutputExplanation(
        source=["x", "y"],
        words=["a", "bcd", "e"],
        attention=[[0.9, 0.1], [0.25, 0.5], [0.1, 0.0]],
        copied=[0.75, 0.0, 0.0],
    )
    plain = ["  a    <- x (0.90), copied 75%", "  bcd  <- y (0.50)", "  e    <- x (0.10)"]
    assert explanation.as_text(colours=False).split("\n") == ["x y", "-> a bcd e", *plain, ""]
    coloured = explanation.as_text(colours=True).split("\n")[2:-1]
    for line, text, code in zip(coloured, plain, (32, 0, 2), strict=True):
        assert line == f"\x1b[{code}m{text}\x1b[0m"


def test_a_label_and_its_words() -> None:
    result = Classification(
        labels=("<b>",), probabilities=(0.75,), top=(("<b>", 0.75), ("c", 0.25))
    )
    explanation = LabelExplanation(words=["x", "y"], weights=[0.5, 0.01], classification=result)
    assert explanation.as_text(colours=False) == "<b>  (<b> 75%, c 25%)\n  x(0.50) y\n"
    assert explanation.as_text(colours=True).count("\x1b[48;5;") == 2
    page = LabelExplanation.as_html([explanation])
    assert 'rgba(40, 160, 60, 0.80)" title="50%">x</span>' in page
    assert "<bdi>&lt;b&gt;</bdi> 75%" in page and "<section>" in page
    assert "<table" not in page
    assert LabelExplanation.as_html([]).endswith("</body></html>\n")
