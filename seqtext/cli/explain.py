"""``seqtext explain``: decode or classify, and show which words the result comes from."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from seqtext.cli.constraints import SHARED, add_constraints, read_constraints
from seqtext.cli.flags import Parser
from seqtext.cli.inputs import Row, RowReader, add_input_format
from seqtext.cli.models import (
    SEARCH,
    add_checkpoints,
    add_computing,
    add_search,
    check_search,
    load_models,
    settle_search,
    tell_counts,
)
from seqtext.cli.outputs import check_outputs, to_standard_output, write_whole
from seqtext.cli.streams import Input, add_input, check_input, open_input
from seqtext.errors import ConfigError

if TYPE_CHECKING:
    from seqtext.inference.classifier import Classifier
    from seqtext.inference.constraints.options import Constraints
    from seqtext.inference.explanation import Explanation
    from seqtext.inference.generator import Generator

Lines = list[tuple[int, str]]  # with their numbers
_SEARCH = [name for name in SEARCH if name != "replace_unknown"]  # the pieces themselves are shown


def parser() -> Parser:
    """The options. Importing this and asking for help stays light."""
    parser = Parser(
        "explain",
        "CKPT… [--KEY VALUE]…",
        "Decode text, a line a sentence. Show for each word of the output which word of the source it comes"
        " from, and how much of it was copied. With a classifier: label text, and show how much each word"
        " weighed (pooling attention or max).",
    )
    add_checkpoints(parser)
    add_input(parser)
    add_input_format(parser)
    parser.add_argument("--html", metavar="F", help="write a page to look at, instead of text")
    parser.add_argument(
        "--examples", type=int, default=20, metavar="N", help="look at the first N (default: 20)"
    )
    add_search(parser, _SEARCH)
    add_constraints(parser)
    add_computing(parser, exact=True)
    return parser


def run(arguments: Sequence[str]) -> None:
    """Parse, explain, show."""
    options = parser().parse(arguments)
    if options.examples < 1:
        raise ConfigError(f"--examples {options.examples}: expected at least 1")
    check_input(options.input)
    check_outputs([options.input, *options.checkpoints], {"--html": options.html})
    check_search(options)
    constraints = read_constraints(options)
    from seqtext.inference.loading import load

    model = load_models(options, load)
    kind, explain = _explainer(options, model, constraints)
    explanations: list[Explanation] = []
    with open_input(options.input) as lines:
        rows = RowReader(lines, options.input_format, model.source_columns)
        for numbered in _first(lines, options.examples, count=options.input is not None):
            new = explain([row for i, line in numbered for row in rows.read([line], i)])
            if options.html is None:
                for explanation in new:
                    text = explanation.as_text(colours=sys.stdout.isatty())
                    to_standard_output(f"{text}\n".encode())
            explanations += new
    if options.html is not None:
        write_whole(options.html, kind.as_html(explanations), "--html")
    tell_counts(model)


def _explainer(
    options: argparse.Namespace, model: Generator | Classifier, constraints: Constraints
) -> tuple[type[Explanation], Callable[[list[Row]], Sequence[Explanation]]]:
    """The kind of explanation that a model has, and what makes it of rows.

    Raises:
        ConfigError: Options of a search are given for a classifier.
    """
    from seqtext.inference.classifier import Classifier
    from seqtext.inference.explain import OutputExplanation, explain
    from seqtext.inference.explain_labels import LabelExplanation, explain_labels

    if isinstance(model, Classifier):
        searching = [*SHARED, *(name for name in _SEARCH if name != "batch_size")]
        parser().refuse(options, searching, "model that generates text", "a classifier")
        return LabelExplanation, lambda rows: explain_labels(model, rows)
    config = settle_search(options, model)
    return OutputExplanation, lambda rows: explain(model, rows, config, constraints)


def _first(lines: Input, limit: int, *, count: bool) -> Iterator[Lines]:
    """The first lines with text, as they arrive.

    With ``count``, say how many more there are.
    """
    number = taken = more = 0
    for chunk in lines.chunks():
        filled = [(i, line) for i, line in enumerate(chunk, number + 1) if line.strip()]
        number += len(chunk)
        new = filled[: limit - taken]
        taken, more = taken + len(new), more + len(filled) - len(new)
        if new:
            yield new
        if taken == limit and not count:
            return
    if more:
        print(
            f"the first {taken:,} of {taken + more:,} sentences. --examples N shows more",
            file=sys.stderr,
        )
