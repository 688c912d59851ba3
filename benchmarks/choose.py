"""Measure the choice among hypotheses: minimum Bayes risk, reranking, the costs of details.

    python -m benchmarks choose RUN SOURCES REFERENCES [--other RUN] [--reverse RUN] [--sentences 1014]

SOURCES holds a sentence a line, REFERENCES its translation. The script prints two tables:

- Quality: BLEU and chrF2 of beam 5, of a wider beam, and of choices among its hypotheses. The last row
  chooses by chrF2 against the reference.
- Costs: CPU seconds with and without details and minimum Bayes risk. The ways run in turns, and the
  median is reported.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

import seqtext
from benchmarks.common import Row, parser_of, read, report, table, use_threads
from seqtext.inference.generator import Generator
from seqtext.inference.hypothesis import Hypothesis, texts
from seqtext.inference.mbr import rank_by_risk
from seqtext.metrics import chrf, score_translations

Lists = list[list[Hypothesis]]
_WEIGHTS = (0.25, 0.5, 0.75)


def choices(lists: Lists, references: Sequence[str]) -> dict[str, Lists]:
    """Choices among hypotheses that need no other model, by name."""
    oracle = [
        [max(own, key=lambda each: chrf([each.text], [[reference]]))]
        for own, reference in zip(lists, references, strict=True)
    ]
    return {
        "minimum Bayes risk, chrF2": [rank_by_risk(own, "chrf") for own in lists],
        "minimum Bayes risk, BLEU": [rank_by_risk(own, "bleu") for own in lists],
        "best choice that there is": oracle,
    }


def interpolated(own: list[Hypothesis], other: list[Hypothesis], weight: float) -> list[Hypothesis]:
    """``Generator.rerank`` with another weight, of the scores that it gave with the weight 1."""
    scores = {each.ids: each.score for each in other}
    return sorted(own, key=lambda each: -((1 - weight) * each.score + weight * scores[each.ids]))


def measure_quality(
    generator: Generator,
    others: dict[str, tuple[Generator, bool]],
    sources: list[str],
    references: list[str],
    beam_size: int,
) -> list[Row]:
    """BLEU and chrF2 of every choice."""
    wide = generator.generate(sources, beam_size=beam_size, n_best=beam_size)
    lists = {"beam 5": generator.generate(sources), f"beam {beam_size}": wide}
    for name, (other, reverse) in others.items():
        scored = other.rerank(sources, wide, weight=1.0, n_best=beam_size, reverse=reverse)
        for weight in _WEIGHTS:
            chosen = [interpolated(*row, weight) for row in zip(wide, scored, strict=True)]
            lists[f"reranked by {name}, weight {weight}"] = chosen
    rows = []
    for name, chosen in (lists | choices(wide, references)).items():
        bleu, chrf2, _ = score_translations(texts(chosen), references)
        rows.append({"name": name, "bleu": bleu, "chrf": chrf2})
        report("choosing", name, bleu=bleu, chrf=chrf2, hypotheses=beam_size)
    return rows


def measure_costs(
    generator: Generator, sources: list[str], beam_size: int, rounds: int
) -> list[Row]:
    """CPU seconds of the options, and their ratio to the same search without them."""
    wide: dict[str, Any] = {"beam_size": beam_size, "n_best": beam_size}

    def decode(**options: Any) -> Callable[[], object]:
        return lambda: generator.generate(sources, **options)

    outputs = texts(generator.generate(sources))
    ways = {
        "beam 5": decode(),
        "beam 5, details": decode(details=True),
        "beam 5, attention": decode(attention=True),
        "scores of the same outputs": lambda: generator.score(sources, outputs),
        f"beam {beam_size}": decode(**wide),
        f"beam {beam_size}, minimum Bayes risk, chrF2": decode(**wide, mbr="chrf"),
        f"beam {beam_size}, minimum Bayes risk, BLEU": decode(**wide, mbr="bleu"),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, run in ways.items():
            start = time.process_time()
            run()
            seconds[name].append(time.process_time() - start)
    medians = {name: statistics.median(taken) for name, taken in seconds.items()}
    rows = []
    for name, median in medians.items():
        plain = medians["beam 5" if name.startswith(("beam 5", "scores")) else f"beam {beam_size}"]
        figures: Row = {"cpu_seconds": round(median, 2), "ratio": round(median / plain, 2)}
        rows.append({"name": name, **figures})
        report("choosing", name, **figures, sentences=len(sources))
    return rows


def main(arguments: Sequence[str]) -> None:
    parser = parser_of(__doc__)
    parser.add_argument("run")
    parser.add_argument("sources", type=Path)
    parser.add_argument("references", type=Path)
    parser.add_argument("--other", help="a run that reranks")
    parser.add_argument("--reverse", help="a run for the other direction that reranks")
    parser.add_argument("--beam_size", type=int, default=20)
    parser.add_argument("--sentences", type=int, default=1014)
    parser.add_argument("--timed", type=int, default=300, help="sentences that are timed")
    parser.add_argument("--rounds", type=int, default=5, help="the median is reported")
    options = parser.parse_args(arguments)
    use_threads(1)
    torch.set_flush_denormal(True)
    sources, references = (
        read(path)[: options.sentences] for path in (options.sources, options.references)
    )
    generator = seqtext.load_generator(options.run)
    named = {"another model": (options.other, False), "a reverse model": (options.reverse, True)}
    others = {
        name: (seqtext.load_generator(run), reverse)
        for name, (run, reverse) in named.items()
        if run
    }
    quality = measure_quality(generator, others, sources, references, options.beam_size)
    costs = measure_costs(generator, sources[: options.timed], options.beam_size, options.rounds)
    table(quality)
    table(costs)
