"""Time an update of a recipe: in a bare loop, in ``seqtext fit``, and against the bound of the machine.

    python -m benchmarks train -- --data.train=DATA/train --data.validation=DATA/val
    python -m benchmarks train --recipe translation/builtin.yaml --updates 30 --threads 2 -- \\
        --trainer.precision=32-true --model.network.decoder_layers=1

Options after ``--`` go to ``seqtext fit``. The bare loop is plain PyTorch over the same network, on
batches made beforehand. Then the same updates run in the Trainer, with callbacks and run folder, without
validation. Reading the batches is timed alone. All three take turns in every round.

The command prints a JSON object, then a table. A piece is a target piece. eos counts, padding does not.
The bound is the time of the matrix products (``bound.py``). It is left out for transformers, for copying
and on a GPU.
"""

from __future__ import annotations

import itertools
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from benchmarks.bound import Work, flops, rates, training_seconds
from benchmarks.common import (
    Row,
    fit_command,
    log_options,
    parser_of,
    pieces,
    read_updates,
    report,
    split_arguments,
    table,
    use_threads,
)
from seqtext.cli import main as seqtext
from seqtext.data.batch import Batch
from seqtext.data.pairs import PairsDataModule
from seqtext.nn.cells.registry import CELLS
from seqtext.training.encoder_decoder import EncoderDecoderModule

_WARM = 3  # updates before the first one that counts


class BareLoop(Callback):
    """Before training, makes the same updates without the Trainer and times them.

    Args:
        updates: That count.
    """

    rounds: ClassVar[list[dict[str, float]]] = []  # seconds of an update
    described: ClassVar[Row] = {}
    bound: ClassVar[float | None] = None  # seconds of an update
    gflops: ClassVar[dict[str, float]] = {}  # rates of this machine, measured once

    def __init__(self, updates: int) -> None:
        self.updates = updates

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Time reading and the bare loop, and describe both."""
        data = trainer.datamodule  # type: ignore[attr-defined]
        if not isinstance(pl_module, EncoderDecoderModule) or not isinstance(data, PairsDataModule):
            sys.exit("benchmarks train: trains encoder-decoders only")
        batches: list[Batch] = []
        reading = seconds_of(self._read(data, batches))
        on_device = [trainer.strategy.batch_to_device(batch) for batch in batches]
        bare = seconds_of(_update(trainer, pl_module, on_device))
        self.rounds.append({"bare": bare, "reading": reading})
        self._describe(trainer, pl_module, batches[_WARM:])

    def _read(self, data: PairsDataModule, batches: list[Batch]) -> Iterator[None]:
        for batch in itertools.islice(data.train_dataloader(), _WARM + self.updates):
            assert isinstance(batch, Batch)
            batches.append(batch)
            yield
        if len(batches) < _WARM + self.updates:
            sys.exit(f"benchmarks train: an epoch has only {len(batches)} updates; lower --updates")

    def _describe(
        self, trainer: Trainer, module: EncoderDecoderModule, batches: list[Batch]
    ) -> None:
        """What was measured, and the bound on it."""
        network, work, count = module.network, work_of(batches), len(batches)
        assert network is not None and module.tokenizers is not None
        vocabulary = module.tokenizers.target.vocab_size
        BareLoop.described = {
            "precision": str(trainer.precision),
            "network": vars(network.config),
            "target_vocabulary": vocabulary,
            "parameters": sum(parameter.numel() for parameter in network.parameters()),
            "updates": count,
            "pairs_an_update": round(work.pairs / count, 1),
            "source_pieces_an_update": round(work.source_pieces / count, 1),
            "target_pieces_an_update": round(work.target_pieces / count, 1),
            "target_padding": round(
                1 - work.target_pieces / sum(b.labels.numel() for b in batches), 4
            ),
        }
        config = network.config
        if module.device.type == "cpu" and config.cell in CELLS and not config.copying:
            BareLoop.gflops = BareLoop.gflops or rates()
            rate = BareLoop.gflops["bf16" if "bf16" in str(trainer.precision) else "fp32"]
            forward = flops(config, vocabulary, work)
            BareLoop.bound = training_seconds(forward, rate) / count


def seconds_of(updates: Iterator[None]) -> float:
    """Seconds of an update, from the end of the last warming one on."""
    for number, _ in enumerate(updates, 1):
        if number == _WARM:
            start = _now()
    return (_now() - start) / (number - _WARM)


def _now() -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def _update(trainer: Trainer, module: EncoderDecoderModule, batches: list[Batch]) -> Iterator[None]:
    """One update after another, in plain PyTorch."""
    assert module.network is not None
    optimizer, clip = trainer.optimizers[0], trainer.gradient_clip_val or torch.inf
    for batch in batches:
        with trainer.precision_plugin.train_step_context():
            loss = module.network.loss(*batch, module.label_smoothing, module.coverage_loss)
        (loss / (batch.labels >= 0).sum()).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(module.parameters(), clip)
        optimizer.step()
        optimizer.zero_grad()
        yield


def work_of(batches: list[Batch]) -> Work:
    """What the batches hold, padding left out."""
    source = [batch.source_lengths for batch in batches]
    target = [(batch.labels >= 0).sum(1) for batch in batches]
    return Work(
        sum(map(len, source)),
        sum(int(lengths.sum()) for lengths in source),
        sum(map(pieces, batches)),
        sum(int((a * b).sum()) for a, b in zip(source, target, strict=True)),
    )


def measure(recipe: str, options: list[str], updates: int) -> None:
    """One round: the Trainer's seconds join those of ``BareLoop``."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "updates")
        own = [f"--run={folder}/run", f"--trainer.max_steps={_WARM + updates}"]
        own += ["--trainer.limit_val_batches=0", *log_options(log)]
        own += ["--trainer.callbacks+=benchmarks.train.BareLoop"]
        own += [f"--trainer.callbacks.updates={updates}"]
        _, _, *fit = fit_command(recipe)
        if status := seqtext([*map(str, fit), *options, *own]):
            sys.exit(status)
        ends, _, _ = read_updates(log)
    BareLoop.rounds[-1]["trainer"] = (ends[-1] - ends[_WARM]) / updates


def main(arguments: Sequence[str]) -> None:
    own, of_fit = split_arguments(arguments)
    parser = parser_of(__doc__)
    parser.add_argument("--recipe", default="translation/multi30k.yaml", help="in recipes/")
    parser.add_argument("--updates", type=int, default=60, help="that count")
    parser.add_argument("--rounds", type=int, default=3, help="medians are reported")
    parser.add_argument("--threads", type=int, help="default: torch's")
    options = parser.parse_args(own)
    use_threads(options.threads or torch.get_num_threads())
    for _ in range(options.rounds):
        measure(options.recipe, of_fit, options.updates)
    seconds = {
        name: statistics.median(turn[name] for turn in BareLoop.rounds)
        for name in BareLoop.rounds[0]
    }
    overhead = seconds["trainer"] / (seconds["bare"] + seconds["reading"]) - 1
    if BareLoop.bound is not None:
        seconds["bound"] = BareLoop.bound
    count = BareLoop.described["target_pieces_an_update"]
    assert isinstance(count, float)
    rows: list[Row] = [
        {
            "name": name,
            "ms_an_update": round(1000 * value, 2),
            "pieces_per_second": round(count / value),
        }
        for name, value in seconds.items()
    ]
    figures = {f"{row['name']}_{key}": row[key] for row in rows for key in row if key != "name"}
    report(
        "training",
        options.recipe,
        **BareLoop.described,
        options=of_fit,
        **figures,
        overhead_percent=round(100 * overhead, 2),
    )
    table(rows)
