"""docs/many-processes.md: its commands for two processes on a CPU, and its cell. Trainings are made small."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from seqtext.cli import main
from tests.support import metrics, weights

GUIDE = (Path(__file__).parent.parent / "docs/many-processes.md").read_text(encoding="utf-8")
SMALL = (
    " --model.network.hidden_size=32 --model.network.embedding_size=32 --model.network.dropout=0"
    " --model.network.word_dropout=0"
    " --model.decode_sentences=8 --data.train=builtin:train:600 --data.validation=builtin:validation:40"
)
pytestmark = pytest.mark.slow


def blocks(heading: str, language: str) -> str:
    """The code below a heading of the page."""
    section = GUIDE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return "".join(re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL))


def run(command: str) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command, shell=True, env={**os.environ, "PATH": path},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done


def test_two_processes_on_a_cpu() -> None:
    """They train, without dropout, what one process does, and decode alike."""
    commands = [
        command.replace("max_steps 60", "max_steps 8") + SMALL * (" fit " in command)
        for command in blocks("Two processes on a CPU", "sh").splitlines()
    ]
    trained, scored, decoded, *by_torchrun = [run(command) for command in commands]
    assert "2 process(es) on cpu" in trained.stderr and Path("runs/two/best.ckpt").exists()
    assert scored.stdout.count('"bleu"') == 1 and decoded.stdout.count("\n") == 1
    trained, again, decoded_again = by_torchrun
    assert "2 process(es) on cpu" in trained.stderr and Path("runs/torchrun/best.ckpt").exists()
    assert trained.stderr.count("val BLEU") == 1  # the second process keeps quiet
    assert (again.stdout, decoded_again.stdout) == (scored.stdout, decoded.stdout)
    example = blocks("Decoding", "python")
    Path("own.py").write_text(f"import seqtext\n{example}print(outputs[-1][0].text)\n")
    assert run(f"{sys.executable} own.py").stdout == decoded.stdout
    alone = commands[0].replace("--trainer.devices 2 --trainer.strategy ddp", "")
    assert main(shlex.split(alone.replace("runs/two", "runs/one"))[1:]) == 0
    for other in ("runs/two", "runs/torchrun"):
        assert_same_training(Path("runs/one"), Path(other))


def assert_same_training(one: Path, other: Path) -> None:
    """Weights, scores and samples are those of the other run."""
    for name, value in weights(one).items():
        torch.testing.assert_close(weights(other)[name], value, rtol=0, atol=1e-4)
    rows = [metrics(run)[-1] for run in (one, other)]
    for column in ("train_loss", "val_loss", "val_bleu"):
        assert float(rows[0][column]) == pytest.approx(float(rows[1][column]), abs=0.02), column
    sources = [
        [line for line in (run / "samples.md").read_text().splitlines() if "source:" in line]
        for run in (one, other)
    ]
    assert sources[0] == sources[1] and len(sources[0]) == 5


@pytest.mark.parametrize(
    ("strategy", "builds"), [("ddp_notebook", True), ("ddp_spawn", True), ("ddp_spawn", False)]
)
def test_the_cell_of_a_notebook(strategy: str, builds: bool) -> None:
    cell = blocks("In a notebook", "python").replace("ddp_notebook", strategy)
    quiet = "accelerator='cpu', logger=False, enable_checkpointing=False, max_steps=3, devices=2"
    cell = cell.replace("devices=2", quiet)
    if not builds:
        cell = cell.replace("module.build(data.tokenizers)\n", "")
    lines = "\n    ".join(cell.splitlines())
    Path("own.py").write_text(f"""
from lightning.pytorch import Trainer
from seqtext import EncoderDecoderModule, PairsDataModule
from seqtext.data.tokenizer import TokenizerConfig

if __name__ == "__main__":
    data = PairsDataModule(
        train="builtin:train:100", source="en", target="de", batch_size=20,
        tokenizer=TokenizerConfig(vocab_size=420),
    )
    module = EncoderDecoderModule(seed=1)
    {lines}
    other = EncoderDecoderModule(seed=1)
    other.build(data.tokenizers)
    pairs = list(zip(module.parameters(), other.parameters(), strict=True))
    assert pairs and any(not a.equal(b) for a, b in pairs)
    print("trained", len(module.generator().generate(["The dog sleeps."])))
""")
    command = f"{sys.executable} own.py"
    if builds:
        assert "trained 1" in run(command).stdout
    else:
        done = subprocess.run(
            command.split(), capture_output=True, text=True, timeout=200, check=False
        )
        assert done.returncode == 1
        assert "choose ddp, or call module.build(tokenizers) before" in done.stderr
