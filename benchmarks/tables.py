"""Write benchmarks/results.md from lessons.md and the measurements in results/.

    python -m benchmarks tables
    python -m benchmarks tables --check    # fails if the page is not what the data give

Each file in results/ is a section of the page. Each line of a file is a JSON object of one of two kinds:

- A head has a "title". It starts a table. Its other keys hold for all rows of the table.
- A row is one measurement, as ``common.report`` prints it. It can override what its head says.

The key "what" names the configuration that was measured. The keys in ``CONTEXT`` say how it was measured. All
other keys of a row are figures, and their names contain the unit. A head can set these keys for the table:

- "columns": the figures to show and their order. Default: all.
- "name": the keys that name a row. Default: "what".
- "across": a key whose values become columns, as "lag" does for "accuracy".
- "mean_over": a key, as "seed". Rows that differ only in it become one, with mean and standard deviation.

A figure is a number, a text, a list, or a range: {"from": 1, "to": 2}.

To add a measurement, append the printed rows to a file, below a head. Then run this script.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

Row = dict[str, Any]

FOLDER = Path(__file__).parent
PAGE, LESSONS, RESULTS = FOLDER / "results.md", FOLDER / "lessons.md", FOLDER / "results"
SECTIONS = {  # in the order of the page
    "machines": "Machines",
    "translation": "Translation",
    "ablations": "One choice at a time: Multi30k in ten minutes",
    "little_data": "Fine-tuning and few pairs",
    "little": "Little data, and no options",
    "curves": "Little data, and no options: corpora of several sizes",
    "transduction": "Pronunciations",
    "summarization": "Summaries and code",
    "classification": "Labels",
    "small_labels": "Labels of few rows",
    "made_data": "Training pairs made of training pairs",
    "cells": "Recurrent cells",
    "training": "Speed of training",
    "decoding": "Speed of decoding",
    "serving": "Start-up, the runtime and the server",
    "choosing": "Choosing among hypotheses",
    "documents": "Documents",
    "search_options": "Options of a search",
    "constraints": "Constraints on outputs",
    "costs": "Other costs",
    "h100": "One H100",
    "h200": "One H200",
}
TABLE = ("title", "columns", "name", "across", "mean_over")  # keys that only a head has
SHOWN = ("date", "machine", "threads", "seeds", "setting")  # a column where rows differ
CONTEXT = (
    *SHOWN,
    "what",
    "task",
    "command",
    "note",
    "seed",
    "python",
    "versions",
    "processor",
    "processors",
    "load",
    "device",
    "cudnn",
    "peer",
    "network",
)
LABELS = {
    "wer": "WER, %",
    "ser": "wrong phones, %",
    "chrf": "chrF2",
    "val_loss": "validation loss",
    "p50_ms": "median ms",
    "p95_ms": "95th percentile ms",
    "rougeL": "ROUGE-L",
}
WORDS = {
    "bleu": "BLEU",
    "chrf": "chrF2",
    "wer": "WER",
    "mib": "MiB",
    "rouge1": "ROUGE-1",
    "rouge2": "ROUGE-2",
    "gflops": "GFLOP/s",
    "percent": "%",
    "cudnn": "cuDNN",
    "gib": "GiB",
    "lstm": "LSTM",
    "pytorch": "PyTorch",
    "opennmt": "OpenNMT-py",
    "lightning": "Lightning",
    "f1": "F1",
}


class Table(NamedTuple):
    """A head and its rows."""

    head: Row
    rows: list[Row]

    def full_rows(self) -> list[Row]:
        """Each row with what it inherits from the head."""
        shared = {key: value for key, value in self.head.items() if key not in TABLE}
        return [{**shared, **row} for row in self.rows]


def read(name: str, folder: Path = RESULTS) -> list[Table]:
    """The tables of ``name``.jsonl."""
    tables: list[Table] = []
    path = folder / f"{name}.jsonl"
    for number, line in enumerate(path.read_text(encoding="utf-8").rstrip("\n").split("\n"), 1):
        row = json.loads(line)
        if "title" in row:
            tables.append(Table(row, []))
        elif tables:
            tables[-1].rows.append(row)
        else:
            sys.exit(f"{path}:{number}: a row without a head. Begin with a line that has a title.")
    return tables


# --- one table ------------------------------------------------------------------------------------------


def combined(table: Table) -> list[Row]:
    """The rows as the page shows them, after "across" and "mean_over"."""
    rows = table.rows
    if over := table.head.get("mean_over"):
        rows = [_mean(group, over) for group in _groups(rows, _names(table, [over])).values()]
    if across := table.head.get("across"):
        names = _names(table, [across])
        rows = [_spread(group, names, across) for group in _groups(rows, names).values()]
    return rows


def _names(table: Table, without: Sequence[str]) -> list[str]:
    """The keys that tell rows apart."""
    keys = [*table.head.get("name", ["what"]), table.head.get("across")]
    return [key for key in keys if key and key not in without]


def _groups(rows: Iterable[Row], keys: Sequence[str]) -> dict[tuple[Any, ...], list[Row]]:
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row.get(key) for key in keys), []).append(row)
    return groups


def _mean(rows: list[Row], over: str) -> Row:
    """One row with mean and standard deviation of each number that differs."""
    mean = {key: value for key, value in rows[0].items() if key != over}
    for key, value in list(mean.items()):
        values = [row[key] for row in rows]
        if _is_number(value) and len(set(values)) > 1:
            middle, deviation = statistics.mean(values), statistics.stdev(values)
            form = ".1e" if middle >= 100_000 else ",.0f" if middle >= 100 else ",.1f"
            mean[key] = f"{middle:{form}} ± {deviation:{form}}"
    return mean


def _spread(rows: list[Row], names: list[str], across: str) -> Row:
    """One row whose figures have the values of ``across`` in their names."""
    spread = {key: value for key, value in rows[0].items() if key in (*CONTEXT, *names)}
    for row in rows:
        figures = {key: value for key, value in row.items() if key not in (*spread, across)}
        spread |= {f"{key}, {across} {row[across]}": value for key, value in figures.items()}
    return spread


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def label(key: str) -> str:
    """What a column is called: the name of its figure, in words."""
    if key in LABELS:
        return LABELS[key]
    name, *rest = key.split(", ")
    words = [WORDS.get(word, word) for word in name.split("_")]
    return ", ".join([LABELS.get(name, " ".join(words)), *rest])


def cells_of(values: Sequence[Any]) -> list[str]:
    """A column as texts. All its floats get as many decimals as the longest has."""
    decimals = max(map(_decimals, values), default=0)

    def cell(value: Any) -> str:
        if isinstance(value, list):
            return ", ".join(map(cell, value))
        if isinstance(value, dict):  # a range
            return f"{cell(value['from'])} to {cell(value['to'])}"
        if isinstance(value, float):
            return f"{value:,.{decimals}f}"
        return f"{value:,}" if _is_number(value) else "" if value is None else str(value)

    return [cell(value) for value in values]


def _decimals(value: Any) -> int:
    """Decimals of a number, or the most in a list or a range."""
    if isinstance(value, list | dict):
        parts = value.values() if isinstance(value, dict) else value
        return max(map(_decimals, parts), default=0)
    if not isinstance(value, float) or not math.isfinite(value):
        return 0
    return max(0, -int(Decimal(repr(value)).as_tuple().exponent))


def lines_of(table: Table) -> list[str]:
    """The table in Markdown, with what its rows share above it."""
    head, rows = table.head, combined(table)
    names = head.get("name", ["what"])
    figures = dict.fromkeys(key for row in rows for key in row if key not in (*CONTEXT, *names))
    columns = [key for key in head.get("columns", figures) if any(key in row for row in rows)]
    shared, differ = split_context(head, rows)
    differ = [key for key in differ if key not in names]
    lines = [f"### {head['title']}"]
    if said := context(shared):
        lines += ["", said]
    commands = head.get("command", [])
    if commands:
        commands = [commands] if isinstance(commands, str) else commands
        lines += ["", "```sh", *commands, "```"]
    if rows:
        keys = [*names, *columns, *differ]
        cells = [
            cells_of([row.get(key, head.get(key) if key in differ else None) for row in rows])
            for key in keys
        ]
        titles = ["" if key == "what" else label(key) for key in keys]
        kinds = [
            "---" if key in (*names, *differ) or _is_text(rows, key) else "---:" for key in keys
        ]
        lines += [
            "",
            _line(titles),
            _line(kinds),
            *(_line(row) for row in zip(*cells, strict=True)),
        ]
    notes = head.get("note", [])
    lines += ["", *([notes] if isinstance(notes, str) else notes)] if notes else []
    return lines


def split_context(head: Row, rows: list[Row]) -> tuple[Row, list[str]]:
    """Values of ``SHOWN`` that all rows share, and the keys whose values differ."""
    shared: Row = {}
    differ = []
    for key in SHOWN:
        values = [row.get(key, head.get(key)) for row in rows or [head]]
        if any(value != values[0] for value in values):
            differ.append(key)
        elif values[0] is not None:
            shared[key] = values[0]
    return shared, differ


def _is_text(rows: list[Row], key: str) -> bool:
    return any(isinstance(row.get(key), str) and "±" not in row[key] for row in rows)


def context(shared: Row) -> str:
    """What all rows share, as short sentences: date, machine, threads, seeds and setting."""
    said = dict(shared)
    if isinstance(setting := said.get("setting"), dict):
        del said["setting"]
        said |= setting
    parts = [f"{_capital(label(key))}: {cells_of([value])[0]}." for key, value in said.items()]
    return " ".join(parts)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _line(cells: Iterable[str]) -> str:
    escaped = [cell.replace("|", r"\|") for cell in cells]
    return "|" + "".join(f" {cell} |" if cell else " |" for cell in escaped)


# --- the page -------------------------------------------------------------------------------------------


def page() -> str:
    """results.md."""
    unknown = {path.stem for path in RESULTS.glob("*.jsonl")} ^ set(SECTIONS)
    if unknown:
        sys.exit(f"tables.py: SECTIONS and results/ differ in {', '.join(sorted(unknown))}")
    links = [f"- [{title}](#{_anchor(title)})" for title in SECTIONS.values()]
    parts = [LESSONS.read_text(encoding="utf-8").rstrip(), "## Tables", "\n".join(links)]
    for name, title in SECTIONS.items():
        source = f"Data: [results/{name}.jsonl](results/{name}.jsonl)"
        parts += [f"## {title}", source]
        parts += ["\n".join(lines_of(table)) for table in read(name)]
    return "\n\n".join(parts) + "\n"


def _anchor(title: str) -> str:
    """The anchor that GitHub gives to a heading."""
    kept = "".join(one for one in title.lower() if one.isalnum() or one in " -")
    return kept.replace(" ", "-")


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks tables",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--check", action="store_true", help="write nothing; fail on a difference")
    options = parser.parse_args(arguments)
    if not options.check:
        PAGE.write_text(page(), encoding="utf-8")
    elif PAGE.read_text(encoding="utf-8") != page():
        sys.exit("results.md is not what the data give. Run: python -m benchmarks tables")
