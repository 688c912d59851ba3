"""``--trainer.precision auto``: what is chosen, told and saved."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from seqtext.cli import main, trainer_options

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


def test_a_resumed_run_keeps_the_choice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(f"{MODULE}.has_bfloat16", lambda: True)
    run = tmp_path / "run"
    for speed, most in ((1.4, 1), (0.7, 2)):
        monkeypatch.setattr(f"{MODULE}.speed_of_bfloat16", lambda speed=speed: speed)
        more = ["--trainer.precision", "auto", "--run", str(run), "--resume", "auto"]
        assert main([*TINY, f"--trainer.max_steps={most}", *more]) == 0
        assert _saved(run) == "bf16-mixed"
    assert "trainer.precision is now" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("variables", "chosen"),
    [
        ({"LOCAL_RANK": "1", "SEQTEXT_PRECISION": "32-true"}, "32-true"),
        ({"LOCAL_RANK": "0", "SEQTEXT_PRECISION": "32-true"}, "bf16-mixed"),
        ({"LOCAL_RANK": "1", "TORCHELASTIC_RUN_ID": "1"}, "32-true"),
        ({"SLURM_NTASKS": "4"}, "32-true"),
    ],
)
def test_processes_agree(
    variables: dict[str, str], chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{MODULE}.has_bfloat16", lambda: True)
    monkeypatch.setattr(f"{MODULE}.speed_of_bfloat16", lambda: 1.4)
    monkeypatch.delenv("SEQTEXT_PRECISION", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert trainer_options._quickest(on_cpu=True, nodes=1) == chosen


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
