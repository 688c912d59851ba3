"""Texts with labels: what files hold, what a classifier gets, what is refused."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import datasets
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seqtext.data.batch import IGNORE, collate_labels
from seqtext.data.corpus import Corpus
from seqtext.data.labelled import LabelsDataModule
from seqtext.data.labels import Labels
from seqtext.data.readers import SEPARATOR
from seqtext.data.tokenizer import TokenizerConfig
from seqtext.errors import ConfigError, DataError
from tests.support import at, tokenizers_of

SMALL = TokenizerConfig(vocab_size=320)
ROWS = [
    {"text": f"{verb} the {noun} {time}", "label": label}
    for verb, label in (("open", "door"), ("send", "mail"), ("play", "music"))
    for noun in ("door", "letter", "song", "lamp")
    for time in ("now", "later", "today")
]


def written(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def module(folder: Path, rows: list[dict[str, Any]], **options: Any) -> LabelsDataModule:
    """Set up, as in a trainer's first epoch."""
    given_options = {"tokenizer": SMALL, "cache_dir": str(folder / "cache"), **options}
    data = LabelsDataModule(written(folder / "train.jsonl", rows), **given_options)
    data.trainer = at()  # type: ignore[assignment]
    data.trainer.val_check_interval = 1.0  # type: ignore[union-attr]
    data.prepare_data()
    data.setup("fit")
    return data


def seen(data: LabelsDataModule, batches: Any) -> list[tuple[str, Any]]:
    """Texts of batches and the names of their labels."""
    found: list[tuple[str, Any]] = []
    source, labels = tokenizers_of(data)
    for batch in batches:
        for ids, length, label in zip(
            batch.source, batch.source_lengths, batch.labels, strict=True
        ):
            *row, eos = ids[:length].tolist()
            assert eos == source.eos
            if label.dim():
                names = tuple(labels.names[i] for i in label.nonzero()[:, 0].tolist())
                found.append((source.decode(row), names))
            else:
                name = labels.names[label] if label >= 0 else None
                found.append((source.decode(row), name))
    return found


# --- reading --------------------------------------------------------------------------------------------

LABEL = st.text(st.characters(blacklist_categories=("Cs", "Cc", "Zs", "Zl", "Zp")), min_size=1)


@given(st.lists(st.lists(LABEL, min_size=1, max_size=3), min_size=1, max_size=5))
def test_lists_of_labels_come_back(tmp_path_factory: Any, rows: list[list[str]]) -> None:
    path = tmp_path_factory.mktemp("labels") / "a.jsonl"
    written(path, [{"text": f"text {i}", "label": row} for i, row in enumerate(rows)])
    found = list(Corpus(str(path), "text", "label", labelled=True).rows())
    labels = Labels(several=True).learn(label for _, label in found)
    assert [labels.split(label) for _, label in found] == rows
    assert set(labels.names) == {name for row in rows for name in row}
    for ids, row in zip(labels.encode([label for _, label in found]), rows, strict=True):
        assert {labels.names[i] for i in ids} == set(row)
    assert Labels.load(bytes(labels)) == labels


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", 'text,label\n"one, two",3\nx,10\n'),
        ("a.tsv", "text\tlabel\none, two\t3\nx\t10\n"),
        ("a.jsonl", '{"text": "one, two", "label": 3}\n{"text": "x", "label": 10}\n'),
    ],
)
def test_numbers_are_names_in_order_of_size(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    rows = list(Corpus(str(tmp_path / name), "text", "label", labelled=True).rows())
    assert rows == [("one, two", "3"), ("x", "10")]
    assert Labels().learn(label for _, label in rows).names == ("3", "10")


def test_two_texts_are_one_with_a_separator(tmp_path: Path) -> None:
    rows = [
        {"a": {"x": "one"}, "b": "two", "label": True},
        {"a": {"x": ""}, "b": "z", "label": False},
    ]
    path = written(tmp_path / "a.jsonl", rows)
    found = list(Corpus(path, "a.x+b", "label", labelled=True).rows())
    assert found == [(f"one {SEPARATOR} two", "true"), (f" {SEPARATOR} z", "false")]
    with pytest.raises(
        DataError, match=r"a\.jsonl:1: no column 'c'; there are 'a\.x', 'b', 'label'"
    ):
        list(Corpus(path, "a.x+c", "label", labelled=True).rows())


def test_a_given_tokenizer_learns_the_separator(tmp_path: Path) -> None:
    (tmp_path / "a.model").write_bytes(bytes(tokenizers_of(module(tmp_path, ROWS)).source))
    rows = [{"a": row["text"], "b": "now", "label": row["label"]} for row in ROWS]
    given = TokenizerConfig(source_model=str(tmp_path / "a.model"))
    source = tokenizers_of(module(tmp_path, rows, text="a+b", tokenizer=given)).source
    [ids] = source.encode([f"open the door {SEPARATOR} now"])
    assert SEPARATOR in source.pieces(ids)


def test_two_texts_of_a_parquet_file(tmp_path: Path) -> None:
    table = datasets.Dataset.from_dict({"a": ["one"], "b": ["two"], "id": [7], "label": [1]})
    table.to_parquet(tmp_path / "a.parquet")
    corpus = Corpus(str(tmp_path / "a.parquet"), "a+b", "label", labelled=True)
    assert list(corpus.rows()) == [(f"one {SEPARATOR} two", "1")]


def hub(monkeypatch: pytest.MonkeyPatch, feature: Any, labels: list[Any]) -> Corpus:
    """A data set of the hub whose label column is a ``feature``."""
    features = datasets.Features({"text": datasets.Value("string"), "label": feature})
    texts = [f"text {i}" for i in range(len(labels))]
    table = datasets.Dataset.from_dict({"text": texts, "label": labels}, features=features)
    monkeypatch.setattr("seqtext.data.hub.load", lambda *_: (table, "fingerprint"))
    return Corpus("someone/news", "text", "label", labelled=True)


def test_numbers_of_the_hub_get_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    names = datasets.ClassLabel(names=["World", "Sports"])
    found = list(hub(monkeypatch, names, [1, 0]).rows())
    assert found == [("text 0", "Sports"), ("text 1", "World")]
    several = datasets.Sequence(names)
    assert [label for _, label in hub(monkeypatch, several, [[0, 1], []]).rows()] == [
        "World\nSports",
        "",
    ]
    plain = datasets.Value("int64")
    assert [label for _, label in hub(monkeypatch, plain, [4, 2]).rows()] == ["4", "2"]


def test_hidden_labels_of_the_hub_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = hub(monkeypatch, datasets.ClassLabel(names=["no", "yes"]), [-1])
    with pytest.raises(
        DataError, match=r"row 0: column 'label' holds -1, no label .* another split"
    ):
        list(corpus.rows())


@pytest.mark.parametrize(
    ("label", "message"),
    [
        (None, r"a\.jsonl:1: column 'label' holds nothing \(null\), expected text"),
        (0.5, r"a\.jsonl:1: column 'label' holds float 0\.5, expected text"),
        ("a\nb", r"a\.jsonl:1: column 'label' holds 'a\\nb', expected a label in one line"),
        ({"x": 1}, r"a\.jsonl:1: column 'label' holds dict"),
    ],
)
def test_what_is_no_label_is_told(tmp_path: Path, label: Any, message: str) -> None:
    path = written(tmp_path / "a.jsonl", [{"text": "x", "label": label}])
    with pytest.raises(DataError, match=message):
        list(Corpus(path, "text", "label", labelled=True).rows())


# --- batches --------------------------------------------------------------------------------------------


def test_an_epoch_has_every_text_with_its_label(tmp_path: Path) -> None:
    data = module(tmp_path, ROWS, batch_size=5)
    assert tokenizers_of(data).target.names == ("door", "mail", "music")
    found = seen(data, data.train_dataloader())
    assert Counter(found) == Counter((row["text"], row["label"]) for row in ROWS)
    assert data.label_counts() == ([12, 12, 12], 36)
    again = seen(data, data.train_dataloader())
    assert again == found  # the plan of an epoch is one
    data.trainer.current_epoch = 1  # type: ignore[union-attr, misc]
    assert seen(data, data.train_dataloader()) != found


def test_a_loader_goes_on_where_it_was(tmp_path: Path) -> None:
    data = module(tmp_path, ROWS, batch_size=5)
    whole = seen(data, data.train_dataloader())
    loader = data.train_dataloader()
    batches = iter(loader)
    first = seen(data, [next(batches), next(batches)])
    other = data.train_dataloader()
    other.load_state_dict(loader.state_dict())
    assert first + seen(data, other) == whole


def test_validation_and_held_out_texts(tmp_path: Path) -> None:
    other = written(tmp_path / "val.jsonl", ROWS[::5])
    data = module(tmp_path, ROWS, validation=other)
    expected = Counter((row["text"], row["label"]) for row in ROWS[::5])
    assert Counter(seen(data, data.val_dataloader())) == expected
    data = module(tmp_path, ROWS, validation="split:9")
    held = seen(data, data.val_dataloader())
    trained = seen(data, data.train_dataloader())
    assert len(held) == 9
    assert Counter(held + trained) == Counter((row["text"], row["label"]) for row in ROWS)


def test_folds_of_labelled_texts(tmp_path: Path) -> None:
    rows = Counter((row["text"], row["label"]) for row in ROWS)
    held_out = Counter[Any]()
    for number in (1, 2, 3, 4):
        data = module(tmp_path, ROWS, validation=f"fold:{number}/4")
        held = Counter(seen(data, data.val_dataloader()))
        assert held + Counter(seen(data, data.train_dataloader())) == rows
        assert tokenizers_of(data).target.names == ("door", "mail", "music")
        held_out += held
    assert held_out == rows


def test_texts_out_of_scope_are_validated_on_and_not_trained_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    strange = [{"text": f"what is {i}?", "label": "oos"} for i in range(4)]
    other = written(tmp_path / "val.jsonl", ROWS[:3] + strange)
    data = module(tmp_path, ROWS + strange, validation=other, out_of_scope="oos")
    assert tokenizers_of(data).target.names == ("door", "mail", "music")
    assert all(label for _, label in seen(data, data.train_dataloader()))
    assert sum(label is None for _, label in seen(data, data.val_dataloader())) == 4
    assert "4 of 40 training texts left out (4 out of scope)" in capsys.readouterr().err


def test_several_labels_or_none(tmp_path: Path) -> None:
    rows = [
        {"text": "open the door", "label": "a; b"},
        {"text": "send a letter", "label": ""},
        {"text": "play a song", "label": "b"},
    ] * 4  # fmt: skip
    data = module(tmp_path, rows, several_labels=True, label_separator=";", batch_size=5)
    found = set(seen(data, data.train_dataloader()))
    assert found == {("open the door", ("a", "b")), ("send a letter", ()), ("play a song", ("b",))}
    assert data.label_counts() == ([4, 8], 12)


def test_long_texts_are_cut(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = module(tmp_path, ROWS, max_length=3)
    batches = list(data.train_dataloader())
    assert max(int(batch.source_lengths.max()) for batch in batches) == 4  # and eos
    assert "36 of 36 training sources cut behind 3 pieces" in capsys.readouterr().err


def test_drawn_segmentations_depend_on_the_epoch_alone(tmp_path: Path) -> None:
    sampling = TokenizerConfig(vocab_size=320, sampling_nbest=8, sampling_alpha=0.1)
    data = module(tmp_path, ROWS, tokenizer=sampling, batch_size=36)
    [first], [again] = data.train_dataloader(), data.train_dataloader()
    assert torch.equal(first.source, again.source)
    plain = module(tmp_path, ROWS, batch_size=36)
    [unsampled] = plain.train_dataloader()
    assert not torch.equal(first.source_lengths, unsampled.source_lengths)
    assert Counter(seen(data, [first])) == Counter(seen(plain, [unsampled]))


def test_a_batch_of_labels() -> None:
    one = collate_labels([[5, 6], [7]], [[3], []], source_eos=2, count=None)
    assert one.source.tolist() == [[5, 6, 2], [7, 2, 0]]
    assert (one.source_lengths.tolist(), one.labels.tolist()) == ([3, 2], [3, IGNORE])
    several = collate_labels([[5], [7]], [[0, 2], []], source_eos=2, count=3)
    assert several.labels.tolist() == [[True, False, True], [False, False, False]]


def test_texts_out_of_scope_can_be_held_out(tmp_path: Path) -> None:
    strange = [{"text": f"what is {i}?", "label": "oos"} for i in range(30)]
    data = module(tmp_path, ROWS + strange, validation="split:33", out_of_scope="oos")
    held = seen(data, data.val_dataloader())
    assert len(held) == 33
    assert {label is None for _, label in held} == {False, True}
    trained = seen(data, data.train_dataloader())
    assert not {text for text, _ in held} & {text for text, _ in trained}
    assert len(trained) == 36 - sum(label is not None for _, label in held)


def test_several_corpora_with_columns_of_their_own(tmp_path: Path) -> None:
    others = [{"said": f"{row['text']}!", "kind": row["label"]} for row in ROWS]
    more: Any = {"path": written(tmp_path / "more.jsonl", others), "text": "said", "label": "kind"}
    first = written(tmp_path / "first.jsonl", ROWS)
    data = LabelsDataModule([first, more], tokenizer=SMALL, cache_dir=str(tmp_path / "cache"))
    data.trainer = at()  # type: ignore[assignment]
    data.prepare_data()
    data.setup("fit")
    found = seen(data, data.train_dataloader())
    assert len(found) == 72
    assert ("open the door now!", "door") in found


# --- what is refused ------------------------------------------------------------------------------------


def test_labels_are_looked_at_before_anything_is_prepared(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"there is 1 label\(s\) in the training corpus \('door'\)"):
        module(tmp_path, ROWS[:3])
    two: list[dict[str, Any]] = [*ROWS, {"text": "x", "label": ["door", "mail"]}]
    with pytest.raises(
        DataError, match=r"train\.jsonl:37: a row has several labels \('door', 'mail'\)"
    ):
        module(tmp_path, two)
    with pytest.raises(DataError, match=r"train\.jsonl:37: a row has an empty label"):
        module(tmp_path, [*ROWS, {"text": "x", "label": ""}])
    other = written(tmp_path / "val.jsonl", [*ROWS[:2], {"text": "x", "label": "lamp"}])
    with pytest.raises(
        DataError,
        match=r"val\.jsonl:3: label 'lamp' is none of the training corpus, which has 'door', 'mail', 'music'",
    ):
        module(tmp_path, ROWS, validation=other)


def test_what_nothing_is_called_is_told(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match="no text of the training or validation set is labelled 'OOS'"
    ):
        module(tmp_path, ROWS, out_of_scope="OOS")
    strange = written(tmp_path / "val.jsonl", [{"text": "what?", "label": "oos"}])
    with pytest.raises(DataError, match=r"data\.validation: every text is out of scope"):
        module(tmp_path, ROWS, validation=strange, out_of_scope="oos")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_length": 0}, "data.max_length: 0, expected at least 1"),
        (
            {"label_separator": ";"},
            "data.label_separator: of what? Set data.several_labels as well",
        ),
        (
            {"several_labels": True, "out_of_scope": "x"},
            "data.out_of_scope: a text that can have several",
        ),
        (
            {"tokenizer": TokenizerConfig(target_type="word", joint=False)},
            "data.tokenizer.target_type: there is no text on the target side",
        ),
        ({"text": []}, "data.text: [] (list), expected a column, or a list of columns"),
        ({"batch_size": 0}, "batch_size: 0, expected at least 1"),
    ],
)
def test_options_are_checked(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        LabelsDataModule("train.jsonl", **options)
    assert message in str(caught.value)


# --- white space around labels --------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl"])
@pytest.mark.parametrize("several", [False, True])
def test_white_space_around_a_label_is_no_part_of_it(
    ending: str, several: bool, tmp_path: Path
) -> None:
    names = ["card", "card ", " card", "cash", "cash\u00a0", "card\u3000"]
    path = tmp_path / f"c.{ending}"
    if ending == "jsonl":
        written(path, [{"text": "a", "label": name} for name in names])
    else:
        mark = "," if ending == "csv" else "\t"
        path.write_text("".join(f"{one}{mark}{two}\n" for one, two in zip(
            ["text", *"abcdef"], ["label", *names], strict=True
        )))  # fmt: skip
    rows = [row[1] for row in Corpus(str(path), "text", "label", labelled=True).rows()]
    labels = Labels(several=several).learn(rows)
    assert labels.names == ("card", "cash")
    assert labels.encode(names) == [[0], [0], [0], [1], [1], [0]]


def test_white_space_around_what_is_out_of_scope(tmp_path: Path) -> None:
    rows = [*ROWS, {"text": "rain", "label": "none "}, {"text": "snow", "label": " none"}]
    data = module(tmp_path, rows, out_of_scope=" none", batch_size=4)
    assert tokenizers_of(data).target.names == ("door", "mail", "music")
    assert tokenizers_of(data).target.out_of_scope == "none"


def test_labels_of_an_older_checkpoint_keep_their_white_space() -> None:
    older = Labels(names=("card", "card ", "cash "), out_of_scope="none ")
    again = Labels.load(bytes(older))
    assert again == older and again.fingerprint == older.fingerprint
    assert again.encode(["card", "card ", "cash", "cash ", "none", "none "]) == [
        [0], [0], [2], [2], [], []
    ]  # fmt: skip


def test_weights_of_labels_with_white_space() -> None:
    from seqtext.training.class_weights import weights_of_labels

    def weights(names: tuple[str, ...]) -> list[float]:
        found = weights_of_labels({"card ": 3.0, " cash": 2.0}, [1, 1], 2, Labels(names=names))
        return found.tolist()

    assert weights(("card", "cash")) == weights(("card ", "cash ")) == [3.0, 2.0]


def test_lists_of_labels_need_several_labels() -> None:
    for texts in (["a\nb", "b\nc"], ["a", "b\nc"]):
        with pytest.raises(DataError, match=r"data\.several_labels allows several"):
            Labels().learn(texts)
