"""How outputs are written: as text, a line each, or as JSON lines."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from seqtext.cli.inputs import Row
from seqtext.cli.streams import as_json, as_line, as_row, lines_of

if TYPE_CHECKING:
    from seqtext.inference.hypothesis import Hypothesis
    from seqtext.inference.score import Score

Fields = dict[str, Any]  # of a JSON object
_DIGITS = 6


def add_output_format(parser: argparse.ArgumentParser) -> None:
    """``--scores --format FORMAT``."""
    parser.add_argument("--scores", action="store_true", help="print score<TAB>text")
    parser.add_argument(
        "--format", choices=("text", "jsonl"), default="text",
        help="jsonl: one object a sentence, with scores and pieces of its hypotheses",
    )  # fmt: skip


def record_of(index: int, source: Row, hypotheses: Sequence[Hypothesis]) -> Fields:
    """The JSON object of a source. ``hypotheses`` have details, or have none."""
    record: Fields = {"index": index, "source": source}
    if (details := hypotheses[0].details) is not None:
        record |= source_fields(details)
    record["hypotheses"] = [
        hypothesis_fields(each) | ({} if each.details is None else score_fields(each.details))
        for each in hypotheses
    ]
    return record


def hypothesis_fields(hypothesis: Hypothesis) -> Fields:
    """What JSON lines tell of each hypothesis."""
    names = ("text", "score", "log_prob", "pieces", "at_limit")
    return {name: getattr(hypothesis, name) for name in names}


def source_fields(score: Score) -> Fields:
    """What a score says of its source."""
    return {"source_words": score.source_words, "source_pieces": score.source_pieces}


def score_fields(score: Score) -> Fields:
    """What a score says of its target."""
    fields: Fields = {
        "log_probs": [round(value, _DIGITS) for value in score.log_probs],
        "words": [
            {
                "text": word.text,
                "log_prob": round(word.log_prob, _DIGITS),
                "probability": round(word.probability, _DIGITS),
            }
            for word in score.words
        ],
        "alignment": score.alignment,
    }
    if score.attention is not None and score.copied is not None:
        fields["attention"] = [[round(share, _DIGITS) for share in row] for row in score.attention]
        fields["copied"] = [round(share, _DIGITS) for share in score.copied]
    return fields


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
