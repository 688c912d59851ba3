"""A toolkit to compare, what all of them train, and seqtext as one of them."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, NamedTuple

from benchmarks.common import (
    REPOSITORY,
    Command,
    log_options,
    read,
    read_log,
    read_updates,
    words_a_piece,
)
from seqtext import checkpoint

# the model of all: one layer each, the encoder in both directions, HIDDEN / 2 wide each
VOCABULARY = 8_000  # joint pieces with unk, bos and eos. The peers add pad
EMBEDDING, HIDDEN = 256, 512
DROPOUT, LABEL_SMOOTHING = 0.3, 0.1
LEARNING_RATE, CLIP = 0.001, 1.0  # Adam, constant
SENTENCES = 64  # of an update
MAX_LENGTH = 60  # pieces of an output


class Plan(NamedTuple):
    """How long to train."""

    updates: int
    report_every: int
    validate_every: int  # 0: never


class Interval(NamedTuple):
    """Some updates, up to ``step``."""

    step: int
    pieces: float
    seconds: float


class Search(NamedTuple):
    """How to decode."""

    beam_size: int
    batch_size: int
    pieces: int | None = None  # of each output. None: as the model ends it

    @property
    def limits(self) -> tuple[int, int]:
        """Least and most pieces of an output."""
        return (0, MAX_LENGTH) if self.pieces is None else (self.pieces, self.pieces)


class Toolkit(ABC):
    """How to call a toolkit, and how to read what it says.

    Args:
        environments: Folder with a virtual environment for each.
        data: Folder with text, pieces and vocabularies.
    """

    environment: ClassVar[str]  # its folder
    packages: ClassVar[tuple[str, ...]]  # whose versions are told
    parameters: ClassVar[str]  # pattern of their number
    # pattern with step, batch (pieces an update) and rate (pieces a second)
    progress: ClassVar[str]
    # environment variables: peers read their own checkpoints, which torch >= 2.6 refuses
    variables = MappingProxyType(
        {"TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1", "PYTHONWARNINGS": "ignore"}
    )

    def __init__(self, environments: Path, data: Path) -> None:
        self.bin, self.data = environments.resolve() / self.environment / "bin", data.resolve()

    def versions(self) -> dict[str, str]:
        """Versions of the toolkit and of what it computes with."""
        names = self.packages
        code = f"from importlib.metadata import version as v; print(*map(v, {names}))"
        call: Command = [self.bin / "python", "-c", code]
        versions = subprocess.run(call, capture_output=True, text=True, check=True).stdout.split()
        return dict(zip(names, versions, strict=True))

    def prepare(self) -> None:
        """Make what the toolkit needs besides pieces and vocabulary."""
        return

    @abstractmethod
    def train(self, folder: Path, plan: Plan) -> Command:
        """The command that trains a model into ``folder``."""

    @abstractmethod
    def decode(self, model: Path, source: Path, output: Path, search: Search) -> Command:
        """The command that decodes ``source``, which is also its stdin. ``model`` is a trained folder."""

    def intervals(self, folder: Path, plan: Plan) -> list[Interval]:
        """What the log of a training says."""
        intervals = []
        for line in re.finditer(self.progress, read_log(folder)):
            count, rate = plan.report_every * float(line["batch"]), float(line["rate"])
            intervals.append(Interval(int(line["step"]), count, count / rate if rate else math.inf))
        return intervals

    def million_parameters(self, folder: Path) -> float:
        """Parameters of a trained model, as its log says."""
        match = re.search(self.parameters, read_log(folder))
        number = float(match[1].replace(",", "")) if match else math.nan
        return round(number / 1e6 if number > 1e5 else number, 1)

    def decoded(self, output: Path) -> list[list[str]]:
        """The pieces of every sentence."""
        return [
            line.split() for line in read(output if output.exists() else output.with_name("stdout"))
        ]

    def words_a_piece(self, folder: Path) -> float:
        """Words for each target piece of the training corpus."""
        pieces = [line.split() for line in read(self.data / "train.pieces.de")]
        return words_a_piece(read(self.data / "train.de"), pieces)


def long_options(options: Mapping[str, object]) -> list[str]:
    """``--name=value`` for each."""
    return [f"--{name}={value}" for name, value in options.items()]


# --- seqtext ---

RECIPE = REPOSITORY / "recipes/translation/multi30k.yaml"
# options beside those of the peers' model. None: the recipe unchanged
NETWORKS: dict[str, dict[str, str] | None] = {
    "feeding-additive": {"input_feeding": "true", "attention": "additive"},
    "fused-additive": {"input_feeding": "false", "attention": "additive"},
    "fused-general": {"input_feeding": "false", "attention": "general"},
    "recipe": None,
}
PRECISIONS = {"fp32": "32-true", "bf16": "bf16-mixed"}
VARIANTS = [f"{network}-{precision}" for network in NETWORKS for precision in PRECISIONS]


class Seqtext(Toolkit):
    """This toolkit, through its command line and on raw text.

    Args:
        variant: A key of ``NETWORKS``, and behind a hyphen fp32, bf16, or to decode int8.
        data: Folder with text and pieces.
    """

    packages, parameters = ("seqtext", "torch"), r"([\d.]+) M parameters"
    variables = MappingProxyType({"PYTHONPATH": str(REPOSITORY)})

    def __init__(self, variant: str, data: Path) -> None:
        self.bin, self.data = Path(sys.executable).parent, data.resolve()
        self.network, _, self.precision = variant.rpartition("-")

    def train(self, folder: Path, plan: Plan) -> Command:
        network, data = NETWORKS[self.network], self.data
        options = {
            **({"config": RECIPE} if network is None else self._peers_model(network)),
            "run": folder / "run", "data.train": data / "train", "data.validation": "null",
            "data.test": "null", "data.source": "en", "data.target": "de",
            "data.cache_dir": data / "cache", "trainer.max_steps": plan.updates,
            "trainer.precision": PRECISIONS[self.precision], "trainer.accelerator": "cpu",
        }  # fmt: skip
        call: Command = [sys.executable, "-m", "seqtext", "fit", *long_options(options)]
        return [*call, *log_options(folder / "updates")]

    def _peers_model(self, network: Mapping[str, object]) -> dict[str, object]:
        """The model of the peers, with their pieces."""
        sizes = {
            "embedding_size": EMBEDDING, "hidden_size": HIDDEN, "dropout": DROPOUT,
            "encoder_layers": 1, "decoder_layers": 1, "tied_readout": "false",
            "readout_size": HIDDEN, **network,
        }  # fmt: skip
        return {
            **{f"model.network.{name}": value for name, value in sizes.items()},
            "model.label_smoothing": LABEL_SMOOTHING, "trainer.gradient_clip_val": CLIP,
            "model.optimizer.learning_rate": LEARNING_RATE, "model.optimizer.warmup_steps": 0,
            "model.optimizer.schedule": "constant", "data.batch_size": SENTENCES,
            "data.batch_tokens": "null", "data.tokenizer.source_model": self.data / "pieces.model",
        }  # fmt: skip

    def intervals(self, folder: Path, plan: Plan) -> list[Interval]:
        """From the log of a callback."""
        ends, pieces, _ = read_updates(folder / "updates")
        steps = range(plan.report_every, len(ends), plan.report_every)
        starts = [step - plan.report_every for step in steps]
        return [
            Interval(step, sum(pieces[start + 1 : step + 1]), ends[step] - ends[start])
            for start, step in zip(starts, steps, strict=True)
        ]

    def words_a_piece(self, folder: Path) -> float:
        """In the pieces of the run, which are the recipe's own for the recipe."""
        text = read(self.data / "train.de")
        tokenizer = checkpoint.load(folder / "run").tokenizers.target
        return words_a_piece(text, tokenizer.encode(text))

    def decode(self, model: Path, source: Path, output: Path, search: Search) -> Command:
        call: Command = [sys.executable, "-m", "seqtext", "generate", model]
        call += ["--input", source.with_suffix(".en"), "--output", output, "--format=jsonl"]
        fewest, most = search.limits
        call += [f"--min_length={fewest}", f"--max_length={most}", f"--precision={self.precision}"]
        return [*call, f"--beam_size={search.beam_size}", f"--batch_size={search.batch_size}"]

    def decoded(self, output: Path) -> list[list[str]]:
        return [json.loads(line)["hypotheses"][0]["pieces"] for line in read(output)]
