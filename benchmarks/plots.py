"""Draw the pictures of docs/performance.md.

Each picture shows the first table of its file in results/.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib import rcParams
from matplotlib.figure import Figure

from benchmarks.tables import read

DOCS = Path(__file__).parent.parent / "docs"
PLOTS = {  # file: figure to draw, label of its axis
    "training": ("target_words_per_second", "target words a second"),
    "decoding": ("pieces_per_second", "output pieces a second, beam 5"),
}


def draw(name: str) -> Figure:
    """A bar for each toolkit and variant, in the order measured."""
    key, label = PLOTS[name]
    rows = read(name)[0].rows
    names = [row["what"] for row in rows]
    colours = ["tab:blue" if name.startswith("seqtext") else "tab:gray" for name in names]
    figure = Figure(figsize=(7, 0.4 * len(rows) + 0.8), layout="constrained")
    axes = figure.add_subplot(xlabel=label)
    axes.bar_label(axes.barh(names, [row[key] for row in rows], color=colours), padding=3)
    axes.invert_yaxis()
    axes.margins(x=0.1)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def main(arguments: Sequence[str]) -> None:
    rcParams["svg.hashsalt"] = "seqtext"  # the same numbers make the same file
    for name in PLOTS:
        draw(name).savefig(DOCS / f"{name}.svg", metadata={"Date": None})
