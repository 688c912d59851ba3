"""``metrics.csv``: a row for every epoch and validation, and a picture of them."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqtext.errors import ConfigError
from seqtext.tasks import LOSS, METRICS
from seqtext.training.run import folder

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Row = dict[str, str]
_LOSSES = ("train_loss", LOSS.key)


class MetricsTable:
    """The table of a run. ``path`` need not exist yet."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def rows(self) -> list[Row]:
        """All rows, first to last."""
        return self._read()[1]

    def _read(self) -> tuple[list[str], list[Row]]:
        """Names of the columns, and the rows. Both are empty if there is no file."""
        if not self._path.exists():
            return [], []
        with self._path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            return list(reader.fieldnames or []), list(reader)

    def append(self, row: dict[str, object]) -> None:
        """Add a row. The first row says which columns the table has."""
        header, rows = self._read()
        self._write(header or list(row), [*rows, row])

    def _write(self, header: list[str], rows: list[dict[str, Any]]) -> None:
        with (
            folder.replacing(self._path) as part,
            part.open("w", newline="", encoding="utf-8") as file,
        ):
            writer = csv.DictWriter(file, header, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)

    def forget_after(self, step: int) -> None:
        """Drop the rows that a run wrote after the checkpoint that it resumes from.

        Raises:
            ConfigError: The file is no such table.
        """
        try:
            header, rows = self._read()
            rows = [row for row in rows if int(row["step"]) <= step]
            curves_of(rows)  # after the next epoch they are drawn
        except (KeyError, TypeError, ValueError, csv.Error) as error:
            raise ConfigError(
                f"run: {self._path}: not the table that a run writes ({type(error).__name__}:"
                f" {error!s:.100}); move it away, then resume"
            ) from error
        if rows:
            self._write(header, rows)
        else:
            self._path.unlink(missing_ok=True)


def curves_of(rows: list[Row]) -> dict[str, tuple[list[int], list[float]]]:
    """Steps and values of each curve."""
    return {
        name: ([int(row["step"]) for row in having], [float(row[name]) for row in having])
        for name in (*_LOSSES, *METRICS)
        if (having := [row for row in rows if row.get(name)])
    }


def draw_curves(rows: list[Row]) -> Figure:
    """Losses and scores over steps, each from the rows that have it."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    curves = curves_of(rows)
    figure = Figure(figsize=(9, 4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot(xlabel="updates", ylabel="loss (nats)")
    axes.xaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True))
    axes.grid(alpha=0.3)
    for name in _LOSSES:
        if name in curves:
            axes.plot(*curves[name], marker=".", label=name)
    if scores := [name for name in METRICS if name in curves]:
        right = axes.twinx()
        right.set_ylabel("validation score")
        for i, name in enumerate(scores):
            right.plot(*curves[name], ("k.--", "k.:", "k.-.")[i % 3], label=name)
        right.set_ylim(bottom=0)
    figure.legend(loc="outside right upper")  # beside the axes, where no curve is
    return figure
