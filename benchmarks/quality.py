"""How good a recipe is: several seeds, each alone and all as an ensemble.

    python benchmarks/quality.py DATA OUT --seeds 1 2 3 --test test_2016_flickr
    python benchmarks/quality.py DATA OUT --seeds 1 --test val -- --trainer.max_epochs=40

DATA is a folder with train.*, val.* and a test set; OUT keeps the trained models, and what is already
there is not trained again. What stands behind ``--`` are options of ``seqtext fit``. Prints JSON
objects, then a table. BLEU is cased, of detokenized text; "lowercase" is that of lower-cased text,
which older papers give.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from common import read, report, split_arguments, table, train_run
from sacrebleu.metrics.bleu import BLEU

import seqtext
from seqtext.generate import texts
from seqtext.metrics import score_translations


def score(runs: list[Path], test: Path, beam_size: int) -> dict[str, object]:
    """Scores of the runs as one model."""
    generator = seqtext.load(runs)
    source, target = generator.columns
    references = read(Path(f"{test}.{target}"))
    hypotheses = texts(generator.generate(read(Path(f"{test}.{source}")), beam_size=beam_size))
    lowercase = BLEU(lowercase=True).corpus_score(hypotheses, [references])
    scores = score_translations(hypotheses, references)._asdict()
    return {**scores, "lowercase_bleu": round(lowercase.score, 2)}


def main() -> None:
    own, of_fit = split_arguments()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--recipe", default="multi30k.yaml")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--test", required=True, help="name of the test set within DATA")
    parser.add_argument("--beam_size", type=int, default=5)
    options = parser.parse_args(own)
    runs = [options.out / f"seed-{seed}" for seed in options.seeds]
    for run, seed in zip(runs, options.seeds, strict=True):
        seeds = [f"--model.seed={seed}", f"--data.seed={seed}"]
        train_run(options.recipe, options.data, run, [*seeds, *of_fit])
    torch.set_flush_denormal(True)
    candidates = [[run] for run in runs] + ([runs] if len(runs) > 1 else [])
    rows = []
    for members in candidates:
        name = "ensemble" if len(members) > 1 else members[0].name
        minutes = [json.loads((run / "result.json").read_text())["minutes"] for run in members]
        scores = score(members, options.data / options.test, options.beam_size)
        report(f"{options.recipe}, {options.test}, {name}", minutes=minutes, **scores)
        rows.append([name, sum(minutes), *(scores[n] for n in ("bleu", "chrf", "lowercase_bleu"))])
    table(["model", "minutes", "BLEU", "chrF2", "lowercase BLEU"], rows)


if __name__ == "__main__":
    main()
