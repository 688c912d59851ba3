"""The recipes that come with seqtext. The first lines of a recipe say what it is."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

from seqtext import assets
from seqtext.errors import ConfigError
from seqtext.suggestion import closest, suggest

_ENTRY = re.compile(r"# (Needs|Score): (.+)")


@dataclasses.dataclass(frozen=True)
class Recipe:
    """A configuration of ``seqtext fit`` for one corpus.

    Args:
        path: Its YAML file.
    """

    path: Path

    @property
    def task(self) -> str:
        """Name of its task."""
        return self.path.parent.name

    @property
    def name(self) -> str:
        """``TASK/NAME``, as a user writes it."""
        return f"{self.task}/{self.path.stem}"

    @property
    def text(self) -> str:
        """The YAML."""
        return self.path.read_text(encoding="utf-8")

    @property
    def corpus(self) -> str:
        """What it learns from. The first comment of the file says that."""
        return self.text.partition("\n")[0].removeprefix("# ")

    @property
    def entries(self) -> dict[str, str]:
        """``Needs``, what a user must give, and ``Score``, that of the test set."""
        return {entry[1]: entry[2] for entry in _ENTRY.finditer(self.text)}


def list_recipes() -> list[Recipe]:
    """All recipes in the order of their names."""
    return sorted(
        map(Recipe, assets.folder("recipes").glob("*/*.yaml")), key=lambda each: each.name
    )


def find_recipe(name: str, where: str) -> Recipe:
    """The recipe of this name.

    Args:
        name: ``TASK/NAME``.
        where: What begins the message.

    Raises:
        ConfigError: There is no such recipe.
    """
    recipes = {recipe.name: recipe for recipe in list_recipes()}
    if name in recipes:
        return recipes[name]
    # banking77, or recipes/classification/banking77.yaml
    ends = {path.rpartition("/")[2]: path for path in recipes}
    near = closest(Path(name).stem, ends)
    hint = suggest(name, recipes) if near is None else suggest(ends[near], recipes)
    raise ConfigError(f"{where}: no such recipe{hint or '; seqtext recipes lists them'}")
