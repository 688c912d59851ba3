"""Where each word of an output came from: what the network attended to, and how much it copied."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from seqtext.data.batch import IGNORE, collate
from seqtext.data.readers.columns import SYMBOL
from seqtext.data.texts import SourceRow, texts_of
from seqtext.data.tokenizer import SPACE, Tokenizer
from seqtext.inference.constraints.options import Constraints
from seqtext.inference.explanation import Explanation, Paragraph, Word, paint
from seqtext.inference.generator import Generator
from seqtext.search.config import SearchConfig

Pieces = list[int]  # places of the pieces of a word
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
    texts = texts_of(sources, "sources", generator.source_columns)
    ids, unknown = generator.encode(texts)
    decoded = generator.decode(ids, unknown, config, generator.constrain(texts, constraints))
    return [
        _explained(generator, *row)
        for row in zip(ids, unknown, (best.ids for best, *_ in decoded), strict=True)
    ]


def _explained(
    generator: Generator, source: list[int], unknown: Sequence[str], output: Sequence[int]
) -> OutputExplanation:
    """The explanation of an output, whose ids beyond the vocabulary are the ``unknown`` words."""
    if not source:
        return OutputExplanation(source=[], words=[], attention=[], copied=[])
    attention, copied = _look(generator, source, list(output))
    of_source = words_of(generator.tokenizers.source, source, unknown)
    of_output = words_of(generator.tokenizers.target, output, unknown)
    return OutputExplanation(
        source=[word for word, _ in of_source],
        words=[word for word, _ in of_output],
        attention=[
            [float(attention[inside][:, columns].sum(1).mean()) for _, columns in of_source]
            for _, inside in of_output
        ],
        copied=[float(copied[inside].mean()) for _, inside in of_output],
    )


def _look(generator: Generator, source: list[int], target: list[int]) -> tuple[Tensor, Tensor]:
    """Attention (T, S) and copied share (T,) of the T pieces of an output without eos, float64."""
    own, other = generator.tokenizers
    batch = collate(
        [source], [target], source_eos=own.eos, target_bos=other.bos, target_eos=other.eos
    )
    parts = [part.to(generator.device) for part in batch]
    with generator.evaluating():
        looks = [network.look(*parts) for network in generator.networks]
    attention = torch.stack([weights[0].double() for weights, _ in looks]).mean(0)
    copied = torch.stack([share[0].double() for _, share in looks]).mean(0)
    kept = (batch.labels[0] != IGNORE).sum() - 1  # without eos
    return attention[:kept, : len(source)].cpu(), copied[:kept].cpu()


def words_of(
    tokenizer: Tokenizer, ids: Sequence[int], unknown: Sequence[str]
) -> list[tuple[str, Pieces]]:
    """Words, separated by spaces, and symbols of columns.

    A single word gives its characters, where these are the pieces.
    """
    pieces = tokenizer.pieces(ids, unknown)
    words: list[list[int]] = []
    symbol = True  # whether the last piece is a symbol
    for place, piece in enumerate(pieces):
        before, symbol = symbol, SYMBOL.fullmatch(piece) is not None
        if piece.startswith(SPACE) or symbol or before:
            words.append([])
        words[-1].append(place)
    texts = [word for word in words if not SYMBOL.fullmatch(pieces[word[0]])]
    if len(texts) == 1 and tokenizer.of_characters:
        return [(piece, [i]) for i, piece in enumerate(pieces) if piece != SPACE]
    told = [(tokenizer.decode([ids[i] for i in word], unknown).strip(), word) for word in words]
    # a space that is a piece of its own says nothing about its word
    return [(text, [i for i in word if pieces[i] != SPACE]) for text, word in told if text]
