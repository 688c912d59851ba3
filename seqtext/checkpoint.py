"""A checkpoint is the whole model: weights, network configuration, tokenizers or labels, format number."""

from __future__ import annotations

import dataclasses
import pickle
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from seqtext.data.labels import Labels, TextAndLabels
from seqtext.data.tokenizer import Tokenizer, Tokenizers
from seqtext.errors import CheckpointError, ConfigError
from seqtext.nn.config import ClassifierConfig, EncoderConfig, NetworkConfig
from seqtext.nn.precision import Precision

FORMAT = 1
_KEY = "seqtext"
_PREFIX = "network."  # of the network's weights in a LightningModule's state


CLASSIFICATION = "classification"  # the task of a classifier


class Model(NamedTuple):
    """What a checkpoint holds of an encoder-decoder."""

    task: str
    columns: tuple[str, str]  # names of source and target in the corpus trained on
    config: NetworkConfig
    tokenizers: Tokenizers
    weights: dict[str, Tensor]
    source_limit: int | None = None  # pieces of a source that are read
    longest_source: int | None = None  # pieces of the longest source in training


class ClassifierModel(NamedTuple):
    """What a checkpoint holds of a classifier."""

    columns: tuple[str, str]  # names of text and label in the corpus trained on
    config: ClassifierConfig
    tokenizers: TextAndLabels
    weights: dict[str, Tensor]
    source_limit: int | None
    temperature: float  # that logits are divided by
    threshold: float  # below this probability a text is out of scope
    longest_source: int | None = None  # pieces of the longest text in training


def describe(
    task: str,
    config: NetworkConfig,
    tokenizers: Tokenizers,
    columns: tuple[str, str],
    source_limit: int | None,
    longest_source: int | None = None,
) -> dict[str, Any]:
    """The part of a checkpoint that makes it a model; plain values only."""
    limits = source_limit, longest_source
    described = _described(task, config, tokenizers.source, columns, *limits)
    return {**described, "target_spm": bytes(tokenizers.target)}


def describe_classifier(
    config: ClassifierConfig,
    tokenizers: TextAndLabels,
    columns: tuple[str, str],
    source_limit: int | None,
    temperature: float,
    threshold: float,
    longest_source: int | None = None,
) -> dict[str, Any]:
    """Likewise of a classifier."""
    limits = source_limit, longest_source
    described = _described(CLASSIFICATION, config, tokenizers.source, columns, *limits)
    own = {"temperature": temperature, "threshold": threshold}
    return {**described, "labels": bytes(tokenizers.target), **own}


def _described(
    task: str,
    config: EncoderConfig,
    source: Tokenizer,
    columns: tuple[str, str],
    source_limit: int | None,
    longest_source: int | None,
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "task": task,
        "columns": list(columns),
        "network": dataclasses.asdict(config),
        "source_spm": bytes(source),
        "source_limit": source_limit,
        "longest_source": longest_source,
    }


def find(path: str | Path) -> Path:
    """The checkpoint file of ``path``: itself, or ``best.ckpt`` (else ``last.ckpt``) of a run folder.

    Raises:
        CheckpointError: There is none.
    """
    path = Path(path)
    if path.is_dir():
        for name in ("best.ckpt", "last.ckpt"):
            if (path / name).is_file():
                return path / name
        raise CheckpointError(f"{path}: no best.ckpt or last.ckpt in this folder; is it a run?")
    if not path.exists():
        raise CheckpointError(
            f"{path}: no such file or folder; expected a checkpoint or a run folder"
        )
    return path


def read(path: str | Path) -> dict[str, Any]:
    """All that a checkpoint file holds; tensors on the CPU.

    Raises:
        CheckpointError: It is no checkpoint of ours, damaged, or of another format.
    """
    path = find(path)
    if not zipfile.is_zipfile(path):
        raise CheckpointError(
            f"{path}: not a checkpoint, or a damaged one ({path.stat().st_size:,} bytes); expected a"
            " .ckpt file that `seqtext fit` has written"
        )
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, OSError, pickle.UnpicklingError, KeyError, ValueError) as error:
        reason = str(error).split("\n")[0]
        raise CheckpointError(
            f"{path}: not a checkpoint of seqtext, or a damaged one ({reason[:200]})"
        ) from error
    if not isinstance(content, dict) or not isinstance(content.get(_KEY), dict):
        raise CheckpointError(f"{path}: not a checkpoint of seqtext (it holds no {_KEY!r} entry)")
    if (found := content[_KEY].get("format")) != FORMAT:
        raise CheckpointError(
            f"{path}: checkpoint format {found}, this version of seqtext reads format {FORMAT};"
            " use the version that wrote it"
        )
    return content


def unpack(content: dict[str, Any], where: str) -> Model | ClassifierModel:
    """The model in what ``read`` returned.

    Raises:
        CheckpointError: Something is missing, or a field of the network is unknown.
    """
    described = content[_KEY]
    try:
        weights = {
            name.removeprefix(_PREFIX): value
            for name, value in content["state_dict"].items()
            if name.startswith(_PREFIX)
        }
        source_column, target_column = described["columns"]
        columns, limit = (source_column, target_column), described.get("source_limit")
        longest = described.get("longest_source")
        source = Tokenizer(described["source_spm"], f"{where} (source tokenizer)")
        if described["task"] == CLASSIFICATION:
            return ClassifierModel(
                columns,
                ClassifierConfig(**described["network"]),
                TextAndLabels(source, Labels.load(described["labels"])),
                weights,
                limit,
                described["temperature"],
                described["threshold"],
                longest,
            )
        target = Tokenizer(described["target_spm"], f"{where} (target tokenizer)")
        config = NetworkConfig(**described["network"])
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{where}: incomplete or inconsistent ({error})") from error
    tokenizers = Tokenizers(source, target)
    return Model(described["task"], columns, config, tokenizers, weights, limit, longest)


def load_any(path: str | Path) -> Model | ClassifierModel:
    """The model that a checkpoint file, or a run folder, holds.

    Raises:
        CheckpointError: See ``find``, ``read`` and ``unpack``.
    """
    path = find(path)
    return unpack(read(path), str(path))


def load(path: str | Path) -> Model:
    """Likewise of an encoder-decoder.

    Raises:
        CheckpointError: It is a classifier, or see ``load_any``.
    """
    model = load_any(path)
    if isinstance(model, ClassifierModel):
        raise no_generator(str(path))
    return model


def no_generator(name: str) -> CheckpointError:
    """What to say of a classifier where text is to be generated."""
    return CheckpointError(
        f"{name}: is a classifier, which generates no text; use it with `seqtext classify`"
    )


def common_limit(models: Sequence[Model] | Sequence[ClassifierModel]) -> int | None:
    """Pieces of a source that an ensemble reads: no network more than it has been trained on."""
    limits = [model.source_limit for model in models if model.source_limit is not None]
    return min(limits, default=None)


def common_longest(models: Sequence[Model] | Sequence[ClassifierModel]) -> int | None:
    """Pieces of the longest source that all networks of an ensemble have been trained on."""
    known = [model.longest_source for model in models if model.longest_source is not None]
    return min(known, default=None)


def restore(
    network: nn.Module,
    weights: dict[str, Tensor],
    where: str | Path,
    device: str,
    precision: Precision,
) -> None:
    """Make a network ready to be used.

    Raises:
        CheckpointError: The weights do not fit.
        ConfigError: The device is not there.
    """
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise CheckpointError(
            f"{where}: its weights do not fit its network ({str(error).splitlines()[-1].strip()})"
        ) from error
    try:
        network.to(device, torch.bfloat16 if precision == "bf16" else None)
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(
            f"device: {device!r} is not to be had ({str(error).splitlines()[0]})"
        ) from error
    network.eval()
