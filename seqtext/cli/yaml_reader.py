"""Read YAML within bounds. All configuration files and option values are read here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from jsonargparse import get_loader, set_loader

from seqtext import files
from seqtext.errors import ConfigError

MODE = "seqtext"  # with this name the option parser reads YAML by ``load``
MOST_BYTES = 1_000_000
MOST_DEPTH = 40
SECTIONS = ("model", "data", "trainer", "selection")
# options within a section that have options of their own
_OF_OPTIONS = ("init_args", "network", "optimizer", "tokenizer")
_OF_CLASS = ("class_path", "init_args")
_TEXT, _NULL = "tag:yaml.org,2002:str", "tag:yaml.org,2002:null"
_TOO_LARGE = f"larger than {MOST_BYTES:,} bytes; is it a configuration?"
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Refused(yaml.error.MarkedYAMLError):
    """Valid YAML that is too large or too deep, has aliases, or repeats a key."""


def load(text: str) -> Any:
    """The value of a YAML text.

    Raises:
        yaml.YAMLError: The text is no YAML, or is ``Refused``.
    """
    compose(text)
    return get_loader("yaml")(text)


set_loader(MODE, load, exceptions=(yaml.YAMLError,))


def read(path: Path, name: str) -> str:
    """Read a configuration file, within bounds and only once, because it may be a pipe.

    Args:
        path: The file.
        name: Its name in messages.

    Raises:
        ConfigError: The file cannot be read, or is too large.
    """
    if (reason := files.odd_name(path)) is not None:
        raise ConfigError(f"{name}: cannot be read ({reason})")
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise ConfigError(f"{name}: {_TOO_LARGE}")
        return data.decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{name}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{name}:{line}: not UTF-8 (byte 0x{data[error.start]:x})") from error


def sections(text: str, name: str) -> tuple[str, yaml.Node]:
    """Read a configuration, and leave its empty sections out.

    Returns:
        Its text, and its root node, whose parts know their lines.

    Raises:
        ConfigError: It is no YAML, is refused, or has no sections. The message has ``name`` and line.
    """
    try:
        node = compose(text)
        load(text)
        if node is None or not isinstance(node, yaml.MappingNode):
            shown = "nothing" if node is None else repr(load(text))[:100]
            raise ConfigError(f"{name}: expected sections (data:, model:, …), got {shown}")
        _refuse_odd(node)
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = "" if where is None else f":{where.line + 1}"
        reason = getattr(error, "problem", None) or error
        what = reason if isinstance(error, Refused) else f"not YAML ({reason})"
        raise ConfigError(f"{name}{line}: {what}") from error
    if _drop_nulls(node):
        text = yaml.serialize(node, Dumper=yaml.SafeDumper)
    return text, node


def _refuse_odd(root: yaml.MappingNode) -> None:
    """Refuse sections that are no mappings, and names of options that are no text.

    Raises:
        Refused: A section or a name is odd.
    """
    _refuse_odd_names(root)
    for key, value in root.value:
        if key.value not in SECTIONS or value.tag == _NULL:
            continue
        is_class = key.value in ("model", "data") and value.tag == _TEXT
        if not isinstance(value, yaml.MappingNode) and not is_class:
            raise Refused(
                problem=f"{key.value}: expected options with their names, as {key.value}: {{NAME: VALUE}}",
                problem_mark=value.start_mark,
            )
        _refuse_odd_names(value)


def _refuse_odd_names(node: yaml.Node) -> None:
    if not isinstance(node, yaml.MappingNode):
        return
    for key, value in node.value:
        if key.tag != _TEXT:
            raise Refused(
                problem=f"{key.value} is the name of an option here, and YAML takes it for something else"
                " than text; put it between quotes",
                problem_mark=key.start_mark,
            )
        items = value.value if isinstance(value, yaml.SequenceNode) else [value]
        for item in items:
            of_class = isinstance(item, yaml.MappingNode) and any(
                inner.value == "class_path" for inner, _ in item.value
            )
            if key.value in _OF_OPTIONS or of_class:
                _refuse_odd_names(item)


def _drop_nulls(root: yaml.MappingNode) -> bool:
    """Remove empty sections, and say whether there were any."""
    places = [root, *(value for key, value in root.value if key.value in SECTIONS)]
    dropped = False
    for place in places:
        if isinstance(place, yaml.MappingNode):
            left = [
                (key, value)
                for key, value in place.value
                if value.tag != _NULL or (place is not root and key.value not in _OF_CLASS)
            ]
            dropped |= len(left) < len(place.value)
            place.value = left
    return dropped


def compose(text: str) -> yaml.Node | None:
    """The nodes of a text. Its size and depth are checked before anything recursive reads it."""
    if len(text) > MOST_BYTES:
        raise Refused(problem=_TOO_LARGE)
    depth, anchors = 0, set[str | None]()
    for event in yaml.parse(text, Loader=_Loader):
        mark: Any = event.start_mark
        if isinstance(event, yaml.AliasEvent):
            if event.anchor in anchors:
                raise Refused(
                    problem=f"*{event.anchor} is an alias, and aliases are not read; write the value"
                    " itself",
                    problem_mark=mark,
                )
            continue  # composing says that it has no anchor
        if isinstance(event, yaml.ScalarEvent) and "\0" in event.value:
            raise Refused(
                problem="there is a NUL character in it, which no name or text has",
                problem_mark=mark,
            )
        if isinstance(event, yaml.NodeEvent):
            anchors.add(event.anchor)
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MOST_DEPTH:
            raise Refused(
                problem=f"sections lie deeper in each other than {MOST_DEPTH} levels",
                problem_mark=mark,
            )
    node: yaml.Node | None = yaml.compose(text, Loader=_Loader)
    _refuse_repeated(node)
    return node


def _refuse_repeated(node: yaml.Node | None) -> None:
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_repeated(item)
    if not isinstance(node, yaml.MappingNode):
        return
    keys: dict[tuple[str, str], Any] = {}
    for key, value in node.value:
        first = keys.setdefault((key.tag, str(key.value)), key)
        if first is not key:
            raise Refused(
                problem=f"{key.value} is given again, after line {first.start_mark.line + 1}; put both"
                " into one",
                problem_mark=key.start_mark,
            )
        _refuse_repeated(value)
