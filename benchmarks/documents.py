"""Score and time documents: sentences alone, the same as paragraphs, and paragraphs that are not split.

    python -m benchmarks documents RUN SOURCES REFERENCES [--language en] [--paragraph 10] [--rounds 5]

SOURCES and REFERENCES hold a sentence a line. The script joins some to a paragraph. It leaves out captions
without a full stop, whose ends nobody could find. BLEU is that of whole paragraphs. The ways take turns, and
the median of their processor seconds is reported.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

import seqtext
from benchmarks.common import parser_of, read, report, use_threads
from seqtext.inference.generator import Generator
from seqtext.inference.hypothesis import texts
from seqtext.metrics import score_translations


def paragraphs_of(sentences: Sequence[str], size: int) -> list[str]:
    """Join some sentences to each paragraph."""
    starts = range(0, len(sentences), size)
    return [" ".join(map(str.strip, sentences[i : i + size])) for i in starts]


def ways_of(
    generator: Generator, sentences: list[str], size: int, language: str
) -> dict[str, Callable[[], list[str]]]:
    """Ways to decode the paragraphs, by name. The first one decodes single sentences."""
    paragraphs = paragraphs_of(sentences, size)

    def split() -> list[str]:
        documents = generator.generate_documents(paragraphs, language)
        return [document.text for document in documents]

    return {
        "sentences": lambda: paragraphs_of(texts(generator.generate(sentences)), size),
        "paragraphs, split": split,
        "paragraphs, not split": lambda: texts(generator.generate(paragraphs)),
    }


def main(arguments: Sequence[str]) -> None:
    parser = parser_of(__doc__)
    parser.add_argument("run")
    parser.add_argument("sources", type=Path)
    parser.add_argument("references", type=Path)
    parser.add_argument("--language", default="en")
    parser.add_argument("--paragraph", type=int, default=10, help="sentences of a paragraph")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args(arguments)
    use_threads(options.threads)
    torch.set_flush_denormal(True)
    generator = seqtext.load_generator(options.run)
    pairs = zip(read(options.sources), read(options.references), strict=True)
    whole = [pair for pair in pairs if pair[0].rstrip().endswith((".", "!", "?"))]
    sentences, references = ([*side] for side in zip(*whole, strict=True))
    ways = ways_of(generator, sentences, options.paragraph, options.language)
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    outputs = {}
    for _ in range(options.rounds):
        for name, decode in ways.items():
            start = time.process_time()
            outputs[name] = decode()
            seconds[name].append(time.process_time() - start)
    right = paragraphs_of(references, options.paragraph)
    for name, decoded in outputs.items():
        score, equal = (
            score_translations(decoded, right),
            map(str.__eq__, decoded, outputs["sentences"]),
        )
        report(
            "documents",
            name,
            sentences=len(sentences),
            paragraphs=len(right),
            bleu=round(score.bleu, 2),
            chrf=round(score.chrf, 2),
            equal_percent=round(100 * sum(equal) / len(right), 1),
            cpu_seconds=round(statistics.median(seconds[name]), 2),
            rounds=options.rounds,
        )
