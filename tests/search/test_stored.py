"""The search of a checkpoint. Options override single values."""

from __future__ import annotations

import pytest

from seqtext.errors import ConfigError
from seqtext.search.config import SearchConfig
from seqtext.search.stored import (
    STORED,
    changed_options,
    check_stored,
    describe_options,
    override,
)

STORED_SEARCH = SearchConfig(beam_size=3, length_penalty=0.6, max_length=12)


def test_only_what_differs_from_our_defaults_is_kept() -> None:
    assert changed_options(SearchConfig()) == {}
    changed = changed_options(STORED_SEARCH)
    assert changed == {"beam_size": 3, "length_penalty": 0.6, "max_length": 12}
    assert SearchConfig(**changed) == STORED_SEARCH
    assert describe_options(changed) == "beam_size 3, length_penalty 0.6, max_length 12"


def test_an_option_overrides_its_value_alone() -> None:
    given = {"length_penalty": 1.0, "max_length": None, "n_best": 2}
    expected = SearchConfig(beam_size=3, length_penalty=1.0, max_length=None, n_best=2)
    assert override(STORED_SEARCH, given) == expected
    assert override(STORED_SEARCH, {}) == STORED_SEARCH


def test_a_stored_value_that_contradicts_an_option_gives_way() -> None:
    expected = SearchConfig(
        n_best=4, length_penalty=0.6, max_length=12
    )  # 3 hypotheses have no 4 best
    assert override(STORED_SEARCH, {"n_best": 4}) == expected
    both = {"n_best": 5, "min_length": 13}
    assert override(STORED_SEARCH, both) == SearchConfig(
        n_best=5, min_length=13, length_penalty=0.6
    )


def test_options_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"^max_words: 3, expected at least min_words"):
        override(STORED_SEARCH, {"min_words": 4, "max_words": 3})
    with pytest.raises(ConfigError, match=r"^n_best: 9, .* which is 3"):  # nor our beam size
        override(STORED_SEARCH, {"n_best": 9})
    with pytest.raises(ConfigError, match=r"^beam_size: 0"):
        override(STORED_SEARCH, {"beam_size": 0})


@pytest.mark.parametrize("option", [{"n_best": 2}, {"batch_size": 8}])
def test_what_a_call_decides_is_not_stored(option: dict[str, int]) -> None:
    [name] = option
    assert name not in STORED
    with pytest.raises(ConfigError, match=f"search.{name}: "):
        check_stored(SearchConfig(**option))  # type: ignore[arg-type]
    check_stored(STORED_SEARCH)
