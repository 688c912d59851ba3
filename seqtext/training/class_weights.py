"""What a text of each label counts in the loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, cast

import torch
from torch import Tensor

from seqtext.data.labels import Labels
from seqtext.errors import ConfigError
from seqtext.suggestion import suggest
from seqtext.training.config import AboveZero
from seqtext.values import check_value

ClassWeights = Literal["none", "balanced"] | dict[str, float]
_YAML_WORDS = {True: ("true", "yes", "on"), False: ("false", "no", "off")}  # labels, too


def checked_weights(weights: ClassWeights) -> ClassWeights | dict[str | bool, float]:
    """``class_weights`` with names that are text, except for YAML's booleans.

    Raises:
        ConfigError: It is neither a choice nor weights above 0 by name.
    """
    if not isinstance(weights, dict):
        check_value("class_weights", weights, Literal["none", "balanced"])
        return weights
    for name, weight in weights.items():
        check_value(f"class_weights: {name}", weight, AboveZero)
    # the parser makes numbers and booleans of labels that look like them
    parsed = cast(dict[object, float], weights)
    return {
        name if isinstance(name, bool) else str(name): weight for name, weight in parsed.items()
    }


def _find_label(name: str | bool, names: Sequence[str]) -> str:
    """The label that is meant.

    Raises:
        ConfigError: There is none, or ``name`` is a boolean of YAML that several labels stand for.
    """
    known = f"{', '.join(map(repr, names[:20]))}{', …' if len(names) > 20 else ''}"
    if isinstance(name, str):
        if name in names:
            return name
        for label in names:  # labels of an older run can have white space around them
            if label.strip() == name.strip():
                return label
        raise ConfigError(
            f"model.class_weights: there is no label {name!r}; there are {known}{suggest(name, names)}"
        )
    meant = [label for label in names if label.lower() in _YAML_WORDS[name]]
    if len(meant) == 1:
        return meant[0]
    raise ConfigError(
        f"model.class_weights: {'/'.join(_YAML_WORDS[name])} (all the same to YAML, unless in quotes) is"
        f" {len(meant)} of the labels; there are {known}"
    )


def weights_of_labels(
    given: ClassWeights | dict[str | bool, float], counts: list[int], texts: int, labels: Labels
) -> Tensor:
    """The weight of each label. ``counts`` of ``texts`` have it."""
    names = labels.names
    if isinstance(given, dict):
        weight_of = {_find_label(name, names): weight for name, weight in given.items()}
        return torch.tensor([weight_of.get(name, 1.0) for name in names])
    having = torch.tensor(counts, dtype=torch.float)
    if labels.several:
        weights = ((texts - having) / having).clamp(0.01, 100)
    else:  # the weights of all texts sum to their number
        weights = texts / (having * (having > 0).sum())
    return weights.where((having > 0) & (having < texts), torch.ones(()))
