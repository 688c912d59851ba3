"""The first bytes of a file -> its format, where the name does not say it or says it wrongly."""

from __future__ import annotations

import json
import re

from seqtext.data.readers.labelled import LABEL_MARK
from seqtext.data.readers.rows import Columns
from seqtext.data.readers.tables import are_numbers, first_row, has_columns

_BYTES = {  # pattern of the first bytes -> format
    rb"PAR1\x15": "parquet",
    rb"PK\x03\x04.*(\[Content_Types\]\.xml|xl/|opendocument\.spreadsheet)": "xlsx",
    rb"\xd0\xcf\x11\xe0": "xlsx",  # of old office documents
}
_ROOTS = {"tmx": "tmx", "xliff": "xliff", "TS": "ts", "resources": "android"}  # of XML -> format
_ROOT = re.compile(
    r"\s*(?:(?:<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^>\[]*(?:\[.*?\]\s*)?>)\s*)*<(?:\w+:)?(\w+)",
    re.DOTALL,
)
_PO = re.compile(r'^msgid(?:_plural)?[ \t]*".*^msgstr(?:\[0\])?[ \t]*"', re.DOTALL | re.MULTILINE)
_JSON_VALUE = re.compile(r'[\[{]\s*[\[{"\]}]')  # how a value of several lines begins
_LIST_OF_OBJECTS = re.compile(r"\s*\[\s*\{|\s*\{\s*\n")


def detect_format(start: bytes, columns: Columns, named: str | None) -> str | None:
    """The format of a file. None where nothing tells.

    The format of the file's ending counts, unless the start of the file contradicts it.

    Args:
        start: The first bytes of its content.
        columns: A table of comma-separated values has them in its header, which plain text has not.
        named: The format that the ending of its name means, if any.
    """
    if named in ("parquet", "tmx", "properties"):
        return named
    for pattern, name in _BYTES.items():
        if re.match(pattern, start, re.DOTALL):
            return name
    text = start.decode("utf-8-sig", "ignore")
    if named is not None and not _contradicts(text, columns, named):
        return named
    return _of_text(text, columns) or named


def _contradicts(text: str, columns: Columns, named: str) -> bool:
    """Whether the start of a text file shows that it has another format than its ending says."""
    if named == "csv" and are_numbers(columns) and "\t" in _first_line(text):
        return not text.startswith('"')  # commas may also be in the text between tabs
    if named in ("csv", "tsv"):
        first = first_row(text, ",") if named == "csv" else _first_line(text).split("\t")
        return not has_columns(first, columns)
    if named == "jsonl":
        return _LIST_OF_OBJECTS.match(text) is not None
    if named in ("po", "xliff", "ts"):
        return _of_translations(text) != named
    return named == "xlsx"  # without the first bytes of one


def _of_text(text: str, columns: Columns) -> str | None:
    first = _first_line(text)
    if first.startswith(LABEL_MARK):
        return "fasttext"
    if text.lstrip()[:1] in ("[", "{") and (kind := _of_json(text, first, columns)):
        return kind
    if kind := _of_translations(text):
        return kind
    if "\t" in first:
        return "tsv"
    if not are_numbers(columns) and has_columns(first_row(text, ","), columns):
        return "csv"
    return None


def _of_translations(text: str) -> str | None:
    root = _ROOT.match(text)
    return _ROOTS.get(root[1]) if root else "po" if _PO.search(text) else None


def _of_json(text: str, first: str, columns: Columns) -> str | None:
    """Whether a row or the only value of the file stands in its first line. None where it is no JSON."""
    try:
        value = json.loads(first)
    except (ValueError, RecursionError):
        return "json" if _JSON_VALUE.match(text.lstrip()) else None
    if text[len(first) :].strip():
        return "jsonl"
    if isinstance(value, dict):
        return "jsonl" if has_columns(list(value), columns) else "json"
    return "json" if value and isinstance(value[0], dict | list) else "jsonl"


def _first_line(text: str) -> str:
    return re.split(r"[\r\n]", text, maxsplit=1)[0]
