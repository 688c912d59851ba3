"""LightningModule around the text classifier: loss, validation, calibration."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Literal

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
from seqtext.training.module import TextModule
from seqtext.training.optimizer import OptimizerConfig
from seqtext.training.validation import Collected
from seqtext.training.vectors import load_vectors
from seqtext.values import check_arguments, check_value

_SAMPLES = 5
_YAML_WORDS = {True: ("true", "yes", "on"), False: ("false", "no", "off")}  # labels, too


class ClassifierModule(TextModule):
    """Trains a ``Classifier`` on texts with labels.

    At every validation it fits the temperature that makes probabilities honest (Guo et al. 2017) and,
    where the validation set has texts that are out of scope, the threshold that tells them; both are
    kept in the checkpoint.

    Args:
        network: Sizes and kinds.
        optimizer: How weights are updated.
        label_smoothing: Share of the target distribution spread over all labels (Szegedy et al. 2016).
        class_weights: What a text counts in the loss: the same (``none``), or ``balanced``: inversely to
            how many training texts have its label, 1 on average over texts; where they can have several,
            so that those with a label count as much as those without it (100 times at most). Or a weight
            for each label by name, 1 where nothing is said.
        vectors: A file of word vectors (word2vec's or fastText's text format) that the embeddings of the
            pieces which are words start with.
        seed: Of the first weights and of dropout.

    Raises:
        ConfigError: A value is out of range.
    """

    network: Classifier | None
    tokenizers: TextAndLabels | None
    counted, reads, data_module = "texts", TextAndLabels, "LabelsDataModule"
    task = checkpoint.CLASSIFICATION

    def __init__(
        self,
        *,
        network: ClassifierConfig = ClassifierConfig(),  # noqa: B008 (frozen)
        optimizer: OptimizerConfig = OptimizerConfig(),  # noqa: B008 (frozen)
        label_smoothing: float = 0.0,
        class_weights: Literal["none", "balanced"] | dict[str, float] = "none",
        vectors: str | None = None,
        seed: int = 1,
    ) -> None:
        check_arguments(ClassifierModule.__init__, locals(), "model.", but=("class_weights",))
        super().__init__(optimizer, seed)
        if not 0 <= label_smoothing < 1:
            raise ConfigError(f"label_smoothing: {label_smoothing}, expected 0 <= x < 1")
        if isinstance(class_weights, dict):  # numbers are names, too
            named: dict[Any, float] = {
                name if isinstance(name, bool) else str(name): weight
                for name, weight in dict[Any, float](class_weights).items()
            }
            class_weights = named
            for name, weight in named.items():
                check_value(f"class_weights: {name}", weight, float)
                if not 0 < weight < float("inf"):
                    raise ConfigError(f"class_weights: {weight} of {name}, expected more than 0")
        else:
            check_value("class_weights", class_weights, Literal["none", "balanced"])
        if vectors is not None and not os.path.isfile(vectors):
            raise ConfigError(f"vectors: {vectors}: no such file")
        network.check_cell()
        self.config: ClassifierConfig = network
        self.label_smoothing = label_smoothing
        self._class_weights = class_weights
        self._vectors = vectors
        self._weights: Tensor | None = None  # of each label
        self._collected = Collected()
        self._sampled: Any = None  # some texts of this validation, probabilities of their labels
        self.temperature, self.threshold = 1.0, 0.0

    @property
    def scores(self) -> list[str]:
        """Names of what validation logs besides the loss."""
        return ["val_macro_f1", "val_accuracy"]

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
        if self._class_weights != "none":
            assert self.tokenizers is not None
            counts, texts = self.trainer.datamodule.label_counts()  # type: ignore[attr-defined]
            self._weights = _weights(self._class_weights, counts, texts, self.tokenizers.target)

    # --- training and validation --------------------------------------------------------------------

    def _forward(self, batch: LabelledBatch) -> tuple[Tensor, Tensor, Tensor]:
        """Logits, and what ``_loss`` is."""
        assert self.network is not None
        logits = self.network(batch.source, batch.source_lengths)
        weights = None if self._weights is None else self._weights.to(logits.device)
        extra = (weights, self.label_smoothing) if self.training else ()
        return logits, *classification_loss(logits, batch.labels, *extra)

    def _loss(self, batch: LabelledBatch) -> tuple[Tensor, Tensor]:
        _, loss, count = self._forward(batch)
        return loss, count

    def _units(self, batch: LabelledBatch, count: Tensor) -> Tensor:
        return count.new_tensor(len(batch.source))

    def on_validation_epoch_start(self) -> None:
        """Classify some texts. At the epoch's end weight averaging has swapped the weights back."""
        examples = self.trainer.datamodule.validation_examples(_SAMPLES)  # type: ignore[attr-defined]
        self._sampled = examples, self._labeller().probabilities([text for text, _ in examples])

    def validation_step(self, batch: LabelledBatch, batch_idx: int) -> None:
        """Collect loss, logits and labels."""
        logits, loss, count = self._forward(batch)
        self._add_validated(loss, count)
        self._collected.update(logits, batch.labels)

    def on_validation_epoch_end(self) -> None:
        """Fit temperature and threshold; log accuracy, macro F1 and ``val_loss``, plain cross-entropy."""
        super().on_validation_epoch_end()
        logits, labels = self._collected.compute()
        self._collected.reset()
        assert self.tokenizers is not None
        several, count = self.tokenizers.target.several, self.tokenizers.target.vocab_size
        logits = logits.reshape(-1, count)  # torchmetrics makes less of a single row
        labels = labels.reshape(logits.shape if several else logits.shape[:1])
        self.temperature = fit_temperature(logits, labels)
        probabilities = label_probabilities(logits, self.temperature, several)
        self.threshold = 0.0 if several else choose_threshold(probabilities, labels)
        found = score_labels(probabilities, labels)
        for name in self.scores:
            self.log(name, found[name.removeprefix("val_")])
        self._take_samples()

    def _take_samples(self) -> None:
        assert self.tokenizers is not None
        examples, probabilities = self._sampled
        several = self.tokenizers.target.several
        logits = probabilities.logit() if several else probabilities.log()
        labeller = self._labeller()
        self.samples = []
        for (text, labels), row in zip(
            examples, label_probabilities(logits, self.temperature, several), strict=True
        ):
            best, place = row.max(0)
            told = _told(labeller.decide(row)[0], (labeller.labels.names[int(place)], float(best)))
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

    def _described(self) -> dict[str, Any]:
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


def _told(labels: tuple[str, ...], best: tuple[str, float]) -> str:
    return f"{', '.join(labels) or 'none'} ({best[0]} {best[1]:.0%})"


def _label(name: str | bool, names: Sequence[str]) -> str:
    """The one of ``names`` that is meant."""
    some = f"{', '.join(map(repr, names[:20]))}{', …' if len(names) > 20 else ''}"
    if isinstance(name, str):
        if name in names:
            return name
        for one in names:  # those of an older run can have white space around them
            if one.strip() == name.strip():
                return one
        raise ConfigError(f"model.class_weights: there is no label {name!r}; there are {some}")
    found = [one for one in names if one.lower() in _YAML_WORDS[name]]
    if len(found) == 1:
        return found[0]
    raise ConfigError(
        f"model.class_weights: {'/'.join(_YAML_WORDS[name])} (all the same to YAML, unless in quotes) is"
        f" {len(found)} of the labels; there are {some}"
    )


def _weights(
    given: Literal["none", "balanced"] | dict[str, float],
    counts: list[int],
    texts: int,
    labels: Labels,
) -> Tensor:
    """Of each label; ``counts`` of ``texts`` have it."""
    names = labels.names
    if isinstance(given, dict):
        weight_of = {_label(name, names): weight for name, weight in given.items()}
        return torch.tensor([weight_of.get(name, 1.0) for name in names])
    having = torch.tensor(counts, dtype=torch.float)
    if labels.several:
        weights = ((texts - having) / having).clamp(0.01, 100)
    else:  # the weights of all texts sum to their number
        weights = texts / (having * (having > 0).sum())
    return weights.where((having > 0) & (having < texts), torch.ones(()))
