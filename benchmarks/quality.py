"""Score a translation recipe: several seeds alone and as an ensemble.

    python benchmarks/quality.py DATA OUT --seeds 1 2 3 --test test_2016_flickr
    python benchmarks/quality.py DATA OUT --seeds 1 --test val -- --trainer.max_epochs=40

DATA is a folder with train.*, val.* and a test set. OUT keeps the trained models. A model that is there
is not trained again. Options after ``--`` go to ``seqtext fit``. The script prints JSON objects, then a
table. BLEU is cased and of detokenized text. "lowercase" is BLEU of lower-cased text, as in older
papers.
"""

from __future__ import annotations

from pathlib import Path

import torch
from common import (
    minutes_of,
    parser_of,
    read,
    report,
    seed_options,
    split_arguments,
    table,
    train_run,
)
from sacrebleu.metrics.bleu import BLEU

import seqtext
from seqtext.inference.generator import texts
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
    parser = parser_of(__doc__, "data", "out")
    parser.add_argument("--recipe", default="multi30k.yaml")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--test", required=True, help="name of the test set within DATA")
    parser.add_argument("--beam_size", type=int, default=5)
    options = parser.parse_args(own)
    runs = [options.out / f"seed-{seed}" for seed in options.seeds]
    for run, seed in zip(runs, options.seeds, strict=True):
        train_run(options.recipe, options.data, run, [*seed_options(seed), *of_fit])
    torch.set_flush_denormal(True)
    candidates = {f"seed {seed}": [seed] for seed in options.seeds}
    if len(runs) > 1:
        candidates["ensemble"] = options.seeds
    rows = []
    for name, seeds in candidates.items():
        members = [options.out / f"seed-{seed}" for seed in seeds]
        minutes = round(sum(map(minutes_of, members)), 2)
        scores = score(members, options.data / options.test, options.beam_size)
        what = f"{options.test}, {name}"
        report(options.recipe, what, seeds=seeds, minutes=minutes, **scores)
        rows.append([name, minutes, *(scores[n] for n in ("bleu", "chrf", "lowercase_bleu"))])
    table(["model", "minutes", "BLEU", "chrF2", "lowercase BLEU"], rows)


if __name__ == "__main__":
    main()
