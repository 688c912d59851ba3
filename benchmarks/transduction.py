"""How good the transduction recipe is: several languages, several seeds, each alone and all as an ensemble.

    python benchmarks/transduction.py DATA OUT --languages fre hin hun vie jpn --seeds 1 2 3
    python benchmarks/transduction.py DATA OUT --languages fre --seeds 1 --test dev -- --trainer.max_epochs=20

DATA is a folder with LANGUAGE_train.tsv, LANGUAGE_dev.tsv and LANGUAGE_test.tsv; OUT keeps the trained
models, and what is already there is not trained again. What stands behind ``--`` are options of ``seqtext
fit``. Prints JSON objects, then a table of word error rates.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from pathlib import Path

from common import RECIPES, report, scored, split_arguments, table, train_into


def main() -> None:
    own, of_fit = split_arguments()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--languages", nargs="+", required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--test", default="test", help="the set that is scored (default: test)")
    parser.add_argument("--beam_size", type=int, default=5)
    options = parser.parse_args(own)
    folder = RECIPES / "transduction"
    rows: list[list[object]] = []
    for language in options.languages:
        files = {
            name: options.data / f"{language}_{name}.tsv" for name in ("train", "dev", options.test)
        }
        for path in files.values():
            if not path.is_file():
                sys.exit(f"{path}: no such file")
        command = [sys.executable, str(folder / "train.py"), "fit", "--config"]
        command += [str(folder / "g2p.yaml"), f"--data.train={files['train']}"]
        command += [f"--data.validation={files['dev']}"]
        runs, rates = [], []
        for seed in options.seeds:
            runs.append(options.out / f"{language}-{seed}")
            train_into(command, runs[-1], [f"--model.seed={seed}", f"--data.seed={seed}", *of_fit])
            _, scores = scored(runs[-1], files[options.test], options.beam_size)
            minutes = json.loads((runs[-1] / "result.json").read_text())["minutes"]
            report(f"{language}, {options.test}, seed {seed}", minutes=minutes, **scores)
            rates.append(scores["wer"])
        row = [language, *rates, round(statistics.mean(rates), 2)]
        if len(runs) > 1:
            _, together = scored(runs, files[options.test], options.beam_size)
            report(f"{language}, {options.test}, ensemble", **together)
            row += [together["wer"], f"{together['wer_low']} to {together['wer_high']}"]
        rows.append(row)
    columns = list(zip(*rows, strict=True))
    means = [
        round(statistics.mean(map(float, column)), 2) for column in columns[1:] if _numbers(column)
    ]
    rows.append(["mean", *means])
    header = ["WER", *(f"seed {seed}" for seed in options.seeds), "mean"]
    table([*header, "ensemble", "95 %"] if len(options.seeds) > 1 else header, rows)


def _numbers(column: tuple[object, ...]) -> bool:
    return all(isinstance(one, float | int) for one in column)


if __name__ == "__main__":
    main()
