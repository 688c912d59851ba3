"""The command line: ``seqtext COMMAND``. Importing this and asking for help loads no heavy library."""

from __future__ import annotations

import errno
import functools
import gc
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from seqtext.cli.foreign_names import COMMANDS as FOREIGN_COMMANDS
from seqtext.cli.ranks import local_rank, rank, tell_error
from seqtext.cli.streams import use_utf8
from seqtext.cli.unknown_options import UnknownOptionError
from seqtext.errors import ConfigError, LostProcessError, SeqtextError
from seqtext.internals import lacks_memory, lost_process
from seqtext.renames import FLAGS, rename_flags, teller
from seqtext.suggestion import suggest

# a full disk, a full quota, a limit of size, a broken device, a closed stream
_UNWRITTEN = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)
COMMANDS = {
    "check": "look for what is odd about a corpus",
    "classify": "label text with a trained classifier",
    "explain": "show where each word of an output came from, or why a text got its label",
    "export": "write a model for programs without PyTorch",
    "fit": "train a model",
    "generate": "decode text with a trained model",
    "recipes": "list the recipes of fit, or print one",
    "rerank": "choose among the hypotheses of generate with another model",
    "score": "say how likely given pairs of texts are",
    "serve": "answer HTTP requests with a trained model",
    "shortlist": "choose target pieces for faster decoding with a large vocabulary",
    "test": "score a trained model on a corpus",
    "tokenizer": "train a SentencePiece tokenizer",
}
# those that all ranks of torchrun work on
_PARALLEL = ("classify", "fit", "generate", "rerank", "score", "test")
# those that load a model by load_models
_LOADING = ("classify", "explain", "export", "generate", "rerank", "score", "test")
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
        Exit status: 0, 2 for a user's mistake, or 3 for what ``check`` found. It is 1 where another process
        of the command has ended. After a signal it is 128 and the signal's number: 130 for Ctrl-C, 143 for
        SIGTERM, 129 for SIGHUP.
    """
    use_utf8()
    arguments = [str(word) for word in (sys.argv[1:] if argv is None else argv)]
    try:
        if odd := [word for word in arguments if "\0" in word]:
            raise ConfigError(f"{odd[0]!r:.100}: has a NUL character in it")
        status = _run(arguments, task, preset or {})
        if sys.stdout is not None:
            sys.stdout.flush()  # what cannot be written is found here, not when Python ends
        return status
    except KeyboardInterrupt as error:
        return getattr(error, "status", 130)
    except BrokenPipeError:  # the reader of our output has gone, as `head` does
        return 0
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else 0 if error.code is None else 2
    except Exception as error:
        name = f"seqtext {arguments[0]}" if arguments and arguments[0] in COMMANDS else "seqtext"
        if isinstance(error, LostProcessError) or lost_process(error):
            if not local_rank():
                lost = error if isinstance(error, LostProcessError) else LostProcessError()
                print(f"{name}: {lost}", file=sys.stderr)
            return 1
        if (message := _explain(error)) is None:
            raise
        tell_error(f"{name}: {message}")
        return 2


def _explain(error: Exception) -> str | None:
    """The message for an error that a user can mend, None for any other."""
    if isinstance(error, SeqtextError):
        return str(error)
    if isinstance(error, OSError) and error.filename is None and error.errno in _UNWRITTEN:
        return f"standard output: cannot be written ({error.strerror})"
    if isinstance(error, MemoryError | RuntimeError) and lacks_memory(error):
        return "out of memory. Lower --batch_size or --beam_size, or in fit --data.batch_tokens"
    return None


def _run(arguments: list[str], task: str | None, preset: dict[str, object]) -> int:
    if rank() and not (arguments and arguments[0] in _PARALLEL):
        return 0  # rank 0 does it
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_USAGE, end="")
        return 0 if arguments else 2
    if arguments[0] == "--version":
        from importlib import metadata  # 25 ms, which no other command needs

        print(metadata.version("seqtext"))
        return 0
    command, *rest = arguments
    if command not in COMMANDS:
        known = ", ".join(COMMANDS)
        near = suggest(FOREIGN_COMMANDS.get(command, command), COMMANDS)
        raise ConfigError(f"{command}: no such command; there are {known}{near}")
    module = import_module(f"seqtext.cli.{command}")
    if command == "fit":
        module.run(rest, task, preset)
        return 0
    tell = teller(functools.partial(print, file=sys.stderr))
    try:
        return module.run(rename_flags(rest, FLAGS.get(command, {}), tell)) or 0
    except UnknownOptionError as error:
        if not import_module("seqtext.cli.generate").parser().knows(error.name):
            raise
        raise ConfigError(
            f"--{error.name}: is an option of seqtext generate, and seqtext {command} has none like it"
        ) from error


def entry() -> None:
    """The ``seqtext`` program."""
    if sys.argv[1:] and sys.argv[1] in _LOADING:
        gc.disable()  # it walks through all of PyTorch, in vain. load_models enables it
    status = main()
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:  # told already. Python would tell it again, with another status
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(status)
