"""``seqtext tokenizer``: train a SentencePiece model on a corpus."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from seqtext.cli.corpora import add_columns, add_corpus, add_format
from seqtext.cli.flags import Parser, config_of
from seqtext.cli.outputs import check_output, write_whole
from seqtext.cli.progress import watched_rows
from seqtext.errors import DataError

_FIELDS = ("model_type", "vocab_size", "normalization", "byte_fallback", "character_coverage")


def parser() -> Parser:
    """The options. Importing this and asking for help stays light."""
    from seqtext.data.tokenizer import TokenizerConfig

    parser = Parser(
        "tokenizer",
        "--data.train PATH --output F.model [--KEY VALUE]…",
        "Train a SentencePiece model on a corpus.",
    )
    add_corpus(parser, "train", required=True)
    add_format(parser)
    add_columns(parser)
    parser.add_argument("--output", required=True, metavar="F.model", help="file to write")
    parser.add_argument(
        "--side", choices=("both", "source", "target"), default="both", help="text to train on"
    )
    parser.add_fields(TokenizerConfig, _FIELDS)
    return parser


def run(arguments: Sequence[str]) -> None:
    """Parse, read, train, write."""
    options = parser().parse(arguments)
    from seqtext.data.corpus import Corpus
    from seqtext.data.tokenizer import Tokenizer, TokenizerConfig, digest_path
    from seqtext.data.tokenizer.column_symbols import symbols_of, without_symbols

    config = config_of(TokenizerConfig, options, prefix="tokenizer.")
    output = Path(options.output)
    check_output(options.output)
    if output.exists():
        raise DataError(f"--output {output}: exists already. Remove it, or choose another name")
    sides = {"both": (0, 1), "source": (0,), "target": (1,)}[options.side]
    corpus = Corpus(options.train, options.source, options.target, format=options.corpus_format)
    start = time.perf_counter()
    rows = watched_rows(corpus.rows(), corpus.estimated_rows)
    texts: Iterable[str] = (row[side] for row in rows for side in sides)
    columns = corpus.source_columns
    if 0 in sides and not columns.plain:
        config = dataclasses.replace(config, symbols=symbols_of([columns], corpus.rows))
        texts = without_symbols(texts)
    tokenizer = Tokenizer.train(texts, config)
    write_whole(options.output, bytes(tokenizer))
    digest = f"{tokenizer.fingerprint}  {output.name}\n"
    write_whole(str(digest_path(output)), digest)
    print(
        f"{output}: {config.model_type} with {tokenizer.vocab_size:,} pieces, trained in"
        f" {time.perf_counter() - start:.1f} s",
        file=sys.stderr,
    )
