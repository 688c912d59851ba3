"""Turn messages of the option parser into plain words."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from typing import TypeVar, get_type_hints

from lightning.fabric.utilities.exceptions import MisconfigurationException

from seqtext.cli.trust import refusal
from seqtext.cli.unknown_options import explain_unrecognized
from seqtext.data.labelled import LabelledCorpusOptions
from seqtext.errors import ConfigError, SeqtextError
from seqtext.suggestion import suggest
from seqtext.training.run.loggers import LOGGER_NAMES

T = TypeVar("T")

# lines of a parser's message that say nothing to a user
_NOISE = (
    "Does not validate against any",
    "Subtypes:",
    "Errors:",
    "Given value",
    "Expected a path but",
    "Not a valid subclass of",
    "Problem with given class_path",
    "Subclass types expect one of:",
    "a class path (str)",
    "a dict with",
    "Expected a <class 'NoneType'>. Got value",
)
_KEY = re.compile(r'Parser key "([^"]*)":')
_KIND = re.compile(r"Expected a (?:<class '([\w.]+)'>|typing\.Literal\[(.*)\])")
_VALUE = re.compile(r"Given value: (?!NestedArg|Namespace)(.*)")
_UNEXPECTED = re.compile(r"Unexpected keys: \{'?(.*?)'?\}")  # of a corpus
_UNLOADED = re.compile(r"Unable to load config '(.*)' Unable to load config \"\1\"$")
_DENIED = re.compile(r"Importing '([^']*)' is not allowed, denied by")


def explained(action: Callable[[], T]) -> T:
    """Run ``action``, and turn errors of the parser into a readable ``ConfigError``."""
    try:
        return action()
    except SeqtextError:
        raise
    except (argparse.ArgumentError, ValueError, TypeError, MisconfigurationException) as error:
        raise ConfigError(_explain(str(error))) from error


def _explain(message: str) -> str:
    """One line with the facts of a parser's message.

    The parser has no typed errors. So its texts are matched here, and tests hold the result.
    """
    if denied := _DENIED.search(message):
        return refusal(denied[1])
    lines = [line.strip().removeprefix("- ") for line in message.splitlines()]
    kinds = [kind[1] or kind[2] for kind in map(_KIND.fullmatch, lines) if kind]
    kinds = [kind for kind in dict.fromkeys(kinds) if kind != "NoneType"]
    keys = [key[1] for key in map(_KEY.match, lines) if key]  # from the outermost to the innermost
    facts = [line for line in lines if not line.startswith(_NOISE) and not _KIND.fullmatch(line)]
    facts = [_KEY.sub("", line).strip() for line in facts]
    facts = list(dict.fromkeys(filter(None, facts)))
    values = [value[1] for value in map(_VALUE.fullmatch, lines) if value]
    if not facts:  # the message has only the expected types
        given = f"{values[0]}, " if values else ""
        facts = [f"{given}expected {' or '.join(kinds) or 'something else'}"]
    where = f"{'.'.join(dict.fromkeys(keys))}: " if keys else ""
    text = where + " ".join(facts)
    text = _UNLOADED.sub(r"\1, expected options, as {name: value}; --config reads a file", text)
    text = re.sub(r"Expected a typing.Literal\[(.*?)\]\. Got value: (.*)", r"\2, expected \1", text)
    text = re.sub(r"Expected a <class '(\w+)'>\. Got value: (.*)", r"\2, expected \1", text)
    text = re.sub(
        r"Expected a dot import path string: (\S+)",
        r"\1: no such class; write its whole path",
        text,
    )
    text = re.sub(r"(nan|inf), expected float", r"\1, expected a finite number", text)
    text = re.sub(r"(\d+)\.0, expected int", r"\1.0, expected int; write \1", text)
    text = re.sub(
        r"Key must be a string, got: (.*)\.",
        r"\1 as a name, expected text; put it between quotes",
        text,
    )
    if re.search(r"(True|False|\d), expected str", text):
        text += "; YAML takes yes, no and numbers for text only between quotes"
    text = explain_unrecognized(text)
    text = _UNEXPECTED.sub(_describe_unexpected, text)
    text = text.replace("collections.abc.Sequence", "list")
    if text.startswith("trainer.logger: "):
        text += f". Or name a logger in one word: {', '.join(LOGGER_NAMES)}"
    return text.replace(
        "data: the following arguments are required: train", "data.train is required"
    )


def _describe_unexpected(match: re.Match[str]) -> str:
    return f"no option {match[1]!r}{suggest(match[1], get_type_hints(LabelledCorpusOptions))}"
