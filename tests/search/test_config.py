"""Options of a search that fit together, and that do not."""

from __future__ import annotations

from typing import Any

import pytest

from seqtext.errors import ConfigError
from seqtext.search.config import SearchConfig


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"temperature": 0.5}, ["temperature: 0.5", "samples"]),
        ({"top_k": 3}, ["top_k: 3", "samples"]),
        ({"top_p": 0.9}, ["top_p: 0.9", "samples"]),
        ({"min_p": 0.1}, ["min_p: 0.1", "samples"]),
        ({"seed": 2}, ["seed: 2", "samples"]),
        ({"diversity_penalty": 1.0}, ["diversity_penalty: 1.0", "beam_groups"]),
        ({"samples": 2, "beam_size": 4}, ["beam_size: 4", "samples"]),
        ({"samples": 2, "n_best": 2}, ["n_best: 2", "samples"]),
        ({"samples": 2, "beam_groups": 5}, ["beam_groups: 5", "samples"]),
        ({"samples": 2, "coverage_penalty": 1.0}, ["coverage_penalty: 1.0", "samples"]),
        ({"beam_groups": 2}, ["beam_groups: 2", "beam_size, which is 5"]),
        ({"samples": 1, "temperature": 0.0}, ["temperature: 0.0", "more than 0"]),
        ({"samples": 1, "top_p": 0.0}, ["top_p: 0.0", "more than 0"]),
        ({"samples": 1, "min_p": 1.5}, ["min_p: 1.5", "at most 1"]),
        ({"samples": -1}, ["samples: -1", "at least 0"]),
    ],
)
def test_options_without_a_use_are_refused(options: dict[str, Any], told: list[str]) -> None:
    with pytest.raises(ConfigError) as refused:
        SearchConfig(**options)
    assert all(part in str(refused.value) for part in told)


@pytest.mark.parametrize(
    ("options", "width", "outputs", "described"),
    [
        ({}, 5, 1, "beam 5"),
        ({"beam_size": 1}, 1, 1, "greedy search"),
        ({"beam_size": 6, "beam_groups": 3, "n_best": 4}, 6, 4, "diverse beam 6 in 3 groups"),
        ({"samples": 3, "top_p": 0.9, "seed": 4}, 3, 3, "samples with seed 4"),
        ({"samples": 1, "beam_size": 1}, 1, 1, "samples with seed 1"),
    ],
)
def test_what_a_search_keeps_and_returns(
    options: dict[str, Any], width: int, outputs: int, described: str
) -> None:
    config = SearchConfig(**options)
    assert (config.width, config.outputs, config.describe()) == (width, outputs, described)
