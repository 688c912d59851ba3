"""``seqtext tokenizer``: train a SentencePiece model on a corpus."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from seqtext.cli.corpora import add_columns, add_corpus
from seqtext.cli.outputs import check_output, write_whole
from seqtext.cli.progress import watched_rows
from seqtext.errors import DataError


def parser() -> argparse.ArgumentParser:
    """The options; importing and asking for help stays light."""
    parser = argparse.ArgumentParser(
        prog="seqtext tokenizer",
        usage="%(prog)s --data.train PATH --output F.model [--KEY VALUE]…",
        description="Train a SentencePiece model on a corpus.",
    )
    add_corpus(parser, "train", required=True)
    add_columns(parser)
    parser.add_argument("--output", required=True, metavar="F.model", help="file to write")
    parser.add_argument(
        "--side", choices=("both", "source", "target"), default="both", help="text to train on"
    )
    parser.add_argument(
        "--model_type", choices=("unigram", "bpe", "char", "word"), default="unigram",
        help="SentencePiece's algorithm (default: unigram)",
    )  # fmt: skip
    parser.add_argument(
        "--vocab_size", type=int, default=4000, metavar="N",
        help="pieces, fewer where the text has not so many (default: 4000)",
    )  # fmt: skip
    parser.add_argument(
        "--normalization", default="nmt_nfkc",
        choices=("nmt_nfkc", "nfkc", "nmt_nfkc_cf", "nfkc_cf", "nfc", "nfc_lower", "identity"),
        help="nfkc composes letters and marks and replaces special forms; nmt_nfkc cleans spaces as well;"
        " their _cf forms fold letter case; nfc only composes; nfc_lower also writes lower case; identity"
        " leaves text as it is, for code (default: nmt_nfkc)",
    )  # fmt: skip
    parser.add_argument(
        "--character_coverage", type=float, default=1.0, metavar="X",
        help="share of the characters that get a piece; less for large alphabets (default: 1)",
    )  # fmt: skip
    parser.add_argument(
        "--no_byte_fallback", action="store_true", help="unknown characters become unk, not bytes"
    )
    return parser


def run(arguments: Sequence[str]) -> None:
    """Parse, read, train, write."""
    options = parser().parse_args(arguments)
    from seqtext.data.corpus import Corpus
    from seqtext.data.tokenizer import Tokenizer, TokenizerConfig, digest_path

    config = TokenizerConfig(
        model_type=options.model_type,
        vocab_size=options.vocab_size,
        normalization=options.normalization,
        byte_fallback=not options.no_byte_fallback,
        character_coverage=options.character_coverage,
    )
    output = Path(options.output)
    check_output(options.output)
    if output.exists():
        raise DataError(f"--output {output}: exists already; remove it, or choose another name")
    sides = {"both": (0, 1), "source": (0,), "target": (1,)}[options.side]
    corpus = Corpus(options.train, options.source, options.target, "train")
    start = time.perf_counter()
    rows = watched_rows(corpus.rows(), corpus.estimated_rows)
    tokenizer = Tokenizer.train((row[side] for row in rows for side in sides), config)
    write_whole(options.output, bytes(tokenizer))
    digest = f"{tokenizer.fingerprint}  {output.name}\n"
    write_whole(str(digest_path(output)), digest)
    print(
        f"{output}: {config.model_type} with {tokenizer.vocab_size:,} pieces, trained in"
        f" {time.perf_counter() - start:.1f} s",
        file=sys.stderr,
    )
