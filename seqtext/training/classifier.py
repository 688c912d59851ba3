"""LightningModule around the text classifier: loss, validation, calibration."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Annotated, Any, Literal, cast

import torch
from torch import Tensor

from seqtext import checkpoint
from seqtext.console import say
from seqtext.data.batch import LabelledBatch
from seqtext.data.labels import Labels, TextAndLabels
from seqtext.errors import ConfigError
from seqtext.inference.classifier import Classifier as Labeller
from seqtext.metrics.classification import choose_threshold, fit_temperature, score_labels
from seqtext.nn.classifier import Classifier, classification_loss, label_probabilities
from seqtext.nn.config import ClassifierConfig
from seqtext.suggestion import suggest
from seqtext.tasks import CLASSIFICATION, describe_measurement
from seqtext.training.config import AboveZero, OptimizerConfig
from seqtext.training.data import LabelledData, data_of
from seqtext.training.module import TextModule
from seqtext.training.vectors import load_vectors
from seqtext.values import Range, check_arguments, check_value

ClassWeights = Literal["none", "balanced"] | dict[str, float]
_SAMPLES = 5
_YAML_WORDS = {True: ("true", "yes", "on"), False: ("false", "no", "off")}  # labels, too


class ClassifierModule(TextModule[LabelledBatch, TextAndLabels]):
    """Trains a ``Classifier`` on texts with labels.

    Every validation fits the temperature that makes probabilities honest (Guo et al. 2017). If the
    validation set has texts that are out of scope, it also chooses the threshold that tells them. The
    checkpoint keeps both.

    Args:
        network: Sizes and kinds.
        optimizer: How weights are updated.
        label_smoothing: Share of the target distribution spread over all labels (Szegedy et al. 2016).
        class_weights: What a text counts in the loss. With ``none`` all texts count the same. With
            ``balanced`` a text counts inversely to how many training texts have its label, 1 on average.
            If texts can have several labels, those with a label count as much as those without it, 100
            times at most. Or a weight for each label by name. Other labels have 1.
        vectors: A file of word vectors (word2vec's or fastText's text format). The embeddings of pieces
            that are words start with them.
        seed: Of the first weights and of dropout.

    Raises:
        ConfigError: A value is out of range.
    """

    task = CLASSIFICATION
    config: ClassifierConfig
    network: Classifier | None
    tokenizers: TextAndLabels | None
    counted, reads, data_module = "texts", TextAndLabels, "LabelsDataModule"

    def __init__(
        self,
        *,
        network: ClassifierConfig = ClassifierConfig(),  # noqa: B008 (frozen)
        optimizer: OptimizerConfig = OptimizerConfig(),  # noqa: B008 (frozen)
        label_smoothing: Annotated[float, Range(0, below=1)] = 0.0,
        class_weights: ClassWeights = "none",
        vectors: str | None = None,
        seed: int = 1,
    ) -> None:
        check_arguments(ClassifierModule.__init__, locals(), "model.", but=("class_weights",))
        super().__init__(network, optimizer, seed)
        if vectors is not None and not os.path.isfile(vectors):
            raise ConfigError(f"vectors: {vectors}: no such file")
        network.check_cell()
        self.label_smoothing = label_smoothing
        self._class_weights = _checked_weights(class_weights)
        self._vectors = vectors
        self._weights: Tensor | None = None  # of each label
        self._validated: list[
            tuple[Tensor, Tensor]
        ] = []  # logits and labels of this rank's batches
        # some texts of this validation with their labels, and probabilities of all labels
        self._sampled: tuple[list[tuple[str, list[str]]], Tensor] | None = None
        self._told = False  # whether a validation has said what it measures
        self.temperature, self.threshold = 1.0, 0.0

    # --- building -----------------------------------------------------------------------------------

    def build(self, tokenizers: TextAndLabels) -> None:
        """Build the network, the same on every rank."""
        self.tokenizers = tokenizers
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            self.network = Classifier(self.config, *tokenizers.sizes)
        if self._vectors is not None:
            weight, source = self.network.encoder.embedding.weight, tokenizers.source
            count = load_vectors(weight, source, self._vectors, "model.vectors")
            say(
                f"vectors: {count:,} of {source.vocab_size:,} pieces start with one of {self._vectors}"
            )

    def on_fit_start(self) -> None:
        """Weigh the labels, which only the training corpus can tell."""
        super().on_fit_start()
        if self._class_weights != "none":
            assert self.tokenizers is not None
            counts, texts = cast(LabelledData, data_of(self.trainer)).label_counts()
            self._weights = _weights(self._class_weights, counts, texts, self.tokenizers.target)

    # --- training and validation --------------------------------------------------------------------

    def _forward(self, batch: LabelledBatch) -> tuple[Tensor, Tensor, Tensor]:
        """Logits, (B, labels), and what ``loss_of`` gives."""
        assert self.network is not None
        logits = self.network(batch.source, batch.source_lengths)
        weights = None if self._weights is None else self._weights.to(logits.device)
        extra = (weights, self.label_smoothing) if self.training else ()
        return logits, *classification_loss(logits, batch.labels, *extra)

    def loss_of(self, batch: LabelledBatch) -> tuple[Tensor, Tensor]:
        """Summed loss, and the weight of the batch's texts."""
        _, loss, divisor = self._forward(batch)
        return loss, divisor

    def count_units(self, batch: LabelledBatch, divisor: Tensor) -> Tensor:
        """Texts of a batch."""
        return divisor.new_tensor(len(batch.source))

    def on_validation_epoch_start(self) -> None:
        """Classify some texts. At the epoch's end weight averaging has swapped the weights back."""
        examples = data_of(self.trainer).validation_examples(_SAMPLES)
        self._sampled = examples, self._labeller().probabilities([text for text, _ in examples])

    def validation_step(self, batch: LabelledBatch, batch_idx: int) -> None:
        """Add up the loss, keep logits and labels."""
        logits, loss, divisor = self._forward(batch)
        self.add_validation_loss(loss, divisor)
        self._validated.append((logits.detach().float().cpu(), batch.labels.cpu()))

    def on_validation_epoch_end(self) -> None:
        """Fit temperature and threshold. Log ``val_loss``, plain cross-entropy, and the task's scores."""
        super().on_validation_epoch_end()
        assert self.tokenizers is not None
        batches = [batch for rank in self.gather(self._validated) for batch in rank]
        self._validated = []
        logits, labels = (torch.cat(parts) for parts in zip(*batches, strict=True))
        several = self.tokenizers.target.several
        self.temperature = fit_temperature(logits, labels)
        probabilities = label_probabilities(logits, self.temperature, several)
        self.threshold = 0.0 if several else choose_threshold(probabilities, labels)
        scores = score_labels(probabilities, labels)
        for metric in self.task.validation:
            self.log(metric.key, scores[metric.name])
        self._take_samples()
        if not self._told:
            self._told = True
            say(f"validation: {describe_measurement(self.task.describe(), len(labels))}")

    def _take_samples(self) -> None:
        assert self.tokenizers is not None and self._sampled is not None
        examples, probabilities = self._sampled
        several = self.tokenizers.target.several
        logits = probabilities.logit() if several else probabilities.log()
        labeller = self._labeller()
        self.samples = []
        for (text, labels), row in zip(
            examples, label_probabilities(logits, self.temperature, several), strict=True
        ):
            best, place = row.max(0)
            told = _show_decision(
                labeller.decide(row)[0], (labeller.labels.names[int(place)], float(best))
            )
            self.samples.append((text, ", ".join(labels[0].split("\n")), told))

    def _labeller(self) -> Labeller:
        assert self.network is not None
        assert self.tokenizers is not None
        sides, limit = self.tokenizers, self.source_limit
        return Labeller([self.network], sides, threshold=self.threshold, source_limit=limit)

    def on_load_checkpoint(self, content: dict[str, Any]) -> None:
        """Know temperature and threshold, too."""
        super().on_load_checkpoint(content)
        described = content["seqtext"]
        self.temperature, self.threshold = described["temperature"], described["threshold"]

    def describe(self) -> dict[str, object]:
        """The part of a checkpoint that makes it a whole model."""
        assert self.tokenizers is not None
        return checkpoint.describe_classifier(
            self.config,
            self.tokenizers,
            self.columns,
            self.source_limit,
            self.temperature,
            self.threshold,
            self.longest_source,
        )


def _show_decision(labels: tuple[str, ...], best: tuple[str, float]) -> str:
    return f"{', '.join(labels) or 'none'} ({best[0]} {best[1]:.0%})"


def _checked_weights(weights: ClassWeights) -> ClassWeights | dict[str | bool, float]:
    """``class_weights`` with names that are text, except for YAML's booleans.

    Raises:
        ConfigError: It is neither a choice nor weights above 0 by name.
    """
    if not isinstance(weights, dict):
        check_value("class_weights", weights, Literal["none", "balanced"])
        return weights
    for name, weight in weights.items():
        check_value(f"class_weights: {name}", weight, AboveZero)
    # the parser makes numbers and booleans of labels that look like them
    parsed = cast(dict[object, float], weights)
    return {
        name if isinstance(name, bool) else str(name): weight for name, weight in parsed.items()
    }


def _find_label(name: str | bool, names: Sequence[str]) -> str:
    """The label that is meant.

    Raises:
        ConfigError: There is none, or ``name`` is a boolean of YAML that several labels stand for.
    """
    known = f"{', '.join(map(repr, names[:20]))}{', …' if len(names) > 20 else ''}"
    if isinstance(name, str):
        if name in names:
            return name
        for label in names:  # labels of an older run can have white space around them
            if label.strip() == name.strip():
                return label
        raise ConfigError(
            f"model.class_weights: there is no label {name!r}; there are {known}{suggest(name, names)}"
        )
    meant = [label for label in names if label.lower() in _YAML_WORDS[name]]
    if len(meant) == 1:
        return meant[0]
    raise ConfigError(
        f"model.class_weights: {'/'.join(_YAML_WORDS[name])} (all the same to YAML, unless in quotes) is"
        f" {len(meant)} of the labels; there are {known}"
    )


def _weights(
    given: ClassWeights | dict[str | bool, float], counts: list[int], texts: int, labels: Labels
) -> Tensor:
    """The weight of each label. ``counts`` of ``texts`` have it."""
    names = labels.names
    if isinstance(given, dict):
        weight_of = {_find_label(name, names): weight for name, weight in given.items()}
        return torch.tensor([weight_of.get(name, 1.0) for name in names])
    having = torch.tensor(counts, dtype=torch.float)
    if labels.several:
        weights = ((texts - having) / having).clamp(0.01, 100)
    else:  # the weights of all texts sum to their number
        weights = texts / (having * (having > 0).sum())
    return weights.where((having > 0) & (having < texts), torch.ones(()))
