"""Commands decode with the search that a checkpoint brings, where no option overrides it."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import seqtext
from seqtext import EncoderDecoderModule, checkpoint
from seqtext.cli import main, streams
from seqtext.errors import CheckpointError
from seqtext.inference.generator import Generator
from seqtext.inference.hypothesis import texts
from seqtext.search.config import SearchConfig

SOURCES = ["The dog is sleeping.", "My sister has bought a very expensive red car."]
SEARCH: dict[str, Any] = {"beam_size": 2, "length_penalty": 0.0, "max_length": 6}
TOLD = "search: beam_size 2, length_penalty 0.0, max_length 6 of the checkpoint; options override\n"

Store = Callable[..., Path]


@pytest.fixture
def store(trained: Path, tmp_path: Path) -> Store:
    """Write a checkpoint that brings this search."""

    def write(name: str = "stored.ckpt", **search: Any) -> Path:
        content = torch.load(trained / "best.ckpt", weights_only=True)
        assert content["seqtext"]["search"] == {}  # defaults are left out
        content["seqtext"]["search"] = search
        checkpoint.add_digest(content)
        torch.save(content, tmp_path / name)
        return tmp_path / name

    return write


@pytest.fixture
def source() -> str:
    Path("in.txt").write_text("".join(f"{text}\n" for text in SOURCES))
    return "--input=in.txt"


def test_python_decodes_with_it(store: Store, trained: Path) -> None:
    plain, stored = seqtext.load_generator(trained), seqtext.load_generator(store(**SEARCH))
    assert stored.searches == [SearchConfig(**SEARCH)]
    expected = plain.generate(SOURCES, **SEARCH)
    assert stored.generate(SOURCES) == expected != plain.generate(SOURCES)
    overridden = {**SEARCH, "max_length": None}
    assert stored.generate(SOURCES, max_length=None) == plain.generate(SOURCES, **overridden)


def test_commands_decode_with_it_and_say_so(
    store: Store, trained: Path, source: str, capsys: Any
) -> None:
    stored, options = str(store(**SEARCH)), [f"--{name}={value}" for name, value in SEARCH.items()]
    for command in (
        ["generate", source, "--format=jsonl"],
        ["explain", source],
        ["test", "--data.test=builtin:test:20", "--output=o"],
    ):
        name, *rest = command
        assert main([name, stored, *rest]) == 0
        used = capsys.readouterr()
        assert main([name, str(trained), *rest, *options]) == 0
        typed = capsys.readouterr()
        assert used.out == typed.out
        assert TOLD in used.err and "search:" not in typed.err
    assert "beam 2, length_penalty 0.0, max_length 6;" in used.err


def test_an_option_overrides_one_value(store: Store, trained: Path, source: str, capsys) -> None:
    assert main(["generate", str(store(**SEARCH)), source, "--max_length=9"]) == 0
    used = capsys.readouterr()
    assert "search: beam_size 2, length_penalty 0.0 of the checkpoint" in used.err
    words = ["--beam_size=2", "--length_penalty=0", "--max_length=9"]
    assert main(["generate", str(trained), source, *words]) == 0
    assert capsys.readouterr().out == used.out
    assert main(["generate", str(store(**SEARCH)), source, *words]) == 0
    assert "search:" not in capsys.readouterr().err  # nothing is left of the checkpoint's
    assert main(["generate", str(store(**SEARCH)), source, "--n_best=3"]) == 0
    used = capsys.readouterr()
    assert "beam_size 2 of the checkpoint contradicts the options" in used.err
    assert "search: length_penalty 0.0, max_length 6 of the checkpoint;" in used.err
    words = ["--beam_size=5", "--length_penalty=0", "--max_length=6", "--n_best=3"]
    assert main(["generate", str(trained), source, *words]) == 0
    assert capsys.readouterr().out == used.out
    assert main(["generate", str(store(**SEARCH)), source, "--n_best=9"]) == 2
    assert "--n_best: 9, expected at most beam_size, which is 2" in capsys.readouterr().err


def test_none_is_no_limit(store: Store, trained: Path, source: str, capsys: Any) -> None:
    assert main(["generate", str(store(**SEARCH)), source, "--max_length=none"]) == 0
    used = capsys.readouterr()
    assert "search: beam_size 2, length_penalty 0.0 of the checkpoint" in used.err
    words = ["--beam_size=2", "--length_penalty=0"]
    assert main(["generate", str(trained), source, *words]) == 0
    assert capsys.readouterr().out == used.out


def test_two_processes_decode_with_it(store: Store, source: str, capfd: Any) -> None:
    stored = str(store(**SEARCH))
    outputs = []
    for devices in ("1", "2"):
        assert main(["generate", stored, source, f"--devices={devices}", "--batch_size=1"]) == 0
        outputs.append(capfd.readouterr().out)
    assert outputs[0] == outputs[1]


def test_an_ensemble_decodes_with_the_first_ones(store: Store, source: str, capsys: Any) -> None:
    first, other = str(store(**SEARCH)), str(store("other.ckpt", beam_size=4))
    assert seqtext.load_generator([first, other]).searches[0] == SearchConfig(**SEARCH)
    assert main(["generate", first, other, source]) == 0
    told = capsys.readouterr().err
    assert "max_length 6 of the first checkpoint" in told and f"differ in it, and {first}" in told
    assert main(["generate", first, first, source]) == 0
    assert "differ" not in capsys.readouterr().err


def test_an_interrupted_output_is_of_the_search_that_is_used(
    store: Store, source: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """The same search by an option or by the checkpoint continues it, another search does not."""
    stored = str(store(**SEARCH))
    monkeypatch.setattr(streams, "_FIRST", 1)
    search, calls = Generator.search, []

    def interrupt_the_second(self: Generator, *arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 2:
            signal.raise_signal(signal.SIGINT)
        return search(self, *arguments)

    monkeypatch.setattr(Generator, "search", interrupt_the_second)
    command = ["generate", stored, source, "--output=out.txt"]
    assert main(command) != 0
    assert "to 1 lines are kept" in capsys.readouterr().err
    assert main([*command, "--resume", "--max_length=7"]) == 2
    assert "other options" in capsys.readouterr().err
    assert main([*command, "--resume", "--max_length=6"]) == 0
    expected = texts(seqtext.load_generator(stored).generate(SOURCES))
    assert Path("out.txt").read_text().splitlines() == expected


def test_a_classifier_has_no_search(finished: Callable[..., Path], capsys: Any) -> None:
    options = ["--data.train=rows.csv", "--data.validation=rows.csv", "--trainer.max_epochs=1"]
    Path("rows.csv").write_text("text,label\n" + "good,a\nbad,b\n" * 8)
    small = ["--model.network.hidden_size=8", "--model.network.embedding_size=8"]
    labels = ["--data.text=text", "--data.label=label", "--trainer.accelerator=cpu"]
    assert main(["fit", *options, *labels, *small, "--run=c"]) == 0
    assert main(["test", "c", "--data.test=rows.csv"]) == 0
    assert main(["test", "c", "--data.test=rows.csv", "--beam_size=5"]) == 2
    assert "--beam_size: is of a model that generates text" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("search", "told"),
    [
        ({"beam_size": 0}, "beam_size: 0, expected at least 1"),
        ({"beam_size": "3"}, "seqtext.search.beam_size: found '3'"),
        ({"n_best": 3}, "search.n_best: 3"),
        ({"newer": 3}, "unknown field 'newer'; a newer version"),
        ({"min_words": 3, "max_words": 2}, "max_words: 2"),
    ],
)
def test_a_wrong_search_in_a_file_is_refused(store: Store, search: Any, told: str) -> None:
    with pytest.raises(CheckpointError) as refused:
        seqtext.load(store(**search))
    assert told in str(refused.value)


# --- training -------------------------------------------------------------------------------------------


def test_training_stores_it_and_a_child_inherits_it(tiny: list[str], capsys: Any) -> None:
    brief = [*tiny, "--trainer.max_epochs=1", "--data.train=builtin:train:48"]
    own = ["--model.search.beam_size=2", "--model.search.max_length=6"]
    assert main(["fit", *brief, *own, "--run=a"]) == 0
    assert "greedy search" in capsys.readouterr().err  # of validation, as without the options
    stored = SearchConfig(beam_size=2, max_length=6)
    assert checkpoint.load("a").search == checkpoint.load("a/last.ckpt").search == stored
    module = EncoderDecoderModule.load_from_checkpoint("a")
    assert module.search == stored
    batch = module.predict_step(SOURCES, 0)
    assert batch == texts(seqtext.load_generator("a").generate(SOURCES))
    changed = EncoderDecoderModule.load_from_checkpoint("a", search={"beam_size": 4})
    assert changed.search == SearchConfig(beam_size=4, max_length=6)

    inherits = [option for option in brief if "tokenizer" not in option and "network" not in option]
    override = ["--model.init_from=a", "--model.search.beam_size=3"]
    assert main(["fit", *inherits, *override, "--run=b"]) == 0
    assert "from it" in (told := capsys.readouterr().err) and "search.max_length 6" in told
    assert checkpoint.load("b").search == SearchConfig(beam_size=3, max_length=6)
    assert main(["fit", "--resume=b", "--trainer.max_epochs=2"]) == 0
    assert checkpoint.load("b/last.ckpt").search == SearchConfig(beam_size=3, max_length=6)
    parts = ["--model.init_from=a", "--model.init_parts=encoder", "--run=c"]
    assert main(["fit", *brief, *parts]) == 0
    assert "search.beam_size 2" in capsys.readouterr().err
    assert checkpoint.load("c").search == stored


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ("beam_size=0", "model.search.beam_size: 0"),
        ("n_best=3", "model.search.n_best: 3"),
        ("max_length=0", "model.search.max_length: 0"),
        ("bem_size=3", "did you mean --model.search.beam_size?"),
    ],
)
def test_training_refuses_a_wrong_search(tiny: list[str], option: str, told: str, capsys) -> None:
    assert main(["fit", *tiny, f"--model.search.{option}", "--run=r"]) == 2
    assert told in capsys.readouterr().err
    assert not Path("r").exists()
