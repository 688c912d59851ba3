"""``seqtext serve``: a model that answers HTTP requests."""

from __future__ import annotations

import argparse
import functools
import sys
from collections.abc import Collection, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from seqtext.cli.consent import add_trust, check_packages, look_in_working_folder
from seqtext.cli.flags import Parser, config_of
from seqtext.cli.foreign_names import OPTIONS
from seqtext.cli.models import add_computing, tell_precision
from seqtext.cli.unknown_options import describe_unknown
from seqtext.errors import ConfigError
from seqtext.serving.config import ServingConfig, is_local

if TYPE_CHECKING:
    from seqtext.serving.messages import Description, Task

_PACKAGES = {
    "starlette": "starlette",
    "uvicorn": "uvicorn",
    "prometheus_client": "prometheus-client",
}


def parser() -> Parser:
    """The options. Importing this and asking for help stays light."""
    parser = Parser(
        "serve",
        "CKPT… [--KEY VALUE]…",
        "Answer HTTP requests with a trained model, or with a folder of seqtext export. Paths: /generate,"
        " /classify, /score and /explain compute. /health, /metrics, /model and /openapi.json tell. At / is a"
        " page to try the model. Ctrl-C and SIGTERM stop the server, after it has answered what it has.",
    )
    parser.add_argument(
        "checkpoints", nargs="+", metavar="CKPT",
        help="a checkpoint file, a run folder or a folder of seqtext export; several checkpoints make an"
        " ensemble",
    )  # fmt: skip
    add_trust(parser)
    parser.add_argument(
        "--host", default="127.0.0.1", metavar="H",
        help="address to listen on; 0.0.0.0 lets other machines in (default: 127.0.0.1, this machine alone)",
    )  # fmt: skip
    parser.add_fields(ServingConfig)
    parser.add_argument(
        "--shortlist", metavar="F",
        help="file of seqtext shortlist, or the run folder that has it, for every search",
    )  # fmt: skip
    add_computing(parser)
    return parser


def run(arguments: Sequence[str]) -> None:
    """Parse, load, serve until a signal arrives."""
    options = parser().parse(arguments)
    config = config_of(ServingConfig, options)
    check_packages(options.trust)
    if missing := [name for module, name in _PACKAGES.items() if find_spec(module) is None]:
        raise ConfigError(
            f"seqtext serve needs the package {missing[0]}. Install all that it needs with:"
            " pip install 'seqtext[serve]'"
        )
    exported = _is_export(options)
    if options.trust:
        look_in_working_folder()
    from seqtext.serving.messages import ModelPlace
    from seqtext.serving.server import serve

    if not is_local(options.host):
        print(
            f"--host {options.host}: whoever reaches this address can use the model. There is no password and"
            " no encryption",
            file=sys.stderr,
        )
    place = ModelPlace(
        paths=[str(Path(path).absolute()) for path in options.checkpoints],
        exported=exported,
        device=options.device,
        precision=options.precision,
        trust=options.trust,
        batch_size=config.batch_size,
        shortlist=options.shortlist,
    )
    started = functools.partial(_tell_start, options)
    serve(place, options.host, config, _describe_unknown, started)
    print("seqtext serve: has answered all requests, and ends", file=sys.stderr)


def _is_export(options: argparse.Namespace) -> bool:
    """Whether a folder of ``seqtext export`` is served.

    Raises:
        ConfigError: It is, but together with others, with an option of checkpoints, or without its package.
    """
    exported = [path for path in options.checkpoints if Path(path, "config.json").is_file()]
    if not exported:
        return False
    where = f"{exported[0]}: is an exported model"
    if len(options.checkpoints) > 1:
        raise ConfigError(f"{where}, and these make no ensemble. Serve it alone")
    reasons = {
        "precision": "has its own",
        "device": "computes on the CPU",
        "shortlist": "uses none",
    }
    for name, reason in reasons.items():
        if getattr(options, name) not in ("auto", "cpu", None):
            raise ConfigError(f"--{name}: {where}, and {reason}. Leave the option out")
    if find_spec("seqtext_runtime") is None:
        raise ConfigError(
            f"{where}, and needs the package seqtext-runtime. In the folder of seqtext's source, type:"
            " pip install ./runtime"
        )
    return True


def _describe_unknown(task: Task, name: str, known: Collection[str]) -> str:
    message = describe_unknown(name, known, OPTIONS[task], dashes="")
    return message.replace("--help lists the options", f"there are {', '.join(known)}")


def _tell_start(options: argparse.Namespace, address: str, model: Description) -> None:
    tell_precision(model.precision, model.int8_speed)
    count = f"{options.workers} worker{'s' * (options.workers > 1)}"
    print(
        f"seqtext serve: {address} serves {', '.join(options.checkpoints)} ({model.task}, {model.precision},"
        f" {count}). Ctrl-C stops it",
        file=sys.stderr,
        flush=True,
    )
