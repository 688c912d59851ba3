"""Tasks know their scores."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any, get_args

import pytest

from seqtext import tasks
from seqtext.metrics import words
from seqtext.tasks import CLASSIFICATION, TEXT_TASKS, Outputs, Scoring, TestOption, TextTask
from seqtext.training.config import Monitor, SelectionConfig

SCORING = Scoring(bleu_tokenize="13a", symbols="words")
OUTPUTS = Outputs(
    ["the dog sleeps here", "a cat"], ["der Hund schläft hier", "ein"],
    [["der Hund schläft hier"], ["eine Katze", "die Katze"]],
)  # fmt: skip


def test_names_of_tasks_are_the_choices() -> None:
    assert tuple(TEXT_TASKS) == get_args(tasks.TaskName)


def test_monitors_are_the_scores_of_all_tasks() -> None:
    keys = [key for task in (*TEXT_TASKS.values(), CLASSIFICATION) for key in task.keys]
    assert get_args(Monitor) == ("task", *dict.fromkeys(keys), "val_loss")
    assert {"val_bleu", "val_wer", "val_macro_f1"} < set(keys)
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
    check_task(TEXT_TASKS[name])


def check_task(task: TextTask) -> None:
    scores = task.validate(OUTPUTS, SCORING)
    assert list(scores) == task.keys and all(map(math.isfinite, scores.values()))
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


def test_the_guide_adds_a_metric(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    guide = (repository / "docs/own-metrics.md").read_text(encoding="utf-8")
    function, metric = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    [change] = re.findall(r"```diff\n(.*?)```", guide, re.DOTALL)
    names = dict(vars(words))
    exec(function, names)
    monkeypatch.setattr(words, "word_recall", names["word_recall"], raising=False)
    before, after = (
        "".join(line[1:] for line in change.splitlines(keepends=True) if line[0] != left_out)
        for left_out in "+-"
    )
    source = Path(tasks.__file__).read_text(encoding="utf-8")
    assert source.count(before) == 1
    changed: dict[str, Any] = {"__name__": tasks.__name__}
    exec(source.replace(before, metric + after), changed)
    task = changed["TRANSLATION"]
    check_task(task)
    assert task.keys == ["val_word_recall", "val_bleu"] and task.keys[0] in guide
    assert task.keys[0] in changed["MONITORS"]
    assert task.validate(OUTPUTS, SCORING)["val_word_recall"] == pytest.approx(100 * 4 / 6)
    assert task.test(OUTPUTS, SCORING).keys() == {"bleu", "chrf", "word_recall", "signature"}
    assert "word recall" in task.describe_test(OUTPUTS.references, SCORING)
