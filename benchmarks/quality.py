"""Score a recipe: several seeds alone and as an ensemble.

    python -m benchmarks quality translation/multi30k.yaml OUT --test DATA/test_2016_flickr \\
        --seeds 1 2 3 -- --data.train=DATA/train --data.validation=DATA/val
    python -m benchmarks quality classification/clinc150.yaml OUT --test DATA/test.jsonl

OUT keeps the trained models. A model that is there is not trained again. Options after ``--`` go to
``seqtext fit``: choose another OUT for other options. The command prints JSON objects, then a table.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.common import parser_of, report, score_runs, split_arguments, table, train_into


def main(arguments: Sequence[str]) -> None:
    own, of_fit = split_arguments(arguments)
    parser = parser_of(__doc__)
    parser.add_argument("recipe", help="TASK/FILE.yaml in recipes/")
    parser.add_argument("out", type=Path)
    parser.add_argument("--test", required=True, help="as --data.test of seqtext test")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--beam_size", type=int, help="default: that of seqtext test")
    options = parser.parse_args(own)
    test = [f"--data.test={options.test}"]
    test += [] if options.beam_size is None else [f"--beam_size={options.beam_size}"]
    runs = {seed: options.out / f"seed-{seed}" for seed in options.seeds}
    minutes = {
        seed: train_into(
            run, options.recipe, [f"--model.seed={seed}", f"--data.seed={seed}", *of_fit]
        )
        for seed, run in runs.items()
    }
    candidates = {f"seed {seed}": [seed] for seed in options.seeds}
    if len(runs) > 1:
        candidates["ensemble"] = options.seeds
    rows = []
    for name, seeds in candidates.items():
        scores = score_runs([runs[seed] for seed in seeds], test)
        row = {"minutes": round(sum(minutes[seed] for seed in seeds), 2), **scores}
        report(options.recipe, f"{options.test}, {name}", seeds=seeds, **row)
        rows.append({"name": name, **row})
    table(rows)
