"""What text generators and classifiers have in common: trained networks, ready for texts."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Generic, TypeVar

import torch
from torch import nn

from seqtext import checkpoint
from seqtext.data.batch import batches_to_read
from seqtext.data.readers import Columns
from seqtext.data.readers.columns import source_columns
from seqtext.data.texts import TextCounts
from seqtext.errors import CheckpointError
from seqtext.nn.precision import Precision

ModelT = TypeVar("ModelT", checkpoint.Model, checkpoint.ClassifierModel)
NetworkT = TypeVar("NetworkT", bound=nn.Module)
ResultT = TypeVar("ResultT")


class Predictor(Generic[NetworkT]):
    """Networks that predict together, and what was remarkable about the texts they read.

    Args:
        networks: One, or several as an ensemble. They are in evaluation mode while they predict.
        columns: Names of both columns of the training corpus, see ``Columns``.
        task: What the networks were trained for.
        source_limit: Most pieces of a text that are read.
        longest_source: Pieces of the longest text in training. None if nobody knows.

    ``counts`` holds what was remarkable since it was last set to ``TextCounts()``.
    """

    def __init__(
        self,
        networks: Sequence[NetworkT],
        columns: Columns,
        task: str,
        source_limit: int | None,
        longest_source: int | None,
    ) -> None:
        self.networks, self.columns, self.task = networks, columns, task
        self.source_columns = source_columns(columns)
        self.source_limit, self.longest_source = source_limit, longest_source
        self.counts = TextCounts()

    @property
    def device(self) -> torch.device:
        """Where the networks are."""
        return next(self.networks[0].parameters()).device

    def messages(self) -> list[str]:
        """A line for each remarkable thing in ``counts``."""
        return self.counts.messages(self.source_limit, self.longest_source)

    @contextlib.contextmanager
    def evaluating(self) -> Iterator[None]:
        """Networks in evaluation mode without gradients, afterwards in the mode that they had."""
        modes = [network.training for network in self.networks]
        for network in self.networks:
            network.eval()
        try:
            with torch.inference_mode():
                yield
        finally:
            for network, mode in zip(self.networks, modes, strict=True):
                network.train(mode)

    def _count(self, ids: Sequence[Sequence[int]], unknown: Sequence[Sequence[str]]) -> None:
        """Add texts to ``counts``: their pieces, and their parts that have no piece."""
        self.counts.add(list(map(len, ids)), unknown, self.source_limit, self.longest_source)

    def _by_length(
        self,
        ids: Sequence[Sequence[int]],
        predict: Callable[[list[int]], Iterable[ResultT]],
        batch_size: int,
        beam_size: int = 1,
    ) -> list[ResultT]:
        """Results in the order of the texts, computed in batches of texts of like length.

        Args:
            ids: Pieces of each text.
            predict: Takes the indices of a batch and returns a result for each of them.
            batch_size: Most texts of a batch, fewer where they are long.
            beam_size: Hypotheses of a text.
        """
        results: dict[int, ResultT] = {}
        with self.evaluating():
            for rows in batches_to_read(list(map(len, ids)), batch_size, beam_size):
                results |= zip(rows, predict(rows), strict=True)
        return [results[row] for row in range(len(ids))]


def diverged() -> CheckpointError:
    """The error of a network whose outputs are not finite."""
    return CheckpointError(
        "the network's outputs are not finite numbers, because its training diverged. Lower the learning"
        " rate, or use an earlier checkpoint"
    )


def restore_networks(
    models: Sequence[ModelT],
    where: Sequence[str | Path],
    device: str,
    precision: Precision,
    shared: Mapping[str, str],
    build: Callable[[ModelT], NetworkT],
) -> list[NetworkT]:
    """The networks of an ensemble, with their weights.

    Args:
        models: What each checkpoint holds.
        where: Their paths, for messages.
        device: Where the networks compute.
        precision: Of the weights.
        shared: Sides that must be equal in all models, and their names in the plural.
        build: Makes a network of a model, with any weights.

    Raises:
        CheckpointError: A side differs, or weights do not fit.
        ConfigError: The device cannot hold a network.
    """
    first = models[0].tokenizers
    for path, model in zip(where, models, strict=True):
        for side, name in shared.items():
            if bytes(getattr(model.tokenizers, side)) != bytes(getattr(first, side)):
                raise CheckpointError(
                    f"{path} and {where[0]}: have different {name}. The models of an ensemble share their"
                    f" {' and '.join(shared.values())}. Train one tokenizer with `seqtext tokenizer`, and"
                    " use it for all models"
                )
    networks = []
    for path, model in zip(where, models, strict=True):
        network = build(model)
        checkpoint.restore(network, model.weights, path, device, precision)
        networks.append(network)
    return networks
