"""Answers of a command that needs them all before it writes its output, as scores do."""

from __future__ import annotations

import argparse
import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from seqtext.cli.answers import Unfinished, refuse_resume_without_file, unfinished
from seqtext.cli.outputs import is_stream, write_whole
from seqtext.cli.progress import watched
from seqtext.cli.streams import CHUNK, as_json
from seqtext.errors import DataError

AnswerT = TypeVar("AnswerT")
SourceT = TypeVar("SourceT")


class Collected:
    """Answers, kept as JSON lines until the output is written.

    Args:
        work: The file that holds them. None where no file is written.
        path: The value of ``--output``.
    """

    def __init__(self, work: Unfinished | None, path: str | None) -> None:
        self._work, self._path = work, path

    def answers_to(
        self,
        sources: Sequence[SourceT],
        answer: Callable[[Sequence[SourceT]], list[AnswerT]],
        what: str,
    ) -> list[AnswerT]:
        """The answer to each source, kept or computed.

        Args:
            sources: Sources, as JSON can write them.
            answer: Computes the answers to some sources, as JSON can write them.
            what: What the sources are called.

        Raises:
            DataError: More answers are kept than there are sources, or answers to other sources.
        """
        answers: list[AnswerT] = self._kept(sources, what)
        done = len(answers)
        chunks = (sources[i : i + CHUNK] for i in range(done, len(sources), CHUNK))
        for chunk in watched(chunks, what, answers.__len__, len(sources)):
            new = answer(chunk)
            if self._work:
                self._work.answers.add(chunk, [f"{as_json(each)}\n" for each in new])
            answers.extend(new)
        return answers

    def _kept(self, sources: Sequence[SourceT], what: str) -> list[AnswerT]:
        """The answers that are kept. They are answers to the first of these sources."""
        if self._work is None:
            return []
        kept = [json.loads(line) for line in self._work.lines()]
        if len(kept) > len(sources):
            raise DataError(
                f"--resume: {len(kept):,} answers are kept for {len(sources):,} {what}, so the corpus has"
                " changed. Leave --resume out, and remove the kept file"
            )
        for source in sources[: len(kept)]:
            self._work.answers.skip(source)
        return kept

    def finish(self, content: str | bytes) -> None:
        """Write the output, if the command has one.

        Raises:
            DataError: It cannot be written.
        """
        if self._work:
            self._work.finish(content)
        elif self._path is not None:
            write_whole(self._path, content)


@contextlib.contextmanager
def collected_answers(options: argparse.Namespace) -> Iterator[Collected]:
    """``open_answers`` of a command that writes its output at the end."""
    refuse_resume_without_file(options)
    path: str | None = options.output
    if path is None or is_stream(path):
        yield Collected(None, path)
        return
    with unfinished(options) as work:
        yield Collected(work, path)
