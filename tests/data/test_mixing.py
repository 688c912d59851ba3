"""Several corpora: weights, temperature, tags; and a validation set cut from the training corpus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from seqtext.data.bucketing import BatchPlan
from seqtext.data.pairs import PairsDataModule
from seqtext.data.tokenizer import TokenizerConfig
from seqtext.errors import ConfigError, DataError
from tests.support import epoch_of, pairs_of, tokenizers_of

LARGE = [(f"The house {i} is large.", f"Das Haus {i} ist groß.") for i in range(60)]
SMALL = [(f"My cat sees {i} mice.", f"Meine Katze sieht {i} Mäuse.") for i in range(15)]


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., PairsDataModule]:
    """A data module, prepared and set up, with the two corpora as files."""
    for name, rows in (("large", LARGE), ("small", SMALL)):
        text = "".join(f"{source}\t{target}\n" for source, target in [("en", "de"), *rows])
        (tmp_path / f"{name}.tsv").write_text(text, encoding="utf-8")

    def started(train: Any, **options: Any) -> PairsDataModule:
        data = PairsDataModule(
            train=train,
            source="en",
            target="de",
            batch_size=7,
            cache_dir=str(tmp_path / "cache"),
            **{"tokenizer": TokenizerConfig(vocab_size=310), **options},
        )
        data.prepare_data()
        data.setup("fit")
        return data

    return started


Start = Callable[..., PairsDataModule]


@given(
    counts=st.lists(st.integers(1, 60), min_size=1, max_size=3),
    weights=st.lists(st.sampled_from([0.1, 0.5, 1.0, 1.75, 3.0]), min_size=3, max_size=3),
    epoch=st.integers(0, 3),
)
def test_an_epoch_has_each_row_as_often_as_its_weight_says(
    counts: list[int], weights: list[float], epoch: int
) -> None:
    per_row = np.repeat(weights[: len(counts)], counts)
    assume(max(w * n for w, n in zip(weights, counts, strict=False)) > 0.5)  # an epoch has a row
    lengths = np.full(len(per_row), 5, dtype=np.int32)
    plan = BatchPlan(lengths, lengths, batch_size=4, weights=per_row)
    seen = Counter(row for rows in plan.updates(epoch) for row in rows.tolist())
    for weight in set(per_row):
        rows = np.flatnonzero(per_row == weight)
        times = [seen[row] for row in rows.tolist()]
        assert sum(times) == int(weight) * len(rows) + round(weight % 1 * len(rows))
        assert set(times) <= {int(weight), int(weight) + 1}


def test_weight_1_changes_nothing() -> None:
    lengths = np.arange(1, 50, dtype=np.int32)
    plain = BatchPlan(lengths, lengths, batch_size=4)
    again = BatchPlan(lengths, lengths, batch_size=4, weights=np.ones(49))
    for rows in (again.updates(0), plain.updates(0)):
        assert sorted(np.concatenate(rows).tolist()) == list(range(49))


def test_weights(start: Start, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    large = {"path": str(tmp_path / "large.tsv"), "weight": 0.5}
    small = {"path": str(tmp_path / "small.tsv"), "weight": 2}
    data = start([large, small])
    seen = Counter(epoch_of(data))
    assert sum(seen[row] for row in LARGE) == 30
    assert [seen[row] for row in SMALL] == [2] * 15
    assert "large.tsv 0.5" in capsys.readouterr().err


def test_temperature(start: Start, tmp_path: Path) -> None:
    """With T the small corpus has a share ~ 15 ** (1 / T) beside one ~ 60 ** (1 / T)."""
    paths = [str(tmp_path / "large.tsv"), str(tmp_path / "small.tsv")]
    for temperature, times in ((1, 15), (2, 30), (1e9, 60)):
        seen = epoch_of(start(paths, sampling_temperature=temperature))
        assert sum(row in LARGE for row in seen) == 60
        assert sum(row in SMALL for row in seen) == times


def test_tags_are_pieces_before_the_source(start: Start, tmp_path: Path) -> None:
    tagged = {"path": str(tmp_path / "small.tsv"), "tag": "<cats>"}
    swapped = {"path": str(tmp_path / "small.tsv"), "tag": "<2en>", "source": "de", "target": "en"}
    train = [str(tmp_path / "large.tsv"), tagged, swapped]
    data = start(train)
    with (tmp_path / "small.tsv").open("a", encoding="utf-8") as file:
        file.write("\tNichts.\n")  # no source: a tag makes none of it
    expected = [(f"<cats> {source}", target) for source, target in SMALL]
    expected += [(f"<2en> {target}", source) for source, target in SMALL]
    assert sorted(epoch_of(data)) == sorted(LARGE + expected)
    source = tokenizers_of(data).source
    pieces = source.pieces(source.encode(["<2en> Haus"])[0])
    assert "<2en>" in pieces
    # a given tokenizer that has no tags learns them
    (tmp_path / "a.model").write_bytes(bytes(tokenizers_of(start(train[0])).source))
    data = start(train, tokenizer=TokenizerConfig(source_model=str(tmp_path / "a.model")))
    assert sorted(epoch_of(data)) == sorted(LARGE + expected)
    source = tokenizers_of(data).source
    pieces = source.pieces(source.encode(["<2en> Haus"])[0])
    assert "<2en>" in pieces


def test_validation_by_hash(start: Start, tmp_path: Path) -> None:
    """The same pairs wherever they stand, and none of them, nor a copy, in training."""
    path = tmp_path / "large.tsv"
    lines = path.read_text().splitlines()
    found = []
    for order in (lines, [lines[0], *lines[:0:-1], *lines[1:11]]):  # reversed, ten of them twice
        path.write_text("\n".join(order))
        data = start(str(path), validation="split:12")
        held_out = epoch_of(data, data.val_dataloader())
        trained = epoch_of(data)
        assert not set(held_out) & set(trained)
        assert sorted(set(held_out) | set(trained)) == sorted(LARGE)
        assert len(trained) + len(held_out) == len(order) - 1
        assert set(pairs_of(data.validation_examples(99))) == set(held_out)
        found.append(set(held_out))
    assert len(found[0]) == 12
    assert found[1] <= found[0]
    assert data.validates


def test_folds_validate_on_every_row_once(start: Start, tmp_path: Path) -> None:
    """With the same tokenizers, and a source with two targets in a single fold."""
    rows = [*LARGE, ("The house 3 is large.", "Groß ist das Haus 3."), *SMALL]
    text = "".join(f"{source}\t{target}\n" for source, target in [("en", "de"), *rows])
    (tmp_path / "large.tsv").write_text(text, encoding="utf-8")
    held_out = []
    for number in (1, 2, 3):
        data = start(str(tmp_path / "large.tsv"), validation=f"fold:{number}/3")
        held_out.append(epoch_of(data, data.val_dataloader()))
        assert Counter(epoch_of(data) + held_out[-1]) == Counter(rows)
        assert 25 <= len(held_out[-1]) <= 26 and data.validates
        tokenizer = bytes(tokenizers_of(data).source)
        assert tokenizer == bytes(tokenizers_of(start(str(tmp_path / "large.tsv"))).source)
    assert sorted(row for part in held_out for row in part) == sorted(rows)
    keys = {tuple(start(str(tmp_path / "large.tsv"), validation=f"fold:{i}/3").validation_key())
            for i in (1, 2)}  # fmt: skip
    assert len(keys) == 2  # scores of two folds do not compare


def test_more_folds_than_rows(start: Start, tmp_path: Path) -> None:
    start(str(tmp_path / "small.tsv"), validation="fold:15/15")
    with pytest.raises(DataError, match="16 folds of 15 training pairs, which have 15 different"):
        start(str(tmp_path / "small.tsv"), validation="fold:1/16")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"validation": "split:some"}, "expected split:COUNT"),
        ({"validation": "split:0"}, "expected split:COUNT"),
        ({"validation": "fold:6/5"}, "expected fold:NUMBER/FOLDS"),
        ({"validation": "folds:5"}, "only the command seqtext fit"),
        ({"validation": "fold:1/5", "streaming": True}, "fold:1/5 is a part of all rows"),
        ({"sampling_temperature": 0.5}, "data.sampling_temperature: 0.5, expected at least 1"),
        ({"validation": [{"path": "x", "weight": 2}]}, "data.validation: every pair counts"),
        ({"train": [{"path": "x", "wight": 2}]}, "data.train: no option 'wight'; there are path"),
        (
            {"train": [{"path": "x", "weight": "2"}]},
            "data.train: weight: '2' .str., expected a number",
        ),
        ({"train": [{"path": 3}]}, "data.train: path: 3 .int., expected text"),
        ({"train": [{"weight": 3}]}, "data.train: {'weight': 3}, expected a path as well"),
        ({"train": []}, "data.train: no corpus in the list"),
        (
            {"train": [{"path": "x", "weight": 2}], "sampling_temperature": 2},
            "data.sampling_temperature: gives the weights",
        ),
    ],
)
def test_mistakes(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        PairsDataModule(**{"train": "x", **options})


def test_mistakes_of_one_corpus(start: Start, tmp_path: Path) -> None:
    for weight in (0.0, -1.0, float("inf"), float("nan")):
        with pytest.raises(ConfigError, match=r"data: weight .* of x, expected more than 0"):
            PairsDataModule(train=[{"path": "x", "weight": weight}])
    for tag in ("", "two words"):
        with pytest.raises(ConfigError, match=r"data: tag .* of x, expected a word"):
            PairsDataModule(train=[{"path": "x", "tag": tag}])
    with pytest.raises(DataError, match=r"split:60 of 60 training pairs leaves none to train on"):
        start(str(tmp_path / "large.tsv"), validation="split:60")
