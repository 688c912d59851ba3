"""The trained models that commands work with: their checkpoints, where they compute, what they say."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from seqtext.inference.classifier import Classifier
    from seqtext.inference.generator import Generator
    from seqtext.nn.precision import Precision


T = TypeVar("T")


def add_checkpoints(parser: argparse.ArgumentParser) -> None:
    """``CKPT…``."""
    parser.add_argument(
        "checkpoints", nargs="+", metavar="CKPT",
        help="a checkpoint file or a run folder; several make an ensemble",
    )  # fmt: skip


def add_computing(parser: argparse.ArgumentParser) -> None:
    """``--device D --precision P``."""
    parser.add_argument(
        "--device", default="cpu", metavar="D", help="cpu, cuda, cuda:1, mps (default: cpu)"
    )
    parser.add_argument(
        "--precision", choices=("fp32", "bf16"), default="fp32",
        help="bf16: about twice as fast where the processor has it; a few outputs differ",
    )  # fmt: skip


def load_models(
    options: argparse.Namespace, load: Callable[[Sequence[str], str, Precision], T]
) -> T:
    """The model of the checkpoints, by ``load`` or another function of ``seqtext.inference.loading``."""
    import torch

    torch.set_flush_denormal(True)  # denormal numbers make oneDNN's LSTM many times slower
    return load(options.checkpoints, options.device, options.precision)


def tell_counts(model: Generator | Classifier) -> None:
    """Say what was remarkable about the texts that a model has read."""
    for message in model.messages():
        print(message, file=sys.stderr)
