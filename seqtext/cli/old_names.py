"""Old names of options in the words and configurations of ``seqtext fit``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

import seqtext
from seqtext.cli import yaml_reader
from seqtext.console import say
from seqtext.renames import FIT, Renames, Tell, rename_flags, rename_keys, teller


def renames_of(classes: Mapping[str, str]) -> Renames:
    """Old names of the options of a run. Options of a user's own class have none.

    Args:
        classes: Path of the class of each section.
    """
    ours = ("seqtext", *seqtext.__all__)
    foreign = [name for name, path in classes.items() if path.partition(".")[0] not in ours]
    return {old: new for old, new in FIT.items() if old.partition(".")[0] not in foreign}


def rename_preset(preset: dict[str, Any]) -> dict[str, Any]:
    """The defaults of a recipe by new names. Tells each old name."""
    classes = {section: preset[section]["class_path"] for section in ("model", "data")}
    return rename_keys(preset, renames_of(classes), teller(say, "preset: "))


def rename_words(words: Sequence[str], renames: Renames) -> list[str]:
    """The words of a command line by new names, also in mappings. Tells each old name.

    Raises:
        ConfigError: A mapping has an option by both of its names.
    """
    tell, renamed, flag = teller(say), list[str](), ""
    for word in rename_flags(words, renames, tell):
        start, value = "", word
        if word.startswith("--"):
            flag, equals, value = word.partition("=")
            start = f"{flag}{equals}"
        prefix = flag.removeprefix("--").replace(".init_args", "") + "."
        renamed.append(start + _rename_in_text(value, renames, tell, prefix))
    return renamed


def rename_config(word: str, renames: Renames, name: str) -> str:
    """A ``--config=`` word, with the options in its text by new names. Tells each old name.

    Args:
        word: The word.
        renames: Dotted old names -> dotted new names.
        name: Name of the configuration in messages.

    Raises:
        ConfigError: The text has an option by both of its names.
    """
    text = word.removeprefix("--config=")
    return f"--config={_rename_in_text(text, renames, teller(say, f'{name}: '))}"


def _rename_in_text(text: str, renames: Renames, tell: Tell, prefix: str = "") -> str:
    """The text of a YAML mapping by new names. Any other text stays."""
    try:
        tree = yaml_reader.load(text)
    except (yaml.YAMLError, ValueError):  # plain text, or an error that the parser reports
        return text
    if not isinstance(tree, dict):
        return text
    renamed = rename_keys(tree, renames, tell, prefix)
    if renamed == tree:
        return text
    return yaml.safe_dump(renamed, default_flow_style=True, sort_keys=False)
