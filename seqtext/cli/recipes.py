"""``seqtext recipes``: list the recipes, or print one."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from seqtext.cli.flags import Parser
from seqtext.cli.recipe_files import Recipe, find_recipe, list_recipes


def parser() -> Parser:
    """The options."""
    parser = Parser(
        "recipes",
        "[TASK/NAME]",
        "List the recipes, or print the YAML of one. seqtext fit --recipe TASK/NAME trains it.",
    )
    parser.add_argument("recipe", nargs="?", metavar="TASK/NAME", help="the recipe to print")
    return parser


def run(arguments: Sequence[str]) -> None:
    """List the recipes, or print one.

    Raises:
        ConfigError: There is no such recipe.
    """
    name = parser().parse(arguments).recipe
    if name is None:
        print("\n\n".join(map(_describe, list_recipes())))
    else:
        sys.stdout.write(find_recipe(name, name).text)


def _describe(recipe: Recipe) -> str:
    entries = recipe.entries
    return (
        f"{recipe.name}\n    {recipe.corpus}\n    needs: {entries['Needs']}\n"
        f"    score: {entries['Score']}"
    )
