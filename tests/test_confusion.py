"""Which labels are taken for which."""

from __future__ import annotations

import io

import matplotlib.image
import pytest
import torch

from seqtext.metrics.confusion import Confusion, count_confusions, draw_confusion


def test_confusions_are_counted() -> None:
    labels = ["a", "a", "a", "b", "b", "c"]
    decided = ["b", "b", "a", "c", "b", "a"]
    confusions = [("a", "b", 2, 66.67), ("b", "c", 1, 50.0), ("c", "a", 1, 100.0)]
    assert count_confusions(decided, labels) == confusions
    assert str(Confusion("a", "b", 2, 66.67)) == "a -> b: 2 (67%)"
    assert count_confusions(labels, labels) == []


@pytest.mark.parametrize("count", [2, 3, 30, 150])
def test_the_matrix_fills_the_picture(count: int) -> None:
    names = [f"a rather long label {i}" for i in range(count)]
    picture, numbered = draw_confusion(names[:2], names[:2], names, "png")
    assert numbered == []
    pixels = torch.tensor(matplotlib.image.imread(io.BytesIO(picture)))[..., :3]
    dark = (pixels < 0.98).any(2)
    for lines in (dark.any(0), dark.any(1)):  # columns and rows of pixels
        used = lines.nonzero().flatten().tolist()
        assert used[0] < 40 and len(lines) - used[-1] < 40


def drawn(decided: list[str], labels: list[str], names: list[str]) -> str:
    """The texts of a picture: comments beside the shapes of their letters."""
    return draw_confusion(decided, labels, names, "svg")[0].decode()


def test_cells_have_shares_of_their_rows() -> None:
    text = drawn(["a", "b", "a", "b"], ["a", "a", "a", "b"], ["a", "b"])
    for fact in ("true", "predicted", "67%", "33%", "100%"):
        assert f"<!-- {fact} -->" in text


def test_many_labels_have_a_list() -> None:
    names = [f"label {i}" for i in range(21)]
    text = drawn([names[1], names[1], names[2]], [names[0], names[0], names[2]], names)
    assert "label 0 -&gt; label 1: 2 (100%)" in text.replace("->", "-&gt;")
    assert "label 2 -&gt; label 2" not in text.replace("->", "-&gt;")


def test_labels_in_a_picture_are_literal_or_numbered() -> None:
    names = ["from_$10_to_$20", "cost $5 and $6", "$x^2$", "\U0010fffd in no font"]
    picture, numbered = draw_confusion(names, names, names, "svg")
    assert numbered == [4]
    for name in names[:3]:  # as a comment beside the shapes of its letters
        assert f"<!-- {name} -->".encode() in picture
    assert b"<!-- 4 -->" in picture
