"""IBM model 1, beside a slow reference, and rows that are drawn."""

from __future__ import annotations

import random
from collections import defaultdict

import pytest

from seqtext.data import lexicon
from seqtext.data.lexicon import Pair, draw_rows, learn_lexicon, within_memory

SIZE = 7


def slow_model(pairs: list[Pair], rounds: int) -> dict[tuple[int, int], float]:
    table: dict[tuple[int, int], float] = defaultdict(lambda: 1.0)
    for _ in range(rounds):
        counts: dict[tuple[int, int], float] = defaultdict(float)
        for source, target in pairs:
            for t in target:
                whole = sum(table[s, t] for s in source)
                for s in source:
                    counts[s, t] += table[s, t] / whole
        sums: dict[int, float] = defaultdict(float)
        for (s, _t), count in counts.items():
            sums[s] += count
        table = defaultdict(float, {key: count / sums[key[0]] for key, count in counts.items()})
    return table


def random_pairs(count: int) -> list[Pair]:
    drawn = random.Random(1)
    return [
        (drawn.choices(range(5), k=drawn.randint(0, 5)), drawn.choices(range(SIZE), k=drawn.randint(0, 5)))
        for _ in range(count)
    ]  # fmt: skip


@pytest.mark.parametrize("chunk", [3, 100])
def test_probabilities_are_those_of_the_model(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lexicon, "_CHUNK", chunk)
    pairs = random_pairs(40)
    learned = learn_lexicon(within_memory(pairs), SIZE)
    keys = zip(learned.source.tolist(), learned.target.tolist(), strict=True)
    table = dict(zip(keys, learned.probability.tolist(), strict=True))
    assert table == pytest.approx(dict(slow_model(pairs, lexicon._ROUNDS)))


def test_the_most_probable_come_first() -> None:
    learned = learn_lexicon([([0, 1], [0, 1]), ([0], [0]), ([1, 2], [1, 2])], SIZE)
    assert learned.source.tolist() == sorted(learned.source.tolist())
    for piece in range(3):
        own = learned.source == piece
        assert learned.target[own][0] == piece
        assert (learned.probability[own][:-1] >= learned.probability[own][1:]).all()


def test_pairs_are_left_out_where_memory_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lexicon, "_MOST_CELLS", 20)
    learned = learn_lexicon(within_memory([([i], [i] * 8) for i in range(5)]), SIZE)
    assert len(learned.source) == 2


def test_nothing_to_learn_from() -> None:
    assert not len(learn_lexicon(within_memory([([], [1]), ([1], [])]), SIZE).source)


def test_rows_are_drawn_evenly_and_always_the_same() -> None:
    assert draw_rows(range(4), 9) == [0, 1, 2, 3]
    drawn = draw_rows(iter(range(10_000)), 1_000)
    assert drawn == draw_rows(range(10_000), 1_000)
    assert len({*drawn}) == 1_000
    assert sum(drawn) / 1_000 == pytest.approx(5_000, rel=0.1)
