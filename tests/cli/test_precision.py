"""``--trainer.precision auto``: what is chosen, told and saved."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from seqtext.cli import main

MODULE = "seqtext.cli.trainer_options"
TINY = [
    "fit", "--data.train", "builtin:train:64", "--trainer.max_steps", "1", "--trainer.accelerator", "cpu",
    "--model.network.embedding_size", "8", "--model.network.hidden_size", "8",
    "--data.tokenizer.vocab_size", "400",
]  # fmt: skip


def _saved(run: Path) -> str:
    saved: str = yaml.safe_load((run / "config.yaml").read_text())["trainer"]["precision"]
    return saved


@pytest.mark.parametrize(("speed", "chosen"), [(1.4, "bf16-mixed"), (0.7, "32-true")])
def test_the_faster_one_is_chosen_and_saved(
    speed: float,
    chosen: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(f"{MODULE}.has_bfloat16", lambda: True)
    monkeypatch.setattr(f"{MODULE}.speed_of_bfloat16", lambda: speed)
    run = tmp_path / "run"
    assert main([*TINY, "--trainer.precision", "auto", "--run", str(run)]) == 0
    told = capsys.readouterr().err
    assert f"precision: {chosen}, because bf16-mixed is {speed:.2f} times as fast" in told
    assert _saved(run) == chosen


def test_without_bfloat16_nothing_is_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> float:
        raise AssertionError("tried")

    monkeypatch.setattr(f"{MODULE}.has_bfloat16", lambda: False)
    monkeypatch.setattr(f"{MODULE}.speed_of_bfloat16", refuse)
    run = tmp_path / "run"
    assert main([*TINY, "--trainer.precision", "auto", "--run", str(run)]) == 0
    assert _saved(run) == "32-true"


def test_another_name_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*TINY, "--trainer.precision", "fp8", "--run", str(tmp_path / "run")]) == 2
    told = capsys.readouterr().err
    assert "trainer.precision" in told and "auto" in told and "bf16-mixed" in told
    assert not (tmp_path / "run").exists()
