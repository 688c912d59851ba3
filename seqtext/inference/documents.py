"""Documents: texts of any length, decoded sentence by sentence and put together again."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqtext.data.texts import SourceRow, texts_of
from seqtext.errors import ConfigError
from seqtext.inference.hypothesis import Hypothesis
from seqtext.search.config import SearchConfig

if TYPE_CHECKING:
    from seqtext.inference.constraints.options import Constraints
    from seqtext.inference.generator import Generator

Segment = Callable[[str, str], list[str]]
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]+)*")
_SPACE = re.compile(r"\s")
_SPACES = re.compile(r"\s+")
# Where a long sentence is divided: behind punctuation inside it, with the space that follows
_CLAUSE_END = re.compile(r"[,;:)\]…–—]+\s+|[、，；：]\s*")


@dataclass(frozen=True, kw_only=True)
class Document:
    """A text whose sentences were decoded one by one.

    Args:
        text: Outputs of the sentences, with the space that stands between their sources.
        sources: The sentences as they were decoded, without the space around them.
        hypotheses: The best hypothesis of each sentence.
    """

    text: str
    sources: tuple[str, ...]
    hypotheses: tuple[Hypothesis, ...]


def generate_documents(
    generator: Generator,
    texts: Iterable[SourceRow],
    language: str,
    config: SearchConfig,
    constraints: Constraints | None = None,
) -> list[Document]:
    """``Generator.generate_documents`` with its options as objects."""
    if constraints is not None:
        constraints.refuse_own("a document")
    segment = load_segmenter(language)
    if not generator.source_columns.plain:
        raise ConfigError(
            f"a document is one text, and this model reads columns: {generator.source_columns}"
        )
    if config.outputs > 1:
        option = "samples" if config.samples > 1 else "n_best"
        raise ConfigError(f"{option}: {config.outputs}, but a document has one output")
    known = [n for n in (generator.source_limit, generator.longest_source) if n is not None]
    limit, encode = min(known, default=None), generator.tokenizers.source.encode

    def fits(text: str) -> bool:
        return limit is None or len(encode([text])[0]) <= limit

    documents = []
    for text in texts_of(texts, "texts", generator.source_columns):
        sentences = split_sentences(text, language, segment)
        parts = [[*divide(sentence, fits)] for sentence in sentences]
        generator.counts.divided += sum(len(several) > 1 for several in parts)
        documents.append([part for several in parts for part in several])
    sources = [[part.strip() for part in parts if part.strip()] for parts in documents]
    every = [text for texts in sources for text in texts]
    decoded = iter(generator.search(every, config, constraints))
    return [
        _join(parts, texts, [next(decoded)[0] for _ in texts])
        for parts, texts in zip(documents, sources, strict=True)
    ]


def load_segmenter(language: str) -> Segment:
    """The function that finds the sentences of a line.

    Raises:
        ConfigError: ``language`` is no code, or ``sentencex`` is not installed.
    """
    if not isinstance(language, str) or not _LANGUAGE.fullmatch(language.lower()):
        raise ConfigError(f"language: {language!r:.60}, expected a code such as en, de or ja")
    try:
        from sentencex import segment
    except ImportError:
        raise ConfigError(
            "language: sentencex, which finds sentences, is not installed. Install it with: pip install"
            " sentencex"
        ) from None
    segmenter: Segment = segment
    return segmenter


def split_sentences(text: str, language: str, segment: Segment) -> Iterator[str]:
    """The sentences of a text, each with the space around it. Together they are the text.

    Args:
        text: Any text. A sentence ends with its line.
        language: Code of its language. An unknown one has the rules of English.
        segment: See ``load_segmenter``.
    """
    for line in text.splitlines(keepends=True):
        start = 0
        # sentencex 1.0.32 panics at a no-break space before an initial, as in J. R. Tolkien
        for sentence in segment(language.lower(), _SPACE.sub(" ", line)):
            yield line[start : start + len(sentence)]
            start += len(sentence)


def divide(text: str, fits: Callable[[str], bool]) -> Iterator[str]:
    """Parts of a text that all fit, cut at punctuation, else at a space, else anywhere.

    A cut lies in the middle half of what it divides, so that no part is a word or two.
    """
    if len(text) < 2 or fits(text):
        yield text
        return
    middle, quarter = len(text) // 2, max(1, len(text) // 4)
    ends = [middle]
    for pattern in (_CLAUSE_END, _SPACES):
        matches = pattern.finditer(text, quarter, len(text) - quarter)
        if inside := [match.end() for match in matches]:
            ends = inside
            break
    end = min(ends, key=lambda end: abs(end - middle))
    yield from divide(text[:end], fits)
    yield from divide(text[end:], fits)


def _join(
    parts: Sequence[str], sources: Sequence[str], hypotheses: Sequence[Hypothesis]
) -> Document:
    """Put the outputs in the places of their sources."""
    outputs, joined, space = iter(hypotheses), "", ""
    begun = False
    for part in parts:
        text = part.strip()
        before, _, behind = part.partition(text) if text else (part, "", "")
        space += before
        if text:
            output = next(outputs).text
            joined += (_space_between(space, joined) if begun else space) + output
            space, begun = behind, True
    return Document(text=joined + space, sources=tuple(sources), hypotheses=tuple(hypotheses))


def _space_between(space: str, left: str) -> str:
    """The space between two outputs.

    Languages such as Chinese write none. So none or a single one follows the writing of the output.
    """
    if space not in ("", " "):
        return space
    return "" if left and unicodedata.east_asian_width(left[-1]) in "WF" else " "
