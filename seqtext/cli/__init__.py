"""The command line: ``seqtext COMMAND``. Importing this, or asking for help, loads no heavy library."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module, metadata
from typing import Any

from seqtext.errors import SeqtextError

COMMANDS = {
    "check": "look for what is odd about a corpus",
    "classify": "label text with a trained classifier",
    "explain": "show where each word of an output came from, or why a text got its label",
    "fit": "train a model",
    "generate": "decode text with a trained model",
    "test": "score a trained model on a corpus",
    "tokenizer": "train a SentencePiece tokenizer",
}
_USAGE = (
    "usage: seqtext COMMAND …      (seqtext COMMAND --help says more)\n\ncommands:\n"
    + "".join(f"  {name:10s} {what}\n" for name, what in COMMANDS.items())
)


def main(
    argv: Sequence[str] | None = None,
    *,
    task: str | None = None,
    preset: dict[str, Any] | None = None,
) -> int:
    """Run a command.

    Args:
        argv: Arguments without the program's name. Default: those of the process.
        task: Runs of ``fit`` go below ``runs/TASK``. Default: ``classification`` of classifiers, else
            ``translation``.
        preset: Defaults of ``fit`` that a recipe sets, by option name.

    Returns:
        Exit status: 0; 2 for a user's mistake; 3 for what ``check`` found; 130 if interrupted.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_USAGE, end="")
        return 0 if arguments else 2
    if arguments[0] == "--version":
        print(metadata.version("seqtext"))
        return 0
    command, *rest = arguments
    if command not in COMMANDS:
        print(
            f"seqtext: unknown command {command!r}; there are {', '.join(COMMANDS)}",
            file=sys.stderr,
        )
        return 2
    module = import_module(f"seqtext.cli.{command}")
    try:
        if command == "fit":
            module.run(rest, task, preset or {})
        else:
            return module.run(rest) or 0
    except SeqtextError as error:
        if os.environ.get("LOCAL_RANK", "0") == "0":  # what all processes find, one tells
            print(f"seqtext {command}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of our output has gone, as `head` does
        sys.stderr.close()
        return 0
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else 0 if error.code is None else 2
    return 0


def entry() -> None:
    """The ``seqtext`` program."""
    sys.exit(main())
