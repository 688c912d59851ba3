"""What a resumed run keeps, forgets and says. Full disks, locks, and other things in its folder."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from seqtext.cli import main
from seqtext.errors import ConfigError
from seqtext.training.config import SelectionConfig
from seqtext.training.module import TextModule
from seqtext.training.run import folder
from seqtext.training.run.checkpoints import Checkpoints
from seqtext.training.run.limits import tell_limits
from seqtext.training.run.metrics_table import MetricsTable
from tests.support import NO_DECODING, assert_equal_bits, metrics, result, weights

FILES = [  # in the order in which they are written
    "config.yaml",
    "30.ckpt",
    "best.ckpt",
    "last.ckpt",
    "metrics.csv",
    "samples.md",
    "learning_curve.png",
    "result.json",
]
QUICK_FILES = ("30.ckpt", "last.ckpt", "result.json")


@pytest.fixture
def run(trained: Path) -> Path:
    """A copy of a finished run."""
    shutil.copytree(trained, "r")
    return Path("r")


def batches_seen(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, bytes]]:
    """Filled with the step and the sources of every batch that is trained on."""
    seen: list[tuple[int, bytes]] = []
    original = TextModule.on_train_batch_start

    def noted(self: TextModule[Any, Any], batch: Any, batch_idx: int) -> None:
        seen.append((self.trainer.global_step, batch.source.numpy().tobytes()))
        original(self, batch, batch_idx)

    monkeypatch.setattr(TextModule, "on_train_batch_start", noted)
    return seen


@pytest.mark.parametrize("step", [8, pytest.param(10, marks=pytest.mark.slow)])
def test_a_stream_with_a_limit_resumes_at_the_next_batch(
    tiny: list[str], step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = [*tiny, *NO_DECODING, "--data.streaming=true", "--data.shuffle_buffer=100"]
    options += ["--trainer.limit_train_batches=5", "--trainer.max_epochs=3"]
    seen = batches_seen(monkeypatch)
    assert main(["fit", *options, "--run=whole"]) == 0
    whole = seen.copy()
    seen.clear()
    assert main(["fit", *options, f"--trainer.max_steps={step}", "--run=stopped"]) == 0
    assert main(["fit", "--resume=stopped", "--trainer.max_steps=-1"]) == 0
    assert seen == whole
    assert_equal_bits(weights("whole"), weights("stopped"))


@pytest.mark.parametrize("streaming", ["true", "false"])
def test_overfitting_sees_the_same_batches_in_every_epoch(
    tiny: list[str], streaming: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = batches_seen(monkeypatch)
    overfit = ["--trainer.overfit_batches=2", f"--data.streaming={streaming}"]
    assert main(["fit", *tiny, *NO_DECODING, *overfit, "--trainer.max_epochs=3", "--run=r"]) == 0
    first, second, *rest = [batch for _, batch in seen]
    assert first != second
    assert rest == [first, second] * 2


def test_nothing_left_to_train_is_said_every_time(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = "nothing was left to train after 20 updates: trainer.max_epochs is 2"
    for _ in range(3):
        assert main(["fit", "--resume", str(run)]) == 0
        assert said in capsys.readouterr().err


def test_a_limit_of_updates_is_named(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", "--resume", str(run), "--trainer.max_steps=5"]) == 0
    capsys.readouterr()
    assert main(["fit", "--resume", str(run), "--trainer.max_epochs=3"]) == 0
    said = capsys.readouterr().err
    assert "nothing was left to train after 20 updates: trainer.max_steps is 5" in said
    assert "--trainer.max_steps a higher value" in said
    assert main(["fit", "--resume", str(run), "--trainer.max_steps=23"]) == 0
    assert "fit: ended after 23 updates: trainer.max_steps is 23" in capsys.readouterr().err


def test_without_validation_the_last_one_is_the_best(run: Path) -> None:
    options = ["--data.validation=null", "--trainer.max_epochs=3"]
    assert main(["fit", "--resume", str(run), *options]) == 0
    assert_equal_bits(weights(run), weights(run, "best.ckpt"))
    assert result(run)["best_score"] is None


@pytest.mark.parametrize(
    "change", ["--data.validation=builtin:validation:20", "--model.decode_sentences=5"]
)
def test_scores_of_another_validation_set_are_forgotten(
    run: Path, change: str, capsys: pytest.CaptureFixture[str]
) -> None:
    content = result(run)
    (run / "result.json").write_text(json.dumps({**content, "best_score": 99.0}))
    assert main(["fit", "--resume", str(run), change, "--trainer.max_epochs=3"]) == 0
    assert "the best score so far is forgotten" in capsys.readouterr().err
    assert torch.load(run / "best.ckpt", weights_only=True)["global_step"] == 30
    assert result(run)["best_score"] < 99


def test_the_score_of_the_average_is_kept(run: Path) -> None:
    """It is in no last.ckpt, and best.ckpt stays that average."""
    content = result(run)
    (run / "result.json").write_text(json.dumps({**content, "best_score": 77.5}))
    for _ in range(2):
        assert main(["fit", "--resume", str(run)]) == 0
        assert result(run)["best_score"] == 77.5


@pytest.mark.parametrize(
    "content", ["[1]", '"text"', '{"monitor": "val_bleu", "best_score": "high"}', "{}", "nonsense"]
)
def test_a_result_of_other_content_is_none(run: Path, content: str) -> None:
    (run / "result.json").write_text(content)
    assert folder.result(run).best_score is None


def test_one_process_at_a_time(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    with folder.locked(run):
        assert main(["fit", "--resume", str(run), "--trainer.max_epochs=3"]) == 2
        assert "another process trains in r; wait" in capsys.readouterr().err
    assert before == {path.name: path.read_bytes() for path in run.iterdir()}


def test_a_run_that_begins_is_not_cleared(tmp_path: Path) -> None:
    folder.create(tmp_path / "new")
    with folder.locked(tmp_path / "new"), pytest.raises(ConfigError, match="another process"):
        folder.clear_stillborn(tmp_path / "new")
    folder.clear_stillborn(tmp_path / "new")
    assert not [*(tmp_path / "new").iterdir()]


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if name in QUICK_FILES else pytest.mark.slow) for name in FILES],
)
def test_a_full_disk_harms_nothing(
    run: Path, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = weights(run)
    with monkeypatch.context() as patch:
        fill(name, patch)
        assert main(["fit", "--resume", str(run), "--trainer.max_epochs=3"]) == 2
    [message] = [line for line in capsys.readouterr().err.splitlines() if "seqtext fit:" in line]
    assert "No space left on device" in message
    assert "resume from it with --resume r" in message
    assert not [*run.glob("**/*.part")]
    if FILES.index(name) <= FILES.index("last.ckpt"):
        assert_equal_bits(weights(run), before)
    weights(run, "best.ckpt")
    assert main(["fit", "--resume", str(run), "--trainer.max_epochs=3"]) == 0
    steps = [row["step"] for row in metrics(run)]
    assert steps in (["10", "20", "30"], ["10", "20"])
    assert result(run)["steps"] == 30


def fill(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no room for one file: all of it but the end is written."""
    original = os.replace

    def replaced(source: Any, target: Any) -> None:
        if Path(target).name == name:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        original(source, target)

    monkeypatch.setattr(os, "replace", replaced)


def test_a_real_write_that_fails(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    resource = pytest.importorskip("resource")
    before = (run / "last.ckpt").read_bytes()
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 3, hard))
    try:
        assert main(["fit", "--resume", str(run), "--trainer.max_epochs=3"]) == 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert os.strerror(errno.EFBIG) in capsys.readouterr().err
    assert (run / "last.ckpt").read_bytes() == before


def test_a_folder_that_cannot_be_written_to(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As one that was mounted read-only."""

    def refused(self: Path, *arguments: Any, **options: Any) -> Any:
        if self.name == ".lock":
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        return opened(self, *arguments, **options)

    opened = Path.open
    monkeypatch.setattr(Path, "open", refused)
    assert main(["fit", "--resume", str(run), "--trainer.max_epochs=3"]) == 2
    assert "r cannot be written to (Read-only file system)" in capsys.readouterr().err


KINDS = ["candidates", "samples.md", "learning_curve.png", "best.ckpt", "metrics.csv"]


@pytest.mark.parametrize("name", KINDS)
def test_a_file_where_a_folder_should_be(
    run: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (run / name).unlink(missing_ok=True)
    if name == "candidates":
        (run / name).write_text("mine")
        wanted = "is a file, expected a folder"
    else:
        (run / name).mkdir()
        wanted = "is a folder, expected a file"
    assert main(["fit", "--resume", str(run), "--trainer.max_epochs=3"]) == 2
    assert f"fit: run: r/{name} {wanted}; move it away, then resume\n" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"name,age\nAnna,7\n", "(KeyError: 'step')"),
        (b"step\n" + b"7\n" * 9999 + b"\xff\n", "(UnicodeDecodeError: 'utf-8' codec can't decode"),
        (b"step\n" + b"x" * 9999 + b"\n", "(ValueError: invalid literal for int()"),
        (b"step,val_loss\n7,high\n", "(ValueError: could not convert string to float: 'high')"),
    ],
    ids=["columns", "bytes", "number", "loss"],
)
def test_a_table_of_other_content(content: bytes, reason: str) -> None:
    Path("metrics.csv").write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        MetricsTable(Path("metrics.csv")).forget_after(10)
    assert f"metrics.csv: not the table that a run writes {reason}" in str(caught.value)
    assert len(str(caught.value)) < 250
    assert Path("metrics.csv").read_bytes() == content


@pytest.mark.parametrize("damage", ["empty", "flipped", "missing"])
def test_a_damaged_best_checkpoint_is_written_anew(
    run: Path, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    best = run / "best.ckpt"
    content = bytearray(best.read_bytes())
    content[len(content) // 2] ^= 64
    bad = {"empty": b"", "flipped": bytes(content)}.get(damage)
    best.unlink() if bad is None else best.write_bytes(bad)
    assert main(["fit", "--resume", str(run)]) == 0
    told = capsys.readouterr().err
    assert f"resume: {best}: " in told
    assert f"no scored checkpoint is left, {best} is a copy of last.ckpt" in told
    assert_equal_bits(weights(run), weights(run, "best.ckpt"))
    assert result(run)["best_score"] is None
    kept = run / "best.ckpt.damaged"
    assert (kept.read_bytes() if kept.exists() else None) == bad


def test_a_candidate_takes_the_place_of_a_damaged_best_checkpoint(run: Path) -> None:
    shutil.copytree(run, "other")
    (run / "candidates").mkdir()
    shutil.copy(run / "best.ckpt", run / "candidates" / "10.ckpt")
    (run / "best.ckpt").write_bytes(b"")
    callback = Checkpoints(SimpleNamespace(path=run), SelectionConfig())  # type: ignore[arg-type]
    callback._best = [(9.0, 20), (8.0, 10)]
    callback._mend_best()
    assert callback._best == [(8.0, 10)]
    assert_equal_bits(weights(run, "best.ckpt"), weights("other", "best.ckpt"))


def test_averages_without_earlier_candidates_are_said(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = "resume: averages at the end are of new checkpoints, the earlier ones are gone"
    assert main(["fit", "--resume", str(run), "--selection.average_best=1"]) == 0
    assert said not in capsys.readouterr().err
    assert (
        main(["fit", "--resume", str(run), "--selection.average_best=2", "--trainer.max_epochs=3"])
        == 0
    )
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "name"),
    [
        ("--model.init_from=best.ckpt", "model.init_from"),
        ("--model.init_parts=encoder", "model.init_parts"),
        ("--model.source_vectors=words.vec", "model.source_vectors"),
        ("--model.target_vectors=words.vec", "model.target_vectors"),
    ],
)
def test_a_run_goes_on_with_its_own_weights(
    trained: Path, option: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path.name: path.read_bytes() for path in trained.iterdir()}
    assert main(["fit", "--resume", str(trained), option]) == 2
    told = capsys.readouterr().err
    assert f"--{name}: the run has None, given is" in told
    assert "a run goes on with its own weights" in told
    assert "is now" not in told
    assert before == {path.name: path.read_bytes() for path in trained.iterdir()}


def test_a_run_without_its_options(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (run / "config.yaml").unlink()
    assert main(["fit", "--resume", str(run)]) == 2
    told = capsys.readouterr().err
    assert f"--resume {run}: {run / 'config.yaml'} is missing. Put it back, or give all" in told


@pytest.mark.parametrize(
    "name", ["best.ckpt", "last.ckpt", pytest.param("10.ckpt", marks=pytest.mark.slow)]
)
def test_a_disk_that_is_full_before_the_first_checkpoint(
    tiny: list[str], name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the message advises works."""
    options = ["fit", *tiny, "--trainer.max_epochs=1", "--run=r"]
    with monkeypatch.context() as patch:
        fill(name, patch)
        assert main(options) == 2
    advice = "start it again with the same options and --resume auto --run r"
    if has_best := name == "last.ckpt":
        advice = "start a new run with another --run, or from r/best.ckpt with --model.init_from"
    assert f"nothing to resume from is saved yet. Mend that, then {advice}" in (
        capsys.readouterr().err
    )
    assert main(options) == 2
    assert ("or empty it" if has_best else advice) in capsys.readouterr().err
    assert main(["fit", "--resume=r"]) == 2
    assert advice in capsys.readouterr().err
    if has_best:
        assert Path("r/best.ckpt").is_file()
    else:
        assert main([*options, "--resume=auto"]) == 0
        assert result("r")["steps"] == 10


def test_what_a_user_put_there_is_not_cleared() -> None:
    for name in ("best.ckpt", "notes.txt", "candidates"):
        run = Path(name, "r")
        folder.create(run)
        (run / name).write_text("mine")
        folder.clear_stillborn(run)
        assert (run / name).read_text() == "mine"
    run = Path("r")
    folder.create(run)
    (run / "candidates").mkdir()
    (run / "candidates" / "notes.txt").write_text("mine")
    folder.clear_stillborn(run)
    assert (run / "candidates" / "notes.txt").read_text() == "mine"


def test_a_trial_of_one_batch_is_no_limit(capsys: pytest.CaptureFixture[str]) -> None:
    trainer = SimpleNamespace(
        fast_dev_run=1, global_step=1, max_steps=1, max_epochs=1, callbacks=[]
    )
    tell_limits(trainer, Path("run"), trained=True, improving=False)  # type: ignore[arg-type]
    told = capsys.readouterr().err
    assert told == (
        "fit: ended after 1 updates: trainer.fast_dev_run is 1; leave it out to train\n"
    )
