"""Check and complete what the option parser accepts, before anything is built."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import math
import os
import types
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, Union, get_args, get_origin, get_type_hints

import torch
from jsonargparse import Namespace

from seqtext.errors import ConfigError
from seqtext.search.config import SearchConfig
from seqtext.training.config import SelectionConfig

_TYPES = {bool: "true or false", float: "a number", int: "a whole number", str: "text"}
# Paths, where ~ is the home folder. A shell expands it only at the start of a word.
_CORPORA = ("train", "validation", "test", "compare")
_PATHS = {
    "data": (*_CORPORA, "cache_dir"),
    "data.tokenizer": ("source_model", "target_model"),
    "model": ("init_from", "source_vectors", "target_vectors", "vectors"),
    "trainer": ("default_root_dir",),
}
_UNITS = ("batch_tokens", "batch_size")  # of the size of a batch
_MOST_SEED = 2**32 - 1  # NumPy takes no larger one


def check(config: Namespace) -> None:
    """Refuse nulls and infinite numbers in the options of our own classes, and a wrong search.

    Raises:
        ConfigError: An option is null, or not finite, where it must not be. Or one of a search is wrong.
    """
    _make_plain(config)
    for section in ("model", "data"):
        cls = _class_at(config[section].class_path)
        if cls.__module__.startswith("seqtext."):
            _check(config[section].init_args, get_type_hints(cls.__init__), section)
    _check(config.selection, get_type_hints(SelectionConfig), "selection")
    _check_search(config.model.init_args.get("search"))


def _class_at(path: str) -> type[Any]:
    module, _, name = path.rpartition(".")
    cls: type[Any] = getattr(importlib.import_module(module), name)
    return cls


def _check(options: Namespace, hints: dict[str, Any], prefix: str) -> None:
    for name, value in options.items(branches=True, nested=False):
        hint, where = hints.get(name, Any), f"{prefix}.{name}"
        kinds = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
        if value is None and type(None) not in kinds and hint is not Any:
            expected = _TYPES.get(hint, "a value")
            raise ConfigError(
                f"{where}: null, expected {expected}; leave the option out for its default"
            )
        if dataclasses.is_dataclass(hint) and isinstance(value, Namespace):
            _check(value, get_type_hints(hint), where)
        for number in value.values() if isinstance(value, dict) else [value]:
            if isinstance(number, float) and not math.isfinite(number):
                raise ConfigError(f"{where}: {number}, expected a finite number")


def _check_search(options: object) -> None:
    """Refuse wrong options of a search by their whole names. The search itself has those of ``generate``."""
    if isinstance(options, Namespace):
        try:
            SearchConfig(**options.as_dict())
        except ConfigError as error:
            raise ConfigError(f"model.search.{error}") from error


def _make_plain(tree: Any) -> None:
    """Turn members of an Enum and devices into text. They are defaults of Lightning, and YAML has neither."""
    items: Any = (
        enumerate(tree) if isinstance(tree, list) else tree.items(branches=True, nested=False)
    )
    for key, value in list(items):
        if isinstance(value, str) and isinstance(value, Enum):
            tree[key] = value.value
        elif isinstance(value, torch.device):
            tree[key] = str(value)
        elif isinstance(value, Namespace | list):
            _make_plain(value)


def expand_home(config: Namespace) -> None:
    """Expand ``~`` in the options that are paths."""
    for section, names in _PATHS.items():
        first, _, inner = section.partition(".")
        options = config[first].get("init_args", config[first])
        options = options.get(inner) if inner else options
        for name in names:
            if isinstance(options, Namespace) and options.get(name) is not None:
                options[name] = _expanded(options[name])


def _expanded(value: object) -> object:
    if isinstance(value, list):
        return [_expanded(item) for item in value]
    if isinstance(value, dict):
        return {**value, "path": _expanded(value.get("path"))}
    return os.path.expanduser(value) if isinstance(value, str) else value


def set_seeds(config: Namespace, given: set[str], typed: set[str]) -> None:
    """Let ``seed_everything`` stand for the seeds of the model and of the data.

    Args:
        config: The parsed options.
        given: Options that a file or the command line sets.
        typed: Those of them on the command line. Its ``seed_everything`` overrides a file's seeds.

    Raises:
        ConfigError: ``seed_everything`` is no seed.
    """
    seed = config.seed_everything
    if seed is False:
        return
    if seed is True or not 0 <= seed <= _MOST_SEED:
        shown = "true" if seed is True else seed
        raise ConfigError(f"seed_everything: {shown}, expected a number from 0 to {_MOST_SEED}")
    before = typed if "seed_everything" in typed else given
    for section in ("model", "data"):
        options = config[section].init_args
        if "seed" in options and f"{section}.seed" not in before:
            options.seed = seed


def settle_batch(config: Namespace, sources: Sequence[Mapping[str, object]]) -> None:
    """Let the last source that says how large a batch is override the others, in either unit.

    Args:
        config: The parsed options.
        sources: The options of each file by dotted name, then those of the command line.

    Raises:
        ConfigError: One source has both units. A default does not count, because a run writes that to its
            configuration, too.
    """
    options, unit = config.data.init_args, None
    if any(name not in options for name in _UNITS):
        return
    parameters = inspect.signature(_class_at(config.data.class_path)).parameters
    for source in sources:
        values = {name: source.get(f"data.{name}") for name in _UNITS if options[name] is not None}
        given = {name: value for name, value in values.items() if value is not None}
        if len(given) == 2:
            given = {
                name: value
                for name, value in given.items()
                if name not in parameters or value != parameters[name].default
            }
        if len(given) == 2:
            raise ConfigError(
                f"data.batch_size: {given['batch_size']}, and data.batch_tokens {given['batch_tokens']}: both"
                " say how large a batch is; leave one of the two out"
            )
        unit = next(iter(given), unit)
    for other in _UNITS:
        if unit is not None and other != unit:
            options[other] = None


def refuse_unused(config: Namespace) -> None:
    """Refuse options that would have no effect.

    Raises:
        ConfigError: ``data.compare`` without a model to compare with.
    """
    model, data = config.model.init_args, config.data.init_args
    if data.get("compare") is not None and "init_from" in model and model.init_from is None:
        raise ConfigError(
            "data.compare: is scored before and after a training that starts from another model; name that"
            " with model.init_from, or leave data.compare out"
        )
