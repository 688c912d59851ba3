"""What the commands that read a corpus have in common."""

from __future__ import annotations

import argparse

PATHS = (
    "a table (csv, tsv, jsonl, parquet), a TMX file, the PREFIX of PREFIX.en and PREFIX.de, all of"
    " them packed (.gz, .zst) or not, a hub name, or builtin:SPLIT:COUNT[:SEED]"
)


def add_corpus(parser: argparse.ArgumentParser, split: str, *, required: bool = False) -> None:
    """``--data.SPLIT PATH``."""
    parser.add_argument(
        f"--data.{split}", dest=split, required=required, metavar="PATH",
        help=PATHS if required else f"likewise, the {split} set",
    )  # fmt: skip


def add_columns(parser: argparse.ArgumentParser, default: bool = True) -> None:
    """``--data.source NAME --data.target NAME``; with ``default`` they name themselves."""
    for side in ("source", "target"):
        parser.add_argument(
            f"--data.{side}", dest=side, default=side if default else None, metavar="NAME",
            help=f"column, suffix or language of the {side} text (default:"
            f" {side if default else 'as in training'})",
        )  # fmt: skip
