"""``seqtext rerank``: n-best lists in, the hypotheses that another model prefers out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from seqtext.cli.answers import add_output, open_answers
from seqtext.cli.flags import Parser, config_of
from seqtext.cli.hypotheses import add_output_format, render
from seqtext.cli.models import add_checkpoints, add_computing, tell_counts
from seqtext.cli.outputs import check_outputs
from seqtext.cli.processes import follow, shared_model
from seqtext.cli.ranks import rank
from seqtext.cli.streams import add_input, check_input, open_input
from seqtext.errors import ConfigError, DataError
from seqtext.inference.config import ProcessConfig, RerankConfig
from seqtext.values import check_value

if TYPE_CHECKING:
    from seqtext.inference.generator import Generator

Record = dict[str, Any]  # a line of the input, as generate writes it


def parser() -> Parser:
    """The options. Importing this and asking for help stays light."""
    parser = Parser(
        "rerank",
        "CKPT… [--KEY VALUE]…",
        "Choose among hypotheses with another model, or with an ensemble. The input is what seqtext generate"
        " writes with --n_best N --format jsonl. The output is a line a sentence. With --n_best, each"
        " hypothesis has a line, index<TAB>score<TAB>text.",
    )
    add_checkpoints(parser)
    add_input(parser)
    add_output(parser)
    add_output_format(parser)
    parser.add_fields(RerankConfig)
    add_computing(parser, exact=True)
    parser.add_fields(ProcessConfig)
    return parser


def run(arguments: Sequence[str]) -> None:
    """Parse and rerank."""
    options = parser().parse(arguments)
    check_input(options.input)
    check_outputs([options.input, *options.checkpoints], {"--output": options.output})
    config = config_of(RerankConfig, options)
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
        for chunk in lines.watched(answers):
            records = [
                _read(line, f"{lines.name}:{number}", reverse=config.reverse)
                for number, line in enumerate(chunk, answers.done + 1)
            ]
            _rerank(generator, records, config)
            answers.add(
                chunk,
                [render(options, record, (), several=options.n_best > 1) for record in records],
            )
    tell_counts(generator)


def _read(line: str, where: str, *, reverse: bool) -> Record:
    """A line of the input.

    Raises:
        DataError: It is none that ``seqtext generate`` writes.
    """
    try:
        record: object = json.loads(line)
        if not isinstance(record, dict):
            raise ConfigError("is no object")
        check_value("index", record.get("index"), int)
        check_value("source", record.get("source"), str if reverse else str | list[str])
        hypotheses: list[object] = check_value("hypotheses", record.get("hypotheses"), list[object])
        if not hypotheses:
            raise ConfigError("hypotheses: there are none")
        for each in hypotheses:
            if not isinstance(each, dict):
                raise ConfigError("hypotheses: expected objects")
            check_value("text", each.get("text"), str)
            check_value("score", each.get("score"), float)
    except (ValueError, ConfigError) as error:
        raise DataError(
            f"{where}: {error}. Expected a line that `seqtext generate --n_best N --format jsonl` writes"
        ) from None
    return record


def _rerank(generator: Generator, records: Sequence[Record], config: RerankConfig) -> None:
    """Give the hypotheses of records their new scores and their new order."""
    hypotheses: list[list[Record]] = [record["hypotheses"] for record in records]
    scores = generator.combined_scores(
        [record["source"] for record in records],
        [[each["text"] for each in own] for own in hypotheses],
        [[each["score"] for each in own] for own in hypotheses],
        config,
    )
    for record, own, new in zip(records, hypotheses, scores, strict=True):
        ranked = [each | {"score": score} for each, score in zip(own, new, strict=True)]
        ranked.sort(key=lambda each: -each["score"])
        record["hypotheses"] = ranked[: config.n_best]
