"""Models as workers have them."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

import seqtext
from seqtext.cli import main
from seqtext.errors import CheckpointError, ConfigError, DataError, LostProcessError
from seqtext.inference.channels import PipeChannel
from seqtext.inference.records import labelled_fields
from seqtext.serving.checkpoints import load_checkpoints
from seqtext.serving.exported import ServedExport
from seqtext.serving.messages import Batch, ModelPlace
from seqtext.serving.workers import Worker
from tests.serving.test_requests import GENERATOR

Make = Callable[..., Path]
TEXTS = ["The dog sees my sister.", "We have read it.", ""]


def place(path: Path, *, exported: bool = False) -> ModelPlace:
    return ModelPlace([str(path)], exported, "cpu", "fp32", [], 2)


def test_a_classifier(classifier: Make) -> None:
    path = classifier(pooling="attention")
    model = load_checkpoints(place(path))
    told = model.description
    assert told.kind == "classifier" and told.labels == ("a", "b", "c", "d, e")
    assert set(told.options) == {"classify", "explain"}
    results = model.compute("classify", TEXTS, {"top_k": 2})
    alone = seqtext.load_classifier(path).classify(TEXTS, top_k=2)
    assert results == [labelled_fields(each) for each in alone]
    explained = model.compute("explain", TEXTS[1:2], {})[0]
    words = TEXTS[1].split()
    assert explained["words"] == words and len(explained["weights"]) == len(words)
    assert explained["labels"] == results[1]["labels"] and len(explained["top"]) == 3
    json.dumps([results, explained])


def test_a_classifier_that_weighs_no_words(classifier: Make) -> None:
    assert set(load_checkpoints(place(classifier(pooling="mean"))).description.options) == {
        "classify"
    }


def test_an_exported_classifier(classifier: Make, export: Make) -> None:
    path = classifier()
    model = ServedExport(place(export(path), exported=True))
    assert model.description.kind == "classifier" and set(model.description.options) == {"classify"}
    results = model.compute("classify", TEXTS, {"top_k": 4})
    alone = seqtext.load_classifier(path).classify(TEXTS, top_k=4)
    for result, each in zip(results, alone, strict=True):
        assert result["labels"] == each.labels
        expected = {name: pytest.approx(p, abs=1e-5) for name, p in each.top}
        assert {row["label"]: row["probability"] for row in result["top"]} == expected
    with pytest.raises(ConfigError, match="top_k: 0, expected a whole number at least 1"):
        model.compute("classify", TEXTS, {"top_k": 0})


def test_an_exported_folder_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"format": 99}')
    with pytest.raises(ConfigError, match="has the format 99"):
        ServedExport(place(tmp_path, exported=True))


def test_a_shortlist(trained: Path, tmp_path: Path, classifier: Make) -> None:
    path = str(tmp_path / "list.npz")
    assert main(["shortlist", str(trained), "--pieces=4", "--frequent=9", f"--output={path}"]) == 0
    model = load_checkpoints(place(trained)._replace(shortlist=path))
    alone = seqtext.load_generator(trained).generate(TEXTS, shortlist=path)
    texts = [each["hypotheses"][0]["text"] for each in model.compute("generate", TEXTS, {})]
    assert texts == [best.text for best, *_ in alone]
    with pytest.raises(DataError, match="no such file"):
        load_checkpoints(place(trained)._replace(shortlist="missing"))
    with pytest.raises(ConfigError, match="shortlist: is of models that generate text"):
        load_checkpoints(place(classifier())._replace(shortlist=path))


def test_a_worker_refuses_a_model_that_has_changed(trained: Path) -> None:
    class Played:
        def receive(self) -> Any:
            return GENERATOR._replace(state="later")

    worker = Worker(place(trained))
    worker._channel = cast(PipeChannel, Played())
    with pytest.raises(CheckpointError, match="has changed since the server read it"):
        worker.load(GENERATOR)
    assert worker.load().state == "later"


def test_an_answer_that_is_cut_off_counts_as_lost(trained: Path) -> None:
    read, write = os.pipe()
    os.write(write, pickle.dumps([[{"text": "x" * 100}]])[:-20])
    os.close(write)
    with open(read, "rb"), open(os.devnull, "wb") as sink:
        worker = Worker(place(trained))
        worker._channel = PipeChannel(read, sink.fileno())
        with pytest.raises(LostProcessError):
            worker.compute(Batch("generate", {}, [["x"]]))
