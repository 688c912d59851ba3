"""``seqtext test``: decode, or classify, a corpus and score the result."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, get_args

from seqtext.cli.classify import add_threshold, check_options
from seqtext.cli.corpora import add_columns, add_corpus, add_label_columns
from seqtext.cli.generate import (
    add_checkpoints,
    add_computing_options,
    add_search_options,
    in_a_line,
    load_models,
    open_output,
    refuse,
    search_config,
    search_options,
    tell_counts,
)
from seqtext.errors import ConfigError
from seqtext.metrics import (
    BleuTokenize,
    Task,
    check_bleu_tokenize,
    exact_match,
    first_sentence,
    first_words,
    mean_sentence_bleu,
    score_summaries,
    score_transductions,
    score_translations,
    unseen_words,
)

_OF_TEXT = ("source", "target", "metrics", "bleu_tokenize", "lead", "train")
_OF_LABELS = ("text", "label", "classes", "confusion", "threshold")
Baseline = tuple[str, Callable[[str], str]]  # what to call it, and what it makes of a source


def parser() -> argparse.ArgumentParser:
    """The options; importing and asking for help stays light."""
    parser = argparse.ArgumentParser(
        prog="seqtext test",
        description="Score a trained model on a corpus; the last line printed is one JSON object.",
    )
    add_checkpoints(parser)
    add_corpus(parser, "test", required=True)
    add_columns(parser, filled=False, told="as in training")
    parser.add_argument(
        "--metrics", choices=get_args(Task),
        help="translation: BLEU, chrF; summarization: ROUGE, what is copied, a baseline; code: BLEU, exact"
        " match; transduction: word and symbol error rates (default: what the model was trained for)",
    )  # fmt: skip
    parser.add_argument(
        "--bleu_tokenize", metavar="NAME", choices=get_args(BleuTokenize),
        help="what BLEU's n-grams are made of: 13a (words, the default), intl, char or zh (languages"
        " without spaces), ja-mecab, ko-mecab, none (text that is tokenized already; default for code)",
    )  # fmt: skip
    parser.add_argument(
        "--lead", metavar="N|sentence",
        help="the baseline of summarization: the source's first N words (default: as many as references"
        " have on average), or its first sentence",
    )  # fmt: skip
    add_label_columns(parser, told="as in training")
    parser.add_argument(
        "--classes", action="store_true",
        help="of a classifier: print precision, recall and F1 of every label, the worst first",
    )  # fmt: skip
    parser.add_argument(
        "--confusion", metavar="F",
        help="of a classifier: draw which labels are taken for which (.png, .svg or .pdf)",
    )  # fmt: skip
    add_threshold(parser)
    parser.add_argument(
        "--data.train", dest="train", metavar="PATH",
        help="the training corpus: count how words fare that it has not, and the source has",
    )  # fmt: skip
    parser.add_argument(
        "--output", metavar="F", help="write the hypotheses to this file, a line a row"
    )
    parser.add_argument(
        "--show",
        type=int,
        default=0,
        metavar="N",
        help="print N sources with references and output",
    )
    add_search_options(parser)
    add_computing_options(parser, "sentences")
    return parser


def run(arguments: Sequence[str]) -> None:
    """Parse, decode, score."""
    options = parser().parse_args(arguments)
    if options.bleu_tokenize is not None:
        check_bleu_tokenize(options.bleu_tokenize)
    lead = _lead(options.lead)
    from seqtext.classify import Classifier
    from seqtext.data.corpus import Corpus
    from seqtext.generate import texts

    check_options(options)
    config = search_config(options)
    generator = load_models(options)
    if isinstance(generator, Classifier):
        from seqtext.cli.test_labels import run as run_labels

        refuse(
            options,
            parser(),
            [*_OF_TEXT, *search_options()],
            "model that generates text",
            "a classifier",
        )
        run_labels(options, generator)
        return
    refuse(options, parser(), _OF_LABELS, "classifier", "a model that generates text")
    source = options.source or generator.columns[0]
    target = options.target or generator.columns[1]
    corpus = Corpus(options.test, source, target, "test")
    metrics = options.metrics or generator.task
    _refuse_unused(options, metrics)
    rows = list(corpus.examples())
    examples = Corpus.merged(rows) if metrics == "transduction" else rows
    training = None
    if options.train is not None:
        training = [pair[1] for pair in Corpus(options.train, source, target, "train").rows()]
    start = time.perf_counter()
    sources, references = [one for one, _ in examples], [several for _, several in examples]
    hypotheses = texts(generator.search(sources, config))
    seconds = time.perf_counter() - start
    print(
        f"{len(examples):,} sentences ({source} to {target}) decoded in {seconds:.1f} s, beam"
        f" {options.beam_size}",
        file=sys.stderr,
    )
    tell_counts(generator)
    step = max(1, len(examples) // max(1, options.show))
    for i in range(0, len(examples), step)[: options.show]:
        told = "\n".join(f"  reference:  {one}" for one in references[i])
        print(f"  source:     {sources[i]}\n{told}\n  hypothesis: {in_a_line(hypotheses[i])}\n")
    if options.output is not None:
        with open_output(options.output) as output:
            of_source = dict(zip(sources, hypotheses, strict=True))
            output.writelines(f"{in_a_line(of_source[one])}\n" for one, _ in rows)
    scores: dict[str, Any]
    if metrics == "summarization":
        scores = score_summaries(sources, hypotheses, references)._asdict()
        name, baseline = lead or _first_words(_mean_words(references))
        scores["lead"] = name
        of_lead = score_summaries(sources, [baseline(text) for text in sources], references)
        scores |= {
            f"lead_{key}": value for key, value in of_lead._asdict().items() if "rouge" in key
        }
    elif metrics == "transduction":
        by_character = generator.tokenizers.target.of_characters
        scores = score_transductions(hypotheses, references, characters=by_character)._asdict()
    else:
        tokenize: BleuTokenize = options.bleu_tokenize or ("none" if metrics == "code" else "13a")
        scores = score_translations(hypotheses, references, tokenize)._asdict()
    if metrics == "code":
        scores["sentence_bleu"] = mean_sentence_bleu(hypotheses, references, tokenize)
        scores["exact_match"] = exact_match(hypotheses, references)
    if training is not None:
        first = [several[0] for several in references]
        scores |= unseen_words(sources, hypotheses, first, training)._asdict()
    print(json.dumps(scores))


def _refuse_unused(options: argparse.Namespace, metrics: str) -> None:
    for name, of in (("lead", ["summarization"]), ("bleu_tokenize", ["translation", "code"])):
        if getattr(options, name) is not None and metrics not in of:
            raise ConfigError(
                f"--{name}: is of --metrics {' and '.join(of)}, and the outputs are judged by {metrics}"
            )


def _lead(option: str | None) -> Baseline | None:
    """A baseline and what to call it."""
    if option is None:
        return None
    if option == "sentence":
        return "first sentence", first_sentence
    if not option.isdecimal() or not int(option):
        raise ConfigError(f"--lead {option}: expected a number of words, or sentence")
    return _first_words(int(option))


def _first_words(count: int) -> Baseline:
    return f"first {count} words", first_words(count)


def _mean_words(references: Sequence[Sequence[str]]) -> int:
    counts = [len(text.split()) for several in references for text in several]
    return max(1, round(sum(counts) / len(counts)))
