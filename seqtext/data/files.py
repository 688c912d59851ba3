"""Files, packed or not -> bytes and lines of text. Their first bytes say what they are."""

from __future__ import annotations

import contextlib
import gzip
import io
import re
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from seqtext.errors import DataError

PACKINGS = (".gz", ".zst")
UNREADABLE = (OSError, EOFError, zlib.error)  # what reading raises, of a packed file too
_GZIP, _ZSTANDARD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_MARK = b"\xef\xbb\xbf"  # byte-order mark of UTF-8
_NO_TEXT = {  # pattern of the first bytes -> what such a file is, and what to do
    b"PK\x03\x04": "a ZIP archive or an office document; unpack it, or save a spreadsheet as CSV (UTF-8)",
    b"BZh[1-9]1AY&SY": "packed by bzip2; unpack it with bunzip2, or pack it with gzip or zstd",
    b"\xfd7zXZ\x00": "packed by xz; unpack it with unxz, or pack it with gzip or zstd",
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive; unpack it",
    b"PAR1\x15": "a Parquet file; its name must end with .parquet",
    b"ARROW1\x00": "an Arrow file; convert it to Parquet",
    b"%PDF-": "a PDF document; save its text as UTF-8",
    b"\xd0\xcf\x11\xe0": "an old office document; save it as CSV (UTF-8)",
    b"\xff\xfe\x00\x00": "UTF-32; convert it with: iconv -f UTF-32 -t UTF-8 FILE > NEW",
    b"\xff\xfe": "UTF-16; convert it with: iconv -f UTF-16 -t UTF-8 FILE > NEW",
    b"\xfe\xff": "UTF-16; convert it with: iconv -f UTF-16 -t UTF-8 FILE > NEW",
}  # longer ones first where one begins with another


def ending_of(name: str) -> str:
    """The ending of a file's name in lower case, without a dot. That of a packing does not count."""
    path = Path(name.lower())
    suffix = Path(path.stem).suffix if path.suffix in PACKINGS else path.suffix
    return suffix[1:]


@contextlib.contextmanager
def open_file(path: Path, *, unpack: bool = True) -> Iterator[io.BufferedIOBase]:
    """Open for reading bytes, unpacked whatever the name says.

    Raises:
        DataError: It cannot be.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
    with file:
        yield unpacked(file, str(path)) if unpack else file


def unpacked(stream: io.BufferedIOBase, name: str) -> io.BufferedIOBase:
    """The content of an open file or stream, which its first bytes say how to unpack.

    Args:
        stream: Open for reading bytes, at its start. It may be a pipe. Its owner closes it.
        name: What to call it in an error message.

    Returns:
        A file of bytes: ``stream`` itself where it is not packed.

    Raises:
        DataError: It cannot be read.
    """
    # a pipe has no way back, so the first bytes stay where they are
    if isinstance(stream, io.BufferedReader):
        file: io.BufferedReader = stream
    else:
        file = io.BufferedReader(stream)
    try:
        start = file.peek(4)
        if start.startswith(_GZIP):
            return gzip.GzipFile(fileobj=file)
        if start.startswith(_ZSTANDARD):
            import pyarrow

            return io.BufferedReader(pyarrow.CompressedInputStream(file, "zstd"))
        return file
    except OSError as error:
        raise DataError(f"{name}: cannot be read ({error.strerror or error})") from error


def first_bytes(path: Path) -> bytes:
    """The first 64 KiB of a file, unpacked. Empty where they are damaged.

    Raises:
        DataError: It cannot be opened.
    """
    with open_file(path) as file:
        try:
            return file.read(1 << 16)
        except UNREADABLE:
            return b""  # a reader says what is wrong, and where


def check_text(start: bytes, name: str) -> None:
    """Refuse what its first bytes show to be no text.

    Raises:
        DataError: The message says what the file is, and what to do.
    """
    for pattern, what in _NO_TEXT.items():
        if re.match(pattern, start):
            raise DataError(f"{name}: is {what}")


def text_lines(
    file: Iterable[bytes],
    name: str,
    *,
    before: int = 0,
    ends: bool = False,
    lenient: bool = False,
) -> Iterator[str]:
    """Lines as they are. A byte-order mark at the start is dropped.

    Args:
        file: Open for reading bytes, see ``unpacked``. Lines end with LF or CRLF. Where there is no LF at
            all, they end with CR, as on old Macs.
        name: What to call it in an error message.
        before: Lines of the file that came before these.
        ends: Keep the end of each line.
        lenient: Put U+FFFD where bytes are not UTF-8.

    Raises:
        DataError: Not UTF-8, no text at all, or unreadable. Names ``name`` and the line.
    """
    number, errors = before, "replace" if lenient else "strict"
    try:
        for raw in file if before else _lines(file, name):
            number += 1
            line = raw if ends else raw.removesuffix(b"\n").removesuffix(b"\r")
            yield line.decode("utf-8", errors)
    except UnicodeDecodeError as error:
        raise DataError(
            f"{name}:{number}: not UTF-8 (byte 0x{error.object[error.start]:02x} at position"
            f" {error.start + 1}); convert it to UTF-8"
        ) from error
    except UNREADABLE as error:
        raise DataError(f"{name}: cannot be read after line {number} ({error})") from error


def _lines(file: Iterable[bytes], name: str) -> Iterator[bytes]:
    lines = iter(file)
    first = next(lines, None)
    if first is None:
        return
    check_text(first, name)
    first = first.removeprefix(_MARK)
    if first.endswith(b"\n"):
        yield first
    else:  # the only line, or all lines of an old Mac
        yield from re.findall(b"[^\r]*\r|[^\r]+", first)
    yield from lines
