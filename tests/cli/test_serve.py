"""``seqtext serve``: what it refuses before it serves. tests/serving has the server itself."""

from __future__ import annotations

import importlib.util
import socket
from pathlib import Path

import pytest

from seqtext.cli import main


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--port=70000"], "--port: 70000, expected at least 0 and at most 65,535"),
        (["--workers=0"], "--workers: 0, expected at least 1"),
        (["--timeout=0"], "--timeout: 0.0, expected more than 0"),
        (["--num_workers=2"], "--num_workers: no such option; here it is --workers"),
        (["--host=no.such.host.invalid"], "cannot listen on no.such.host.invalid"),
        (["--trust=a-b"], "--trust a-b: expected a package or module"),
    ],
)
def test_mistakes(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "run", *words]) == 2
    assert message in capsys.readouterr().err


def test_a_port_that_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert main(["serve", "run", f"--port={taken.getsockname()[1]}"]) == 2
    assert "Choose another --port or --host" in capsys.readouterr().err


def test_a_missing_model_and_an_open_address(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["generate", "missing"]) == 2
    _, message = capsys.readouterr().err.split(": ", 1)
    assert main(["serve", str(Path("missing").absolute()), "--port=0", "--host=0.0.0.0"]) == 2
    told = capsys.readouterr().err
    assert "whoever reaches this address can use the model" in told
    assert message.removeprefix("missing").strip() in told


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--precision=int8"], "--precision: deployed: is an exported model, and has its own"),
        (["--device=cuda"], "--device: deployed: is an exported model, and computes on the CPU"),
        (["--shortlist=x"], "--shortlist: deployed: is an exported model, and uses none"),
        (["other"], "deployed: is an exported model, and these make no ensemble"),
    ],
)
def test_exported_models(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("deployed").mkdir()
    Path("deployed/config.json").write_text("{}")
    assert main(["serve", "deployed", *words, "--port=0"]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("package", "message"),
    [
        ("uvicorn", "needs the package uvicorn. Install all that it needs with: pip install 'seqtext[s"),
        ("seqtext_runtime", "needs the package seqtext-runtime"),
    ],
)  # fmt: skip
def test_a_package_that_is_missing(
    package: str, message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("deployed").mkdir()
    Path("deployed/config.json").write_text("{}")
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "seqtext.cli.serve.find_spec", lambda name: None if name == package else find(name)
    )
    assert main(["serve", "deployed", "--port=0"]) == 2
    assert message in capsys.readouterr().err
