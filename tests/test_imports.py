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
    """Dotted names of all that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module and node.level == 0, f"{path}:{node.lineno}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize(
    "path",
    [path for room in LIGHT for path in sorted((ROOT / room).rglob("*.py"))],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_networks_and_search_need_torch_alone(path: Path) -> None:
    packages = {name.split(".")[0] for name in imported(path)}
    assert packages <= {"seqtext", "torch", *sys.stdlib_module_names}


def layers(repository: Path) -> list[set[str]]:
    """The rooms of each layer, the highest first."""
    text = (repository / "pyproject.toml").read_text(encoding="utf-8")
    contracts = tomllib.loads(text)["tool"]["importlinter"]["contracts"]
    [rooms] = [contract for contract in contracts if contract["id"] == "rooms"]
    return [set(re.findall(r"\w+", layer)) for layer in rooms["layers"]]


def picture(repository: Path) -> dict[Path, set[str]]:
    """The modules and packages that CONTRIBUTING.md draws, each with the names behind its arrow."""
    tree = (repository / "CONTRIBUTING.md").read_text(encoding="utf-8").split("```")[1]
    package = tree.partition("seqtext/\n")[2].partition("\nrecipes/")[0]
    drawn, parts = {}, list[str]()
    for line in package.split("\n"):
        name, depth = line.split()[0], (len(line) - len(line.lstrip())) // 2
        parts[depth - 1 :] = [name]
        drawn[ROOT.joinpath(*parts)] = {*re.findall(r"[\w.]+", line.partition("←")[2])}
    return drawn


def test_the_picture_shows_the_contracts(repository: Path) -> None:
    """Every room, and arrows that point to lower layers."""
    ranks = {room: rank for rank, rooms in enumerate(layers(repository)) for room in rooms}
    drawn = {path.stem: names for path, names in picture(repository).items() if path.parent == ROOT}
    assert drawn.keys() == ranks.keys()
    for room, targets in drawn.items():
        for target in targets & ranks.keys():
            assert ranks[target] > ranks[room], f"{room} ← {target}"
    assert drawn["checkpoint"] >= {"nn", "data"}


def wrong_names(path: Path, names: set[str]) -> Iterator[str]:
    """Names behind the arrow of a module or package that it does not import."""
    files = [path] if path.is_file() else [*path.rglob("*.py")]
    imports = {f"{name}." for file in files for name in imported(file)}
    own = path.relative_to(ROOT.parent).with_suffix("").parts
    if names == {"nothing"}:
        inside = f"{'.'.join(own)}."
        yield from (
            name for name in imports if name.startswith("seqtext.") and not name.startswith(inside)
        )
        return
    for name in names - {"all", "above", "lazily"}:  # the command line
        homes = tuple(f"{'.'.join(own[:end])}.{name}." for end in range(1, len(own)))
        if not any(known.startswith(homes) for known in imports):
            yield name


def test_the_picture_is_true(repository: Path) -> None:
    """Its arrows are imports, and it draws every module of the packages that it opens."""
    drawn = picture(repository)
    assert not {
        path: wrong for path, names in drawn.items() if (wrong := [*wrong_names(path, names)])
    }
    opened = {path.parent for path in drawn} - {ROOT / "cli"}  # draws what all commands share
    modules = {
        path
        for package in opened
        for path in package.glob("[!_]*")
        if path.suffix not in (".typed", ".html")
    }
    assert not modules - drawn.keys()
