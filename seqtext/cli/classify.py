"""``seqtext classify``: lines of text in, labels out."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from seqtext.cli.answers import add_output, open_answers
from seqtext.cli.flags import Parser, config_of
from seqtext.cli.models import add_checkpoints, add_computing, tell_counts
from seqtext.cli.outputs import check_outputs
from seqtext.cli.processes import ProcessConfig, follow, shared_model
from seqtext.cli.ranks import rank
from seqtext.cli.streams import add_input, as_json, as_row, check_input, lines_of, open_input
from seqtext.errors import ConfigError
from seqtext.inference.config import DecisionConfig

if TYPE_CHECKING:
    from seqtext.inference.classifier import Classification, Classifier, Text


def parser() -> Parser:
    """The options. Importing this and asking for help stays light."""
    parser = Parser(
        "classify",
        "CKPT… [--KEY VALUE]…",
        "Label text with a trained classifier, a line a text, and print label<TAB>probability. A text that is"
        " out of scope has the probability of its likeliest label. Where a text can have several labels, all"
        " are printed, separated by commas. With --top_k, each of the likeliest labels has a line,"
        " index<TAB>probability<TAB>label. A classifier of two texts reads them separated by a tab.",
    )
    add_checkpoints(parser)
    add_input(parser)
    add_output(parser)
    parser.add_argument(
        "--format", choices=("text", "jsonl"), default="text", help="jsonl: one object a text"
    )
    parser.add_fields(DecisionConfig)
    add_computing(parser)
    parser.add_fields(ProcessConfig)
    return parser


def run(arguments: Sequence[str]) -> None:
    """Parse and classify."""
    options = parser().parse(arguments)
    config = config_of(DecisionConfig, options)
    config_of(ProcessConfig, options)
    if config.top_k > 1 and config.threshold is not None and options.format == "text":
        raise ConfigError(
            "--top_k: lists likely labels, whatever --threshold decides. --format jsonl prints both"
        )
    check_input(options.input)
    check_outputs([options.input, *options.checkpoints], {"--output": options.output})
    if rank():
        follow(options)
        return
    with open_answers(options) as answers:
        from seqtext.inference.loading import load_classifier

        with (
            shared_model(options, load_classifier) as classifier,
            open_input(options.input) as lines,
        ):
            tell_threshold(classifier, config.threshold)
            for chunk in lines.watched(answers):
                done = answers.done
                results = classifier.classify(
                    [text_of(line, classifier, i) for i, line in enumerate(chunk, done + 1)],
                    **vars(config),
                )
                rows = enumerate(zip(chunk, results, strict=True), done)
                answers.add(chunk, [_render(options, i, *row) for i, row in rows])
    tell_counts(classifier)


def tell_threshold(classifier: Classifier, given: float | None) -> None:
    """Say that an ensemble calls nothing out of scope without ``--threshold``."""
    if (
        given is None
        and len(classifier.networks) > 1
        and classifier.labels.out_of_scope is not None
    ):
        print(
            "an ensemble has no threshold of its own: without --threshold nothing is"
            f" {classifier.labels.out_of_scope}",
            file=sys.stderr,
        )


def text_of(line: str, classifier: Classifier, number: int) -> Text:
    """A line as the classifier reads it: one text, or two separated by a tab."""
    if not classifier.pairs:
        return line
    parts = line.split("\t")
    if len(parts) != 2:
        raise ConfigError(
            f"line {number}: {len(parts)} text(s) separated by tabs, expected two. This classifier reads"
            f" {classifier.columns[0]}"
        )
    return parts[0], parts[1]


def _render(options: argparse.Namespace, index: int, line: str, result: Classification) -> str:
    if options.format == "jsonl":
        record = {
            "index": index,
            "text": line,
            "labels": result.labels,
            "probabilities": [round(p, 6) for p in result.probabilities],
            "top": [{"label": name, "probability": round(p, 6)} for name, p in result.top],
        }
        return lines_of([as_json(record)])
    if options.top_k > 1:
        return lines_of(as_row(str(index), f"{p:.4f}", name) for name, p in result.top)
    chances = ", ".join(f"{p:.4f}" for p in result.probabilities)
    return lines_of([as_row(", ".join(result.labels), chances)])
