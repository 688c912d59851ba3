"""The picture of a run."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from seqtext.training.run.metrics_table import draw_curves

ROWS = [
    {"step": "10", "train_loss": "3.5", "val_loss": "", "val_wer": ""},
    {"step": "20", "train_loss": "2.5", "val_loss": "2.0", "val_wer": "0.0"},
    {"step": "30", "train_loss": "2.0", "val_loss": "", "val_wer": ""},
    {"step": "40", "train_loss": "1.5", "val_loss": "1.25", "val_wer": "61.5"},
]


def curves_of(rows: list[dict[str, str]]) -> dict[str, tuple[list[float], list[float]]]:
    lines: list[Any] = [line for axes in draw_curves(rows).axes for line in axes.get_lines()]
    data = {line.get_label(): line.get_data() for line in lines}
    return {label: (list(x), list(y)) for label, (x, y) in data.items()}


def test_validation_rarer_than_a_row_is_drawn() -> None:
    assert curves_of(ROWS) == {
        "train_loss": ([10, 20, 30, 40], [3.5, 2.5, 2.0, 1.5]),
        "val_loss": ([20, 40], [2.0, 1.25]),
        "val_wer": ([20, 40], [0.0, 61.5]),
    }


@pytest.mark.parametrize("rows", [ROWS, ROWS[:1], ROWS[1:2]])
def test_the_legend_covers_no_curve(rows: list[dict[str, str]], tmp_path: Path) -> None:
    figure = draw_curves(rows)
    figure.savefig(tmp_path / "a.png")  # lays out
    [legend] = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == list(curves_of(rows))
    for axes in figure.axes:
        assert axes.get_legend() is None
        box = axes.get_tightbbox()
        assert box is not None and legend.get_window_extent().x0 >= box.x1


def test_the_average_of_the_best_adds_no_point(trained: Path) -> None:
    with (trained / "metrics.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert (trained / "result.json").exists()
    steps, losses = curves_of(rows)["val_loss"]
    assert steps == sorted(set(steps)) and len(steps) == len(losses) == 2
