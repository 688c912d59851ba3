"""Tasks: what scores outputs in validation and in ``seqtext test``. Imports no PyTorch.

A new metric is a function in ``metrics/`` and a line of its task here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from seqtext.metrics import (
    Baseline,
    BleuTokenize,
    References,
    Symbols,
    bleu,
    bleu_signature,
    chrf,
    chrf_signature,
    exact_match,
    first_words,
    mean_sentence_bleu,
    rouge2,
    score_summaries,
    score_transductions,
)

DEFAULT_BLEU_TOKENIZE: BleuTokenize = "13a"
# tasks of generated text, and the options of ``seqtext test`` that only some of them use
TaskName = Literal["translation", "summarization", "code", "transduction"]
TestOption = Literal["bleu_tokenize", "symbol_unit", "lead"]


@dataclass(frozen=True, kw_only=True)
class Scoring:
    """How a model's outputs are scored. Its checkpoint keeps it."""

    bleu_tokenize: BleuTokenize
    symbols: Symbols  # of the symbol error rate


class Outputs(NamedTuple):
    """Generated texts beside their sources and references."""

    sources: Sequence[str]
    hypotheses: Sequence[str]
    references: References


# --- metrics --------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A score: a finite number. Those of seqtext go from 0 to 100.

    Args:
        name: Its name in the result of ``seqtext test``.
        title: Its name in reports.
        smaller_is_better: Whether a smaller value is the better one.
    """

    name: str
    title: str
    smaller_is_better: bool = False

    @property
    def key(self) -> str:
        """Its name in ``selection.monitor`` and ``metrics.csv``."""
        return f"val_{self.name}"


@dataclass(frozen=True, kw_only=True)
class TextMetric(Metric):
    """A score of generated text.

    Args:
        measure: Outputs and how to score them -> the score.
        signature: References and how to score -> what a published score must say.
    """

    measure: Callable[[Outputs, Scoring], float]
    signature: Callable[[References, Scoring], str] | None = None

    def describe(self, references: References, scoring: Scoring) -> str:
        """Its title and its signature."""
        if self.signature is None:
            return self.title
        return f"{self.title} ({self.signature(references, scoring)})"


def _bleu_metric(*, smoothed: bool) -> TextMetric:
    return TextMetric(
        name="bleu",
        title="BLEU",
        measure=lambda outputs, scoring: bleu(
            *outputs[1:], scoring.bleu_tokenize, smoothed=smoothed
        ),
        signature=lambda references, scoring: bleu_signature(
            references, scoring.bleu_tokenize, smoothed=smoothed
        ),
    )


BLEU = _bleu_metric(smoothed=True)
RAW_BLEU = _bleu_metric(smoothed=False)  # of validation: 0 until four words in a row are right
CHRF = TextMetric(
    name="chrf", title="chrF2",
    measure=lambda outputs, scoring: chrf(*outputs[1:]),
    signature=lambda references, scoring: chrf_signature(references),
)  # fmt: skip
SENTENCE_BLEU = TextMetric(
    name="sentence_bleu", title="mean BLEU of single sentences",
    measure=lambda outputs, scoring: mean_sentence_bleu(*outputs[1:], scoring.bleu_tokenize),
)  # fmt: skip
EXACT_MATCH = TextMetric(
    name="exact_match", title="exact match",
    measure=lambda outputs, scoring: exact_match(*outputs[1:]),
)  # fmt: skip
ROUGE2 = TextMetric(
    name="rouge2", title="ROUGE-2", measure=lambda outputs, scoring: rouge2(*outputs[1:])
)
WER = TextMetric(
    name="wer", title="WER", smaller_is_better=True,
    measure=lambda outputs, scoring: 100 - exact_match(*outputs[1:]),
)  # fmt: skip


# --- tasks ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Task:
    """What a model is trained for.

    Args:
        name: Its name in ``model.task`` and in checkpoints.
        validation: Metrics of validation besides the loss. The last is the task's own metric. It chooses
            the best checkpoint, and ``seqtext test`` reports it too.
    """

    name: str
    validation: tuple[Metric, ...]

    @property
    def keys(self) -> list[str]:
        """Names of the validation scores. The task's own score is the last."""
        return [metric.key for metric in self.validation]

    def describe(self) -> str:
        """Titles of its metrics."""
        return ", ".join(metric.title for metric in self.validation)


@dataclass(frozen=True, kw_only=True)
class TextTask(Task):
    """A task whose outputs are text.

    Args:
        summary: What ``seqtext test`` measures, for its help.
        tested: Metrics of ``seqtext test``.
        figures: Adds to its result what is no metric.
        describe_figures: What ``figures`` adds, in words.
        options: Options of ``seqtext test`` that change the result.
        bleu_tokenize: Tokenization of BLEU that this task's texts need. Default: no particular one.
        merges_sources: Whether rows with the same source make one, with the references of all.
    """

    validation: tuple[TextMetric, ...]
    summary: str
    tested: tuple[TextMetric, ...] = ()
    figures: Callable[[Outputs, Scoring, Baseline | None], dict[str, object]]
    describe_figures: Callable[[Scoring], str] = lambda scoring: ""
    options: tuple[TestOption, ...] = ()
    bleu_tokenize: BleuTokenize | None = None
    merges_sources: bool = False

    def __reduce__(self) -> tuple[Callable[[str], TextTask], tuple[str]]:
        """Pickle the name alone, because lambdas cannot be pickled."""
        return _task_of, (self.name,)

    def validate(self, outputs: Outputs, scoring: Scoring) -> dict[str, float]:
        """Validation scores by key."""
        return {metric.key: metric.measure(outputs, scoring) for metric in self.validation}

    def test(
        self, outputs: Outputs, scoring: Scoring, baseline: Baseline | None = None
    ) -> dict[str, object]:
        """The result of ``seqtext test``, by name."""
        scores = {metric.name: round(metric.measure(outputs, scoring), 2) for metric in self.tested}
        return {**scores, **self.figures(outputs, scoring, baseline)}

    def describe_validation(self, references: References, scoring: Scoring) -> str:
        """Titles and signatures of what ``validate`` measures."""
        return ", ".join(metric.describe(references, scoring) for metric in self.validation)

    def describe_test(self, references: References, scoring: Scoring) -> str:
        """Titles and signatures of what ``test`` measures."""
        titles = [metric.describe(references, scoring) for metric in self.tested]
        return ", ".join(filter(None, [*titles, self.describe_figures(scoring)]))


def _task_of(name: str) -> TextTask:
    return TEXT_TASKS[name]


def _signature(outputs: Outputs, scoring: Scoring, _: Baseline | None) -> dict[str, object]:
    return {"signature": bleu_signature(outputs.references, scoring.bleu_tokenize)}


def _summary_figures(outputs: Outputs, _: Scoring, baseline: Baseline | None) -> dict[str, object]:
    """Scores of the summaries, and ROUGE of a baseline: as many first words as references have."""
    sources, references = outputs.sources, outputs.references
    if baseline is None:
        lengths = [len(text.split()) for several in references for text in several]
        baseline = first_words(max(1, round(sum(lengths) / len(lengths))))
    lead = score_summaries(sources, [baseline.output_of(text) for text in sources], references)
    return {
        **score_summaries(*outputs)._asdict(),
        "lead": baseline.name,
        **{f"lead_{name}": value for name, value in lead._asdict().items() if "rouge" in name},
    }


def _error_rates(outputs: Outputs, scoring: Scoring, _: Baseline | None) -> dict[str, object]:
    characters = scoring.symbols == "characters"
    rates = score_transductions(*outputs[1:], characters=characters)
    return {**rates._asdict(), "symbols": scoring.symbols}


TRANSLATION = TextTask(
    name="translation",
    summary="BLEU, chrF2",
    validation=(RAW_BLEU,),
    tested=(BLEU, CHRF),
    figures=_signature,
    options=("bleu_tokenize",),
)
SUMMARIZATION = TextTask(
    name="summarization",
    summary="ROUGE, what is copied, a baseline",
    validation=(RAW_BLEU, ROUGE2),
    figures=_summary_figures,
    describe_figures=lambda _: "ROUGE, what is copied, ROUGE of the lead as a baseline",
    options=("lead",),
)
CODE = TextTask(
    name="code",
    summary="BLEU, chrF2, exact match",
    validation=(RAW_BLEU, EXACT_MATCH),
    tested=(BLEU, CHRF, SENTENCE_BLEU, EXACT_MATCH),
    figures=_signature,
    options=("bleu_tokenize",),
    bleu_tokenize="none",  # code is tokenized already
)
TRANSDUCTION = TextTask(
    name="transduction",
    summary="word and symbol error rates",
    validation=(WER,),
    figures=_error_rates,
    describe_figures=lambda scoring: (
        f"word error rate of whole outputs, symbol error rate ({scoring.symbols})"
    ),
    options=("symbol_unit",),
    merges_sources=True,  # as in a dictionary
)
TEXT_TASKS = {task.name: task for task in (TRANSLATION, SUMMARIZATION, CODE, TRANSDUCTION)}
# their values are in the result of ``metrics.classification.score_labels``
CLASSIFICATION = Task(
    name="classification",
    validation=(
        Metric(name="macro_f1", title="macro F1"),
        Metric(name="accuracy", title="accuracy"),
    ),
)
LOSS = Metric(name="loss", title="loss", smaller_is_better=True)
METRICS: dict[str, Metric] = {
    metric.key: metric
    for task in (*TEXT_TASKS.values(), CLASSIFICATION)
    for metric in task.validation
}
MONITORS = {**METRICS, LOSS.key: LOSS}  # what ``selection.monitor`` may compare


def describe_measurement(metrics: str, count: int, search: str | None = None) -> str:
    """One line on what a validation or a test measures. Without ``search`` nothing is decoded."""
    if search is None:
        return f"{metrics}; {count:,} texts"
    return f"{metrics}; {search}; {count:,} sentences"
