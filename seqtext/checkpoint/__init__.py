"""A checkpoint is the whole model: weights, network configuration, tokenizers or labels, format number."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from seqtext import archive
from seqtext.checkpoint import training_state
from seqtext.checkpoint.consent import check_consent
from seqtext.checkpoint.description import (
    FORMAT,
    KEY,
    ClassifierDescription,
    described_in,
    digest_of,
    weights_in,
)
from seqtext.checkpoint.location import find
from seqtext.data.labels import Labels, TextAndLabels
from seqtext.data.tokenizer import Tokenizer, Tokenizers
from seqtext.errors import CheckpointError, ConfigError
from seqtext.metrics import Symbols
from seqtext.nn.config import ClassifierConfig, EncoderConfig, NetworkConfig
from seqtext.nn.precision import Precision
from seqtext.nn.shapes import check_shapes
from seqtext.search.config import SearchConfig
from seqtext.search.stored import changed_options
from seqtext.tasks import CLASSIFICATION, Scoring
from seqtext.values import shown

_PREFIX = "network."  # of the network's weights in a LightningModule's state


class Model(NamedTuple):
    """An encoder-decoder in a checkpoint."""

    task: str
    columns: tuple[str, str]  # names of source and target in the corpus trained on
    config: NetworkConfig
    tokenizers: Tokenizers
    weights: dict[str, Tensor]
    source_limit: int | None = None  # most pieces that the network reads of a source
    longest_source: int | None = None  # pieces of the longest source in training
    scoring: Scoring | None = None  # older checkpoints have none
    search: SearchConfig = SearchConfig()  # that its scores were measured with


class ClassifierModel(NamedTuple):
    """A classifier in a checkpoint."""

    columns: tuple[str, str]  # names of text and label in the corpus trained on
    config: ClassifierConfig
    tokenizers: TextAndLabels
    weights: dict[str, Tensor]
    source_limit: int | None
    temperature: float  # divides the logits
    threshold: float  # a text whose best label is less probable is out of scope
    longest_source: int | None = None  # pieces of the longest text in training


def describe(
    task: str,
    config: NetworkConfig,
    tokenizers: Tokenizers,
    columns: tuple[str, str],
    source_limit: int | None,
    longest_source: int | None,
    scoring: Scoring,
    search: SearchConfig,
) -> dict[str, object]:
    """The description of an encoder-decoder, as plain values. With the weights it is a whole model."""
    limits = source_limit, longest_source
    described = _described(task, config, tokenizers.source, columns, *limits)
    return {
        **described,
        "target_spm": bytes(tokenizers.target),
        "scoring": dataclasses.asdict(scoring),
        # Defaults are left out: an earlier version can read the file, whatever options are new here.
        "search": changed_options(search),
    }


def symbols_of(target: Tokenizer) -> Symbols:
    """The symbols that the symbol error rate counts, for outputs of this tokenizer."""
    return "characters" if target.of_characters else "words"


def describe_classifier(
    config: ClassifierConfig,
    tokenizers: TextAndLabels,
    columns: tuple[str, str],
    source_limit: int | None,
    temperature: float,
    threshold: float,
    longest_source: int | None = None,
) -> dict[str, object]:
    """The description of a classifier, as plain values."""
    limits = source_limit, longest_source
    described = _described(CLASSIFICATION.name, config, tokenizers.source, columns, *limits)
    own = {"temperature": temperature, "threshold": threshold}
    return {**described, "labels": bytes(tokenizers.target), **own}


def _described(
    task: str,
    config: EncoderConfig,
    source: Tokenizer,
    columns: tuple[str, str],
    source_limit: int | None,
    longest_source: int | None,
) -> dict[str, object]:
    return {
        "format": FORMAT,
        "task": task,
        "columns": list(columns),
        "network": dataclasses.asdict(config),
        "source_spm": bytes(source),
        "source_limit": source_limit,
        "longest_source": longest_source,
    }


def add_digest(content: dict[str, Any]) -> None:
    """Write a digest of the description and of the weights into the description."""
    content[KEY]["digest"] = digest_of(content[KEY], content["state_dict"])


def read(path: str | Path) -> dict[str, Any]:
    """Read all entries of a checkpoint file, with tensors on the CPU.

    Raises:
        CheckpointError: The file is no checkpoint of seqtext, is damaged or edited, or has another format.
    """
    path = find(path)
    content = archive.read(path)
    if type(content) is not dict or type(content.get(KEY)) is not dict:
        raise CheckpointError(f"{path}: not a checkpoint of seqtext (it holds no {KEY!r} entry)")
    version = content[KEY].get("format")
    if type(version) is not int or version != FORMAT:  # True == 1 in Python
        raise CheckpointError(
            f"{path}: checkpoint format {shown(version)}, this version of seqtext reads format {FORMAT};"
            " use the version that wrote it"
        )
    try:
        described = described_in(content)
        content["state_dict"] = weights = weights_in(content)
        training_state.check(content)
        if described.digest not in (None, digest_of(content[KEY], weights)):
            raise ValueError(
                f"its weights or its {KEY!r} entry are not those that were written (the digest differs); if"
                f" you changed them on purpose, remove {KEY}.digest"
            )
    except ValueError as error:
        raise inconsistent(path, error) from error
    return content


def inconsistent(where: str | Path, error: Exception) -> CheckpointError:
    """The error for a file whose parts do not fit."""
    return CheckpointError(f"{where}: incomplete, edited or inconsistent: {error}")


def unpack(content: dict[str, object], where: str) -> Model | ClassifierModel:
    """Make the model of what ``read`` returned.

    Raises:
        CheckpointError: A field is missing, unknown, or has a wrong value. Or the weights do not fit, or the
            network's cell is a foreign class that is not trusted or not there.
    """
    try:
        described = described_in(content)
        check_consent(described.network, where)
        weights = {
            name.removeprefix(_PREFIX): value
            for name, value in weights_in(content).items()
            if name.startswith(_PREFIX)
        }
        columns, limit = described.columns, described.source_limit
        longest = described.longest_source
        source = Tokenizer(described.source_spm, "source_spm")
        if isinstance(described, ClassifierDescription):
            labels = TextAndLabels(source, Labels.load(described.labels))
            check_shapes(weights, described.network, *labels.sizes)
            own = described.temperature, described.threshold
            return ClassifierModel(
                columns, described.network, labels, weights, limit, *own, longest
            )
        both = Tokenizers(source, Tokenizer(described.target_spm, "target_spm"))
        check_shapes(weights, described.network, *both.sizes)
    except CheckpointError:
        raise
    except ValueError as error:
        raise inconsistent(where, error) from error
    known = described.network, both, weights, limit, longest, described.scoring, described.search
    return Model(described.task, columns, *known)


def load_any(path: str | Path) -> Model | ClassifierModel:
    """Read the model of a checkpoint file or a run folder.

    Raises:
        CheckpointError: See ``location.find``, ``read`` and ``unpack``.
    """
    path = find(path)
    return unpack(read(path), str(path))


def load(path: str | Path) -> Model:
    """Read an encoder-decoder from a checkpoint file or a run folder.

    Raises:
        CheckpointError: It is a classifier, or see ``load_any``.
    """
    model = load_any(path)
    if isinstance(model, ClassifierModel):
        raise no_generator(str(path))
    return model


def no_generator(name: str) -> CheckpointError:
    """The error for a classifier where a text generator is expected."""
    return CheckpointError(
        f"{name}: is a classifier, which generates no text; use it with `seqtext classify`"
    )


def common_limit(models: Sequence[Model] | Sequence[ClassifierModel]) -> int | None:
    """Most pieces that an ensemble reads of a source. No network reads more than in its training."""
    limits = [model.source_limit for model in models if model.source_limit is not None]
    return min(limits, default=None)


def common_longest(models: Sequence[Model] | Sequence[ClassifierModel]) -> int | None:
    """Pieces of the longest source that all networks of an ensemble have seen in training."""
    known = [model.longest_source for model in models if model.longest_source is not None]
    return min(known, default=None)


def restore(
    network: nn.Module,
    weights: dict[str, Tensor],
    where: str | Path,
    device: str,
    precision: Precision,
) -> None:
    """Load weights into a network, and move it to a device for inference.

    Raises:
        CheckpointError: The weights do not fit.
        ConfigError: The device is missing, or has too little memory.
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
            f"device: {device!r} cannot hold the model ({str(error).splitlines()[0]})"
        ) from error
    network.eval()
