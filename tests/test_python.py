"""Objects made in Python: a wrong type is told by the option's name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import LightningDataModule, Trainer

from seqtext import ClassifierModule, EncoderDecoderModule, LabelsDataModule, PairsDataModule
from seqtext.data.tokenizer import TokenizerConfig
from seqtext.errors import ConfigError
from seqtext.nn.config import ClassifierConfig, NetworkConfig
from seqtext.training.config import OptimizerConfig, SelectionConfig


@pytest.mark.parametrize("kind", [PairsDataModule, LabelsDataModule])
def test_corpora_are_named_by_paths(kind: Any) -> None:
    path = Path("c.tsv")
    for given in (path, [path], {"path": path}, [{"path": path, "weight": 1}], (str(path),)):
        data = kind(given, validation=path, test=path, cache_dir=Path("cache"))
        assert [corpus.name for corpora in data.corpora.values() for corpus in corpora] == [
            "c.tsv"
        ] * 3
    single: Any = path
    assert PairsDataModule(single, compare=[single]).corpora["compare"][0].name == "c.tsv"


@pytest.mark.parametrize(
    ("kind", "options", "told"),
    [
        (PairsDataModule, {"train": 5}, "data.train: 5 (int), expected the name of a corpus"),
        (LabelsDataModule, {"train": 5}, "data.train: 5 (int), expected the name of a corpus"),
        (PairsDataModule, {"train": [open]}, "data.train: <built-in function open>"),
        (PairsDataModule, {"train": None}, "data.train: no corpus"),
        (PairsDataModule, {"validation": 2.5}, "data.validation: 2.5 (float), expected the name"),
        (LabelsDataModule, {"test": [5]}, "data.test: 5 (int), expected the name of a corpus"),
        (PairsDataModule, {"compare": open}, "data.compare: <built-in"),
        (PairsDataModule, {"seed": "a"}, "data.seed: 'a' (str), expected a whole number"),
        (PairsDataModule, {"source": 3}, "data.source: 3 (int), expected a column"),
        (PairsDataModule, {"tokenizer": {}}, "data.tokenizer: {} (dict), expected TokenizerConfig"),
        (PairsDataModule, {"streaming": "no"}, "data.streaming: 'no' (str), expected true or false"),
        (PairsDataModule, {"sampling_temperature": "a"}, "data.sampling_temperature: 'a' (str), expected"),
        (PairsDataModule, {"cache_dir": 5}, "data.cache_dir: 5 (int), expected text or nothing"),
        (LabelsDataModule, {"text": 3}, "data.text: 3 (int), expected a column"),
        (LabelsDataModule, {"max_length": "a"}, "data.max_length: 'a' (str), expected a whole"),
        (LabelsDataModule, {"out_of_scope": 1}, "data.out_of_scope: 1 (int), expected text"),
        (EncoderDecoderModule, {"seed": "a"}, "model.seed: 'a' (str), expected a whole number"),
        (EncoderDecoderModule, {"network": 5}, "model.network: 5 (int), expected NetworkConfig"),
        (EncoderDecoderModule, {"network": ClassifierConfig()}, "expected NetworkConfig"),
        (EncoderDecoderModule, {"label_smoothing": "a"}, "model.label_smoothing: 'a' (str)"),
        (EncoderDecoderModule, {"freeze": 5}, "model.freeze: 5 (int), expected text or a list of texts"),
        (EncoderDecoderModule, {"init_from": 5}, "model.init_from: 5 (int), expected text"),
        (EncoderDecoderModule, {"task": "chess"}, "model.task: 'chess', expected one of translation"),
        (ClassifierModule, {"optimizer": {}}, "model.optimizer: {} (dict), expected OptimizerConfig"),
        (ClassifierModule, {"class_weights": 5}, "class_weights: 5 (int), expected one of none, bal"),
        (ClassifierModule, {"class_weights": {"a": "b"}}, "class_weights: a: 'b' (str), expected a"),
        (ClassifierModule, {"vectors": 5}, "model.vectors: 5 (int), expected text or nothing"),
        (NetworkConfig, {"hidden_size": 16.0}, "network.hidden_size: 16.0 (float), expected a whole"),
        (NetworkConfig, {"bidirectional": 1}, "network.bidirectional: 1 (int), expected true or"),
        (ClassifierConfig, {"pooling": 5}, "network.pooling: 5 (int), expected one of last, max"),
        (OptimizerConfig, {"learning_rate": "a"}, "optimizer.learning_rate: 'a' (str), expected a n"),
        (OptimizerConfig, {"learning_rate_factors": ["encoder"]}, "(list), expected numbers by name"),
        (TokenizerConfig, {"symbols": "ab"}, "tokenizer.symbols: 'ab' (str), expected a list of texts"),
        (TokenizerConfig, {"symbols": ["a", 5]}, "(list), expected a list of texts"),
        (SelectionConfig, {"average_best": "a"}, "selection.average_best: 'a' (str), expected a whole"),
        (SelectionConfig, {"monitor": "chess"}, "selection.monitor: 'chess', expected one of task"),
    ],
)  # fmt: skip
def test_a_wrong_type_is_told_by_name(
    kind: Callable[..., Any], options: dict[str, Any], told: str
) -> None:
    if kind in (PairsDataModule, LabelsDataModule):
        options = {"train": "c.tsv", **options}
    with pytest.raises(ConfigError) as refused:
        kind(**options)
    assert told in str(refused.value)


def trainer() -> Trainer:
    return Trainer(
        max_steps=1, accelerator="cpu", logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip


def test_training_without_our_data() -> None:
    batches: Any = torch.utils.data.DataLoader([1, 2])  # type: ignore[arg-type]
    told = r"Trainer\.fit\(module, datamodule=seqtext\.PairsDataModule"
    for given in ((), (batches,)):
        with pytest.raises(ConfigError, match=told):
            trainer().fit(EncoderDecoderModule(), *given)
    with pytest.raises(ConfigError, match=r"datamodule=seqtext\.LabelsDataModule"):
        trainer().validate(ClassifierModule(), batches)
    with pytest.raises(ConfigError, match="LightningDataModule has other data than"):
        trainer().fit(EncoderDecoderModule(), datamodule=LightningDataModule())
