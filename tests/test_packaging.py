"""What the files of the project say of its version and of other packages' versions agrees."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

import seqtext
from seqtext.cli import main

REPOSITORY = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    section: dict[str, Any] = settings["project"]
    return section


def pinned(name: str) -> dict[str, Version]:
    lines = (REPOSITORY / name).read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {package.lower(): Version(version) for package, version in pairs}


def bounds(project: dict[str, Any]) -> dict[str, Version]:
    """The lowest version of each dependency."""
    needed = [Requirement(line) for line in project["dependencies"]]
    assert all(re.fullmatch(r">=[\d.]+", str(need.specifier)) for need in needed)
    return {need.name: Version(str(need.specifier)[2:]) for need in needed}


def test_lowest_versions_are_those_that_are_tested(project: dict[str, Any]) -> None:
    lowest = bounds(project)
    torch = lowest.pop("torch")
    assert pinned(".ci/lowest.txt") == lowest
    workflow = (REPOSITORY / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    jobs = yaml.safe_load(workflow)["jobs"]["versions"]["strategy"]["matrix"]["include"]
    [tested] = [job["torch"] for job in jobs if job["set"] == "lowest"]
    assert Version(tested) == torch


def test_pinned_versions_are_allowed(project: dict[str, Any]) -> None:
    ours = pinned("constraints.txt")
    for name, lowest in bounds(project).items():
        assert ours[name] >= lowest, name


def test_version_is_the_same_everywhere(
    project: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    citation = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == project["version"] == seqtext.__version__
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == project["version"]
    assert {person["name"] for person in citation["authors"]} == {
        person["name"] for person in project["authors"]
    }


def test_workflow_runs_what_decides_a_change() -> None:
    for path in (REPOSITORY / ".github").rglob("*.yml"):
        assert yaml.safe_load(path.read_text(encoding="utf-8")), path
    workflow = (REPOSITORY / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    steps = yaml.safe_load(workflow)["jobs"]["tests"]["steps"]
    assert ".ci/run" in [step.get("run") for step in steps]


def test_errors_are_exported_without_torch() -> None:
    program = "import sys, seqtext; seqtext.SeqtextError; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert not {"torch", "lightning"} & set(done.stdout.split())
    for name in ("CheckpointError", "ConfigError", "DataError", "TrainingError"):
        assert issubclass(getattr(seqtext, name), seqtext.SeqtextError)
    with pytest.raises(seqtext.ConfigError):
        seqtext.EncoderDecoderModule(seed="a")  # type: ignore[arg-type]
