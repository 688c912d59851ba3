"""What the tests of the data share."""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable
from pathlib import Path

import pyarrow
import pytest
from hypothesis import settings

settings.register_profile("data", deadline=None, database=None)
settings.load_profile("data")

ENGLISH = "the a dog cat child woman sees hears finds reads old small red house book often today"
GERMAN = "der ein Hund Katze Kind Frau sieht hört findet liest alt klein rot Haus Buch oft heute"


@pytest.fixture(scope="session")
def pairs() -> list[tuple[str, str]]:
    """150 pairs of unlike lengths; the words are of two languages, the sentences of none."""
    generator = random.Random(7)

    def sentence(words: str) -> str:
        return " ".join(generator.choices(words.split(), k=generator.randint(2, 9))) + "."

    return [(sentence(ENGLISH), sentence(GERMAN)) for _ in range(150)]


@pytest.fixture(scope="session")
def texts(pairs: list[tuple[str, str]]) -> list[str]:
    """Both sides of ``pairs``."""
    return [text for pair in pairs for text in pair]


@pytest.fixture(scope="session")
def put() -> Callable[[Path, bytes], Path]:
    """Write bytes to a file, packed if its name ends with ``.gz`` or ``.zst``."""

    def write(path: Path, content: bytes) -> Path:
        if path.suffix == ".gz":
            content = gzip.compress(content, 1)
        elif path.suffix == ".zst":
            content = pyarrow.compress(content, "zstd", asbytes=True)
        path.write_bytes(content)
        return path

    return write
