"""Recipes and tokenizers that come with seqtext, found from a checkout and from an installed package."""

from __future__ import annotations

import os
from pathlib import Path

_PACKAGE = Path(__file__).parent
FOLDERS = ("recipes", "tokenizers")


def find(path: str | Path) -> Path:
    """``path`` if it exists. Otherwise ``recipes/…`` and ``tokenizers/…`` are found in seqtext itself.

    In a wheel both folders lie inside the package, in a checkout beside it.

    >>> find("recipes/translation/builtin.yaml").name
    'builtin.yaml'
    """
    path = Path(path)
    # os.path.exists is False for a name that no file can have, where Path.exists raises
    if os.path.exists(path) or path.is_absolute() or not path.parts or path.parts[0] not in FOLDERS:
        return path
    own = folder(path.parts[0]).joinpath(*path.parts[1:])
    return own if os.path.exists(own) else path


def folder(name: str) -> Path:
    """The folder of this name that comes with seqtext, one of ``FOLDERS``."""
    inside = _PACKAGE / name
    return inside if inside.exists() else _PACKAGE.parent / name
