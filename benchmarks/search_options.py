"""Cost and quality of options of a search: CPU seconds beside a baseline in turns, and n-best lists.

    python -m benchmarks search_options RUN SOURCES beam_size=1 samples=1 "samples=1 top_p=0.9"

SOURCES holds a sentence a line. Each further word is a search, as options with spaces between them. The first
is the baseline. Every round decodes with each search once. The script prints the median of CPU seconds, and
the median ratio to the baseline of the same round. Samples may be longer or
shorter than the outputs of a search. So it prints the ratio for a piece of the first outputs, too. And it
prints how many first outputs differ from those of the baseline. A search with ``shortlist=FILE`` is measured
at equal work with ``min_length=15 max_length=15``.

With --references, it also prints for the lists of hypotheses:

- BLEU of the first hypotheses.
- BLEU and chrF2 of the hypotheses with the best chrF2 of each list, which is the oracle.
- Hypotheses of a list, and the share of its words that are distinct.
- BLEU of each hypothesis beside each other one, the mean of all pairs. Less is more diverse.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

import seqtext
from benchmarks.common import (
    Row,
    decoding_precisions,
    parser_of,
    read,
    report,
    table,
    use_threads,
)
from seqtext.cli import generate
from seqtext.cli.flags import names_of
from seqtext.metrics import score_translations
from seqtext.search.config import SearchConfig


def options_of(words: str) -> dict[str, Any]:
    """``beam_size=6 beam_groups=3`` as options of ``Generator.generate``."""
    parsed = vars(generate.parser().parse(["CKPT", *(f"--{word}" for word in words.split())]))
    known = (*names_of(SearchConfig), "shortlist")
    return {name: parsed[name] for name in known if parsed.get(name) is not None}


def list_figures(lists: list[list[str]], references: list[str]) -> Row:
    """Quality and diversity of n-best lists."""
    chrf, bleu = CHRF(), BLEU(effective_order=True)
    oracle = [
        max(each, key=lambda text: chrf.sentence_score(text, [reference]).score)
        for each, reference in zip(lists, references, strict=True)
    ]
    first = score_translations([each[0] for each in lists], references)
    best = score_translations(oracle, references)
    words = [[word for text in each for word in text.split()] for each in lists]
    pairs = [pair for each in lists for pair in itertools.permutations(each, 2)]
    figures: Row = {
        "bleu": round(first.bleu, 2),
        "oracle_bleu": round(best.bleu, 2),
        "oracle_chrf": round(best.chrf, 2),
        "hypotheses": round(statistics.mean(map(len, lists)), 2),
        "distinct_words": round(statistics.mean(len({*own}) / len(own) for own in words if own), 3),
    }
    if pairs:
        scores = [bleu.sentence_score(text, [other]).score for text, other in pairs]
        figures["pairwise_bleu"] = round(statistics.mean(scores), 1)
    return figures


def main(arguments: Sequence[str]) -> None:
    parser = parser_of(__doc__)
    parser.add_argument("run")
    parser.add_argument("sources", type=Path)
    parser.add_argument("searches", nargs="+", help="the first is the baseline")
    parser.add_argument("--references", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--sentences", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--precision", choices=decoding_precisions(), default="fp32")
    options = parser.parse_args(arguments)
    use_threads(options.threads)
    sources = read(options.sources)[: options.sentences]
    generator = seqtext.load_generator(options.run, precision=options.precision)
    searches = {words: options_of(words) for words in options.searches}
    seconds: dict[str, list[float]] = {words: [] for words in searches}
    pieces: dict[str, int] = {}
    lists: dict[str, list[list[str]]] = {}
    for number in range(options.rounds + 1):  # the first warms caches
        for words, search in searches.items():
            start = time.process_time()
            hypotheses = generator.generate(sources, **search)
            if number:
                seconds[words].append(time.process_time() - start)
            lists[words] = [[each.text for each in found] for found in hypotheses]
            pieces[words] = sum(len(best.ids) + 1 for best, *_ in hypotheses)
    rows: list[Row] = []
    first = options.searches[0]
    for words, own in seconds.items():
        ratios = [mine / other for mine, other in zip(own, seconds[first], strict=True)]
        figures: Row = {
            "sentences": len(sources),
            "pieces": pieces[words],
            "differ": sum(a[0] != b[0] for a, b in zip(lists[words], lists[first], strict=True)),
            "cpu_seconds": round(statistics.median(own), 2),
            "ratio": round(statistics.median(ratios), 2),
            "ratio_per_piece": round(statistics.median(ratios) * pieces[first] / pieces[words], 2),
        }
        if options.references is not None:
            figures |= list_figures(lists[words], read(options.references)[: len(sources)])
        report("decoding options", words, **figures)
        rows.append({"name": words, **figures})
    table(rows)
