"""Draw the pictures of docs/performance.md and docs/rule.md."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.tables import Row, Table, read

DOCS = Path(__file__).parent.parent / "docs"
BARS = {  # figure and label of the first table of a file in results/
    "training": ("target_words_per_second", "target words a second"),
    "decoding": ("pieces_per_second", "output pieces a second, beam 5"),
}


class Curves(NamedTuple):
    """What is drawn of a table.

    Args:
        size: The key of the corpus size, and its label.
        figure: The key of our figure, and its label.
        other: The key of the figure to compare with, and who it is of.
    """

    size: tuple[str, str]
    figure: tuple[str, str]
    other: tuple[str, str]


CURVES = (  # of each table of results/curves.jsonl
    Curves(("rows", "words to train on"), ("wer", "words wrong, %"), ("yoyodyne_wer", "yoyodyne")),
    Curves(
        ("rows_a_label", "rows of each label"),
        ("accuracy", "accuracy, %"),
        ("linear_accuracy", "linear model"),
    ),
    Curves(("pairs", "pairs of sentences"), ("bleu", "BLEU"), ("recipe_bleu", "low_resource.yaml")),
)


def draw_bars(name: str) -> Figure:
    """A bar for each toolkit and variant, in the order measured."""
    key, label = BARS[name]
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


def draw_curves() -> Figure:
    """The plain command on corpora of several sizes, beside what else there is."""
    tables = read("curves")
    figure = Figure(figsize=(4 * len(tables), 3.6), layout="constrained")
    all_axes = figure.subplots(1, len(tables), squeeze=False)[0]
    for axes, table, curves in zip(all_axes, tables, CURVES, strict=True):
        _draw_table(axes, table, curves)
    return figure


def _draw_table(axes: Axes, table: Table, curves: Curves) -> None:
    """A colour for each corpus: a line for the plain command, a dashed one for the other."""
    size, label = curves.size
    for number, corpus in enumerate(dict.fromkeys(row["what"] for row in table.rows)):
        rows: list[Row] = [row for row in table.rows if row["what"] == corpus]
        for (key, name), style in ((curves.figure, "o-"), (curves.other, "x--")):
            points = [(row[size], row[key]) for row in rows if key in row]
            shown = corpus if style == "o-" else f"{corpus}, {name}"
            if points:
                axes.plot(*zip(*points, strict=True), style, color=f"C{number}", label=shown)
    axes.set(xscale="log", xlabel=label, ylabel=curves.figure[1])
    sizes = sorted({row[size] for row in table.rows})
    axes.set_xticks(sizes, [f"{count:,}" for count in sizes])
    axes.minorticks_off()
    axes.legend(fontsize="small")
    axes.spines[["top", "right"]].set_visible(False)


def main(arguments: Sequence[str]) -> None:
    rcParams["svg.hashsalt"] = "seqtext"  # the same numbers make the same file
    figures = {name: draw_bars(name) for name in BARS} | {"curves": draw_curves()}
    for name, figure in figures.items():
        figure.savefig(DOCS / f"{name}.svg", metadata={"Date": None})
