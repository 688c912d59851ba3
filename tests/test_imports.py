"""What ``lint-imports`` cannot say: what networks and search need, and that the picture is true.

The contracts in pyproject.toml say which rooms may import which.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import seqtext

ROOT = Path(seqtext.__file__).parent
LIGHT = ("nn", "search")  # PyTorch and the standard library alone


def imported(path: Path) -> Iterator[str]:
    """Names of all packages that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module and node.level == 0, f"{path}:{node.lineno}: relative import"
            yield node.module.split(".")[0]


@pytest.mark.parametrize(
    "path",
    [path for room in LIGHT for path in sorted((ROOT / room).rglob("*.py"))],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_networks_and_search_need_torch_alone(path: Path) -> None:
    assert set(imported(path)) <= {"seqtext", "torch", *sys.stdlib_module_names}


def layers(repository: Path) -> list[set[str]]:
    """The rooms of each layer, the highest first."""
    text = (repository / "pyproject.toml").read_text(encoding="utf-8")
    contracts = tomllib.loads(text)["tool"]["importlinter"]["contracts"]
    [rooms] = [contract for contract in contracts if contract["id"] == "rooms"]
    return [set(re.findall(r"\w+", layer)) for layer in rooms["layers"]]


def picture(repository: Path) -> dict[str, set[str]]:
    """The rooms that CONTRIBUTING.md draws, each with the rooms behind its arrow."""
    tree = (repository / "CONTRIBUTING.md").read_text(encoding="utf-8").split("```")[1]
    package = tree.partition("seqtext/\n")[2].partition("\nrecipes/")[0]
    rooms: dict[str, set[str]] = {}
    for line in package.split("\n"):
        name, arrow = re.match(r"  (\w+)", line), line.partition("←")[2]
        if name:
            rooms[name[1]] = set()
        if name or not line.strip().startswith(tuple("abcdefghijklmnopqrstuvwxyz_")):
            # a room, or the continuation of its line
            targets = {target.strip().split(".")[0] for target in arrow.split(",")}
            [*rooms.values()][-1].update(targets)
    return rooms


def test_the_picture_shows_the_contracts(repository: Path) -> None:
    """Every room, and arrows that point to lower layers."""
    ranks = {room: rank for rank, rooms in enumerate(layers(repository)) for room in rooms}
    drawn = picture(repository)
    assert drawn.keys() == ranks.keys()
    for room, targets in drawn.items():
        for target in targets & ranks.keys():
            assert ranks[target] > ranks[room], f"{room} ← {target}"
    assert drawn["checkpoint"] >= {"nn", "data"}
