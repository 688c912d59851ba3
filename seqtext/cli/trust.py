"""Which classes a configuration may name: known ones, and those that the command line trusts.

A file with options must not run code of its author's choice. The option parser imports what a
``class_path`` names, and calls it. So every import that a value asks for is checked against a list.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import yaml
from jsonargparse import Namespace, set_parsing_settings
from jsonargparse._common import parsing_settings
from lightning.pytorch import Callback, LightningDataModule, LightningModule
from lightning.pytorch.loggers import Logger
from lightning.pytorch.profilers import Profiler
from lightning.pytorch.strategies import Strategy

from seqtext.checkpoint.consent import covers, trusting
from seqtext.cli.consent import check_packages, is_path, look_in_working_folder
from seqtext.cli.yaml_reader import Refused, compose
from seqtext.errors import ConfigError

_LIGHTNING = [
    f"lightning.pytorch.{package}"
    for package in (
        "accelerators", "callbacks", "loggers", "plugins", "plugins.environments", "plugins.io",
        "plugins.precision", "profilers", "strategies",
    )
]  # fmt: skip
_OURS = [
    f"seqtext.{name}"
    for name in ("ClassifierModule", "EncoderDecoderModule", "LabelsDataModule", "PairsDataModule")
]
_BASES = (LightningModule, LightningDataModule, Callback, Logger, Profiler, Strategy)
# options whose value can be the path of a class, or a list of some
_SECTIONS = ("model", "data")
_OF_TRAINER = ("accelerator", "callbacks", "logger", "plugins", "profiler", "strategy")


class Trust:
    """What may be imported because a value names it.

    Args:
        packages: Packages or modules that are trusted as a whole.
        paths: Classes and functions that are trusted by their paths or, if loaded, by their names.

    Raises:
        ConfigError: ``packages`` holds what is no name of a package.
    """

    def __init__(self, packages: Sequence[str], paths: Iterable[str]) -> None:
        check_packages(packages)
        known = _known()
        self._packages = tuple(packages)
        self._paths = set(known)
        named = [path for path in paths if path not in known and is_path(path)]
        if packages or any("." in path for path in named):
            look_in_working_folder()
        for path in named:
            self._paths |= _paths_to(path) if "." in path else _loaded(path)

    def allows(self, path: str) -> bool:
        """Whether a value may name this class."""
        if "." not in path:
            return any(known.endswith(f".{path}") for known in self._paths)
        return path in self._paths or covers(self._packages, path)

    def check(self, node: yaml.Node | None, name: str) -> None:
        """Refuse a configuration that names other classes.

        Raises:
            ConfigError: It does. The message has ``name``, line and class.
        """
        try:
            for option, path, line in _class_paths(node):
                if not self.allows(path):
                    raise ConfigError(f"{name}:{line}: {option}: {refusal(path)}")
        except Refused as error:
            raise ConfigError(f"{name}: a text in it is YAML that {error.problem}") from error

    def check_cell(self, config: Namespace) -> None:
        """Refuse a cell that no file was seen to name: the parser has other sources of options.

        Raises:
            ConfigError: The parsed options name a class as ``model.network.cell`` that is not trusted.
        """
        cell = config.model.init_args.get("network.cell")
        if isinstance(cell, str) and "." in cell and not self.allows(cell):
            raise ConfigError(f"model.network.cell: {refusal(cell)}")

    @contextmanager
    def enforced(self) -> Iterator[None]:
        """Let the option parser import nothing else, and checkpoints name cells of it.

        The parser's settings are those of the whole process.
        """
        allowed = sorted({*filter(is_path, self._paths), *self._packages})
        before = dict(parsing_settings)
        set_parsing_settings(
            import_path_denylist=["*"],
            import_path_allowlist=allowed,
            instantiate_subclass_spec_in_any=False,
        )
        try:
            with trusting(allowed):
                yield
        finally:
            parsing_settings.update(before)


def refusal(path: str) -> str:
    """Why ``path`` is not imported, and what to do."""
    if not is_path(path):
        return (
            f"{path} is no path of a class. Options are not read from a file that is named here: write them"
            " out, or give the file with --config"
        )
    package = path.partition(".")[0]
    refused = (
        f"{path} is not one of the classes of seqtext and Lightning that a configuration may name"
    )
    if package in ("seqtext", "lightning"):  # some of their modules pass on what runs any program
        origin = _origin(path)
        told = f". It is {origin} by another name" if origin else ""
        return f"{refused}{told}. Leave it out, or name another class"
    way = (
        f"give --trust {package}"
        if "." in path
        else "write its whole path, and --trust its package"
    )
    return f"{refused}. If you trust that code and want it to run, {way}"


def _origin(path: str) -> str | None:
    """Where a class or function comes from that is loaded, and that ``path`` only passes on."""
    parts, one = path.split("."), None
    for part in parts:
        one = sys.modules.get(part) if one is None else getattr(one, part, None)
        if one is None:
            return None
    module = getattr(one, "__module__", None) or getattr(one, "__name__", "")
    if inspect.ismodule(one) or not module or module.partition(".")[0] == parts[0]:
        return None
    return f"{module}.{getattr(one, '__qualname__', parts[-1])}"


def paths_of(words: Iterable[tuple[str, str]], preset: dict[str, Any]) -> list[str]:
    """Paths of classes that options on the command line name, and those of a recipe's preset.

    Args:
        words: Names and values of options.
        preset: Defaults by option name.
    """
    found = [path for _, path, _ in _class_paths(compose(yaml.safe_dump(preset)))]
    for name, value in words:
        section, _, option = name.removeprefix("--").partition(".")
        if os.path.isfile(value):  # of options, and no more trusted than other files
            continue
        try:
            node = _collection(value)
            found += [path for _, path, _ in _class_paths(node, name.removeprefix("--"))]
        except Refused as error:
            raise ConfigError(f"{name}: {error.problem}") from error
        if node is not None:
            continue
        if (
            (section in _SECTIONS and not option)
            or (section == "trainer" and option.rstrip("+").split(".")[0] in _OF_TRAINER)
            or (_is_cell(name) and "." in value)
        ):
            found.append(value)
    return found


def _class_paths(
    node: yaml.Node | None, option: str = "", line: int | None = None
) -> Iterator[tuple[str, str, int]]:
    """Option, class path and line of every class that YAML names, texts that are YAML included."""
    if node is None:
        return
    at = node.start_mark.line + 1 if line is None else line
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _class_paths(value, f"{option}.{key.value}".strip("."), line)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _class_paths(item, option, line)
    elif isinstance(node, yaml.ScalarNode):
        names = option.split(".")
        holder = option in _SECTIONS or (names[0] == "trainer" and names[-1] in _OF_TRAINER)
        inner = _collection(node.value)  # the option parser reads texts as YAML, too
        if inner is not None:
            yield from _class_paths(inner, option, at)
        elif names[-1] == "class_path" or ((holder or _is_cell(option)) and "." in node.value):
            yield option, node.value, at


def _is_cell(option: str) -> bool:
    """Whether an option names a recurrent cell, which can be the path of a class."""
    return option.endswith("network.cell")


def _collection(text: str) -> yaml.CollectionNode | None:
    """The list or the mapping that a text is, if it is one.

    Raises:
        Refused: It is, and takes too much.
    """
    try:
        node = compose(text)
    except Refused:
        raise
    except yaml.YAMLError:
        return None
    return node if isinstance(node, yaml.CollectionNode) else None


@functools.cache
def _known() -> frozenset[str]:
    """Paths of our classes and of Lightning's."""
    found = {path for name in _OURS for path in _paths_to(name)}
    for package in _LIGHTNING:
        for name, one in vars(importlib.import_module(package)).items():
            if inspect.isclass(one) and one.__module__.startswith("lightning."):
                found |= {f"{package}.{name}", *_paths_of_object(one)}
    return frozenset(found)


def _paths_to(path: str) -> set[str]:
    """All paths of the class or function at ``path``."""
    module, _, name = path.rpartition(".")
    try:
        return {path, *_paths_of_object(getattr(importlib.import_module(module), name))}
    except (ImportError, AttributeError):  # the option parser says so
        return {path}


def _paths_of_object(one: Any) -> set[str]:
    """Where it is defined, and the packages above that have it, too: the parser takes the shortest."""
    name, found = one.__name__, {f"{one.__module__}.{one.__qualname__}"}
    parts = one.__module__.split(".")
    for end in range(1, len(parts)):
        package = ".".join(parts[:end])
        if getattr(sys.modules.get(package), name, None) is one:
            found.add(f"{package}.{name}")
    return found


def _loaded(name: str) -> set[str]:
    """Paths of loaded classes that have a name."""
    found, left = set[str](), list[type](_BASES)
    while left:
        one = left.pop()
        left += one.__subclasses__()
        if one.__name__ == name:
            found |= _paths_of_object(one)
    return found
