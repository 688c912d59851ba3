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
from seqtext.data.texts import TextCounts
from seqtext.inference.hypothesis import texts
from seqtext.metrics import score_translations


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

    def paragraphs_of(lines: Sequence[str]) -> list[str]:
        size = options.paragraph
        return [" ".join(map(str.strip, lines[i : i + size])) for i in range(0, len(lines), size)]

    paragraphs = paragraphs_of(sentences)

    def split() -> list[str]:
        documents = generator.generate_documents(paragraphs, options.language)
        return [document.text for document in documents]

    ways: dict[str, Callable[[], list[str]]] = {
        "sentences": lambda: paragraphs_of(texts(generator.generate(sentences))),
        "paragraphs, split": split,
        "paragraphs, not split": lambda: texts(generator.generate(paragraphs)),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    outputs = {}
    for _ in range(options.rounds):
        for name, decode in ways.items():
            generator.counts = TextCounts()
            start = time.process_time()
            decoded = decode()
            seconds[name].append(time.process_time() - start)
            outputs[name] = decoded, generator.counts
    alone, _ = outputs["sentences"]
    for name, (decoded, counts) in outputs.items():
        score = score_translations(decoded, paragraphs_of(references))
        report(
            "documents",
            name,
            sentences=len(sentences),
            paragraphs=len(paragraphs),
            parts=counts.texts,
            divided=counts.divided,
            bleu=round(score.bleu, 2),
            chrf=round(score.chrf, 2),
            equal_percent=round(100 * sum(map(str.__eq__, decoded, alone)) / len(alone), 1),
            cpu_seconds=round(statistics.median(seconds[name]), 2),
            rounds=options.rounds,
        )
