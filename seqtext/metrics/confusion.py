"""Which labels are taken for which: as a list, and as a picture."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NUMBERED = 20  # labels, up to which a cell has room for numbers
_LISTED = 15  # confusions beside a larger matrix


class Confusion(NamedTuple):
    """A label that is taken for another."""

    true: str
    predicted: str
    texts: int
    share: float  # of the true label's texts, from 0 to 100

    def __str__(self) -> str:
        return f"{self.true} -> {self.predicted}: {self.texts} ({self.share:.0f}%)"


def count_confusions(decided: Sequence[str], labels: Sequence[str]) -> list[Confusion]:
    """All confusions, those of most texts first.

    Args:
        decided: A label for each text.
        labels: The true one.
    """
    texts = Counter(labels)
    pairs = Counter(pair for pair in zip(labels, decided, strict=True) if pair[0] != pair[1])
    return [
        Confusion(true, predicted, count, round(100 * count / texts[true], 2))
        for (true, predicted), count in sorted(pairs.items(), key=lambda pair: (-pair[1], pair[0]))
    ]


def draw_confusion(
    decided: Sequence[str], labels: Sequence[str], names: Sequence[str], kind: str
) -> tuple[bytes, list[int]]:
    """A confusion matrix as a picture: rows are the true labels, columns those predicted.

    The shade of a cell is its share of the row's texts. Up to 20 labels, a cell also has this share and the
    number of texts. For more labels, the picture lists the confusions of most texts.

    Args:
        decided: A label for each text.
        labels: The true one.
        names: All labels, in the order of rows and columns.
        kind: ``png``, ``svg`` or ``pdf``.

    Returns:
        The picture, and the numbers (from 1) that stand for names which no installed font has.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    counts = _count_pairs(decided, labels, names)
    few = len(names) <= _NUMBERED
    size = len(names) * 0.62 if few else max(8.0, min(0.16 * len(names), 36.0))  # inches
    figure = Figure(figsize=(size, size))
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1), xlabel="predicted", ylabel="true")
    shares = counts / counts.sum(1, keepdim=True).clamp(min=1)
    axes.imshow(shares.numpy(), cmap="Blues", vmin=0, vmax=1)
    fonts, missing = _fonts(names)
    numbered = [i for i, name in enumerate(names, 1) if missing & set(name)]
    shown = [str(i) if i in numbered else " ".join(name.split()) for i, name in enumerate(names, 1)]
    # a label with dollar signs is text, not TeX
    small = 9.0 if few else max(3.0, min(9.0, 60 * size / len(names)))
    literal: dict[str, Any] = {"fontsize": small, "fontfamily": fonts, "parse_math": False}
    axes.set_xticks(range(len(names)), shown, rotation=90, **literal)
    axes.set_yticks(range(len(names)), shown, **literal)
    if few:
        _write_shares(axes, counts, shares)
    else:
        spelled = dict(zip(names, shown, strict=True))
        pairs = [[spelled[name] for name in texts] for texts in (decided, labels)]
        _list_confusions(axes, count_confusions(*pairs)[:_LISTED], fonts)
    picture = io.BytesIO()
    # as large as its content: long labels need no margin that short ones waste
    figure.savefig(picture, format=kind, dpi=150, bbox_inches="tight", pad_inches=0.1)
    return picture.getvalue(), numbered


def _count_pairs(decided: Sequence[str], labels: Sequence[str], names: Sequence[str]) -> Tensor:
    """Texts (true, predicted) of each pair of labels, in the order of ``names``."""
    place = {name: i for i, name in enumerate(names)}
    counts = torch.zeros(len(names), len(names))
    for true, predicted in zip(labels, decided, strict=True):
        counts[place[true], place[predicted]] += 1
    return counts


def _list_confusions(axes: Axes, confusions: list[Confusion], fonts: list[str]) -> None:
    """List confusions to the right of a matrix."""
    lines = ["confusions of most texts (share of the true label's)", "", *map(str, confusions)]
    axes.text(
        1.03, 1, "\n".join(lines), va="top", linespacing=1.6, fontsize=10, fontfamily=fonts,
        parse_math=False, transform=axes.transAxes,
    )  # fmt: skip


def _write_shares(axes: Axes, counts: Tensor, shares: Tensor) -> None:
    """Write the share of the row and the number of texts into the cells that have texts."""
    for i, row in enumerate(counts.long().tolist()):
        for j, count in enumerate(row):
            if count:
                share = float(shares[i, j])
                colour = "white" if share > 0.5 else "black"
                text = f"{share:.0%}\n{count}"
                axes.text(j, i, text, ha="center", va="center", fontsize=8, color=colour)


def _fonts(texts: Sequence[str]) -> tuple[list[str], set[str]]:
    """Installed fonts that together show texts, the default first, and the characters that none has."""
    from matplotlib import font_manager, rcParams

    missing = {character for text in texts for character in text if not character.isspace()}
    families = list(rcParams["font.family"])
    default = font_manager.findfont(font_manager.FontProperties(family=families))
    missing -= set(map(chr, font_manager.get_font(default).get_charmap()))
    for entry in font_manager.fontManager.ttflist if missing else ():
        if entry.name.startswith("Last Resort"):  # boxes for everything
            continue
        found = missing & set(map(chr, font_manager.get_font(entry.fname).get_charmap()))
        if found:
            families.append(entry.name)
            missing -= found
    return families, missing
