"""docs/own-cells.md is so, and no checkpoint runs code without the user's consent."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import seqtext
from seqtext import checkpoint
from seqtext.cli import main
from seqtext.errors import CheckpointError, ConfigError
from seqtext.nn.cells.registry import load_cell
from seqtext.nn.config import NetworkConfig

GUIDE = (Path(__file__).parent.parent / "docs/own-cells.md").read_text(encoding="utf-8")
CELL = "mycells.MinimalGatedUnit"
TRACE = "\n\nimport pathlib\n\npathlib.Path('ran').touch()\n"
SMALL = [
    "--data.train=builtin:train:60", "--data.batch_size=20", "--data.tokenizer.vocab_size=400",
    "--data.tokenizer.byte_fallback=false",
    "--model.network.hidden_size=16", "--model.network.embedding_size=8", "--model.decode_sentences=4",
    "--trainer.accelerator=cpu", "--trainer.max_epochs=1", "--selection.average_best=1",
]  # fmt: skip


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)


def forget() -> None:
    """Begin like a process that has imported no class of a user."""
    sys.modules.pop("mycells", None)
    load_cell.cache_clear()
    Path("ran").unlink(missing_ok=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder with the guide's cell, and a run of it."""
    path = tmp_path_factory.mktemp("own")
    (path / "mycells.py").write_text("\n\n".join(blocks("python")) + TRACE)
    before = Path.cwd()
    os.chdir(path)
    try:
        [fit] = blocks("sh")[0].splitlines()
        assert main([*shlex.split(fit)[1:], *SMALL]) == 0
    finally:
        os.chdir(before)
    return path


@pytest.fixture(autouse=True)
def _fresh(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(folder)
    before = [path for path in sys.path if path not in ("", str(folder))]
    monkeypatch.setattr(sys, "path", list(before))
    forget()
    yield
    forget()


def test_the_guide_loads_what_it_trains() -> None:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    for words in (["bash", "-c", blocks("sh")[1]], [sys.executable, "-c", blocks("py")[0]]):
        done = subprocess.run(
            words, env={**os.environ, "PATH": path}, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        assert len(done.stdout.splitlines()) == 1


def test_all_classes_of_the_guide_keep_the_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(Path.cwd())
    first, decaying, own_run = (
        load_cell(f"mycells.{name}") for name in re.findall(r"^class (\w+)", GUIDE, re.MULTILINE)
    )
    cell, inputs = own_run(3, 4), torch.randn(2, 5, 3)
    torch.manual_seed(1)
    expected = first.run(cell, inputs, None, 0.5)
    torch.manual_seed(1)
    torch.testing.assert_close(cell.run(inputs, None, 0.5), expected)
    assert "decay" in dict(decaying(3, 4).named_parameters())


def test_a_checkpoint_holds_the_name() -> None:
    content = checkpoint.read("runs/mine")
    assert content["seqtext"]["network"]["cell"] == CELL
    assert not Path("ran").exists()


@pytest.mark.parametrize("trust", [(), ["mycell"], ["mycells.Other"]])
def test_nothing_is_imported_without_consent(trust: list[str]) -> None:
    with pytest.raises(CheckpointError) as refused:
        seqtext.load("runs/mine", trust=trust)
    told = str(refused.value)
    assert all(part in told for part in ("best.ckpt", CELL, "--trust mycells", "trust='mycells'"))
    assert not Path("ran").exists() and "mycells" not in sys.modules


def test_consent_ends_with_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(Path.cwd())
    seqtext.load("runs/mine", trust=["mycells"])
    with pytest.raises(CheckpointError, match="--trust mycells"):
        seqtext.load("runs/mine")


def test_a_class_that_is_not_there_is_named() -> None:
    with pytest.raises(CheckpointError) as refused:
        seqtext.load("runs/mine", trust=["mycells"])  # which does not look in the working folder
    assert "best.ckpt" in str(refused.value) and f"{CELL} cannot be imported" in str(refused.value)


def test_trust_takes_one_name_or_several(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(Path.cwd())
    for trust in ("mycells", ["other", "mycells"]):
        assert isinstance(seqtext.load("runs/mine", trust=trust), seqtext.Generator)
    with pytest.raises(ConfigError, match="trust: 1"):
        seqtext.load("runs/mine", trust=1)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "words",
    [
        ["generate", "runs/mine", "--input=in.txt"],
        ["explain", "runs/mine", "--input=in.txt"],
        ["test", "runs/mine", "--data.test=builtin:test:4"],
    ],
    ids=lambda words: words[0],
)
def test_commands_ask_for_consent(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    Path("in.txt").write_text("The dog sleeps.\n")
    assert main(words) == 2
    assert "--trust mycells" in capsys.readouterr().err
    assert not Path("ran").exists()
    assert main([*words, "--trust", "a b"]) == 2
    assert "--trust a b" in capsys.readouterr().err
    assert main([*words, "--trust", "mycells"]) == 0


def test_files_and_runs_ask_for_consent(capsys: pytest.CaptureFixture[str]) -> None:
    options = {"model": {"init_args": {"network": {"cell": CELL}}}}
    Path("c.yaml").write_text(json.dumps(options))
    for words in (
        ["--config=c.yaml", "--run=other"],
        [f"--config={json.dumps(options)}", "--run=other"],
        ["--resume=runs/mine", "--trainer.max_epochs=2"],
        ["--model.init_from=runs/mine", "--run=other"],
    ):
        given = words if "--resume" in words[0] else [*SMALL, *words]
        assert main(["fit", *given]) == 2, words
        told = capsys.readouterr().err
        assert CELL in told and "--trust mycells" in told, words
        assert not Path("ran").exists() and not Path("other").exists(), words


def test_other_sources_of_options_ask_for_consent(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = {
        "class_path": "seqtext.EncoderDecoderModule",
        "init_args": {"network": {"cell": CELL}},
    }
    monkeypatch.setenv("JSONARGPARSE_DEFAULT_ENV", "true")
    monkeypatch.setenv("PL_MODEL", json.dumps(options))
    assert main(["fit", "--data.train=builtin:train:60", "--run=other"]) == 2
    assert "model.network.cell: mycells.MinimalGatedUnit is not" in capsys.readouterr().err
    assert not Path("ran").exists() and not Path("other").exists()


@pytest.mark.parametrize(
    "words",
    [
        ["--model.init_from=runs/mine", "--trust=mycells"],
        ["--model.init_from=runs/mine", f"--model.network.cell={CELL}"],
        [f"--model.network={json.dumps({'cell': CELL})}"],
    ],
)
def test_consent_may_be_typed(words: list[str], tmp_path: Path) -> None:
    short = [
        word
        for word in SMALL
        if not ("init_from" in words[0] and ("network" in word or "tokenizer" in word))
    ]
    corpus = ["--data.source=en", "--data.target=de"]
    run = tmp_path / "run"
    assert main(["fit", *short, *corpus, *words, f"--run={run}"]) == 0
    assert (run / "comparison.json").exists() is ("init_from" in words[0])
    assert checkpoint.read(run)["seqtext"]["network"]["cell"] == CELL


def test_a_run_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", "--resume=runs/mine", "--trainer.max_epochs=2", "--trust=mycells"]) == 0
    assert "trainer.max_epochs is now 2" in capsys.readouterr().err


def test_a_class_that_is_no_cell_is_refused_before_data_are_read(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("wrong.py").write_text("class Wrong: ...\n")
    words = ["fit", "--data.train=builtin:train:9", "--model.network.cell=wrong.Wrong", "--run=w"]
    assert main(words) == 2
    assert "wrong.Wrong is no subclass of" in capsys.readouterr().err
    assert not Path("w").exists()


def test_a_configuration_with_a_path_reads_as_it_was_written() -> None:
    assert NetworkConfig(cell=CELL).cell == CELL
    assert not Path("ran").exists()
