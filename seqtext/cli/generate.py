"""``seqtext generate``: source lines in, hypotheses out."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

from seqtext.cli.answers import add_output, note_content, open_answers
from seqtext.cli.constraints import OF_SOURCE, add_constraints, read_constraints
from seqtext.cli.fill import fill_strings
from seqtext.cli.flags import Parser, config_of, names_of
from seqtext.cli.hypotheses import add_output_format, record_of, render
from seqtext.cli.inputs import Row, RowReader, add_input_format, read_dictionary, strings_format
from seqtext.cli.models import (
    add_checkpoints,
    add_computing,
    add_search,
    check_search,
    settle_search,
    tell_counts,
)
from seqtext.cli.outputs import check_outputs
from seqtext.cli.processes import follow, shared_model
from seqtext.cli.ranks import rank
from seqtext.cli.row_constraints import source_constraints
from seqtext.cli.single_output import refuse_options
from seqtext.cli.streams import (
    add_input,
    as_json,
    as_line,
    check_input,
    lines_of,
    open_input,
)
from seqtext.errors import ConfigError
from seqtext.inference.config import ProcessConfig
from seqtext.inference.records import hypothesis_fields
from seqtext.search.config import SearchConfig

if TYPE_CHECKING:
    from seqtext.inference.constraints.options import Constraints
    from seqtext.inference.documents import Document
    from seqtext.inference.generator import Generator
    from seqtext.inference.hypothesis import Hypothesis


# why options have no use where a line is several sentences
_OF_LINES = {
    **dict.fromkeys(("n_best", "samples"), "The sentences of a line are joined to one output"),
    "scores": "Each sentence of a line has its own score. --format jsonl has them",
    "alignments": "Its words are those of one sentence, and a line has several",
    **dict.fromkeys(("details", "attention"), "They are of one sentence, and a line has several"),
    **dict.fromkeys(
        OF_SOURCE, "It is of a line, and nobody knows which of the line's sentences it is for"
    ),
    "prefix": "The output of every sentence of a line would begin with it",
    "outputs": "The output of every sentence of a line would be one of these",
}


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
        "--split_sentences", metavar="LANGUAGE",
        help="cut each line into its sentences, and join their outputs to a line: for paragraphs of any"
        " length. LANGUAGE is the code of the source's language, such as en. Needs sentencex",
    )  # fmt: skip
    parser.add_argument(
        "--alignments", action="store_true",
        help="print text<TAB>alignment, as 0-0 1-2: words of the source and of the output",
    )  # fmt: skip
    parser.add_argument(
        "--dictionary", metavar="F",
        help="lines of source word<TAB>translation, for --replace_unknown",
    )  # fmt: skip
    add_search(parser, names_of(SearchConfig))
    add_constraints(parser, of_source=True)
    add_computing(parser)
    parser.add_fields(ProcessConfig)
    return parser


def run(arguments: Sequence[str]) -> None:
    """Parse and decode."""
    options = parser().parse(arguments)
    check_input(options.input)
    check_search(options)
    _check(options)
    read = [options.input, options.dictionary, *options.checkpoints]
    check_outputs(read, {"--output": options.output})
    if options.split_sentences is not None:
        _check_documents(options)
    dictionary = _read_dictionary(options)
    config_of(ProcessConfig, options)
    if rank():
        follow(options)
        return
    if (strings := strings_format(options.input or "-", options.input_format)) is not None:
        fill_strings(options, strings, dictionary)
        return
    shared = read_constraints(options)
    from seqtext.inference.loading import load_generator

    with shared_model(options, load_generator) as generator:
        config = settle_search(options, generator)
        if options.alignments:
            generator.check_attention()
            config = dataclasses.replace(config, details=True)
        generator.dictionary = dictionary
        with (
            source_constraints(options, shared) as own,
            open_answers(options) as answers,
            open_input(options.input) as lines,
        ):
            rows = RowReader(lines, options.input_format, generator.source_columns, own.columns)
            own.check_files(lines, generator.tokenizers.target)
            for chunk in lines.watched(answers, lambda line: answers.skip(*own.take([line]))):
                taken = own.take(chunk)
                sources = rows.read(chunk, answers.done + 1)
                constraints = own.read(rows.others)
                rendered = _answer(options, generator, config, constraints, sources, answers.done)
                answers.add(taken, rendered)
            own.finish()
    tell_counts(generator)


def _read_dictionary(options: argparse.Namespace) -> dict[str, str]:
    if options.dictionary is None:
        return {}
    dictionary = read_dictionary(options.dictionary)
    note_content(options, "dictionary", dictionary)
    return dictionary


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


def _check_documents(options: argparse.Namespace) -> None:
    """Refuse options that ``--split_sentences`` has no use for.

    Raises:
        ConfigError: One is given. Or the language is none, or a package is missing.
    """
    from seqtext.inference.documents import load_segmenter

    if (strings := strings_format(options.input or "-", options.input_format)) is not None:
        raise ConfigError(
            f"--input_format {strings}: not with --split_sentences. A text of a program is translated as a"
            " whole"
        )
    refuse_options(
        options,
        {name: f"not with --split_sentences. {reason}" for name, reason in _OF_LINES.items()},
    )
    try:
        load_segmenter(options.split_sentences)
    except ConfigError as error:
        raise ConfigError(f"--split_sentences: {str(error).removeprefix('language: ')}") from error


def _answer(
    options: argparse.Namespace,
    generator: Generator,
    config: SearchConfig,
    constraints: Constraints,
    sources: list[Row],
    first: int,
) -> list[str]:
    """The answers to some sources. ``first`` is the index of the first source."""
    if options.split_sentences is None:
        decoded = zip(sources, generator.search(sources, config, constraints), strict=True)
        several = config.outputs > 1
        return [
            _render(options, i, *pair, several=several) for i, pair in enumerate(decoded, first)
        ]
    from seqtext.inference.documents import generate_documents

    documents = generate_documents(generator, sources, options.split_sentences, config, constraints)
    pairs = zip(sources, documents, strict=True)
    return [_render_document(options, i, *pair) for i, pair in enumerate(pairs, first)]


def _render(
    options: argparse.Namespace,
    index: int,
    source: Row,
    hypotheses: list[Hypothesis],
    *,
    several: bool,
) -> str:
    pharaoh = [each.details.pharaoh for each in hypotheses if options.alignments and each.details]
    return render(options, record_of(index, source, hypotheses), pharaoh, several=several)


def _render_document(
    options: argparse.Namespace, index: int, source: Row, document: Document
) -> str:
    if options.format == "text":
        return lines_of([as_line(document.text)])
    decoded = zip(document.sources, document.hypotheses, strict=True)
    sentences = [{"source": text, **hypothesis_fields(best)} for text, best in decoded]
    record = {"index": index, "source": source, "text": document.text, "sentences": sentences}
    return lines_of([as_json(record)])
