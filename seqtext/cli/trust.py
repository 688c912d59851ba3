"""Check which classes a configuration names: known ones, or those that the command line trusts.

A file with options must not run code of its author's choice. But the option parser imports and calls what
a ``class_path`` names. So each class that a value names must be in a list.
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
from lightning.pytorch import Callback, LightningDataModule, LightningModule
from lightning.pytorch.loggers import Logger
from lightning.pytorch.profilers import Profiler
from lightning.pytorch.strategies import Strategy

from seqtext.checkpoint.consent import covers, trusting
from seqtext.cli.consent import check_packages, is_path, look_in_working_folder
from seqtext.cli.yaml_reader import Refused, compose
from seqtext.errors import ConfigError
from seqtext.internals import parser_settings_restored

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
# options whose value can be the path of a class, or a list of paths
_SECTIONS = ("model", "data")
_OF_TRAINER = ("accelerator", "callbacks", "logger", "plugins", "profiler", "strategy")


class Trust:
    """The classes that a configuration may name.

    Args:
        packages: Packages or modules. Everything in them is trusted.
        paths: Paths of trusted classes and functions. The bare name of a loaded class will do.

    Raises:
        ConfigError: A name in ``packages`` is not that of a package.
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
            ConfigError: It names one. The message has ``name``, line and class.
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
        """Let the option parser import nothing else, and checkpoints name cells of it."""
        allowed = sorted({*filter(is_path, self._paths), *self._packages})
        with parser_settings_restored(), trusting(allowed):
            set_parsing_settings(
                import_path_denylist=["*"],
                import_path_allowlist=allowed,
                instantiate_subclass_spec_in_any=False,
            )
            yield


def refusal(path: str) -> str:
    """The message for a class that is not trusted, with what to do."""
    if not is_path(path):
        return (
            f"{path} is no path of a class. Options are not read from a file that is named here: write them"
            " out, or give the file with --config"
        )
    package = path.partition(".")[0]
    refused = (
        f"{path} is not one of the classes of seqtext and Lightning that a configuration may name"
    )
    # No advice to trust these: their modules also import functions that can run any program.
    if package in ("seqtext", "lightning"):
        origin = _origin(path)
        alias = f". It is {origin} by another name" if origin else ""
        return f"{refused}{alias}. Leave it out, or name another class"
    advice = (
        f"give --trust {package}"
        if "." in path
        else "write its whole path, and --trust its package"
    )
    return f"{refused}. If you trust that code and want it to run, {advice}"


def _origin(path: str) -> str | None:
    """The path of a loaded class or function in its own package, if ``path`` is in another package."""
    parts, value = path.split("."), None
    for part in parts:
        value = sys.modules.get(part) if value is None else getattr(value, part, None)
        if value is None:
            return None
    module = getattr(value, "__module__", None) or getattr(value, "__name__", "")
    if inspect.ismodule(value) or not module or module.partition(".")[0] == parts[0]:
        return None
    return f"{module}.{getattr(value, '__qualname__', parts[-1])}"


def paths_of(words: Iterable[tuple[str, str]], preset: dict[str, object]) -> list[str]:
    """Paths of the classes that a command line and a recipe's preset name.

    Args:
        words: Names and values of options.
        preset: Defaults by option name.
    """
    paths = [path for _, path, _ in _class_paths(compose(yaml.safe_dump(preset)))]
    for name, value in words:
        section, _, option = name.removeprefix("--").partition(".")
        if os.path.isfile(value):  # a file with options, as little trusted as any file
            continue
        try:
            node = _collection(value)
            paths += [path for _, path, _ in _class_paths(node, name.removeprefix("--"))]
        except Refused as error:
            raise ConfigError(f"{name}: {error.problem}") from error
        if node is not None:
            continue
        if (
            (section in _SECTIONS and not option)
            or (section == "trainer" and option.rstrip("+").split(".")[0] in _OF_TRAINER)
            or (_is_cell(name) and "." in value)
        ):
            paths.append(value)
    return paths


def _class_paths(
    node: yaml.Node | None, option: str = "", line: int | None = None
) -> Iterator[tuple[str, str, int]]:
    """Option, class path and line of every class that YAML names, also of YAML within a text."""
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
        inner = _collection(node.value)  # the option parser reads texts as YAML too
        if inner is not None:
            yield from _class_paths(inner, option, at)
        elif names[-1] == "class_path" or ((holder or _is_cell(option)) and "." in node.value):
            yield option, node.value, at


def _is_cell(option: str) -> bool:
    """Whether an option names a recurrent cell, which can be the path of a class."""
    return option.endswith("network.cell")


def _collection(text: str) -> yaml.CollectionNode | None:
    """Read a text as a YAML list or mapping, None if it is neither.

    Raises:
        Refused: It is too large or too deep.
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
    paths = {path for name in _OURS for path in _paths_to(name)}
    for package in _LIGHTNING:
        for name, value in vars(importlib.import_module(package)).items():
            if inspect.isclass(value) and value.__module__.startswith("lightning."):
                paths |= {f"{package}.{name}", *_paths_of_object(value)}
    return frozenset(paths)


def _paths_to(path: str) -> set[str]:
    """All paths of the class or function at ``path``."""
    module, _, name = path.rpartition(".")
    try:
        return {path, *_paths_of_object(getattr(importlib.import_module(module), name))}
    except (ImportError, AttributeError):  # the option parser reports it
        return {path}


def _paths_of_object(value: Any) -> set[str]:
    """The path of a class or function in its module, and in the packages above that import it.

    The option parser uses the shortest of them.
    """
    name, paths = value.__name__, {f"{value.__module__}.{value.__qualname__}"}
    parts = value.__module__.split(".")
    for end in range(1, len(parts)):
        package = ".".join(parts[:end])
        if getattr(sys.modules.get(package), name, None) is value:
            paths.add(f"{package}.{name}")
    return paths


def _loaded(name: str) -> set[str]:
    """Paths of the loaded classes with a name."""
    paths, classes = set[str](), list[type](_BASES)
    while classes:
        cls = classes.pop()
        classes += cls.__subclasses__()
        if cls.__name__ == name:
            paths |= _paths_of_object(cls)
    return paths
