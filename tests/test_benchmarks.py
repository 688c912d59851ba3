"""What figures rest on."""

from __future__ import annotations

import runpy
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def tables(repository: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """benchmarks/tables.py."""
    monkeypatch.syspath_prepend(str(repository / "benchmarks"))
    return import_module("tables")


def test_operations_are_those_that_torch_counts(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For every recurrent cell, attention, direction and number of layers."""
    monkeypatch.syspath_prepend(str(repository / "benchmarks"))
    import_module("machine").check()


def test_results_are_what_the_data_give(tables: ModuleType) -> None:
    assert tables.PAGE.read_text(encoding="utf-8") == tables.page()


def test_every_measurement_says_when_and_where(tables: ModuleType) -> None:
    machines = {row["machine"] for row in tables.read("machines")[0].rows}
    for name in tables.SECTIONS:
        for table in tables.read(name):
            for row in table.full_rows():
                told = all(key in row for key in table.head.get("name", ["what"]))
                assert told, f"{name}.jsonl: no name: {row}"
                assert set(row["machine"].split(", ")) <= machines, f"{name}.jsonl: {row}"
                assert "date" in row or name == "machines", f"{name}.jsonl: no date: {row}"


def test_rows_of_several_seeds_and_lags_become_one(tables: ModuleType) -> None:
    head = {"title": "Cells", "name": ["cell"], "across": "lag", "mean_over": "seed"}
    rows = [
        {"cell": "LSTM", "lag": lag, "seed": seed, "accuracy": lag + seed, "ok": True}
        for lag in (25, 50)
        for seed in (1, 2, 3)
    ]
    [row] = tables.combined(tables.Table(head, rows))
    assert row["accuracy, lag 25"] == "27.0 ± 1.0"
    assert row["accuracy, lag 50"] == "52.0 ± 1.0"


def test_columns_share_their_decimals(tables: ModuleType) -> None:
    assert tables.cells_of([39.9, 40.25, {"from": 1.5, "to": 2.5}]) == [
        "39.90",
        "40.25",
        "1.50 to 2.50",
    ]
    assert tables.cells_of([1234, [1, 2], None, "text"]) == ["1,234", "1, 2", "", "text"]


def test_what_rows_share_stands_once(tables: ModuleType) -> None:
    head = {"title": "Speed", "machine": "cpu"}
    rows = [{"what": "a", "date": "2026-01-01", "ms": 1}, {"what": "b", "date": "2026-01-01"}]
    lines = tables.lines_of(tables.Table(head, rows))
    assert "Date: 2026-01-01. Machine: cpu." in lines
    assert "| | ms |" in lines
    assert "| b | |" in lines


def test_every_script_has_a_command(repository: Path) -> None:
    folder = repository / "benchmarks"
    scripts = runpy.run_path(str(folder / "__main__.py"))["SCRIPTS"]
    files = {path.stem for path in folder.glob("*.py")}
    assert set(scripts.values()) == files - {"common", "__init__", "__main__"}


def test_commands_are_listed_and_run(repository: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "benchmarks", *arguments]
        return subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)

    assert "decode" in run().stdout
    assert run("tables", "--check").returncode == 0
    unknown = run("nothing")
    assert unknown.returncode == 1 and "'nothing'" in unknown.stderr
