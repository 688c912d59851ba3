"""Old names of options on the command line, in configurations and in runs that resume."""

from __future__ import annotations

import shutil
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from seqtext.cli import main
from seqtext.cli.fit import PRESET
from seqtext.cli.fit_options import flatten
from seqtext.cli.options import own_options, parse
from seqtext.errors import ConfigError
from seqtext.renames import FIT, FLAGS

TRAIN = "--data.train=builtin:train:20"
OWN_DATA = """
from seqtext import PairsDataModule

class Data(PairsDataModule):
    def __init__(self, train: str, temperature: float = 0.5) -> None:
        super().__init__(train)
"""


def parsed(*words: str) -> dict[str, object]:
    """The options of ``fit``, by dotted name."""
    own, arguments = own_options([TRAIN, *words], PRESET)
    return flatten(parse(arguments, PRESET, own.trusted).config.as_dict())


def message(old: str, new: str) -> str:
    return f"{old} is now {new}; the old name works until version 0.3\n"


@pytest.mark.parametrize("command", FLAGS)
def test_new_flags_exist_and_old_ones_are_no_flags(command: str) -> None:
    flags = import_module(f"seqtext.cli.{command}").parser().format_help()
    for old, new in FLAGS[command].items():
        assert f"--{new} " in flags and f"--{old} " not in flags


def test_new_options_of_fit_exist() -> None:
    assert parsed().keys() >= {*FIT.values()} - {"model.optimizer.learning_rate_factors"}


def test_an_old_flag_works_and_is_told_once(
    trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("in.txt").write_text("The dog sleeps.\n")
    command = ["generate", str(trained), "--input=in.txt", "--output"]
    assert main([*command, "new", "--max_length_ratio=1", "--no_repeat_ngram_size=2"]) == 0
    assert "is now" not in capsys.readouterr().err
    old = ["--max_ratio=9", "--max_ratio", "1", "--no_repeat_ngram=2"]
    assert main([*command, "old", *old]) == 0
    told = capsys.readouterr().err
    assert told.count("is now") == 2
    assert message("--max_ratio", "--max_length_ratio") in told
    assert message("--no_repeat_ngram", "--no_repeat_ngram_size") in told
    assert Path("old").read_text() == Path("new").read_text()


def test_old_flags_of_test(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["test", str(trained), "--data.test=builtin:test:3"]
    assert main([*command, "--task=transduction", "--symbol_unit=words", "--examples=1"]) == 0
    new = capsys.readouterr()
    assert main([*command, "--metrics=transduction", "--symbols", "words", "--show=1"]) == 0
    old = capsys.readouterr()
    assert old.out == new.out
    for names in (("metrics", "task"), ("symbols", "symbol_unit"), ("show", "examples")):
        assert message(*(f"--{name}" for name in names)) in old.err


def test_what_follows_two_hyphens_is_no_flag(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["generate", "--", "--max_ratio"]) == 2
    assert "is now" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "old", "value"),
    [
        (["--data.temperature=2"], "data.temperature", 2.0),
        (["--data.init_args.processes", "2"], "data.processes", 2),
        (["--selection.average=1", "--selection.average=2"], "selection.average", 2),
        (["--selection={average: 2}"], "selection.average", 2),
        (["--model.optimizer.final_share", "0.5"], "model.optimizer.final_share", 0.5),
        (["--model.optimizer", "{final_share: 0.5}"], "model.optimizer.final_share", 0.5),
    ],
)
def test_old_words_of_fit(
    words: list[str], old: str, value: object, capsys: pytest.CaptureFixture[str]
) -> None:
    assert parsed(*words)[FIT[old]] == value
    told = capsys.readouterr().err
    assert message(old, FIT[old]) in told.replace("--", "") and told.count("is now") == 1


@pytest.mark.parametrize(
    "word",
    ["--model.optimizer.part_rates={encoder: 0.5}", "--model.optimizer.part_rates.encoder=0.5"],
)
def test_an_old_name_of_a_mapping(word: str) -> None:
    assert parsed(word)["model.optimizer.learning_rate_factors.encoder"] == 0.5


def test_a_configuration_with_old_names(capsys: pytest.CaptureFixture[str]) -> None:
    tree = {
        "data": {"init_args": {"temperature": 2.0, "tokenizer": {"symbols": ["\\a", "é", "1"]}}},
        "model": {"init_args": {"optimizer": {"part_rates": {"encoder": 0.5}, "eps": 1e-9}}},
        "selection": {"average": 2, "patience": None},
    }
    Path("old.yaml").write_text(yaml.safe_dump(tree))
    options = parsed("--config=old.yaml", "--selection.average_best=3")
    told = capsys.readouterr().err
    assert options["data.sampling_temperature"] == 2
    assert options["data.tokenizer.symbols"] == ("\\a", "é", "1")
    assert options["model.optimizer.learning_rate_factors.encoder"] == 0.5
    assert options["model.optimizer.eps"] == 1e-9
    assert options["selection.average_best"] == 3
    for old in ("data.temperature", "model.optimizer.part_rates", "selection.average"):
        assert f"--config old.yaml: {message(old, FIT[old])}" in told
    assert told.count("is now") == 3


def test_both_names_in_a_configuration() -> None:
    with pytest.raises(ConfigError, match=r"selection\.average: is given as .*average_best, too"):
        parsed("--config={selection: {average: 2, average_best: 3}}")


def test_options_of_an_own_class_keep_their_names(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("owndata.py").write_text(OWN_DATA)
    monkeypatch.syspath_prepend(".")
    words = ["--trust=owndata", "--data=owndata.Data", "--data.temperature=0.25"]
    assert parsed(*words)["data.temperature"] == 0.25
    assert "is now" not in capsys.readouterr().err
    monkeypatch.delitem(sys.modules, "owndata")


def test_a_preset_with_old_names(capsys: pytest.CaptureFixture[str]) -> None:
    classes: Any = PRESET["data"]
    data = {**classes, "init_args": {"temperature": 2.0}}
    preset = {"data": data, "selection.average": 2}
    assert main(["fit", TRAIN, "--print_config"], preset=preset) == 0
    shown = capsys.readouterr()
    printed = yaml.safe_load(shown.out)
    assert printed["data"]["init_args"]["sampling_temperature"] == 2
    assert printed["selection"]["average_best"] == 2
    assert message("data.temperature", "data.sampling_temperature") in shown.err


def test_help_shows_the_new_names(capsys: pytest.CaptureFixture[str]) -> None:
    for option in ("--model.help", "--data.help"):
        assert main(["fit", option]) == 0
    shown = capsys.readouterr().out
    for old, new in FIT.items():
        if not old.startswith("selection."):
            assert f"--{new} " in shown.replace(".init_args", "") and f"--{old} " not in shown


def test_a_run_of_an_earlier_version_resumes(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(trained, "r")
    config = Path("r/config.yaml")
    text = config.read_text()
    saved = FIT.keys() - {"data.temperature"}  # which is null, and left out
    for old in saved:
        before, after = (f" {name.rpartition('.')[2]}:" for name in (FIT[old], old))
        assert text.count(before) == 1
        text = text.replace(before, after)
    config.write_text(text)
    assert main(["fit", "--resume", "r", "--trainer.max_epochs=3"]) == 0
    told = capsys.readouterr().err
    for old in saved:
        assert told.count(f"--resume r: {config}: {message(old, FIT[old])}") == 1
    assert [line for line in told.splitlines() if " is now " in line and ", was " in line] == [
        "resume: trainer.max_epochs is now 3, was 2"
    ]
