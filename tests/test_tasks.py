"""Tasks know their scores."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import pytest

from seqtext import tasks
from seqtext.tasks import CLASSIFICATION, TEXT_TASKS, Outputs, Scoring, TestOption, TextMetric
from seqtext.training.config import Monitor, SelectionConfig

SCORING = Scoring(bleu_tokenize="13a", symbols="words")
OUTPUTS = Outputs(
    ["the dog sleeps here", "a cat"], ["der Hund schläft hier", "ein"],
    [["der Hund schläft hier"], ["eine Katze", "die Katze"]],
)  # fmt: skip


def test_names_of_tasks_are_the_choices() -> None:
    assert tuple(TEXT_TASKS) == get_args(tasks.TaskName)


def test_monitors_are_the_scores_of_all_tasks() -> None:
    assert get_args(Monitor) == (
        "task", "val_bleu", "val_rouge2", "val_exact_match", "val_wer", "val_macro_f1",
        "val_accuracy", "val_loss",
    )  # fmt: skip
    for task in (*TEXT_TASKS.values(), CLASSIFICATION):
        for metric in task.validation:  # two tasks agree on what a name is
            known = tasks.METRICS[metric.key]
            assert (known.title, known.smaller_is_better) == (
                metric.title,
                metric.smaller_is_better,
            )


@pytest.mark.parametrize(
    ("monitor", "better", "worse"), [("val_bleu", 2, 1), ("val_wer", 1, 2), ("val_loss", 1, 2)]
)
def test_direction_of_a_score(monitor: str, better: float, worse: float) -> None:
    selection = SelectionConfig(monitor=monitor)
    assert selection.is_better(better, worse)
    assert not selection.is_better(worse, better) and not selection.is_better(better, better)


@pytest.mark.parametrize("name", TEXT_TASKS)
def test_every_task_measures_and_says_what(name: str) -> None:
    task = TEXT_TASKS[name]
    scores = task.validate(OUTPUTS, SCORING)
    assert list(scores) == task.keys and all(0 <= score <= 100 for score in scores.values())
    result = task.test(OUTPUTS, SCORING)
    for metric in task.tested:
        assert result[metric.name] == pytest.approx(metric.measure(OUTPUTS, SCORING), abs=0.005)
    own = task.validation[-1]  # the test has it as well
    assert result[own.name] == pytest.approx(own.measure(OUTPUTS, SCORING), abs=0.01)
    for described in (
        task.describe_validation(OUTPUTS.references, SCORING),
        task.describe_test(OUTPUTS.references, SCORING),
    ):
        assert described
        if "BLEU (" in described:
            assert "nrefs:var" in described and "version:" in described
    assert set(task.options) <= set(get_args(TestOption))


def test_the_guide_adds_a_metric(repository: Path) -> None:
    guide = (repository / "docs/own-metrics.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    names: dict[str, Any] = dict(vars(tasks))
    for block in blocks:
        exec(block, names)
    metric = names["LENGTH_RATIO"]
    assert isinstance(metric, TextMetric)
    task = names["TRANSLATION"]
    assert metric.key in guide and task.keys == [metric.key, "val_bleu"]
    assert task.validate(OUTPUTS, SCORING)[metric.key] == pytest.approx(100 * 5 / 6)
    assert task.test(OUTPUTS, SCORING).keys() == {"bleu", "chrf", "length_ratio", "signature"}
    assert metric.title in task.describe_test(OUTPUTS.references, SCORING)
