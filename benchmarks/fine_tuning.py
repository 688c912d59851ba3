"""Fine-tune a Multi30k model on 1,000 pairs of another kind: what it gains and forgets.

    python benchmarks/fine_tuning.py DATA RUN OUT
    python benchmarks/fine_tuning.py DATA RUN OUT --kinds cyrillic --pairs 5000 -- --trainer.max_epochs=20

DATA is the folder with train.* and val.* of Multi30k. RUN is a model trained on it. The other kind is
sentences of the built-in grammar. The kind "cyrillic" writes their target in letters that the model has
never seen. Each variant is recipes/translation/finetune.yaml with the options below and those after
``--``. Scores are of 500 sentences of each corpus, decoded greedily, before and after.
"""

from __future__ import annotations

import json
from pathlib import Path

from common import (
    minutes_of,
    parser_of,
    report,
    split_arguments,
    table,
    train_run,
    use_threads,
    write,
)

from seqtext.data.corpus import Corpus

VARIANTS = {
    "all of it": [],
    "encoder and embeddings frozen": ["--model.freeze=encoder,embeddings"],
    "encoder frozen": ["--model.freeze=encoder"],
    "encoder and embeddings at a tenth of the rate": [
        '--model.optimizer.part_rates={{"encoder": 0.1, "embeddings": 0.1}}'
    ],
    "3 % of the old corpus mixed in": ["--data.train=[{new}, {{path: {old}, weight: 0.035}}]"],
    "10 % of the old corpus mixed in": ["--data.train=[{new}, {{path: {old}, weight: 0.1}}]"],
}
OTHER_SCRIPT = {
    "spelled as bytes": [],
    "200 new pieces": ["--data.tokenizer.new_pieces=200"],
    "500 new pieces": ["--data.tokenizer.new_pieces=500"],
}
KINDS: dict[str, dict[str, list[str]]] = {"plain": VARIANTS, "cyrillic": OTHER_SCRIPT}
_CYRILLIC = dict(
    zip(map(ord, "abcdefghijklmnopqrstuvwxyzäöüß"), "абцдефгхийклмнопярстувщэызоюжъ", strict=False)
)


def corpora(out: Path, pairs: int) -> None:
    """``out/plain.*`` and ``out/cyrillic.*``, and what they are validated by."""
    for split, count in (("train", pairs), ("validation", 500)):
        rows = list(Corpus(f"builtin:{split}:{count}", "en", "de").rows())
        for kind in ("plain", "cyrillic"):
            write(out / f"{kind}-{split}.en", [source for source, _ in rows])
            targets = [target for _, target in rows]
            if kind == "cyrillic":
                targets = [target.lower().translate(_CYRILLIC) for target in targets]
            write(out / f"{kind}-{split}.de", targets)


def fine_tune(
    data: Path, model: Path, out: Path, kind: str, variant: str, options: list[str]
) -> list[object]:
    """A row of the table: new and old corpus before and after, and minutes."""
    run = out / f"{kind} {variant}".replace(" ", "_").replace("%", "percent")
    names = {"new": out / f"{kind}-train", "old": data / "train"}
    fit = [f"--model.init_from={model}", f"--data.train={names['new']}"]
    fit += [f"--data.validation={out / f'{kind}-validation'}", f"--data.compare={data / 'val'}"]
    train_run("finetune.yaml", data, run, [*fit, *(option.format(**names) for option in options)])
    scores = json.loads((run / "comparison.json").read_text())
    figures = {
        f"{which}_{metric}_{when}": scores[when][corpus][metric]
        for which, corpus in (("new", "validation"), ("old", str(data / "val")))
        for metric in ("bleu", "chrf")
        for when in ("before", "after")
    }
    row = [value for name, value in figures.items() if "bleu" in name]
    report("finetune.yaml", f"{kind}, {variant}", **figures, minutes=minutes_of(run))
    return [f"{kind}: {variant}", *(f"{score:.1f}" for score in row), minutes_of(run)]


def main() -> None:
    own, of_fit = split_arguments()
    parser = parser_of(__doc__, "data", "run", "out")
    parser.add_argument("--pairs", type=int, default=1000)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args(own)
    use_threads(options.threads)
    options.out.mkdir(parents=True, exist_ok=True)
    corpora(options.out, options.pairs)
    rows = [
        fine_tune(options.data, options.run, options.out, kind, variant, [*more, *of_fit])
        for kind in options.kinds
        for variant, more in KINDS[kind].items()
    ]
    table(("", "new before", "new after", "old before", "old after", "minutes"), rows)


if __name__ == "__main__":
    main()
