"""``seqtext explain``: decode, or classify, and show which words it comes from."""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Sequence
from typing import Any

from seqtext.cli.classify import text_of
from seqtext.cli.generate import (
    add_checkpoints,
    add_computing_options,
    add_search_options,
    check_input,
    load_models,
    open_input,
    open_output,
    refuse,
    search_config,
    search_options,
    tell_counts,
)
from seqtext.errors import ConfigError


def parser() -> argparse.ArgumentParser:
    """The options; importing and asking for help stays light."""
    parser = argparse.ArgumentParser(
        prog="seqtext explain",
        description="Decode text, a line a sentence, and show for each word of the output which word of the"
        " source it comes from and how much of it was copied. Of a classifier: label text, and show how much"
        " each word had to say (pooling attention or max).",
    )
    add_checkpoints(parser)
    parser.add_argument("--input", metavar="F", help="file to read (default: standard input)")
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
    from seqtext import explain, explain_labels
    from seqtext.classify import Classifier

    config = search_config(options)
    model = load_models(options)
    labels = isinstance(model, Classifier)
    if labels:
        refuse(options, parser(), search_options(), "model that generates text", "a classifier")
    with open_input(options.input) as lines:
        there = ((i, line) for i, line in enumerate(lines, 1) if line.strip())
        numbered = list(itertools.islice(there, options.limit))
        sources = [line for _, line in numbered]
        more = sum(1 for _ in there) if options.input is not None else 0
    if more:
        print(
            f"the first {len(sources):,} of {len(sources) + more:,} sentences; --limit N looks at more",
            file=sys.stderr,
        )
    module: Any = explain_labels if labels else explain
    found: Sequence[Any]
    if labels:
        texts = [text_of(line, model, i) for i, line in numbered]
        found = explain_labels.explain_labels(model, texts)
    else:
        found = explain.explain(model, sources, config)
    tell_counts(model)
    if options.html is not None:
        with open_output(options.html, "--html") as output:
            output.write(module.as_html(found))
        return
    with open_output(None) as output:
        for one in found:
            output.write(module.as_text(one, sys.stdout.isatty()) + "\n")
