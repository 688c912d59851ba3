"""``seqtext test`` of a model that generates text."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from typing import get_args

from seqtext.checkpoint import symbols_of
from seqtext.cli.collected import collected_answers
from seqtext.cli.constraints import SHARED
from seqtext.cli.models import settle_search, tell_counts
from seqtext.cli.streams import as_line, lines_of
from seqtext.data.corpus import Corpus
from seqtext.errors import ConfigError
from seqtext.inference.constraints.options import Constraints
from seqtext.inference.generator import Generator
from seqtext.inference.hypothesis import texts
from seqtext.metrics import (
    Baseline,
    check_bleu_tokenize,
    first_sentence,
    first_words,
    unseen_words,
)
from seqtext.search.config import SearchConfig
from seqtext.search.stored import changed_options, describe_options
from seqtext.tasks import (
    DEFAULT_BLEU_TOKENIZE,
    TEXT_TASKS,
    Outputs,
    Scoring,
    TestOption,
    TextTask,
    describe_measurement,
)


def run(options: argparse.Namespace, generator: Generator, constraints: Constraints) -> None:
    """Decode, score, show."""
    config = settle_search(options, generator)
    source = options.source or generator.columns[0]
    target = options.target or generator.columns[1]
    corpus = Corpus(options.test, source, target, "test", format=options.corpus_format)
    task = _task(options, generator)
    scoring, baseline = _scoring(options, task, generator), _baseline(options.lead)
    rows = list(corpus.examples())
    examples = Corpus.merged(rows) if task.merges_sources else rows
    training = None
    if options.train is not None:
        trained_on = Corpus(options.train, source, target, format=options.corpus_format)
        training = [target for _, target in trained_on.rows()]
    sources, references = [text for text, _ in examples], [several for _, several in examples]
    with collected_answers(options) as kept:
        start = time.perf_counter()
        hypotheses: list[str] = kept.answers_to(
            sources,
            lambda chunk: texts(generator.search(chunk, config, constraints)),
            "sentences",
        )
        metrics = task.describe_test(references, scoring)
        print(
            f"{len(examples):,} sentences ({source} to {target}) decoded in"
            f" {time.perf_counter() - start:.1f} s\n"
            f"test: {describe_measurement(metrics, len(examples), _search(config, options))}",
            file=sys.stderr,
        )
        tell_counts(generator)
        _show(options.examples, sources, references, hypotheses)
        scores = task.test(Outputs(sources, hypotheses, references), scoring, baseline)
        if training is not None:
            first = [several[0] for several in references]
            scores |= unseen_words(sources, hypotheses, first, training)._asdict()
        print(json.dumps(scores), flush=True)
        of_source = dict(zip(sources, hypotheses, strict=True))
        kept.finish(lines_of(as_line(of_source[text]) for text, _ in rows))


def _search(config: SearchConfig, options: argparse.Namespace) -> str:
    """What decoded the test set, with all that changes outputs."""
    told = ("beam_size", "beam_groups", "samples", "seed", "mbr", "batch_size")
    others = {name: value for name, value in changed_options(config).items() if name not in told}
    given = {name: getattr(options, name) for name in SHARED if getattr(options, name)}
    return ", ".join(filter(None, [config.describe(), describe_options({**others, **given})]))


def _task(options: argparse.Namespace, generator: Generator) -> TextTask:
    """The task that scores, in which all options have a use.

    Raises:
        ConfigError: It has no use for one.
    """
    task = TEXT_TASKS[options.task or generator.task]
    for name in get_args(TestOption):
        if getattr(options, name) is not None and name not in task.options:
            users = [other.name for other in TEXT_TASKS.values() if name in other.options]
            raise ConfigError(
                f"--{name}: is of --task {' and '.join(users)}, and the outputs are judged by {task.name}"
            )
    return task


def _scoring(options: argparse.Namespace, task: TextTask, generator: Generator) -> Scoring:
    """How to score. What the options leave open is as in training.

    Raises:
        ConfigError: See ``check_bleu_tokenize``.
    """
    trained = generator.scoring
    symbols = trained.symbols if trained else symbols_of(generator.tokenizers.target)
    tokenize = options.bleu_tokenize
    if tokenize is None and task.name != generator.task:
        tokenize = task.bleu_tokenize
    if tokenize is None and trained:
        tokenize = trained.bleu_tokenize
    tokenize = tokenize or task.bleu_tokenize or DEFAULT_BLEU_TOKENIZE
    if "bleu_tokenize" in task.options:
        check_bleu_tokenize(tokenize)
    return Scoring(bleu_tokenize=tokenize, symbols=options.symbol_unit or symbols)


def _baseline(lead: str | None) -> Baseline | None:
    """What ``--lead`` asks for."""
    if lead is None:
        return None
    if lead == "sentence":
        return first_sentence()
    if not lead.isdecimal() or not int(lead):
        raise ConfigError(f"--lead {lead}: expected a number of words, or sentence")
    return first_words(int(lead))


def _show(
    count: int,
    sources: Sequence[str],
    references: Sequence[Sequence[str]],
    hypotheses: Sequence[str],
) -> None:
    """Print some sources with references and output, spread evenly."""
    step = max(1, len(sources) // max(1, count))
    for i in range(0, len(sources), step)[:count]:
        shown = lines_of(f"  reference:  {as_line(text)}" for text in references[i])
        print(
            f"  source:     {as_line(sources[i])}\n{shown}  hypothesis: {as_line(hypotheses[i])}\n"
        )
