"""Measure all that needs a GPU, in one command: see gpu.md.

    python benchmarks/gpu.py
    python benchmarks/gpu.py --multi30k DATA --banking77 DATA
    python benchmarks/gpu.py --only kernels search

The script prints one JSON object a measurement. If a part fails, the others still run and the exit
status is 1.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import statistics
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from common import RECIPES, in_turns, parser_of, report, timed
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import seqtext
from seqtext.grammar import pairs
from seqtext.nn import loss
from seqtext.nn.cells.fused import LSTM
from seqtext.nn.cells.registry import load_cell
from seqtext.nn.recurrent import RecurrentStack
from seqtext.search import beam

_ROUNDS = 9


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--only", nargs="+", choices=PARTS, help="default: all there is data for")
    parser.add_argument(
        "--multi30k", type=Path, help="folder with train.*, val.*: train the recipe"
    )
    parser.add_argument("--banking77", type=Path, help="folder with train.jsonl, test.jsonl")
    parser.add_argument("--updates", type=int, default=1000, help="of each training")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit("gpu.py: no CUDA device here")
    data = {"classifier": options.banking77, "multi30k": options.multi30k}
    chosen = options.only or [name for name in PARTS if data.get(name, True)]
    for name in chosen:
        if data.get(name, True) is None:
            parser.error(f"{name}: of what? Name its folder; see --help")
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        for name in chosen:
            try:
                PARTS[name](Path(folder), options)
            except (Exception, SystemExit):
                traceback.print_exc()
                failed = True
    sys.exit(failed)


# --- kernels ----------------------------------------------------------------------------------------------


def milliseconds(**calls: Callable[[], object]) -> dict[str, float]:
    """Milliseconds of each call. See ``in_turns``."""
    seconds = in_turns(calls, _ROUNDS)
    return {f"{name}_ms": round(1000 * median, 3) for name, median in seconds.items()}


def kernels(folder: Path, options: argparse.Namespace) -> None:
    """The choices that were made for a CPU: padded directions, one step of a cell, parts of the loss."""
    for cell, precision in itertools.product(("lstm", "gru"), ("fp32", "bf16")):
        report(
            "kernels",
            f"two directions, 64 x 30 x 256, {cell}, {precision}, forward and backward",
            **directions(cell, precision),
        )
    for rows in (1, 320):
        report("kernels", f"one step of a cell, {rows} x 512", **steps(rows))
    for vocabulary in (8_000, 32_000):
        for parts in (1 << 23, 1 << 24, 1 << 26, 1 << 28):
            found = losses(vocabulary, parts)
            report(
                "kernels",
                f"output layer and loss, 16,384 rows, {vocabulary} pieces, {parts} logits at a time",
                **found,
            )


def directions(cell: str, precision: str) -> dict[str, float]:
    """Each padded, reversed by an index, beside cuDNN's own on packed rows."""
    inputs = torch.randn(64, 30, 256, device="cuda")
    lengths = torch.randint(15, 31, (64,))
    lengths[0] = 30
    on_device = lengths.cuda()
    stack = RecurrentStack(load_cell(cell), 256, 256, bidirectional=True).cuda()
    kind = nn.LSTM if cell == "lstm" else nn.GRU
    whole = kind(256, 256, batch_first=True, bidirectional=True).cuda()

    def padded() -> None:
        with torch.autocast("cuda", torch.bfloat16, enabled=precision == "bf16"):
            outputs = stack(inputs, on_device).outputs
        outputs.float().square().mean().backward()

    def packed() -> None:
        with torch.autocast("cuda", torch.bfloat16, enabled=precision == "bf16"):
            rows = pack_padded_sequence(inputs, lengths, batch_first=True, enforce_sorted=False)
            outputs, _ = pad_packed_sequence(whole(rows)[0], batch_first=True)
        outputs.float().square().mean().backward()

    return milliseconds(padded=padded, packed=packed)


@torch.no_grad()
def steps(rows: int) -> dict[str, float]:
    """As products and elementwise operations, and by PyTorch's own module and function."""
    lstm = LSTM(512, 512).cuda()
    inputs = torch.randn(rows, 512, device="cuda")
    state = torch.randn(rows, 2, 512, device="cuda")
    weights = (lstm.weight_ih_l0, lstm.weight_hh_l0, lstm.bias_ih_l0, lstm.bias_hh_l0)
    parts = [part.transpose(0, 1).contiguous() for part in state.split(1, 1)]

    def products() -> None:
        projected = nn.functional.linear(inputs, weights[0], weights[2])
        lstm.step(projected, nn.functional.linear(state[:, 0], weights[1], weights[3]), state)

    return milliseconds(
        products=products,
        module=lambda: lstm(inputs.unsqueeze(1), tuple(parts)),
        function=lambda: torch.lstm_cell(inputs, [part[0] for part in parts], *weights),
    )


def losses(vocabulary: int, parts: int) -> dict[str, float]:
    """Time of loss and gradients with ``parts`` logits at a time, and the memory they add."""
    readout = torch.randn(16_384, 512, device="cuda", requires_grad=True)
    weight = torch.randn(vocabulary, 512, device="cuda", requires_grad=True)
    bias = torch.zeros(vocabulary, device="cuda", requires_grad=True)
    labels = torch.randint(vocabulary, (16_384,), device="cuda")

    def run() -> None:
        with torch.autocast("cuda", torch.bfloat16):
            loss.smoothed_nll(readout, weight, bias, labels, vocabulary, 0.1).backward()

    usual = loss._CHUNK_ELSEWHERE
    loss._CHUNK_ELSEWHERE = parts
    try:
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        found = milliseconds(loss_and_gradients=run)
        return {**found, "mib": round((torch.cuda.max_memory_allocated() - before) / 2**20)}
    finally:
        loss._CHUNK_ELSEWHERE = usual


# --- training -----------------------------------------------------------------------------------------------


def fit_command(recipe: str, run: Path, *options: str) -> list[str]:
    """``seqtext fit`` with a recipe."""
    command = [sys.executable, "-m", "seqtext", "fit", "--config", str(RECIPES / recipe)]
    return [*command, "--run", str(run), *options]


def column(run: Path, name: str) -> list[float]:
    """Of metrics.csv."""
    with (run / "metrics.csv").open() as file:
        return [float(row[name]) for row in csv.DictReader(file) if row.get(name)]


def training(folder: Path, options: argparse.Namespace) -> None:
    """The built-in recipe: precisions, cells, input feeding, larger updates."""
    short = f"--trainer.max_steps={options.updates}"
    variants = [
        ("lstm", "32-true", ()),
        ("lstm", "bf16-mixed", ()),
        ("gru", "32-true", ()),
        ("gru", "bf16-mixed", ()),
        ("lstm", "bf16-mixed", ("--data.batch_tokens=4800",)),
        ("lstm", "bf16-mixed", ("--model.network.input_feeding=true",)),
        ("transformer", "bf16-mixed", ("--model.network.decoder_layers=1",)),
    ]
    for number, (cell, precision, more) in enumerate(variants):
        run = folder / f"builtin-{number}"
        own = [f"--model.network.cell={cell}", f"--trainer.precision={precision}", short, *more]
        seconds, _ = timed(fit_command("translation/builtin.yaml", run, *own))
        report(
            "training",
            f"built-in recipe, {cell}, {precision}, {' '.join(more) or 'as it is'}",
            seconds=round(seconds, 1),
            target_pieces_per_second=round(column(run, "target_pieces_per_second")[-1]),
            val_loss=column(run, "val_loss")[-1],
        )


def trained(folder: Path, options: argparse.Namespace) -> Path:
    """The built-in recipe as it is, by part ``training`` or now."""
    run = folder / "builtin-0"
    if not run.exists():
        short = f"--trainer.max_steps={options.updates}"
        timed(fit_command("translation/builtin.yaml", run, short))
    return run


def resuming(folder: Path, options: argparse.Namespace) -> None:
    """A run goes on under ddp with NCCL."""
    fit = [sys.executable, "-m", "seqtext", "fit", "--resume", str(trained(folder, options))]
    more = [f"--trainer.max_steps={2 * options.updates}", "--trainer.strategy=ddp"]
    seconds, _ = timed([*fit, *more, "--trainer.devices=1"])
    report(
        "resuming",
        "resumed for as many updates, with ddp and NCCL on one device",
        seconds=round(seconds, 1),
    )


def classifier(folder: Path, options: argparse.Namespace) -> None:
    """Banking77, with the recipe's cell and with a Transformer."""
    for cell in ("lstm", "transformer"):
        run = folder / f"classifier-{cell}"
        own = [f"--data.train={options.banking77 / 'train.jsonl'}", f"--model.network.cell={cell}"]
        own += [f"--trainer.max_steps={options.updates}"]
        seconds, _ = timed(fit_command("classification/banking77.yaml", run, *own))
        report(
            "training",
            f"Banking77, {cell}",
            seconds=round(seconds, 1),
            texts_per_second=round(column(run, "texts_per_second")[-1]),
        )


def multi30k(folder: Path, options: argparse.Namespace) -> None:
    """The recipe for Multi30k."""
    run = folder / "multi30k"
    own = [
        f"--trainer.max_steps={options.updates}",
        f"--data.train={options.multi30k / 'train'}",
        f"--data.validation={options.multi30k / 'val'}",
    ]
    seconds, _ = timed(fit_command("translation/multi30k.yaml", run, *own))
    report(
        "training",
        "multi30k.yaml",
        seconds=round(seconds, 1),
        target_pieces_per_second=round(statistics.median(column(run, "target_pieces_per_second"))),
    )


# --- search -----------------------------------------------------------------------------------------------


@contextmanager
def looking_every(steps: int) -> Iterator[None]:
    """Ask which sentences are finished so often."""
    usual = beam.look_now
    beam.look_now = lambda step, device: step % steps == 0
    try:
        yield
    finally:
        beam.look_now = usual


def search(folder: Path, options: argparse.Namespace) -> None:
    """Decode on GPU and CPU. Almost all lines must agree, because only the last bits differ."""
    run = trained(folder, options)
    sources = [english for english, _ in pairs("test", 1000)]
    translator = seqtext.load(run, device="cuda")
    translator.generate(sources[:64])

    def seconds(size: int) -> float:
        start = time.perf_counter()
        translator.generate(sources, beam_size=size)
        return round(time.perf_counter() - start, 2)

    for often in (1, 2, 4, 8, 16):
        with looking_every(often):
            found = sorted(seconds(5) for _ in range(3))
        report("decoding", f"1,000 sentences, beam 5, looked every {often} steps", seconds=found[1])
    texts = {}
    for place in ("cpu", "cuda"):
        of_place = seqtext.load(run, device=place)
        texts[place] = [best.text for [best] in of_place.generate(sources)]
    same = sum(one == other for one, other in zip(texts["cpu"], texts["cuda"], strict=True))
    report("decoding", "beam 5 on CPU and GPU, lines alike of 1,000", same=same)


PARTS: dict[str, Callable[[Path, argparse.Namespace], None]] = {
    "kernels": kernels,
    "training": training,
    "resuming": resuming,
    "search": search,
    "classifier": classifier,
    "multi30k": multi30k,
}


if __name__ == "__main__":
    main()
