from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqtext.data import encoding
from seqtext.data.batch import Batch
from seqtext.data.corpus import Corpus
from seqtext.data.encoding import lengths_of
from seqtext.data.loader import PlannedLoader
from seqtext.data.pairs import PairsDataModule
from seqtext.data.tokenizer import Tokenizer, TokenizerConfig, Tokenizers
from seqtext.data.training_set import PreparedTrainingSet
from seqtext.errors import ConfigError, DataError
from tests.support import at, epoch_of, pairs_of, text_of, tokenizers_of

Rows = list[tuple[str, str]]
SMALL = TokenizerConfig(vocab_size=300)


def write(path: Path, rows: Rows) -> Path:
    path.write_text("".join(f"{source}\t{target}\n" for source, target in [("en", "de"), *rows]))
    return path


@pytest.fixture
def start(tmp_path: Path, pairs: Rows) -> Callable[..., PairsDataModule]:
    """A data module over ``train.tsv`` and ``validation.tsv``, prepared and set up."""

    def started(
        train: Rows | None = None, trainer: Any = None, prepare: bool = True, **options: Any
    ) -> PairsDataModule:
        files = {"train": train or pairs[:60], "validation": pairs[60:90]}
        for name, rows in files.items():
            if train is not None or not (tmp_path / f"{name}.tsv").exists():
                write(tmp_path / f"{name}.tsv", rows)
        data = PairsDataModule(
            **{
                "train": str(tmp_path / "train.tsv"),
                "validation": str(tmp_path / "validation.tsv"),
                "source": "en",
                "target": "de",
                "tokenizer": SMALL,
                "batch_size": 8,
                "cache_dir": str(tmp_path / "cache"),
                **options,
            }
        )
        data.trainer = trainer
        if prepare:
            data.prepare_data()
            data.setup("fit")
        return data

    return started


Start = Callable[..., PairsDataModule]


# --- batches --------------------------------------------------------------------------------------------


def test_batches_decode_back_to_the_text(start: Start, pairs: Rows) -> None:
    data = start()
    assert sorted(epoch_of(data)) == sorted(pairs[:60])
    validation = [pair for batch in data.val_dataloader() for pair in text_of(batch, data)]
    assert sorted(validation) == sorted(pairs[60:90])
    for batch in data.train_dataloader():
        assert isinstance(batch, Batch)
        assert set(batch.target_input[:, 0].tolist()) == {tokenizers_of(data).target.bos}
        assert len(batch.source) <= 8


def test_processes_change_nothing(start: Start, tmp_path: Path) -> None:
    alone = epoch_of(start())
    assert (
        epoch_of(start(preprocessing_workers=2, num_workers=1, cache_dir=str(tmp_path / "other")))
        == alone
    )


def test_ranks_and_accumulation_share_the_same_updates(start: Start) -> None:
    alone = start(trainer=at(epoch=1))
    expected = [set(text_of(batch, alone)) for batch in alone.train_dataloader()]
    cut = []
    for rank in range(2):
        data = start(trainer=at(epoch=1, rank=rank, ranks=2, accumulation=2))
        cut.append([set(text_of(batch, data)) for batch in data.train_dataloader()])
    shared = [
        set().union(*(batches[step] for batches in cut for step in (first, first + 1)))
        for first in range(0, len(cut[0]), 2)
    ]
    assert shared == expected
    loader = start(trainer=at()).train_dataloader()
    assert isinstance(loader, PlannedLoader) and alone.updates_per_epoch() == len(loader)


def test_ranks_share_the_validation(start: Start, pairs: Rows, tmp_path: Path) -> None:
    found: Rows = []
    # 25 rows; batches of 8, halved like those of training by accumulation, and one row too few for one
    path = write(tmp_path / "odd.tsv", pairs[60:85])
    for rank in range(3):
        data = start(validation=str(path), trainer=at(rank=rank, ranks=3, accumulation=2))
        batches = list(data.val_dataloader())
        assert len(batches) == 6
        found += [pair for batch in batches for pair in text_of(batch, data)]
    assert sorted(found) == sorted(pairs[60:85])


def test_every_epoch_has_a_plan_and_a_loader_of_its_own(start: Start) -> None:
    data = start(trainer=at())
    assert data.trainer is not None
    assert data.trainer.reload_dataloaders_every_n_epochs == 1  # type: ignore[attr-defined]
    first = epoch_of(data)
    loader = data.train_dataloader()
    next(iter(loader))
    data.trainer = at(epoch=1)  # type: ignore[assignment]
    second = data.train_dataloader()
    second.load_state_dict(loader.state_dict())
    assert second.state_dict() == {"epoch": 1, "position": 0}
    assert epoch_of(data) != first
    assert sorted(epoch_of(data)) == sorted(first)
    data.trainer = at()  # type: ignore[assignment]
    assert epoch_of(data) == first


def test_token_budget(start: Start) -> None:
    data = start(batch_size=None, batch_tokens=60)
    shapes = [
        (len(batch.source), max(batch.source.shape[1], batch.labels.shape[1]))
        for batch in data.train_dataloader()
    ]
    assert all(rows == 1 or rows * longest <= 60 for rows, longest in shapes)
    assert max(rows for rows, _ in shapes) > 2


def test_no_validation(start: Start) -> None:
    data = start(validation=None)
    assert data.val_dataloader() == []
    assert pairs_of(data.validation_examples(5)) == []


def test_validation_examples_are_spread_over_the_corpus(start: Start, pairs: Rows) -> None:
    data = start()
    validation = pairs[60:90]
    assert pairs_of(data.validation_examples(3)) == [validation[0], validation[14], validation[29]]
    assert pairs_of(data.validation_examples(1)) == [validation[0]]
    assert (
        pairs_of(data.validation_examples(30))
        == pairs_of(data.validation_examples(99))
        == validation
    )


# --- the cache --------------------------------------------------------------------------------------


def no_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise AssertionError("read, trained or tokenized again")

    monkeypatch.setattr(Corpus, "rows", fail)
    monkeypatch.setattr(Tokenizer, "train", fail)
    monkeypatch.setattr(encoding, "_encode_rows", fail)


@pytest.mark.parametrize("joint", [True, False])
def test_second_start_uses_the_cache(
    joint: bool, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = TokenizerConfig(vocab_size=300, joint=joint)
    before = epoch_of(start(tokenizer=options))
    no_reading(monkeypatch)
    assert epoch_of(start(tokenizer=options)) == before


def test_setup_alone_finds_what_was_prepared(
    start: Start, pairs: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    start()
    no_reading(monkeypatch)
    data = start(prepare=False)  # as on the other ranks
    data.setup("fit")
    assert sorted(epoch_of(data)) == sorted(pairs[:60])


def test_cache_notices_other_text_of_the_same_size_and_time(
    start: Start, pairs: Rows, tmp_path: Path
) -> None:
    first = start().tokenizers
    path = tmp_path / "train.tsv"
    before = path.stat()
    changed = [(source.replace("dog", "cat"), target) for source, target in pairs[:60]]
    write(path, changed)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = path.stat()
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    data = start()
    assert sorted(epoch_of(data)) == sorted(changed) != sorted(pairs[:60])
    assert first is not None
    assert data.tokenizers is not None
    assert bytes(data.tokenizers.source) != bytes(first.source)


def test_cache_notices_another_tokenizer(start: Start, pairs: Rows, tmp_path: Path) -> None:
    models = []
    for options in ({"vocab_size": 300}, {"vocab_size": 320}, {"model_type": "char"}):
        data = start(tokenizer=TokenizerConfig(**options))
        assert data.tokenizers is not None
        models.append(bytes(data.tokenizers.source))
        assert sorted(epoch_of(data)) == sorted(pairs[:60])
    assert len(set(models)) == 3
    # a file of the same name with another model in it
    path = tmp_path / "a.model"
    for model in models[:2]:
        path.write_bytes(model)
        data = start(tokenizer=TokenizerConfig(source_model=str(path)))
        assert sorted(epoch_of(data)) == sorted(pairs[:60])


def test_cache_lies_where_it_is_told(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEQTEXT_CACHE", str(tmp_path / "by variable"))
    start(cache_dir=None)
    assert list((tmp_path / "by variable" / "tokenizers").glob("*.model"))
    assert list((tmp_path / "by variable" / "datasets").rglob("*.arrow"))
    assert not (tmp_path / "cache").exists()
    monkeypatch.delenv("SEQTEXT_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    data = start(cache_dir=None, prepare=False)
    assert data.cache_dir == tmp_path / "home" / ".cache" / "seqtext"


# --- limits ---------------------------------------------------------------------------------------------


def test_limits_leave_out_and_tell(
    start: Start, pairs: Rows, capsys: pytest.CaptureFixture[str]
) -> None:
    long, longer = "dog " * 120, "Hund " * 150
    odd = [(long, "Hund"), ("dog", longer), (long, longer), ("", "Hund")]
    data = start(train=odd[:2] + pairs[:60] + odd[2:], max_source_length=119, max_target_length=149)
    assert sorted(epoch_of(data)) == sorted(pairs[:60])
    told = capsys.readouterr().err
    assert re.search(
        r"data: 4 of 64 training pairs left out \(1 empty, 2 longer than max_source_length 119,"
        r" 2 longer than max_target_length 149\)",
        told,
    )
    assert re.search(r"data: 64 train pairs from \S+train\.tsv, 30 validation pairs from ", told)


def test_limit_is_the_longest_that_stays(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    data = start(train=[("dog " * n, "Hund") for n in range(1, 9)], max_source_length=250)
    assert isinstance(data.training_set, PreparedTrainingSet)
    lengths = lengths_of(data.training_set.table)[0].tolist()
    capsys.readouterr()
    data = start(max_source_length=lengths[4])
    assert len(epoch_of(data)) == 5
    assert "data: 3 of 8 training pairs left out (3 longer" in capsys.readouterr().err


def test_nothing_left_out_is_nothing_told(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    start()
    assert "left out" not in capsys.readouterr().err


def test_all_left_out(start: Start) -> None:
    with pytest.raises(DataError, match=r"train\.tsv: nothing is left to train on \("):
        start(max_source_length=1)


def test_validation_keeps_everything(start: Start, tmp_path: Path, pairs: Rows) -> None:
    rows = [("dog " * 300, "Hund"), ("", ""), *pairs[60:70]]
    path = write(tmp_path / "odd.tsv", rows)
    data = start(validation=str(path))
    found = [pair for batch in data.val_dataloader() for pair in text_of(batch, data)]
    assert sorted(found) == sorted((a.strip(), b) for a, b in rows)


# --- tokenizers -----------------------------------------------------------------------------------------


def test_one_tokenizer_or_two(start: Start) -> None:
    joint = start().tokenizers
    assert joint is not None
    assert joint.source is joint.target
    apart = start(tokenizer=TokenizerConfig(vocab_size=300, joint=False)).tokenizers
    assert apart is not None
    assert bytes(apart.source) != bytes(apart.target)
    assert apart.source.unk not in apart.source.encode(["Hund"])[0]  # spelt in bytes or letters
    lengths = [len(side.encode(["the woman reads"])[0]) for side in apart]
    assert lengths[0] < lengths[1]


def test_given_tokenizers_are_used_as_they_are(
    start: Start, tmp_path: Path, texts: list[str], pairs: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = []
    for name, kind in (("a", "char"), ("b", "bpe")):
        config = TokenizerConfig(model_type=kind, vocab_size=300)  # type: ignore[arg-type]
        models.append(bytes(Tokenizer.train(texts, config)))
        (tmp_path / f"{name}.model").write_bytes(models[-1])
    monkeypatch.setattr(Tokenizer, "train", None)
    both = start(tokenizer=TokenizerConfig(source_model=str(tmp_path / "a.model")))
    assert both.tokenizers is not None
    assert [bytes(side) for side in both.tokenizers] == [models[0]] * 2
    config = TokenizerConfig(
        joint=False,
        source_model=str(tmp_path / "a.model"),
        target_model=str(tmp_path / "b.model"),
    )
    apart = start(tokenizer=config)
    assert apart.tokenizers is not None
    assert [bytes(side) for side in apart.tokenizers] == models
    assert sorted(epoch_of(apart)) == sorted(pairs[:60])


def test_tokenizers_of_a_checkpoint_come_first(start: Start, texts: list[str], pairs: Rows) -> None:
    model = Tokenizer.train(texts, TokenizerConfig(model_type="char"))
    data = start(prepare=False)
    data.tokenizers = Tokenizers(model, model)
    data.prepare_data()
    data.setup("fit")
    assert data.tokenizers.source is model
    assert sorted(epoch_of(data)) == sorted(pairs[:60])
    assert not (data.cache_dir / "tokenizers").exists()


def test_missing_tokenizer_file(start: Start) -> None:
    with pytest.raises(DataError, match=r"no\.model: cannot be read \(No such file"):
        start(tokenizer=TokenizerConfig(source_model="no.model"))


# --- drawing segmentations --------------------------------------------------------------------------


def segmentations(data: PairsDataModule) -> dict[tuple[str, str], list[int]]:
    found: dict[tuple[str, str], list[int]] = {}
    for batch in data.train_dataloader():
        rows = zip(batch.source, batch.source_lengths, strict=True)
        ids = [row[:length].tolist() for row, length in rows]
        found.update(zip(text_of(batch, data), ids, strict=True))
    return found


def test_sampling_draws_anew_every_epoch_and_alike_in_every_run(start: Start, pairs: Rows) -> None:
    config = TokenizerConfig(vocab_size=300, sampling_nbest=16, sampling_alpha=0.1)
    data = start(tokenizer=config, trainer=at(epoch=0))
    first = segmentations(data)
    assert set(first) == set(pairs[:60])  # whatever was drawn, it spells the text
    data.trainer = at(epoch=1)  # type: ignore[assignment]
    second = segmentations(data)
    assert set(second) == set(first)
    assert sum(first[pair] != second[pair] for pair in first) > 30
    # other ranks, workers and batches: the same draw for the same row
    options = {"batch_size": 5, "num_workers": 1, "trainer": at(epoch=1, ranks=2)}
    other = segmentations(start(tokenizer=config, **options))
    assert 0 < len(other) < 60
    assert other.items() <= second.items()
    assert segmentations(start(tokenizer=config, seed=2, trainer=at(epoch=1))) != second


def test_validation_batches_do_not_depend_on_the_seed(start: Start) -> None:
    """So the loss is summed in the same order, whatever the seed."""
    first, second = (
        [batch.source.tolist() for batch in start(seed=seed).val_dataloader()] for seed in (1, 2)
    )
    assert first == second


def test_validation_draws_nothing(start: Start) -> None:
    plain = [batch.source.tolist() for batch in start().val_dataloader()]
    config = TokenizerConfig(vocab_size=300, sampling_nbest=16)
    drawn = [batch.source.tolist() for batch in start(tokenizer=config).val_dataloader()]
    assert drawn == plain


def test_sampling_with_a_given_model_that_cannot(
    start: Start, tmp_path: Path, texts: list[str]
) -> None:
    config = TokenizerConfig(model_type="bpe", vocab_size=300)
    (tmp_path / "b.model").write_bytes(bytes(Tokenizer.train(texts, config)))
    config = TokenizerConfig(source_model=str(tmp_path / "b.model"), sampling_nbest=8)
    with pytest.raises(ConfigError, match="only a unigram tokenizer can draw"):
        start(tokenizer=config)


# --- what goes wrong ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_workers": -1}, r"data\.num_workers: -1, expected at least 0"),
        ({"seed": -1}, r"data\.seed: -1, expected at least 0"),
        ({"max_source_length": 0}, r"data\.max_source_length: 0, expected at least 1"),
        ({"max_target_length": 0}, r"data\.max_target_length: 0, expected at least 1"),
        ({"preprocessing_workers": 0}, r"data\.preprocessing_workers: 0, expected at least 1"),
        ({"batch_size": 0}, r"data\.batch_size: 0, expected at least 1"),
        ({"batch_tokens": 0}, r"data\.batch_tokens: 0, expected at least 1"),
        ({"batch_tokens": None}, r"data: give either batch_tokens or batch_size"),
    ],
)
def test_constructor_refuses_wrong_values(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        PairsDataModule("no such file.tsv", **options)


def test_constructor_reads_nothing(tmp_path: Path) -> None:
    data = PairsDataModule("no such file.tsv", cache_dir=str(tmp_path / "cache"))
    assert not (tmp_path / "cache").exists()
    with pytest.raises(DataError, match=r"no such file\.tsv: no such file"):
        data.prepare_data()


@pytest.mark.parametrize("place", ["train", "validation"])
@pytest.mark.parametrize("given_model", [True, False])
def test_error_in_a_row_is_told_once_and_as_it_is(
    place: str, given_model: bool, start: Start, tmp_path: Path, texts: list[str]
) -> None:
    # in training the tokenizer, and in preparing the rows
    config = SMALL
    if given_model:
        path = tmp_path / "a.model"
        path.write_bytes(bytes(Tokenizer.train(texts, config)))
        config = TokenizerConfig(source_model=str(path))
    start(prepare=False)
    with (tmp_path / f"{place}.tsv").open("ab") as file:
        file.write(b"a\tb\tc\n")
    with pytest.raises(DataError, match=rf"^\S+{place}\.tsv:\d+: 3 columns, expected 2") as caught:
        start(tokenizer=config)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_error_leaves_no_half_a_corpus_in_the_cache(
    start: Start, tmp_path: Path, pairs: Rows
) -> None:
    path = write(tmp_path / "train.tsv", [*pairs[:60], ("a", "b\tc")])
    for _ in range(2):
        with pytest.raises(DataError, match="3 columns"):
            start()
    write(path, pairs[:60])
    assert sorted(epoch_of(start())) == sorted(pairs[:60])


def test_empty_validation_corpus(start: Start, tmp_path: Path) -> None:
    path = write(tmp_path / "none.tsv", [])
    with pytest.raises(DataError, match=r"none\.tsv: there are no rows"):
        start(validation=str(path))


def test_more_ranks_than_rows(start: Start, pairs: Rows) -> None:
    data = start(train=pairs[:5], trainer=at(ranks=3, accumulation=2))
    with pytest.raises(DataError, match=r"5 rows cannot be shared by 6"):
        data.train_dataloader()


def test_references_of_a_row_are_one_example(start: Start, tmp_path: Path) -> None:
    """Not those of its neighbour, though it has the same source; every one is a pair to train on."""
    rows = [
        {"en": "ok", "de": ["gut", "na gut"]},
        {"en": "ok", "de": "schön"},
        {"en": "no", "de": "nein"},
    ]
    path = tmp_path / "several.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    data = start(validation=str(path), compare=str(path))
    expected = [("ok", ["gut", "na gut"]), ("ok", ["schön"]), ("no", ["nein"])]
    assert data.validation_examples(9) == expected
    assert data.compared_examples(9)[str(path)] == expected
    assert len(epoch_of(data, data.val_dataloader())) == 4
    twice = [{"path": str(path), "tag": tag} for tag in ("<a>", "<b>")]
    assert len(start(compare=twice).compared_examples(9)) == 3
    merged = [("ok", ["gut", "na gut", "schön"]), ("no", ["nein"])]
    assert Corpus.merged(expected) == merged
    assert data.validation_examples(2, merged=True) == merged
    assert data.validation_examples(1, merged=True) == merged[:1]


@pytest.mark.parametrize("option", ["train", "validation", "test", "compare"])
def test_every_corpus_is_looked_for_before_the_first_is_prepared(
    option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpora: dict[str, str] = dict.fromkeys(("train", "validation", "test", "compare"), "there.tsv")
    (tmp_path / "there.tsv").write_text("source\ttarget\na\tb\n")
    (tmp_path / "folder").mkdir()
    monkeypatch.setattr(PairsDataModule, "build_tokenizers", None)  # is not come to
    for name, message in (
        ("missing.tsv", "missing.tsv: no such file"),
        ("folder", "folder: is a folder, expected csv"),
    ):
        data = PairsDataModule(**{**corpora, option: name}, cache_dir=str(tmp_path / "cache"))  # type: ignore[arg-type]
        with pytest.raises(DataError, match=rf"^data\.{option}: {message}"):
            data.prepare_data()
