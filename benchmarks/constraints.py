"""What constraints on outputs cost, and what a terminology does to a translation.

    python -m benchmarks constraints RUN SOURCES REFERENCES [--threads 1] [--sentences 1000]

SOURCES and REFERENCES hold a sentence a line. The script prints:

- CPU seconds with each constraint, in turns with plain search, and their ratio. It is the median of 5.
  Outputs with a constraint are longer or shorter than others. So it prints the ratio for a piece, too.

- Of a terminology: the share of required terms in the output, and BLEU with and without it.

The terminology is made of SOURCES and REFERENCES. Its terms are words of sources that most often stand with
the same word of references. A term is required where the reference has its translation.
"""

from __future__ import annotations

import re
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import seqtext
from benchmarks.common import Row, parser_of, read, report, table, use_threads
from seqtext.inference.constraints.terminology import Terminology
from seqtext.inference.constraints.words import stands_in
from seqtext.inference.generator import Generator
from seqtext.inference.hypothesis import texts
from seqtext.metrics import score_translations

_TERMS = 200
_ROUNDS = 5
_WORD = re.compile(r"[^\W\d_]{4,}")


def terminology(sources: Sequence[str], references: Sequence[str]) -> dict[str, str]:
    """Words of sources with the word of references that stands with most of them."""
    together, of_source, of_target = (
        defaultdict[str, Counter[str]](Counter),
        Counter[str](),
        Counter[str](),
    )
    for source, reference in zip(sources, references, strict=True):
        targets = set(_WORD.findall(reference))
        of_target.update(targets)
        for word in set(_WORD.findall(source.lower())):
            of_source[word] += 1
            together[word].update(targets)
    pairs = []
    for word, count in of_source.items():
        if count < 3:
            continue
        # words that stand nearly everywhere say nothing about each other
        target, common = max(
            together[word].items(), key=lambda pair: pair[1] ** 2 / of_target[pair[0]]
        )
        share = common**2 / (count * of_target[target])
        if common / count > 0.5:
            pairs.append((share, word, target))
    return {word: target for _, word, target in sorted(pairs, reverse=True)[:_TERMS]}


def required(
    terms: Mapping[str, str], sources: Sequence[str], references: Sequence[str]
) -> list[list[str]]:
    """The terms of each source that its reference has."""
    finder = Terminology(terms)
    return [
        [term for term in finder.required(source) if stands_in(term, reference)]
        for source, reference in zip(sources, references, strict=True)
    ]


def quality(
    generator: Generator,
    sources: Sequence[str],
    references: Sequence[str],
    phrases: list[list[str]],
    beam_size: int,
) -> Row:
    """Share of the phrases in the outputs, and BLEU, with and without requiring them."""
    figures: Row = {"beam_size": beam_size, "phrases": sum(map(len, phrases))}
    for name, required in (("plain", None), ("required", phrases)):
        found = texts(generator.generate(sources, beam_size=beam_size, required=required))
        pairs = zip(found, phrases, strict=True)
        met = [stands_in(phrase, text) for text, own in pairs for phrase in own]
        figures[f"{name}_share"] = round(sum(met) / len(met), 4)
        figures[f"{name}_bleu"] = round(score_translations(found, references).bleu, 2)
    return figures


def cost(
    generator: Generator, sources: Sequence[str], beam_size: int, options: dict[str, Any]
) -> Row:
    """CPU seconds beside those of plain search. A first turn of each is not counted."""
    seconds: dict[bool, list[float]] = {False: [], True: []}
    pieces: dict[bool, int] = {}
    for turn in range(_ROUNDS + 1):
        for constrained in seconds:
            start = time.process_time()
            own = options if constrained else {}
            found = generator.generate(sources, beam_size=beam_size, **own)
            if turn:
                seconds[constrained].append(time.process_time() - start)
            pieces[constrained] = sum(len(best.ids) + 1 for [best] in found)
    ratios = [after / before for before, after in zip(*seconds.values(), strict=True)]
    return {
        "beam_size": beam_size,
        "plain_seconds": round(statistics.median(seconds[False]), 2),
        "seconds": round(statistics.median(seconds[True]), 2),
        "pieces": round(pieces[True] / pieces[False], 2),
        "ratio": round(statistics.median(ratios), 2),
        "ratio_per_piece": round(statistics.median(ratios) * pieces[False] / pieces[True], 2),
    }


def main(arguments: Sequence[str]) -> None:
    parser = parser_of(__doc__)
    parser.add_argument("run")
    parser.add_argument("sources", type=Path)
    parser.add_argument("references", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--sentences", type=int, default=1000)
    parser.add_argument("--timed", type=int, default=256, help="sentences whose decoding is timed")
    options = parser.parse_args(arguments)
    use_threads(options.threads)
    generator = seqtext.load_generator(options.run)
    sources = read(options.sources)[: options.sentences]
    references = read(options.references)[: len(sources)]
    terms = terminology(sources, references)
    phrases = required(terms, sources, references)
    rows = []
    for beam_size in (1, 5, 10):
        figures = quality(generator, sources, references, phrases, beam_size)
        report("constraints", f"terminology, beam {beam_size}", terms=len(terms), **figures)
        rows.append({"name": f"terminology, beam {beam_size}", **figures})
    table(rows)
    rows = []
    timed, counts = sources[: options.timed], Counter(_WORD.findall(" ".join(references)))
    constraints: dict[str, dict[str, Any]] = {
        "prefix": {"prefixes": [reference[:12] for reference in references[: options.timed]]},
        "banned, 100 words": {"banned": [word for word, _ in counts.most_common(200)[100:]]},
        "terminology": {"required": phrases[: options.timed]},
        "outputs": {"outputs": sorted(set(references))},
    }
    for name, own in constraints.items():
        for beam_size in (1, 5):
            figures = cost(generator, timed, beam_size, own)
            report("constraints", f"{name}, beam {beam_size}", sentences=len(timed), **figures)
            rows.append({"name": f"{name}, beam {beam_size}", **figures})
    table(rows)
