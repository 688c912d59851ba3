"""Score a classification recipe: several seeds, their ensemble, and a linear model of n-grams.

    pip install scikit-learn
    python benchmarks/classification.py DATA OUT --recipe banking77.yaml --seeds 1 2 3
    python benchmarks/classification.py DATA OUT --recipe clinc150.yaml --seeds 1 2 3

DATA is a folder with train, test and perhaps val (.jsonl, .jsonl.gz). OUT keeps the trained models. A
model that is there is not trained again. Options after ``--`` go to ``seqtext fit``.

The linear model is a support vector machine. It reads words, pairs of words, and 2 to 5 characters in a
row within them (tf-idf). Where the validation set is a part of train, the linear model learns from it
too. It is scored in scope only. The script prints JSON objects, then a table.
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path
from typing import Any

from common import (
    RECIPES,
    minutes_of,
    parser_of,
    report,
    scored,
    seed_options,
    split_arguments,
    table,
    train_into,
)

from seqtext.data.corpus import Corpus

_OUT_OF_SCOPE = "oos"


def file_of(data: Path, split: str) -> Path | None:
    """The file of a split, packed or not."""
    found = [data / f"{split}.jsonl{packing}" for packing in ("", ".gz")]
    return next((path for path in found if path.exists()), None)


def rows_in_scope(path: Path) -> tuple[list[str], list[str]]:
    """Texts and labels."""
    rows = Corpus(str(path), "text", "label", labelled=True).rows()
    kept = [row for row in rows if row[1] != _OUT_OF_SCOPE]
    return [text for text, _ in kept], [label for _, label in kept]


def linear(train: Path, test: Path) -> dict[str, Any]:
    """Accuracy of the linear model, and the seconds that it takes."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline, make_union
    from sklearn.svm import LinearSVC

    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True)
    model = make_pipeline(make_union(words, characters), LinearSVC())
    start = time.perf_counter()
    model.fit(*rows_in_scope(train))
    accuracy = 100 * model.score(*rows_in_scope(test))
    return {"accuracy": round(accuracy, 2), "seconds": round(time.perf_counter() - start, 1)}


def main() -> None:
    own, of_fit = split_arguments()
    parser = parser_of(__doc__, "data", "out")
    parser.add_argument("--recipe", required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    options = parser.parse_args(own)
    train, validation, test = (file_of(options.data, split) for split in ("train", "val", "test"))
    if train is None or test is None:
        sys.exit(f"{options.data}: has no train.jsonl or no test.jsonl")
    folder = RECIPES / "classification"
    command = [sys.executable, str(folder / "train.py"), "fit", "--config"]
    command += [str(folder / options.recipe), f"--data.train={train}"]
    command += [] if validation is None else [f"--data.validation={validation}"]
    rows: list[list[object]] = []
    runs = []
    for seed in options.seeds:
        runs.append(options.out / f"seed-{seed}")
        train_into(command, runs[-1], [*seed_options(seed), *of_fit])
        _, scores = scored(runs[-1], test, None)
        minutes = minutes_of(runs[-1])
        report(options.recipe, f"seed {seed}", seeds=[seed], minutes=minutes, **scores)
        rows.append([f"seed {seed}", minutes, *scores.values()])
    names = list(scores)
    means = [
        round(statistics.mean(column), 2) for column in zip(*(r[1:] for r in rows), strict=True)
    ]
    rows.append(["mean", *means])
    _, together = scored(runs, test, None)
    report(options.recipe, "ensemble", seeds=options.seeds, **together)
    rows.append(["ensemble", "", *(together[name] for name in names)])
    by_grams = linear(train, test)
    report(options.recipe, "linear model", **by_grams)
    rest = [""] * (len(names) - 1)
    rows.append(["linear", round(by_grams["seconds"] / 60, 2), by_grams["accuracy"], *rest])
    table(["", "minutes", *names], rows)


if __name__ == "__main__":
    main()
