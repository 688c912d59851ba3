"""What text generators and classifiers have in common: trained networks, ready for texts."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Generic, TypeVar

import torch

from seqtext import checkpoint
from seqtext.data.batch import batches_to_read
from seqtext.data.readers import Columns
from seqtext.data.readers.columns import source_columns
from seqtext.data.texts import TextCounts
from seqtext.errors import CheckpointError
from seqtext.inference.processes import OtherProcesses
from seqtext.nn.classifier import Classifier
from seqtext.nn.encoder_decoder import EncoderDecoder
from seqtext.nn.precision import Precision
from seqtext.nn.start import unstarted

ModelT = TypeVar("ModelT", checkpoint.Model, checkpoint.ClassifierModel)
NetworkT = TypeVar("NetworkT", bound=EncoderDecoder | Classifier)
BatchT = TypeVar("BatchT")
ResultT = TypeVar("ResultT")
Predict = Callable[[Sequence[BatchT]], Sequence[Iterable[ResultT]]]
Deal = Callable[[Predict[BatchT, ResultT], Sequence[BatchT]], Sequence[Iterable[ResultT]]]


class Predictor(ABC, Generic[NetworkT, BatchT, ResultT]):
    """Networks that predict together, and what was remarkable about the texts they read.

    Args:
        networks: One, or several as an ensemble. They are in evaluation mode while they predict.
        columns: Names of both columns of the training corpus, see ``Columns``.
        task: What the networks were trained for.
        source_limit: Most pieces of a text that are read.
        longest_source: Pieces of the longest text in training. None if nobody knows.

    ``counts`` holds what was remarkable since it was last set to ``TextCounts()``.

    ``precision`` is that of the networks. Where ``auto`` has chosen it, ``int8_speed`` says how many times as
    fast they are in ``int8`` as in ``fp32`` on this machine.

    ``deal`` may be set to a function of ``predict_batches`` and batches. It returns the results of the
    batches, which several processes compute.
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
        self.precision: Precision = "fp32"
        self.int8_speed: float | None = None
        self.deal: Deal[BatchT, ResultT] | None = None
        self._others: OtherProcesses | None = None

    @abstractmethod
    def predict_batch(self, batch: BatchT) -> Iterable[ResultT]:
        """Predict the texts of a batch, in order. The networks are in evaluation mode.

        Args:
            batch: What ``_by_length`` was given for it. It can be pickled, as the results can.
        """

    @abstractmethod
    def batch_of(self, ids: list[list[int]], length: int) -> BatchT:
        """A batch of texts with these ids. Outputs that are generated have ``length`` pieces."""

    def predict_batches(self, batches: Sequence[BatchT]) -> Sequence[Iterable[ResultT]]:
        """The results of each batch, in order, computed in this process."""
        with self.evaluating():
            return [self.predict_batch(batch) for batch in batches]

    def share(self, others: OtherProcesses) -> None:
        """Deal batches to other processes too. They have the same model."""
        self._others, self.deal = others, others.deal

    def close(self) -> None:
        """End the other processes of ``devices``. They start again when they are needed."""
        if self._others is not None:
            self._others.close()

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
        batch_of: Callable[[list[int]], BatchT],
        batch_size: int,
        beam_size: int = 1,
        *,
        alone: bool = False,
    ) -> list[ResultT]:
        """Results in the order of the texts, computed in batches of texts of like length.

        Args:
            ids: Pieces of each text.
            batch_of: Takes the indices of a batch and returns what ``predict_batch`` reads.
            batch_size: Most texts of a batch, fewer where they are long.
            beam_size: Hypotheses of a text.
            alone: Whether this process predicts all batches.
        """
        places = list(batches_to_read(list(map(len, ids)), batch_size, beam_size))
        batches = [batch_of(rows) for rows in places]
        if self.deal is None or alone:
            predicted = self.predict_batches(batches)
        else:
            predicted = self.deal(self.predict_batches, batches)
        results: dict[int, ResultT] = {}
        for rows, of_rows in zip(places, predicted, strict=True):
            results |= zip(rows, of_rows, strict=True)
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
        build: Makes a network of a model, as its constructor does.

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
        with unstarted():
            network = build(model)
        checkpoint.restore(network, model.weights, path, device, precision)
        networks.append(network)
    return networks
