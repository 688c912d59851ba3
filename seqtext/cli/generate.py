"""``seqtext generate``: source lines in, hypotheses out."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from seqtext.cli.answers import add_output, open_answers
from seqtext.cli.constraints import add_constraints, read_constraints, source_constraints
from seqtext.cli.fill import fill_strings
from seqtext.cli.flags import Parser, config_of
from seqtext.cli.inputs import Row, RowReader, add_input_format, strings_format
from seqtext.cli.models import add_checkpoints, add_computing, tell_counts
from seqtext.cli.outputs import check_outputs
from seqtext.cli.processes import ProcessConfig, follow, shared_model
from seqtext.cli.ranks import rank
from seqtext.cli.streams import (
    add_input,
    as_json,
    as_line,
    as_row,
    check_input,
    lines_of,
    open_input,
)
from seqtext.search.config import SearchConfig

if TYPE_CHECKING:
    from seqtext.inference.hypothesis import Hypothesis


def parser() -> Parser:
    """The options. Importing this and asking for help stays light."""
    parser = Parser(
        "generate",
        "CKPT… [--KEY VALUE]…",
        "Decode text with a trained model, a line a sentence. With --n_best, each hypothesis has a line,"
        " index<TAB>score<TAB>text. A file with the strings of a program gets its missing translations.",
    )
    add_checkpoints(parser)
    add_input(parser)
    add_input_format(parser)
    add_output(parser)
    parser.add_argument("--scores", action="store_true", help="print score<TAB>text")
    parser.add_argument(
        "--format", choices=("text", "jsonl"), default="text",
        help="jsonl: one object a sentence, with scores and pieces of its hypotheses",
    )  # fmt: skip
    parser.add_fields(SearchConfig)
    add_constraints(parser, of_source=True)
    add_computing(parser)
    parser.add_fields(ProcessConfig)
    return parser


def run(arguments: Sequence[str]) -> None:
    """Parse and decode."""
    options = parser().parse(arguments)
    check_input(options.input)
    check_outputs([options.input, *options.checkpoints], {"--output": options.output})
    config = config_of(SearchConfig, options)
    config_of(ProcessConfig, options)
    if rank():
        follow(options)
        return
    if (strings := strings_format(options.input or "-", options.input_format)) is not None:
        fill_strings(options, strings, config)
        return
    shared = read_constraints(options)
    with source_constraints(options, shared) as own, open_answers(options) as answers:
        from seqtext.inference.loading import load_generator

        with shared_model(options, load_generator) as generator, open_input(options.input) as lines:
            rows = RowReader(lines, options.input_format, generator.source_columns, own.columns)
            own.skip(answers.done)
            for chunk in lines.watched(answers):
                sources = rows.read(chunk, answers.done + 1)
                constraints = own.read(len(sources), rows.others)
                found = generator.search(sources, config, constraints)
                decoded = zip(sources, found, strict=True)
                answers.add(
                    chunk,
                    [_render(options, i, *pair) for i, pair in enumerate(decoded, answers.done)],
                )
            own.finish()
    tell_counts(generator)


def _render(
    options: argparse.Namespace, index: int, source: Row, hypotheses: list[Hypothesis]
) -> str:
    best = hypotheses[0]
    if options.format == "jsonl":
        fields = ("text", "score", "log_prob", "pieces", "at_limit")
        told = [{name: getattr(each, name) for name in fields} for each in hypotheses]
        return lines_of([as_json({"index": index, "source": source, "hypotheses": told})])
    if options.n_best > 1:
        return lines_of(as_row(str(index), f"{each.score:.4f}", each.text) for each in hypotheses)
    return lines_of(
        [as_row(f"{best.score:.4f}", best.text) if options.scores else as_line(best.text)]
    )
