"""The trained models that commands work with: their checkpoints, where they compute, what they say."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from seqtext.cli.consent import add_trust, check_packages, look_in_working_folder

if TYPE_CHECKING:
    from seqtext.inference.classifier import Classifier
    from seqtext.inference.generator import Generator
    from seqtext.nn.precision import Precision


ModelT = TypeVar("ModelT")
Load = Callable[[Sequence[str], str, "Precision", Sequence[str]], ModelT]


def add_checkpoints(parser: argparse.ArgumentParser) -> None:
    """``CKPT… --trust PACKAGE``."""
    parser.add_argument(
        "checkpoints", nargs="+", metavar="CKPT",
        help="a checkpoint file or a run folder; several make an ensemble",
    )  # fmt: skip
    add_trust(parser)


def add_computing(parser: argparse.ArgumentParser) -> None:
    """``--device D --precision P``."""
    parser.add_argument(
        "--device", default="cpu", metavar="D", help="cpu, cuda, cuda:1, mps (default: cpu)"
    )
    parser.add_argument(
        "--precision", choices=("fp32", "bf16"), default="fp32",
        help="bf16: about twice as fast where the processor has it; a few outputs differ",
    )  # fmt: skip


def load_models(options: argparse.Namespace, load: Load[ModelT]) -> ModelT:
    """The model of the checkpoints, by ``load`` or another function of ``seqtext.inference.loading``."""
    import torch

    check_packages(options.trust)
    if options.trust:
        look_in_working_folder()
    torch.set_flush_denormal(True)  # denormal numbers make oneDNN's LSTM many times slower
    return load(options.checkpoints, options.device, options.precision, options.trust)


def tell_counts(model: Generator | Classifier) -> None:
    """Say what was remarkable about the texts that a model has read."""
    for message in model.messages():
        print(message, file=sys.stderr)
