"""Train variants of a recipe for the same time, each with one other choice.

    python benchmarks/ablations.py calibrate DATA OUT    # how many updates fit the time
    python benchmarks/ablations.py train DATA OUT
    python benchmarks/ablations.py table OUT

DATA is a folder with train.* and val.*. The test set is not used. ``calibrate`` turns time into updates
and needs a quiet machine. ``train`` runs at any load, because only the updates count.
"""

from __future__ import annotations

import json
import statistics
import time
from pathlib import Path
from typing import Any

from common import (
    configured,
    parser_of,
    pieces,
    report,
    scored,
    seed_options,
    table,
    train_run,
)
from training import Task, task_of, update

NETWORK, OPTIMIZER, TOKENIZER = "model.network", "model.optimizer", "data.tokenizer"
VARIANTS: dict[str, dict[str, object]] = {
    "base": {},
    "two fused layers": {f"{NETWORK}.decoder_layers": 2},
    "input feeding, one layer": {f"{NETWORK}.input_feeding": "true"},
    "input feeding, two layers": {
        f"{NETWORK}.decoder_layers": 2,
        f"{NETWORK}.input_feeding": "true",
    },
    "word dropout 0.1": {f"{NETWORK}.word_dropout": 0.1},
    "dropout 0.4": {f"{NETWORK}.dropout": 0.4},
    "dropout 0.2": {f"{NETWORK}.dropout": 0.2},
    "vocabulary 2,048": {f"{TOKENIZER}.vocab_size": 2048},
    "vocabulary 8,000": {f"{TOKENIZER}.vocab_size": 8000},
    "vocabulary 1,024": {f"{TOKENIZER}.vocab_size": 1024},
    "BPE": {f"{TOKENIZER}.model_type": "bpe"},
    "separate vocabularies": {f"{TOKENIZER}.joint": "false"},
    "sampled segmentations": {f"{TOKENIZER}.sampling_nbest": 16},
    "layer norm": {f"{NETWORK}.layer_norm": "true"},
    "additive attention": {f"{NETWORK}.attention": "additive"},
    "multi-head attention": {f"{NETWORK}.attention": "multi_head"},
    "GRU": {f"{NETWORK}.cell": "gru", "trainer.precision": "32-true"},
    "untied readout": {f"{NETWORK}.tied_readout": "false"},
    "no label smoothing": {"model.label_smoothing": 0.0},
    "label smoothing 0.2": {"model.label_smoothing": 0.2},
    "600 pieces an update": {"data.batch_tokens": 600},
    "2,400 pieces an update": {"data.batch_tokens": 2400},
    "learning rate 0.001": {f"{OPTIMIZER}.learning_rate": 0.001},
    "learning rate 0.003": {f"{OPTIMIZER}.learning_rate": 0.003},
    "constant learning rate 0.001": {
        f"{OPTIMIZER}.learning_rate": 0.001,
        f"{OPTIMIZER}.schedule": "constant",
        f"{OPTIMIZER}.warmup_steps": 0,
    },
    "two encoder layers": {f"{NETWORK}.encoder_layers": 2},
    "initial scale 1": {f"{NETWORK}.init_scale": 1.0},
    "initial scale 3": {f"{NETWORK}.init_scale": 3.0},
    "no averaging": {"selection.average": 1},
    "fp32": {"trainer.precision": "32-true"},
}  # fmt: skip
_BASE = {
    f"{NETWORK}.word_dropout": 0.0,  # which pays in trainings longer than these
    # what the recipe had when the first of them were trained
    f"{TOKENIZER}.vocab_size": 4032,
    f"{TOKENIZER}.joint": "true",
    f"{OPTIMIZER}.learning_rate": 0.002,
}
_FREE = (
    "dropout",
    "label_smoothing",
    "learning_rate",
    "schedule",
    "warmup_steps",
    "init_scale",
    "average",
)  # cost no time
_WARM, _COUNTED = 7, 30  # updates, after those that task_of warms with


def options_of(variant: str) -> list[str]:
    return [f"--{name}={value}" for name, value in {**_BASE, **VARIANTS[variant]}.items()]


def task_for(data: Path, variant: str) -> Task:
    """A variant, ready to run, with as many batches as are timed."""
    task, _ = task_of(configured("multi30k.yaml", data, options_of(variant)), _WARM + _COUNTED)
    return task


def seconds_per_update(tasks: list[Task]) -> list[float]:
    """Of each task in a bare loop, in turns: a machine's speed changes from minute to minute.

    The median of the seconds a piece, times the pieces of an update.
    """
    rates: list[list[float]] = [[] for _ in tasks]
    for batches in zip(*(task.batches for task in tasks), strict=True):
        for task, batch, found in zip(tasks, batches, rates, strict=True):
            start = time.perf_counter()
            update(task, batch)
            found.append((time.perf_counter() - start) / pieces(batch))
    return [
        statistics.median(found[-_COUNTED:]) * statistics.mean(map(pieces, task.batches))
        for task, found in zip(tasks, rates, strict=True)
    ]


def calibrate(data: Path, out: Path, minutes: float) -> None:
    """How many updates of each variant take as long as the base's in ``minutes``."""
    out.mkdir(parents=True, exist_ok=True)
    base = task_for(data, "base")
    seconds = statistics.median(seconds_per_update([base])[0] for _ in range(3))
    updates = {"base": round(60 * minutes / seconds)}
    report("calibration", "base", seconds_an_update=round(seconds, 4), updates=updates["base"])
    for variant, options in VARIANTS.items():
        if all(name.endswith(_FREE) for name in options):
            updates[variant] = updates["base"]
            continue
        own, other = seconds_per_update([task_for(data, variant), base])
        updates[variant] = round(updates["base"] * other / own)
        report(
            "calibration", variant, relative_seconds=round(own / other, 3), updates=updates[variant]
        )
    (out / "updates.json").write_text(json.dumps(updates, indent=1))


def train(data: Path, out: Path, variants: list[str], seed: int) -> None:
    """Train variants without a result, or resume them. Decode the validation set with beam 5."""
    updates = json.loads((out / "updates.json").read_text())
    done = [(row["variant"], row["seed"]) for row in results(out)]
    for variant in variants:
        if (variant, seed) in done:
            continue
        run = out / f"{variant.replace(' ', '_').replace(',', '')}-{seed}"
        options = [*options_of(variant), *seed_options(seed)]
        options += [f"--trainer.max_steps={updates[variant]}"]
        train_run("multi30k.yaml", data, run, options)
        _, scores = scored(run, data / "val", beam_size=5)
        row = {"variant": variant, "seed": seed, "updates": updates[variant], **scores}
        with (out / "results.jsonl").open("a") as file:
            file.write(json.dumps(row) + "\n")


def results(out: Path) -> list[dict[str, Any]]:
    """What has been trained so far."""
    path = out / "results.jsonl"
    return [json.loads(line) for line in path.open()] if path.exists() else []


def tell(out: Path) -> None:
    """Print the results as a table, the base first."""
    rows = results(out)
    rows.sort(key=lambda row: (list(VARIANTS).index(row["variant"]), row["seed"]))
    columns = ("variant", "seed", "updates", "bleu", "chrf")
    table(columns, [[row[name] for name in columns] for row in rows])


def main() -> None:
    parser = parser_of(__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("calibrate", "train"):
        command = commands.add_parser(name)
        command.add_argument("data", type=Path)
        command.add_argument("out", type=Path)
    commands.choices["calibrate"].add_argument("--minutes", type=float, default=10.0)
    commands.choices["train"].add_argument("--variants", nargs="+", choices=list(VARIANTS))
    commands.choices["train"].add_argument("--seed", type=int, default=1)
    commands.add_parser("table").add_argument("out", type=Path)
    options = parser.parse_args()
    if options.command == "calibrate":
        calibrate(options.data, options.out, options.minutes)
    elif options.command == "train":
        train(options.data, options.out, options.variants or list(VARIANTS), options.seed)
    else:
        tell(options.out)


if __name__ == "__main__":
    main()
