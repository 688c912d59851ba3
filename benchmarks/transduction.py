"""Score the pronunciation recipe: several languages and seeds, alone and as an ensemble.

    python benchmarks/transduction.py DATA OUT --languages fre hin hun vie jpn --seeds 1 2 3
    python benchmarks/transduction.py DATA OUT --languages fre --seeds 1 --test dev -- --trainer.max_epochs=20

DATA is a folder with LANGUAGE_train.tsv, LANGUAGE_dev.tsv and LANGUAGE_test.tsv. OUT keeps the trained
models. A model that is there is not trained again. Options after ``--`` go to ``seqtext fit``. The
script prints JSON objects, then a table of word error rates.
"""

from __future__ import annotations

import statistics
import sys

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


def main() -> None:
    own, of_fit = split_arguments()
    parser = parser_of(__doc__, "data", "out")
    parser.add_argument("--languages", nargs="+", required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--test", default="test", help="the set that is scored (default: test)")
    parser.add_argument("--beam_size", type=int, default=5)
    options = parser.parse_args(own)
    folder = RECIPES / "transduction"
    rows: list[list[float]] = []
    words: list[int] = []
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
            train_into(command, runs[-1], [*seed_options(seed), *of_fit])
            _, scores = scored(runs[-1], files[options.test], options.beam_size)
            minutes = minutes_of(runs[-1])
            name = f"{language}, {options.test}, seed {seed}"
            report("g2p.yaml", name, seeds=[seed], minutes=minutes, **scores)
            rates.append(scores["wer"])
        rates.append(statistics.mean(rates))
        if len(runs) > 1:
            _, together = scored(runs, files[options.test], options.beam_size)
            name = f"{language}, {options.test}, ensemble"
            report("g2p.yaml", name, seeds=options.seeds, **together)
            rates.append(together["wer"])
        rows.append(rates)
        words.append(scores["outputs"])
    rows.append([statistics.mean(column) for column in zip(*rows, strict=True)])
    header = ["WER", *(f"seed {seed}" for seed in options.seeds), "mean", "ensemble"]
    header = [*header[: len(rows[0]) + 1], "95 % of it"]
    told = [
        [name, *(f"{rate:.2f}" for rate in row), " to ".join(f"{end:.2f}" for end in ends)]
        for name, row, ends in zip(
            [*options.languages, "mean"],
            rows,
            intervals([row[-1] for row in rows], words),
            strict=True,
        )
    ]
    table(header, told)


def intervals(rates: list[float], words: list[int]) -> list[tuple[float, float]]:
    """95 % intervals of word error rates, and of their mean, which is the last one of ``rates``.

    Of a language as of counts of that many words, in the normal approximation.
    """
    variances = [rate * (100 - rate) / n for rate, n in zip(rates, words, strict=False)]
    variances.append(sum(variances) / len(words) ** 2)
    halves = [1.96 * variance**0.5 for variance in variances]
    return [(rate - half, rate + half) for rate, half in zip(rates, halves, strict=True)]


if __name__ == "__main__":
    main()
