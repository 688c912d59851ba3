"""``seqtext generate``: source lines in, hypotheses out."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from seqtext.cli.answers import add_output, open_answers
from seqtext.cli.consent import add_trust, check_packages, look_in_working_folder
from seqtext.cli.outputs import check_apart, check_output
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
    from seqtext.inference.classifier import Classifier
    from seqtext.inference.generator import Generator, Hypothesis, SearchConfig


def parser() -> argparse.ArgumentParser:
    """The options; importing and asking for help stays light."""
    parser = argparse.ArgumentParser(
        prog="seqtext generate",
        usage="%(prog)s CKPT… [--KEY VALUE]…",
        description="Decode text with a trained model, a line a sentence.",
    )
    add_checkpoints(parser)
    add_input(parser)
    add_output(parser)
    parser.add_argument(
        "--n_best", type=int, default=1, metavar="N",
        help="hypotheses for a sentence, printed as index<TAB>score<TAB>text",
    )  # fmt: skip
    parser.add_argument("--scores", action="store_true", help="print score<TAB>text")
    parser.add_argument(
        "--format", choices=("text", "jsonl"), default="text",
        help="jsonl: one object a sentence with all that is known of its hypotheses",
    )  # fmt: skip
    add_search_options(parser)
    add_computing_options(parser, "sentences")
    return parser


def add_checkpoints(parser: argparse.ArgumentParser) -> None:
    """What ``classify``, ``explain``, ``generate`` and ``test`` work with."""
    parser.add_argument(
        "checkpoints", nargs="+", metavar="CKPT",
        help="a checkpoint file or a run folder; several make an ensemble",
    )  # fmt: skip
    add_trust(parser)


def add_search_options(parser: argparse.ArgumentParser) -> None:
    """How they decode."""
    parser.add_argument(
        "--beam_size", type=int, default=5, metavar="N",
        help="hypotheses kept at every step; 1 is greedy search (default: 5)",
    )  # fmt: skip
    parser.add_argument(
        "--length_penalty", type=float, default=1.0, metavar="X",
        help="more favours longer output; 0 is none (default: 1)",
    )  # fmt: skip
    parser.add_argument(
        "--length_formula", choices=("power", "wu"), default="power",
        help="power: score = log-probability / length^X; wu: / ((5 + length) / 6)^X",
    )  # fmt: skip
    parser.add_argument(
        "--coverage_penalty", type=float, default=0.0, metavar="X",
        help="weight of the penalty on what has been attended to (default: 0)",
    )  # fmt: skip
    parser.add_argument(
        "--coverage_formula", choices=("wu", "repetition"), default="wu",
        help="wu: against source left out; repetition: against reading the same again",
    )  # fmt: skip
    parser.add_argument(
        "--max_length", type=int, metavar="N",
        help="most pieces of an output (default: twice the source's, and 20 more)",
    )  # fmt: skip
    parser.add_argument("--min_length", type=int, default=0, metavar="N", help="fewest pieces")
    parser.add_argument(
        "--max_ratio", type=float, metavar="X", help="most pieces for each of the source's"
    )
    parser.add_argument(
        "--min_ratio", type=float, default=0.0, metavar="X", help="fewest pieces for each"
    )
    parser.add_argument("--max_words", type=int, metavar="N", help="most words of an output")
    parser.add_argument("--min_words", type=int, default=0, metavar="N", help="fewest words")
    parser.add_argument(
        "--no_repeat_ngram", type=int, default=0, metavar="N",
        help="no N pieces in a row that an output has already (default: 0, all allowed)",
    )  # fmt: skip


def search_options() -> list[str]:
    """Names of what ``add_search_options`` adds."""
    alone = argparse.ArgumentParser(add_help=False)
    add_search_options(alone)
    return list(vars(alone.parse_args([])))


def add_computing_options(parser: argparse.ArgumentParser, what: str) -> None:
    """Where and how networks compute."""
    parser.add_argument(
        "--batch_size", type=int, default=64, metavar="N",
        help=f"{what} together; changes the speed, not the result (default: 64)",
    )  # fmt: skip
    parser.add_argument(
        "--device", default="cpu", metavar="D", help="cpu, cuda, cuda:1, mps (default: cpu)"
    )
    parser.add_argument(
        "--precision", choices=("fp32", "bf16"), default="fp32",
        help="bf16: about twice as fast where the processor has it; a few outputs differ",
    )  # fmt: skip


def run(arguments: Sequence[str]) -> None:
    """Parse and decode."""
    options = parser().parse_args(arguments)
    check_input(options.input)
    check_output(options.output)
    check_apart([options.input, *options.checkpoints], {"--output": options.output})
    config = search_config(options)
    with open_answers(options) as answers:
        generator = load_models(options, "load_generator")
        with open_input(options.input) as lines:
            for chunk in lines.watched(answers):
                found = zip(chunk, generator.search(chunk, config), strict=True)
                told = [_render(options, i, *one) for i, one in enumerate(found, answers.done)]
                answers.add(chunk, told)
    tell_counts(generator)


def refuse(
    options: argparse.Namespace,
    parser: argparse.ArgumentParser,
    names: Sequence[str],
    of: str,
    what: str,
) -> None:
    """Refuse options that the checkpoint at hand has no use for.

    Raises:
        ConfigError: One is not at its default.
    """
    for name in names:
        if getattr(options, name) != parser.get_default(name):
            option = next(one for one in parser._actions if one.dest == name).option_strings[0]
            raise ConfigError(f"{option}: is of a {of}; {options.checkpoints[0]} is {what}")


def load_models(options: argparse.Namespace, loader: str = "load") -> Any:
    """What ``seqtext.inference.loading`` makes of the checkpoints."""
    import torch

    from seqtext.inference import loading

    check_packages(options.trust)
    if options.trust:
        look_in_working_folder()
    torch.set_flush_denormal(True)  # denormal numbers make oneDNN's LSTM many times slower
    return getattr(loading, loader)(
        options.checkpoints, options.device, options.precision, options.trust
    )


def tell_counts(model: Generator | Classifier) -> None:
    """Say what was remarkable about the texts that a model has read."""
    for message in model.counts.messages(model.source_limit, model.longest_source):
        print(message, file=sys.stderr)


def search_config(options: argparse.Namespace) -> SearchConfig:
    """The options as ``SearchConfig``.

    Raises:
        ConfigError: One is out of range, or two contradict each other.
    """
    from seqtext.inference.generator import SearchConfig

    known = [field.name for field in dataclasses.fields(SearchConfig)]
    try:
        return SearchConfig(**{k: v for k, v in vars(options).items() if k in known})
    except ConfigError as error:
        raise ConfigError(f"--{error}") from error


def _render(options: argparse.Namespace, index: int, source: str, found: list[Hypothesis]) -> str:
    if options.format == "jsonl":
        hypotheses = [
            {
                "text": one.text,
                "score": one.score,
                "log_prob": one.log_prob,
                "pieces": one.pieces,
                "at_limit": one.at_limit,
            }
            for one in found
        ]
        record = {"index": index, "source": source, "hypotheses": hypotheses}
        return lines_of([as_json(record)])
    if options.n_best > 1:
        return lines_of(as_row(str(index), f"{one.score:.4f}", one.text) for one in found)
    best = found[0]
    return lines_of(
        [as_row(f"{best.score:.4f}", best.text) if options.scores else as_line(best.text)]
    )
