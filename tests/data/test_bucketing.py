from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqtext.data.bucketing import BatchPlan, Place, Rows, padding, share
from seqtext.errors import ConfigError, DataError


@st.composite
def corpora(draw: st.DrawFn) -> dict[str, Any]:
    """Lengths, and one of the two sizes: many small updates, so that there are many pools."""
    count, longest, seed = draw(
        st.tuples(st.integers(8, 600), st.integers(1, 40), st.integers(0, 9))
    )
    lengths = np.random.default_rng(seed).integers(1, longest + 1, (2, count), dtype=np.int32)
    tokens, size = draw(
        st.one_of(
            st.tuples(st.integers(1, 200), st.none()), st.tuples(st.none(), st.integers(1, 12))
        )
    )
    return {
        "source_lengths": lengths[0],
        "target_lengths": lengths[1],
        "batch_tokens": tokens,
        "batch_size": size,
    }


RANKS = st.tuples(st.integers(1, 4), st.integers(1, 2))


def lists(updates: list[Rows]) -> list[list[int]]:
    return [rows.tolist() for rows in updates]


def sets(updates: list[Rows]) -> list[set[int]]:
    return [set(rows.tolist()) for rows in updates]


@given(corpus=corpora(), ranks=RANKS, epoch=st.integers(0, 5), seed=st.integers(0, 5))
def test_every_row_once_an_epoch_over_all_shares(
    corpus: dict[str, Any], ranks: tuple[int, int], epoch: int, seed: int
) -> None:
    plan = BatchPlan(**corpus, shares=ranks[0] * ranks[1], seed=seed)
    updates = plan.updates(epoch)
    batches = [rows for rank in range(ranks[0]) for rows in share(updates, Place(0, rank, *ranks))]
    assert all(len(rows) for rows in batches)
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(corpus["source_lengths"])))


@given(corpus=corpora(), ranks=RANKS, epoch=st.integers(0, 5))
def test_updates_do_not_hang_on_who_shares_them(
    corpus: dict[str, Any], ranks: tuple[int, int], epoch: int
) -> None:
    alone = BatchPlan(**corpus).updates(epoch)
    # the shared plan differs only where an update has fewer rows than there are shares
    shares = min(ranks[0] * ranks[1], *map(len, alone), 8)
    assert lists(BatchPlan(**corpus, shares=shares).updates(epoch)) == lists(alone)


@given(corpus=corpora(), ranks=RANKS)
def test_share_cuts_each_update_evenly_and_in_its_place(
    corpus: dict[str, Any], ranks: tuple[int, int]
) -> None:
    (count, accumulation) = ranks
    updates = BatchPlan(**corpus, shares=count * accumulation).updates(0)
    cut = [share(updates, Place(0, rank, count, accumulation)) for rank in range(count)]
    assert {len(batches) for batches in cut} == {len(updates) * accumulation}
    for number, update in enumerate(sets(updates)):
        pieces = [
            batches[number * accumulation + piece]
            for batches in cut
            for piece in range(accumulation)
        ]
        assert set().union(*sets(pieces)) == update
        assert max(map(len, pieces)) - min(map(len, pieces)) <= 1


def size(rows: Rows, corpus: dict[str, Any]) -> int:
    """Positions on the longer side, padding counted."""
    longest = max(corpus["source_lengths"][rows].max(), corpus["target_lengths"][rows].max())
    return int(longest) * len(rows)


@given(corpus=corpora(), epoch=st.integers(0, 5))
def test_budget_is_kept(corpus: dict[str, Any], epoch: int) -> None:
    for rows in BatchPlan(**corpus).updates(epoch):
        if corpus["batch_size"] is not None:
            assert len(rows) <= corpus["batch_size"]
        else:
            assert len(rows) == 1 or size(rows, corpus) <= corpus["batch_tokens"]


@given(corpus=corpora(), shares=st.integers(2, 8), epoch=st.integers(0, 5))
def test_budget_gives_way_only_to_the_shares(
    corpus: dict[str, Any], shares: int, epoch: int
) -> None:
    # An update has a row for every share. It takes in a rest too small for an update of its own. The last
    # update may take in two.
    for rows in BatchPlan(**corpus, shares=shares).updates(epoch):
        kept = rows[: max(shares, len(rows) - 2 * (shares - 1))]
        assert len(kept) <= max(shares, corpus["batch_size"] or 0) or (
            corpus["batch_tokens"] is not None and size(kept, corpus) <= corpus["batch_tokens"]
        )


@pytest.mark.parametrize("options", [{"batch_size": 3}, {"batch_tokens": 17}])
def test_budget_is_used(options: dict[str, Any]) -> None:
    lengths = np.full(1000, 5, dtype=np.int32)
    sizes = [len(rows) for rows in BatchPlan(lengths, lengths, **options).updates(0)]
    assert sizes.count(3) >= 330
    assert max(sizes) == 3


@given(corpus=corpora(), seed=st.integers(0, 5))
def test_same_seed_and_epoch_give_the_same_plan(corpus: dict[str, Any], seed: int) -> None:
    first, second = (BatchPlan(**corpus, seed=seed) for _ in range(2))
    first.updates(4)  # what was asked before changes nothing
    assert lists(first.updates(3)) == lists(second.updates(3))


@pytest.fixture(scope="module")
def realistic() -> tuple[BatchPlan, np.ndarray, np.ndarray]:
    """30,000 pairs, lengths spread as in subtitles and news, the target about as long."""
    generator = np.random.default_rng(0)
    source = np.clip(generator.lognormal(2.7, 0.55, 30_000), 2, 200).astype(np.int32)
    ratio = generator.lognormal(0.05, 0.2, 30_000)
    target = np.clip(source * ratio, 2, 200).astype(np.int32)
    return BatchPlan(source, target, batch_tokens=1500, seed=1), source, target


def test_epochs_mix_other_rows_in_other_numbers(
    realistic: tuple[BatchPlan, np.ndarray, np.ndarray],
) -> None:
    plan, source, target = realistic
    first, second = ({frozenset(rows.tolist()) for rows in plan.updates(epoch)} for epoch in (0, 1))
    assert len(first & second) < 0.15 * len(first)  # those of rare lengths
    plan = BatchPlan(source, target, batch_tokens=300)  # more than one pool
    assert len({len(plan.updates(epoch)) for epoch in range(3)}) > 1


def test_other_seed_gives_another_plan() -> None:
    lengths = np.ones(50, dtype=np.int32)
    plans = [BatchPlan(lengths, lengths, batch_size=5, seed=seed).updates(0) for seed in (0, 1)]
    assert lists(plans[0]) != lists(plans[1])


def test_little_padding(realistic: tuple[BatchPlan, np.ndarray, np.ndarray]) -> None:
    plan, source, target = realistic
    updates = plan.updates(0)
    assert padding(updates, target) < 0.01
    assert padding(updates, source) < 0.1
    assert target.sum() / len(updates) > 0.75 * 1500


def test_lengths_come_in_random_order(realistic: tuple[BatchPlan, np.ndarray, np.ndarray]) -> None:
    plan, _, target = realistic
    means = np.array([target[rows].mean() for rows in plan.updates(0)])
    assert abs(np.corrcoef(means[1:], means[:-1])[0, 1]) < 0.2


def test_padding_of_batches_counted_by_hand() -> None:
    lengths = np.array([1, 3, 2, 2], dtype=np.int32)
    assert padding([np.array([0, 1]), np.array([2, 3])], lengths) == pytest.approx(2 / 10)
    assert padding([np.array([2, 3])], lengths) == 0


def test_one_long_row_is_an_update_of_its_own() -> None:
    lengths = np.array([3, 50, 3], dtype=np.int32)
    plan = BatchPlan(lengths, lengths, batch_tokens=6)
    assert sorted(map(sorted, sets(plan.updates(0)))) == [[0, 2], [1]]


def test_rest_too_small_to_share_joins_another_update() -> None:
    lengths = np.full(201, 5, dtype=np.int32)
    sizes = [len(rows) for rows in BatchPlan(lengths, lengths, batch_size=2, shares=2).updates(0)]
    assert sorted(sizes) == [2] * 99 + [3]


def test_longer_side_counts() -> None:
    short, long = np.full(8, 2, dtype=np.int32), np.full(8, 5, dtype=np.int32)
    for source, target in ((short, long), (long, short)):
        plan = BatchPlan(source, target, batch_tokens=10)
        assert {len(rows) for rows in plan.updates(0)} == {2}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, r"data: give either batch_tokens or batch_size, and not both"),
        ({"batch_tokens": 9, "batch_size": 9}, r"data: give either batch_tokens or batch_size"),
    ],
)
def test_wrong_size(options: dict[str, Any], message: str) -> None:
    lengths = np.ones(3, dtype=np.int32)
    with pytest.raises(ConfigError, match=message):
        BatchPlan(lengths, lengths, **options)


def test_fewer_rows_than_shares() -> None:
    lengths = np.ones(3, dtype=np.int32)
    with pytest.raises(DataError, match=r"3 rows cannot be shared by 4 \(ranks times accumulation"):
        BatchPlan(lengths, lengths, batch_size=1, shares=4)


def test_weights_that_leave_nothing() -> None:
    lengths = np.full(40, 3, dtype=np.int32)
    plan = BatchPlan(lengths, lengths, batch_size=4, weights=np.full(40, 0.01))
    with pytest.raises(DataError, match="0 rows by the weights"):
        plan.updates(0)
