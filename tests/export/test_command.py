"""``seqtext export``: what it writes, and what it refuses before it writes."""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from seqtext import checkpoint
from seqtext.cli import main
from seqtext.export import folder
from seqtext.nn.encoder_decoder import EncoderDecoder


def changed(trained: Path, **values: Any) -> str:
    """A copy of the checkpoint with other values in its description."""
    content = torch.load(trained / "best.ckpt", weights_only=True)
    content["seqtext"] |= values
    checkpoint.add_digest(content)
    torch.save(content, "changed.ckpt")
    return "changed.ckpt"


def test_a_folder_has_all_that_a_runtime_needs(trained: Path, capsys: Any) -> None:
    assert main(["export", str(trained), "deployed"]) == 0
    told = capsys.readouterr().err
    assert "deployed: fp32" in told and "greedy outputs equal for 50, largest difference" in told
    names = {file.name for file in Path("deployed").iterdir()}
    assert names == {"config.json", "encoder.onnx", "step.onnx", "source.model", "target.model"}
    model = checkpoint.load(trained)
    assert Path("deployed/source.model").read_bytes() == bytes(model.tokenizers.source)
    config = json.loads(Path("deployed/config.json").read_text())
    assert config["graphs"]["encoder"]["inputs"] == ["source", "lengths"]
    assert config["graphs"]["step"]["outputs"] == ["log_probs", "next_state_recurrent", "attention"]
    assert config["task"] == "translation" and config["columns"] == ["en", "de"]
    assert (
        config["search"]["beam_size"] == 5
        and config["target"]["eos"] == model.tokenizers.target.eos
    )
    assert main(["export", str(trained), "deployed"]) == 2
    assert "deployed: exists already" in capsys.readouterr().err


def test_integers_take_less_space(trained: Path, capsys: Any) -> None:
    Path("check.txt").write_text("The dog is sleeping.\n\nThe cat sees it.\n")
    for precision in ("fp32", "int8"):
        options = ["--precision", precision, "--check=check.txt"]
        assert main(["export", str(trained), precision, *options]) == 0
        assert "on 2 texts of check.txt" in capsys.readouterr().err
    sizes = [Path(kind, "step.onnx").stat().st_size for kind in ("int8", "fp32")]
    assert sizes[0] < 0.6 * sizes[1]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"search": {"max_words": 3}},
            "search.max_words: 3 of the checkpoint, but the runtime counts no",
        ),
        ({"columns": ["lemma+features:symbols", "de"]}, "the model reads several columns"),
    ],
)
def test_a_model_that_the_runtime_cannot_follow(
    trained: Path, capsys: Any, values: dict[str, Any], message: str
) -> None:
    assert main(["export", changed(trained, **values), "deployed"]) == 2
    assert message in capsys.readouterr().err
    assert not Path("deployed").exists()


def test_a_transformer_is_refused(
    finished: Callable[..., Path], tiny: list[str], capsys: Any
) -> None:
    options = ["--model.network.cell=transformer", "--trainer.max_epochs=1"]
    run = finished(*tiny, *options)
    assert main(["export", str(run), "deployed"]) == 2
    assert "network.cell: export knows recurrent cells" in capsys.readouterr().err
    assert not Path("deployed").exists()


def test_a_run_of_several_folds_is_refused(trained: Path, capsys: Any) -> None:
    for number in (1, 2):
        shutil.copytree(trained, f"folds/fold-{number}")
    Path("folds/result.json").write_text(json.dumps({"folds": ["fold-1", "fold-2"]}))
    assert main(["export", "folds", "deployed"]) == 2
    assert (
        "an ensemble cannot be exported. Export one of its checkpoints" in capsys.readouterr().err
    )
    assert not Path("deployed").exists()
    assert main(["export", "folds/fold-2", "deployed"]) == 0


def test_a_missing_package_is_named(
    trained: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "seqtext.cli.export.find_spec", lambda name: None if name == "onnx" else find(name)
    )
    assert main(["export", str(trained), "deployed"]) == 2
    assert "needs the package onnx. Install" in capsys.readouterr().err


def test_other_faults_are_told(trained: Path, capsys: Any) -> None:
    Path("empty.txt").write_text("\n")
    for arguments, message in (
        (["missing/deployed"], "no folder missing"),
        (["deployed", "--check=missing.txt"], "--check missing.txt: no such file"),
        (["deployed", "--check=empty.txt"], "--check empty.txt: has no text"),
        (["deployed", "--precision=bf16"], "--precision: invalid choice"),
    ):
        assert main(["export", str(trained), *arguments]) == 2
        assert message in capsys.readouterr().err
    assert not Path("deployed").exists()


@pytest.mark.parametrize(
    ("precision", "change", "shown"),
    [("fp32", 0.01, "by 0.0"), ("fp32", float("nan"), "by nan"), ("int8", float("nan"), "by nan")],
)
def test_graphs_that_differ_are_not_written(
    precision: str,
    change: float,
    shown: str,
    trained: Path,
    capsys: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    build = folder.build_graphs

    def build_and_change(model: Any, precision: Any) -> Any:
        graphs = build(model, precision)
        with torch.no_grad():
            model.networks[0].decoder.output.bias[:20] += change
        return graphs

    monkeypatch.setattr(folder, "build_graphs", build_and_change)
    assert main(["export", str(trained), "deployed", f"--precision={precision}"]) == 2
    assert f"the exported graphs differ from the checkpoint {shown}" in capsys.readouterr().err
    assert list(Path().iterdir()) == []


def test_attention_is_compared_too(
    trained: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    attention = EncoderDecoder.attention
    monkeypatch.setattr(
        EncoderDecoder, "attention", lambda network, state: attention(network, state) + 0.01
    )
    assert main(["export", str(trained), "deployed"]) == 2
    assert "the exported graphs differ from the checkpoint by 0.01" in capsys.readouterr().err
    assert list(Path().iterdir()) == []
