"""Remember how far an interrupted command came: its whole answers, and their sources."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

from seqtext.errors import DataError


class Kept(NamedTuple):
    """The whole answers at the start of a file."""

    answered: int = 0  # number of answered sources
    size: int = 0  # bytes of their answers
    sources: str = ""  # digest of the sources


class Progress:
    """A list beside an unfinished file. It has the positions in bytes where an answer ended.

    Args:
        place: The unfinished file.
    """

    def __init__(self, place: Path) -> None:
        self._path = place.with_suffix(".progress")
        self._kept, self._skipped = Kept(), 0
        self._sources = hashlib.sha256()
        self._file = self._path.open("a+b", buffering=0)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def kept(self, file: BinaryIO) -> Kept:
        """Find the answers in ``file`` that are as they were written. The list forgets all others."""
        kept, end = Kept(), 0
        self._file.seek(0)
        for line in self._file.read().splitlines(keepends=True):
            with contextlib.suppress(ValueError, KeyError, TypeError):
                row = json.loads(line)
                count, size, sources = row["count"], row["size"], row["sources"]
                if _checksum(count, sources, file.read(size)) == row["checksum"]:
                    kept = Kept(kept.answered + count, kept.size + size, sources)
                    end += len(line)
                    continue
            break
        self._file.truncate(end)
        self._kept = kept
        return kept

    def begin(self, header: object) -> None:
        """Note what stands before the first source, and says how all are read."""
        self._add(header)

    def skip(self, source: object) -> None:
        """Skip a source that is answered.

        Raises:
            DataError: After the last one, the sources are not those that were answered.
        """
        self._add(source)
        self._skipped += 1
        if self._skipped == self._kept.answered and self._sources.hexdigest() != self._kept.sources:
            raise DataError(
                f"--resume: the first {self._skipped:,} texts are not those that were answered before the"
                " interruption. Their header, --prefixes and --required count too. Give the same input, or"
                " remove the unfinished file and start again"
            )

    def note(self, sources: Sequence[object], content: bytes) -> None:
        """``content``, the answers of ``sources``, is written."""
        for source in sources:
            self._add(source)
        count, digest = len(sources), self._sources.hexdigest()
        row = {
            "count": count,
            "size": len(content),
            "sources": digest,
            "checksum": _checksum(count, digest, content),
        }
        self._file.write(f"{json.dumps(row)}\n".encode())

    def _add(self, source: object) -> None:
        self._sources.update(f"{json.dumps(source)}\n".encode())

    def remove(self) -> None:
        """Remove the list, when the output is whole or empty."""
        self._file.close()
        self._path.unlink(missing_ok=True)


def _checksum(count: int, sources: str, content: bytes) -> str:
    return hashlib.sha256(f"{count} {sources}\n".encode() + content).hexdigest()
