"""What ``seqtext test`` measures of generated text."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from seqtext.errors import ConfigError
from seqtext.metrics import (
    BleuTokenize,
    check_bleu_tokenize,
    default_bleu_tokenize,
    exact_match,
    first_sentence,
    first_words,
    mean_sentence_bleu,
    score_summaries,
    score_transductions,
    score_translations,
)

if TYPE_CHECKING:
    from seqtext.inference.generator import Generator

Baseline = tuple[str, Callable[[str], str]]  # what to call it, and what it makes of a source
_USED_BY = {
    "lead": ("summarization",),
    "bleu_tokenize": ("translation", "code"),
    "symbols": ("transduction",),
}


class Measure(NamedTuple):
    """What is measured, decided before anything is decoded."""

    task: str
    bleu_tokenize: BleuTokenize
    characters: bool  # whether they are the symbols of the symbol error rate
    lead: Baseline | None  # the baseline of summaries

    @classmethod
    def of(cls, options: argparse.Namespace, generator: Generator) -> Measure:
        """From the options. What they leave open is as in the training of the model.

        Raises:
            ConfigError: An option has no use for the task, or see ``check_bleu_tokenize``.
        """
        from seqtext.checkpoint import symbols_of

        task = options.metrics or generator.task
        for name, tasks in _USED_BY.items():
            if getattr(options, name) is not None and task not in tasks:
                raise ConfigError(
                    f"--{name}: is of --metrics {' and '.join(tasks)}, and the outputs are judged by"
                    f" {task}"
                )
        trained = generator.scoring
        tokenize = options.bleu_tokenize
        if tokenize is None and task in ("translation", generator.task):
            tokenize = trained.bleu_tokenize
        tokenize = tokenize or default_bleu_tokenize(task)
        if task in _USED_BY["bleu_tokenize"]:
            check_bleu_tokenize(tokenize)
        symbols = options.symbols or trained.symbols or symbols_of(generator.tokenizers.target)
        return cls(task, tokenize, symbols == "characters", _lead(options.lead))

    def __str__(self) -> str:
        bleu = f"BLEU (--bleu_tokenize {self.bleu_tokenize})"
        if self.task == "translation":
            return f"{bleu}, chrF2"
        if self.task == "code":
            return f"{bleu}, chrF2, mean BLEU of single sentences, exact match"
        if self.task == "summarization":
            return "ROUGE, what is copied, and ROUGE of the lead as a baseline"
        symbols = "characters" if self.characters else "words"
        return f"word error rate of whole outputs, symbol error rate (--symbols {symbols})"

    def scores(
        self,
        sources: Sequence[str],
        hypotheses: Sequence[str],
        references: Sequence[Sequence[str]],
    ) -> dict[str, Any]:
        """By name; those of the task."""
        if self.task == "summarization":
            found = score_summaries(sources, hypotheses, references)._asdict()
            name, baseline = self.lead or _first_words(_mean_words(references))
            of_lead = score_summaries(sources, [baseline(text) for text in sources], references)
            rouge = {
                f"lead_{key}": value for key, value in of_lead._asdict().items() if "rouge" in key
            }
            return {**found, "lead": name, **rouge}
        if self.task == "transduction":
            rates = score_transductions(hypotheses, references, characters=self.characters)
            return {**rates._asdict(), "symbols": "characters" if self.characters else "words"}
        scores = score_translations(hypotheses, references, self.bleu_tokenize)._asdict()
        if self.task == "code":
            scores["sentence_bleu"] = mean_sentence_bleu(hypotheses, references, self.bleu_tokenize)
            scores["exact_match"] = exact_match(hypotheses, references)
        return scores


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
