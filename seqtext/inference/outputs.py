"""Hypotheses of a search -> those that are returned, as text."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence

from seqtext.data.tokenizer import Tokenizer
from seqtext.inference.hypothesis import Hypothesis
from seqtext.inference.mbr import rank_by_risk
from seqtext.inference.predictor import diverged
from seqtext.metrics import BleuTokenize
from seqtext.search.config import SearchConfig
from seqtext.search.protocol import FinishedHypothesis


class OutputChooser:
    """Chooses among the hypotheses of a source.

    Args:
        target: The tokenizer of the outputs.
        bleu_tokenize: What the n-grams of BLEU are made of, for minimum Bayes risk.
    """

    def __init__(self, target: Tokenizer, bleu_tokenize: BleuTokenize) -> None:
        self._target, self._bleu_tokenize = target, bleu_tokenize

    def outputs(
        self,
        hypotheses: Sequence[FinishedHypothesis],
        words: Sequence[str],
        limit: int,
        config: SearchConfig,
    ) -> list[Hypothesis]:
        """All samples, or the best hypotheses with different texts.

        Args:
            hypotheses: Of a source, as a search returns them.
            words: Of the source, those that the vocabulary lacks.
            limit: Most pieces that an output may have.
            config: How many to return, and how they are chosen.

        Raises:
            CheckpointError: The network's outputs are no numbers.
        """
        if not hypotheses or not all(math.isfinite(each.log_prob) for each in hypotheses):
            raise diverged()
        outputs: dict[object, Hypothesis] = {}
        for number, hypothesis in enumerate(hypotheses):
            if len(outputs) == config.outputs and config.mbr is None:
                break
            text = self._target.decode(hypothesis.ids, words)
            # samples of the same text stay: their number tells how probable it is
            outputs.setdefault(
                number if config.samples else text,
                Hypothesis(
                    text=text,
                    score=hypothesis.score,
                    log_prob=hypothesis.log_prob,
                    pieces=tuple(self._target.pieces(hypothesis.ids, words)),
                    ids=hypothesis.ids,
                    at_limit=len(hypothesis.ids) >= limit,
                ),
            )
        candidates = list(outputs.values())
        if config.mbr is None:
            return candidates
        sampled = config.samples > 0
        ranked = rank_by_risk(candidates, config.mbr, self._bleu_tokenize, sampled=sampled)
        return ranked[: config.n_best]


def complete_lists(
    lists: list[list[Hypothesis]],
    texts: Sequence[str],
    count: int,
    search: Callable[[list[int], tuple[str, ...]], list[list[Hypothesis]]],
) -> None:
    """Complete lists of outputs that are some of given texts.

    A beam also keeps other spellings of the same text, so it may leave texts out. They are searched for
    among the texts that a list lacks.

    Args:
        lists: Of each source, best first. Those that are too short are replaced.
        texts: All possible outputs.
        count: Hypotheses that a source should have, if there are so many texts.
        search: Takes places of sources, and texts. Returns a list of these texts for each source.
    """
    wanted = min(count, len(set(texts)))
    lacking = [row for row, own in enumerate(lists) if own[0].ids and len(own) < wanted]
    while lacking:
        by_texts = defaultdict[frozenset[str], list[int]](list)
        for row in lacking:
            by_texts[frozenset(each.text for each in lists[row])].append(row)
        lacking = []
        for known, rows in by_texts.items():
            others = tuple(text for text in texts if text not in known)
            for row, more in zip(rows, search(rows, others), strict=True):
                new = [each for each in more if each.text not in known]
                ranked = sorted([*lists[row], *new], key=lambda each: -each.score)
                lists[row] = ranked[:wanted]
                if new and len(lists[row]) < wanted:
                    lacking.append(row)
