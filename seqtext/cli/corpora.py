"""Flags of the commands that read a corpus."""

from __future__ import annotations

import argparse

from seqtext.errors import ConfigError

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
        help="csv, tsv, jsonl, json, json:KEY, parquet, tmx, xlsx, xlsx:SHEET, po, xliff, ts, lines"
        " (parallel files), fasttext or folders (default: by ending and content)",
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
        several = ", or several columns as [lemma, features]" if side == "source" else ""
        parser.add_argument(
            f"--data.{side}", dest=side, default=side if filled else None, metavar="NAME",
            type=read_columns if several else str,
            help=f"column, suffix or language of the {side} text{several} (default:"
            f" {told.format(side=side)})",
        )  # fmt: skip


def add_label_columns(parser: argparse.ArgumentParser, *, told: str = "{side}") -> None:
    """``--data.text NAME --data.label NAME``. See ``add_columns``."""
    for side in ("text", "label"):
        parser.add_argument(
            f"--data.{side}", dest=side, metavar="NAME",
            type=read_columns if side == "text" else str,
            help=f"of a classifier: column of the {side} (default: {told.format(side=side)})",
        )  # fmt: skip


def read_columns(value: str) -> str:
    """The columns of a source, from ``NAME`` or ``[NAME, NAME: CUT]``.

    Raises:
        ArgumentTypeError: It is a list of something else.
    """
    if not value.startswith("["):
        return value
    import yaml

    from seqtext.data.readers.columns import read_source_option

    try:
        return read_source_option("columns", yaml.safe_load(value))
    except yaml.YAMLError:
        raise argparse.ArgumentTypeError(f"{value}, expected a list as [lemma, features]") from None
    except ConfigError as error:  # argparse would put its own words in the place of this error's
        raise argparse.ArgumentTypeError(str(error)) from None
