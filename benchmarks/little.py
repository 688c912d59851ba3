"""Score the plain command, which names nothing but files, columns and task, on little data.

    python -m benchmarks little DATA OUT --names turkish copy reverse --seeds 1 2 3
    python -m benchmarks little DATA OUT --names french multi30k --rows 100 300 1000
    python -m benchmarks little DATA OUT --names banking77 --per_label 10 -- --model.network.dropout=0.3

DATA has the folders g2p, transduction_small, translation and classification. OUT keeps the trained models.
A model that is there is not trained again. With ``--rows`` only the first rows of the training set are read.
With ``--per_label`` so many rows of each label are. Options after ``--`` go to ``seqtext fit``. Choose
another OUT for other options. The command prints a JSON object for each model.
"""

from __future__ import annotations

import itertools
import json
import random
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.common import Command, parser_of, read, report, score_runs, split_arguments, write
from seqtext.training.run.folder import RESULT


class Corpus(NamedTuple):
    """A corpus in DATA.

    Args:
        train: File, or prefix of parallel files.
        validation: Likewise, or ``split:COUNT``.
        test: Likewise.
        columns: Options that name columns.
        sides: Endings of parallel files.
    """

    train: str
    validation: str
    test: str
    columns: tuple[str, ...] = ("--data.source=1", "--data.target=2")
    sides: tuple[str, ...] = ()


def _pronunciations(code: str) -> Corpus:
    train, dev, test = (
        f"g2p/sigmorphon2020/{code}_{part}.tsv" for part in ("train", "dev", "test")
    )
    return Corpus(train, dev, test)


def _small(name: str, *columns: str) -> Corpus:
    train, dev, test = (
        f"transduction_small/{name}/{part}.tsv" for part in ("train", "dev", "test")
    )
    return Corpus(train, dev, test, columns or ("--data.source=1", "--data.target=2"))


CORPORA = {
    "copy": _small("copy"),
    "reverse": _small("reverse"),
    "turkish": _small("tur_inflection", "--data.source=[1, 3]", "--data.target=2"),
    "french": _pronunciations("fre"),
    "hindi": _pronunciations("hin"),
    "hungarian": _pronunciations("hun"),
    "japanese": _pronunciations("jpn"),
    "vietnamese": _pronunciations("vie"),
    "multi30k": Corpus(
        "translation/multi30k/train", "translation/multi30k/val",
        "translation/multi30k/test_2016_flickr",
        ("--data.source=en", "--data.target=de"), (".en", ".de"),
    ),
    "banking77": Corpus(
        "classification/banking77/train.jsonl", "split:300", "classification/banking77/test.jsonl",
        (),
    ),
}  # fmt: skip


def main(arguments: Sequence[str]) -> None:
    own, of_fit = split_arguments(arguments)
    parser = parser_of(__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--names", nargs="+", choices=CORPORA, default=[*CORPORA])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--rows", type=int, nargs="+", default=[0], help="0: all")
    parser.add_argument("--per_label", type=int, default=0)
    options = parser.parse_args(own)
    for name, rows, seed in itertools.product(options.names, options.rows, options.seeds):
        corpus = CORPORA[name]
        key = f"{name}-{rows or options.per_label or 'all'}"
        options.out.mkdir(parents=True, exist_ok=True)
        train = _cut(corpus, options.data, options.out / key, rows, options.per_label)
        run = options.out / f"{key}-seed-{seed}"
        if not (run / RESULT).exists():
            shutil.rmtree(run, ignore_errors=True)
            validation = corpus.validation
            if not validation.startswith("split:"):
                validation = str(options.data / validation)
            command: Command = [sys.executable, "-m", "seqtext", "fit", "--run", run]
            command += [f"--data.train={train}", f"--data.validation={validation}", *corpus.columns]
            command += [f"--model.seed={seed}", f"--data.seed={seed}", *of_fit]
            subprocess.run(command, check=True)
        result = json.loads((run / RESULT).read_text())
        scores = score_runs([run], [f"--data.test={options.data / corpus.test}"])
        scores.pop("signature", None)
        report(
            "seqtext fit", name, rows=rows or None, per_label=options.per_label or None, seed=seed,
            updates=result["steps"], minutes=result["minutes"], **scores,
        )  # fmt: skip


def _cut(corpus: Corpus, data: Path, out: Path, rows: int, per_label: int) -> Path:
    """The training set, or a copy of a part of it."""
    whole = data / corpus.train
    if per_label:
        path = out.with_suffix(".jsonl")
        by_label = defaultdict[str, list[str]](list)
        for line in read(whole):
            by_label[json.loads(line)["label"]].append(line)
        draw = random.Random(1)
        write(path, [line for lines in by_label.values() for line in draw.sample(lines, per_label)])
        return path
    if not rows:
        return whole
    for side in corpus.sides or (whole.suffix,):
        source = whole.with_suffix(side) if corpus.sides else whole
        write(out.with_suffix(side), read(source)[:rows])
    return out if corpus.sides else out.with_suffix(whole.suffix)
