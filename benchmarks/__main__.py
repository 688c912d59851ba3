"""One command line for all benchmarks.

    python -m benchmarks                # lists them
    python -m benchmarks train --help
    python -m benchmarks quality DATA OUT --seeds 1 2 3 --test test_2016_flickr

``python benchmarks/quality.py …`` does the same.
"""

from __future__ import annotations

import ast
import runpy
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
SCRIPTS = {  # command: file
    "train": "training",
    "decode": "decoding",
    "quality": "quality",
    "ablations": "ablations",
    "classification": "classification",
    "transduction": "transduction",
    "fine_tuning": "fine_tuning",
    "low_resource": "low_resource",
    "copying": "summarization",
    "growth": "growth",
    "peers": "peers",
    "machine": "machine",
    "gpu": "gpu",
    "measure": "measure",
    "tables": "tables",
    "plots": "plots",
}


def summary(script: str) -> str:
    """The first line of a script's docstring. Nothing is imported for it."""
    text = (FOLDER / f"{script}.py").read_text(encoding="utf-8")
    return (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]


def main() -> None:
    command, *arguments = sys.argv[1:] or ["--help"]
    if command in ("-h", "--help"):
        print("usage: python -m benchmarks NAME …\n")
        print("\n".join(f"  {name:<15} {summary(file)}" for name, file in SCRIPTS.items()))
    elif command not in SCRIPTS:
        sys.exit(f"python -m benchmarks: no {command!r}. Choose from: {', '.join(SCRIPTS)}")
    else:
        path = FOLDER / f"{SCRIPTS[command]}.py"
        sys.argv = [str(path), *arguments]
        sys.path.insert(0, str(FOLDER))
        runpy.run_path(str(path), run_name="__main__")


if __name__ == "__main__":
    main()
