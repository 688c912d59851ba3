"""Options that have no use where each text of the input gets a single plain output."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from seqtext.cli.constraints import OF_SOURCE
from seqtext.errors import ConfigError


def refuse_options(options: argparse.Namespace, reasons: Mapping[str, str]) -> None:
    """Refuse options, each for its reason.

    Args:
        options: Of ``seqtext generate``.
        reasons: Names of options, and why they have no use.

    Raises:
        ConfigError: An option is given that has a reason.
    """
    given: dict[str, object] = {
        "n_best": options.n_best > 1 and options.n_best,
        "samples": options.samples > 1 and options.mbr is None and options.samples,
        "format": options.format != "text" and options.format,
        "prefix": bool(options.prefix),
        "outputs": options.outputs is not None,
        **{name: getattr(options, name) is not None for name in OF_SOURCE},
        **{
            name: getattr(options, name)
            for name in ("scores", "alignments", "details", "attention")
        },
    }
    for name, reason in reasons.items():
        if value := given[name]:
            shown = "" if value is True else f" {value}"
            raise ConfigError(f"--{name}{shown}: {reason}")
