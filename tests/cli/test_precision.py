"""``--precision auto`` and ``--trainer.precision auto``: what is chosen, told and saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from seqtext.cli import main, trainer_options
from seqtext.cli.hypotheses import render
from seqtext.inference import processes, quickest

MODULE = "seqtext.cli.trainer_options"
TINY = [
    "fit", "--data.train", "builtin:train:64", "--trainer.max_steps", "1", "--trainer.accelerator", "cpu",
    "--model.network.embedding_size", "8", "--model.network.hidden_size", "8",
    "--data.tokenizer.vocab_size", "400",
]  # fmt: skip


@pytest.fixture(autouse=True)
def _measuring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is named and nothing is known."""
    monkeypatch.delenv("SEQTEXT_PRECISION")
    monkeypatch.setenv("SEQTEXT_CACHE", str(tmp_path / "cache"))


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
        monkeypatch.setenv("SEQTEXT_CACHE", str(tmp_path / f"cache {speed}"))
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
        ({"LOCAL_RANK": "1", "SEQTEXT_PRECISION": "fp32"}, "32-true"),
        ({"LOCAL_RANK": "0", "SEQTEXT_PRECISION": "fp32"}, "32-true"),
        ({"LOCAL_RANK": "0", "SEQTEXT_PRECISION": "int8"}, "bf16-mixed"),
        ({"SLURM_NTASKS": "4", "SEQTEXT_PRECISION": "bf16"}, "bf16-mixed"),
        ({"LOCAL_RANK": "1", "TORCHELASTIC_RUN_ID": "1"}, "32-true"),
        ({"SLURM_NTASKS": "4"}, "32-true"),
    ],
)
def test_processes_agree(
    variables: dict[str, str], chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{MODULE}.has_bfloat16", lambda: True)
    monkeypatch.setattr(f"{MODULE}.speed_of_bfloat16", lambda: 1.4)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert trainer_options._quickest(on_cpu=True, nodes=1) == chosen


def test_a_speed_is_kept_for_the_next_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{MODULE}.has_bfloat16", lambda: True)
    for speed in (1.4, 0.7):
        monkeypatch.setattr(f"{MODULE}.speed_of_bfloat16", lambda speed=speed: speed)
        assert trainer_options._quickest(on_cpu=True, nodes=1) == "bf16-mixed"


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


# --- commands that use a model --------------------------------------------------------------------------


@pytest.fixture
def faster(monkeypatch: pytest.MonkeyPatch) -> None:
    """8-bit integers are faster, by 1.4 times."""
    monkeypatch.setattr(quickest, "has_integers", lambda: True)
    monkeypatch.setattr(quickest, "times_as_fast", lambda fast, slow: 1.4)


def _generate(trained: Path, *options: str) -> str:
    Path("in.txt").write_text("The dog is sleeping.\nA red car.\n\nMy sister sings.\n" * 10)
    words = ["--input=in.txt", "--output=out", "--scores", "--batch_size=4", *options]
    assert main(["generate", str(trained), *words]) == 0
    return Path("out").read_text(encoding="utf-8")


@pytest.mark.usefixtures("faster")
def test_generate_takes_the_faster_one_and_says_so(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = _generate(trained)
    [line] = [line for line in capsys.readouterr().err.splitlines() if "precision" in line]
    assert "int8" in line and "1.40 times" in line and "--precision fp32" in line
    named = _generate(trained, "--precision=int8")
    assert "precision" not in capsys.readouterr().err
    assert chosen == named != _generate(trained, "--precision=fp32")


def test_a_slower_one_is_told_and_left(
    trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(quickest, "has_integers", lambda: True)
    monkeypatch.setattr(quickest, "times_as_fast", lambda fast, slow: 0.8)
    chosen = _generate(trained)
    [line] = [line for line in capsys.readouterr().err.splitlines() if "precision" in line]
    assert "fp32, because int8 is 0.80 times as fast" in line
    assert chosen == _generate(trained, "--precision=fp32")


@pytest.mark.usefixtures("faster")
@pytest.mark.parametrize(
    ("command", "quick"),
    [("generate", True), ("test", True), ("score", False), ("explain", False), ("rerank", False)],
)
def test_commands_that_show_probabilities_are_exact(
    command: str, quick: bool, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = "The dog is sleeping."
    record = '{"index": 0, "source": "a", "hypotheses": [{"text": "b", "score": -1.0}]}'
    Path("in.txt").write_text({"score": f"{line}\tDer Hund.", "rerank": record}.get(command, line))
    options = ["--data.test=builtin:test:4"] if command == "test" else ["--input=in.txt"]
    for more, told in (([], quick), (["--precision=auto"], True)):
        assert main([command, str(trained), *options, *more]) == 0
        assert ("precision: int8" in capsys.readouterr().err) == told


@pytest.mark.usefixtures("faster")
def test_the_choice_of_the_first_process_holds_for_all(
    trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = _generate(trained, "--precision=int8")
    monkeypatch.setenv("SEQTEXT_PRECISION", "fp32")  # which the other process would take
    monkeypatch.setattr(quickest, "named", lambda: None)
    shares = list[Any]()

    def deal(channels: Any, predict: Any, batches: Any) -> Any:
        shares.extend(batches[1::2])
        return original(channels, predict, batches)

    original = processes.deal
    monkeypatch.setattr(processes, "deal", deal)
    assert _generate(trained, "--devices=2") == named
    assert shares


@pytest.mark.usefixtures("faster")
def test_an_output_is_finished_in_the_precision_that_began_it(
    trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = _generate(trained)
    Path("out").unlink()
    monkeypatch.setattr("seqtext.cli.streams._FIRST", 8)

    def stop(options: Any, record: Any, *more: Any, **others: Any) -> str:
        if record["index"] == 20:
            raise KeyboardInterrupt
        return render(options, record, *more, **others)

    command = [
        "generate",
        str(trained),
        "--input=in.txt",
        "--output=out",
        "--scores",
        "--batch_size=4",
    ]
    with monkeypatch.context() as patch:
        patch.setattr("seqtext.cli.generate.render", stop)
        assert main(command) == 130
    with monkeypatch.context() as patch:
        patch.setenv("SEQTEXT_PRECISION", "fp32")
        capsys.readouterr()
        assert main([*command, "--resume"]) == 2
        assert "--precision int8 --resume" in capsys.readouterr().err
        assert main([*command, "--resume", "--precision=int8"]) == 0
    assert Path("out").read_text(encoding="utf-8") == whole
