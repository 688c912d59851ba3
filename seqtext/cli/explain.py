"""``seqtext explain``: decode, or classify, and show which words it comes from."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from seqtext.cli.classify import text_of
from seqtext.cli.generate import (
    add_checkpoints,
    add_computing_options,
    add_search_options,
    load_models,
    refuse,
    search_config,
    search_options,
    tell_counts,
)
from seqtext.cli.outputs import check_apart, check_output, to_standard_output, write_whole
from seqtext.cli.streams import Input, add_input, check_input, open_input
from seqtext.errors import ConfigError

if TYPE_CHECKING:
    from seqtext.inference.generator import SearchConfig


def parser() -> argparse.ArgumentParser:
    """The options; importing and asking for help stays light."""
    parser = argparse.ArgumentParser(
        prog="seqtext explain",
        usage="%(prog)s CKPT… [--KEY VALUE]…",
        description="Decode text, a line a sentence, and show for each word of the output which word of the"
        " source it comes from and how much of it was copied. Of a classifier: label text, and show how much"
        " each word had to say (pooling attention or max).",
    )
    add_checkpoints(parser)
    add_input(parser)
    parser.add_argument("--html", metavar="F", help="write a page to look at, instead of text")
    parser.add_argument(
        "--limit", type=int, default=20, metavar="N", help="look at the first N (default: 20)"
    )
    add_search_options(parser)
    add_computing_options(parser, "sentences")
    return parser


def run(arguments: Sequence[str]) -> None:
    """Parse, decode, look, show."""
    options = parser().parse_args(arguments)
    if options.limit < 1:
        raise ConfigError(f"--limit {options.limit}: expected at least 1")
    check_input(options.input)
    check_output(options.html, "--html")
    check_apart([options.input, *options.checkpoints], {"--html": options.html})
    from seqtext.inference.classifier import Classifier

    config = search_config(options)
    model = load_models(options)
    if isinstance(model, Classifier):
        refuse(options, parser(), search_options(), "model that generates text", "a classifier")
    explained = _explain(options, model, config)
    if options.html is None:
        for text in explained:
            to_standard_output(f"{text}\n".encode())
    else:
        write_whole(options.html, "".join(explained), "--html")
    tell_counts(model)


def _explain(options: argparse.Namespace, model: Any, config: SearchConfig) -> Iterator[str]:
    """The explanation of each text as it can be told, or the page of all of them."""
    from seqtext.inference import explain, explain_labels
    from seqtext.inference.classifier import Classifier

    labels = isinstance(model, Classifier)
    module: Any = explain_labels if labels else explain
    found: list[Any] = []
    with open_input(options.input) as lines:
        for numbered in _first(lines, options.limit, options.input is not None):
            if labels:
                texts = [text_of(line, model, i) for i, line in numbered]
                new: Sequence[Any] = explain_labels.explain_labels(model, texts)
            else:
                new = explain.explain(model, [line for _, line in numbered], config)
            if options.html is None:
                yield from (module.as_text(one, sys.stdout.isatty()) for one in new)
            found += new
    if options.html is not None:
        yield module.as_html(found)


def _first(lines: Input, limit: int, count: bool) -> Iterator[list[tuple[int, str]]]:
    """The first lines with text and their numbers, as they arrive.

    With ``count``, say how many more there are.
    """
    number = taken = more = 0
    for chunk in lines.chunks():
        there = [(i, line) for i, line in enumerate(chunk, number + 1) if line.strip()]
        number += len(chunk)
        here = there[: limit - taken]
        taken, more = taken + len(here), more + len(there) - len(here)
        if here:
            yield here
        if taken == limit and not count:
            return
    if more:
        print(
            f"the first {taken:,} of {taken + more:,} sentences; --limit N looks at more",
            file=sys.stderr,
        )
