"""Time the start of each command, and the setup of a fresh clone.

    python benchmarks/measure.py startup
    python benchmarks/measure.py clone

The script prints one JSON object a measurement.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from common import REPOSITORY, parser_of, report, timed


def startup(runs: int) -> None:
    """Seconds of every ``--help``, the median of several."""
    for command in ([], ["fit"], ["generate"], ["test"], ["tokenizer"]):
        call = [sys.executable, "-m", "seqtext", *command, "--help"]
        seconds = [timed(call)[0] for _ in range(runs)]
        report(
            "start-up",
            " ".join(["seqtext", *command, "--help"]),
            seconds=round(statistics.median(seconds), 3),
        )


def clone(python: str) -> None:
    """A fresh clone in a fresh environment: ``make setup``, ``make test``, ``make translate``."""
    with tempfile.TemporaryDirectory() as folder:
        checkout = Path(folder) / "seqtext"
        subprocess.run(["git", "clone", "-q", REPOSITORY, checkout], check=True)
        environment = {**os.environ, "SEQTEXT_CACHE": str(Path(folder) / "cache")}
        for target in ("setup", "test", "translate"):
            seconds, output = timed(
                ["make", target, f"PYTHON={python}"], cwd=checkout, env=environment
            )
            print(output, file=sys.stderr)
            scores = [line for line in output.splitlines() if line.startswith('{"bleu"')]
            figures = json.loads(scores[-1]) if scores else {}
            report("clone", f"make {target}", seconds=round(seconds, 1), **figures)


def main() -> None:
    parser = parser_of(__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("startup").add_argument("--runs", type=int, default=7)
    commands.add_parser("clone").add_argument("--python", default=sys.executable)
    options = parser.parse_args()
    if options.command == "startup":
        startup(options.runs)
    else:
        clone(options.python)


if __name__ == "__main__":
    main()
