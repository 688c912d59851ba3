"""Text to labels, with trained networks. Imports neither Lightning nor datasets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from seqtext import checkpoint
from seqtext.data.batch import batches_to_read, source_rows
from seqtext.data.labels import TextAndLabels
from seqtext.data.readers import SEPARATOR
from seqtext.data.texts import TextCounts, check_text, rows_of
from seqtext.errors import CheckpointError, ConfigError
from seqtext.nn.classifier import Classifier as Network
from seqtext.nn.classifier import label_probabilities
from seqtext.nn.precision import Precision
from seqtext.tasks import CLASSIFICATION
from seqtext.values import check_value

Text = str | tuple[str, str]  # two where the classifier reads two


@dataclass(frozen=True, kw_only=True)
class Classification:
    """What a text is.

    Args:
        labels: The decision: one label; where a text can have several, all at least as likely as not.
        probabilities: Of these; of a text that is out of scope, that of its likeliest label.
        top: The likeliest labels and their probabilities, likeliest first.
    """

    labels: tuple[str, ...]
    probabilities: tuple[float, ...]
    top: tuple[tuple[str, float], ...]


class Classifier:
    """Networks, their tokenizer and labels, ready to classify.

    Args:
        networks: One, or several that classify as an ensemble; in evaluation mode while they do.
        sides: Tokenizer and labels, shared by all networks.
        columns: Names of text and label in the corpus trained on.
        temperatures: What the logits of each network are divided by (Guo et al. 2017).
        threshold: Below this probability of the likeliest label a text is out of scope; an ensemble has
            none, for the members' says nothing about their mean.
        source_limit: Pieces of a text that are read.
        longest_source: Pieces of the longest text in training. None if nobody knows.

    ``counts`` says what was remarkable about the texts since it was last set to ``TextCounts()``.
    """

    task = CLASSIFICATION.name

    def __init__(
        self,
        networks: Sequence[Network],
        sides: TextAndLabels,
        columns: tuple[str, str] = ("text", "label"),
        temperatures: Sequence[float] = (1.0,),
        threshold: float = 0.0,
        source_limit: int | None = None,
        longest_source: int | None = None,
    ) -> None:
        self.networks = networks
        self.tokenizer, self.labels = sides
        self.columns = columns
        self.temperatures, self.threshold = temperatures, threshold
        self.source_limit, self.longest_source = source_limit, longest_source
        self.counts = TextCounts()

    def classify(
        self,
        texts: Iterable[Text],
        *,
        top_k: int = 1,
        threshold: float | None = None,
        batch_size: int = 64,
    ) -> list[Classification]:
        """Classify ``texts``.

        Args:
            texts: Texts, in any iterable: a list, generator, pandas Series, NumPy array, … Pairs of texts
                where the classifier reads two.
            top_k: Labels told of each text, as many as there are at most.
            threshold: Probability below which a text is out of scope; of a classifier whose texts can have
                several labels, from which on it has one. Default: the one chosen in training, or 0.5.
            batch_size: Most texts together, fewer where they are long. Changes the speed, not the result.

        Returns:
            For every text, in order, what it is.

        Raises:
            ConfigError: A row is no text, or a value is of another type or out of range.
            CheckpointError: The network's outputs are no numbers.
        """
        top_k = check_value("top_k", top_k, int)
        threshold = check_value("threshold", threshold, float | None)
        if top_k < 1:
            raise ConfigError(f"top_k: {top_k}, expected at least 1")
        if threshold is not None and not 0 <= threshold <= 1:
            raise ConfigError(f"threshold: {threshold}, expected 0 <= x <= 1")
        probabilities = self.probabilities(texts, batch_size=batch_size)
        return [self._classification(row, top_k, threshold) for row in probabilities]

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

    def probabilities(self, texts: Iterable[Text], *, batch_size: int = 64) -> Tensor:
        """Of every label for every text, (N, L) float32 on the CPU.

        They sum to 1, but for a classifier whose texts can have several labels. The mean over the
        networks of an ensemble.

        Raises:
            ConfigError: ``texts`` is a single string, a row is no text, or two texts stand where one is read.
            CheckpointError: The network's outputs are no numbers.
        """
        batch_size = check_value("batch_size", batch_size, int)
        if batch_size < 1:
            raise ConfigError(f"batch_size: {batch_size}, expected at least 1")
        ids = self.encode(texts)
        found = torch.zeros(len(ids), self.labels.vocab_size)
        for rows in batches_to_read(list(map(len, ids)), batch_size, beam_size=1):
            found[rows] = self._classify([ids[row] for row in rows])[0].cpu()
        if not found.isfinite().all():
            raise CheckpointError(
                "the network's outputs are no probabilities (nan or infinite): training has diverged;"
                " lower the learning rate, or use an earlier checkpoint"
            )
        return found

    def look(self, text: Text, top_k: int) -> tuple[Classification, Tensor, list[int]]:
        """What a text is, and which of its pieces said so.

        Returns:
            What it is, weights (S,) of the pieces (see ``Pooling``; that of eos is left out), and the
            pieces' ids.
        """
        [ids] = self.encode([text])
        probabilities, weights = self._classify([ids])
        found = self._classification(probabilities[0].cpu(), top_k)
        return found, weights[0, : len(ids)].cpu(), ids

    def encode(self, texts: Iterable[Text]) -> list[list[int]]:
        """Ids of as much of texts as is read. Adds to ``counts``.

        Raises:
            ConfigError: A row is not what the classifier reads.
        """
        read = self.texts_of(texts)
        sides = TextAndLabels(self.tokenizer, self.labels)
        ids = sides.source.encode(read)
        unknown = [
            sides.source.unknown_parts(text, row) for text, row in zip(read, ids, strict=True)
        ]
        self.counts.add(list(map(len, ids)), unknown, self.source_limit, self.longest_source)
        return [sides.cut(row, self.source_limit) for row in ids]

    def texts_of(self, texts: Iterable[Text]) -> list[str]:
        """Each row as one text, see ``encode``."""
        return [self._one(row, f"texts[{i}]") for i, row in enumerate(rows_of(texts, "texts"))]

    @property
    def pairs(self) -> bool:
        """Whether it reads two texts."""
        return "+" in self.columns[0]

    def _one(self, row: Any, where: str) -> str:
        if not self.pairs or (isinstance(row, str) and f" {SEPARATOR} " in row):
            return check_text(row, where)
        parts = row.tolist() if hasattr(row, "tolist") else row  # a row of a NumPy array
        if not isinstance(parts, tuple | list) or len(parts) != 2:
            raise ConfigError(
                f"{where}: {row!r:.60} ({type(row).__name__}), but this classifier reads pairs of texts"
            )
        both = [check_text(part, f"{where}[{i}]") for i, part in enumerate(parts)]
        return f" {SEPARATOR} ".join(both)

    @torch.inference_mode()
    def _classify(self, ids: list[list[int]]) -> tuple[Tensor, Tensor]:
        """Probabilities (B, L) and weights of positions (B, S), float32."""
        device = next(self.networks[0].parameters()).device
        source, lengths = (part.to(device) for part in source_rows(ids, self.tokenizer.eos))
        found, looks = [], []
        for network, temperature in zip(self.networks, self.temperatures, strict=True):
            training = network.training
            network.eval()
            try:
                logits, weights = network.look(source, lengths)
            finally:
                network.train(training)
            found.append(label_probabilities(logits, temperature, self.labels.several))
            looks.append(weights.float())
        return torch.stack(found).mean(0), torch.stack(looks).mean(0)


def classifier_of(
    models: Sequence[checkpoint.ClassifierModel],
    where: Sequence[str | Path],
    device: str,
    precision: Precision,
) -> Classifier:
    """One that classifies with all ``models`` as an ensemble; ``where`` they come from is for messages.

    Raises:
        CheckpointError: Tokenizers or labels differ, or weights do not fit.
        ConfigError: The device is not there.
    """
    sides, columns = models[0].tokenizers, models[0].columns
    networks = []
    for path, model in zip(where, models, strict=True):
        for name, here, there in (
            ("tokenizer is", sides.source, model.tokenizers.source),
            ("labels are", sides.target, model.tokenizers.target),
        ):
            if here.fingerprint != there.fingerprint:
                raise CheckpointError(
                    f"{path}: its {name} not that of {where[0]}; the models of an ensemble share both:"
                    " train one tokenizer with `seqtext tokenizer`, and all models with it on the same labels"
                )
        network = Network(model.config, *sides.sizes)
        checkpoint.restore(network, model.weights, path, device, precision)
        networks.append(network)
    return Classifier(
        networks,
        sides,
        columns,
        [model.temperature for model in models],
        # what is likely to an ensemble is another thing than to its members
        models[0].threshold if len(models) == 1 else 0.0,
        checkpoint.common_limit(models),
        checkpoint.common_longest(models),
    )
