"""``seqtext generate``: source lines in, hypotheses out."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

from seqtext.cli.answers import add_output, open_answers
from seqtext.cli.fill import fill_strings
from seqtext.cli.flags import Parser, config_of
from seqtext.cli.hypotheses import add_output_format, record_of, render
from seqtext.cli.inputs import (
    Row,
    RowReader,
    add_input_format,
    read_dictionary,
    strings_format,
)
from seqtext.cli.models import add_checkpoints, add_computing, tell_counts
from seqtext.cli.outputs import check_outputs
from seqtext.cli.processes import ProcessConfig, follow, shared_model
from seqtext.cli.ranks import rank
from seqtext.cli.streams import (
    add_input,
    check_input,
    open_input,
)
from seqtext.errors import ConfigError
from seqtext.search.config import SearchConfig

if TYPE_CHECKING:
    from seqtext.inference.hypothesis import Hypothesis


def parser() -> Parser:
    """The options. Importing this and asking for help stays light."""
    parser = Parser(
        "generate",
        "CKPT… [--KEY VALUE]…",
        "Decode text with a trained model, a line a sentence. With --n_best or several --samples, each"
        " hypothesis has a line, index<TAB>score<TAB>text. A file with the strings of a program gets its"
        " missing translations.",
    )
    add_checkpoints(parser)
    add_input(parser)
    add_input_format(parser)
    add_output(parser)
    add_output_format(parser)
    parser.add_argument(
        "--alignments", action="store_true",
        help="print text<TAB>alignment, as 0-0 1-2: words of the source and of the output",
    )  # fmt: skip
    parser.add_argument(
        "--dictionary", metavar="F",
        help="lines of source word<TAB>translation, for --replace_unknown",
    )  # fmt: skip
    parser.add_fields(SearchConfig)
    add_computing(parser)
    parser.add_fields(ProcessConfig)
    return parser


def run(arguments: Sequence[str]) -> None:
    """Parse and decode."""
    options = parser().parse(arguments)
    check_input(options.input)
    _check(options)
    read = [options.input, options.dictionary, *options.checkpoints]
    check_outputs(read, {"--output": options.output})
    config = config_of(SearchConfig, options)
    if options.alignments:
        config = dataclasses.replace(config, details=True)
    dictionary = {} if options.dictionary is None else read_dictionary(options.dictionary)
    config_of(ProcessConfig, options)
    if rank():
        follow(options)
        return
    if (strings := strings_format(options.input or "-", options.input_format)) is not None:
        fill_strings(options, strings, config, dictionary)
        return
    with open_answers(options) as answers:
        from seqtext.inference.loading import load_generator

        with shared_model(options, load_generator) as generator, open_input(options.input) as lines:
            if options.alignments:
                generator.check_attention()
            generator.dictionary = dictionary
            rows = RowReader(lines, options.input_format, generator.source_columns)
            for chunk in lines.watched(answers):
                sources = rows.read(chunk, answers.done + 1)
                decoded = zip(sources, generator.search(sources, config), strict=True)
                answers.add(
                    chunk,
                    [_render(options, i, *pair) for i, pair in enumerate(decoded, answers.done)],
                )
    tell_counts(generator)


def _check(options: argparse.Namespace) -> None:
    """Refuse options that have no use.

    Raises:
        ConfigError: An option asks for what the format has no place for, or needs another option.
    """
    for name in ("details", "attention"):
        if getattr(options, name) and options.format != "jsonl":
            raise ConfigError(f"--{name}: needs --format jsonl, which has a place for it")
    if options.alignments and options.format == "jsonl":
        raise ConfigError("--alignments: adds a column to text. In --format jsonl give --details")
    if options.dictionary is not None and not options.replace_unknown:
        raise ConfigError("--dictionary: translates unknown words, so it needs --replace_unknown")


def _render(
    options: argparse.Namespace, index: int, source: Row, hypotheses: list[Hypothesis]
) -> str:
    pharaoh = [each.details.pharaoh for each in hypotheses if options.alignments and each.details]
    return render(options, record_of(index, source, hypotheses), pharaoh)
