"""Classifiers of some rows a label: options, each on several samples of a corpus.

    python -m benchmarks small_labels DATA --rows 5 10 30 --seeds 1 2 3 \\
        --options '{"network": {"character_ngrams": 5}, "updates": 600}'
    python -m benchmarks small_labels DATA --rows 10 --linear          # needs scikit-learn

DATA is a folder with train and test (.jsonl, .jsonl.gz). For each seed, the command draws so many rows of
every label from train, and trains on all of them. It scores on 2,000 rows of train that were not drawn. With
``--test`` it scores on the test set too. It prints a JSON object for each training.

``--options`` replace the defaults below: fields of ``network`` and ``optimizer``, and ``updates``,
``batch_size``, ``label_smoothing``, ``vocab_size``, ``networks`` (trained with several seeds, an ensemble).

The linear model is a support vector machine. It reads words, pairs of words, and 2 to 5 characters in a row
within them (tf-idf).
"""

from __future__ import annotations

import argparse
import json
import random
import time
import warnings
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypedDict, cast

from lightning.pytorch import Trainer

from benchmarks.common import parser_of, report, use_threads
from seqtext import ClassifierModule, LabelsDataModule
from seqtext.data.corpus import Corpus
from seqtext.data.tokenizer import TokenizerConfig
from seqtext.inference.classifier import Classifier
from seqtext.nn.config import ClassifierConfig
from seqtext.training.config import OptimizerConfig

HELD_OUT = 2000
Rows = list[tuple[str, str]]  # texts and labels


class Options(TypedDict):
    """What a training depends on."""

    network: dict[str, object]
    optimizer: dict[str, object]
    updates: int
    batch_size: int
    label_smoothing: float
    vocab_size: int
    networks: int


DEFAULTS: Options = {
    "network": {"dropout": 0.4, "word_dropout": 0.1},
    "optimizer": {"learning_rate": 0.002, "schedule": "cosine", "warmup_steps": 100},
    "updates": 1000,
    "batch_size": 64,
    "label_smoothing": 0.1,
    "vocab_size": 2000,
    "networks": 1,
}


def with_defaults(given: Mapping[str, object]) -> Options:
    """``given``, and the defaults of all that it leaves out."""
    merged = {
        name: {**default, **cast(dict[str, object], given.get(name, {}))}
        if isinstance(default, dict)
        else given.get(name, default)
        for name, default in DEFAULTS.items()
    }
    return cast(Options, merged)


def rows_of(data: Path, split: str) -> Rows:
    """The rows of a split, packed or not, without those that are out of scope."""
    [path] = data.glob(f"{split}.jsonl*")
    rows = Corpus(str(path), "text", "label", labelled=True).rows()
    return [(text, label) for text, label in rows if label != "oos"]


def sample(rows: Rows, count: int, seed: int) -> tuple[Rows, Rows]:
    """``count`` rows of every label, and ``HELD_OUT`` of the others, in random order."""
    by_label: dict[str, Rows] = defaultdict(list)
    for row in rows:
        by_label[row[1]].append(row)
    generator = random.Random(seed)
    drawn, others = [], []
    for label in sorted(by_label):
        generator.shuffle(by_label[label])
        drawn += by_label[label][:count]
        others += by_label[label][count:]
    generator.shuffle(drawn)
    generator.shuffle(others)
    return drawn, others[:HELD_OUT]


def train(rows: Rows, options: Options, seed: int, precision: str) -> Classifier:
    """A classifier, trained by the modules that ``seqtext fit`` uses."""
    networks, temperatures = [], []
    for number in range(options["networks"]):
        own = seed + 100 * number
        module = ClassifierModule(
            network=ClassifierConfig(**options["network"]),  # type: ignore[arg-type]
            optimizer=OptimizerConfig(**options["optimizer"]),  # type: ignore[arg-type]
            label_smoothing=options["label_smoothing"],
            seed=own,
        )
        tokenizer = TokenizerConfig(vocab_size=options["vocab_size"])
        data = LabelsDataModule(
            rows, tokenizer=tokenizer, batch_size=options["batch_size"], seed=own
        )
        trainer = Trainer(
            accelerator="cpu",
            max_epochs=-1,
            max_steps=options["updates"],
            gradient_clip_val=1.0,
            precision=precision,  # type: ignore[arg-type]
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(module, datamodule=data)
        assert module.network is not None and module.tokenizers is not None
        networks.append(module.network)
        temperatures.append(module.temperature)
        sides = module.tokenizers
    return Classifier(networks, sides, temperatures=temperatures)


def accuracy(classifier: Classifier, rows: Rows) -> float:
    """In percent."""
    predicted = classifier.classify([text for text, _ in rows])
    right = sum(p.labels == (label,) for p, (_, label) in zip(predicted, rows, strict=True))
    return round(100 * right / len(rows), 2)


def linear_accuracies(rows: Rows, sets: Mapping[str, Rows]) -> dict[str, float]:
    """Of the linear model, in percent, on each set."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline, make_union
    from sklearn.svm import LinearSVC

    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True)
    model = make_pipeline(make_union(words, characters), LinearSVC())
    model.fit(*zip(*rows, strict=True))
    return {
        name: round(100 * model.score(*zip(*own, strict=True)), 2) for name, own in sets.items()
    }


def main(arguments: Sequence[str]) -> None:
    parser = parser_of(__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--rows", type=int, nargs="+", default=[10], help="of each label")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--options", type=json.loads, default={}, help="a JSON object")
    parser.add_argument("--linear", action="store_true", help="score the linear model instead")
    parser.add_argument("--test", action="store_true", help="score on the test set too")
    parser.add_argument("--precision", default="bf16-mixed")
    given = parser.parse_args(arguments)
    use_threads(1)
    warnings.filterwarnings("ignore", module="lightning")
    every, options = rows_of(given.data, "train"), with_defaults(given.options)
    test = rows_of(given.data, "test") if given.test else []
    for count in given.rows:
        for seed in given.seeds:
            _measure(given, count, seed, options, every, test)


def _measure(
    given: argparse.Namespace, count: int, seed: int, options: Options, every: Rows, test: Rows
) -> None:
    """Train on a sample, and print the scores."""
    drawn, held_out = sample(every, count, seed)
    sets = {"held_out_accuracy": held_out, "test_accuracy": test} if test else {}
    sets = sets or {"held_out_accuracy": held_out}
    start = time.perf_counter()
    if given.linear:
        scores = linear_accuracies(drawn, sets)
    else:
        classifier = train(drawn, options, seed, given.precision)
        scores = {name: accuracy(classifier, own) for name, own in sets.items()}
    report(
        "small_labels",
        "linear model" if given.linear else json.dumps(given.options, sort_keys=True),
        corpus=given.data.name,
        rows_a_label=count,
        rows=len(drawn),
        seed=seed,
        **scores,
        minutes=round((time.perf_counter() - start) / 60, 2),
    )
