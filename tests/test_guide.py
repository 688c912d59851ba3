"""docs/own-corpora.md, command by command, on a messy spreadsheet. The trainings are made small."""

from __future__ import annotations

import csv
import json
import os
import re
import shlex
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest

from seqtext.data.corpus import Corpus
from tests.support import ChildHere, run_here

REPOSITORY = Path(__file__).parent.parent
GUIDE = (REPOSITORY / "docs/own-corpora.md").read_text(encoding="utf-8")
# a network of the general kind, and one that starts from it
SMALL = ["--trainer.max_steps=4", "--model.decode_sentences=8", "--trainer.accelerator=cpu"]
PROGRAMS = {"seqtext": ["-m", "seqtext"], "python": []}
NETWORK = ["--model.network.hidden_size=24", "--model.network.embedding_size=16"]


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)


def made_small(command: str) -> list[str]:
    if not re.match(r"seqtext fit|python recipes/", command):
        return []
    options = list(SMALL)
    if "low_resource" in command:
        options += [*NETWORK, "--data.tokenizer.vocab_size=500"]
    elif "translation/builtin" in command:
        options += [*NETWORK, "--data.train=builtin:train:600"]
    return options


def run(command: str) -> subprocess.CompletedProcess[str]:
    """A line of the guide. What begins with our own programs runs in this process."""
    program, *words = shlex.split(command)
    if program in PROGRAMS:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(subprocess, "Popen", ChildHere)
            return run_here(*PROGRAMS[program], *words, *made_small(command))
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        ["bash", "-c", command], env={**os.environ, "PATH": path},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


def spreadsheet() -> None:
    """``pairs.csv``, as it comes; ``german.txt`` and ``letters.txt``."""
    rows = list(Corpus("builtin:train:1500", "en", "de").rows())
    rows[40:40] = [
        ("Not translated at all, this one.", "Not translated at all, this one."),
        ("", "x"),
    ]
    rows[90:90] = [rows[3]] * 20
    rows[200] = ("The caf\u00c3\u00a9 is open.", 'Das "Café" ist offen.\nJeden Tag.')
    with Path("pairs.csv").open(
        "w", encoding="utf-8-sig", newline=""
    ) as file:  # as Excel writes it
        csv.writer(file).writerows([("en", "de"), *rows])
    more = list(islice(Corpus("builtin:train:60:9", "en", "de").rows(), 60))
    Path("german.txt").write_text("".join(f"{german}\n" for _, german in more), encoding="utf-8")
    Path("letters.txt").write_text("".join(f"{en}\n" for en, _ in more[:5]), encoding="utf-8")


@pytest.mark.slow
def test_every_command_of_the_guide() -> None:
    spreadsheet()
    Path("recipes").symlink_to(REPOSITORY / "recipes")
    statuses: dict[str, int] = {}
    told = ""
    for line in "".join(blocks("sh")).splitlines():
        done = run(line)
        statuses[line] = done.returncode
        told += done.stdout + done.stderr
        assert done.returncode in ((0, 3) if line.startswith("seqtext check") else (0,)), (
            f"{line}\n{done.stderr}"
        )
    first, *_ = statuses
    assert statuses[first] == 3  # there was something harmful
    [python] = blocks("python")
    Path("own.py").write_text(python, encoding="utf-8")
    assert len(run("python own.py").stdout.splitlines()) == 1

    clean = [json.loads(line) for line in Path("clean.jsonl").read_text("utf-8").splitlines()]
    assert len(clean) < 1500
    assert all(row["en"] and row["de"] and row["en"] != row["de"] for row in clean)
    tests, chosen, trained = (
        set(Path(f"{name}.jsonl").read_text("utf-8").splitlines())
        for name in ("test", "dev", "train-clean")
    )
    assert len(tests) == len(chosen) == 200 and len(trained) > 700
    assert not tests & trained and not chosen & trained and not tests & chosen
    assert "--data.validation test.jsonl" not in GUIDE.split("## 2.")[1]
    for name in (
        "first",
        "mixed",
        "low/student",
        "tuned",
        "tuned-mixed",
        "tuned-frozen",
        "streamed",
    ):
        assert Path(f"runs/{name}/best.ckpt").exists(), name
    assert "compare: builtin:validation:200  BLEU" in told
    assert "pieces added to those given" in told
    assert len(Path("letters.de.txt").read_text("utf-8").splitlines()) == 5
