"""``seqtext test`` of a classifier."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from seqtext.cli.classify import tell_threshold
from seqtext.cli.collected import collected_answers
from seqtext.cli.models import tell_counts
from seqtext.cli.outputs import write_whole
from seqtext.cli.streams import as_line, as_row, lines_of
from seqtext.data.batch import label_tensor
from seqtext.data.corpus import Corpus
from seqtext.data.labels import Labels
from seqtext.errors import ConfigError, DataError
from seqtext.inference.classifier import Classifier
from seqtext.metrics.classification import score_each, score_labels
from seqtext.metrics.confusion import count_confusions, draw_confusion
from seqtext.tasks import CLASSIFICATION, describe_measurement

_PICTURES = (".png", ".svg", ".pdf")
_CONFUSIONS = 10  # printed


def run(options: argparse.Namespace, classifier: Classifier) -> None:
    """Classify, score, show."""
    if options.confusion_plot is not None:
        if Path(options.confusion_plot).suffix not in _PICTURES:
            raise ConfigError(
                f"--confusion_plot {options.confusion_plot}: expected a picture's name, with"
                f" {', '.join(_PICTURES)}"
            )
        if classifier.labels.several:
            raise ConfigError("--confusion_plot: is of classifiers that give each text one label")
    columns = options.text or classifier.columns[0], options.label or classifier.columns[1]
    corpus = Corpus(options.test, *columns, "test", labelled=True, format=options.corpus_format)
    texts, right = _read(corpus, classifier.labels)
    with collected_answers(options) as kept:
        start = time.perf_counter()
        probabilities = kept.answers_to(
            texts,
            lambda chunk: classifier.probabilities(chunk, batch_size=options.batch_size).tolist(),
            "texts",
        )
        found = torch.tensor(probabilities)
        print(
            f"{len(texts):,} texts classified in {time.perf_counter() - start:.1f} s\n"
            f"test: {describe_measurement(CLASSIFICATION.describe(), len(texts))}",
            file=sys.stderr,
        )
        tell_counts(classifier)
        tell_threshold(classifier, options.threshold)
        threshold = options.threshold
        if threshold is None and not classifier.labels.several:
            threshold = classifier.threshold
        decided = [classifier.decide(row, threshold)[0] for row in found]
        names = _names(right, classifier.labels)
        _show(options.examples, texts, names, decided, found)
        if options.per_label:
            _print_each(decided, names, classifier.labels)
        if (options.per_label or options.confusion_plot) and not classifier.labels.several:
            _print_confusions(decided, names)
        # what is still to come may fail, and takes no score along
        print(json.dumps(score_labels(found, right, threshold)), flush=True)
        kept.finish(lines_of(as_line(", ".join(one)) for one in decided))
    if options.confusion_plot is not None:
        _draw(options.confusion_plot, decided, names, classifier.labels)


def _show(
    count: int,
    texts: Sequence[str],
    right: Sequence[tuple[str, ...]],
    decided: Sequence[tuple[str, ...]],
    found: Tensor,
) -> None:
    step = max(1, len(texts) // max(1, count))
    for i in range(0, len(texts), step)[:count]:
        given = f"{as_line(', '.join(decided[i]))} ({found[i].max():.0%})"
        known = as_line(", ".join(right[i]))
        print(f"  text:   {as_line(texts[i])}\n  right:  {known}\n  given:  {given}\n")


def _print_confusions(decided: Sequence[tuple[str, ...]], right: Sequence[tuple[str, ...]]) -> None:
    """Print the confusions of most texts, if there are any."""
    given, known = ([as_row(name) for name, *_ in labels] for labels in (decided, right))
    if confusions := count_confusions(given, known)[:_CONFUSIONS]:
        print("true -> predicted: texts (share of the true label's)")
        print("\n".join(f"  {confusion}" for confusion in confusions))


def _draw(
    path: str, decided: Sequence[tuple[str, ...]], right: Sequence[tuple[str, ...]], labels: Labels
) -> None:
    """The confusion matrix, and the names of labels that no font can show."""
    every = list(labels.names)
    every += sorted({name for one in (*decided, *right) for name in one} - set(every))
    picture, numbered = draw_confusion(
        [one for one, *_ in decided], [one for one, *_ in right], every, Path(path).suffix[1:]
    )
    write_whole(path, picture, "--confusion_plot")
    if numbered:
        told = "".join(f"\n  {number} = {as_line(every[number - 1])}" for number in numbered)
        print(
            f"{path}: no font here shows these labels, so they have numbers:{told}", file=sys.stderr
        )


def _read(corpus: Corpus, labels: Labels) -> tuple[list[str], Tensor]:
    """Texts, and their labels as ``score_labels`` takes them.

    Raises:
        DataError: A row's label is unknown, or no text is in scope.
    """
    texts, rows = zip(*labels.read(corpus.records()), strict=True)
    if not labels.several and not any(rows):
        raise DataError(f"{corpus.name}: every text is out of scope, there is nothing to score")
    return list(texts), label_tensor(rows, labels.count)


def _names(right: Tensor, labels: Labels) -> list[tuple[str, ...]]:
    if labels.several:
        return [tuple(labels.names[i] for i in row.nonzero()[:, 0].tolist()) for row in right]
    outside = labels.out_of_scope or "out of scope"
    return [(outside if i < 0 else labels.names[i],) for i in right.tolist()]


def _print_each(
    decided: list[tuple[str, ...]], right: list[tuple[str, ...]], labels: Labels
) -> None:
    names = list(labels.names)
    names += sorted({name for one in (*decided, *right) for name in one} - set(names))
    place = {name: i for i, name in enumerate(names)}
    given, known = (
        label_tensor([[place[name] for name in one] for one in rows], len(names))
        for rows in (decided, right)
    )
    names = [as_row(name) for name in names]
    wide = max(map(len, names))
    print(f"{'label':{wide}s}  precision  recall      F1  texts")
    for found in sorted(score_each(given, known, names), key=lambda found: found.f1):
        print(
            f"{found.label:{wide}s}  {found.precision:9.1f}  {found.recall:6.1f}  {found.f1:6.1f}"
            f"  {found.texts:5d}"
        )
