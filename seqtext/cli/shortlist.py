"""``seqtext shortlist``: the target pieces that each source piece may give, made of the training set."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seqtext.cli.consent import add_trust, check_packages
from seqtext.cli.corpora import PATHS, add_columns, add_format
from seqtext.cli.flags import Parser, config_of
from seqtext.cli.outputs import check_outputs, write_whole
from seqtext.cli.progress import watched_rows
from seqtext.errors import CheckpointError, ConfigError
from seqtext.inference.config import ShortlistConfig

if TYPE_CHECKING:
    from seqtext import checkpoint
    from seqtext.data.readers import Row


def parser() -> Parser:
    """The options. Importing this and asking for help stays light."""
    parser = Parser(
        "shortlist",
        "CKPT [--data.train PATH] [--KEY VALUE]…",
        "Choose the target pieces that each source piece may give, for faster decoding with a large"
        " vocabulary. Give the file to --shortlist of other commands.",
    )
    parser.add_argument("checkpoint", metavar="CKPT", help="a checkpoint file or a run folder")
    add_trust(parser)
    parser.add_argument(
        "--data.train", dest="train", metavar="PATH",
        help=f"{PATHS} (default: the training corpora of CKPT)",
    )  # fmt: skip
    add_format(parser)
    add_columns(parser, filled=False, told="as in training")
    parser.add_argument(
        "--output", metavar="F", help="file to write (default: shortlist.npz beside the checkpoint)"
    )
    parser.add_fields(ShortlistConfig)
    return parser


def run(arguments: Sequence[str]) -> None:
    """Parse, read, learn, write."""
    options = parser().parse(arguments)
    from seqtext import checkpoint
    from seqtext.checkpoint.consent import trusting
    from seqtext.checkpoint.location import find
    from seqtext.data.lexicon import draw_rows, within_memory
    from seqtext.inference.shortlist import FILE, make_shortlist

    config = config_of(ShortlistConfig, options)
    check_packages(options.trust)
    path = find(options.checkpoint)
    output = options.output or str(path.with_name(FILE))
    check_outputs([options.checkpoint, options.train], {"--output": output})
    with trusting(options.trust):
        model = checkpoint.load(path)
    if model.config.copying:
        raise ConfigError(
            f"{path}: the model copies pieces of the source, whatever a list has. It cannot use a shortlist"
        )
    start = time.perf_counter()
    rows = draw_rows(_rows(options, path, model), config.pairs)
    sources, targets = model.tokenizers.encode_pairs(*map(list, zip(*rows, strict=True)))
    sources = [source[: model.source_limit] for source in sources]
    pairs = within_memory(list(zip(sources, targets, strict=True)))
    shortlist = make_shortlist(pairs, model.tokenizers, config.pieces, config.frequent)
    write_whole(output, bytes(shortlist))
    print(
        f"{output}: for {model.tokenizers.source.vocab_size:,} source pieces"
        f" {len(shortlist.pieces):,} target pieces, and {len(shortlist.frequent):,} frequent ones, from"
        f" {len(pairs):,} pairs in {time.perf_counter() - start:.1f} s",
        file=sys.stderr,
    )


def _rows(options: argparse.Namespace, path: Path, model: checkpoint.Model) -> Iterator[Row]:
    """The rows of ``--data.train``, or those that the checkpoint was trained on.

    Raises:
        ConfigError: The checkpoint does not name them, as they were in memory.
        DataError: A row cannot be read.
    """
    if options.train is None:
        from seqtext.data.pairs import PairsDataModule

        try:
            data = PairsDataModule.load_from_checkpoint(path)
        except (CheckpointError, ConfigError) as error:
            raise ConfigError(
                f"--data.train: is missing, and the checkpoint does not say what it was trained on ({error})"
            ) from error
        return watched_rows(data.training_set.rows(), lambda: None)
    from seqtext.data.corpus import Corpus

    source, target = model.columns
    corpus = Corpus(
        options.train,
        options.source or source,
        options.target or target,
        format=options.corpus_format,
    )
    return watched_rows(corpus.rows(), corpus.estimated_rows)
