"""What figures rest on."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest


def test_operations_are_those_that_torch_counts(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For every recurrent cell, attention, direction and number of layers."""
    monkeypatch.syspath_prepend(str(repository / "benchmarks"))
    import_module("machine").check()
