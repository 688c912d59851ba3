"""LightningModule around the text classifier: loss, validation, calibration."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, cast

import torch
from torch import Tensor

from seqtext import checkpoint
from seqtext.checkpoint import ClassifierModel
from seqtext.console import say
from seqtext.data.batch import LabelledBatch
from seqtext.data.hyperparameters import plain_options
from seqtext.data.labels import TextAndLabels
from seqtext.data.texts import SourceRow
from seqtext.errors import ConfigError
from seqtext.inference.classifier import Classifier as Labeller
from seqtext.metrics.classification import choose_threshold, fit_temperature, score_labels
from seqtext.nn.classifier import Classifier, classification_loss, label_probabilities
from seqtext.nn.config import ClassifierConfig
from seqtext.tasks import CLASSIFICATION, describe_measurement
from seqtext.training.class_weights import ClassWeights, checked_weights, weights_of_labels
from seqtext.training.config import OptimizerConfig
from seqtext.training.data import LabelledData, data_of
from seqtext.training.module import TextModule
from seqtext.training.vectors import load_vectors
from seqtext.values import Range, check_arguments

_SAMPLES = 5


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
    configs: ClassVar = {"network": ClassifierConfig, "optimizer": OptimizerConfig}

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
        self._class_weights = checked_weights(class_weights)
        self._vectors = vectors
        self._weights: Tensor | None = None  # of each label
        # logits and labels of this rank's batches
        self._evaluated: list[tuple[Tensor, Tensor]] = []
        # some texts of this validation with their labels, and probabilities of all labels
        self._sampled: tuple[list[tuple[str, list[str]]], Tensor] | None = None
        self.temperature, self.threshold = 1.0, 0.0

    @classmethod
    def described_options(cls, model: ClassifierModel) -> dict[str, object]:
        """The network. Weights come from the checkpoint, and not from word vectors."""
        return {**plain_options({"network": model.config}), "vectors": None}

    # --- building -----------------------------------------------------------------------------------

    def build(self, tokenizers: TextAndLabels) -> None:
        """Build the network, the same on every rank."""
        self.tokenizers = tokenizers
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            self.network = Classifier(self.config, *tokenizers.sizes, tokenizers.spellings)
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
            if (data := data_of(self.trainer)) is None:
                raise ConfigError(
                    "model.class_weights: count the labels of a training set; give a data module, as in"
                    f" Trainer.fit(module, datamodule=seqtext.{self.data_module}(…))"
                )
            counts, texts = cast(LabelledData, data).label_counts()
            self._weights = weights_of_labels(
                self._class_weights, counts, texts, self.tokenizers.target
            )

    # --- training and validation --------------------------------------------------------------------

    def _forward(self, batch: LabelledBatch) -> tuple[Tensor, Tensor, Tensor]:
        """Logits, (B, labels), and what ``loss_of`` gives."""
        assert self.network is not None
        logits = self.network(batch.source, batch.source_lengths)
        weights = None if self._weights is None else self._weights.to(logits.device)
        extra = (weights, self.label_smoothing) if self.training else ()
        return logits, *classification_loss(logits, batch.labels, *extra)

    def forward(self, batch: LabelledBatch) -> Tensor:
        """Logits of all labels, (B, L)."""
        return self._forward(batch)[0]

    def loss_of(self, batch: LabelledBatch) -> tuple[Tensor, Tensor]:
        """Summed loss, and the weight of the batch's texts."""
        _, loss, divisor = self._forward(batch)
        return loss, divisor

    def count_units(self, batch: LabelledBatch, divisor: Tensor) -> Tensor:
        """Texts of a batch."""
        return divisor.new_tensor(len(batch.source))

    def on_validation_epoch_start(self) -> None:
        """Classify some texts. At the epoch's end weight averaging has swapped the weights back."""
        self._evaluated = []
        data = data_of(self.trainer)
        examples = data.validation_examples(_SAMPLES) if data is not None else []
        self._sampled = examples, self._labeller().probabilities([text for text, _ in examples])

    def evaluate(self, batch: LabelledBatch) -> None:
        """Add up the loss, keep logits and labels."""
        logits, loss, divisor = self._forward(batch)
        self.add_evaluated_loss(loss, divisor)
        self._evaluated.append((logits.detach().float().cpu(), batch.labels.cpu()))

    def on_validation_epoch_end(self) -> None:
        """Fit temperature and threshold. Log ``val_loss``, plain cross-entropy, and the task's scores."""
        super().on_validation_epoch_end()
        logits, labels, several = self._gather_evaluated()
        self.temperature = fit_temperature(logits, labels)
        probabilities = label_probabilities(logits, self.temperature, several)
        self.threshold = 0.0 if several else choose_threshold(probabilities, labels)
        scores = score_labels(probabilities, labels)
        for metric in self.task.validation:
            self.log(metric.key, scores[metric.name])
        self._take_samples()
        self.say_once(lambda: describe_measurement(self.task.describe(), len(labels)))

    def on_test_epoch_start(self) -> None:
        """Forget what an earlier validation or test has classified."""
        self._evaluated = []

    def on_test_epoch_end(self) -> None:
        """Log ``test_loss``, and the scores of ``seqtext test`` with ``test_`` before their names."""
        super().on_test_epoch_end()
        logits, labels, several = self._gather_evaluated()
        probabilities = label_probabilities(logits, self.temperature, several)
        threshold = None if several else self.threshold
        for name, score in score_labels(probabilities, labels, threshold).items():
            self.log(f"test_{name}", score)

    def predict_step(
        self, batch: Sequence[SourceRow] | LabelledBatch, batch_idx: int
    ) -> list[dict[str, object]]:
        """Classify texts, or the texts of a batch: the fields of a ``Classification`` of each."""
        assert self.tokenizers is not None
        if isinstance(batch, LabelledBatch):
            batch = [self.tokenizers.source.text_of(row) for row in batch.source.tolist()]
        # Lightning refuses frozen dataclasses
        return [vars(own) for own in self._labeller(self.temperature).classify(batch)]

    def _gather_evaluated(self) -> tuple[Tensor, Tensor, bool]:
        """Logits and labels on all ranks, and whether a text can have several labels."""
        assert self.tokenizers is not None
        batches = [batch for rank in self.gather(self._evaluated) for batch in rank]
        logits, labels = (torch.cat(parts) for parts in zip(*batches, strict=True))
        return logits, labels, self.tokenizers.target.several

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

    def _labeller(self, temperature: float = 1.0) -> Labeller:
        assert self.network is not None
        assert self.tokenizers is not None
        sides, limit = self.tokenizers, self.source_limit
        known = [temperature], self.threshold, limit
        return Labeller([self.network], sides, self.columns, *known)

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
