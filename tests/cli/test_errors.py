"""A user's mistake: status 2, one message that says where, what came and what was wanted, no traceback."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from seqtext.cli import COMMANDS, main
from seqtext.metrics import translation
from tests.support import NO_DECODING

Fails = Callable[..., str]


@pytest.fixture
def fails(capsys: pytest.CaptureFixture[str]) -> Fails:
    """Run a command that must fail, and return its message."""

    def fails(*arguments: str | Path) -> str:
        assert main([str(argument) for argument in arguments]) == 2
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        assert captured.err.strip()
        return captured.err

    return fails


def write(name: str, text: str | bytes) -> Path:
    path = Path(name)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


# --- corpora ----------------------------------------------------------------------------------------


def test_missing_file(fails: Fails, tiny: list[str]) -> None:
    message = fails("fit", *tiny, "--data.train", "nowhere/pairs.tsv")
    assert "nowhere/pairs.tsv: no such file" in message
    assert not Path("runs").exists()


def test_unequal_numbers_of_lines(fails: Fails, tiny: list[str]) -> None:
    write("c.en", "a\nb\nc\n")
    write("c.de", "a\nb\n")
    message = fails("fit", *tiny, "--data.train", "./c")
    assert "c.en has 3 lines and c.de has 2" in message


def test_unknown_suffix_lists_those_there_are(fails: Fails, tiny: list[str]) -> None:
    write("c.en", "a\n")
    write("c.fr", "a\n")
    message = fails("fit", *tiny, "--data.train", "./c")
    assert "c.de: no such file" in message
    assert "c.en, c.fr" in message


def test_unknown_column_lists_those_there_are(fails: Fails, tiny: list[str]) -> None:
    write("c.tsv", "en\tfr\na\tb\n")
    message = fails("fit", *tiny, "--data.train", "c.tsv")
    assert "no column 'de'" in message and "'en', 'fr'" in message
    assert "--data.target" in message


def test_empty_corpus(fails: Fails, tiny: list[str]) -> None:
    write("c.tsv", "en\tde\n")
    message = fails("fit", *tiny, "--data.train", "c.tsv")
    assert "c.tsv: " in message and "no rows" in message


def test_not_utf8_names_file_and_line(fails: Fails, tiny: list[str]) -> None:
    write("c.en", b"good\nb\xe4d\n")
    write("c.de", "gut\nschlecht\n")
    message = fails("fit", *tiny, "--data.train", "./c")
    assert "c.en:2: not UTF-8 (byte 0xe4" in message


def test_hub_name_that_cannot_be_reached(fails: Fails, tiny: list[str]) -> None:
    message = fails("fit", *tiny, "--data.train", "nobody/nothing")
    assert "nobody/nothing: " in message and "hub" in message


# --- options ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["--trainer.max_epoks=3"], ["trainer.max_epoks"]),
        (["--model.network.hiden_size=3"], ["hiden_size"]),
        (["--model.network.cel=gru"], ["--model.network.cel: no such option", "network.cell"]),
        (["--data.trian=x"], ["trian"]),
        (["--trainer.max_epochs=many"], ["max_epochs", "int"]),
        (["--model.network.dropout=high"], ["network.dropout", "float", "high"]),
        (["--model.network.cell=lsmt"], ["network.cell", "lstm", "lsmt"]),
        (["--model.network.hidden_size=33"], ["network.hidden_size: 33, expected an even number"]),
        (
            ["--model.network.dropout=1.5"],
            ["network.dropout: 1.5, expected at least 0 and less than 1"],
        ),
        (["--trainer.precision=16-mixed"], ["trainer.precision: 16-mixed", "bf16-mixed"]),
        (["--data.batch_size=0"], ["data.batch_size: 0, expected at least 1"]),
        (["--selection.average_best=0"], ["selection.average_best: 0, expected at least 1"]),
        (["--model.bleu_tokenize=mecab"], ["bleu_tokenize: mecab, expected '13a', 'intl', 'char'"]),
        (["--config=nowhere.yaml"], ["--config nowhere.yaml: cannot be read (No such file"]),
        (["--resume=nowhere"], ["--resume nowhere: no such checkpoint"]),
        (["--data.tokenizer.source_model=nowhere.model"], ["nowhere.model: cannot be read"]),
        (
            ["--data.tokenizer.symbols=[the dog]"],
            ["'the dog' would never be used", "without spaces\n"],
        ),
        (["--data.test=nowhere.tsv"], ["data.test: nowhere.tsv: no such file", "--data.test null"]),
    ],
)
def test_wrong_option(
    fails: Fails, tiny: list[str], arguments: list[str], parts: list[str]
) -> None:
    message = fails("fit", *tiny, *arguments, "--run", "r")
    for part in parts:
        assert part in message
    assert not Path("r").exists()


def test_broken_yaml(fails: Fails) -> None:
    write("c.yaml", "data: [1,\n")
    assert "c.yaml" in fails("fit", "--config", "c.yaml")


def test_unknown_key_in_yaml(fails: Fails, tiny: list[str]) -> None:
    write("c.yaml", "trainer:\n  max_epoks: 3\n")
    assert "max_epoks" in fails("fit", "--config", "c.yaml", *tiny)


def test_patience_without_validation(fails: Fails, tiny: list[str]) -> None:
    options = [option for option in tiny if not option.startswith("--data.validation")]
    message = fails("fit", *options, "--selection.patience=2", "--run", "r")
    assert "selection.patience: no validation" in message and "--data.validation" in message


def test_validation_less_often_than_an_epoch(fails: Fails, tiny: list[str]) -> None:
    message = fails("fit", *tiny, "--trainer.val_check_interval=500", "--run", "r")
    assert "trainer.val_check_interval: 500 batches, but an epoch has 10" in message


def test_streaming_knows_no_length(fails: Fails, tiny: list[str]) -> None:
    stream = ["--data.streaming=true", "--model.optimizer.schedule=cosine"]
    message = fails("fit", *tiny, *stream, "--run=a")
    assert "trainer.max_steps" in message and "optimizer.total_steps" in message
    assert "data.streaming" in message
    steps = "--trainer.max_steps=3"
    message = fails("fit", *tiny, *stream, steps, "--trainer.val_check_interval=0.5", "--run=b")
    assert "trainer.val_check_interval: 0.5 " in message and "data.streaming" in message
    assert main(["fit", *tiny, *NO_DECODING, *stream, steps, "--run=c"]) == 0


@pytest.mark.parametrize("change", ["--data.shuffle_buffer=1000", "--data.streaming=false"])
def test_a_stream_goes_on_as_it_was(fails: Fails, tiny: list[str], change: str) -> None:
    stream = ["--data.streaming=true", "--data.shuffle_buffer=50", "--trainer.max_steps=3"]
    assert main(["fit", *tiny, *NO_DECODING, *stream, "--run=r"]) == 0
    message = fails("fit", "--resume=r", change, "--trainer.max_steps=30")
    assert f"{change.partition('=')[0]}: the run has" in message


def test_a_stream_that_is_never_validated_says_so(
    tiny: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    stream = ["--data.streaming=true", "--trainer.val_check_interval=900", "--run=r"]
    assert main(["fit", *tiny, *stream]) == 0
    assert (
        "no validation in this epoch: --trainer.val_check_interval is 900"
        in capsys.readouterr().err
    )


def test_a_cache_that_is_no_folder(fails: Fails, tiny: list[str]) -> None:
    write("cache", "")
    message = fails("fit", *tiny, "--data.cache_dir=cache", "--run=r")
    assert "cache: " in message and "(Not a directory)" in message


@pytest.mark.slow
def test_fewer_validation_pairs_than_processes(tiny: list[str]) -> None:
    options = ["--data.validation=builtin:validation:1", "--trainer.devices=2"]
    command = [sys.executable, "-m", "seqtext", "fit", *tiny, *options, "--trainer.strategy=ddp"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 2
    assert done.stderr.count("1 validation pairs for 2 processes") == 1


def test_no_training_corpus(fails: Fails) -> None:
    assert "train" in fails("fit", "--run", "r")


def test_monitor_that_is_not_measured(fails: Fails, tiny: list[str]) -> None:
    message = fails("fit", *tiny, "--selection.monitor=val_blue", "--run", "r")
    assert "val_blue" in message and "val_bleu" in message
    message = fails("fit", *tiny, "--model.decode_sentences=0", "--run", "r")
    assert "val_bleu needs decoded sentences" in message
    message = fails("fit", *tiny, "--selection.monitor=val_wer", "--run", "r")
    assert all(
        fact in message for fact in ("val_wer ", "task translation", "val_bleu and val_loss")
    )
    assert not Path("r").exists()


@pytest.mark.parametrize("command", ["fit", "test"])
def test_bleu_tokenize_without_its_packages(
    fails: Fails, tiny: list[str], command, monkeypatch
) -> None:
    monkeypatch.setitem(translation._PACKAGES, "ja-mecab", ("no-such-package",))
    options = {
        "fit": [*tiny, "--model.bleu_tokenize=ja-mecab", "--run", "r"],
        "test": ["nowhere", "--data.test", "nowhere", "--bleu_tokenize", "ja-mecab"],
    }
    message = fails(command, *options[command])
    assert "bleu_tokenize: ja-mecab" in message and "no-such-package" in message
    assert not Path("r").exists()


def test_used_run_folder(fails: Fails, tiny: list[str], trained: Path) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in trained.iterdir()}
    message = fails("fit", *tiny, "--run", trained)
    assert "in use already" in message
    assert f"--resume {trained}" in message
    assert before == {path.name: path.stat().st_mtime_ns for path in trained.iterdir()}


def test_run_folder_that_cannot_be_written(fails: Fails, tiny: list[str]) -> None:
    write("file", "")
    message = fails("fit", *tiny, "--run", "file/r")
    assert "--run file/r: " in message and "(Not a directory)" in message


def test_unknown_command(fails: Fails) -> None:
    message = fails("train")
    assert "train: no such command" in message
    assert all(name in message for name in COMMANDS)


# --- checkpoints ------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["generate", "test"])
def test_no_checkpoint(fails: Fails, command: str, trained: Path) -> None:
    more = (
        ["--data.test", "builtin:test:5"] if command == "test" else ["--input", write("i", "a\n")]
    )
    write("text.ckpt", "no checkpoint at all")
    write("cut.ckpt", (trained / "best.ckpt").read_bytes()[:-5000])
    Path("empty").mkdir()
    for path, part in [
        ("nowhere", "nowhere: no such file or folder"),
        ("text.ckpt", "text.ckpt: not a checkpoint, or a damaged one (20 bytes)"),
        ("cut.ckpt", "cut.ckpt: not a checkpoint"),
        ("empty", "empty: no best.ckpt or last.ckpt"),
    ]:
        assert part in fails(command, path, *more)


def test_checkpoint_of_something_else(fails: Fails) -> None:
    import torch

    torch.save({"state_dict": {}}, "other.ckpt")
    write("i", "a\n")
    message = fails("generate", "other.ckpt", "--input", "i")
    assert "other.ckpt: not a checkpoint of seqtext" in message


def test_checkpoint_of_another_format(fails: Fails, trained: Path) -> None:
    import torch

    content = torch.load(trained / "best.ckpt", weights_only=True)
    content["seqtext"]["format"] = 99
    torch.save(content, "future.ckpt")
    write("i", "a\n")
    message = fails("generate", "future.ckpt", "--input", "i")
    assert "future.ckpt: " in message and "format 99" in message and "format 1;" in message


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["--beam_size", "0"], "--beam_size: 0, expected at least 1"),
        (["--n_best", "3", "--beam_size", "2"], "--n_best: 3, expected at most beam_size"),
        (["--temperature", "0.5"], "--temperature: 0.5, has no use without samples"),
        (["--samples", "2", "--n_best", "2"], "--n_best: 2, has no use with samples"),
        (["--beam_size", "two"], "--beam_size: invalid int value: 'two'"),
        (["--beam_sise", "2"], "--beam_sise"),
        (["--format", "xml"], "'xml'"),
        (["--input", "nowhere.txt"], "--input nowhere.txt: no such file"),
        (["--device", "gpu"], "device: 'gpu'"),
        (
            ["--length_penalty", "nan"],
            "--length_penalty: nan, expected at least -10 and at most 10",
        ),
        (["--output", "no/where.txt"], "--output no/where.txt: no folder"),
        (["--input", "latin1.txt"], "latin1.txt:2: not UTF-8"),
    ],
)
def test_wrong_option_of_generate(
    fails: Fails, trained: Path, arguments: list[str], part: str
) -> None:
    write("i", "a\n")
    write("latin1.txt", b"good\nb\xe4d\n")
    assert part in fails("generate", trained, "--input", "i", *arguments)
    assert not list(Path().glob("**/*.part"))


def test_test_names_the_columns_there_are(fails: Fails, trained: Path) -> None:
    write("c.tsv", "english\tgerman\na\tb\n")
    message = fails("test", trained, "--data.test", "c.tsv")
    assert "no column 'en'" in message and "'english', 'german'" in message


def test_tokenizer_never_overwrites(fails: Fails) -> None:
    write("t.model", "mine")
    message = fails("tokenizer", "--data.train", "builtin:train:9", "--output", "t.model")
    assert "t.model: exists already" in message
    assert Path("t.model").read_text() == "mine"
