"""``seqtext score``: pairs of source and target in, log-probabilities out."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterable, Sequence
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
from seqtext.inference.config import ProcessConfig
from seqtext.inference.records import scored_fields
from seqtext.search.config import SearchConfig

if TYPE_CHECKING:
    from seqtext.data.readers.columns import SourceColumns
    from seqtext.inference.generator import Generator
    from seqtext.inference.score import Score


def parser() -> Parser:
    """The options. Importing this and asking for help stays light."""
    parser = Parser(
        "score",
        "CKPT… [--KEY VALUE]…",
        "Say how likely given targets are. A line of the input is source<TAB>target. A line of the output is"
        " log-probability<TAB>pieces: in nats, and eos counts as a piece. At the end, the perplexity of all"
        " pairs goes to standard error.",
    )
    add_checkpoints(parser)
    add_input(parser)
    add_input_format(parser, "source<TAB>target a line")
    add_output(parser)
    parser.add_argument(
        "--format", choices=("text", "jsonl"), default="text",
        help="jsonl: one object a pair, with its pieces, its words and their alignment",
    )  # fmt: skip
    parser.add_argument(
        "--alignments", action="store_true",
        help="print log-probability<TAB>pieces<TAB>alignment, as 0-0 1-2",
    )  # fmt: skip
    parser.add_fields(SearchConfig, ["attention", "batch_size"])
    add_computing(parser, exact=True)
    parser.add_fields(ProcessConfig)
    return parser


def run(arguments: Sequence[str]) -> None:
    """Parse and score."""
    options = parser().parse(arguments)
    if options.attention and options.format != "jsonl":
        raise ConfigError("--attention: needs --format jsonl, which has a place for it")
    if options.alignments and options.format == "jsonl":
        raise ConfigError("--alignments: adds a column to text. --format jsonl has them already")
    check_input(options.input)
    check_outputs([options.input, *options.checkpoints], {"--output": options.output})
    config_of(SearchConfig, options)
    config_of(ProcessConfig, options)
    if rank():
        follow(options)
        return
    from seqtext.inference.loading import load_generator

    with (
        shared_model(options, load_generator) as generator,
        open_answers(options) as answers,
        open_input(options.input) as lines,
    ):
        total, skipped = _Total(), answers.done
        if options.alignments:
            generator.check_attention()
        rows = RowReader(lines, options.input_format, _pair_columns(generator))
        for chunk in lines.watched(answers):
            pairs = [_split(row) for row in rows.read(chunk, answers.done + 1)]
            scores = _scores(options, generator, pairs)
            total.add(scores, (target for _, target in pairs))
            scored = zip(pairs, scores, strict=True)
            answers.add(
                chunk,
                [_render(options, i, *pair) for i, pair in enumerate(scored, answers.done)],
            )
    print(total.described(skipped), file=sys.stderr)
    tell_counts(generator)


def _pair_columns(generator: Generator) -> SourceColumns:
    """The columns of source and target."""
    from seqtext.data.readers.columns import Column, SourceColumns

    columns = generator.source_columns.columns
    return SourceColumns((*columns, Column(generator.columns[1], "text")))


def _split(row: Row) -> tuple[Row, str]:
    assert isinstance(row, tuple)  # it has two columns at least
    return row[0] if len(row) == 2 else row[:-1], row[-1]


def _scores(
    options: argparse.Namespace, generator: Generator, pairs: Sequence[tuple[Row, str]]
) -> list[Score]:
    sources, targets = [source for source, _ in pairs], [target for _, target in pairs]
    return generator.score(
        sources, targets, attention=options.attention, batch_size=options.batch_size
    )


def _render(options: argparse.Namespace, index: int, pair: tuple[Row, str], score: Score) -> str:
    source, target = pair
    if options.format == "text":
        columns = [f"{score.log_prob:.4f}", str(len(score.log_probs))]
        return lines_of([as_row(*columns, *[score.pharaoh] * options.alignments)])
    record = {"index": index, "source": source, "target": target, **scored_fields(score)}
    return lines_of([as_json(record)])


class _Total:
    """Sums over pairs."""

    def __init__(self) -> None:
        self.pairs, self.log_prob, self.pieces, self.words = 0, 0.0, 0, 0

    def add(self, scores: Sequence[Score], targets: Iterable[str]) -> None:
        """Count pairs."""
        self.pairs += len(scores)
        self.log_prob += math.fsum(score.log_prob for score in scores)
        self.pieces += sum(len(score.log_probs) for score in scores)
        self.words += sum(len(target.split()) + 1 for target in targets)

    def described(self, skipped: int) -> str:
        """The perplexity of all pairs. ``skipped`` were scored before an interruption."""
        if not self.pairs:
            return "no pairs"
        per_piece, per_word = (math.exp(-self.log_prob / n) for n in (self.pieces, self.words))
        more = f", without the {skipped:,} before --resume" if skipped else ""
        return (
            f"{self.pairs:,} pairs{more}: log-probability {self.log_prob:,.1f}, perplexity {per_piece:.4g} of"
            f" {self.pieces:,} pieces, {per_word:.4g} of {self.words:,} words. Ends of texts count as both"
        )
