"""Corpora in memory: they train as files with the same rows do, and errors name the row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import datasets
import pytest

from seqtext import LabelsDataModule, PairsDataModule
from seqtext.data.corpus import Corpus
from seqtext.data.tokenizer import TokenizerConfig
from seqtext.errors import ConfigError, DataError
from tests.support import epoch_of

ROWS = list(Corpus("builtin:train:100", "en", "de").rows())
DICTS = [{"en": source, "de": target, "id": i} for i, (source, target) in enumerate(ROWS)]
TEXTS = [("open it", "open"), ("close it", "close"), ("lock it", "lock")] * 8


def pairs(train: Any, **options: Any) -> PairsDataModule:
    tokenizer = TokenizerConfig(vocab_size=420)
    data = PairsDataModule(
        train, source="en", target="de", tokenizer=tokenizer, batch_size=10, **options
    )
    data.prepare_data()
    data.setup("fit")
    return data


def test_every_kind_of_rows_trains_as_a_file_does(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("train.tsv").write_text("en\tde\n" + "".join(f"{a}\t{b}\n" for a, b in ROWS))
    expected = epoch_of(pairs("train.tsv"))
    table = datasets.Dataset.from_list(DICTS)
    kinds: list[Any] = [ROWS, [list(row) for row in ROWS], DICTS, table, {"path": ROWS}]
    kinds += [[table.select(range(30)), {"path": ROWS[30:]}]]
    for kind in kinds:
        assert epoch_of(pairs(kind)) == expected
    assert epoch_of(pairs(ROWS, streaming=True)) is not None
    # read and tokenized once for all epochs and all runs of equal rows
    monkeypatch.setattr("seqtext.data.encoding._encode_rows", None)
    assert epoch_of(pairs(list(ROWS))) == expected


def test_a_table_of_pandas() -> None:
    pandas = pytest.importorskip("pandas")
    data = pairs(pandas.DataFrame(DICTS), validation=pandas.DataFrame(DICTS[:10]))
    assert epoch_of(data) == epoch_of(pairs(ROWS))
    assert len(data.validation_examples(50)) == 10
    assert "train" not in data.hparams


def test_other_rows_are_prepared_anew() -> None:
    first, same, other = (
        PairsDataModule(rows).corpora["train"][0].digest()
        for rows in ([("a", "b")], [("a", "b")], [("a", "c")])
    )
    assert first == same != other


def test_labels_in_memory() -> None:
    names = ["close", "lock", "open"]
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=names)}
    )
    numbered = [{"text": text, "label": names.index(label)} for text, label in TEXTS]
    table = datasets.Dataset.from_list(numbered, features=features)
    counts = []
    for rows in (TEXTS, table):
        data = LabelsDataModule(
            rows, batch_size=4, tokenizer=TokenizerConfig(vocab_size=40, byte_fallback=False)
        )
        data.prepare_data()
        data.setup("fit")
        assert data.tokenizers is not None
        assert data.tokenizers.target.names == tuple(names)
        counts.append(data.label_counts())
    assert counts[0] == counts[1] == ([8, 8, 8], 24)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([*ROWS[:7], ("A dog",)], r"data\.train\[7\]: \('A dog',\) \(tuple\), expected values of en and de"),
        ([*ROWS[:2], ("A dog", 5)], r"data\.train\[2\]: column 'de' holds int 5, expected text"),
        ([{"en": "A dog"}], r"data\.train\[0\]: no column 'de'; there are 'en'"),
        ([*ROWS[:2], "x.tsv"], r"data\.train\[2\]: 'x.tsv' \(str\)"),
        (datasets.Dataset.from_list([{"en": "a"}]), r"data\.train: no column 'de'"),
    ],
)  # fmt: skip
def test_errors_name_the_row(rows: Any, told: str) -> None:
    with pytest.raises(DataError, match=told):
        pairs(rows)


def test_data_sets_that_are_no_table() -> None:
    table = datasets.Dataset.from_list(DICTS)
    with pytest.raises(
        ConfigError, match=r"data\.train: a DatasetDict with the splits dev; give one"
    ):
        pairs(datasets.DatasetDict(dev=table))
    with pytest.raises(ConfigError, match=r"data\.train: a IterableDataset, which has no length"):
        pairs(table.to_iterable_dataset())
