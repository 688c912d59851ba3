"""``seqtext test``: decode, or classify, a corpus and score the result."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from typing import get_args

from seqtext.cli.answers import add_output
from seqtext.cli.collected import collected_answers
from seqtext.cli.corpora import add_columns, add_corpus, add_label_columns
from seqtext.cli.flags import Parser, config_of, names_of
from seqtext.cli.measure import Measure
from seqtext.cli.models import add_checkpoints, add_computing, load_models, tell_counts
from seqtext.cli.outputs import check_outputs
from seqtext.cli.streams import as_line, lines_of
from seqtext.inference.config import DecisionConfig
from seqtext.metrics import BleuTokenize, Symbols, Task, check_bleu_tokenize, unseen_words
from seqtext.search.config import SearchConfig

_OF_TEXT = ("source", "target", "metrics", "bleu_tokenize", "symbols", "lead", "train")
_SEARCH = [name for name in names_of(SearchConfig) if name != "n_best"]
_OF_LABELS = ("text", "label", "classes", "confusion", "threshold")


def parser() -> Parser:
    """The options. Importing this and asking for help stays light."""
    parser = Parser(
        "test",
        "CKPT… --data.test PATH [--KEY VALUE]…",
        "Score a trained model on a corpus. The last line printed is one JSON object.",
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
        help="what BLEU's n-grams are made of: 13a (words), intl, char or zh (languages without spaces),"
        " ja-mecab, ko-mecab, none (text that is tokenized already) (default: as in training)",
    )  # fmt: skip
    parser.add_argument(
        "--symbols", choices=get_args(Symbols),
        help="what the symbol error rate counts: characters, or words, which spaces separate, as phones"
        " (default: as in training, characters for a target tokenizer of type char)",
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
    parser.add_fields(DecisionConfig, ["threshold"])
    parser.add_argument(
        "--data.train", dest="train", metavar="PATH",
        help="the training corpus: count how words fare that it has not, and the source has",
    )  # fmt: skip
    add_output(parser, "write the hypotheses to this file, a line a row")
    parser.add_argument(
        "--show",
        type=int,
        default=0,
        metavar="N",
        help="print N sources with references and output",
    )
    parser.add_fields(SearchConfig, _SEARCH)
    add_computing(parser)
    return parser


def run(arguments: Sequence[str]) -> None:
    """Parse, decode, score."""
    options = parser().parse_args(arguments)
    if options.bleu_tokenize is not None:
        check_bleu_tokenize(options.bleu_tokenize)
    from seqtext.data.corpus import Corpus
    from seqtext.inference.classifier import Classifier
    from seqtext.inference.generator import texts
    from seqtext.inference.loading import load

    written = {"--output": options.output, "--confusion": options.confusion}
    check_outputs([options.test, options.train, *options.checkpoints], written)
    config = config_of(SearchConfig, options)
    config_of(DecisionConfig, options)
    generator = load_models(options, load)
    if isinstance(generator, Classifier):
        from seqtext.cli.score_labels import run as run_labels

        searching = [name for name in _SEARCH if name != "batch_size"]
        parser().refuse(
            options, [*_OF_TEXT, *searching], "model that generates text", "a classifier"
        )
        run_labels(options, generator)
        return
    parser().refuse(options, _OF_LABELS, "classifier", "a model that generates text")
    source = options.source or generator.columns[0]
    target = options.target or generator.columns[1]
    corpus = Corpus(options.test, source, target, "test")
    measure = Measure.of(options, generator)
    rows = list(corpus.examples())
    examples = Corpus.merged(rows) if measure.task == "transduction" else rows
    training = None
    if options.train is not None:
        training = [pair[1] for pair in Corpus(options.train, source, target, "train").rows()]
    sources, references = [one for one, _ in examples], [several for _, several in examples]
    with collected_answers(options) as kept:
        start = time.perf_counter()
        hypotheses: list[str] = kept.answers_to(
            sources, lambda chunk: texts(generator.search(chunk, config)), "sentences"
        )
        print(
            f"{len(examples):,} sentences ({source} to {target}) decoded in"
            f" {time.perf_counter() - start:.1f} s, beam {options.beam_size}\nmeasured: {measure}",
            file=sys.stderr,
        )
        tell_counts(generator)
        _show(options.show, sources, references, hypotheses)
        scores = measure.scores(sources, hypotheses, references)
        if training is not None:
            first = [several[0] for several in references]
            scores |= unseen_words(sources, hypotheses, first, training)._asdict()
        print(json.dumps(scores), flush=True)
        of_source = dict(zip(sources, hypotheses, strict=True))
        kept.finish(lines_of(as_line(of_source[one]) for one, _ in rows))


def _show(
    count: int,
    sources: Sequence[str],
    references: Sequence[Sequence[str]],
    hypotheses: Sequence[str],
) -> None:
    step = max(1, len(sources) // max(1, count))
    for i in range(0, len(sources), step)[:count]:
        told = lines_of(f"  reference:  {as_line(one)}" for one in references[i])
        print(
            f"  source:     {as_line(sources[i])}\n{told}  hypothesis: {as_line(hypotheses[i])}\n"
        )
