"""``seqtext test``: decode, or classify, a corpus and score the result."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, get_args

from seqtext.cli.answers import add_output
from seqtext.cli.constraints import SHARED, add_constraints, read_constraints
from seqtext.cli.corpora import PATHS, add_columns, add_format, add_label_columns
from seqtext.cli.flags import Parser, config_of
from seqtext.cli.models import (
    SEARCH,
    add_checkpoints,
    add_computing,
    add_search,
    check_search,
)
from seqtext.cli.outputs import check_outputs
from seqtext.cli.processes import follow, shared_model
from seqtext.cli.ranks import rank
from seqtext.errors import ConfigError
from seqtext.inference.config import DecisionConfig, ProcessConfig
from seqtext.metrics import (
    BleuTokenize,
    Symbols,
    check_bleu_tokenize,
)
from seqtext.tasks import (
    TEXT_TASKS,
    TestOption,
)

if TYPE_CHECKING:
    from seqtext.inference.classifier import Classifier
    from seqtext.inference.constraints.options import Constraints
    from seqtext.inference.generator import Generator

_OF_TEXT = ("source", "target", "task", *get_args(TestOption), "train")
_DECISIONS = ["threshold"]
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
    parser.add_fields(DecisionConfig, _DECISIONS)
    add_output(parser, "write the hypotheses to this file, a line a row")
    parser.add_argument(
        "--examples",
        type=int,
        default=0,
        metavar="N",
        help="print N sources with references and output",
    )
    add_search(parser)
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
    check_search(options)
    config_of(DecisionConfig, options, names=_DECISIONS)
    constraints = read_constraints(options)
    with shared_model(options, load) as model:
        _score(options, model, constraints)


def _score(
    options: argparse.Namespace, model: Generator | Classifier, constraints: Constraints
) -> None:
    """Score a model of either kind, which may have no use for some options.

    Raises:
        ConfigError: It has none for an option that is given.
    """
    from seqtext.inference.classifier import Classifier

    if isinstance(model, Classifier):
        from seqtext.cli.score_labels import run as run_labels

        unused = [*_OF_TEXT, *SHARED, *(name for name in SEARCH if name != "batch_size")]
        parser().refuse(options, unused, "model that generates text", "a classifier")
        run_labels(options, model)
        return
    parser().refuse(options, _OF_LABELS, "classifier", "a model that generates text")
    from seqtext.cli.score_texts import run as run_texts

    run_texts(options, model, constraints)


def _corpus_of_run(name: str) -> tuple[str, str | None]:
    """``data.test`` and ``data.format`` in the configuration of the run that a checkpoint belongs to.

    Raises:
        ConfigError: There is none.
        CheckpointError: There is no such checkpoint.
    """
    from seqtext.checkpoint.location import find, models_in
    from seqtext.cli import yaml_reader
    from seqtext.training.run import folder

    first = models_in(name)[0]  # the folds of a run have the same test set
    file = find(first).parent / folder.CONFIG
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
