"""``seqtext fit --data.validation folds:N``: a run for each fold, together an ensemble."""

from __future__ import annotations

import itertools
import json
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

import seqtext
from seqtext.cli import main
from seqtext.training.run.report import Report
from tests.cli.test_classifier import PRESET, ROWS, SMALL
from tests.cli.test_fit import crash, interrupt
from tests.support import NO_DECODING, assert_equal_bits, metrics, result, weights

FOLDS = "--data.validation=folds:2"


@pytest.fixture
def options(tiny: list[str]) -> list[str]:
    """Options of two folds that train for 10 updates each."""
    return [*tiny, *NO_DECODING, FOLDS]


@pytest.fixture
def run(options: list[str], finished: Callable[..., Path]) -> Path:
    """The folder of a finished run of two folds, in the working folder."""
    return shutil.copytree(finished(*options), Path("run"))


def validation_of(run: Path) -> str:
    config = yaml.safe_load((run / "config.yaml").read_text())
    named: str = config["data"]["init_args"]["validation"]
    return named


def assert_equal_folds(one: Path, other: Path) -> None:
    for fold in ("fold-1", "fold-2"):
        for name in ("last.ckpt", "best.ckpt"):
            assert_equal_bits(weights(one / fold, name), weights(other / fold, name))
        assert (one / fold / "metrics.csv").read_text().count("\n") == (
            other / fold / "metrics.csv"
        ).read_text().count("\n")


def in_second_fold(step: int, action: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Have ``action`` happen after ``step`` updates of the second fold of ``stopped``."""
    original = Report.on_train_batch_end

    def hooked(self: Report, trainer: Any, *args: Any) -> None:
        original(self, trainer, *args)
        if trainer.global_step == step and Path("stopped/fold-2").exists():
            action()

    monkeypatch.setattr(Report, "on_train_batch_end", hooked)


# --- the run --------------------------------------------------------------------------------------------


def test_each_fold_is_a_run_and_the_result_names_them(run: Path) -> None:
    assert sorted(path.name for path in run.iterdir()) == [
        "config.yaml", "fold-1", "fold-2", "result.json",
    ]  # fmt: skip
    assert validation_of(run) == "folds:2"
    scores = []
    for number in (1, 2):
        assert validation_of(run / f"fold-{number}") == f"fold:{number}/2"
        assert [int(row["step"]) for row in metrics(run / f"fold-{number}")] == [5, 10]
        scores.append(result(run / f"fold-{number}")["best_score"])
    assert scores[0] != scores[1]
    assert result(run) == {
        "folds": ["fold-1", "fold-2"],
        "monitor": "val_loss",
        "best_scores": scores,
        "mean": statistics.mean(scores),
        "standard_deviation": statistics.stdev(scores),
    }


def test_a_fold_alone_equals_that_of_the_run(options: list[str], run: Path) -> None:
    """So that several machines can share the folds."""
    assert main(["fit", *options, "--data.validation=fold:2/2", "--run=alone"]) == 0
    assert_equal_bits(weights("alone", "best.ckpt"), weights(run / "fold-2", "best.ckpt"))


def test_the_command_says_what_it_trained(
    options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fit", *options, "--trainer.max_steps=2"]) == 0
    said = capsys.readouterr().err
    assert said.index("fold 1 of 2") < said.index("run: runs/translation/001/fold-1")
    assert said.index("fold 2 of 2") < said.index("run: runs/translation/001/fold-2")
    assert "give --trainer.max_steps a higher value with --resume runs/translation/001\n" in said
    told, use = said.splitlines()[-2:]
    assert "2 folds are trained: val_loss" in told
    assert f"{result('runs/translation/001')['mean']:.2f} on average" in told
    assert use.endswith("seqtext generate runs/translation/001 --input FILE")


def test_without_scores_there_is_no_mean(options: list[str]) -> None:
    quick = ["--trainer.max_steps=1", "--trainer.limit_val_batches=0", "--run=r"]
    assert main(["fit", *options, *quick]) == 0
    assert result("r") == {"folds": ["fold-1", "fold-2"]}


def test_options_follow_from_the_rows_as_for_a_split(capsys: pytest.CaptureFixture[str]) -> None:
    words = map("".join, itertools.product("ptkbdg", "aeiou", "lrnms", "aeiou", "ts"))  # 1,500
    Path("words.tsv").write_text("".join(f"{word}\t{word[::-1]}\n" for word in words))
    columns = ["--data.train=words.tsv", "--data.source=1", "--data.target=2", "--print_config"]
    chosen = []
    for validation in ("split:750", "folds:2", "fold:2/2", "folds:15"):
        assert main(["fit", *columns, f"--data.validation={validation}"]) == 0
        printed = capsys.readouterr().out
        assert f"validation: {validation}\n" in printed
        chosen.append(printed.replace(validation, ""))
    assert chosen[0] == chosen[1] == chosen[2] != chosen[3]
    assert "check_val_every_n_epoch: 2\n" in chosen[0] and not Path("runs").exists()


def test_a_classifier(capsys: pytest.CaptureFixture[str]) -> None:
    Path("rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    options = ["--data.train=rows.jsonl", *SMALL, FOLDS, "--trainer.max_epochs=1", "--run=run"]
    assert main(["fit", *options], task="classification", preset=PRESET) == 0
    assert capsys.readouterr().err.endswith("seqtext classify run --input FILE\n")
    for fold in ("fold-1", "fold-2"):
        assert len(seqtext.load_classifier(f"run/{fold}").networks) == 1
    assert len(seqtext.load_classifier("run").networks) == 2
    Path("in.txt").write_text("open the gate\n")
    assert main(["explain", "run", "--input=in.txt"]) == 0


# --- the ensemble ---------------------------------------------------------------------------------------


def test_every_command_takes_the_folds_as_an_ensemble(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("in.txt").write_text("The dog sleeps.\nA cat sees the house.\n")
    outputs = []
    for places in ([run], [run / "fold-1", run / "fold-2"], [run / "fold-1"]):
        words = [*map(str, places), "--input=in.txt", "--scores"]
        assert main(["generate", *words]) == 0
        outputs.append(capsys.readouterr().out)
    assert outputs[0] == outputs[1] != outputs[2]
    whole, folds = seqtext.load(run), seqtext.load([run / "fold-1", run / "fold-2"])
    assert len(whole.networks) == len(folds.networks) == 2
    assert main(["test", str(run), "--data.test=builtin:test:20"]) == 0
    assert main(["explain", str(run), "--input=in.txt"]) == 0
    corpus = ["--data.train=builtin:train:20", "--data.source=en", "--data.target=de"]
    assert main(["check", *corpus, f"--tokenizer={run}"]) == 0
    resumed = ["generate", str(run), "--input=in.txt", "--output=out.txt", "--resume"]
    assert main(resumed) == 0 and Path("out.txt").read_text().count("\n") == 2


def test_a_single_model_is_wanted(
    tiny: list[str], run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fit", *tiny, f"--model.init_from={run}"]) == 2
    said = capsys.readouterr().err
    assert "run of several folds" in said and "name one of them, as run/fold-1" in said
    start = [f"--model.init_from={run}/fold-1", "--data.train=builtin:train:40", FOLDS]
    quick = ["--trainer.max_steps=1", "--trainer.accelerator=cpu", *NO_DECODING, "--run=tuned"]
    columns = ["--data.source=en", "--data.target=de"]
    assert main(["fit", *start, *columns, *quick]) == 0  # folds can begin with a model
    assert len(seqtext.load("tuned").networks) == 2


# --- stop and resume ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "step"),
    [(interrupt, 7), (crash, 3), pytest.param(interrupt, 5, marks=pytest.mark.slow)],
)
def test_a_resumed_run_equals_an_uninterrupted_one(
    options: list[str],
    run: Path,
    how: Callable[[], None],
    step: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Stopped in the second fold, before or after its first checkpoint."""

    with monkeypatch.context() as patch:
        in_second_fold(step, how, patch)
        if how is interrupt:
            assert main(["fit", *options, "--run=stopped"]) == 130
        else:
            with pytest.raises(RuntimeError, match="power cut"):
                main(["fit", *options, "--run=stopped"])
    stopped = Path("stopped")
    told = capsys.readouterr().err
    assert how is crash or "go on with --resume stopped\n" in told
    assert (stopped / "fold-1/result.json").exists() and not (stopped / "result.json").exists()
    trained = (stopped / "fold-1/last.ckpt").stat().st_mtime_ns
    assert main(["fit", "--resume=stopped"]) == 0
    said = capsys.readouterr().err
    assert "fold 2 of 2" in said and "fold 1 of 2" not in said
    assert (stopped / "fold-1/last.ckpt").stat().st_mtime_ns == trained
    assert_equal_folds(run, stopped)
    assert result(stopped) == result(run)


def test_a_finished_run_is_not_trained_again(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.stat().st_mtime_ns for path in run.glob("fold-*/*")}
    told = result(run)
    assert main(["fit", f"--resume={run}"]) == 0
    assert {path: path.stat().st_mtime_ns for path in run.glob("fold-*/*")} == before
    assert result(run) == told
    assert "2 folds are trained" in capsys.readouterr().err


def test_other_options_resume_all_folds(options: list[str], run: Path) -> None:
    longer = "--trainer.max_epochs=3"
    assert main(["fit", *options, longer, "--run=long"]) == 0
    assert main(["fit", f"--resume={run}", longer]) == 0
    assert_equal_folds(run, Path("long"))
    assert result(run)["best_scores"] == result("long")["best_scores"]
    for place in (run, run / "fold-1", run / "fold-2"):
        config = yaml.safe_load((place / "config.yaml").read_text())
        assert config["trainer"]["max_epochs"] == 3


def test_a_fold_can_be_resumed_alone(run: Path) -> None:
    assert main(["fit", f"--resume={run}/fold-2", "--trainer.max_epochs=3"]) == 0
    assert [int(row["step"]) for row in metrics(run / "fold-2")] == [5, 10, 15]
    assert len(seqtext.load(run).networks) == 2


def test_resume_auto_finds_the_folds(
    options: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fit", *options, "--resume=auto", "--trainer.max_steps=1"]) == 0
    first = Path("runs/translation/001")
    for path in (first / "result.json", first / "fold-2/result.json"):
        path.unlink()
    trained = (first / "fold-1/last.ckpt").stat().st_mtime_ns
    assert main(["fit", *options, "--resume=auto", "--trainer.max_steps=1"]) == 0
    assert "resume: runs/translation/001\n" in capsys.readouterr().err
    assert (first / "result.json").exists() and not Path("runs/translation/002").exists()
    assert (first / "fold-1/last.ckpt").stat().st_mtime_ns == trained
    assert main(["fit", *options, "--resume=auto", "--trainer.max_steps=1"]) == 0
    assert Path("runs/translation/002/result.json").exists()


def test_later_folds_take_the_tokenizers_of_the_first(
    options: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The training corpus can change between an interruption and a resume."""
    rows = "".join(f"The dog {i} sleeps.\tDer Hund {i} schläft.\n" for i in range(60))
    Path("rows.tsv").write_text(f"en\tde\n{rows}", encoding="utf-8")
    options = [*options, "--data.train=rows.tsv", "--data.tokenizer.vocab_size=300"]
    with monkeypatch.context() as patch:
        in_second_fold(1, crash, patch)
        with pytest.raises(RuntimeError, match="power cut"):
            main(["fit", *options, "--run=stopped"])
    Path("rows.tsv").write_text(f"en\tde\n{rows.replace('dog', 'fox')}", encoding="utf-8")
    assert main(["fit", "--resume=stopped"]) == 0
    assert len(seqtext.load("stopped").networks) == 2


# --- mistakes -------------------------------------------------------------------------------------------


def test_folds_that_are_not_trained_are_no_ensemble(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run / "result.json").unlink()
    assert main(["generate", str(run)]) == 2
    said = capsys.readouterr().err
    assert "not all folds" in said and "--resume run" in said and "run/fold-1" in said
    for content in ("{}", "[", '{"folds": 3}', '{"folds": [3]}'):
        (run / "result.json").write_text(content)
        assert main(["generate", str(run)]) == 2
        assert "run/result.json: does not name the folds" in capsys.readouterr().err
    (run / "result.json").write_text('{"folds": ["fold-1", "fold-7"]}')
    assert main(["generate", str(run)]) == 2
    assert "run/fold-7: no such file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "parts"),
    [
        (["--data.validation=folds:1"], ["folds:1", "at least 2"]),
        (["--data.validation=folds:many"], ["folds:many", "folds:5"]),
        (["--data.validation=fold:6/5"], ["fold:6/5", "fold:1/5"]),
        (["--data.validation=folds:241"], ["241 folds", "240 training pairs"]),
        ([FOLDS, "--data.streaming=true"], ["fold:1/2", "data.streaming"]),
        ([FOLDS, "--model.network.cell=lsmt"], ["lsmt"]),
    ],
)
def test_mistakes_leave_no_folder(
    tiny: list[str], given: list[str], parts: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fit", *tiny, *given]) == 2
    said = capsys.readouterr().err
    assert all(part in said for part in parts)
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("given", "parts"),
    [
        (["--resume=run", "--data.validation=folds:3"], ["run has 'folds:2'", "'folds:3'"]),
        (["--resume=run", "--data.validation=split:9"], ["run has 'folds:2'", "'split:9'"]),
        (["--resume=run", "--run=other"], ["--run other", "run"]),
        (["--resume=run/fold-1", FOLDS], ["folds:2", "run/fold-1", "single run"]),
        (["--resume=run", "--data.tokenizer.vocab_size=600"], ["keeps its tokenizers"]),
    ],
)
def test_what_a_run_of_folds_keeps(
    run: Path, given: list[str], parts: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fit", *given]) == 2
    said = capsys.readouterr().err
    assert all(part in said for part in parts)
    assert len(seqtext.load(run).networks) == 2  # nothing is lost


def test_a_finished_run_is_not_overwritten(
    options: list[str], run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fit", *options, "--run=run"]) == 2
    said = capsys.readouterr().err
    assert "run is in use already" in said and "--resume run" in said
    assert len(seqtext.load(run).networks) == 2


# --- several processes ----------------------------------------------------------------------------------


@pytest.mark.slow
def test_two_processes(options: list[str]) -> None:
    two = ["--trainer.devices=2", "--trainer.strategy=ddp", "--trainer.max_epochs=1"]
    command = [sys.executable, "-m", "seqtext", "fit", *options, *two]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    assert len(seqtext.load("runs/translation/001").networks) == 2
    assert done.stderr.count("2 process(es)") == 2 and not Path("runs/translation/002").exists()
