"""The progress bar, as a terminal shows it."""

from __future__ import annotations

import re
import sys

import pytest

from seqtext.cli import main
from seqtext.console import say
from tests.support import metrics


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal of 150 columns."""
    monkeypatch.setenv("COLUMNS", "150")
    monkeypatch.setenv("LINES", "40")


def test_the_bar_counts_as_the_lines_do(
    tiny: list[str], terminal: None, capsys: pytest.CaptureFixture[str]
) -> None:
    bar = ["--trainer.enable_progress_bar=true", "--run=r"]
    assert main(["fit", *tiny, *bar]) == 0
    out = capsys.readouterr().out
    assert re.findall(r"epoch (\d+):", out)[0] == "1"
    assert {*re.findall(r"[eE]poch (\d+):", out)} == {"1", "2"} and "v_num" not in out
    for number, row in enumerate(metrics("r"), 1):
        states = [part for part in out.split("\r") if part.startswith(f"epoch {number}: 100%")]
        assert f"train_loss={float(row['train_loss']):.3f}" in states[-1]
        assert f"val_loss={float(row['val_loss']):.3f}" in states[-1]
        assert f"val_bleu={float(row['val_bleu']):.2f}" in states[-1]


def test_messages_stand_above_a_bar(capsys: pytest.CaptureFixture[str]) -> None:
    from tqdm import tqdm

    with tqdm(total=3, file=sys.stdout, ncols=60) as bar:
        bar.update()
        capsys.readouterr()
        say("a message")
        out, err = capsys.readouterr()
    assert err == "a message\n"
    cleared, drawn = out.rsplit("\r", 1)
    assert cleared.strip() == "" and "1/3" in drawn


def test_another_bar_is_kept(
    tiny: list[str], terminal: None, capsys: pytest.CaptureFixture[str]
) -> None:
    bar = ["--trainer.enable_progress_bar=true", "--trainer.callbacks+=TQDMProgressBar"]
    assert main(["fit", *tiny, *bar, "--trainer.max_steps=2", "--run=r"]) == 0
    assert "Epoch 0:" in capsys.readouterr().out
