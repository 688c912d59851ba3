"""The pictures of docs/performance.md, from what peers.py has printed.

python benchmarks/plots.py          # benchmarks/results/*.jsonl -> docs/*.svg
"""

from __future__ import annotations

import json
from typing import Any

from common import REPOSITORY
from matplotlib import rcParams
from matplotlib.figure import Figure

PLOTS = {  # file: the number drawn, its name, what the row's name starts with
    "training": ("target_words_per_second", "target words a second", "training, "),
    "decoding": ("pieces_per_second", "output pieces a second, beam 5", "decoding, "),
}


def draw(name: str) -> Figure:
    """A bar for each toolkit and variant, in the order measured."""
    figure_of, label, prefix = PLOTS[name]
    lines = (REPOSITORY / f"benchmarks/results/{name}.jsonl").read_text().splitlines()
    rows: list[dict[str, Any]] = [json.loads(line) for line in lines]
    names = [row["what"].removeprefix(prefix) for row in rows]
    colours = ["tab:blue" if one.startswith("seqtext") else "tab:gray" for one in names]
    figure = Figure(figsize=(7, 0.4 * len(rows) + 0.8), layout="constrained")
    axes = figure.add_subplot(xlabel=label)
    axes.bar_label(axes.barh(names, [row[figure_of] for row in rows], color=colours), padding=3)
    axes.invert_yaxis()
    axes.margins(x=0.1)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def main() -> None:
    rcParams["svg.hashsalt"] = "seqtext"  # the same numbers make the same file
    for name in PLOTS:
        if (REPOSITORY / f"benchmarks/results/{name}.jsonl").exists():
            draw(name).savefig(REPOSITORY / f"docs/{name}.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
