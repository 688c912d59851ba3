"""``seqtext recipes`` and ``seqtext fit --recipe``: recipes by name, from any folder."""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from seqtext.cli import main
from seqtext.cli.fit import PRESET
from seqtext.cli.options import own_options, parse
from seqtext.cli.recipe_files import find_recipe, list_recipes

NAMES = [recipe.name for recipe in list_recipes()]
README_ROW = re.compile(r"\| `(\w+/\w+)` \| (\D*)([\d.]+)")


def test_every_recipe_is_listed(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = {path.relative_to(repository) for path in repository.glob("recipes/*/*.yaml")}
    assert {f"recipes/{name}.yaml" for name in NAMES} == {path.as_posix() for path in files}
    assert main(["recipes"]) == 0
    blocks = capsys.readouterr().out.split("\n\n")
    assert len(blocks) == len(NAMES)
    for block, recipe in zip(blocks, list_recipes(), strict=True):
        name, corpus, needs, score = block.strip().split("\n")
        assert name == recipe.name and corpus.strip() == recipe.corpus
        assert needs.startswith("    needs: ") and score.startswith("    score: ")


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_is_printed_as_it_is(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recipes", name]) == 0
    printed = capsys.readouterr().out
    assert printed == find_recipe(name, name).path.read_text(encoding="utf-8")
    assert yaml.safe_load(printed)["data"]


@pytest.mark.parametrize("recipe", list_recipes(), ids=lambda recipe: recipe.name)
def test_a_recipe_says_which_corpora_it_needs(recipe) -> None:
    """Each corpus comes from the user, from the hub or from the grammar."""
    data, needs = yaml.safe_load(recipe.text)["data"]["init_args"], recipe.entries["Needs"]
    for option in {"train", "validation", "test"} & data.keys():
        ours = data[option].startswith(("builtin:", "split:"))
        assert ours or f"--data.{option}" in needs or "the hub" in needs


def test_the_readme_has_the_scores_of_the_recipes(repository: Path) -> None:
    rows = README_ROW.findall((repository / "README.md").read_text(encoding="utf-8"))
    assert len(rows) > 5
    for name, score, value in rows:
        assert f"{score}{value}" in find_recipe(name, name).entries["Score"]


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("banking77", "classification/banking77"),
        ("recipes/translation/builtin.yaml", "translation/builtin"),
        ("clasification/trec", "classification/trec"),
        ("multi30", "translation/multi30k"),
        ("zzz", None),
    ],
)
def test_an_unknown_recipe(name: str, near: str, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["recipes", name], ["fit", "--recipe", name]):
        assert main(words) == 2
        told = capsys.readouterr().err
        assert f"{name}: no such recipe" in told and told.count("\n") == 1
        assert (f"did you mean {near}?" if near else "seqtext recipes lists them") in told


def test_a_recipe_is_its_configuration_and_options_override_it(repository: Path) -> None:
    def parsed(*words: str) -> dict[str, Any]:
        own, rest = own_options([*words, "--data.train=mine.jsonl"], PRESET)
        return {**parse(rest, PRESET, own.trusted).config.as_dict(), "config": None}

    config = "--config={trainer: {max_epochs: 3}}"
    name = "classification/banking77"
    by_name = parsed(config, "--recipe", name)
    assert by_name == parsed("--config", str(repository / f"recipes/{name}.yaml"), config)
    assert by_name["trainer"]["max_epochs"] == 3
    assert by_name["data"]["init_args"]["train"] == "mine.jsonl"


def test_a_recipe_trains_below_its_task() -> None:
    small = ["--data.train=builtin:train:240", "--data.validation=builtin:validation:4"]
    small += [
        "--data.tokenizer.vocab_size=400",
        "--trainer.max_steps=1",
        "--trainer.accelerator=cpu",
    ]
    assert main(["fit", "--recipe=summarization/builtin", *small]) == 0
    saved = yaml.safe_load(Path("runs/summarization/001/config.yaml").read_text())
    assert saved["model"]["init_args"]["task"] == "summarization"


def test_a_script_takes_the_recipes_of_its_task(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["fit", "--recipe", "classification/trec", "--print_config"]
    monkeypatch.setattr(sys, "argv", ["train.py", *words])
    for task, status in (("classification", 0), ("translation", 2)):
        with pytest.raises(SystemExit) as stopped:
            runpy.run_path(str(repository / f"recipes/{task}/train.py"), run_name="__main__")
        assert stopped.value.code == status
    told = capsys.readouterr().err
    assert "--recipe classification/trec: " in told and "presets options of translation" in told
