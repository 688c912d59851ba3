"""An installed package, away from the checkout: the README's commands and each recipe work."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from seqtext.data.corpus import Corpus

pytestmark = pytest.mark.slow
REPOSITORY = Path(__file__).parent.parent
TASKS = sorted(path.parent.name for path in (REPOSITORY / "recipes").glob("*/train.py"))
SMALL = ["--trainer.max_steps=2", "--trainer.accelerator=cpu"]
DECODE = "--model.decode_sentences=4"
NETWORK = ["--model.network.hidden_size=16", "--model.network.embedding_size=16"]
# Runs commands, each with its standard input. One process imports Lightning once.
RUNNER = """
import io, json, runpy, sys
for words, text in json.load(sys.stdin):
    sys.argv, sys.stdin = words, io.TextIOWrapper(io.BytesIO(text.encode()))
    try:
        if words[0] == "seqtext":
            runpy.run_module("seqtext", run_name="__main__")
        else:
            runpy.run_path(words[0], run_name="__main__")
    except SystemExit as end:
        assert end.code == 0, words
"""


def run(*command: str, site: Path | None = None, text: str = "") -> str:
    """Run a command, with the packages of ``site`` before all others. Return its standard output."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if site:
        env |= {"PYTHONPATH": str(site), "PATH": f"{site / 'bin'}{os.pathsep}{env['PATH']}"}
    done = subprocess.run(
        command, env=env, input=text, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stderr}"
    return done.stdout


def run_all(site: Path, commands: list[tuple[list[str], str]]) -> None:
    """Run commands, each with its standard input, in a process of their own."""
    run(sys.executable, "-c", RUNNER, site=site, text=json.dumps(commands))


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution."""
    folder = tmp_path_factory.mktemp("dist")
    build = "import os, sys; os.chdir(sys.argv[1]); import hatchling.build as b; b.build_sdist(sys.argv[2])"
    run(sys.executable, "-c", build, str(REPOSITORY), str(folder))
    [path] = folder.iterdir()
    return path


@pytest.fixture(scope="session")
def site(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel that the source distribution builds, installed."""
    folder = tmp_path_factory.mktemp("site")
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--target", str(folder)]
    run(sys.executable, "-m", "pip", "install", *options, str(archive))
    return folder


@pytest.mark.skipif(not (REPOSITORY / ".git").exists(), reason="not a checkout")
def test_source_distribution_is_whole(archive: Path) -> None:
    with tarfile.open(archive) as file:
        names = {name.partition("/")[2] for name in file.getnames()}
    tracked = run("git", "-C", str(REPOSITORY), "ls-files").splitlines()
    assert {path for path in tracked if (REPOSITORY / path).exists()} <= names


def test_package_is_found_and_typed(site: Path) -> None:
    program = "import seqtext; print(seqtext.__file__, seqtext.__version__)"
    place, version = run(sys.executable, "-c", program, site=site).split()
    assert Path(place) == site / "seqtext/__init__.py"
    assert run("seqtext", "--version", site=site).strip() == version
    assert (site / "seqtext/py.typed").exists()


def test_commands_of_the_readme(site: Path) -> None:
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    Path("corpus").mkdir()
    for name, split, count in (
        ("train", "train", 240),
        ("dev", "validation", 20),
        ("test", "test", 20),
    ):
        rows = list(Corpus(f"builtin:{split}:{count}", "en", "de").rows())
        for side, texts in zip(("en", "de"), zip(*rows, strict=True), strict=True):
            Path(f"corpus/{name}.{side}").write_text(
                "".join(f"{text}\n" for text in texts), "utf-8"
            )
    write_rows(Path("train.jsonl"), "seqtext.LabelsDataModule", {})
    Path("in.txt").write_text("A dog runs.\nTwo men talk.\n", encoding="utf-8")
    lines = "".join(re.findall(r"```sh\n(.*?)```", readme, re.DOTALL)).splitlines()
    commands = []
    for line in lines:
        if found := re.fullmatch(r'(?:echo "(.*)" \| )?seqtext (.*)', line):
            commands.append((["seqtext", *shlex.split(found[2])], f"{found[1] or ''}\n"))
    assert len(commands) >= 5
    for words, _ in commands:
        if words[1] == "fit":
            recipe = " ".join(words)
            own = ["--data.validation=split:50"] if "classification/" in recipe else [DECODE]
            own += [] if "/builtin" in recipe else ["--data.tokenizer.vocab_size=500"]
            words += [*SMALL, *NETWORK, *own]
    run_all(site, commands)
    assert len(Path("out.txt").read_text(encoding="utf-8").splitlines()) == 2
    [python] = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    assert len(run(sys.executable, "-c", python, site=site).splitlines()) == 2


def write_rows(path: Path, module: str, data: dict[str, Any]) -> None:
    """Write a few rows with the columns that the options of a data module name."""
    pairs = list(Corpus("builtin:train:300", "en", "de").rows())
    columns = (data.get("source", "source"), data.get("target", "target"))
    if module == "seqtext.LabelsDataModule":
        columns = (data.get("text", "text"), data.get("label", "label"))
        pairs = [(text, ("red", "blue", "oos")[len(text) % 3]) for text, _ in pairs]
    elif columns[1] == "2":  # words, and their sounds or forms
        words = sorted({word for text, _ in pairs for word in re.findall(r"\w+", text)})
        inflected = isinstance(columns[0], list)
        rows = [
            f"{word}\t{word}s\tN;PL" if inflected else f"{word}\t{' '.join(word)}" for word in words
        ]
        path.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
        return
    lines = [json.dumps(dict(zip(columns, pair, strict=True))) for pair in pairs]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def run_of(path: Path) -> Path:
    """The folder of a recipe's run."""
    return Path(f"{path.parent.name}-{path.stem}")


def options_of(path: Path) -> list[str]:
    """Write rows for the recipe of a path. Return options that train a small network on them."""
    data = yaml.safe_load(path.read_text(encoding="utf-8"))["data"]
    tokenizer = data["init_args"].get("tokenizer", {})
    characters = tokenizer.get("model_type") == "char"
    numbered = data["init_args"].get("target") == "2"
    run = run_of(path)
    rows = run.with_suffix(".tsv" if numbered else ".jsonl").absolute()
    write_rows(rows, data["class_path"], data["init_args"])
    options = ["fit", "--config", f"recipes/{path.parent.name}/{path.name}", *SMALL]
    options += [f"--data.train={rows}", f"--data.validation={rows}", f"--data.test={rows}"]
    options += ["--run", str(run)]
    if data["class_path"] == "seqtext.PairsDataModule":
        options.append(DECODE)
    if path.stem == "finetune":
        return [*options, "--model.init_from=translation-multi30k", f"--data.compare={rows}"]
    if not characters and "source_model" not in tokenizer:
        options.append("--data.tokenizer.vocab_size=500")
    return [*options, *NETWORK]


def test_recipes_train(site: Path) -> None:
    recipes = site / "seqtext/recipes"
    assert sorted(path.parent.name for path in recipes.glob("*/train.py")) == TASKS
    paths = sorted(recipes.glob("*/*.yaml"), key=lambda path: (path.stem == "finetune", path))
    assert {path.parent.name for path in paths} == set(TASKS)
    run_all(site, [([str(path.parent / "train.py"), *options_of(path)], "") for path in paths])
    for path in paths:
        assert Path(run_of(path), "best.ckpt").exists(), path
