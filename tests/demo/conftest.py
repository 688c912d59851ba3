"""The page's folder with what npm fetches, and programs of Node.js that call its modules."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import portalocker
import pytest

from seqtext.cli import main
from tests.runtime.conftest import export as export
from tests.runtime.conftest import generator as generator

HERE = Path(__file__).parent
PAGE = HERE.parent.parent / "docs/demo"
OURS = shutil.ignore_patterns("model*", "vendor", "node_modules")
Node = Callable[..., Any]


def program(name: str) -> str:
    """The path of a program, or the test is skipped."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


@pytest.fixture(scope="session")
def node() -> Node:
    """Run a program of this folder, which reads and writes JSON."""
    path = program("node")

    def run(name: str, **given: Any) -> Any:
        done = subprocess.run(
            [path, str(HERE / name)], input=json.dumps(given), capture_output=True, text=True,
            timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.fixture(scope="session")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of docs/demo with ONNX Runtime, without a model. It is made once for all processes."""
    npm = program("npm")
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, refused = base / "demo", base / "demo.refused"
    with portalocker.Lock(base / "demo.lock", timeout=300):
        if not folder.exists() and not refused.exists():
            copy = shutil.copytree(PAGE, base / "demo.part", ignore=OURS)
            if reason := fetch(npm, copy):
                refused.write_text(reason)
            else:
                copy.rename(folder)
    if refused.exists():
        pytest.skip(f"npm cannot fetch onnxruntime-web: {refused.read_text()}")
    return folder


def fetch(npm: str, folder: Path) -> str:
    """Have npm fetch ONNX Runtime. Returns what is in the way."""
    try:
        done = subprocess.run(
            [npm, "run", "--silent", "vendor"], cwd=folder, capture_output=True, text=True,
            timeout=120, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return "no answer within 2 minutes"
    return done.stderr[-300:] if done.returncode else ""


@pytest.fixture(scope="session")
def deployed(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An exported model, which no test may change."""
    folder = tmp_path_factory.mktemp("models") / "deployed"
    assert main(["export", str(trained), str(folder)]) == 0
    return folder
