"""Whether outputs depend on batch size, order and number of processes, for any options of a search.

    python -m benchmarks independence RUN SOURCES beam_size=5 "samples=3 top_p=0.9"

SOURCES holds a sentence a line. Each further word is a search, as options with spaces between them. The
script decodes in batches of 7, in reverse order, in two processes, and the first 100 sources alone. It prints
how many sources have other texts than in batches of 64. In float32, a batch of another size changes the last
digits of a probability. So a single source may differ.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import seqtext
from benchmarks.common import (
    Command,
    Row,
    parser_of,
    read,
    report,
    table,
    use_threads,
    watch,
    write,
)
from benchmarks.search_options import options_of

_ALONE = 100
Lists = list[list[str]]  # the texts of each source


def by_command(run: str, sources: Sequence[str], words: str) -> Lists:
    """What ``seqtext generate`` writes in two processes."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in", Path(folder) / "out"
        write(source, sources)
        call: Command = [sys.executable, "-m", "seqtext", "generate", run, "--format", "jsonl"]
        call += ["--precision", "fp32", "--devices", "2", "--input", source, "--output", target]
        watch([*call, *(f"--{word}" for word in words.split())], Path(folder))
        records = map(json.loads, read(target))
        return [[each["text"] for each in record["hypotheses"]] for record in records]


def differing(found: Lists, expected: Lists) -> int:
    return sum(one != other for one, other in zip(found, expected, strict=True))


def main(arguments: Sequence[str]) -> None:
    parser = parser_of(__doc__)
    parser.add_argument("run")
    parser.add_argument("sources", type=Path)
    parser.add_argument("searches", nargs="+")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--sentences", type=int, default=1000)
    options = parser.parse_args(arguments)
    use_threads(options.threads)
    sources = read(options.sources)[: options.sentences]
    generator = seqtext.load_generator(options.run)
    rows: list[Row] = []
    for words in options.searches:
        search = options_of(words)

        def texts(sources: list[str], **changed: int) -> Lists:
            found = generator.generate(sources, **(search | changed))  # noqa: B023
            return [[each.text for each in hypotheses] for hypotheses in found]

        expected = texts(sources)
        alone = [texts([source])[0] for source in sources[:_ALONE]]
        figures: Row = {
            "sources": len(sources),
            "batches_of_7": differing(texts(sources, batch_size=7), expected),
            "reversed": differing(texts(sources[::-1]), expected[::-1]),
            "alone_of_100": differing(alone, expected[:_ALONE]),
            "two_processes": differing(by_command(options.run, sources, words), expected),
        }
        report("independence", words, **figures)
        rows.append({"name": words, **figures})
    table(rows)
