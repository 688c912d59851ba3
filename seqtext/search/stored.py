"""The search that a checkpoint brings: what its recipe sets, and how options override it."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Mapping
from typing import Any

from seqtext.errors import ConfigError
from seqtext.search.config import SearchConfig

# A call alone decides what form its outputs have, and whether they are drawn or chosen from a list. It also
# decides what its machine can hold.
_OF_A_CALL = (
    "n_best", "details", "attention", "replace_unknown", "batch_size",
    "beam_groups", "diversity_penalty", "mbr", "samples", "temperature", "top_k", "top_p", "min_p", "seed",
)  # fmt: skip
# Options of a search that a checkpoint can hold
STORED = tuple(
    field.name for field in dataclasses.fields(SearchConfig) if field.name not in _OF_A_CALL
)


def changed_options(config: SearchConfig) -> dict[str, Any]:
    """The options of a search that differ from our defaults, by name."""
    default = vars(SearchConfig())
    return {name: value for name, value in vars(config).items() if value != default[name]}


def check_stored(config: SearchConfig) -> None:
    """Refuse a search that a checkpoint cannot hold.

    Raises:
        ConfigError: An option is of a call.
    """
    for name, value in changed_options(config).items():
        if name in _OF_A_CALL:
            raise ConfigError(
                f"search.{name}: {value}, but a checkpoint holds no such default. Give {name} to the command"
                " that decodes"
            )


def override(stored: SearchConfig, given: Mapping[str, Any]) -> SearchConfig:
    """A stored search with the options of a call, which win. Stored values that contradict them give way.

    Args:
        stored: Of a checkpoint.
        given: Options of the call by name.

    Raises:
        ConfigError: A value has another type or is out of range. Or given options contradict each other.
    """
    try:
        return dataclasses.replace(stored, **given)
    except ConfigError as error:
        try:
            config = SearchConfig(**given)
        except ConfigError:
            raise error from None
    for name, value in changed_options(stored).items():
        if name not in given:
            with contextlib.suppress(ConfigError):
                config = dataclasses.replace(config, **{name: value})
    return config


def describe_options(options: Mapping[str, object]) -> str:
    """Options with their values, on one line."""
    return ", ".join(f"{name} {value}" for name, value in options.items())
