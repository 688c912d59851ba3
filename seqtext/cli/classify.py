"""``seqtext classify``: lines of text in, labels out."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from seqtext.cli.answers import add_output, open_answers
from seqtext.cli.flags import Parser, config_of
from seqtext.cli.inputs import Row, RowReader, add_input_format
from seqtext.cli.models import add_checkpoints, add_computing, tell_counts
from seqtext.cli.outputs import check_outputs
from seqtext.cli.processes import follow, shared_model
from seqtext.cli.ranks import rank
from seqtext.cli.streams import add_input, as_json, as_row, check_input, lines_of, open_input
from seqtext.errors import ConfigError
from seqtext.inference.config import DecisionConfig, ProcessConfig
from seqtext.inference.records import labelled_fields

if TYPE_CHECKING:
    from seqtext.inference.classifier import Classification, Classifier


def parser() -> Parser:
    """The options. Importing this and asking for help stays light."""
    parser = Parser(
        "classify",
        "CKPT… [--KEY VALUE]…",
        "Label text with a trained classifier, a line a text, and print label<TAB>probability. A text that is"
        " out of scope has the probability of its likeliest label. Where a text can have several labels, all"
        " are printed, separated by commas. With --top_k, each of the likeliest labels has a line,"
        " index<TAB>probability<TAB>label. Tabs separate the columns of a classifier that reads several.",
    )
    add_checkpoints(parser)
    add_input(parser)
    add_input_format(parser)
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
    from seqtext.inference.loading import load_classifier

    with (
        shared_model(options, load_classifier) as classifier,
        open_answers(options) as answers,
        open_input(options.input) as lines,
    ):
        tell_threshold(classifier, config.threshold)
        rows = RowReader(lines, options.input_format, classifier.source_columns)
        for chunk in lines.watched(answers):
            texts = rows.read(chunk, answers.done + 1)
            classified = zip(texts, classifier.classify(texts, **vars(config)), strict=True)
            answers.add(
                chunk,
                [_render(options, i, *pair) for i, pair in enumerate(classified, answers.done)],
            )
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


def _render(options: argparse.Namespace, index: int, text: Row, result: Classification) -> str:
    if options.format == "jsonl":
        record = {"index": index, "text": text, **labelled_fields(result)}
        return lines_of([as_json(record)])
    if options.top_k > 1:
        return lines_of(as_row(str(index), f"{p:.4f}", name) for name, p in result.top)
    chances = ", ".join(f"{p:.4f}" for p in result.probabilities)
    return lines_of([as_row(", ".join(result.labels), chances)])
