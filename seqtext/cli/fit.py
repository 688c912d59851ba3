"""``seqtext fit``: train a model. The options are the typed signatures of module, data and Trainer."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Sequence

from seqtext.cli.fit_help import help_for
from seqtext.errors import ConfigError, SeqtextError

PRESET: dict[str, object] = {
    "model": {"class_path": "seqtext.EncoderDecoderModule"},
    "data": {"class_path": "seqtext.PairsDataModule"},
}


def run(arguments: Sequence[str], task: str | None, preset: dict[str, object]) -> None:
    """Train as ``help_for`` says."""
    if not arguments or any(argument in ("-h", "--help") for argument in arguments):
        print(help_for(arguments, {**PRESET, **preset}), end="")
        if not arguments:
            raise ConfigError(
                "no options given; at least --recipe, --config or --data.train is needed"
            )
        return
    os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", str(int(not sys.stderr.isatty())))
    from seqtext.cli.fit_options import spell_out
    from seqtext.cli.runs import train

    _quiet()

    try:
        train(list(arguments), task, {**PRESET, **preset})
    except SeqtextError as error:
        raise type(error)(spell_out(str(error))) from error
    except KeyboardInterrupt:
        raise
    except SystemExit as error:
        # Lightning turns an interruption into status 1. A parser's error has status 2.
        if error.code != 1:
            raise
        interruption = error.__context__  # which names the signal
        if isinstance(interruption, KeyboardInterrupt):
            raise interruption from None
        raise KeyboardInterrupt from None


def _quiet() -> None:
    """Silence Lightning's messages, but not those that a user asks for."""
    for name in ("lightning.pytorch", "lightning.fabric", "lightning"):
        logging.getLogger(name).setLevel(logging.ERROR)
    for name in ("callbacks.model_summary", "profilers"):  # silent unless an option asks for them
        logging.getLogger(f"lightning.pytorch.{name}").setLevel(logging.INFO)
    warnings.filterwarnings("ignore", module=r"lightning\.|torch\.jit|torch\.optim\.lr_scheduler")
