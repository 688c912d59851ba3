"""What validation scores decoded text by; scores of all ranks come together in torchmetrics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torchmetrics import Metric
from torchmetrics.text import SacreBLEUScore
from torchmetrics.text.rouge import ROUGEScore

from seqtext.metrics import BleuTokenize, is_exact

Task = Literal["translation", "summarization", "code", "transduction"]


class Rouge2(ROUGEScore):
    """ROUGE-2 as F1 of the best reference, 0 to 1."""

    def __init__(self, **options: Any) -> None:
        super().__init__(use_stemmer=True, rouge_keys="rouge2", **options)

    def compute(self) -> Tensor:  # type: ignore[override]
        """The mean over all hypotheses."""
        return super().compute()["rouge2_fmeasure"]


class ExactMatch(Metric):
    """Share of hypotheses that are one of their references, 0 to 1; or of the others, if ``wrong``."""

    right: Tensor
    total: Tensor

    def __init__(self, *, wrong: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.wrong = wrong
        for name in ("right", "total"):
            self.add_state(name, torch.tensor(0.0), dist_reduce_fx="sum")

    def update(self, hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> None:
        """Count."""
        self.right += sum(map(is_exact, hypotheses, references))
        self.total += len(hypotheses)

    def compute(self) -> Tensor:
        """The share."""
        share = self.right / self.total
        return 1 - share if self.wrong else share


def validation_scores(task: Task, bleu_tokenize: BleuTokenize) -> nn.ModuleDict:
    """By the name that they are logged under; each takes hypotheses and lists of references."""
    scores: dict[str, Metric] = {"val_bleu": SacreBLEUScore(tokenize=bleu_tokenize)}
    if task == "summarization":
        scores["val_rouge2"] = Rouge2()
    if task == "code":
        scores["val_exact_match"] = ExactMatch()
    if task == "transduction":
        scores = {"val_wer": ExactMatch(wrong=True)}
    return nn.ModuleDict(scores)
