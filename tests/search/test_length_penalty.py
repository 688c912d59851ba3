"""The two formulas, by hand."""

import math

import pytest

from seqtext.errors import ConfigError
from seqtext.search.length_penalty import LengthPenalty


@pytest.mark.parametrize("alpha", [0.0, 0.6, 1.0, 1.7])
@pytest.mark.parametrize("length", [1, 2, 7, 40])
def test_power_is_the_length_to_alpha(length, alpha):
    assert math.isclose(LengthPenalty(alpha)(length), math.exp(alpha * math.log(length)))


@pytest.mark.parametrize("alpha", [0.0, 0.6, 1.0, 1.7])
@pytest.mark.parametrize("length", [1, 2, 7, 40])
def test_wu_divides_the_length_plus_5_by_6(length, alpha):
    expected = (5 + length) ** alpha / (5 + 1) ** alpha  # Wu et al. 2016, eq. 14, as printed
    assert math.isclose(LengthPenalty(alpha, "wu")(length), expected)


def test_default_is_the_mean():
    assert LengthPenalty() == LengthPenalty(alpha=1.0, formula="power")
    assert LengthPenalty()(5) == 5.0


def test_unknown_formula_says_what_there_is():
    with pytest.raises(ConfigError, match=r"formula: 'linear', .*power.*wu"):
        LengthPenalty(1.0, "linear")  # type: ignore[arg-type]
