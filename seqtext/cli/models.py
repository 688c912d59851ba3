"""The trained models that commands work with: their checkpoints, where they compute, what they say."""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from seqtext.cli.consent import add_trust, check_packages, look_in_working_folder
from seqtext.cli.flags import Parser, names_of
from seqtext.errors import ConfigError
from seqtext.search.config import SearchConfig
from seqtext.search.stored import STORED, changed_options, describe_options, override
from seqtext.values import check_arguments

if TYPE_CHECKING:
    from seqtext.inference.classifier import Classifier
    from seqtext.inference.generator import Generator
    from seqtext.inference.predictor import Predictor
    from seqtext.nn.precision import PrecisionChoice


# options of the commands that make no lists of outputs
SEARCH = tuple(
    name for name in names_of(SearchConfig) if name not in ("n_best", "details", "attention")
)
ModelT = TypeVar("ModelT", bound="Predictor[Any, Any, Any]")
Load = Callable[[Sequence[str], str, "PrecisionChoice", Sequence[str], int], ModelT]


def add_checkpoints(parser: argparse.ArgumentParser) -> None:
    """``CKPT… --trust PACKAGE``."""
    parser.add_argument(
        "checkpoints", nargs="+", metavar="CKPT",
        help="a checkpoint file or a run folder; several make an ensemble",
    )  # fmt: skip
    add_trust(parser)


def add_search(parser: Parser, names: Sequence[str] = SEARCH) -> None:
    """The options of a search. What is not given is the checkpoint's, see ``settle_search``.

    Args:
        parser: Of a command.
        names: Of the options.
    """
    parser.add_fields(SearchConfig, names, stored=STORED)


def check_search(options: argparse.Namespace) -> None:
    """Refuse options of a search that are out of range, before a checkpoint is read.

    Raises:
        ConfigError: One is.
    """
    check_arguments(SearchConfig, vars(options), "--")


def add_computing(parser: argparse.ArgumentParser, *, exact: bool = False) -> None:
    """``--device D --precision P``.

    Args:
        parser: Of a command.
        exact: Whether the command shows numbers of the network, so that its precision is fp32 by default.
    """
    parser.add_argument(
        "--device", default="cpu", metavar="D", help="cpu, cuda, cuda:1, mps (default: cpu)"
    )
    default = "fp32, as the command shows probabilities" if exact else "auto"
    parser.add_argument(
        "--precision", choices=("auto", "fp32", "bf16", "int8"), default="fp32" if exact else "auto",
        help="auto: the faster one of fp32 and int8 on this CPU, and fp32 on a GPU; int8: on a CPU, about 1.5"
        " times as fast as fp32; bf16: faster on some processors; int8 and bf16 change a few outputs"
        f" (default: {default})",
    )  # fmt: skip


def load_models(options: argparse.Namespace, load: Load[ModelT], devices: int = 1) -> ModelT:
    """The model of the checkpoints, by ``load`` or another function of ``seqtext.inference.loading``.

    The precision ``auto`` becomes the one that is chosen, and a line says why.
    """
    import torch

    check_packages(options.trust)
    if options.trust:
        look_in_working_folder()
    torch.set_flush_denormal(True)  # denormal numbers make oneDNN's LSTM many times slower
    model = load(options.checkpoints, options.device, options.precision, options.trust, devices)
    if not gc.isenabled():
        gc.freeze()  # what has been imported stays to the end
        gc.enable()
    options.precision = model.precision
    tell_precision(model.precision, model.int8_speed)
    return model


def tell_precision(precision: str, int8_speed: float | None) -> None:
    """Say which precision ``auto`` has chosen, and why. Without a speed it has chosen nothing."""
    if int8_speed is not None:
        speed = f"{int8_speed:.2f} times as fast as fp32 here"
        told = {"int8": f"int8, {speed}. --precision fp32 changes that"}
        print(
            f"precision: {told.get(precision, f'fp32, because int8 is {speed}')}", file=sys.stderr
        )


def settle_search(options: argparse.Namespace, generator: Generator) -> SearchConfig:
    """The search of a command: what was typed, else what the first checkpoint brings. Say what it brings.

    Args:
        options: What was parsed. It gets all options of the search.
        generator: The model of the checkpoints.

    Raises:
        ConfigError: Options contradict each other.
    """
    given = {name: value for name, value in vars(options).items() if name in names_of(SearchConfig)}
    stored, *others = generator.searches
    try:
        config = override(stored, given)
    except ConfigError as error:
        raise ConfigError(f"--{error}") from error
    _tell_search(stored, given, config, "first checkpoint" if others else "checkpoint")
    if any(other != stored for other in others):
        print(
            f"search: the checkpoints differ in it, and {options.checkpoints[0]} has the defaults",
            file=sys.stderr,
        )
    vars(options).update(vars(config))
    return config


def _tell_search(
    stored: SearchConfig, given: Mapping[str, object], config: SearchConfig, which: str
) -> None:
    """Say what of a stored search is used, and what contradicts the given options."""
    kept, left = dict[str, object](), dict[str, object]()
    for name, value in changed_options(stored).items():
        if name not in given:
            (kept if getattr(config, name) == value else left)[name] = value
    if kept:
        print(f"search: {describe_options(kept)} of the {which}; options override", file=sys.stderr)
    if left:
        print(
            f"search: {describe_options(left)} of the {which} contradicts the options, and is not used",
            file=sys.stderr,
        )


def tell_counts(model: Generator | Classifier) -> None:
    """Say what was remarkable about the texts that a model has read."""
    for message in model.messages():
        print(message, file=sys.stderr)
