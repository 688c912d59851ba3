"""``seqtext generate``: source lines in, hypotheses out."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from seqtext.cli.answers import add_output, open_answers
from seqtext.cli.fill import fill_strings
from seqtext.cli.flags import Parser, config_of
from seqtext.cli.inputs import Row, RowReader, add_input_format, strings_format
from seqtext.cli.models import (
    add_checkpoints,
    add_computing,
    add_search,
    check_search,
    settle_search,
    tell_counts,
)
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
from seqtext.errors import ConfigError

if TYPE_CHECKING:
    from seqtext.inference.documents import Document
    from seqtext.inference.generator import Generator
    from seqtext.inference.hypothesis import Hypothesis
    from seqtext.search.config import SearchConfig


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
        "--split_sentences", metavar="LANGUAGE",
        help="cut each line into its sentences, and join their outputs to a line: for paragraphs of any"
        " length. LANGUAGE is the code of the source's language, such as en. Needs sentencex",
    )  # fmt: skip
    parser.add_argument(
        "--format", choices=("text", "jsonl"), default="text",
        help="jsonl: one object a sentence, with scores and pieces of its hypotheses",
    )  # fmt: skip
    add_search(parser, n_best=True)
    add_computing(parser)
    parser.add_fields(ProcessConfig)
    return parser


def run(arguments: Sequence[str]) -> None:
    """Parse and decode."""
    options = parser().parse(arguments)
    check_input(options.input)
    check_outputs([options.input, *options.checkpoints], {"--output": options.output})
    check_search(options)
    if options.split_sentences is not None:
        _check_documents(options)
    config_of(ProcessConfig, options)
    if rank():
        follow(options)
        return
    if (strings := strings_format(options.input or "-", options.input_format)) is not None:
        fill_strings(options, strings)
        return
    from seqtext.inference.loading import load_generator

    with shared_model(options, load_generator) as generator:
        config = settle_search(options, generator)
        with open_answers(options) as answers, open_input(options.input) as lines:
            rows = RowReader(lines, options.input_format, generator.source_columns)
            for chunk in lines.watched(answers):
                sources = rows.read(chunk, answers.done + 1)
                answers.add(chunk, _answer(options, generator, config, sources, answers.done))
    tell_counts(generator)


def _check_documents(options: argparse.Namespace) -> None:
    """Refuse options that ``--split_sentences`` has no use for.

    Raises:
        ConfigError: One is given. Or the language is none, or a package is missing.
    """
    from seqtext.inference.documents import load_segmenter

    strings = strings_format(options.input or "-", options.input_format)
    given = {
        f"--n_best {options.n_best}": options.n_best > 1,
        "--scores": options.scores,
        f"--input_format {strings}": strings is not None,
    }
    for option, is_given in given.items():
        if is_given:
            raise ConfigError(
                f"{option}: not with --split_sentences, which writes one text for each line. --format jsonl"
                " has the scores of its sentences"
            )
    try:
        load_segmenter(options.split_sentences)
    except ConfigError as error:
        raise ConfigError(f"--split_sentences: {str(error).removeprefix('language: ')}") from error


def _answer(
    options: argparse.Namespace,
    generator: Generator,
    config: SearchConfig,
    sources: list[Row],
    first: int,
) -> list[str]:
    """The answers to some sources. ``first`` is the index of the first source."""
    if options.split_sentences is None:
        decoded = zip(sources, generator.search(sources, config), strict=True)
        return [_render(options, i, *pair) for i, pair in enumerate(decoded, first)]
    from seqtext.inference.documents import generate_documents

    documents = generate_documents(generator, sources, options.split_sentences, config)
    pairs = zip(sources, documents, strict=True)
    return [_render_document(options, i, *pair) for i, pair in enumerate(pairs, first)]


def _render(
    options: argparse.Namespace, index: int, source: Row, hypotheses: list[Hypothesis]
) -> str:
    best = hypotheses[0]
    if options.format == "jsonl":
        told = [_fields(each) for each in hypotheses]
        return lines_of([as_json({"index": index, "source": source, "hypotheses": told})])
    if options.n_best > 1:
        return lines_of(as_row(str(index), f"{each.score:.4f}", each.text) for each in hypotheses)
    return lines_of(
        [as_row(f"{best.score:.4f}", best.text) if options.scores else as_line(best.text)]
    )


def _render_document(
    options: argparse.Namespace, index: int, source: Row, document: Document
) -> str:
    if options.format == "text":
        return lines_of([as_line(document.text)])
    decoded = zip(document.sources, document.hypotheses, strict=True)
    sentences = [{"source": text, **_fields(hypothesis)} for text, hypothesis in decoded]
    record = {"index": index, "source": source, "text": document.text, "sentences": sentences}
    return lines_of([as_json(record)])


def _fields(hypothesis: Hypothesis) -> dict[str, object]:
    """What JSON lines tell of a hypothesis."""
    names = ("text", "score", "log_prob", "pieces", "at_limit")
    return {name: getattr(hypothesis, name) for name in names}
