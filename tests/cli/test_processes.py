"""Several processes of one command: equal outputs, written once, and errors that end all."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.distributed.run import get_args_parser

from seqtext import grammar as builtin
from seqtext.cli import COMMANDS, main, streams
from seqtext.cli.fit_options import OWN
from seqtext.cli.processes import _settle_device
from seqtext.errors import ConfigError
from tests.support import other_process

SOURCES = [source for source, _ in builtin.pairs("test", 90)]
TEXT = "\n".join([*SOURCES, "", "Нет"]) + "\n"
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2", "-m", "seqtext"]


@pytest.fixture
def texts(monkeypatch: pytest.MonkeyPatch) -> str:
    """A file that a command reads in several chunks."""
    monkeypatch.setattr(streams, "_FIRST", 20)
    monkeypatch.setattr(streams, "CHUNK", 40)
    Path("in.txt").write_text(TEXT, encoding="utf-8")
    return "in.txt"


def torchrun(*words: str | Path, text: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command in two processes that ``torchrun`` starts."""
    command = [*TORCHRUN, *map(str, words)]
    return subprocess.run(
        command, input=text, capture_output=True, text=True, timeout=200, check=False
    )


# --- outputs --------------------------------------------------------------------------------------------


def generate(run: Path, output: str, *options: str) -> str:
    common = ["--batch_size=7", "--format=jsonl", "--n_best=2", f"--output={output}", *options]
    assert main(["generate", str(run), "--input=in.txt", *common]) == 0
    return Path(output).read_text(encoding="utf-8")


def test_two_processes_generate_what_one_does(
    trained: Path, texts: str, capfd: pytest.CaptureFixture[str]
) -> None:
    threads = torch.get_num_threads()
    one = generate(trained, "one.jsonl")
    told = capfd.readouterr().err
    two = generate(trained, "two.jsonl", "--devices=2")
    assert len(one.splitlines()) == len(SOURCES) + 2
    assert two == one  # scores too
    assert capfd.readouterr().err == told and "reached their length limit" in told
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize(
    "options",
    [["--samples=2", "--top_p=0.9"], ["--beam_size=4", "--beam_groups=2", "--n_best=3"]],
    ids=" ".join,
)
def test_two_processes_sample_and_diversify_as_one_does(
    trained: Path, texts: str, options: list[str]
) -> None:
    common = ["generate", str(trained), f"--input={texts}", "--batch_size=7", *options]
    assert main([*common, "--output=one"]) == 0
    assert main([*common, "--output=two", "--devices=2"]) == 0
    assert Path("two").read_bytes() == Path("one").read_bytes()
    assert len(Path("one").read_text(encoding="utf-8").splitlines()) > len(SOURCES)


def test_standard_output_of_two_processes(trained: Path, texts: str, capfd: Any) -> None:
    assert main(["generate", str(trained), "--input", texts]) == 0
    one = capfd.readouterr().out
    assert main(["generate", str(trained), "--input", texts, "--devices=2"]) == 0
    assert capfd.readouterr().out == one


def test_two_processes_score_what_one_does(trained: Path, capsys: Any) -> None:
    command = ["test", str(trained), "--data.test=builtin:test:60", "--batch_size=8"]
    for name, devices in (("one", "1"), ("two", "2")):
        assert main([*command, f"--output={name}", f"--devices={devices}"]) == 0
    one, two = (line for line in capsys.readouterr().out.splitlines() if line.startswith("{"))
    assert two == one
    assert Path("two").read_text() == Path("one").read_text()


def test_two_processes_classify_what_one_does(tmp_path: Path) -> None:
    rows = [f"{verb} the {noun}" for verb in ("open", "play") for noun in ("door", "song", "gate")]
    lines = [json.dumps({"text": text, "label": text.split()[0]}) for text in rows * 6]
    Path("rows.jsonl").write_text("\n".join(lines) + "\n")
    small = ["--data.tokenizer.model_type=char", "--data.tokenizer.vocab_size=30"]
    small += ["--model.network.hidden_size=8", "--trainer.max_steps=3", "--trainer.accelerator=cpu"]
    model = ["--model", "seqtext.ClassifierModule", "--data.train=./rows.jsonl", "--run=labels"]
    assert main(["fit", *model, *small]) == 0
    Path("in.txt").write_text("\n".join(rows * 4) + "\n")
    for name, devices in (("one", "1"), ("two", "2")):
        output = ["--format=jsonl", "--batch_size=5", f"--devices={devices}", f"--output={name}"]
        assert main(["classify", "labels", "--input=in.txt", *output]) == 0
        test = ["test", "labels", "--data.test=./rows.jsonl", f"--devices={devices}"]
        assert main([*test, "--batch_size=5", f"--output={name}.test"]) == 0
    assert Path("two").read_text() == Path("one").read_text()
    assert Path("two.test").read_text() == Path("one.test").read_text()


# --- errors and interruptions ---------------------------------------------------------------------------


# the second reply of the other process does not come
_SECOND = (
    "from seqtext.inference.generator import Generator as G; f = G.predict_batches; n = []; G.predict_batches"
    " = lambda self, batches: (n.append(1), f(self, batches))[1] if not n else {}"
)


@pytest.mark.parametrize(
    ("failure", "status", "fact"),
    [
        ("__import__('os')._exit(9)", 1, "another process of this command has ended"),
        (
            "(_ for _ in ()).throw(__import__('seqtext.errors').errors.DataError('what it met'))",
            2,
            "seqtext generate: what it met",
        ),
        ("(_ for _ in ()).throw(MemoryError())", 2, "out of memory"),
        ("1 / 0", 1, "ZeroDivisionError: division by zero"),
    ],
)
def test_what_is_finished_is_kept(
    trained: Path,
    texts: str,
    failure: str,
    status: int,
    fact: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    command = ["generate", str(trained), f"--input={texts}", "--batch_size=7"]
    assert main([*command, "--output=one.txt"]) == 0
    command += ["--output=two.txt"]
    with monkeypatch.context() as patch:
        other_process(patch, _SECOND.format(failure))
        capfd.readouterr()
        assert main([*command, "--devices=2"]) == status
    message = capfd.readouterr().err
    assert message.count(fact) == 1 and ("Traceback" in message) == ("division" in fact)
    assert "the answers to 20 lines are kept" in message
    assert main([*command, "--resume"]) == 0  # by another number of processes
    assert Path("two.txt").read_text() == Path("one.txt").read_text()


def test_an_interruption_ends_all_processes(trained: Path, texts: str) -> None:
    os.mkfifo("pipe")
    command = [sys.executable, "-m", "seqtext", "generate", str(trained), "--input=pipe"]
    command += ["--output=out.txt", "--devices=2", "--batch_size=2"]
    running = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    with open("pipe", "w") as pipe:
        pipe.write("\n".join(SOURCES) + "\n")
        pipe.flush()
        for _ in range(600):
            if any(path.stat().st_size for path in Path().glob("out.txt.*.progress")):
                break
            time.sleep(0.1)
        children = Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text().split()
        running.send_signal(signal.SIGINT)
        _, message = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "lines are kept in" in message and "Traceback" not in message
    assert children and not any(Path(f"/proc/{child}").exists() for child in children)


@pytest.mark.parametrize(
    ("options", "fact"),
    [
        (["--devices=0"], "--devices: 0, expected at least 1"),
        (["--devices=2", "--device=cuda:1"], "device cuda:1 is a single one"),
        (["--devices=2", "--device=mps"], "device mps is a single one"),
        (["--devices=two"], "--devices: invalid int value: 'two'"),
    ],
)
def test_devices_that_cannot_be(
    trained: Path, texts: str, options: list[str], fact: str, capsys: Any
) -> None:
    assert main(["generate", str(trained), "--input", texts, *options]) == 2
    assert fact in capsys.readouterr().err


def test_the_gpu_of_a_rank(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_RANK", "1")
    options = argparse.Namespace(device="cuda", devices=1)
    _settle_device(options)
    assert options.device == "cuda:1"
    options = argparse.Namespace(device="cuda", devices=4)
    with pytest.raises(ConfigError, match=r"--devices 4: torchrun has started 2 process"):
        _settle_device(options)


# --- torchrun -------------------------------------------------------------------------------------------


def test_torchrun_takes_no_option_of_ours_for_its_own() -> None:
    """It takes the beginnings of its own options, also after the name of our command."""
    own = [name for action in get_args_parser()._actions for name in action.option_strings]
    ours = {f"--{name}" for name in OWN if name != "run"} | {"--run_folder"}
    for command in set(COMMANDS) - {"fit", "recipes"}:
        parser = import_module(f"seqtext.cli.{command}").parser()
        ours |= {name for action in parser._actions for name in action.option_strings}
    assert not {
        name for name in ours - {"-h", "--help"} if any(other.startswith(name) for other in own)
    }
    assert any(name.startswith("--run") for name in own)  # else --run would do


@pytest.mark.slow
def test_torchrun_decodes_what_one_process_does(trained: Path) -> None:
    Path("in.txt").write_text(TEXT, encoding="utf-8")
    expected = generate(trained, "one.jsonl")
    options = ["--batch_size=7", "--format=jsonl", "--n_best=2"]
    done = torchrun("generate", trained, *options, text=TEXT)
    assert done.returncode == 0, done.stderr
    assert done.stdout == expected


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "fact"),
    [
        (["generate", "nowhere", "--input=in.txt"], "nowhere: no such file or folder"),
        (
            [
                "fit", "--data.train=nowhere/pairs.tsv", "--data.source=en", "--data.target=de",
                "--trainer.accelerator=cpu", "--trainer.devices=2", "--trainer.strategy=ddp",
            ],
            "nowhere/pairs.tsv",
        ),
        (["explain", "nowhere", "--input=in.txt"], "nowhere: no such file or folder"),
    ],
)  # fmt: skip
def test_torchrun_tells_a_mistake_once(words: list[str], fact: str, texts: str) -> None:
    done = torchrun(*words)
    assert done.returncode == 1  # that of torchrun
    before, _, report = done.stderr.partition("Traceback")  # that of torchrun
    assert before.count(fact) == 1
    assert "Traceback" not in report and "(in process" not in done.stderr
    assert "exitcode  : 2" in report and fact in report


@pytest.mark.slow
@pytest.mark.parametrize("ends", ["raise ConfigError('what it met')", "os.kill(os.getpid(), 9)"])
def test_training_ends_with_one_process(ends: str, tiny: list[str]) -> None:
    Path("ownmodule.py").write_text(f"""
import os
from typing import Any
from seqtext import EncoderDecoderModule
from seqtext.errors import ConfigError
from tests.support import other_process

class Mine(EncoderDecoderModule):
    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        if batch_idx == 2 and self.global_rank == 1:
            {ends}
""")
    parallel = ["--trainer.devices=2", "--trainer.strategy=ddp", "--model=ownmodule.Mine"]
    command = [sys.executable, "-m", "seqtext", "fit", *tiny, *parallel, "--run=r"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert done.stderr.count("what it met (in process 1 of this node)") == ("met" in ends)
    assert done.stderr.count("another process of this command has ended") == 1


def test_a_mistake_of_one_process_is_told(
    trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first process would have ended this one, if it had met the mistake."""
    monkeypatch.setenv("LOCAL_RANK", "3")
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)
    assert main(["generate", "nowhere"]) == 2
    assert "nowhere: no such file or folder" in (message := capsys.readouterr().err)
    assert "(in process 3 of this node)" in message and waited


def test_commands_that_one_process_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "x")
    monkeypatch.setenv("RANK", "1")
    for words in ([], ["--version"], ["recipes"], ["check", "nowhere"]):
        assert main(words) == 0
    assert capsys.readouterr() == ("", "")
    monkeypatch.setenv("RANK", "0")
    assert main(["--version"]) == 0
    assert capsys.readouterr().out
