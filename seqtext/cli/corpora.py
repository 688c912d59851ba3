"""Flags of the commands that read a corpus."""

from __future__ import annotations

import argparse

PATHS = (
    "a table (csv, tsv, jsonl, json, parquet, xlsx), a TMX file, the PREFIX of PREFIX.en and PREFIX.de, all"
    " of them packed (.gz, .zst) or not, a hub name, or builtin:SPLIT:COUNT[:SEED]; of a classifier also"
    " lines with __label__, or a folder of folders of texts"
)


def add_corpus(parser: argparse.ArgumentParser, split: str, *, required: bool = False) -> None:
    """``--data.SPLIT PATH``."""
    parser.add_argument(
        f"--data.{split}", dest=split, required=required, metavar="PATH",
        help=PATHS if required else f"likewise, the {split} set",
    )  # fmt: skip


def add_format(parser: argparse.ArgumentParser) -> None:
    """``--data.format NAME``."""
    parser.add_argument(
        "--data.format", dest="corpus_format", metavar="NAME",
        help="csv, tsv, jsonl, json, json:KEY, parquet, tmx, xlsx, xlsx:SHEET, lines (parallel files),"
        " fasttext or folders (default: by ending and content)",
    )  # fmt: skip


def add_columns(
    parser: argparse.ArgumentParser, *, filled: bool = True, told: str = "{side}"
) -> None:
    """``--data.source NAME --data.target NAME``.

    Args:
        parser: Gets the flags.
        filled: Whether ``source`` and ``target`` are the defaults.
        told: The default in the help.
    """
    for side in ("source", "target"):
        parser.add_argument(
            f"--data.{side}", dest=side, default=side if filled else None, metavar="NAME",
            help=f"column, suffix or language of the {side} text (default: {told.format(side=side)})",
        )  # fmt: skip


def add_label_columns(parser: argparse.ArgumentParser, *, told: str = "{side}") -> None:
    """``--data.text NAME --data.label NAME``. See ``add_columns``."""
    for side in ("text", "label"):
        parser.add_argument(
            f"--data.{side}", dest=side, metavar="NAME",
            help=f"of a classifier: column of the {side} (default: {told.format(side=side)})",
        )  # fmt: skip
