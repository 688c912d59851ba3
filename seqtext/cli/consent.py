"""``--trust``: the packages whose code a file may name. Loads nothing heavy."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from seqtext.errors import ConfigError


def add_trust(parser: argparse.ArgumentParser) -> None:
    """What commands have that load a checkpoint."""
    parser.add_argument(
        "--trust", action="append", default=[], metavar="PACKAGE",
        help="let a checkpoint name a cell of this package or module, which is then imported",
    )  # fmt: skip


def is_path(value: str) -> bool:
    """Whether a text can be the import path of a package, a module or a class."""
    is_file = value.endswith((".yaml", ".yml", ".json"))
    return not is_file and all(part.isidentifier() for part in value.split("."))


def check_packages(packages: Sequence[str]) -> None:
    """Refuse what is no name of a package.

    Raises:
        ConfigError: There is such a value.
    """
    for package in packages:
        if not is_path(package):
            raise ConfigError(f"--trust {package}: expected a package or module, as mine.callbacks")
        if package.split(".")[0] == "jsonargparse":
            raise ConfigError(f"--trust {package}: the option parser itself is never trusted")


def look_in_working_folder() -> None:
    """Let trusted code lie in the working folder, which the installed program does not look in."""
    if os.getcwd() not in sys.path:
        # last, so that no file of the folder stands in for an installed package
        sys.path.append(os.getcwd())
