"""Networks need PyTorch and nothing else: no Lightning, no data, no search."""

import ast
import sys
from pathlib import Path

import pytest

import seqtext

MODULES = sorted(Path(seqtext.__file__).parent.joinpath("nn").glob("*.py"))


def imported(path):
    """Dotted names of all modules that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_nn_imports_only_torch_and_itself(path):
    for name in imported(path):
        package = name.split(".")[0]
        if package == "seqtext":
            assert name.startswith(("seqtext.nn.", "seqtext.errors.")), name
        else:
            assert package == "torch" or package in sys.stdlib_module_names, name
