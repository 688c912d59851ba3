"""Checkpoints -> a text generator or a classifier. Imports neither Lightning nor datasets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import torch

from seqtext import checkpoint
from seqtext.checkpoint.consent import trusting
from seqtext.checkpoint.location import models_in
from seqtext.errors import CheckpointError, ConfigError
from seqtext.inference.classifier import Classifier, classifier_of
from seqtext.inference.config import ProcessConfig
from seqtext.inference.generator import Generator, generator_of
from seqtext.inference.processes import OtherProcesses, places_of
from seqtext.inference.quickest import settle_precision
from seqtext.nn.precision import Precision, PrecisionChoice, has_bfloat16, has_integers
from seqtext.values import check_value


def load(
    path: str | Path | Sequence[str | Path],
    device: str = "cpu",
    precision: PrecisionChoice = "fp32",
    trust: str | Sequence[str] = (),
    devices: int = 1,
) -> Generator | Classifier:
    """Load a checkpoint, or several as an ensemble.

    Where a type checker should know the kind of model, call ``load_generator`` or ``load_classifier``.

    An ensemble predicts the mean of its networks' probabilities. They may differ in anything but
    their tokenizers and labels.

    Args:
        path: A checkpoint file or a run folder, or a list of them. The folds of a run are an ensemble.
        device: Where to compute, as PyTorch names it: ``cpu``, ``cuda``, ``cuda:1``, ``mps``.
        precision: ``fp32``, ``bf16``, ``int8`` or ``auto``. With ``bf16`` the weights take half the memory,
            and some processors are faster. With ``int8`` products are in 8-bit integers, which is faster on
            processors of the x86 family. Both change a few outputs. On a CPU, ``auto`` is the faster one of
            ``fp32`` and ``int8``. Elsewhere it is ``fp32``. The result's ``precision`` says which.
        trust: Package or packages whose classes a checkpoint may import, such as a cell of your own.
        devices: Number of processes that predict together. With ``cuda`` each has its own GPU. With ``cpu``
            each has its share of the threads. Each loads the checkpoints once. Changes that are made to the
            networks afterwards do not reach it. ``close`` of the model ends the processes.

    Returns:
        A ``Generator`` for models that generate text, a ``Classifier`` for those that label it.

    Raises:
        CheckpointError: There is no checkpoint, it cannot be read, or tokenizers differ. Or it names a
            class that is not trusted, or cannot be imported.
        ConfigError: The device is not there, or lacks the precision. Or an argument has another type, or
            the environment variable ``SEQTEXT_PRECISION`` an unknown value.
    """
    precision = check_value("precision", precision, PrecisionChoice)
    first, *others = places_of(str(device), ProcessConfig(devices=devices).devices)
    _check_device(device, precision)
    paths = _paths(path)
    if not paths:
        raise ConfigError("path: an empty list, expected at least one checkpoint")
    paths = [model for path in paths for model in models_in(path)]
    packages = [trust] if isinstance(trust, str) else check_value("trust", trust, list[str])
    model = _build(paths, first, precision, packages)
    if others:
        model.share(OtherProcesses(paths, others, model.precision, packages))
    return model


def _build(
    paths: Sequence[Path], device: str, precision: PrecisionChoice, trust: Sequence[str]
) -> Generator | Classifier:
    """The model of checkpoint files. For arguments and errors see ``load``."""
    with trusting(trust):
        models = [checkpoint.load_any(path) for path in paths]
    of_text = [model for model in models if isinstance(model, checkpoint.Model)]
    of_labels = [model for model in models if isinstance(model, checkpoint.ClassifierModel)]
    if of_text and of_labels:
        raise CheckpointError(
            f"{_named(paths)}: some generate text and some classify it. An ensemble needs models of one kind"
        )
    weights: Precision = "bf16" if precision == "bf16" else "fp32"
    if of_text:
        generator = generator_of(of_text, paths, device, weights)
        settle_precision(generator, precision)
        return generator
    classifier = classifier_of(of_labels, paths, device, weights)
    settle_precision(classifier, precision)
    return classifier


def _check_device(device: object, precision: PrecisionChoice) -> None:
    """Refuse a device that cannot compute, before a checkpoint is read for it.

    Raises:
        ConfigError: PyTorch does not know it, it is not there, or it lacks the precision.
    """
    known = "expected cpu, cuda, cuda:1 or mps"
    if not isinstance(device, str | torch.device):
        raise ConfigError(f"device: {device!r:.60} ({type(device).__name__}), {known}")
    try:
        place = torch.device(device)
    except RuntimeError:
        raise ConfigError(
            f"device: {str(device)!r} is no device that PyTorch knows, {known}"
        ) from None
    if place.type == "meta":
        raise ConfigError(
            f"device: 'meta' has no memory, so nothing can be computed on it, {known}"
        )
    if place.type == "cuda" and not torch.cuda.is_available():
        raise ConfigError(f"device: {str(device)!r} is not available: PyTorch finds no GPU")
    try:
        torch.zeros(1, device=place)
    # PyTorch raises all of these for a device that is missing or that it was built without
    except (RuntimeError, AssertionError, NotImplementedError, ImportError) as error:
        reason = str(error).split("\n")[0].split(". ")[0]
        raise ConfigError(f"device: {str(device)!r} is not available ({reason:.120})") from error
    if precision == "bf16" and place.type == "cpu" and not has_bfloat16():
        raise ConfigError("precision: this processor has no bfloat16. Leave it at fp32")
    if precision == "int8" and place.type != "cpu":
        raise ConfigError(f"precision: int8 computes on the CPU, and the device is {device}")
    if precision == "int8" and not has_integers():
        raise ConfigError("precision: PyTorch has no int8 for this processor. Leave it at fp32")


def _paths(path: object) -> list[Path]:
    if isinstance(path, str | bytes | Mapping) or not isinstance(path, Iterable):
        path = [path]
    paths = list[Path]()
    for place in path:
        if not isinstance(place, str | Path) or not str(place):
            raise ConfigError(
                f"path: {place!r:.60} ({type(place).__name__}), expected a checkpoint file or a run folder"
            )
        paths.append(Path(place))
    return paths


def load_generator(
    path: str | Path | Sequence[str | Path],
    device: str = "cpu",
    precision: PrecisionChoice = "fp32",
    trust: str | Sequence[str] = (),
    devices: int = 1,
) -> Generator:
    """``load`` a model that generates text.

    Raises:
        CheckpointError: The model is a classifier, or see ``load``.
        ConfigError: See ``load``.
    """
    model = load(path, device, precision, trust, devices)
    if not isinstance(model, Generator):
        raise checkpoint.no_generator(_named(path))
    return model


def load_classifier(
    path: str | Path | Sequence[str | Path],
    device: str = "cpu",
    precision: PrecisionChoice = "fp32",
    trust: str | Sequence[str] = (),
    devices: int = 1,
) -> Classifier:
    """``load`` a model that classifies text.

    Raises:
        CheckpointError: The model generates text, or see ``load``.
        ConfigError: See ``load``.
    """
    model = load(path, device, precision, trust, devices)
    if not isinstance(model, Classifier):
        raise CheckpointError(
            f"{_named(path)}: was trained for {model.task}, it generates text and has no labels. Use it with"
            " `seqtext generate`"
        )
    return model


def _named(path: str | Path | Sequence[str | Path]) -> str:
    return str(path) if isinstance(path, str | Path) else ", ".join(map(str, path))
