"""``seqtext test``: decode a corpus and score the result."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from typing import get_args

from seqtext.cli.corpora import add_columns, add_corpus
from seqtext.cli.generate import (
    add_search_options,
    open_output,
    search_config,
)
from seqtext.metrics import BleuTokenize, check_bleu_tokenize, score_translations


def parser() -> argparse.ArgumentParser:
    """The options; importing and asking for help stays light."""
    parser = argparse.ArgumentParser(
        prog="seqtext test",
        description="Score a trained model on a corpus; the last line printed is one JSON object.",
    )
    parser.add_argument(
        "checkpoints", nargs="+", metavar="CKPT",
        help="a checkpoint file or a run folder; several decode as an ensemble",
    )  # fmt: skip
    add_corpus(parser, "test", required=True)
    add_columns(parser, default=False)
    parser.add_argument(
        "--bleu_tokenize", default="13a", metavar="NAME", choices=get_args(BleuTokenize),
        help="what BLEU's n-grams are made of: 13a (words, the default), intl, char or zh (languages"
        " without spaces), ja-mecab, ko-mecab, none (text that is tokenized already)",
    )  # fmt: skip
    parser.add_argument("--output", metavar="F", help="write the hypotheses to this file")
    parser.add_argument(
        "--show", type=int, default=0, metavar="N", help="print N sources with both translations"
    )
    add_search_options(parser)
    return parser


def run(arguments: Sequence[str]) -> None:
    """Parse, decode, score."""
    options = parser().parse_args(arguments)
    check_bleu_tokenize(options.bleu_tokenize)
    import torch

    from seqtext.data.corpus import Corpus
    from seqtext.generate import load, texts

    config = search_config(options)
    torch.set_flush_denormal(True)  # denormal numbers make oneDNN's LSTM many times slower
    generator = load(options.checkpoints, options.device, options.precision)
    source, target = generator.columns
    corpus = Corpus(options.test, options.source or source, options.target or target, "test")
    rows = list(corpus.rows())
    start = time.perf_counter()
    sources, references = [source for source, _ in rows], [target for _, target in rows]
    hypotheses = texts(generator.search(sources, config))
    seconds = time.perf_counter() - start
    print(
        f"{len(rows):,} sentences decoded in {seconds:.1f} s, beam {options.beam_size}",
        file=sys.stderr,
    )
    step = max(1, len(rows) // max(1, options.show))
    for i in range(0, len(rows), step)[: options.show]:
        print(
            f"  source:     {sources[i]}\n  reference:  {references[i]}\n  hypothesis: {hypotheses[i]}\n"
        )
    if options.output is not None:
        with open_output(options.output) as output:
            output.writelines(f"{text}\n" for text in hypotheses)
    scores = score_translations(hypotheses, references, options.bleu_tokenize)
    print(json.dumps(scores._asdict()))
