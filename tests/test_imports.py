"""Imports point one way, as CONTRIBUTING.md draws it; networks and search need PyTorch alone."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import seqtext

ROOT = Path(seqtext.__file__).parent
# what each part may import of the others
MAY = {
    "errors": set(),
    "assets": set(),
    "console": set(),
    "files": set(),
    "signals": set(),
    "values": {"errors"},
    "grammar": set(),
    "metrics": {"errors"},
    "tasks": {"metrics"},
    "nn": {"errors", "values"},
    "search": {"errors", "values"},
    "data": {"errors", "assets", "console", "files", "signals", "values", "grammar"},
    "check": {"errors", "data"},
    "checkpoint": {"errors", "values", "nn", "data", "metrics", "tasks"},
    "inference": {"errors", "values", "nn", "data", "search", "checkpoint", "tasks"},
    "training": {
        "errors",
        "console",
        "files",
        "signals",
        "values",
        "nn",
        "data",
        "checkpoint",
        "inference",
        "metrics",
        "tasks",
    },
}
LIGHT = ("nn", "search")  # PyTorch and the standard library alone


def part(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported(path: Path) -> Iterator[str]:
    """Dotted names of all modules that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


FILES = [path for path in sorted(ROOT.rglob("*.py")) if part(path) in MAY]


def test_every_part_is_known() -> None:
    assert {part(path) for path in ROOT.rglob("*.py")} == {*MAY, "cli", "__init__", "__main__"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_one_way(path: Path) -> None:
    mine = part(path)
    for name in imported(path):
        package, _, rest = name.partition(".")
        if package == "seqtext":
            assert rest.split(".")[0] in {mine, *MAY[mine]}, name
        elif mine in LIGHT:
            assert package == "torch" or package in sys.stdlib_module_names, name
