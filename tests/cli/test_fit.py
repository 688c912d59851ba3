"""``seqtext fit``: what a run leaves, how it stops and resumes."""

from __future__ import annotations

import errno
import io
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

import seqtext
from seqtext import checkpoint, signals
from seqtext.cli import main
from seqtext.console import say
from seqtext.training.run import metrics_table, report
from seqtext.training.run.report import Report
from tests.support import NO_DECODING, assert_equal_bits, metrics, result, weights


def at_step(step: int, action: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Have ``action`` happen in the middle of the batch after ``step`` updates, once."""
    original = Report.on_train_batch_end
    done: list[int] = []

    def hooked(self: Report, trainer: Any, *args: Any) -> None:
        original(self, trainer, *args)
        if trainer.global_step == step and not done:
            done.append(step)
            action()

    monkeypatch.setattr(Report, "on_train_batch_end", hooked)


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def interrupted(step: int, monkeypatch: pytest.MonkeyPatch, *options: str) -> int:
    """``fit``, interrupted in the batch after ``step`` updates: its exit status."""
    with monkeypatch.context() as patch:
        at_step(step, interrupt, patch)
        return main(["fit", *options])


def crash() -> None:
    raise RuntimeError("power cut")


def test_run_folder_explains_itself(trained: Path) -> None:
    assert sorted(path.name for path in trained.iterdir()) == [
        "best.ckpt",
        "config.yaml",
        "last.ckpt",
        "learning_curve.png",
        "metrics.csv",
        "result.json",
        "samples.md",
    ]
    config = yaml.safe_load((trained / "config.yaml").read_text())
    assert config["model"]["init_args"]["network"]["hidden_size"] == 24
    rows = metrics(trained)
    assert [int(row["step"]) for row in rows] == [10, 20]
    assert float(rows[1]["val_loss"]) < float(rows[0]["val_loss"])
    assert (trained / "learning_curve.png").read_bytes().startswith(b"\x89PNG")
    assert "reference:" in (trained / "samples.md").read_text()
    assert result(trained)["steps"] == 20


def test_curves_are_drawn_now_and_then_and_at_the_end(
    tiny: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[int] = []

    def noted(rows: list[dict[str, str]]) -> Any:
        drawn.append(len(rows))
        return metrics_table.draw_curves(rows)

    monkeypatch.setattr(report, "draw_curves", noted)
    options = [*tiny, *NO_DECODING]
    monkeypatch.setattr(report, "_DRAW_AFTER", 0)
    assert main(["fit", *options, "--run=whole"]) == 0
    assert drawn == [1, 2, 2]  # numbers of rows
    drawn.clear()
    monkeypatch.setattr(report, "_DRAW_AFTER", 600)
    assert interrupted(22, monkeypatch, *options, "--trainer.max_epochs=3", "--run=stopped") == 130
    assert drawn == [2] and Path("stopped/learning_curve.png").exists()


def test_every_long_step_says_what_it_does(
    tiny: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fit", *tiny, "--run", "r", "--data.train=builtin:train:600"]) == 0
    told = capsys.readouterr().err
    for part in (
        "tokenizer: unigram with",
        "data: 600 train pairs",
        "run: r",
        "M parameters",
        "updates to go, about",
        "val BLEU",
        "validation",
        "best: val_bleu",
        "fit: done in",
    ):
        assert part in told
    assert "Lightning" not in told  # its tips and banners are no concern of ours


def test_end_between_two_validations_is_validated_too(tiny: list[str]) -> None:
    assert main(["fit", *tiny, "--run", "r", "--trainer.max_steps=13"]) == 0
    assert [int(row["step"]) for row in metrics("r")] == [10, 13]
    best = torch.load("r/best.ckpt", weights_only=True)
    assert best["global_step"] == 13


def test_runs_are_numbered(tiny: list[str]) -> None:
    for number in ("001", "002"):
        assert main(["fit", *tiny, *NO_DECODING, "--trainer.max_steps=1"]) == 0
        assert Path(f"runs/translation/{number}/best.ckpt").is_file()


def test_null_takes_a_setting_back(tiny: list[str], repository: Path) -> None:
    """A recipe's tokenizer, say: text and numbers, below a class."""
    recipe = ["--config=recipes/translation/builtin.yaml", *tiny, *NO_DECODING]
    null = ["--data.tokenizer.source_model", "null", "--model.optimizer.total_steps=null"]
    assert main(["fit", *recipe, *null, "--trainer.max_steps=2", "--run=r"]) == 0
    assert checkpoint.load("r").tokenizers.source.vocab_size == 500  # trained, not the recipe's
    config = yaml.safe_load(Path("r/config.yaml").read_text())
    assert config["data"]["init_args"]["tokenizer"].get("source_model") is None
    assert config["data"]["init_args"]["batch_size"] == 24


def test_config_of_a_run_repeats_it(tiny: list[str], trained: Path) -> None:
    assert main(["fit", "--config", str(trained / "config.yaml"), "--run", "again"]) == 0
    assert_equal_bits(weights(trained), weights(Path("again")))


@pytest.mark.parametrize(
    ("how", "step"),
    [
        (interrupt, 10),
        (crash, 3),
        (crash, 14),
        pytest.param(interrupt, 3, marks=pytest.mark.slow),
        pytest.param(interrupt, 14, marks=pytest.mark.slow),
        pytest.param(crash, 10, marks=pytest.mark.slow),
    ],
)
def test_resumed_run_equals_an_uninterrupted_one(
    tiny: list[str],
    finished: Callable[..., Path],
    step: int,
    how: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With dropout, word dropout, subword sampling, copies and a worker, stopped anywhere, to the bit."""
    options = [
        *tiny,
        "--data.copied_targets=24",
        "--data.num_workers=1",
        "--model.network.word_dropout=0.1",
        "--data.tokenizer.sampling_nbest=4",
        "--trainer.val_check_interval=0.5",
        "--model.optimizer.schedule=cosine",
    ]
    whole = finished(*options)
    with monkeypatch.context() as patch:
        at_step(step, how, patch)
        if how is interrupt:
            assert main(["fit", *options, "--run", "stopped"]) == 130
        else:
            with pytest.raises(RuntimeError, match="power cut"):
                main(["fit", *options, "--run", "stopped"])
    assert not Path("stopped/result.json").exists()
    if how is crash and step == 3:  # it had not got as far as its first validation
        assert not Path("stopped/last.ckpt").exists()
        return
    assert main(["fit", "--resume", "stopped"]) == 0
    for name in ("last.ckpt", "best.ckpt"):
        assert_equal_bits(weights(whole, name), weights("stopped", name))
    steps = [[row["step"] for row in metrics(run)] for run in (whole, "stopped")]
    assert steps[0] == steps[1]


@pytest.mark.parametrize(
    ("workers", "step"),
    [
        (0, 7),
        (1, 10),
        *(pytest.param(0, step, marks=pytest.mark.slow) for step in (3, 10, 13)),
        *(pytest.param(1, step, marks=pytest.mark.slow) for step in (3, 7, 13)),
    ],
)
def test_a_resumed_stream_equals_an_uninterrupted_one(
    tiny: list[str],
    finished: Callable[..., Path],
    step: int,
    workers: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Stopped within a pool, after a validation, and at the end of an epoch. Equal to the bit."""
    options = [
        *tiny,
        "--data.streaming=true",
        "--data.shuffle_buffer=100",
        f"--data.num_workers={workers}",
        "--data.tokenizer.sampling_nbest=4",
        "--trainer.accumulate_grad_batches=2",
        "--trainer.val_check_interval=14",
        *NO_DECODING,
    ]
    whole = finished(*options)
    assert interrupted(step, monkeypatch, *options, "--run", "stopped") == 130
    assert main(["fit", "--resume", "stopped"]) == 0
    assert_equal_bits(weights(whole), weights("stopped"))
    validated = [
        [row["step"] for row in metrics(run) if row["val_loss"]] for run in (whole, "stopped")
    ]
    assert validated[0] == validated[1] != []
    longest = [checkpoint.load(run).longest_source for run in (whole, "stopped")]
    assert longest[0] == longest[1] is not None


@pytest.mark.parametrize(
    "step", [3, *(pytest.param(step, marks=pytest.mark.slow) for step in (2, 5, 7))]
)
@pytest.mark.parametrize(
    "options",
    [
        ["--model.optimizer.schedule=plateau", "--model.optimizer.plateau_patience=1",
         "--model.optimizer.learning_rate=1e-9", "--selection.patience=3"],
        ["--trainer.accumulate_grad_batches=2", "--trainer.val_check_interval=0.3", *NO_DECODING],
    ],
    ids=["plateau and patience", "accumulation"],
)  # fmt: skip
def test_resume_keeps_patience_plateau_and_accumulation(
    tiny: list[str],
    finished: Callable[..., Path],
    options: list[str],
    step: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    options = [*tiny, "--data.batch_size=80", "--trainer.max_epochs=3", *options]
    whole = finished(*options)
    assert interrupted(step, monkeypatch, *options, "--run", "stopped") in (0, 130)
    if not Path("stopped/result.json").exists():
        assert main(["fit", "--resume", "stopped"]) == 0
    assert_equal_bits(weights(whole), weights("stopped"))
    assert [row["learning_rate"] for row in metrics(whole)] == [
        row["learning_rate"] for row in metrics("stopped")
    ]


def test_resume_with_another_accumulation_sees_the_same_updates(
    tiny: list[str], finished: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    options = [*tiny, "--model.network.dropout=0", *NO_DECODING]
    whole = finished(*options)
    for before, after in (("1", "2"), ("2", "1")):
        given = [f"--trainer.accumulate_grad_batches={before}", "--run", before]
        assert interrupted(4, monkeypatch, *options, *given) == 130
        given = [f"--trainer.accumulate_grad_batches={after}"]
        assert main(["fit", "--resume", before, *given]) == 0
        assert result(before)["steps"] == result(whole)["steps"]
        for name, value in weights(whole).items():
            torch.testing.assert_close(weights(Path(before))[name], value, rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_other_signals_stop_in_good_order(
    trained: Path, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    number = getattr(signal, name)
    before = signal.getsignal(number)
    shutil.copytree(trained, "r")
    at_step(22, lambda: os.kill(os.getpid(), number), monkeypatch)
    assert main(["fit", "--resume=r", "--trainer.max_epochs=3"]) == 128 + number
    told = capsys.readouterr().err
    assert f"{name}: stopping after this batch. A second {name} stops at once" in told
    assert "stopped at step 23; go on with --resume r" in told
    assert checkpoint.read("r/last.ckpt")["global_step"] == 23
    assert signal.getsignal(number) == before


def test_a_run_goes_on_without_its_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(sys, "stderr", Closed())
    say("nobody reads this")


def test_nohup_is_left_alone() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        handlers = signals.listen(lambda number, frame: None)
        assert sorted(handlers) == [signal.SIGINT, signal.SIGTERM]
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
        signals.restore(handlers)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_weights_alone_cannot_be_gone_on_with(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path.name: path.read_bytes() for path in trained.iterdir()}
    assert main(["fit", "--resume", str(trained / "best.ckpt")]) == 2
    assert "holds weights alone" in capsys.readouterr().err
    assert before == {path.name: path.read_bytes() for path in trained.iterdir()}


def test_a_run_keeps_its_tokenizers(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", "--resume", str(trained), "--data.tokenizer.vocab_size=600"]) == 2
    assert "tokenizer.vocab_size: the run has 500, given is 600" in capsys.readouterr().err


def test_a_run_keeps_what_its_scores_are_made_of(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fit", "--resume", str(trained), "--model.bleu_tokenize=char"]) == 2
    assert (
        "bleu_tokenize char: the run's scores so far are by the default, and"
        in capsys.readouterr().err
    )


def test_dropout_may_change_on_resume(trained: Path) -> None:
    shutil.copytree(trained, "r")
    changed = ["--model.network.dropout=0.4", "--trainer.max_epochs=3"]
    assert main(["fit", "--resume", "r", *changed]) == 0
    assert checkpoint.load("r").config.dropout == 0.4


def test_checkpoint_from_elsewhere_gets_a_folder_of_its_own(tiny: list[str], trained: Path) -> None:
    Path("elsewhere").mkdir()
    Path("elsewhere/last.ckpt").write_bytes((trained / "last.ckpt").read_bytes())
    resume = ["--resume", "elsewhere/last.ckpt", "--trainer.max_epochs=3", "--run", "r"]
    assert main(["fit", *tiny, *resume]) == 0
    assert [path.name for path in Path("elsewhere").iterdir()] == ["last.ckpt"]
    assert result("r")["steps"] == 30


def test_auto_starts_again_what_died_before_its_first_checkpoint(
    tiny: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        at_step(2, crash, patch)
        with pytest.raises(RuntimeError, match="power cut"):
            main(["fit", *tiny, *NO_DECODING, "--run", "r"])
    assert main(["fit", *tiny, *NO_DECODING, "--run", "r", "--resume", "auto"]) == 0
    assert result("r")["steps"] == 20


def test_interrupted_run_is_found_by_auto(
    tiny: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [*tiny, *NO_DECODING]
    assert main(["fit", *options, "--resume", "auto", "--trainer.max_steps=2"]) == 0
    assert "no unfinished run, starting one" in capsys.readouterr().err
    assert interrupted(3, monkeypatch, *options) == 130
    assert (
        "Ctrl-C: stopping after this batch. A second Ctrl-C stops at once"
        in capsys.readouterr().err
    )
    assert main(["fit", *options, "--resume", "auto"]) == 0
    assert "resume: runs/translation/002/last.ckpt" in capsys.readouterr().err
    assert Path("runs/translation/002/result.json").exists()
    assert not Path("runs/translation/003").exists()


def test_changed_options_win_and_are_told(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(trained, "r")
    changed = ["--trainer.max_epochs=3", "--model.optimizer.learning_rate=0.01"]
    assert main(["fit", "--resume", "r", *changed]) == 0
    told = capsys.readouterr().err
    assert "resume: trainer.max_epochs is now 3, was 2" in told
    assert "resume: model.optimizer.learning_rate is now 0.01, was 0.001" in told
    content = checkpoint.read("r/last.ckpt")
    assert content["optimizer_states"][0]["param_groups"][0]["lr"] == 0.01
    assert result("r")["steps"] == 30
    assert yaml.safe_load(Path("r/config.yaml").read_text())["trainer"]["max_epochs"] == 3


def test_other_network_is_refused_on_resume(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (trained / "last.ckpt").read_bytes()
    assert main(["fit", "--resume", str(trained), "--model.network.hidden_size=32"]) == 2
    message = capsys.readouterr().err
    assert "network.hidden_size: the checkpoint has 24, given is 32" in message
    assert (trained / "last.ckpt").read_bytes() == before
    assert (trained / "result.json").exists()


@pytest.mark.parametrize("cell", ["rnn_tanh", "rnn_relu", "gru"])
def test_other_networks_train_and_decode(tiny: list[str], cell: str) -> None:
    options = {
        "rnn_tanh": ["attention=additive", "decoder_layers=1", "bidirectional=false"],
        "rnn_relu": ["attention=multi_head", "encoder_layers=2", "residual=true"],
        "gru": ["attention=dot", "input_feeding=true", "layer_norm=true", "tied_readout=false"],
    }[cell]
    network = [f"--model.network.{option}" for option in [f"cell={cell}", *options]]
    quick = [*NO_DECODING, "--trainer.max_epochs=1"]
    assert main(["fit", *tiny, *network, *quick, "--run", "r"]) == 0
    assert len(seqtext.load_generator("r").generate(["The dog sleeps."], beam_size=2)[0]) == 1


def test_validation_loss_can_choose_and_stop(tiny: list[str]) -> None:
    options = [
        "--selection.monitor=val_loss",
        "--selection.patience=1",
        "--selection.average_best=1",
    ]
    slow = ["--model.optimizer.learning_rate=1e-12", "--trainer.max_epochs=9"]
    assert main(["fit", *tiny, *options, *slow, "--run", "r"]) == 0
    assert (
        result("r")["steps"] <= 30
    )  # nothing was learned, so it stopped after the second or third
    assert result("r")["best_score"] > 1


def test_a_tie_is_not_called_better(tiny: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--selection.monitor=val_bleu", "--selection.patience=2", "--trainer.max_epochs=9"]
    assert (
        main(["fit", *tiny, *options, "--model.optimizer.learning_rate=1e-12", "--run", "r"]) == 0
    )
    first, *ties = [
        line for line in capsys.readouterr().err.splitlines() if line.startswith("epoch ")
    ]
    assert first.endswith("  best so far") and len(ties) == 2
    assert all(line.endswith("  as good as the best") for line in ties)


def test_averaging_is_taken_only_if_better(
    tiny: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--trainer.val_check_interval=0.2", *NO_DECODING]
    assert main(["fit", *tiny, *options, "--run", "r"]) == 0
    told = capsys.readouterr().err
    line = next(line for line in told.splitlines() if line.startswith("best: "))
    single, averaged = (
        float(line.split(mark)[1].split()[0].rstrip(","))
        for mark in ("val_loss ", "average of the 4 best: ")
    )
    assert ("taken" in line) == (averaged < single)


def test_going_on_never_loses_the_best(tiny: list[str]) -> None:
    """A finished run continues, and gets worse."""
    options = [*tiny, *NO_DECODING, "--selection.average_best=2"]
    assert main(["fit", *options, "--run", "r"]) == 0
    best, score = weights(Path("r"), "best.ckpt"), result("r")["best_score"]
    worse = ["--trainer.max_epochs=4", "--model.optimizer.learning_rate=0.5"]
    assert main(["fit", "--resume", "r", *worse]) == 0
    assert_equal_bits(best, weights(Path("r"), "best.ckpt"))
    assert result("r")["best_score"] == score
    assert result("r")["steps"] == 40


def test_without_validation_the_last_is_the_best(tiny: list[str]) -> None:
    options = [option for option in tiny if not option.startswith("--data.validation")]
    assert main(["fit", *options, "--run", "r"]) == 0
    assert_equal_bits(weights(Path("r"), "best.ckpt"), weights(Path("r"), "last.ckpt"))
    assert [(row["step"], row["val_loss"]) for row in metrics("r")] == [("10", ""), ("20", "")]
