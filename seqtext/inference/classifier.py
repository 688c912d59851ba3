"""Text to labels, with trained networks. Imports neither Lightning nor datasets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from seqtext import checkpoint
from seqtext.data.batch import source_rows
from seqtext.data.labels import TextAndLabels
from seqtext.data.readers import Columns, LabelColumns
from seqtext.data.texts import SourceRow, texts_of
from seqtext.inference.config import DecisionConfig
from seqtext.inference.predictor import Predictor, diverged, restore_networks
from seqtext.nn.classifier import Classifier as Network
from seqtext.nn.classifier import label_probabilities
from seqtext.nn.precision import Precision
from seqtext.tasks import CLASSIFICATION


@dataclass(frozen=True, kw_only=True)
class Classification:
    """The labels of a text.

    Args:
        labels: The decision. One label, or where a text can have several, those above the threshold.
        probabilities: Of these labels. Of a text that is out of scope, that of its likeliest label.
        top: The likeliest labels and their probabilities, likeliest first.
    """

    labels: tuple[str, ...]
    probabilities: tuple[float, ...]
    top: tuple[tuple[str, float], ...]


class Classifier(Predictor[Network, list[list[int]], Tensor]):
    """Networks, their tokenizer and labels, ready to classify.

    Args:
        networks: See ``Predictor``.
        sides: Tokenizer and labels, shared by all networks.
        columns: Names of text and label in the training corpus.
        temperatures: Divisor of the logits of each network (Guo et al. 2017).
        threshold: Below this probability of the likeliest label a text is out of scope. An ensemble has 0,
            because the thresholds of its members say nothing about their mean.
        source_limit: Most pieces of a text that are read.
        longest_source: Pieces of the longest text in training. None if nobody knows.
    """

    def __init__(
        self,
        networks: Sequence[Network],
        sides: TextAndLabels,
        columns: Columns = ("text", "label"),
        temperatures: Sequence[float] = (1.0,),
        threshold: float = 0.0,
        source_limit: int | None = None,
        longest_source: int | None = None,
    ) -> None:
        columns = LabelColumns(*columns)
        super().__init__(networks, columns, CLASSIFICATION.name, source_limit, longest_source)
        self.sides = sides
        self.tokenizer, self.labels = sides
        self.temperatures, self.threshold = temperatures, threshold

    def classify(
        self,
        texts: Iterable[SourceRow],
        *,
        top_k: int = 1,
        threshold: float | None = None,
        batch_size: int = 64,
    ) -> list[Classification]:
        """Classify ``texts``.

        Args:
            texts: Texts in any iterable, such as a list, a generator, a pandas Series or a NumPy array. A
                text of several columns is a tuple of their values, or a dict.
            top_k: See ``DecisionConfig``, as for the other options.
            threshold: Probability below which a text is out of scope.
            batch_size: Most texts together.

        Returns:
            The classification of every text, in order.

        Raises:
            ConfigError: A row is no text, or a value is of another type or out of range.
            CheckpointError: The network's outputs are no numbers.
        """
        config = DecisionConfig(top_k=top_k, threshold=threshold, batch_size=batch_size)
        probabilities = self.probabilities(texts, batch_size=config.batch_size)
        return [self._classification(row, config.top_k, config.threshold) for row in probabilities]

    def _classification(
        self, probabilities: Tensor, top_k: int, threshold: float | None = None
    ) -> Classification:
        labels, chances = self.decide(probabilities, threshold)
        values, places = probabilities.topk(min(top_k, self.labels.vocab_size))
        likeliest = zip(places.tolist(), values.tolist(), strict=True)
        return Classification(
            labels=labels,
            probabilities=chances,
            top=tuple((self.labels.names[i], p) for i, p in likeliest),
        )

    def decide(
        self, probabilities: Tensor, threshold: float | None = None
    ) -> tuple[tuple[str, ...], tuple[float, ...]]:
        """``labels`` and ``probabilities`` of a ``Classification``, by the probabilities (L,) of all."""
        names = self.labels.names
        if self.labels.several:
            least = 0.5 if threshold is None else threshold
            ids = (probabilities >= least).nonzero()[:, 0].tolist()
            return tuple(names[i] for i in ids), tuple(probabilities[ids].tolist())
        best, place = probabilities.max(0)
        if best < (self.threshold if threshold is None else threshold):
            return (self.labels.out_of_scope or "out of scope",), (float(best),)
        return (names[int(place)],), (float(best),)

    def probabilities(self, texts: Iterable[SourceRow], *, batch_size: int = 64) -> Tensor:
        """The probability of every label for every text, (N, L) float32 on the CPU.

        Those of a text sum to 1, unless a text can have several labels. An ensemble gives the mean of
        its networks.

        Raises:
            ConfigError: ``texts`` is a single string, or a row is not what the classifier reads.
            CheckpointError: The network's outputs are no numbers.
        """
        batch_size = DecisionConfig(batch_size=batch_size).batch_size
        ids = self.encode(texts)
        if not ids:
            return torch.zeros(0, self.labels.vocab_size)
        rows = self._by_length(ids, lambda rows: [ids[row] for row in rows], batch_size)
        probabilities = torch.stack(rows)
        if not probabilities.isfinite().all():
            raise diverged()
        return probabilities

    def look(self, text: SourceRow, top_k: int) -> tuple[Classification, Tensor, list[int]]:
        """Classify a text, and weigh its pieces.

        Returns:
            The classification, weights (S,) float32 of the pieces without eos (see ``Pooling``), and the
            pieces' ids.
        """
        [ids] = self.encode([text])
        with self.evaluating():
            probabilities, weights = self._classify([ids])
        classification = self._classification(probabilities[0].cpu(), top_k)
        return classification, weights[0, : len(ids)].cpu(), ids

    def encode(self, texts: Iterable[SourceRow]) -> list[list[int]]:
        """Ids of texts, cut to what is read, and counted.

        Raises:
            ConfigError: A row is not what the classifier reads.
        """
        plain = self.texts_of(texts)
        ids = self.tokenizer.encode(plain)
        pairs = zip(plain, ids, strict=True)
        self._count(ids, [self.tokenizer.unknown_parts(text, row) for text, row in pairs])
        return [self.sides.cut(row, self.source_limit) for row in ids]

    def texts_of(self, texts: Iterable[SourceRow]) -> list[str]:
        """Each row as one text, see ``encode``."""
        return texts_of(texts, "texts", self.source_columns)

    def batch_of(self, ids: list[list[int]], length: int) -> list[list[int]]:
        """See ``Predictor``."""
        return ids

    def predict_batch(self, batch: list[list[int]]) -> Tensor:
        """Probabilities (B, L) float32 on the CPU of the texts with these ids."""
        return self._classify(batch)[0].cpu()

    def _classify(self, ids: list[list[int]]) -> tuple[Tensor, Tensor]:
        """Probabilities (B, L) and weights of positions (B, S), float32, the means over the networks."""
        source, lengths = (part.to(self.device) for part in source_rows(ids, self.tokenizer.eos))
        chances, looks = [], []
        for network, temperature in zip(self.networks, self.temperatures, strict=True):
            logits, weights = network.look(source, lengths)
            chances.append(label_probabilities(logits, temperature, self.labels.several))
            looks.append(weights.float())
        return torch.stack(chances).mean(0), torch.stack(looks).mean(0)


def classifier_of(
    models: Sequence[checkpoint.ClassifierModel],
    where: Sequence[str | Path],
    device: str,
    precision: Precision,
) -> Classifier:
    """A classifier with all models. ``settle_precision`` makes it ready. Paths are for messages.

    Raises:
        CheckpointError: Tokenizers or labels differ, or weights do not fit.
        ConfigError: The device cannot hold a network.
    """
    first = models[0]
    sides = first.tokenizers
    networks = restore_networks(
        models,
        where,
        device,
        precision,
        {"source": "tokenizers", "target": "labels"},
        lambda model: Network(model.config, *sides.sizes, sides.spellings),
    )
    return Classifier(
        networks,
        sides,
        first.columns,
        [model.temperature for model in models],
        # a threshold of one model says nothing about the mean of several
        first.threshold if len(models) == 1 else 0.0,
        checkpoint.common_limit(models),
        checkpoint.common_longest(models),
    )
