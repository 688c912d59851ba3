"""Where each word of an output came from: what the network attended to, and how much it copied."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from seqtext.data.texts import SourceRow, texts_of
from seqtext.inference.constraints.options import Constraints
from seqtext.inference.explanation import Explanation, Paragraph, Word, paint
from seqtext.inference.generator import Generator
from seqtext.inference.reading import WordReading
from seqtext.search.config import SearchConfig

_GREEN, _DIM = "32", "2"


@dataclass(frozen=True, kw_only=True)
class OutputExplanation(Explanation):
    """One output, word by word.

    Args:
        source: Words of the source.
        words: Words of the output.
        attention: Attention of each word of the output to each word of the source. It is the sum over the
            source word's pieces, and the mean over the output word's. The rest to 1 went to the source's
            end.
        copied: Share of each output word's probability that was copied, the mean over its pieces. It is 0
            without ``network.copying``.
    """

    title: ClassVar[str] = "Where each word came from"

    source: list[str]
    words: list[str]
    attention: list[list[float]]
    copied: list[float]

    def origin(self, word: int) -> tuple[int, float]:
        """The source word that an output word attended to most, and its attention."""
        row = self.attention[word]
        best = max(range(len(row)), key=row.__getitem__)
        return best, row[best]

    @classmethod
    def intro(cls, explanations: Sequence[OutputExplanation]) -> str:
        told = (
            "A row of a table is a word of the output, a column a word of the source. The darker a cell, the"
            " more attention the source word got. Numbers are percent."
        )
        if any(any(explanation.copied) for explanation in explanations):
            told += " The greener a word of an output, the more of it was copied."
        return told

    def lines(self, colours: bool) -> list[str]:
        width = max(map(len, self.words), default=0)
        lines = [" ".join(self.source), f"-> {' '.join(self.words)}"]
        for i, (word, copied) in enumerate(zip(self.words, self.copied, strict=True)):
            line, weight = f"  {word:{width}s}", 0.0
            if self.source:
                place, weight = self.origin(i)
                line += f"  <- {self.source[place]} ({weight:.2f})"
            if copied >= 0.005:
                line += f", copied {copied:.0%}"
            code = _GREEN if copied >= 0.5 else _DIM if weight < 0.2 else "0"
            lines.append(paint(line, code) if colours else line)
        return lines

    def paragraphs(self) -> list[Paragraph]:
        output = [
            Word(word, 0.6 * share, f"{share:.0%} copied" if share else "")
            for word, share in zip(self.words, self.copied, strict=True)
        ]
        return [
            Paragraph("source", [Word(word) for word in self.source]),
            Paragraph("output", output),
        ]

    @property
    def links(self) -> list[list[float]]:
        return self.attention


def explain(
    generator: Generator,
    sources: Iterable[SourceRow],
    config: SearchConfig,
    constraints: Constraints | None = None,
) -> list[OutputExplanation]:
    """Decode, read every output again, and note attention and copying. Ensembles give the mean.

    Raises:
        CheckpointError, ConfigError: See ``Generator.generate``.
    """
    generator.check_attention()
    texts = texts_of(sources, "sources", generator.source_columns)
    ids, unknown = generator.encode(texts)
    decoded = generator.decode(ids, unknown, config, generator.constrain(texts, constraints))
    outputs = [best.ids for best, *_ in decoded]
    return [_explained(each) for each in generator.read(ids, outputs, unknown, config.batch_size)]


def _explained(read: WordReading) -> OutputExplanation:
    return OutputExplanation(
        source=[word.text for word in read.source],
        words=[word.text for word in read.target],
        attention=read.attention(),
        copied=[float(read.reading.copied[word.places].mean()) for word in read.target],
    )
