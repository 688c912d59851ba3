"""Old names of options in Python."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, get_type_hints

import pytest

from seqtext import renames
from seqtext.data.labelled import LabelsDataModule
from seqtext.data.pairs import PairsDataModule
from seqtext.errors import ConfigError
from seqtext.search.config import SearchConfig
from seqtext.training.config import OptimizerConfig, SelectionConfig

CLASSES: list[tuple[Callable[..., Any], renames.Renames, dict[str, Any]]] = [
    (SearchConfig, renames.SEARCH, {"min_ratio": 1.0, "max_ratio": 2.0, "no_repeat_ngram": 3}),
    (PairsDataModule, renames.DATA, {"processes": 2}),
    (LabelsDataModule, renames.DATA, {"processes": 2}),
    (OptimizerConfig, renames.OPTIMIZER, {"final_share": 0.5, "part_rates": {"encoder": 0.5}}),
    (SelectionConfig, renames.SELECTION, {"average": 2}),
]


def make(kind: Callable[..., Any], **options: Any) -> Any:
    return (
        kind("c.tsv", **options) if kind in (PairsDataModule, LabelsDataModule) else kind(**options)
    )


@pytest.mark.parametrize(("kind", "names", "options"), CLASSES)
def test_an_old_name_sets_the_option(
    kind: Callable[..., Any], names: renames.Renames, options: dict[str, Any]
) -> None:
    for old, value in options.items():
        with pytest.warns(DeprecationWarning, match=f"{old} is now {names[old]}; .* 0.3") as told:
            made = make(kind, **{old: value})
        assert [warning.filename for warning in told] == [__file__]
        assert getattr(made, names[old]) == value
        with pytest.raises(ConfigError, match=f"{old}: is given as {names[old]}, too"):
            make(kind, **{old: value, names[old]: value})


@pytest.mark.parametrize(("kind", "names", "_"), CLASSES)
def test_signatures_have_the_new_names(
    kind: Callable[..., Any], names: renames.Renames, _: dict[str, Any]
) -> None:
    parameters = inspect.signature(kind).parameters
    assert parameters.keys() >= {*names.values()} and not parameters.keys() & names.keys()
    assert get_type_hints(kind.__init__).keys() >= {*names.values()}
