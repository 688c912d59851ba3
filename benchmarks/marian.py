"""Marian as one of the toolkits that seqtext is compared with."""

from __future__ import annotations

import re
import statistics
from itertools import cycle, islice
from pathlib import Path
from types import MappingProxyType

import numpy as np
import torch

from benchmarks.common import Command, read, read_log, write
from benchmarks.toolkit import (
    CLIP,
    DROPOUT,
    EMBEDDING,
    HIDDEN,
    LABEL_SMOOTHING,
    LEARNING_RATE,
    SENTENCES,
    Interval,
    Plan,
    Search,
    Toolkit,
    long_options,
)


class Marian(Toolkit):
    """Marian's ``s2s``: attention after the only cell of its decoder, so without input feeding.

    Each direction of its encoder is ``HIDDEN`` wide, twice as much as elsewhere. Its readout is half as wide.

    Its longest output depends on the longest source of a batch. To decode a fixed length it reads other
    sources: those of the test set, each cut or repeated to their mean length. And a copy of the model whose
    eos has a bias that no hypothesis survives.
    """

    environment, packages = "marian", ("pymarian",)
    progress = r"Up\. (?P<step>[\d,]+) :.* \* (?P<pieces>[\d,]+) @ .* : Time (?P<seconds>[\d.]+)s"
    variables = MappingProxyType({"OMP_NUM_THREADS": "1"})  # its threads each compute a batch

    def train(self, folder: Path, plan: Plan) -> Command:
        options = {
            "type": "s2s", "enc-cell": "lstm", "enc-depth": 1, "dec-cell": "lstm", "dec-depth": 1,
            "dec-cell-base-depth": 1, "dim-emb": EMBEDDING, "dim-rnn": HIDDEN, "dropout-rnn": DROPOUT,
            "optimizer": "adam", "learn-rate": LEARNING_RATE, "clip-norm": CLIP,
            "label-smoothing": LABEL_SMOOTHING, "cost-type": "ce-sum", "mini-batch": SENTENCES,
            "max-length": 200, "seed": 1, "after": f"{plan.updates}u",
            "disp-freq": f"{plan.report_every}u",
            "save-freq": f"{plan.validate_every or plan.updates}u", "model": folder / "model.npz",
        }  # fmt: skip
        sides = [self.data / f"train.pieces.{side}" for side in ("en", "de")]
        call: Command = [self.bin / "pymarian", "train", *long_options(options), *self._common()]
        call += ["--sync-sgd", "--normalize-gradient", "--overwrite", "--shuffle-in-ram"]
        return [*call, "--train-sets", *sides]

    def intervals(self, folder: Path, plan: Plan) -> list[Interval]:
        """From the labels and seconds of each line. Its rate counts words of the source."""
        lines = re.finditer(self.progress, read_log(folder).replace(",", ""))
        return [
            Interval(int(line["step"]), float(line["pieces"]), float(line["seconds"]))
            for line in lines
        ]

    def million_parameters(self, folder: Path) -> float:
        """Of the file, as the log does not tell their number."""
        with np.load(folder / "model.npz") as weights:
            sizes: list[int] = [
                weights[name].size for name in weights if not name.startswith("special:")
            ]
        return round(sum(sizes) / 1e6, 1)

    def decode(self, model: Path, source: Path, output: Path, search: Search) -> Command:
        options = {
            "beam-size": search.beam_size, "normalize": 1, "mini-batch": search.batch_size,
            "maxi-batch": 1_000, "maxi-batch-sort": "src", "output": output,
        }  # fmt: skip
        weights = model / "model.npz"
        if search.pieces is not None:
            source, length = self._of_equal_length(source, output.with_name("source"))
            weights = self._without_end(weights)
            options["max-length-factor"] = search.pieces / (length + 1)  # it counts eos
        call: Command = [self.bin / "pymarian", "decode", *long_options(options), *self._common()]
        return [*call, "--models", weights, "--input", source]

    def _common(self) -> Command:
        vocabulary = self.data / "vocabulary.marian.txt"
        return ["--cpu-threads", str(torch.get_num_threads()), "--vocabs", vocabulary, vocabulary]

    def _of_equal_length(self, source: Path, path: Path) -> tuple[Path, int]:
        """The sources, cut or repeated to the mean length of the test set."""
        lengths = [len(line.split()) for line in read(self.data / "test.pieces.en")]
        length = round(statistics.mean(lengths))
        pieces = [islice(cycle(line.split()), length) for line in read(source)]
        write(path, map(" ".join, pieces))
        return path, length

    def _without_end(self, weights: Path) -> Path:
        path = weights.with_name("endless.npz")
        with np.load(weights) as arrays:
            changed = dict(arrays)
        changed["decoder_ff_logit_l2_b"][0, 0] = -10_000.0  # eos is the first of the vocabulary
        np.savez(path, **changed)
        return path
