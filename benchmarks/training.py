"""Time an update of a configuration: whole, in parts, and against the bound of the machine.

    python benchmarks/training.py DATA
    python benchmarks/training.py DATA --updates 30 --rounds 5 --threads 2 -- \\
        --trainer.precision=32-true --model.network.decoder_layers=1

DATA is a folder with train.* and val.*. Options after ``--`` go to ``seqtext fit``. The same updates
run in turns in two ways. The bare loop is plain PyTorch over the same modules, on batches made
beforehand. The other way is the whole of ``seqtext fit`` with Trainer, callbacks and run folder,
without validation. Reading the batches is timed alone. Then the update runs in parts, each cut off from
the part before it. So forward and backward pass of each part are timed.

The script prints JSON objects, then tables. A piece is a target piece. eos counts, padding does not. A
word is what stands between spaces in the raw target text. machine.py defines the bound.
"""

from __future__ import annotations

import argparse
import itertools
import resource
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch
from common import (
    built,
    configured,
    fit,
    parser_of,
    read,
    report,
    split_arguments,
    table,
    words_a_piece,
)
from machine import Work, flops, rates, training_seconds
from torch import Tensor
from torch.optim import Optimizer

from seqtext.cli.options import FitCLI
from seqtext.data.batch import Batch
from seqtext.data.pairs import PairsDataModule
from seqtext.errors import SeqtextError
from seqtext.nn.attention import Memory
from seqtext.nn.decoder import Decoder, DecoderState
from seqtext.nn.encoder_decoder import EncoderDecoder
from seqtext.nn.recurrent import EncoderOutput
from seqtext.training import optimizer
from seqtext.training.encoder_decoder import EncoderDecoderModule

_WARM = 3  # updates before the first one that counts
_PRECISIONS = {"32-true": "fp32", "32": "fp32", "bf16-mixed": "bf16"}


class Task(NamedTuple):
    """What is trained, without a Trainer."""

    module: EncoderDecoderModule
    optimizer: Optimizer
    batches: list[Batch]  # the first ``_WARM`` of them do not count
    precision: str  # fp32 or bf16
    clip: float

    @property
    def network(self) -> EncoderDecoder:
        """The module's network."""
        assert self.module.network is not None
        return self.module.network

    @property
    def counted(self) -> list[Batch]:
        """The batches that count."""
        return self.batches[_WARM:]

    def autocast(self) -> torch.autocast:
        """As Lightning casts."""
        return torch.autocast("cpu", torch.bfloat16, enabled=self.precision == "bf16")


def task_of(cli: FitCLI, updates: int) -> tuple[Task, PairsDataModule]:
    """The first updates of a training, ready to run, and their data module."""
    trainer = cli.config.trainer
    if str(trainer.precision) not in _PRECISIONS:
        sys.exit(f"training.py: precision {trainer.precision}, expected one of {list(_PRECISIONS)}")
    if trainer.accumulate_grad_batches != 1 or trainer.gradient_clip_algorithm == "value":
        sys.exit("training.py: the bare loop knows no accumulation, and clips by norm alone")
    module, datamodule = built(cli)
    batches = list(itertools.islice(datamodule.train_dataloader(), _WARM + updates))
    if len(batches) < _WARM + updates:
        sys.exit(f"training.py: {len(batches)} updates an epoch; --updates may be {_WARM} fewer")
    adam, _ = optimizer.build(module.optimizer_config, module, updates)
    precision = _PRECISIONS[str(trainer.precision)]
    clip = trainer.gradient_clip_val or torch.inf
    return Task(module, adam, batches, precision, clip), datamodule


# --- the same updates, bare and in a Trainer ------------------------------------------------------------


def counted(stamps: list[float]) -> float:
    """Seconds of an update: from the end of the last warming one to the last end, on average."""
    return (stamps[-1] - stamps[_WARM - 1]) / (len(stamps) - _WARM)


def update(task: Task, batch: Batch) -> None:
    """One update, without a Trainer."""
    with task.autocast():
        loss, tokens = task.module.loss_of(batch)
    (loss / tokens).backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(task.module.parameters(), task.clip)
    task.optimizer.step()
    task.optimizer.zero_grad()


def bare(task: Task) -> float:
    """Seconds of an update in a plain loop."""
    stamps = []
    for batch in task.batches:
        update(task, batch)
        stamps.append(time.perf_counter())
    return counted(stamps)


def trainer(recipe: str, data: Path, options: list[str], updates: int) -> float:
    """Seconds of an update in ``seqtext fit``, on the very batches of ``bare``."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "updates.txt"
        own = ["--run", f"{folder}/run", f"--trainer.max_steps={_WARM + updates}"]
        own += ["--trainer.limit_val_batches=0", "--trainer.callbacks+=common.UpdateLog"]
        fit(recipe, data, [*options, *own, f"--trainer.callbacks.path={log}"])
        return counted([float(line.split()[0]) for line in read(log)[1:]])


def reading(datamodule: PairsDataModule, updates: int) -> float:
    """Seconds in which the batch of an update is made."""
    batches = itertools.islice(datamodule.train_dataloader(), _WARM + updates)
    return counted([time.perf_counter() for _ in batches])


def peak_mib() -> int:
    """The most memory that this process has held so far, resident."""
    unit = 1 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20)


# --- an update in parts ---------------------------------------------------------------------------------


class Parts:
    """Runs an update in parts and adds up the seconds of each, forward and backward.

    The outputs of a part are cut off and become leaves, whose gradients the later parts leave behind for the
    backward pass of this one.
    """

    def __init__(self) -> None:
        self.forward: defaultdict[str, float] = defaultdict(float)
        self.backward: defaultdict[str, float] = defaultdict(float)
        self._tape: list[tuple[str, Sequence[Tensor], list[Tensor]]] = []

    def run(self, name: str, function: Callable[[], Sequence[Tensor]]) -> list[Tensor]:
        """The outputs of ``function``, cut off."""
        with _adding(self.forward, name):
            outputs = function()
        leaves = [out.detach().requires_grad_(out.is_floating_point()) for out in outputs]
        self._tape.append((name, outputs, leaves))
        return leaves

    def run_back(self) -> None:
        """The backward pass of all parts, the last one's output being the loss."""
        [loss] = self._tape[-1][2]
        loss.grad = torch.ones_like(loss)
        while self._tape:
            name, outputs, leaves = self._tape.pop()
            used = [
                (out, leaf.grad)
                for out, leaf in zip(outputs, leaves, strict=True)
                if out.requires_grad and leaf.grad is not None
            ]
            tensors, gradients = zip(*used, strict=True)
            with _adding(self.backward, name):
                torch.autograd.backward(tensors, gradients)

    def run_once(self, name: str, function: Callable[[], object]) -> None:
        """What has no backward pass."""
        with _adding(self.forward, name):
            function()


@contextmanager
def _adding(seconds: defaultdict[str, float], name: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[name] += time.perf_counter() - start


def loss_in_parts(parts: Parts, task: Task, batch: Batch) -> Tensor:
    """What ``EncoderDecoder.forward`` and the loss do."""
    encoder, decoder = task.network.encoder, task.network.decoder
    smoothing = task.module.label_smoothing
    encoded = parts.run("encoder", lambda: encoder(batch.source, batch.source_lengths))
    recurrent, feed, covered, *memory = parts.run(
        "bridge and keys", lambda: _flat(decoder.start(EncoderOutput(*encoded), batch.source))
    )
    state = DecoderState(recurrent, feed, covered, Memory(*memory), batch.source, 0)
    if decoder.feed_size:
        ids = batch.target_input.unsqueeze(1)
        [readout] = parts.run("decoder", lambda: [decoder(ids, state).readout.squeeze(1)])
    else:
        readout = _fused(parts, decoder, batch.target_input, state)
    tokens = (batch.labels >= 0).sum()
    [loss] = parts.run(
        "output layer and loss",
        lambda: [decoder.output.loss(readout, batch.labels, smoothing) / tokens],
    )
    return loss


def _flat(state: DecoderState) -> list[Tensor]:
    return [
        state.recurrent,
        state.feed,
        state.covered,
        *state.memory,
    ]  # the pieces are the batch's own


def _fused(parts: Parts, decoder: Decoder, ids: Tensor, state: DecoderState) -> Tensor:
    """What ``Decoder.forward`` does at once, for one hypothesis."""
    start, memory = state.recurrent.squeeze(1), state.memory  # (B, layers, P, H)
    [embedded] = parts.run("target embedding", lambda: [decoder.embedding(ids)])

    def first() -> list[Tensor]:
        outputs = decoder.bottom(embedded, None, start[:, :1]).outputs
        return [decoder.dropout(decoder.norm(outputs))]

    def attention() -> list[Tensor]:
        context, _ = decoder.attention(bottom.to(memory.keys.dtype), memory)
        return [torch.cat([bottom, context], 2)]

    def upper() -> list[Tensor]:
        assert decoder.upper is not None
        return [decoder.upper(below, None, start[:, 1:]).outputs]

    def readout() -> list[Tensor]:
        inputs = torch.cat([*top, below], 2) if top else below
        return [decoder.dropout(torch.tanh(decoder.readout(inputs)))]

    [bottom] = parts.run("first decoder layer", first)
    [below] = parts.run("attention", attention)
    top = parts.run("upper decoder layers", upper) if decoder.upper is not None else []
    return parts.run("readout", readout)[0]


def update_in_parts(parts: Parts, task: Task, batch: Batch) -> None:
    """A whole update. Code outside the parts is not timed."""
    parameters = list(task.module.parameters())

    def step() -> None:
        task.optimizer.step()
        task.optimizer.zero_grad()

    with task.autocast():
        loss_in_parts(parts, task, batch)
    parts.run_back()
    parts.run_once("clipping", lambda: torch.nn.utils.clip_grad_norm_(parameters, task.clip))
    parts.run_once("optimizer", step)


def breakdown(task: Task, rounds: int) -> dict[str, tuple[float, float]]:
    """Milliseconds of every part of an update, forward and backward: the median of several rounds."""
    agree(task)
    found = []
    for _ in range(rounds):
        warming, parts = Parts(), Parts()
        for index, batch in enumerate(task.batches):
            update_in_parts(warming if index < _WARM else parts, task, batch)
        found.append(parts)
    scale = 1000 / len(task.counted)
    return {
        name: (
            scale * statistics.median(parts.forward[name] for parts in found),
            scale * statistics.median(parts.backward[name] for parts in found),
        )
        for name in found[0].forward
    }


def agree(task: Task) -> None:
    """End where the parts do not compute what the whole does: loss, and norm of all gradients.

    On eight sentences, with the same dropout.
    """
    batch = Batch(*(part[:8] for part in task.batches[0]))

    def whole() -> Tensor:
        with task.autocast():
            loss, tokens = task.module.loss_of(batch)
        mean = loss / tokens
        mean.backward()  # type: ignore[no-untyped-call]
        return mean

    def in_parts() -> Tensor:
        parts = Parts()
        with task.autocast():
            loss = loss_in_parts(parts, task, batch)
        parts.run_back()
        return loss

    found = []
    for update in (whole, in_parts):
        torch.manual_seed(1)
        loss = update().detach()
        norm = torch.nn.utils.clip_grad_norm_(task.module.parameters(), torch.inf)
        task.optimizer.zero_grad()
        found.append(torch.stack([loss, norm]))
    one, other = found
    if not torch.allclose(one, other, rtol=1e-2 if task.precision == "bf16" else 1e-4):
        sys.exit(f"training.py: loss and gradient norm are {one}, in parts {other}")


# --- what it is worth -----------------------------------------------------------------------------------


def work_of(batches: list[Batch]) -> Work:
    """What the batches hold, padding left out."""
    source = [batch.source_lengths for batch in batches]
    target = [(batch.labels >= 0).sum(1) for batch in batches]
    return Work(
        sum(map(len, source)),
        sum(int(lengths.sum()) for lengths in source),
        sum(int(lengths.sum()) for lengths in target),
        sum(int((one * other).sum()) for one, other in zip(source, target, strict=True)),
    )


def described(task: Task, options: list[str]) -> dict[str, Any]:
    """All that names the configuration and the batches."""
    work, batches = work_of(task.counted), task.counted
    network, tokenizers, updates = task.network, task.module.tokenizers, len(batches)
    source_size = sum(batch.source.numel() for batch in batches)
    target_size = sum(batch.labels.numel() for batch in batches)
    assert tokenizers is not None
    return {
        "options": options,
        "precision": task.precision,
        "network": vars(network.config),
        "source_vocabulary": tokenizers.source.vocab_size,
        "target_vocabulary": tokenizers.target.vocab_size,
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "optimizer": type(task.optimizer).__name__,
        "updates": updates,
        "pairs_an_update": round(work.pairs / updates, 1),
        "source_pieces_an_update": round(work.source_pieces / updates, 1),
        "target_pieces_an_update": round(work.target_pieces / updates, 1),
        "source_padding": round(1 - work.source_pieces / source_size, 4),
        "target_padding": round(1 - work.target_pieces / target_size, 4),
    }


# what ``flops`` tells apart and ``loss_in_parts`` cannot
_WITHIN = {
    "decoder": ("first decoder layer", "attention", "upper decoder layers", "readout"),
    "output layer and loss": ("output layer",),
}


class Bound(NamedTuple):
    """Seconds that an update would take at the best rate of matrix products, by part."""

    gflops: float
    parts: dict[str, float]

    @property
    def seconds(self) -> float:
        """Of the whole update."""
        return sum(self.parts.values())


def bound_of(task: Task, timed: Collection[str]) -> Bound:
    """The bound on the task's updates, on this machine as it is now, for the parts that were timed."""
    assert task.module.tokenizers is not None
    gflops = rates()[task.precision]
    vocabulary = task.module.tokenizers.target.vocab_size
    forward = flops(task.network.config, vocabulary, work_of(task.counted))
    parts = {
        part: training_seconds({part: count}, gflops) / len(task.counted)
        for part, count in forward.items()
    }
    for whole, within in _WITHIN.items():
        if whole in timed:
            parts[whole] = sum(parts.pop(part) for part in within)
    return Bound(gflops, parts)


# --- what is printed --------------------------------------------------------------------------------------


def tell_speed(
    task: Task, bound: Bound, seconds: dict[str, list[float]], words: float, **more: Any
) -> None:
    """Print the speed of the bare loop and of the Trainer."""
    middle = {name: statistics.median(rounds) for name, rounds in seconds.items()}
    pieces = work_of(task.counted).target_pieces / len(task.counted)
    overhead = middle["trainer"] / (middle["bare"] + middle["reading"]) - 1
    figures: dict[str, Any] = {}
    rows: list[list[object]] = []
    for name, one in (*middle.items(), ("bound", bound.seconds)):
        if name != "reading":
            speed, share = pieces / one, bound.seconds / one
            rows.append([name, f"{1000 * one:.1f}", f"{speed:,.0f}", f"{words * speed:,.0f}"])
            rows[-1].append(f"{share:.0%}")
            figures[f"{name}_pieces_per_second"] = round(speed)
            figures[f"{name}_words_per_second"] = round(words * speed)
            figures[f"{name}_percent_of_bound"] = round(100 * share, 1)
    report(
        "training",
        more.pop("recipe"),
        **more,
        **figures,
        **{f"{name}_ms_an_update": _rounded(rounds) for name, rounds in seconds.items()},
        lightning_overhead_percent=round(100 * overhead, 2),
        words_a_piece=round(words, 4),
        bound_gflops=round(bound.gflops, 1),
    )
    table(["", "ms an update", "pieces/s", "words/s", "share of the bound"], rows)
    print(
        f"\nReading a batch takes {1000 * middle['reading']:.1f} ms. Lightning's overhead over both:"
        f" {overhead:.1%}. The bound is at {bound.gflops:.0f} GFLOP/s."
    )


def _rounded(seconds: list[float]) -> list[float]:
    return [round(1000 * one, 2) for one in seconds]


def tell_parts(found: dict[str, tuple[float, float]], bound: Bound) -> None:
    """Print where the time of an update goes."""
    whole = sum(map(sum, found.values()))
    forward, backward = (sum(column) for column in zip(*found.values(), strict=True))
    rows = []
    for name, (ahead, back) in {**found, "all": (forward, backward)}.items():
        both = ahead + back
        least = 1000 * (bound.seconds if name == "all" else bound.parts.get(name, 0.0))
        columns = [f"{ahead:.1f}", f"{back:.1f}", f"{both:.1f}", f"{both / whole:.1%}"]
        columns += [f"{least:.1f}", f"{least / both:.0%}"] if least else ["", ""]
        rows.append([name, *columns])
    figures = {
        name: {
            "forward_ms": round(ahead, 2),
            "backward_ms": round(back, 2),
            "bound_ms": round(1000 * bound.parts.get(name, 0.0), 2),
        }
        for name, (ahead, back) in found.items()
    }
    for name, milliseconds in figures.items():
        report("an update in parts", name, **milliseconds)
    table(["part", "forward ms", "backward ms", "both", "share", "bound ms", "of the bound"], rows)


def arguments() -> tuple[argparse.Namespace, list[str]]:
    """Our own options, and those of ``fit``."""
    parser = parser_of(__doc__)
    parser.add_argument("data", type=Path, help="folder with train.* and val.*")
    parser.add_argument("--recipe", default="multi30k.yaml", help="in recipes/translation")
    parser.add_argument("--updates", type=int, default=60, help="that count")
    parser.add_argument("--rounds", type=int, default=3, help="of all of them; the median is told")
    parser.add_argument("--threads", type=int, help="default: torch's")
    own, of_fit = split_arguments()
    return parser.parse_args(own), of_fit


def main() -> None:
    own, options = arguments()
    torch.set_flush_denormal(True)
    if own.threads:
        torch.set_num_threads(own.threads)
    options = ["--trainer.accelerator=cpu", *options]
    try:
        task, datamodule = task_of(configured(own.recipe, own.data, options), own.updates)
    except SeqtextError as error:
        sys.exit(f"training.py: {error}")
    config = task.network.config
    if config.copying or config.cell == "transformer":
        sys.exit("training.py: recurrent networks without copying alone can be timed in parts")
    seconds: dict[str, list[float]] = {"bare": [], "reading": [], "trainer": []}
    peak: dict[str, int] = {}
    for turn in range(own.rounds):
        runs = {
            "bare": lambda: bare(task),
            "reading": lambda: reading(datamodule, own.updates),
            "trainer": lambda: trainer(own.recipe, own.data, options, own.updates),
        }
        for name in reversed(runs) if turn % 2 else runs:
            seconds[name].append(runs[name]())
            peak.setdefault(name, peak_mib())
    parts = breakdown(task, own.rounds)
    bound = bound_of(task, parts)
    assert datamodule.tokenizers is not None
    texts = [target for _, target in datamodule.corpora["train"][0].rows()]
    words = words_a_piece(texts, datamodule.tokenizers.target.encode(texts))
    more = {"recipe": own.recipe, **described(task, options)}
    more |= {"peak_mib_bare": peak["bare"], "peak_mib_both": peak["trainer"]}
    tell_speed(task, bound, seconds, words, **more)
    tell_parts(parts, bound)


if __name__ == "__main__":
    main()
