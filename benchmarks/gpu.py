"""All that waits for a GPU, in one command: see gpu.md. Prints one JSON object a measurement."""

from __future__ import annotations

import csv
import itertools
import sys
import tempfile
from pathlib import Path

import torch
from common import report, timed

import seqtext
from seqtext.data.builtin import pairs

RECIPE = Path(__file__).resolve().parent.parent / "recipes/translation/builtin.yaml"


def main() -> None:
    if not torch.cuda.is_available():
        sys.exit("gpu.py: no CUDA device here")
    device = torch.cuda.get_device_name()
    fit = [sys.executable, "-m", "seqtext", "fit", "--config", str(RECIPE)]
    with tempfile.TemporaryDirectory() as folder:
        for cell, precision in itertools.product(("lstm", "gru"), ("32-true", "bf16-mixed")):
            run = Path(folder) / f"{cell}-{precision}"
            options = [f"--model.network.cell={cell}", f"--trainer.precision={precision}"]
            seconds, _ = timed([*fit, *options, "--run", str(run), "--trainer.max_epochs=2"])
            with (run / "metrics.csv").open() as file:
                rows = list(csv.DictReader(file))
            report(
                f"builtin recipe, 2 epochs, {cell}, {precision}",
                device=device,
                seconds=round(seconds, 1),
                target_pieces_per_second=int(rows[-1]["target_pieces_per_second"]),
                val_loss=float(rows[-1]["val_loss"]),
            )
        run = Path(folder) / "lstm-32-true"
        seconds, _ = timed([*fit[:4], "--resume", str(run), "--trainer.max_epochs=3"])
        report("resume for a third epoch", device=device, seconds=round(seconds, 1))
        compare_devices(run, device)


def compare_devices(run: Path, device: str) -> None:
    """Decode on both; almost all lines must be the same, since only the last bits differ."""
    sources = [english for english, _ in pairs("test", 1000)]
    texts = {}
    for place in ("cpu", "cuda"):
        translator = seqtext.load(run, device=place)
        translator.generate(sources[:64])
        found = translator.generate(sources)
        texts[place] = [best.text for [best] in found]
    same = sum(one == other for one, other in zip(texts["cpu"], texts["cuda"], strict=True))
    report("beam 5 on CPU and GPU, lines alike of 1,000", device=device, same=same)


if __name__ == "__main__":
    main()
