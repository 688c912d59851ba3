"""Train on few pairs and on more text of the target language.

    python benchmarks/low_resource.py DATA OUT --seeds 1 11

DATA is a folder with train.*, val.* and a test set. The first pairs of train.* are the parallel corpus.
Of the other pairs only the target side is used. The script runs recipes/translation/low_resource.py and
scores the model of each step on the test set. The baseline trains on the pairs alone, with the same
configuration. What is in OUT is not done again.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
from pathlib import Path

from common import (
    TRANSLATION,
    parser_of,
    read,
    report,
    scored,
    seed_options,
    split_arguments,
    table,
    train_run,
    write,
)

STEPS = {"baseline": "baseline", "back-translation": "teacher-{seed}", "distillation": "student"}


def cut(data: Path, out: Path, pairs: int) -> None:
    """Write ``out/pairs.*`` and ``out/rest.de``."""
    for side in ("en", "de"):
        texts = read(data / f"train.{side}")
        write(out / f"pairs.{side}", texts[:pairs])
        write(out / f"rest.{side}", texts[pairs:])
    (out / "rest.en").unlink()


def train(data: Path, out: Path, seed: int, more: list[str]) -> None:
    """The baseline, then the recipe."""
    run = out / f"seed-{seed}"
    options = ["--data.train", str(out / "pairs"), "--data.validation", str(data / "val"), *more]
    train_run("low_resource.yaml", data, run / "baseline", [*options, *seed_options(seed)])
    recipe = [sys.executable, str(TRANSLATION / "low_resource.py"), "--run", str(run)]
    recipe += ["--target_text", str(out / "rest.de"), "--seed", str(seed), *options]
    subprocess.run(recipe, check=True)


def main() -> None:
    own, of_fit = split_arguments()
    parser = parser_of(__doc__, "data", "out")
    parser.add_argument("--pairs", type=int, default=5000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 11])
    parser.add_argument("--test", default="test_2016_flickr", help="name of the test set in DATA")
    options = parser.parse_args(own)
    options.out.mkdir(parents=True, exist_ok=True)
    cut(options.data, options.out, options.pairs)
    scores: dict[str, list[float]] = {step: [] for step in STEPS}
    for seed in options.seeds:
        train(options.data, options.out, seed, of_fit)
        for step, name in STEPS.items():
            run = options.out / f"seed-{seed}" / name.format(seed=seed)
            _, found = scored(run, options.data / options.test, beam_size=5)
            report("low_resource.yaml", f"{step}, seed {seed}", seeds=[seed], **found)
            scores[step].append(found["bleu"])
    rows = [[s, *scores[s], round(statistics.mean(scores[s]), 2)] for s in STEPS]
    table(("step", *(f"seed {seed}" for seed in options.seeds), "mean BLEU"), rows)


if __name__ == "__main__":
    main()
