"""How outputs are written: as text, a line each, or as JSON lines."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from seqtext.cli.inputs import Row
from seqtext.cli.streams import as_json, as_line, as_row, lines_of
from seqtext.inference.records import Fields, decoded_fields

if TYPE_CHECKING:
    from seqtext.inference.hypothesis import Hypothesis


def add_output_format(parser: argparse.ArgumentParser) -> None:
    """``--scores --format FORMAT``."""
    parser.add_argument("--scores", action="store_true", help="print score<TAB>text")
    parser.add_argument(
        "--format", choices=("text", "jsonl"), default="text",
        help="jsonl: one object a sentence, with scores and pieces of its hypotheses",
    )  # fmt: skip


def record_of(index: int, source: Row, hypotheses: Sequence[Hypothesis]) -> Fields:
    """The JSON object of a source. ``hypotheses`` have details, or have none."""
    return {"index": index, "source": source, **decoded_fields(hypotheses)}


def render(
    options: argparse.Namespace,
    record: Mapping[str, Any],
    pharaoh: Sequence[str],
    *,
    several: bool,
) -> str:
    """The lines of a source.

    Args:
        options: ``scores`` and ``format``.
        record: See ``record_of``.
        pharaoh: The alignment of each hypothesis, or nothing, as a last column.
        several: Whether a source may have several hypotheses. Then each line has index and score.
    """
    if options.format == "jsonl":
        return lines_of([as_json(record)])
    lines = list[str]()
    for place, each in enumerate(record["hypotheses"]):
        columns = [str(record["index"])] if several else []
        columns += [f"{each['score']:.4f}"] if several or options.scores else []
        columns += [each["text"], *pharaoh[place : place + 1]]
        lines.append(as_row(*columns) if columns[1:] else as_line(each["text"]))
    return lines_of(lines)
