"""Translation memories (TMX 1.4)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from seqtext.data.files import UNREADABLE, open_file
from seqtext.data.readers.rows import Columns, Record, by_language, records
from seqtext.errors import DataError

_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"


def read_tmx(paths: list[Path], columns: Columns, *, lenient: bool = False) -> Iterator[Record]:
    """A translation memory. Columns are languages, where ``en`` stands for ``en-GB`` as well.

    Inline markup is taken out with its text, and the text that it encloses stays. A unit that lacks one
    of the languages is a record that says so.

    Raises:
        DataError: Not XML, or without translation units.
    """
    [path] = paths
    with open_file(path) as file:
        number = 0
        try:
            for _, element in ElementTree.iterparse(file):
                if element.tag != "tu":
                    continue
                number += 1
                texts = _texts(element)
                element.clear()
                where = f"{path}, unit {number}"
                yield from records(by_language(texts, columns), columns, where)
        except DataError:
            raise
        except (ElementTree.ParseError, LookupError, ValueError) as error:
            # the parser raises LookupError or ValueError for an encoding that it does not know
            raise DataError(f"{path}: not a TMX file ({error})") from error
        except UNREADABLE as error:
            raise DataError(f"{path}: cannot be read after unit {number} ({error})") from error
    if not number:
        raise DataError(f"{path}: there are no translation units (<tu>) in it")


def _texts(unit: ElementTree.Element) -> dict[str, str]:
    """The first text of each language."""
    texts: dict[str, str] = {}
    for version in unit.iter("tuv"):
        language = version.get(_LANGUAGE) or version.get("lang") or ""
        if (segment := version.find("seg")) is not None:
            texts.setdefault(language.lower(), " ".join(_content(segment).split()))
    return texts


def _content(segment: ElementTree.Element) -> str:
    """The text of a segment. The content of ``hi`` and ``sub`` is text, that of other elements markup."""
    parts = [segment.text or ""]
    for child in segment:
        if child.tag in ("hi", "sub"):
            parts.append(_content(child))
        parts.append(child.tail or "")
    return "".join(parts)
