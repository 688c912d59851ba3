"""The figures of benchmarks/results.md: measure.py {startup,clone,multi30k} …

Prints one JSON object a measurement, with date, versions, processor and load.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from common import REPOSITORY, fit_command, report, scored, timed


def startup(runs: int) -> None:
    """Seconds of every ``--help``, the median of several."""
    for command in ([], ["fit"], ["generate"], ["test"], ["tokenizer"]):
        call = [sys.executable, "-m", "seqtext", *command, "--help"]
        seconds = [timed(call)[0] for _ in range(runs)]
        report(f"seqtext {' '.join(command)} --help", seconds=round(statistics.median(seconds), 3))


def clone(python: str) -> None:
    """A fresh clone in a fresh environment: ``make setup``, ``make test``, ``make translate``."""
    with tempfile.TemporaryDirectory() as folder:
        checkout = Path(folder) / "seqtext"
        subprocess.run(["git", "clone", "-q", REPOSITORY, checkout], check=True)
        environment = {**os.environ, "SEQTEXT_CACHE": str(Path(folder) / "cache")}
        environment.setdefault("SEQTEXT_DATA", str(REPOSITORY.parent / "shared" / "data"))
        for target in ("setup", "test", "translate"):
            seconds, output = timed(
                ["make", target, f"PYTHON={python}"], cwd=checkout, env=environment
            )
            print(output, file=sys.stderr)
            scores = [line for line in output.splitlines() if line.startswith('{"bleu"')]
            figures = json.loads(scores[-1]) if scores else {}
            report(f"make {target}", seconds=round(seconds, 1), **figures)


def multi30k(data: Path, beam_size: int, options: list[str]) -> None:
    """Train the recipe on local Multi30k, then score test_2016_flickr."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        seconds, _ = timed(fit_command("multi30k.yaml", data, ["--run", str(run), *options]))
        decoding, scores = scored(run, data / "test_2016_flickr", beam_size)
        report(
            "multi30k en-de, recipe, test_2016_flickr",
            minutes=round(seconds / 60, 1),
            decoding_seconds=round(decoding, 1),
            beam_size=beam_size,
            options=options,
            **scores,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("startup").add_argument("--runs", type=int, default=7)
    commands.add_parser("clone").add_argument("--python", default=sys.executable)
    quality = commands.add_parser("multi30k")
    quality.add_argument("data", type=Path, help="folder with train, val, test_2016_flickr .en .de")
    quality.add_argument("--beam_size", type=int, default=5)
    options, rest = parser.parse_known_args()
    if options.command == "startup":
        startup(options.runs)
    elif options.command == "clone":
        clone(options.python)
    else:
        multi30k(options.data, options.beam_size, rest)


if __name__ == "__main__":
    main()
