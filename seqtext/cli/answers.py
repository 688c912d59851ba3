"""Answers of commands as they come. They survive an interruption, and ``--resume`` goes on from there."""

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
from typing import Any, BinaryIO, TypeVar

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
from seqtext.cli.progress import watched
from seqtext.cli.streams import CHUNK, as_json
from seqtext.cli.unfinished import Progress
from seqtext.errors import ConfigError, DataError

T = TypeVar("T")
# options that change no answer
_INDECISIVE = ("output", "resume", "batch_size", "device", "show", "trust")
_NO_FILE = "--resume: needs --output with a file, which holds what is finished"


def add_output(
    parser: argparse.ArgumentParser, what: str = "file to write (default: standard output)"
) -> None:
    """``--output F --resume``."""
    parser.add_argument("--output", metavar="F", help=what)
    parser.add_argument(
        "--resume", action="store_true",
        help="go on with an interrupted command behind what it had finished; with --output",
    )  # fmt: skip


class Answers:
    """Where a command puts its answers.

    Args:
        write: Takes sources and the bytes of their answers. Nothing is held back.
        done: Sources whose answers are there already.
        skip: Takes each of these sources. It raises a DataError if they are others than those answered.
        on_terminal: Somebody reads the answers as they come.
    """

    def __init__(
        self,
        write: Callable[[Sequence[Any], bytes], None],
        done: int = 0,
        skip: Callable[[Any], None] = lambda source: None,
        *,
        on_terminal: bool = False,
    ) -> None:
        self._write, self.done, self.skip, self.on_terminal = write, done, skip, on_terminal

    def add(self, sources: Sequence[Any], answers: Sequence[str]) -> None:
        """Write the answer of each source, each with the end of its last line."""
        self._write(sources, "".join(answers).encode())
        self.done += len(answers)


@contextlib.contextmanager
def open_answers(options: argparse.Namespace) -> Iterator[Answers]:
    """The output that ``--output`` and ``--resume`` name.

    A file appears under its name when it is whole. Until then it is ``F.KEY.unfinished``, where KEY
    stands for the options that the answers depend on. An interruption leaves that file.

    Raises:
        ConfigError: ``--resume`` without a file.
        DataError: The output cannot be written, or belongs to another command.
    """
    path: str | None = options.output
    if options.resume and (path is None or is_stream(path)):
        raise ConfigError(_NO_FILE)
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


def _write(file: BinaryIO, path: str, sources: Sequence[Any], content: bytes) -> None:
    with write_errors(path, "--output"):
        write_all(file, content)


class Unfinished:
    """A file of answers that is not whole yet, held by this process alone.

    Args:
        path: What the file will be called.
        place: What it is called until then.
        file: Open for reading and writing, at its start.
        progress: What is known of its content.
    """

    def __init__(self, path: str, place: Path, file: BinaryIO, progress: Progress) -> None:
        self.path, self.place, self._file, self._progress = path, place, file, progress
        kept = progress.kept(file)
        file.seek(kept.size)
        file.truncate()  # an answer may have been cut in the middle
        self.answers = Answers(self._append, kept.answered, progress.skip)
        self._finished = False

    def _append(self, sources: Sequence[Any], content: bytes) -> None:
        _write(self._file, self.path, sources, content)
        with write_errors(self.path, "--output"):
            self._progress.note(sources, content)

    def lines(self) -> list[str]:
        """What is there already, a line each."""
        self._file.seek(0)
        return self._file.read().decode().split("\n")[:-1]

    def finish(self, content: str | None = None) -> None:
        """Give the file its name. With ``content``, write that instead."""
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
        """Say what an interruption leaves, and how to go on."""
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
                f"the answers to {count:,} lines are kept in {self.place}; the same command with --resume"
                f" goes on at line {count + 1:,}",
                file=sys.stderr,
            )


@contextlib.contextmanager
def unfinished(options: argparse.Namespace) -> Iterator[Unfinished]:
    """The file that holds the answers of this command until it ends, and keeps them if it is interrupted.

    Raises:
        DataError: Another process, or another command, has begun this output.
    """
    path: str = options.output
    place = _place(options)
    with write_errors(path, "--output"):
        there = place.exists()
        if there and not options.resume:
            _refuse_running(place)
            raise DataError(
                f"--output {path}: this command was interrupted before, and {place} holds what it finished."
                " Add --resume to go on, or remove that file"
            )
        file = place.open("r+b" if there else "x+b", buffering=0)
    with file:
        if not files.lock(file):
            raise _running(place)
        # not around the whole: what goes wrong while answers are made is no fault of the output
        with write_errors(path, "--output"):
            progress = Progress(place)
        with progress:
            with write_errors(path, "--output"):
                work = Unfinished(path, place, file, progress)
            if options.resume:
                done = work.answers.done
                told = (
                    f"{place} holds the answers to {done:,} lines"
                    if there
                    else "nothing to go on with"
                )
                print(f"resume: {told}, starting at line {done + 1:,}", file=sys.stderr)
            with _ends_in_order():
                try:
                    yield work
                except BaseException:
                    work.keep()
                    raise


def _place(options: argparse.Namespace) -> Path:
    """What the unfinished output of these options is called.

    Raises:
        CheckpointError: There is no such checkpoint.
        DataError: There is one of other options.
    """
    from seqtext import checkpoint

    decisive: dict[str, Any] = {k: v for k, v in vars(options).items() if k not in _INDECISIVE}
    decisive["input"] = None  # a pipe has another name each time; what is in it is compared
    for found in map(checkpoint.find, options.checkpoints):
        status = found.stat()
        decisive[str(found)] = status.st_size, status.st_mtime_ns
    key = hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:8]
    target = os.path.realpath(options.output)
    mine = Path(f"{target}.{key}.unfinished")
    for other in map(Path, glob.glob(f"{glob.escape(target)}.{'[0-9a-f]' * 8}.unfinished")):
        if other != mine:
            _refuse_running(other)
            raise DataError(
                f"--output {options.output}: {other} holds what a command with other options, or with"
                " another checkpoint, has finished. End that one with --resume, or remove the file"
            )
    return mine


def _refuse_running(place: Path) -> None:
    with place.open("r+b") as file:
        if not files.lock(file):
            raise _running(place)


def _running(place: Path) -> DataError:
    return DataError(f"{place}: another process is writing it; wait for its end")


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


class Collected:
    """Answers of a command that needs them all in the end, kept as JSON lines until then.

    Args:
        work: The file that holds them; None where no file is written.
        path: What ``--output`` names.
    """

    def __init__(self, work: Unfinished | None, path: str | None) -> None:
        self._work, self._path = work, path

    def answers_to(
        self, sources: Sequence[T], answer: Callable[[Sequence[T]], list[Any]], what: str
    ) -> list[Any]:
        """What ``answer`` makes of sources, read or computed.

        Raises:
            DataError: More is kept than there are sources, or answers of other sources.
        """
        found = _earlier(self._work, sources, what) if self._work else []
        done = len(found)
        chunks = (sources[i : i + CHUNK] for i in range(done, len(sources), CHUNK))
        for chunk in watched(chunks, what, found.__len__, len(sources)):
            new = answer(chunk)
            if self._work:
                self._work.answers.add(chunk, [f"{as_json(one)}\n" for one in new])
            found.extend(new)
        return found

    def finish(self, content: str) -> None:
        """Write the output, if one is wanted.

        Raises:
            DataError: It cannot be written.
        """
        if self._work:
            self._work.finish(content)
        elif self._path is not None:
            write_whole(self._path, content)


def _earlier(work: Unfinished, sources: Sequence[Any], what: str) -> list[Any]:
    """The answers that are kept, once they are known to be of these sources."""
    found = [json.loads(line) for line in work.lines()]
    if len(found) > len(sources):
        raise DataError(
            f"--resume: {len(found):,} answers are kept for {len(sources):,} {what}; the corpus has"
            " changed. Leave --resume out, and remove the kept file"
        )
    for source in sources[: len(found)]:
        work.answers.skip(source)
    return found


@contextlib.contextmanager
def collected_answers(options: argparse.Namespace) -> Iterator[Collected]:
    """Likewise of ``open_answers``, where the output is written at the end."""
    path: str | None = options.output
    if path is not None and not is_stream(path):
        with unfinished(options) as work:
            yield Collected(work, path)
        return
    if options.resume:
        raise ConfigError(_NO_FILE)
    yield Collected(None, path)
