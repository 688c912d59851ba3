"""Values of options have the type that the option declares."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pytest

from seqtext.errors import ConfigError
from seqtext.values import Positive, Range, Share, check_value


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (5, int),
        (np.int8(5), int),
        (np.float32(0.5), float),
        (1, float),
        (None, int | None),
        ("power", Literal["power", "wu"]),
        ("text", str),
    ],
)
def test_a_value_of_the_type_becomes_plain(given: Any, expected: Any) -> None:
    value = check_value("option", given, expected)
    assert value == given and type(value) in (int, float, str, type(None))


@pytest.mark.parametrize(
    ("given", "expected", "told"),
    [
        ("5", int, "option: '5' (str), expected a whole number"),
        (2.5, int, "option: 2.5 (float), expected a whole number"),
        (True, int, "option: True (bool), expected a whole number"),
        (True, float, "option: True (bool), expected a number"),
        (np.bool_(True), float | None, "expected a number or nothing"),
        ([1], int | None, "option: [1] (list), expected a whole number or nothing"),
        (3, Literal["power", "wu"], "option: 3 (int), expected one of power, wu"),
        ("x", Literal["power", "wu"], "option: 'x', expected one of power, wu"),
        ([1, 2.5], list[int], "option: [1, 2.5] (list), expected a list of whole numbers"),
        ("abc", tuple[str, ...] | None, "option: 'abc' (str), expected a list of texts or nothing"),
        ({"a": "b"}, dict[str, float], "option: {'a': 'b'} (dict), expected numbers by name"),
        ({1: 2}, dict[str, float], "option: {1: 2} (dict), expected numbers by name"),
        (1, bool, "option: 1 (int), expected true or false"),
        (None, str, "option: None (NoneType), expected text"),
    ],
)
def test_a_value_of_another_type_is_refused(given: Any, expected: Any, told: str) -> None:
    with pytest.raises(ConfigError) as refused:
        check_value("option", given, expected)
    assert told in str(refused.value)


@pytest.mark.parametrize(
    ("given", "expected", "plain"),
    [
        (["a", Path("b")], tuple[str, ...], ("a", "b")),
        ((np.int8(1), 2), list[float], [1, 2]),
        ({"a": np.float32(0.5)}, dict[str, float], {"a": 0.5}),
        ("x", str | list[str] | None, "x"),
        (Path("x/y"), str | None, "x/y"),
        (True, bool, True),
    ],
)
def test_values_in_lists_and_dicts_become_plain(given: Any, expected: Any, plain: Any) -> None:
    value = check_value("option", given, expected)
    assert value == plain and type(value) is type(plain)


@pytest.mark.parametrize(
    ("given", "expected", "told"),
    [
        (0, Positive, "option: 0, expected at least 1"),
        (0, Positive | None, "option: 0, expected at least 1"),
        (1.5, Share, "option: 1.5, expected at least 0 and at most 1"),
        (1.0, Annotated[float, Range(0, below=1)], "expected at least 0 and less than 1"),
        (0, Annotated[float, Range(above=0)], "expected more than 0"),
        (float("inf"), Annotated[float, Range(0)], "option: inf, expected at least 0"),
        (float("nan"), Annotated[float, Range(0)], "option: nan, expected at least 0"),
        (10_000, Annotated[int, Range(1, 1000)], "at most 1,000"),
        (10**400, Annotated[int, Range(1, 1000)], "at most 1,000"),
        ("1", Positive, "option: '1' (str), expected a whole number"),
    ],
)
def test_a_value_out_of_range_is_refused(given: Any, expected: Any, told: str) -> None:
    with pytest.raises(ConfigError) as error:
        check_value("option", given, expected)
    assert told in str(error.value)


def test_a_value_in_range_passes() -> None:
    assert check_value("option", np.int64(1), Positive | None) == 1
    assert check_value("option", None, Positive | None) is None
    assert check_value("option", 0, Share) == 0.0
