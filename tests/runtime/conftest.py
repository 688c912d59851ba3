"""Checkpoints with random weights, and folders that are exported from them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from seqtext import checkpoint
from seqtext.cli import main
from seqtext.data.labels import Labels, TextAndLabels
from seqtext.data.tokenizer import Tokenizer, TokenizerConfig, Tokenizers
from seqtext.nn.classifier import Classifier
from seqtext.nn.config import ClassifierConfig, NetworkConfig
from seqtext.nn.decoder import Decoder
from seqtext.nn.encoder_decoder import EncoderDecoder
from seqtext.search.config import SearchConfig
from seqtext.tasks import Scoring

Make = Callable[..., Path]
SIZES: dict[str, Any] = {"embedding_size": 16, "hidden_size": 24}


def save(network: nn.Module, described: dict[str, Any], path: Path) -> Path:
    """A checkpoint of a network whose outputs differ from text to text."""
    torch.manual_seed(3)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if "bias" not in name:
                parameter.mul_(2.5)
    weights = {f"network.{name}": value for name, value in network.state_dict().items()}
    content = {"seqtext": described, "state_dict": weights}
    checkpoint.add_digest(content)
    torch.save(content, path)
    return path


def without_bytes(side: str) -> Tokenizer:
    """A tokenizer that has no pieces for rare characters."""
    texts = [f"The {side} of the dog sees my sister.", "We have read a very expensive book."] * 5
    options = TokenizerConfig(vocab_size=40, byte_fallback=False)
    return Tokenizer.train(texts, options)


@pytest.fixture
def generator(trained: Path, tmp_path: Path) -> Make:
    """Write a checkpoint that generates text, with these options of its network."""

    def write(
        search: dict[str, Any] | None = None, limit: int | None = None, **options: Any
    ) -> Path:
        tokenizers = checkpoint.load(trained).tokenizers
        config = NetworkConfig(**{**SIZES, **options})
        if config.copying:
            tokenizers = Tokenizers(*(without_bytes(name) for name in ("source", "target")))
        torch.manual_seed(2)
        network = EncoderDecoder(config, *tokenizers.sizes, tokenizers.unknown)
        if config.copying:
            network.copy_ids.copy_(torch.tensor(tokenizers.copy_ids()))
            assert isinstance(network.decoder, Decoder) and network.decoder.gate is not None
            nn.init.constant_(network.decoder.gate.bias, -4)  # it copies most of the time
        scoring = Scoring(bleu_tokenize="13a", symbols="words")
        given = ("en", "de"), limit, None, scoring, SearchConfig(**(search or {}))
        described = checkpoint.describe("translation", config, tokenizers, *given)
        return save(network, described, tmp_path / "generator.ckpt")

    return write


@pytest.fixture
def classifier(trained: Path, tmp_path: Path) -> Make:
    """Write a checkpoint of a classifier, with these options of its labels and its network."""

    def write(labels: dict[str, Any] | None = None, **options: Any) -> Path:
        own = Labels(names=("a", "b", "c", "d, e"), **(labels or {}))
        sides = TextAndLabels(checkpoint.load(trained).tokenizers.source, own)
        config = ClassifierConfig(**{**SIZES, **options})
        torch.manual_seed(2)
        network = Classifier(config, *sides.sizes, sides.spellings)
        described = checkpoint.describe_classifier(config, sides, ("text", "label"), 9, 1.3, 0.4)
        return save(network, described, tmp_path / "classifier.ckpt")

    return write


@pytest.fixture
def export(tmp_path: Path) -> Callable[..., Path]:
    """Export a checkpoint, and return the folder."""

    def run(path: Path, *options: str) -> Path:
        folder = tmp_path / f"deployed{len(list(tmp_path.iterdir()))}"
        assert main(["export", str(path), str(folder), *options]) == 0
        return folder

    return run
