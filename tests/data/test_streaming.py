"""Streaming: whatever the pools, workers and ranks, an epoch has the pairs that it should have."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pytest

from seqtext.data.batch import IGNORE, Batch, LabelledBatch
from seqtext.data.corpus import Corpus
from seqtext.data.pairs import PairsDataModule
from seqtext.data.readers import Row
from seqtext.data.streaming import Stream
from seqtext.data.tokenizer import TokenizerConfig
from seqtext.errors import ConfigError, DataError
from tests.support import at, epoch_of, pairs_of, text_of


@pytest.fixture
def start(tmp_path: Path, pairs: list[Row]) -> Callable[..., PairsDataModule]:
    """A data module that streams ``train.tsv``, numbered pairs of unlike lengths."""
    rows = [(f"{i} {source}", f"{i} {target}") for i, (source, target) in enumerate(pairs)]
    write(tmp_path / "train.tsv", rows)

    def started(trainer: Any = None, **options: Any) -> PairsDataModule:
        data = PairsDataModule(
            **{
                "train": str(tmp_path / "train.tsv"),
                "source": "en",
                "target": "de",
                "tokenizer": TokenizerConfig(vocab_size=320),
                "batch_size": 8,
                "cache_dir": str(tmp_path / "cache"),
                "streaming": True,
                "shuffle_buffer": 64,
                **options,
            }
        )
        data.trainer = trainer
        data.prepare_data()
        data.setup("fit")
        return data

    return started


Start = Callable[..., PairsDataModule]


def write(path: Path, rows: list[Row]) -> None:
    text = "".join(f"{source}\t{target}\n" for source, target in [("en", "de"), *rows])
    path.write_text(text, encoding="utf-8")


def batches(data: PairsDataModule) -> list[list[Row]]:
    return [text_of(batch, data) for batch in data.train_dataloader()]


def file_rows(tmp_path: Path) -> list[Row]:
    return list(Corpus(str(tmp_path / "train.tsv"), "en", "de").rows())


@pytest.mark.parametrize("size", [1, 7, 64, 150, 151, 10_000])
@pytest.mark.parametrize("workers", [0, 2])
def test_an_epoch_has_every_pair_once(
    start: Start, tmp_path: Path, size: int, workers: int
) -> None:
    found = epoch_of(start(shuffle_buffer=size, num_workers=workers))
    assert sorted(found) == sorted(file_rows(tmp_path))
    assert (found == file_rows(tmp_path)) == (size == 1)


def test_every_epoch_is_shuffled_anew_and_again_the_same(start: Start) -> None:
    data = start(trainer=at())
    first = batches(data)
    data.trainer = at(epoch=1)  # type: ignore[assignment]
    assert batches(data) != first
    data.trainer = at()  # type: ignore[assignment]
    assert batches(data) == first == batches(start(num_workers=2))


def test_a_pool_as_large_as_the_corpus_has_batches_of_like_length(start: Start) -> None:
    """As planned as those of a corpus that is kept prepared: the same padding."""

    def padding(**options: Any) -> float:
        loader = start(**options).train_dataloader()
        real, all_of_them = (sum(n) for n in zip(*map(counts, loader), strict=True))
        return float(1 - real / all_of_them)

    def counts(batch: Batch | LabelledBatch) -> tuple[int, int]:
        return int((batch.labels != IGNORE).sum()), batch.labels.numel()

    assert padding(shuffle_buffer=150) == pytest.approx(padding(streaming=False), abs=0.02)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("taken", [1, 2, 9, 10, 19])
def test_goes_on_with_the_batch_that_was_handed_out_last(
    start: Start, workers: int, taken: int
) -> None:
    """Which Lightning has fetched, and not trained on, when it saves."""
    expected = batches(start())
    assert len(expected) == 19  # of 64 + 64 + 22 pairs
    loader = start(num_workers=workers).train_dataloader()
    for _ in itertools.islice(loader, taken):
        pass
    data = start(num_workers=workers)
    rest = data.train_dataloader()
    rest.load_state_dict(loader.state_dict())
    assert [text_of(batch, data) for batch in rest] == expected[taken - 1 :]


def test_a_finished_epoch_has_nothing_left(start: Start) -> None:
    loader = start().train_dataloader()
    assert len(list(loader)) == 19
    rest = start().train_dataloader()
    rest.load_state_dict(loader.state_dict())
    assert list(rest) == []
    other = start(trainer=at(epoch=1)).train_dataloader()
    other.load_state_dict(loader.state_dict())  # of another epoch: none of its business
    assert len(list(other)) == 19


def test_ranks_and_accumulation_share_the_same_updates(start: Start) -> None:
    expected = [set(update) for update in batches(start(trainer=at(epoch=1)))]
    cut = [
        batches(start(trainer=at(epoch=1, rank=rank, ranks=2, accumulation=2))) for rank in range(2)
    ]
    shared = [
        {row for of_rank in cut for step in (first, first + 1) for row in of_rank[step]}
        for first in range(0, len(cut[0]), 2)
    ]
    assert shared == expected


def test_too_few_for_every_rank(
    start: Start, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is left of the last pool is left out, and said; a corpus that small is refused."""
    found = []
    for rank in range(3):
        found += epoch_of(
            start(trainer=at(rank=rank, ranks=3), shuffle_buffer=37)
        )  # 150 = 4 * 37 + 2
    assert sorted(found) == sorted(file_rows(tmp_path)[:148])
    told = "2 of 150 training pairs left out (2 too few for the last update)"
    assert told in capsys.readouterr().err
    write(tmp_path / "two.tsv", file_rows(tmp_path)[:2])
    with pytest.raises(DataError, match="2 rows cannot be shared by 3"):
        batches(start(trainer=at(ranks=3), train=str(tmp_path / "two.tsv"), tokenizer=BYTES))


BYTES = TokenizerConfig(vocab_size=280)


def test_what_is_too_long_is_left_out_and_counted(
    start: Start, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = start(max_source_length=18)
    assert data.tokenizers is not None
    expected = [
        row
        for row, ids in zip(
            file_rows(tmp_path),
            data.tokenizers.source.encode([source for source, _ in file_rows(tmp_path)]),
            strict=True,
        )
        if len(ids) <= 18
    ]
    assert 20 < len(expected) < 130
    assert sorted(epoch_of(data)) == sorted(expected)
    left_out = 150 - len(expected)
    assert f"data: {left_out} of 150 training pairs left out" in capsys.readouterr().err
    with pytest.raises(DataError, match=r"nothing is left to train on \("):
        batches(start(max_source_length=1))


@pytest.mark.parametrize("workers", [0, 1])
def test_a_row_that_cannot_be_read(start: Start, tmp_path: Path, workers: int) -> None:
    """In the middle of an epoch, and of a worker."""
    data = start(num_workers=workers)
    with (tmp_path / "train.tsv").open("a") as file:
        file.write("one column\n")
    loader = iter(data.train_dataloader())
    assert sum(len(next(loader).source) for _ in range(16)) == 128  # the pools before
    with pytest.raises(DataError, match=r"train\.tsv:152: 1 columns, expected 2") as caught:
        next(loader)
    assert "Traceback" not in str(caught.value)


# --- several corpora ------------------------------------------------------------------------------------


def test_several_corpora_are_dealt_evenly(tmp_path: Path) -> None:
    write(tmp_path / "a.tsv", [(f"a{i}", "x") for i in range(90)])
    write(tmp_path / "b.tsv", [(f"b{i}", "x") for i in range(30)])
    corpora = [Corpus(str(tmp_path / f"{name}.tsv"), "en", "de") for name in "ab"]
    stream = Stream(corpora, [0.5, 3.0], [90, 30], seed=1)
    epochs = [[source for source, _ in stream.rows(epoch)] for epoch in range(2)]
    for rows in epochs:
        assert Counter(row for row in rows if row[0] == "b") == {f"b{i}": 3 for i in range(30)}
        once = [row for row in rows if row[0] == "a"]
        assert len(set(once)) == len(once) and 30 <= len(once) <= 60
        for start in range(0, 120, 20):  # about 45 : 90 everywhere
            assert 4 <= sum(row[0] == "a" for row in rows[start : start + 20]) <= 9
    assert epochs[0] != epochs[1]  # another half
    assert epochs[0] == [source for source, _ in stream.rows(0)]


def test_temperature_and_tags(start: Start, tmp_path: Path) -> None:
    write(tmp_path / "small.tsv", file_rows(tmp_path)[:15])
    small = {"path": str(tmp_path / "small.tsv"), "tag": "<small>"}
    data = start(train=[str(tmp_path / "train.tsv"), small], sampling_temperature=2.0)
    tagged = sum(source.startswith("<small>") for source, _ in epoch_of(data))
    assert 150 + tagged == len(epoch_of(data))
    assert 45 <= tagged <= 60  # 15 * sqrt(10) = 47.4


# --- a validation set cut from the stream ---------------------------------------------------------------


def test_validation_examples_are_not_trained_on(start: Start, tmp_path: Path) -> None:
    rows = file_rows(tmp_path)
    write(tmp_path / "train.tsv", [*rows, *rows[:40]])  # doubles, in another pool
    data = start(validation="split:12")
    validation = {row for batch in data.val_dataloader() for row in text_of(batch, data)}
    assert len(validation) == 12 and validation < set(rows[:64])
    assert set(pairs_of(data.validation_examples(12))) == validation
    assert Counter(epoch_of(data)) == Counter(
        row for row in [*rows, *rows[:40]] if row not in validation
    )
    assert pairs_of(start(validation="split:12").validation_examples(12)) == pairs_of(
        data.validation_examples(12)
    )


def test_a_split_of_the_stream_is_one_of_usable_pairs(start: Start, tmp_path: Path) -> None:
    """None that training would leave out, none twice because of a weight, and not all there are."""
    rows = file_rows(tmp_path)[:60]
    write(tmp_path / "train.tsv", [*rows, *((f"{i} " + "long " * 90, "x") for i in range(40))])
    train = {"path": str(tmp_path / "train.tsv"), "weight": 3.0}
    for name in (str(tmp_path / "train.tsv"), [train]):
        data = start(train=name, validation="split:20", shuffle_buffer=100, max_source_length=80)
        pairs = pairs_of(data.validation_examples(500))
        assert len(pairs) == len(set(pairs)) == 20 and set(pairs) < set(rows)
    with pytest.raises(DataError, match="split:60 of the first 100 training pairs leaves none"):
        start(validation="split:60", shuffle_buffer=100, max_source_length=80)


@pytest.mark.parametrize("files", [1, 3])
@pytest.mark.parametrize("workers", [0, 1, 2])
def test_a_stream_of_the_hub_is_dealt_to_workers_once(
    start: Start, tmp_path: Path, files: int, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = file_rows(tmp_path)
    names = [str(tmp_path / f"{i}.jsonl") for i in range(files)]
    for i, name in enumerate(names):
        lines = (json.dumps({"en": en, "de": de}) + "\n" for en, de in rows[i::files])
        Path(name).write_text("".join(lines), encoding="utf-8")

    def load(*_: Any) -> tuple[Any, str]:
        stream = datasets.load_dataset("json", data_files=names, split="train", streaming=True)
        return stream, "fingerprint"

    monkeypatch.setattr("seqtext.data.hub.load", load)
    data = start(train="someone/pairs", num_workers=workers, shuffle_buffer=20)
    assert sorted(epoch_of(data)) == sorted(rows)


def test_tokenizers_do_not_hang_on_weights(start: Start, tmp_path: Path) -> None:
    """Nor on what an earlier run with other weights has left in the cache."""
    write(tmp_path / "b.tsv", [(f"quixotic {i}", "x") for i in range(30)])
    found = set()
    for weight in (1.0, 9.0):
        train = [str(tmp_path / "train.tsv"), {"path": str(tmp_path / "b.tsv"), "weight": weight}]
        for cache in ("cache", f"other-{weight}"):
            tokenizers = start(train=train, cache_dir=str(tmp_path / cache)).tokenizers
            assert tokenizers is not None
            found.add(tokenizers.source.fingerprint)
    assert len(found) == 1


def test_temperature_of_one_corpus(start: Start, tmp_path: Path) -> None:
    assert sorted(epoch_of(start(sampling_temperature=5.0))) == sorted(file_rows(tmp_path))


# --- refusals -------------------------------------------------------------------------------------------


def test_no_buffer(start: Start) -> None:
    with pytest.raises(ConfigError, match=r"data\.shuffle_buffer: 0, expected at least 1"):
        start(shuffle_buffer=0)


# --- sources that are too long --------------------------------------------------------------------------


@pytest.mark.parametrize("streaming", [True, False])
def test_long_sources_are_cut_and_counted(
    start: Start, tmp_path: Path, streaming: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    options = {"max_source_length": 12, "truncate_sources": True, "streaming": streaming}
    data = start(validation=str(tmp_path / "train.tsv"), **options)
    assert data.tokenizers is not None
    source = data.tokenizers.source
    rows = file_rows(tmp_path)
    ids = source.encode([text for text, _ in rows])
    expected = sorted(
        (source.decode(row[:12]), text) for row, (_, text) in zip(ids, rows, strict=True)
    )
    assert sorted(epoch_of(data)) == expected
    assert sorted(epoch_of(data, data.val_dataloader())) == expected
    cut = sum(len(row) > 12 for row in ids)
    assert 20 < cut < 140
    told = f"data: {cut} of 150 training sources cut behind 12 pieces"
    assert told in capsys.readouterr().err
    assert data.source_limit == 12 and start().source_limit is None
    assert data.longest_source == 12
    whole = start(streaming=streaming, max_source_length=20)
    epoch_of(whole)
    assert whole.longest_source == max(len(row) for row in ids if len(row) <= 20) > 12


@pytest.mark.parametrize("workers", [0, 2])
def test_segmentations_are_drawn_by_epoch_and_row(
    start: Start, tmp_path: Path, workers: int
) -> None:
    """So they are the same in pools of another size."""
    config = TokenizerConfig(vocab_size=320, sampling_nbest=16, sampling_alpha=0.1)

    def drawn(epoch: int, **options: Any) -> dict[Row, list[int]]:
        data = start(trainer=at(epoch=epoch), tokenizer=config, **options)
        return {
            row: ids[:length].tolist()
            for batch in data.train_dataloader()
            for row, ids, length in zip(
                text_of(batch, data), batch.source, batch.source_lengths, strict=True
            )
        }

    first = drawn(0, num_workers=workers)
    assert set(first) == set(file_rows(tmp_path))
    assert drawn(0, shuffle_buffer=20) == first
    second = drawn(1)
    assert sum(first[row] != second[row] for row in first) > 75


def test_words_without_a_piece_are_the_same_when_streaming(start: Start) -> None:
    """Numbers that the vocabulary of words lacks have ids beyond it, on both sides."""
    tokenizer = TokenizerConfig(model_type="word", vocab_size=60)
    found = []
    for streaming in (True, False):
        data = start(tokenizer=tokenizer, streaming=streaming, shuffle_buffer=1000)
        found.append([(b.source.tolist(), b.labels.tolist()) for b in data.train_dataloader()])
    assert data.tokenizers is not None
    size = data.tokenizers.source.vocab_size
    for side in (0, 1):
        assert max(i for batch in found[0] for row in batch[side] for i in row) >= size
    assert sorted(map(str, found[0])) == sorted(map(str, found[1]))
