"""Answers of commands, written as they come. They survive an interruption, and ``--resume`` continues."""

from __future__ import annotations

import argparse
import contextlib
import functools
import glob
import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from seqtext import files, signals
from seqtext.cli.outputs import (
    STANDARD,
    is_stream,
    open_stream,
    standard_output,
    to_standard_output,
    write_all,
    write_errors,
    write_whole,
)
from seqtext.cli.unfinished import Progress
from seqtext.errors import ConfigError, DataError

# options that change no answer
_INDECISIVE = ("output", "resume", "batch_size", "device", "devices", "examples", "trust")
# options that name files or pipes. Their content counts, see note_content and Answers.skip
_FILES = (
    "banned",
    "dictionary",
    "input",
    "outputs",
    "prefixes",
    "required",
    "shortlist",
    "terminology",
)
_CONTENT = "content of --"


def add_output(
    parser: argparse.ArgumentParser, what: str = "file to write (default: standard output)"
) -> None:
    """``--output F --resume``."""
    parser.add_argument("--output", metavar="F", help=what)
    parser.add_argument(
        "--resume", action="store_true",
        help="continue an interrupted command after the answers that it has finished; with --output",
    )  # fmt: skip


def note_content(options: argparse.Namespace, name: str, content: object) -> None:
    """Note what a file or pipe holds that an option names. ``--resume`` needs the same."""
    digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()
    setattr(options, f"{_CONTENT}{name}", digest)


class Answers:
    """Where a command puts its answers.

    Args:
        write: Takes sources and the bytes of their answers. Nothing is held back.
        done: Number of sources that were answered before.
        skip: Takes each of these sources. It raises a DataError if other sources were answered.
        begin: Takes the header of the sources, if they have one.
        on_terminal: Whether the answers appear on a terminal.
    """

    def __init__(
        self,
        write: Callable[[Sequence[object], bytes], None],
        done: int = 0,
        skip: Callable[[object], None] = lambda source: None,
        begin: Callable[[object], None] = lambda header: None,
        *,
        on_terminal: bool = False,
    ) -> None:
        self._write, self.done, self.skip, self.begin = write, done, skip, begin
        self.on_terminal = on_terminal

    def add(self, sources: Sequence[object], answers: Sequence[str]) -> None:
        """Write the answer of each source, each with the end of its last line."""
        self._write(sources, "".join(answers).encode())
        self.done += len(answers)


@contextlib.contextmanager
def open_answers(options: argparse.Namespace) -> Iterator[Answers]:
    """The output that ``--output`` and ``--resume`` name.

    A file gets its name when it is whole. Until then it is called ``F.KEY.unfinished``. KEY stands for the
    options that change the answers. An interruption leaves that file.

    Raises:
        ConfigError: ``--resume`` without a file.
        DataError: The output cannot be written, or belongs to another command.
    """
    path: str | None = options.output
    refuse_resume_without_file(options)
    if path is None or path in STANDARD:
        on_terminal = standard_output().isatty()
        yield Answers(lambda _, content: to_standard_output(content), on_terminal=on_terminal)
        return
    if is_stream(path):
        with write_errors(path, "--output"):
            file = open_stream(path)
        with file:
            yield Answers(functools.partial(_write, file, path))
        return
    with unfinished(options) as work:
        yield work.answers
        work.finish()


def refuse_resume_without_file(options: argparse.Namespace) -> None:
    """Refuse ``--resume`` where the output is no file.

    Raises:
        ConfigError: It is given.
    """
    if options.resume and (options.output is None or is_stream(options.output)):
        raise ConfigError("--resume: needs --output with a file, which holds the finished answers")


def _write(file: BinaryIO, path: str, sources: Sequence[object], content: bytes) -> None:
    with write_errors(path, "--output"):
        write_all(file, content)


class Unfinished:
    """A file of answers that is not whole yet. This process alone holds it.

    Args:
        path: The file's name when it is whole.
        place: Its name until then.
        file: Open for reading and writing, at its start.
        progress: The list of its whole answers.
    """

    def __init__(self, path: str, place: Path, file: BinaryIO, progress: Progress) -> None:
        self.path, self.place, self._file, self._progress = path, place, file, progress
        kept = progress.kept(file)
        file.seek(kept.size)
        file.truncate()  # an answer may have been cut in the middle
        self.answers = Answers(self._append, kept.answered, progress.skip, progress.begin)
        self._finished = False

    def _append(self, sources: Sequence[object], content: bytes) -> None:
        _write(self._file, self.path, sources, content)
        with write_errors(self.path, "--output"):
            self._progress.note(sources, content)

    def lines(self) -> list[str]:
        """The lines written so far."""
        self._file.seek(0)
        return self._file.read().decode().split("\n")[:-1]

    def finish(self, content: str | bytes | None = None) -> None:
        """Give the file its name. ``content`` replaces what it holds, if given."""
        if content is not None:
            write_whole(self.path, content)
        with write_errors(self.path, "--output"):
            self._file.close()
            if content is None:
                files.replace(self.place, self.path)
            else:
                self.place.unlink()
            self._progress.remove()
        self._finished = True

    def keep(self) -> None:
        """Say what an interruption leaves, and how to continue."""
        if self._finished or not self.place.exists():
            return
        if not (count := self.answers.done):
            self._file.close()
            self.place.unlink()
            self._progress.remove()
            print("nothing was finished yet, and nothing is kept", file=sys.stderr)
            return
        with contextlib.suppress(OSError):  # the terminal may be closed
            print(
                f"the answers to {count:,} lines are kept in {self.place}. The same command with --resume"
                f" continues at line {count + 1:,}",
                file=sys.stderr,
            )


@contextlib.contextmanager
def unfinished(options: argparse.Namespace) -> Iterator[Unfinished]:
    """The file that holds the answers of this command until it ends. An interruption leaves the file.

    Raises:
        DataError: Another process, or another command, has begun this output.
    """
    path: str = options.output
    place = _unfinished_name(options)
    with write_errors(path, "--output"):
        exists = place.exists()
        if exists and not options.resume:
            _refuse_running(place)
            raise DataError(
                f"--output {path}: this command was interrupted before, and {place} holds its finished"
                " answers. Add --resume to continue, or remove that file"
            )
        file = place.open("r+b" if exists else "x+b", buffering=0)
    with file:
        if not files.lock(file):
            raise _running(place)
        # not around everything: an error while answers are made is no error of the output
        with write_errors(path, "--output"):
            progress = Progress(place)
        with progress:
            with write_errors(path, "--output"):
                work = Unfinished(path, place, file, progress)
            if options.resume:
                done = work.answers.done
                held = f"{place} holds the answers to {done:,} lines"
                told = held if exists else "no unfinished output"
                print(f"resume: {told}, starting at line {done + 1:,}", file=sys.stderr)
            with _ends_in_order():
                try:
                    yield work
                except BaseException:
                    work.keep()
                    raise


def _unfinished_name(options: argparse.Namespace) -> Path:
    """The name of the unfinished output of these options.

    Raises:
        CheckpointError: There is no such checkpoint.
        DataError: There is an unfinished output of other options.
    """
    from seqtext.checkpoint.location import find, models_in

    decisive: dict[str, object] = {k: v for k, v in vars(options).items() if k not in _INDECISIVE}
    decisive |= dict.fromkeys(_FILES)
    for path in [find(model) for place in options.checkpoints for model in models_in(place)]:
        status = path.stat()
        decisive[str(path)] = status.st_size, status.st_mtime_ns
    target = os.path.realpath(options.output)

    def name(precision: str) -> Path:
        content = json.dumps({**decisive, "precision": precision}, sort_keys=True)
        return Path(f"{target}.{hashlib.sha256(content.encode()).hexdigest()[:8]}.unfinished")

    mine = name(options.precision)
    for other in map(Path, glob.glob(f"{glob.escape(target)}.{'[0-9a-f]' * 8}.unfinished")):
        if other != mine:
            _refuse_running(other)
            for precision in ("fp32", "bf16", "int8"):
                if other == name(precision):
                    raise DataError(
                        f"--output {options.output}: {other} holds answers in {precision}. Finish that"
                        f" command with --precision {precision} --resume, or remove the file"
                    )
            named = [name for name in decisive if name.startswith(_CONTENT)]
            raise DataError(
                f"--output {options.output}: {other} holds the answers of a command with other options or"
                f" another {' or '.join(['checkpoint', *named])}. Finish that command with --resume, or"
                " remove the file"
            )
    return mine


def _refuse_running(place: Path) -> None:
    with place.open("r+b") as file:
        if not files.lock(file):
            raise _running(place)


def _running(place: Path) -> DataError:
    return DataError(f"{place}: another process is writing it. Wait for its end")


@contextlib.contextmanager
def _ends_in_order() -> Iterator[None]:
    """Every signal that asks to stop ends the command as Ctrl-C does."""

    def end(number: int, frame: object) -> None:
        raise signals.Stopped(number)

    before = signals.listen(end)
    try:
        yield
    finally:
        signals.restore(before)
