"""YAML within bounds. The only reader of configuration files and of option values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from jsonargparse import get_loader, set_loader

from seqtext.errors import ConfigError

MODE = "seqtext"  # how the option parser is told to read by ``load``
MOST_BYTES = 1_000_000
MOST_DEPTH = 40
_TOO_LARGE = f"larger than {MOST_BYTES:,} bytes; is it a configuration?"
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Refused(yaml.error.MarkedYAMLError):
    """YAML that could be parsed but takes too much, or says one thing twice."""


def load(text: str) -> Any:
    """The value of a YAML text.

    Raises:
        yaml.YAMLError: It is no YAML, or ``Refused``.
    """
    compose(text)
    return get_loader("yaml")(text)


set_loader(MODE, load, exceptions=(yaml.YAMLError,))


def read(path: Path, name: str) -> str:
    """The text of a configuration file, within bounds. It is read once, since it may be a pipe.

    Args:
        path: The file.
        name: What messages call it.

    Raises:
        ConfigError: The file cannot be read, or is too large.
    """
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


def sections(text: str, name: str) -> tuple[dict[str, Any], yaml.Node | None]:
    """The sections of a configuration, and its root node, whose parts know their lines.

    Raises:
        ConfigError: It is no YAML, is refused, or has no sections. Tells ``name`` and line.
    """
    try:
        node, content = compose(text), load(text)
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = "" if where is None else f":{where.line + 1}"
        reason = getattr(error, "problem", None) or error
        what = reason if isinstance(error, Refused) else f"not YAML ({reason})"
        raise ConfigError(f"{name}{line}: {what}") from error
    if not isinstance(content, dict):
        shown = "nothing" if content is None else repr(content)[:100]
        raise ConfigError(f"{name}: expected sections (data:, model:, …), got {shown}")
    return content, node


def compose(text: str) -> yaml.Node | None:
    """The nodes of a text, bounded before anything recursive looks at it."""
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
