"""Whether weights fit a network's configuration, known before memory is taken for the network."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from seqtext.nn.classifier import Classifier
from seqtext.nn.config import ClassifierConfig, EncoderConfig, NetworkConfig
from seqtext.nn.encoder_decoder import EncoderDecoder


def check_shapes(
    weights: Mapping[str, Tensor], config: EncoderConfig, source: int, target: int
) -> None:
    """Compare weights with the shapes that the network will have, before any memory is taken for it.

    Args:
        weights: By name.
        config: Of the network: a ``NetworkConfig`` or a ``ClassifierConfig``.
        source: Number of source pieces.
        target: Number of target pieces, or of labels.

    Raises:
        ValueError: A weight is missing, is of no such network, or has another shape or type. Or several
            share their data, and the network would need more of it.
    """
    with torch.device("meta"):  # shapes without data
        network = _network(config, source, target)
    expected = network.state_dict()
    if missing := expected.keys() - weights.keys():
        raise ValueError(f"its weights do not fit its network: {min(missing)} is missing")
    if unknown := weights.keys() - expected.keys():
        raise ValueError(f"its weights do not fit its network, which has no {min(unknown)}")
    for name, weight in expected.items():
        given = weights[name]
        both_real = given.is_floating_point() and weight.is_floating_point()
        if given.shape != weight.shape or not (both_real or given.dtype == weight.dtype):
            raise ValueError(
                f"its weights do not fit its network: {name} is {tuple(given.shape)} {given.dtype}, expected"
                f" {tuple(weight.shape)} {weight.dtype}"
            )
    needed = sum(parameter.numel() for parameter in network.parameters())
    # a file may claim many weights that are views of one small storage
    storages = {weight.untyped_storage().data_ptr(): weight for weight in weights.values()}
    stored = sum(
        weight.untyped_storage().nbytes() // weight.itemsize for weight in storages.values()
    )
    if stored < needed:
        raise ValueError(f"its network has {needed:,} weights, the file has {stored:,}")
    ids = weights.get("copy_ids")
    if ids is not None and not (ids.min() >= -1 and ids.max() < target):
        raise ValueError(
            f"copy_ids: {int(ids.min())} to {int(ids.max())}, expected -1 to {target - 1}"
        )


def _network(config: EncoderConfig, source: int, target: int) -> torch.nn.Module:
    if isinstance(config, NetworkConfig):
        return EncoderDecoder(config, source, target)
    assert isinstance(config, ClassifierConfig)
    return Classifier(config, source, target)
