"""Train yoyodyne's attention LSTM on the words that ``little`` trains on, and score it likewise.

    python -m venv OTHER && OTHER/bin/pip install torch yoyodyne
    python -m benchmarks yoyodyne DATA OUT --program OTHER/bin/yoyodyne --names french hindi --rows 300 1000

DATA is that of ``little``. Everything is yoyodyne's default, but for the end: training stops after so
many epochs without a better accuracy on the validation set. Of that set it reads the first rows, because
decoding takes most of its time. A model that is there is not trained again. The command prints a JSON
object for each model.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml

from benchmarks.common import Command, parser_of, read, report, write
from benchmarks.little import CORPORA, cpu_minutes, cut

_NAMES = ("french", "hindi", "hungarian", "japanese", "vietnamese")
_DONE = "cpu_minutes"  # a file in the folder of a run


def main(arguments: Sequence[str]) -> None:
    parser = parser_of(__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--program", type=Path, required=True)
    parser.add_argument("--names", nargs="+", choices=_NAMES, default=[*_NAMES])
    parser.add_argument("--rows", type=int, nargs="+", default=[0], help="0: all")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--patience", type=int, default=10, help="epochs")
    parser.add_argument("--validated", type=int, default=150, help="rows of the validation set")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    for rows in options.rows:
        for name in options.names:
            corpus = CORPORA[name]
            key = f"{name}-{rows or 'all'}"
            train = cut(corpus, options.data, options.out / key, rows)
            validation = options.out / f"{name}-validation.tsv"
            write(validation, read(options.data / corpus.validation)[: options.validated])
            test = options.data / corpus.test
            for seed in options.seeds:
                run = options.out / f"{key}-seed-{seed}"
                files = [
                    f"--data.train={train}",
                    f"--data.val={validation}",
                    f"--data.predict={test}",
                ]
                _train(options.program, run, files, seed, options.patience)
                wrong = _wrong(run / "predictions.tsv", test)
                minutes = float((run / _DONE).read_text())
                report(
                    "yoyodyne", name, rows=rows or None, seed=seed, wer=wrong, cpu_minutes=minutes
                )


def _train(program: Path, run: Path, files: list[str], seed: int, patience: int) -> None:
    """Train and predict, unless that is done."""
    if (run / _DONE).exists():
        return
    shutil.rmtree(run, ignore_errors=True)
    run.mkdir()
    config = run / "config.yaml"
    config.write_text(yaml.safe_dump(_config(run, seed, patience)))
    command: Command = [program, "fit", "--config", config, f"--data.model_dir={run}", *files]
    before = cpu_minutes()
    _call(command, run)
    minutes = cpu_minutes() - before
    [checkpoint] = run.rglob("*.ckpt")
    command = [program, "predict", "--config", config, f"--data.model_dir={run}", *files]
    _call([*command, "--ckpt_path", checkpoint], run)
    (run / _DONE).write_text(f"{minutes:.2f}")


def _config(run: Path, seed: int, patience: int) -> dict[str, object]:
    monitor = {"monitor": "val_accuracy", "mode": "max"}
    stop = {
        "class_path": "lightning.pytorch.callbacks.EarlyStopping",
        "init_args": {**monitor, "patience": patience},
    }
    return {
        "seed_everything": seed,
        "checkpoint": {**monitor, "filename": "model-{epoch:03d}"},
        "model": {
            "class_path": "yoyodyne.models.SoftAttentionLSTMModel",
            "init_args": {"source_encoder": {"class_path": "yoyodyne.models.modules.LSTMEncoder"}},
        },
        "data": {"source_sep": "", "target_sep": " ", "tie_embeddings": False},
        "trainer": {
            "accelerator": "cpu", "max_epochs": 200, "enable_progress_bar": False, "callbacks": [stop],
            "default_root_dir": str(run),
        },
        "prediction": {"path": str(run / "predictions.tsv")},
    }  # fmt: skip


def _call(command: Sequence[str | Path], run: Path) -> None:
    with (run / "log").open("a", encoding="utf-8") as log:
        done = subprocess.run(command, stdout=log, stderr=log, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))} ended with {done.returncode}; see {run / 'log'}")


def _wrong(predictions: Path, test: Path) -> float:
    """How many of 100 words are wrong. The last column is the output, and the second one the reference."""
    outputs = [line.split("\t")[-1] for line in read(predictions)]
    references = [line.split("\t")[1] for line in read(test)]
    wrong = sum(a != b for a, b in zip(outputs, references, strict=True))
    return round(100 * wrong / len(references), 2)
