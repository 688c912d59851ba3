"""``seqtext classify``: lines of text in, labels out."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from seqtext.cli.answers import add_output, open_answers
from seqtext.cli.generate import add_checkpoints, add_computing_options, load_models, tell_counts
from seqtext.cli.outputs import check_apart, check_output
from seqtext.cli.streams import add_input, as_json, as_row, check_input, lines_of, open_input
from seqtext.errors import ConfigError

if TYPE_CHECKING:
    from seqtext.inference.classifier import Classification, Classifier, Text


def parser() -> argparse.ArgumentParser:
    """The options; importing and asking for help stays light."""
    parser = argparse.ArgumentParser(
        prog="seqtext classify",
        usage="%(prog)s CKPT… [--KEY VALUE]…",
        description="Label text with a trained classifier, a line a text, and print label<TAB>probability (of"
        " a text that is out of scope, the probability of its likeliest label); where a text can have several"
        " labels, all of them, separated by commas. A classifier of two texts reads them separated by a tab.",
    )
    add_checkpoints(parser)
    add_input(parser)
    add_output(parser)
    parser.add_argument(
        "--top_k", type=int, default=1, metavar="N",
        help="the likeliest labels of a text, a line each, printed as index<TAB>probability<TAB>label",
    )  # fmt: skip
    parser.add_argument(
        "--format", choices=("text", "jsonl"), default="text", help="jsonl: one object a text"
    )
    add_threshold(parser)
    add_computing_options(parser, "texts")
    return parser


def add_threshold(parser: argparse.ArgumentParser) -> None:
    """``--threshold X``."""
    parser.add_argument(
        "--threshold", type=float, metavar="X",
        help="probability below which a text is out of scope; where it can have several labels, from which"
        " on it has one (default: what training chose, or 0.5)",
    )  # fmt: skip


def run(arguments: Sequence[str]) -> None:
    """Parse and classify."""
    options = parser().parse_args(arguments)
    if options.top_k < 1:
        raise ConfigError(f"--top_k {options.top_k}: expected at least 1")
    if options.top_k > 1 and options.threshold is not None and options.format == "text":
        raise ConfigError(
            "--top_k: lists what is likely, whatever is decided; --format jsonl tells both"
        )
    check_input(options.input)
    check_output(options.output)
    check_apart([options.input, *options.checkpoints], {"--output": options.output})
    check_options(options)
    with open_answers(options) as answers:
        classifier: Classifier = load_models(options, "load_classifier")
        tell_threshold(classifier, options.threshold)
        with open_input(options.input) as lines:
            for chunk in lines.watched(answers):
                done = answers.done
                found = classifier.classify(
                    [text_of(line, classifier, i) for i, line in enumerate(chunk, done + 1)],
                    top_k=options.top_k,
                    threshold=options.threshold,
                    batch_size=options.batch_size,
                )
                both = zip(chunk, found, strict=True)
                told = [_render(options, i, *one) for i, one in enumerate(both, done)]
                answers.add(chunk, told)
    tell_counts(classifier)


def check_options(options: argparse.Namespace) -> None:
    """Look at them before anything is loaded.

    Raises:
        ConfigError: ``--threshold`` or ``--batch_size`` is out of range.
    """
    if options.threshold is not None and not 0 <= options.threshold <= 1:
        raise ConfigError(f"--threshold {options.threshold}: expected 0 to 1")
    if options.batch_size < 1:
        raise ConfigError(f"--batch_size {options.batch_size}: expected at least 1")


def tell_threshold(classifier: Classifier, given: float | None) -> None:
    """Say that an ensemble calls nothing out of scope by itself."""
    if (
        given is None
        and len(classifier.networks) > 1
        and classifier.labels.out_of_scope is not None
    ):
        print(
            f"an ensemble has no threshold of its own: nothing is {classifier.labels.out_of_scope} unless"
            " --threshold says when",
            file=sys.stderr,
        )


def text_of(line: str, classifier: Classifier, number: int) -> Text:
    """A line as the classifier reads it; two texts are separated by a tab."""
    if not classifier.pairs:
        return line
    parts = line.split("\t")
    if len(parts) != 2:
        raise ConfigError(
            f"line {number}: {len(parts)} text(s) separated by tabs, expected two: this classifier reads"
            f" {classifier.columns[0]}"
        )
    return parts[0], parts[1]


def _render(options: argparse.Namespace, index: int, line: str, one: Classification) -> str:
    if options.format == "jsonl":
        top = [{"label": name, "probability": round(p, 6)} for name, p in one.top]
        decided = [round(p, 6) for p in one.probabilities]
        record: dict[str, Any] = {"index": index, "text": line, "labels": one.labels}
        record |= {"probabilities": decided, "top": top}
        return lines_of([as_json(record)])
    if options.top_k > 1:
        return lines_of(as_row(str(index), f"{p:.4f}", name) for name, p in one.top)
    chances = ", ".join(f"{p:.4f}" for p in one.probabilities)
    return lines_of([as_row(", ".join(one.labels), chances)])
