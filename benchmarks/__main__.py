"""One command line for all benchmarks.

    python -m benchmarks                # lists the commands
    python -m benchmarks train --help

Each command is the module of its name. Options after ``--`` go to ``seqtext fit``.
"""

from __future__ import annotations

import ast
import importlib
import sys
from pathlib import Path

COMMANDS = (
    "train",
    "decode",
    "runtime",
    "search_options",
    "independence",
    "choose",
    "documents",
    "constraints",
    "serve",
    "quality",
    "little",
    "yoyodyne",
    "growth",
    "peers",
    "small_labels",
    "tables",
    "plots",
)


def summary(command: str) -> str:
    """The first line of a module's docstring. Nothing is imported for it."""
    text = Path(__file__).with_name(f"{command}.py").read_text(encoding="utf-8")
    return (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]


def main() -> None:
    command, *arguments = sys.argv[1:] or ["--help"]
    if command in ("-h", "--help"):
        print("usage: python -m benchmarks COMMAND …\n")
        print("\n".join(f"  {name:<12} {summary(name)}" for name in COMMANDS))
    elif command not in COMMANDS:
        sys.exit(f"python -m benchmarks: no {command!r}. Choose from: {', '.join(COMMANDS)}")
    else:
        importlib.import_module(f"benchmarks.{command}").main(arguments)


if __name__ == "__main__":
    main()
