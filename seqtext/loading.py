"""Checkpoints -> what generates, or classifies. Imports neither Lightning nor datasets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import torch

from seqtext import checkpoint
from seqtext.classify import Classifier, classifier_of
from seqtext.errors import CheckpointError, ConfigError
from seqtext.generate import Generator, generator_of
from seqtext.nn.precision import Precision, has_bfloat16


def load(
    path: str | Path | Sequence[str | Path], device: str = "cpu", precision: Precision = "fp32"
) -> Any:
    """Load a checkpoint, or several as an ensemble.

    An ensemble predicts the mean of its networks' probabilities. They may differ in anything but
    their tokenizers and labels.

    Args:
        path: A checkpoint file or a run folder; or a list of them.
        device: Where to decode, as PyTorch names it: ``cpu``, ``cuda``, ``cuda:1``, ``mps``.
        precision: ``fp32``, or ``bf16``: about twice as fast where the processor has bfloat16, half
            the memory, and a few outputs differ.

    Returns:
        A ``Generator``; of classifiers, a ``Classifier``.

    Raises:
        CheckpointError: There is no checkpoint, it cannot be read, or tokenizers differ.
        ConfigError: The device is not there, or has no bfloat16.
    """
    if precision not in get_args(Precision):
        raise ConfigError(f"precision: {precision!r}, expected fp32 or bf16")
    if precision == "bf16" and torch.device(device).type == "cpu" and not has_bfloat16():
        raise ConfigError("precision: this processor has no bfloat16; leave it at fp32")
    paths = [path] if isinstance(path, str | Path) else list(path)
    if not paths:
        raise ConfigError("path: an empty list, expected at least one checkpoint")
    models = [checkpoint.load_any(path) for path in paths]
    of_text = [model for model in models if isinstance(model, checkpoint.Model)]
    of_labels = [model for model in models if isinstance(model, checkpoint.ClassifierModel)]
    if of_text and of_labels:
        raise CheckpointError(
            f"{_named(paths)}: some generate text and some classify it; an ensemble needs models"
            " of one kind"
        )
    if of_text:
        return generator_of(of_text, paths, device, precision)
    return classifier_of(of_labels, paths, device, precision)


def load_generator(
    path: str | Path | Sequence[str | Path], device: str = "cpu", precision: Precision = "fp32"
) -> Generator:
    """``load`` of what generates text.

    Raises:
        CheckpointError: It does not; see ``load`` as well.
    """
    found = load(path, device, precision)
    if not isinstance(found, Generator):
        raise checkpoint.no_generator(_named(path))
    return found


def load_classifier(
    path: str | Path | Sequence[str | Path], device: str = "cpu", precision: Precision = "fp32"
) -> Classifier:
    """``load`` of what classifies text.

    Raises:
        CheckpointError: It does not; see ``load`` as well.
    """
    found = load(path, device, precision)
    if not isinstance(found, Classifier):
        raise CheckpointError(
            f"{_named(path)}: was trained for {found.task}, it generates text and has no labels; use it with"
            " `seqtext generate`"
        )
    return found


def _named(path: str | Path | Sequence[str | Path]) -> str:
    return str(path) if isinstance(path, str | Path) else ", ".join(map(str, path))
