"""``seqtext test``: decode, or classify, a corpus and score the result."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, get_args

from seqtext.cli.answers import add_output
from seqtext.cli.collected import collected_answers
from seqtext.cli.constraints import SHARED, add_constraints, read_constraints
from seqtext.cli.corpora import PATHS, add_columns, add_format, add_label_columns
from seqtext.cli.flags import Parser, config_of, names_of
from seqtext.cli.models import add_checkpoints, add_computing, tell_counts
from seqtext.cli.outputs import check_outputs
from seqtext.cli.processes import ProcessConfig, follow, shared_model
from seqtext.cli.ranks import rank
from seqtext.cli.streams import as_line, lines_of
from seqtext.errors import ConfigError
from seqtext.inference.config import DecisionConfig
from seqtext.metrics import (
    Baseline,
    BleuTokenize,
    Symbols,
    check_bleu_tokenize,
    first_sentence,
    first_words,
    unseen_words,
)
from seqtext.search.config import SearchConfig
from seqtext.tasks import (
    DEFAULT_BLEU_TOKENIZE,
    TEXT_TASKS,
    Outputs,
    Scoring,
    TestOption,
    TextTask,
    describe_measurement,
)

if TYPE_CHECKING:
    from seqtext.inference.classifier import Classifier
    from seqtext.inference.constraints.options import Constraints
    from seqtext.inference.generator import Generator

_OF_TEXT = ("source", "target", "task", *get_args(TestOption), "train")
_SEARCH = [name for name in names_of(SearchConfig) if name != "n_best"]
_OF_LABELS = ("text", "label", "per_label", "confusion_plot", "threshold")


def parser() -> Parser:
    """The options. Importing this and asking for help stays light."""
    parser = Parser(
        "test",
        "CKPT… [--data.test PATH] [--KEY VALUE]…",
        "Score a trained model on a corpus. The last line printed is one JSON object.",
    )
    add_checkpoints(parser)
    parser.add_argument(
        "--data.test", dest="test", metavar="PATH",
        help=f"{PATHS} (default: data.test of the run that CKPT belongs to)",
    )  # fmt: skip
    add_format(parser)
    add_columns(parser, filled=False, told="as in training")
    _add_scoring(parser)
    add_label_columns(parser, told="as in training")
    parser.add_argument(
        "--per_label", action="store_true",
        help="of a classifier: print precision, recall and F1 of every label, the worst first",
    )  # fmt: skip
    parser.add_argument(
        "--confusion_plot", metavar="F",
        help="of a classifier: draw which labels are taken for which (.png, .svg or .pdf)",
    )  # fmt: skip
    parser.add_fields(DecisionConfig, ["threshold"])
    add_output(parser, "write the hypotheses to this file, a line a row")
    parser.add_argument(
        "--examples",
        type=int,
        default=0,
        metavar="N",
        help="print N sources with references and output",
    )
    parser.add_fields(SearchConfig, _SEARCH)
    add_constraints(parser)
    add_computing(parser)
    parser.add_fields(ProcessConfig)
    return parser


def _add_scoring(parser: argparse.ArgumentParser) -> None:
    """What scores generated text, and how."""
    measured = "; ".join(f"{task.name}: {task.summary}" for task in TEXT_TASKS.values())
    parser.add_argument(
        "--task", choices=tuple(TEXT_TASKS),
        help=f"{measured} (default: what the model was trained for)",
    )  # fmt: skip
    parser.add_argument(
        "--bleu_tokenize", metavar="NAME", choices=get_args(BleuTokenize),
        help="what BLEU's n-grams are made of: 13a (words), intl, char or zh (languages without spaces),"
        " ja-mecab, ko-mecab, none (text that is tokenized already) (default: as in training)",
    )  # fmt: skip
    parser.add_argument(
        "--symbol_unit", choices=get_args(Symbols),
        help="what the symbol error rate counts: characters, or words, which spaces separate, as phones"
        " (default: as in training, characters for a target tokenizer of type char)",
    )  # fmt: skip
    parser.add_argument(
        "--lead", metavar="N|sentence",
        help="the baseline of summarization: the source's first N words (default: as many as references have"
        " on average), or its first sentence",
    )  # fmt: skip
    parser.add_argument(
        "--data.train", dest="train", metavar="PATH",
        help="the training corpus: count how words fare that it has not, and the source has",
    )  # fmt: skip


def run(arguments: Sequence[str]) -> None:
    """Parse, decode, score."""
    options = parser().parse(arguments)
    if options.bleu_tokenize is not None:
        check_bleu_tokenize(options.bleu_tokenize)
    config_of(ProcessConfig, options)
    if rank():
        follow(options)
        return
    from seqtext.inference.loading import load

    if options.test is None:
        options.test, format = _corpus_of_run(options.checkpoints[0])
        options.corpus_format = options.corpus_format or format
    written = {"--output": options.output, "--confusion_plot": options.confusion_plot}
    check_outputs([options.test, options.train, *options.checkpoints], written)
    config = config_of(SearchConfig, options)
    config_of(DecisionConfig, options)
    constraints = read_constraints(options)
    with shared_model(options, load) as model:
        _score(options, model, config, constraints)


def _score(
    options: argparse.Namespace,
    model: Generator | Classifier,
    config: SearchConfig,
    constraints: Constraints,
) -> None:
    """Score a model of either kind, which may have no use for some options.

    Raises:
        ConfigError: It has none for an option that is given.
    """
    from seqtext.inference.classifier import Classifier

    if isinstance(model, Classifier):
        from seqtext.cli.score_labels import run as run_labels

        unused = [*_OF_TEXT, *SHARED, *(name for name in _SEARCH if name != "batch_size")]
        parser().refuse(options, unused, "model that generates text", "a classifier")
        run_labels(options, model)
        return
    parser().refuse(options, _OF_LABELS, "classifier", "a model that generates text")
    _run_text(options, model, config, constraints)


def _corpus_of_run(name: str) -> tuple[str, str | None]:
    """``data.test`` and ``data.format`` in the configuration of the run that a checkpoint belongs to.

    Raises:
        ConfigError: There is none.
        CheckpointError: There is no such checkpoint.
    """
    from seqtext import checkpoint
    from seqtext.cli import yaml_reader
    from seqtext.training.run import folder

    file = checkpoint.find(name).parent / folder.CONFIG
    if not file.is_file():
        raise ConfigError(
            f"--data.test: is missing, and {name} belongs to no run that could name it; give --data.test PATH"
        )
    text, _ = yaml_reader.sections(yaml_reader.read(file, str(file)), str(file))
    data = yaml_reader.load(text)
    for key in ("data", "init_args"):
        data = data.get(key) if isinstance(data, dict) else None
    named = data if isinstance(data, dict) else {}
    value, format = named.get("test"), named.get("format")
    if not isinstance(value, str):
        raise ConfigError(
            f"--data.test: is missing, and {file} has no data.test; give --data.test PATH"
        )
    print(f"test: {value}, the data.test of {file}", file=sys.stderr)
    return value, format


def _run_text(
    options: argparse.Namespace,
    generator: Generator,
    config: SearchConfig,
    constraints: Constraints,
) -> None:
    from seqtext.data.corpus import Corpus
    from seqtext.inference.hypothesis import texts

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
            f"test: {describe_measurement(metrics, len(examples), config.beam_size)}",
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
    from seqtext.checkpoint import symbols_of

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
