"""Compare all recurrent cells on the same tasks, and write a report.

    python recipes/cells/compare.py --out runs/cells
    python recipes/cells/compare.py --out runs/cells --banking77 banking77 --seeds 1 2 3
    python recipes/cells/compare.py --out runs/cells --cells LSTM GRU --tasks adding copying --lags 50 100

Two tasks measure memory, with growing lags. In the adding problem, the output is the sum of two marked
numbers (Hochreiter & Schmidhuber 1997, section 5.4). In copying, the outputs are three symbols that were
read before the lag (Arjovsky et al. 2016).

Two tasks are text. One is translation of the built-in grammar. The other is intents of Banking77, if
--banking77 names a folder with train.jsonl and test.jsonl.

OUT/results.jsonl has the results. A result in it is not measured again. OUT/report.md and its pictures are
made from it.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import json
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import seqtext
from seqtext.nn.config import EncoderConfig
from seqtext.nn.encoder import stack_of
from seqtext.nn.start import initialize

CELLS: dict[str, dict[str, Any]] = {
    "tanh RNN": {"cell": "rnn_tanh"},
    "tanh RNN, orthogonal": {"cell": "rnn_tanh", "recurrent_start": "orthogonal"},
    "ReLU RNN, identity": {"cell": "rnn_relu", "recurrent_start": "identity"},
    "LSTM": {"cell": "lstm"},
    "GRU": {"cell": "gru"},
    "minGRU": {"cell": "min_gru"},
    "minLSTM": {"cell": "min_lstm"},
    "SRU": {"cell": "sru"},
    "SSRU": {"cell": "ssru"},
    "Transformer": {"cell": "transformer"},
}
GATED = ("LSTM", "GRU", "minGRU", "minLSTM", "SRU", "SSRU")
TASKS = ("adding", "copying", "translation", "classification")
SYMBOLS, SAID = 8, 3  # of the copying task: kinds, and how many are to be said again
_SIZE, _LAYERS, _BATCH = 64, 2, 50  # of the networks of the two tasks of memory
_FORGET_BIAS = 5.0  # there, of the gated cells: at first 99.3 % of the state is kept a step
_RATE, _RATE_GATED = 0.002, 0.005  # each is the better one of the two for these cells
_LOOK_EVERY, _HELD_OUT = 100, 500  # updates, and test sequences
_CLOSE = 0.04  # what an answer to the adding problem may be off, of sums from 0 to 2
RECIPES = Path(__file__).parent.parent
Row = dict[str, Any]


# --- tasks of memory ------------------------------------------------------------------------------------


class Reader(nn.Module):
    """Inputs (B, T, I) -> the stack's outputs -> (B, T, O)."""

    def __init__(self, options: dict[str, Any], inputs: int, outputs: int) -> None:
        super().__init__()
        config = EncoderConfig(
            embedding_size=_SIZE,
            hidden_size=_SIZE,
            encoder_layers=_LAYERS,
            bidirectional=options["cell"] == "transformer",  # which has but one way to read
            dropout=0.0,
            init_scale=1.0,  # PyTorch's own
            **options,
        )
        self.input = nn.Linear(inputs, _SIZE)
        self.stack = stack_of(config)
        self.output = nn.Linear(_SIZE, outputs)
        initialize(self, config)

    def forward(self, inputs: Tensor) -> Tensor:
        lengths = torch.full((len(inputs),), inputs.size(1))
        outputs: Tensor = self.output(self.stack(self.input(inputs), lengths).outputs)
        return outputs


def adding(count: int, lag: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Numbers from 0 to 1, two of them marked, ``lag`` apart: (count, lag + 10, 2), and the sums.

    Where the first one stands is drawn from the first ten positions.
    """
    length = lag + 10
    numbers = torch.rand(count, length, generator=generator)
    first = torch.randint(10, (count,), generator=generator)
    marks = torch.zeros(count, length)
    rows = torch.arange(count)
    marks[rows, first] = marks[rows, first + lag] = 1
    return torch.stack([numbers, marks], 2), numbers[rows, first] + numbers[rows, first + lag]


def copying(count: int, lag: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Symbols, blanks, and a sign for each symbol to be said: one-hot inputs, and the symbols."""
    symbols = torch.randint(SYMBOLS, (count, SAID), generator=generator)
    blanks = torch.full((count, lag), SYMBOLS)
    signs = torch.full((count, SAID), SYMBOLS + 1)
    ids = torch.cat([symbols, blanks, signs], 1)
    return F.one_hot(ids, SYMBOLS + 2).float(), symbols


def adding_loss(outputs: Tensor, sums: Tensor) -> tuple[Tensor, Tensor]:
    """Mean squared error of the last output, and whether each row is right."""
    error = outputs[:, -1, 0] - sums
    return error.square().mean(), (error.abs() < _CLOSE).float()


def copying_loss(outputs: Tensor, symbols: Tensor) -> tuple[Tensor, Tensor]:
    """Cross-entropy of the last outputs, and whether each symbol is right."""
    said = outputs[:, -SAID:]
    loss = F.cross_entropy(said.flatten(0, 1), symbols.flatten())
    return loss, (said.argmax(2) == symbols).float()


MEMORY: dict[str, tuple[Any, Any, int, int]] = {  # sequences, loss, widths of inputs and outputs
    "adding": (adding, adding_loss, 2, 1),
    "copying": (copying, copying_loss, SYMBOLS + 2, SYMBOLS),
}


def remember(task: str, cell: str, lag: int, seed: int, updates: int) -> Row:
    """Train on fresh sequences until all answers are right, at most ``updates``. Return the result."""
    make, loss_of, inputs, outputs = MEMORY[task]
    torch.manual_seed(seed)
    more = {"forget_bias": _FORGET_BIAS} if cell in GATED else {}
    network = Reader({**CELLS[cell], **more}, inputs, outputs)
    optimizer = torch.optim.Adam(network.parameters(), _RATE_GATED if more else _RATE)
    generator = torch.Generator().manual_seed(seed)
    held_out = make(_HELD_OUT, lag, torch.Generator().manual_seed(0))
    some = make(16, lag, torch.Generator().manual_seed(0))[0]
    before = distances(network, some)
    times: list[float] = []
    largest, right, done, diverged = 0.0, 0.0, 0, False
    for done in range(1, updates + 1):
        start = time.perf_counter()
        sequences, answers = make(_BATCH, lag, generator)
        loss, _ = loss_of(network(sequences), answers)
        optimizer.zero_grad()
        loss.backward()
        norm = float(nn.utils.clip_grad_norm_(network.parameters(), 1.0))
        if diverged := not math.isfinite(norm):
            break
        largest = max(largest, norm)
        optimizer.step()
        times.append(time.perf_counter() - start)
        if done % _LOOK_EVERY == 0 or done == updates:
            with torch.no_grad():
                right = float(loss_of(network(held_out[0]), held_out[1])[1].mean())
            if right > 0.995:
                break
    speed = {"ms_an_update": round(1000 * statistics.median(times), 1)} if times else {}
    return {
        "accuracy": round(100 * right, 1),
        "updates": done,
        **speed,
        "diverged": diverged,
        "largest_gradient": round(largest, 2),
        "parameters": sum(p.numel() for p in network.stack.parameters()),
        "gradient_before": before,
        "gradient_after": distances(network, some),
    }


def distances(network: Reader, sequences: Tensor) -> list[float]:
    """Norm of the last output's gradient at inputs so many steps before, the mean over sequences.

    Of several outputs a direction is drawn.
    """
    sequences = sequences.clone().requires_grad_()
    last = network(sequences)[:, -1]
    direction = torch.randn(last.shape, generator=torch.Generator().manual_seed(0))
    (last * F.normalize(direction, dim=1).abs()).sum().backward()
    assert sequences.grad is not None
    network.zero_grad()
    norms = sequences.grad.norm(dim=2).mean(0).flip(0)
    return [float(f"{x:.3g}") for x in norms.tolist()]


# --- text -----------------------------------------------------------------------------------------------


def command_line(options: dict[str, Any]) -> list[str]:
    """A cell's options as ``seqtext fit`` takes them."""
    return [f"--model.network.{name}={value}" for name, value in options.items()]


class DivergedError(Exception):
    """A training broke off because loss or gradient was no number."""


def fit(recipe: str, run: Path, options: Iterable[str]) -> None:
    """A recipe's command."""
    config = RECIPES / recipe
    command = [sys.executable, str(config.parent / "train.py"), "fit", "--config", str(config)]
    command += ["--run", str(run), "--resume", "auto", *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        line = ""
        for line in process.stderr:
            sys.stderr.write(line)
    if process.returncode and "is no number (nan or infinite)" in line:
        raise DivergedError
    if process.returncode:
        sys.exit(f"compare.py: {' '.join(command)} ended with {process.returncode}")


def score(run: Path, test: str, *options: str) -> dict[str, Any]:
    """``seqtext test``."""
    command = [sys.executable, "-m", "seqtext", "test", str(run), f"--data.test={test}"]
    command += ["--precision=fp32", *options]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    scores: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return scores


def column_of(run: Path, name: str) -> list[float]:
    """A column of metrics.csv."""
    with (run / "metrics.csv").open(newline="", encoding="utf-8") as file:
        return [float(row[name]) for row in csv.DictReader(file)]


def translate(cell: str, run: Path, seed: int, more: Sequence[str]) -> Row:
    """The built-in grammar: quality and both speeds."""
    seeds = [f"--model.seed={seed}", f"--data.seed={seed}", "--trainer.accelerator=cpu"]
    fit("translation/builtin.yaml", run, [*command_line(CELLS[cell]), *seeds, *more])
    scores = score(run, "builtin:test:500", "--beam_size=5")
    translator = seqtext.load_generator(run)
    sources = [source for source, _ in _builtin(200)]
    start = time.perf_counter()
    outputs = translator.generate(sources, beam_size=5)
    seconds = time.perf_counter() - start
    pieces = sum(len(hypotheses[0].ids) + 1 for hypotheses in outputs)
    return {
        "bleu": scores["bleu"],
        "training_pieces_per_second": round(
            statistics.median(column_of(run, "target_pieces_per_second"))
        ),
        "decoded_pieces_per_second": round(pieces / seconds),
        "parameters": sum(p.numel() for p in translator.networks[0].parameters()),
        "gradient_norm": max(column_of(run, "gradient_norm")),
    }


def _builtin(count: int) -> list[tuple[str, str]]:
    from seqtext.data.corpus import Corpus

    return list(Corpus(f"builtin:test:{count}", "en", "de", "test").rows())


# A network that reads pieces alone: n-grams of characters would hide what a cell does.
_LABELS = {
    "data.tokenizer.vocab_size": 2000,
    "data.batch_size": 64,
    "model.label_smoothing": 0.1,
    "model.network.character_ngrams": 0,
    "model.network.embedding_size": 256,
    "model.network.hidden_size": 512,
    "model.network.dropout": 0.4,
    "model.network.word_dropout": 0.1,
    "model.optimizer.learning_rate": 0.002,
    "model.optimizer.schedule": "cosine",
    "model.optimizer.warmup_steps": 100,
    "trainer.max_epochs": 30,
}


def classify(cell: str, run: Path, seed: int, folder: Path, more: Sequence[str]) -> Row:
    """Intents of a bank's customers."""
    seeds = [f"--model.seed={seed}", f"--data.seed={seed}", "--trainer.accelerator=cpu"]
    data = [f"--data.train={folder / 'train.jsonl'}"]
    data += [f"--{name}={value}" for name, value in _LABELS.items()]
    fit("classification/banking77.yaml", run, [*data, *command_line(CELLS[cell]), *seeds, *more])
    return {
        "accuracy": score(run, str(folder / "test.jsonl"))["accuracy"],
        "texts_per_second": round(statistics.median(column_of(run, "texts_per_second"))),
        "parameters": sum(p.numel() for p in seqtext.load(run).networks[0].parameters()),
        "gradient_norm": max(column_of(run, "gradient_norm")),
    }


TEXT = {  # columns of the tables, and what they are called
    "translation": {
        "bleu": "BLEU",
        "training_pieces_per_second": "pieces/s in training",
        "decoded_pieces_per_second": "pieces/s in decoding",
        "parameters": "parameters",
        "gradient_norm": "gradient norm",
    },
    "classification": {
        "accuracy": "accuracy",
        "texts_per_second": "texts/s in training",
        "parameters": "parameters",
        "gradient_norm": "gradient norm",
    },
}


# --- the report -----------------------------------------------------------------------------------------


def spread(values: Sequence[float]) -> str:
    """Mean ± standard deviation over seeds. Counts have no decimal."""
    mean, counts = statistics.mean(values), all(isinstance(value, int) for value in values)
    number = ",.0f" if counts else ",.1f" if mean < 10_000 else ".1e"
    alike = len(set(values)) == 1
    return f"{mean:{number}}" if alike else f"{mean:{number}} ± {statistics.stdev(values):{number}}"


def summarize(group: list[Row], name: str) -> str:
    """A column's spread over the rows that have it. The first column also says how many diverged."""
    values = [row[name] for row in group if name in row]
    parts = [spread(values)] if values else []
    diverged = sum(row.get("diverged", False) for row in group)
    if diverged and name in ("accuracy", "bleu"):
        parts.append(f"{diverged} of {len(group)} diverged")
    return ", ".join(parts)


def grouped(rows: list[Row], *names: str) -> dict[tuple[Any, ...], list[Row]]:
    """Rows with the same values of ``names``, in the order of ``CELLS``."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in sorted(rows, key=lambda row: list(CELLS).index(row["cell"])):
        groups.setdefault(tuple(row[name] for name in names), []).append(row)
    return groups


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """In Markdown."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines) + "\n"


def report(out: Path, rows: list[Row]) -> None:
    """OUT/report.md and its pictures."""
    parts = ["# Cells compared\n"]
    for task in MEMORY:
        of_task = [row for row in rows if row["task"] == task]
        if of_task:
            parts += _memory(out, task, of_task)
    for task, columns in TEXT.items():
        of_task = [row for row in rows if row["task"] == task]
        if not of_task:
            continue
        parts.append(f"## {task.capitalize()}\n")
        parts.append(
            table(
                ["cell", *columns.values()],
                (
                    [
                        cell,
                        *(summarize(group, column) for column in columns),
                    ]
                    for (cell,), group in grouped(of_task, "cell").items()
                ),
            )
        )
    (out / "report.md").write_text("\n".join(parts), encoding="utf-8")


def _memory(out: Path, task: str, rows: list[Row]) -> list[str]:
    lags = sorted({row["lag"] for row in rows})
    cells = [cell for (cell,) in grouped(rows, "cell")]
    groups = grouped(rows, "cell", "lag")

    def column(cell: str, name: str) -> list[str]:
        return [summarize(groups.get((cell, lag), []), name) for lag in lags]

    longest = lags[-1]
    last = ("parameters", "ms_an_update", "largest_gradient")  # of the longest lag
    accuracy = table(
        ["% right, by lag", *map(str, lags), *(name.replace("_", " ") for name in last)],
        (
            [
                cell,
                *column(cell, "accuracy"),
                *(column(cell, name)[-1] for name in last),
            ]
            for cell in cells
        ),
    )
    _draw_accuracy(out / f"{task}.png", groups, cells, lags)
    _draw_gradients(out / f"{task}-gradient.png", groups, cells, longest)
    pictures = f"![right by lag]({task}.png)\n![gradient by distance]({task}-gradient.png)\n"
    return [f"## {task.capitalize()}\n", accuracy, pictures]


def _figure(draw: Callable[[Any], None], path: Path, **labels: Any) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot(**labels)
    draw(axes)
    axes.legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=120)


def _draw_accuracy(path: Path, groups: Any, cells: list[str], lags: list[int]) -> None:
    def draw(axes: Any) -> None:
        for cell in cells:
            measured = [lag for lag in lags if (cell, lag) in groups]
            runs = [[row["accuracy"] for row in groups[cell, lag]] for lag in measured]
            means = [statistics.mean(run) for run in runs]
            [line] = axes.plot(measured, means, marker=".", label=cell)
            axes.fill_between(
                measured,
                list(map(min, runs)),
                list(map(max, runs)),
                color=line.get_color(),
                alpha=0.15,
            )

    _figure(draw, path, xlabel="lag", ylabel="% right (band: all seeds)", xticks=lags)


def _draw_gradients(path: Path, groups: Any, cells: list[str], lag: int) -> None:
    def draw(axes: Any) -> None:
        for number, cell in enumerate(cells):
            if (cell, lag) not in groups:
                continue
            for name, style in (("gradient_before", ":"), ("gradient_after", "-")):
                label = cell if style == "-" else None
                curves = zip(*(row[name] for row in groups[cell, lag]), strict=True)
                mean = [statistics.mean(values) for values in curves]
                axes.plot(mean, style, color=f"C{number}", label=label, linewidth=1)

    _figure(
        draw,
        path,
        xlabel="steps before the last (dotted: before training)",
        ylabel="gradient of the last output, mean over seeds",
        yscale="log",
        ylim=(1e-8, 1e3),
    )


# --- all of it ------------------------------------------------------------------------------------------


def read_options() -> tuple[argparse.ArgumentParser, argparse.Namespace]:
    """The options of the command line, with the words behind ``--fit`` as they are."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--cells", nargs="+", choices=CELLS, default=list(CELLS), metavar="CELL",
                        help=f"some of: {', '.join(CELLS)}")  # fmt: skip
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--lags", nargs="+", type=int, default=[25, 50, 100])
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--updates", type=int, default=2000, help="at most, in the tasks of memory")
    parser.add_argument(
        "--banking77", type=Path, metavar="DIR", help="with train.jsonl, test.jsonl"
    )
    parser.add_argument("--fit", nargs="*", default=[], metavar="--KEY=VALUE",
                        help="last of all: more options of seqtext fit, for the text tasks")  # fmt: skip
    arguments = sys.argv[1:]
    end = arguments.index("--fit") if "--fit" in arguments else len(arguments)
    options = parser.parse_args(arguments[:end])
    options.fit = arguments[end + 1 :]
    if options.tasks == ["classification"] and options.banking77 is None:
        parser.error("classification: of what? Name a folder with --banking77")
    if min(*options.lags, *options.seeds, options.updates) < 1:
        parser.error("--lags, --seeds, --updates: expected numbers from 1 on")
    return parser, options


def measure(task: str, cell: str, lag: int | None, seed: int, options: argparse.Namespace) -> Row:
    """Train a cell on a task."""
    if task in MEMORY:
        return remember(task, cell, lag or 0, seed, options.updates)
    run = options.out / f"{task}-{cell.replace(' ', '-').replace(',', '')}-{seed}"
    try:
        if task == "translation":
            return translate(cell, run, seed, options.fit)
        return classify(cell, run, seed, options.banking77, options.fit)
    except DivergedError:
        return {"diverged": True}


def main() -> None:
    parser, options = read_options()
    tasks = [task for task in options.tasks if task != "classification" or options.banking77]
    torch.set_flush_denormal(True)  # gradients that vanish would otherwise take ten times as long
    options.out.mkdir(parents=True, exist_ok=True)
    file = options.out / "results.jsonl"
    rows: list[Row] = (
        [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    )
    fit = " ".join(options.fit)
    settings = {task: f"--updates {options.updates}" if task in MEMORY else fit for task in tasks}
    for row in rows:
        if row["setting"] != settings.get(row["task"], row["setting"]):
            parser.error(f"{file} has {row['task']} with other options ({row['setting'] or 'none'});"
                         " name another folder with --out")  # fmt: skip
    names = ("task", "cell", "lag", "seed")
    done = {tuple(row.get(name) for name in names) for row in rows}
    for seed in options.seeds:
        for task, cell in itertools.product(tasks, options.cells):
            for lag in options.lags if task in MEMORY else [None]:
                key = (task, cell, lag, seed)
                if key in done:
                    continue
                result = measure(*key, options)
                row = {**dict(zip(names, key, strict=True)), "setting": settings[task], **result}
                rows.append(row)
                with file.open("a", encoding="utf-8") as results:
                    results.write(json.dumps(row) + "\n")
                short = {name: v for name, v in result.items() if not isinstance(v, list)}
                where = f"{task}, {cell}, {f'lag {lag}, ' if lag else ''}seed {seed}"
                print(f"{where}: {short}", flush=True)
        report(options.out, rows)
    print(f"report: {options.out / 'report.md'}")


if __name__ == "__main__":
    main()
