"""``seqtext explain``: decode, and show where each word came from."""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Sequence

from seqtext.cli.generate import (
    add_checkpoints,
    add_search_options,
    check_input,
    load_generator,
    open_input,
    open_output,
    tell_cut,
)
from seqtext.errors import ConfigError


def parser() -> argparse.ArgumentParser:
    """The options; importing and asking for help stays light."""
    parser = argparse.ArgumentParser(
        prog="seqtext explain",
        description="Decode text, a line a sentence, and show for each word of the output which word of the"
        " source it comes from and how much of it was copied.",
    )
    add_checkpoints(parser)
    parser.add_argument("--input", metavar="F", help="file to read (default: standard input)")
    parser.add_argument("--html", metavar="F", help="write a page to look at, instead of text")
    parser.add_argument(
        "--limit", type=int, default=20, metavar="N", help="look at the first N (default: 20)"
    )
    add_search_options(parser)
    return parser


def run(arguments: Sequence[str]) -> None:
    """Parse, decode, look, show."""
    options = parser().parse_args(arguments)
    if options.limit < 1:
        raise ConfigError(f"--limit {options.limit}: expected at least 1")
    check_input(options.input)
    from seqtext.explain import as_html, as_text, explain

    generator, config = load_generator(options)
    with open_input(options.input) as lines:
        there = (line for line in lines if line.strip())
        sources = list(itertools.islice(there, options.limit))
        more = sum(1 for _ in there) if options.input is not None else 0
    if more:
        print(
            f"the first {len(sources):,} of {len(sources) + more:,} sentences; --limit N looks at more",
            file=sys.stderr,
        )
    found = explain(generator, sources, config)
    tell_cut(generator)
    if options.html is not None:
        with open_output(options.html, "--html") as output:
            output.write(as_html(found))
        return
    with open_output(None) as output:
        for one in found:
            output.write(as_text(one, sys.stdout.isatty()) + "\n")
