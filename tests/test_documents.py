"""What the documents say is so: commands parse, links lead somewhere, the tree is the tree."""

from __future__ import annotations

import re
import shlex
from importlib import import_module
from pathlib import Path

import pytest

import seqtext
from seqtext import assets
from seqtext.cli import COMMANDS
from seqtext.cli.fit import PRESET
from seqtext.cli.options import own_options, parse

REPOSITORY = Path(__file__).parent.parent
DOCUMENTS = [
    path
    for path in sorted(REPOSITORY.rglob("*.md"))
    if not any(
        part.startswith(".") or part == "runs" for part in path.parts[len(REPOSITORY.parts) :]
    )
]


def commands() -> list[list[str]]:
    """Every call of seqtext in a ``sh`` block, from the command's name on."""
    found = []
    for path in DOCUMENTS:
        for block in re.findall(r"```sh\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL):
            for line in block.splitlines():
                words = shlex.split(line, comments=True)
                words = words[words.index("|") + 1 :] if "|" in words else words
                for i, word in enumerate(words[:-1]):
                    if (word == "seqtext" or word.endswith("train.py")) and words[
                        i + 1
                    ] in COMMANDS:
                        found.append(words[i + 1 :])
    return found


def test_there_are_commands() -> None:
    assert {words[0] for words in commands()} == set(COMMANDS)


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_command_parses(words: list[str]) -> None:
    command, *arguments = words
    if command == "fit":
        given = {"--data.train", "--config", "--recipe"} & set(arguments)
        own, words = own_options(arguments if given else [*arguments, "--data.train=x"], PRESET)
        parse(words, PRESET, own.trusted)
    else:
        import_module(f"seqtext.cli.{command}").parser().parse_args(arguments)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_links_lead_somewhere(path: Path) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", path.read_text(encoding="utf-8")):
        if "://" not in link:
            target, _, anchor = link.partition("#")
            there = path.parent / target if target else path
            assert there.exists(), link
            assert not anchor or anchor in anchors(there), link


def anchors(path: Path) -> list[str]:
    """What a link to a heading of a page has behind its ``#``."""
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return [re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings]


def test_every_guide_is_found_from_the_readme() -> None:
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    for path in (REPOSITORY / "docs").glob("*.md"):
        assert f"(docs/{path.name})" in readme, path.name


def test_tree_names_what_there_is() -> None:
    tree = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for path in (REPOSITORY / "seqtext").iterdir():
        if path.name not in ("__init__.py", "__main__.py", "__pycache__", "py.typed"):
            assert re.search(rf"^  {re.escape(path.name)}\b", tree, re.MULTILINE), path.name


def test_public_names_are_there() -> None:
    assert sorted(dir(seqtext)) == sorted(seqtext.__all__)
    for name in seqtext.__all__:
        assert getattr(seqtext, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        seqtext.nothing  # noqa: B018


def test_nothing_names_this_machine() -> None:
    assert assets.FOLDERS == ("recipes", "tokenizers")
    for path in (REPOSITORY / "seqtext").rglob("*.py"):
        assert not re.search(r"[\"'](/home|/root|/Users)/", path.read_text(encoding="utf-8")), path
