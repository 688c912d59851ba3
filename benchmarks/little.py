"""Score the plain command, which names nothing but files, columns and task, on little data.

    python -m benchmarks little DATA OUT --names turkish copy reverse --seeds 1 2 3
    python -m benchmarks little DATA OUT --names french multi30k --rows 100 300 1000
    python -m benchmarks little DATA OUT --names banking77 clinc150 --per_label 5 10 30 --seeds 1 2 3
    python -m benchmarks little DATA OUT --names turkish -- --model.network.dropout=0.3

DATA has the folders g2p, transduction_small, translation and classification. OUT keeps the trained models.
A model that is there is not trained again. With ``--rows`` so many rows of the training set are drawn, the
same for all seeds. With ``--per_label`` so many rows of each label are drawn by the seed, and there is no
validation set. Options after ``--`` go to ``seqtext fit``. Choose another OUT for other options. The
command prints a JSON object for each model. Its CPU minutes are those of the training, so other work on the
machine adds little to them.
"""

from __future__ import annotations

import itertools
import json
import random
import resource
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.common import Command, parser_of, read, report, score_runs, split_arguments, write
from benchmarks.small_labels import rows_of, sample
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
    "clinc150": Corpus(
        "classification/clinc150/train.jsonl.gz", "classification/clinc150/val.jsonl.gz",
        "classification/clinc150/test.jsonl.gz", (),
    ),
}  # fmt: skip

_CPU = "cpu_minutes"  # a file in the folder of a run


def main(arguments: Sequence[str]) -> None:
    own, of_fit = split_arguments(arguments)
    parser = parser_of(__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--names", nargs="+", choices=CORPORA, default=[*CORPORA])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--rows", type=int, nargs="+", default=[0], help="0: all")
    parser.add_argument("--per_label", type=int, nargs="+", default=[0], help="0: all")
    options = parser.parse_args(own)
    options.out.mkdir(parents=True, exist_ok=True)
    asked = itertools.product(options.names, options.rows, options.per_label, options.seeds)
    for name, rows, per_label, seed in asked:
        corpus = CORPORA[name]
        key = f"{name}-{rows or per_label or 'all'}"
        run = options.out / f"{key}-seed-{seed}"
        if per_label:
            train, test = _drawn(options.data / corpus.train, run, per_label, seed)
        else:
            train = cut(corpus, options.data, options.out / key, rows)
            test = options.data / corpus.test
        if not (run / RESULT).exists():
            shutil.rmtree(run, ignore_errors=True)
            command: Command = [sys.executable, "-m", "seqtext", "fit", "--run", run]
            command += [f"--data.train={train}", *corpus.columns]
            if not per_label:
                named = corpus.validation.startswith("split:")
                validation = corpus.validation if named else options.data / corpus.validation
                command += [f"--data.validation={validation}"]
            command += [f"--model.seed={seed}", f"--data.seed={seed}", *of_fit]
            before = cpu_minutes()
            subprocess.run(command, check=True)
            (run / _CPU).write_text(f"{cpu_minutes() - before:.2f}")
        result = json.loads((run / RESULT).read_text())
        scores = score_runs([run], [f"--data.test={test}"])
        scores.pop("signature", None)
        report(
            "seqtext fit", name, rows=rows or None, per_label=per_label or None, seed=seed,
            updates=result["steps"], minutes=result["minutes"],
            cpu_minutes=float((run / _CPU).read_text()), **scores,
        )  # fmt: skip


def cpu_minutes() -> float:
    """Processor time of the commands so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (used.ru_utime + used.ru_stime) / 60


def _drawn(whole: Path, out: Path, per_label: int, seed: int) -> tuple[Path, Path]:
    """Some rows of each label to train on, and the test set. Neither has a row that is out of scope."""
    paths = []
    drawn, _ = sample(rows_of(whole.parent, "train"), per_label, seed)
    for split, rows in (("train", drawn), ("test", rows_of(whole.parent, "test"))):
        paths.append(out.with_name(f"{out.name}-{split}.jsonl"))
        write(paths[-1], [json.dumps({"text": text, "label": label}) for text, label in rows])
    return paths[0], paths[1]


def cut(corpus: Corpus, data: Path, out: Path, rows: int) -> Path:
    """The training set, or a copy of some of its rows, the same for all seeds."""
    whole = data / corpus.train
    if not rows:
        return whole
    # not the first ones: word lists are sorted, and hundreds of words would begin with the same letter
    first = whole.with_suffix((corpus.sides or (whole.suffix,))[0])
    chosen = sorted(random.Random(0).sample(range(len(read(first))), rows))
    for side in corpus.sides or (whole.suffix,):
        source = whole.with_suffix(side) if corpus.sides else whole
        lines = read(source)
        write(out.with_suffix(side), [lines[number] for number in chosen])
    return out if corpus.sides else out.with_suffix(whole.suffix)
