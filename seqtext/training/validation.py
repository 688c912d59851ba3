"""What validation scores decoded text by; scores of all ranks come together in torchmetrics."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics import Metric
from torchmetrics.text import SacreBLEUScore

from seqtext.metrics import BleuTokenize, Task, is_exact, rouge


class _Share(Metric):
    """A mean over all hypotheses of all ranks, whose numbers may differ."""

    total: Tensor
    count: Tensor

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        for name in ("total", "count"):
            self.add_state(name, torch.tensor(0.0, dtype=torch.double), dist_reduce_fx="sum")

    def update(self, hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> None:
        """Add up."""
        if hypotheses:
            self.total += self.score(hypotheses, references)
        self.count += len(hypotheses)

    @abstractmethod
    def score(self, hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> float:
        """The sum over hypotheses."""

    def compute(self) -> Tensor:
        """The mean."""
        return self.total / self.count


class Collected(Metric):
    """All logits and labels of all ranks."""

    logits: Any  # lists of tensors, one of all once they are gathered
    labels: Any

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        for name in ("logits", "labels"):
            self.add_state(name, [], dist_reduce_fx="cat")

    def update(self, logits: Tensor, labels: Tensor) -> None:
        """Keep them."""
        self.logits.append(logits.detach().float())
        self.labels.append(labels)

    def compute(self) -> tuple[Tensor, Tensor]:
        """(N, L) and (N,) or (N, L)."""
        return tuple(
            (torch.cat(part) if isinstance(part, list) else part).cpu()
            for part in (self.logits, self.labels)
        )  # type: ignore[return-value]


class Rouge2(_Share):
    """ROUGE-2 as F1 of the best reference, 0 to 1."""

    def score(self, hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> float:
        """See ``rouge``."""
        return len(hypotheses) * rouge(hypotheses, references, ("rouge2",))["rouge2"]


class ExactMatch(_Share):
    """Share of hypotheses that are one of their references, 0 to 1; or of the others, if ``wrong``."""

    def __init__(self, *, wrong: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.wrong = wrong

    def score(self, hypotheses: Sequence[str], references: Sequence[Sequence[str]]) -> float:
        """Count."""
        right: int = sum(map(is_exact, hypotheses, references))
        return len(hypotheses) - right if self.wrong else right


def validation_scores(task: Task, bleu_tokenize: BleuTokenize) -> nn.ModuleDict:
    """By the name that they are logged under, the task's own the last.

    Each takes hypotheses and lists of references.
    """
    scores: dict[str, Metric] = {"val_bleu": SacreBLEUScore(tokenize=bleu_tokenize)}
    if task == "summarization":
        scores["val_rouge2"] = Rouge2()
    if task == "code":
        scores["val_exact_match"] = ExactMatch()
    if task == "transduction":
        scores = {"val_wer": ExactMatch(wrong=True)}
    return nn.ModuleDict(scores)
