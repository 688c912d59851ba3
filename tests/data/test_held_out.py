"""Which training rows are held out: a number of them, or a fold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqtext.data.held_out import Fold, HeldOut, Split, count_folds, read_held_out
from seqtext.errors import ConfigError, DataError

hashes_of_rows = st.lists(st.integers(0, 2**64 - 1), min_size=2, max_size=60)


def chosen(part: HeldOut, hashes: list[int]) -> list[int]:
    mask = part.choose(np.array(hashes, dtype=np.uint64), "rows")
    return [value for value, taken in zip(hashes, mask.tolist(), strict=True) if taken]


@given(hashes=hashes_of_rows, data=st.data())
def test_folds_share_out_all_rows(hashes: list[int], data: st.DataObject) -> None:
    different = set(hashes)
    if len(different) < 2:
        return
    folds = data.draw(st.integers(2, len(different)))
    parts = [chosen(Fold(number, folds), hashes) for number in range(1, folds + 1)]
    assert sorted(value for part in parts for value in part) == sorted(hashes)
    sizes = [len(set(part)) for part in parts]  # rows with one source stay together
    assert sum(sizes) == len(different) and max(sizes) - min(sizes) <= 1
    order = data.draw(st.permutations(hashes))
    assert [sorted(chosen(Fold(1 + i, folds), order)) for i in range(folds)] == [
        sorted(part) for part in parts
    ]


def test_a_fold_is_about_a_split_of_its_size() -> None:
    hashes = [*range(100), 7, 7]
    assert sorted(chosen(Fold(1, 5), hashes)) == sorted(chosen(Split(22), hashes))
    assert Fold(1, 5).count_of(104) == 20 and Fold(1, 5).count_of(3) == 1
    assert Split(22).count_of(104) == 22


def test_more_folds_than_sources() -> None:
    with pytest.raises(DataError, match="3 folds of rows, which have 2 different sources"):
        chosen(Fold(1, 3), [1, 2, 2, 1])


@pytest.mark.parametrize(
    ("given", "part"),
    [
        ("split:12", Split(12)),
        ("fold:1/2", Fold(1, 2)),
        ("fold:10/10", Fold(10, 10)),
        ("dev.tsv", None),
        (None, None),
        (["split:12"], None),
    ],
)
def test_the_part_that_is_named(given: object, part: HeldOut | None) -> None:
    assert read_held_out(given) == part
    assert part is None or str(part) == given
    assert count_folds(given) is None


@pytest.mark.parametrize(
    "given", ["fold:6/5", "fold:0/5", "fold:1/1", "fold:2", "fold:x/5", "fold:1/", "fold:-1/5"]
)
def test_no_fold(given: str) -> None:
    with pytest.raises(ConfigError, match=f"data.validation: {given}, expected fold:NUMBER/FOLDS"):
        read_held_out(given)


@pytest.mark.parametrize("given", ["folds:1", "folds:0", "folds:x", "folds:", "folds:2/5"])
def test_no_number_of_folds(given: str) -> None:
    with pytest.raises(ConfigError, match=f"data.validation: {given}, expected folds:N"):
        count_folds(given)


def test_several_folds_are_no_part() -> None:
    assert count_folds("folds:5") == 5
    with pytest.raises(ConfigError, match=r"only the command seqtext fit.* as fold:1/5"):
        read_held_out("folds:5")
