"""Decoding and help never wait for what only training needs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from seqtext.cli import COMMANDS

HEAVY = (
    "lightning", "datasets", "torchmetrics", "pandas", "matplotlib", "sacrebleu", "starlette", "uvicorn",
    "prometheus_client",
)  # fmt: skip
PROGRAM = f"""
import sys
from seqtext.cli import main
status = main(sys.argv[1:])
print("loaded:", *sorted(sys.modules.keys() & {{*{(*HEAVY, "torch", "jsonargparse")}}}))
sys.exit(status)
"""


def loaded(*arguments: str, text: str = "") -> set[str]:
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        input=text, capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    return set(result.stdout.splitlines()[-1].split()[1:])


@pytest.mark.parametrize("command", COMMANDS)
def test_help_loads_nothing_heavy(command: str) -> None:
    assert loaded(command, "--help") == set()


def test_help_of_a_recipe_loads_nothing_heavy() -> None:
    assert loaded("fit", "--recipe=classification/trec", "--help") == set()


def test_help_of_the_program_loads_nothing_heavy() -> None:
    assert loaded("--help") == set()


def test_decoding_loads_torch_alone(trained: Path) -> None:
    assert loaded("generate", str(trained), text="The dog sleeps.\n") == {"torch"}


def test_load_loads_torch_alone(trained: Path) -> None:
    program = f"import sys, seqtext; seqtext.load({str(trained)!r}); print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True
    )
    assert not {*HEAVY} & set(result.stdout.split())


def test_options_of_training_need_no_torch() -> None:
    program = "import sys, seqtext.training.config; print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True
    )
    assert not {*HEAVY, "torch"} & set(result.stdout.split())


def test_decoding_collects_no_garbage_before_the_model_is_loaded(trained: Path) -> None:
    program = """
import atexit, gc, sys
from seqtext.cli import entry
starts = []
gc.callbacks.append(lambda *_: starts.append("torch" in sys.modules and not gc.get_freeze_count()))
atexit.register(lambda: print(gc.isenabled(), gc.get_freeze_count() > 100_000, any(starts)))
entry()
"""
    result = subprocess.run(
        [sys.executable, "-c", program, "generate", str(trained)],
        input="The dog sleeps.\n", capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert result.stdout.splitlines()[-1].split() == ["True", "True", "False"]
