"""The runtime without PyTorch gives what seqtext gives."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import seqtext_runtime
from seqtext_runtime import RuntimeModelError
from seqtext_runtime.cli import OWN
from seqtext_runtime.cli import main as run
from seqtext_runtime.options import ELSEWHERE, Decision, Search
from seqtext_runtime.search import largest

import seqtext
from seqtext.cli import main
from seqtext.inference.config import DecisionConfig
from seqtext.search.config import SearchConfig

Make = Callable[..., Path]
SOURCES = [
    "The dog is sleeping.",
    "",
    "My sister has bought a very expensive red car.",
    "  ",
    "Ω≠ sees the ☃☃ cat.",
    "We will not read the books that the children have seen.",
    "No.",
]


def compare(path: Path, folder: Path, sources: list[str] = SOURCES, **options: Any) -> None:
    own = seqtext.load_generator(path).generate(sources, **options)
    other = seqtext_runtime.load(folder)
    assert isinstance(other, seqtext_runtime.Generator)
    for ours, theirs in zip(own, other.generate(sources, **options), strict=True):
        assert [(each.text, each.ids, each.pieces, each.at_limit) for each in ours] == [
            (each.text, each.ids, each.pieces, each.at_limit) for each in theirs
        ]
        for name in ("score", "log_prob"):
            expected = [getattr(each, name) for each in ours]
            np.testing.assert_allclose(
                [getattr(each, name) for each in theirs], expected, rtol=1e-4
            )


OPTIONS: list[dict[str, Any]] = [
    {"beam_size": 1},
    {"beam_size": 5, "n_best": 5},
    {"beam_size": 3, "n_best": 3, "length_penalty": 0.3, "length_formula": "wu"},
    {"beam_size": 4, "n_best": 2, "min_length": 4, "max_length": 9},
    {"beam_size": 1, "min_length": 3, "max_length": 3},
    {"beam_size": 4, "min_length_ratio": 0.7, "max_length_ratio": 1.3},
    {"beam_size": 1, "no_repeat_ngram_size": 1, "max_length": 12},
    {"beam_size": 4, "n_best": 4, "no_repeat_ngram_size": 2, "batch_size": 2},
    {"beam_size": 4, "n_best": 4, "coverage_penalty": 0.4},
    {"beam_size": 1, "coverage_penalty": 0.4, "coverage_formula": "repetition"},
    {"beam_size": 40, "n_best": 40, "max_length": 5},
    {"beam_size": 300, "max_length": 2},
]


def test_search_gives_the_same(generator: Make, export: Make) -> None:
    path = generator()
    folder = export(path)
    for options in OPTIONS:
        compare(path, folder, **options)
    assert any(each.text for own in seqtext.load_generator(path).generate(SOURCES) for each in own)


def test_a_trained_model_gives_the_same(trained: Path, export: Make) -> None:
    folder = export(trained)
    for options in OPTIONS:
        compare(trained, folder, **options)


def test_words_that_no_vocabulary_has_are_copied(generator: Make, export: Make) -> None:
    path = generator(copying=True, input_feeding=True, coverage=True)
    folder = export(path)
    sources = [*SOURCES, "☃☃", "Ω≠ ∞ ☃☃ Ω≠"]
    for options in OPTIONS:
        compare(path, folder, sources, **options)
    model = seqtext_runtime.load(folder)
    assert isinstance(model, seqtext_runtime.Generator)
    outputs = model.generate(sources, beam_size=5, n_best=5)
    assert any("☃☃" in each.text for each in outputs[-2])


def test_the_search_of_the_checkpoint_is_the_default(generator: Make, export: Make) -> None:
    path = generator(search={"beam_size": 2, "min_length": 5, "max_length": 6}, limit=4)
    folder = export(path)
    compare(path, folder)
    compare(path, folder, n_best=2)
    compare(path, folder, max_length=4)  # the stored minimum gives way
    compare(path, folder, beam_size=1)


def test_results_know_nothing_of_their_batch(generator: Make, export: Make) -> None:
    model = seqtext_runtime.load(export(generator(), "--precision=int8"))
    assert isinstance(model, seqtext_runtime.Generator)
    together = model.generate(SOURCES)
    for source, hypotheses in zip(SOURCES, together, strict=True):
        assert [each.ids for each in model.generate([source])[0]] == [
            each.ids for each in hypotheses
        ]


@pytest.mark.parametrize("several", [True, False])
def test_classifiers_give_the_same(classifier: Make, export: Make, several: bool) -> None:
    path = classifier({"several": True} if several else {"out_of_scope": "oos"}, character_ngrams=3)
    own, other = seqtext.load_classifier(path), seqtext_runtime.load(export(path))
    assert isinstance(other, seqtext_runtime.Classifier)
    for options in ({}, {"top_k": 3}, {"threshold": 0.9}, {"threshold": 0.0, "batch_size": 2}):
        pairs = zip(
            own.classify(SOURCES, **options), other.classify(SOURCES, **options), strict=True
        )
        for ours, theirs in pairs:
            assert ours.labels == theirs.labels
            assert [name for name, _ in ours.top] == [name for name, _ in theirs.top]
            np.testing.assert_allclose(ours.probabilities, theirs.probabilities, atol=1e-5)


# --- the command ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--beam_size=1", "--scores"],
        ["--n_best=3", "--beam_size=4"],
        ["--format=jsonl", "--n_best=2"],
    ],
)
def test_the_command_writes_what_generate_writes(
    generator: Make, export: Make, options: list[str]
) -> None:
    path = generator(search={"max_length": 12})
    folder = export(path)
    Path("in.txt").write_bytes("\n".join(SOURCES).encode())
    files = "--input=in.txt", "--output=own.txt"
    assert main(["generate", str(path), *files, *options]) == 0
    assert run([str(folder), "--input=in.txt", "--output=other.txt", *options]) == 0
    own, other = Path("own.txt").read_text(), Path("other.txt").read_text()
    if "jsonl" not in options[0] if options else True:
        assert own == other
        return
    for ours, theirs in zip(own.splitlines(), other.splitlines(), strict=True):
        left, right = json.loads(ours), json.loads(theirs)
        assert left.keys() == right.keys() and left["source"] == right["source"]
        for a, b in zip(left["hypotheses"], right["hypotheses"], strict=True):
            assert a.keys() == b.keys() and a["pieces"] == b["pieces"]


def test_none_undoes_a_stored_limit(generator: Make, export: Make) -> None:
    path = generator(search={"max_length": 3, "max_length_ratio": 0.5})
    folder = export(path)
    Path("in.txt").write_bytes("\n".join(SOURCES).encode())
    written = []
    for limits in ([], ["--max_length=none"], ["--max_length=none", "--max_length_ratio=NULL"]):
        files = "--input=in.txt", "--output=own.txt"
        assert main(["generate", str(path), *files, *limits]) == 0
        assert run([str(folder), "--input=in.txt", "--output=other.txt", *limits]) == 0
        written.append(Path("own.txt").read_text())
        assert written[-1] == Path("other.txt").read_text()
    assert len({*written}) == 3


@pytest.mark.parametrize("options", [[], ["--top_k=2"], ["--threshold=0.5"], ["--threshold=none"]])
def test_the_command_writes_what_classify_writes(
    classifier: Make, export: Make, options: list[str]
) -> None:
    path = classifier({"out_of_scope": "oos"})
    folder = export(path)
    Path("in.txt").write_text("".join(f"{text}\n" for text in SOURCES))
    assert main(["classify", str(path), "--input=in.txt", "--output=own.txt", *options]) == 0
    assert run([str(folder), "--input=in.txt", "--output=other.txt", *options]) == 0
    assert Path("own.txt").read_text() == Path("other.txt").read_text()


def test_a_pipe_gets_its_answers_and_no_torch_is_loaded(
    generator: Make, export: Make, repository: Path
) -> None:
    path = generator(search={"max_length": 12})
    program = (
        "import sys; from seqtext_runtime.cli import main; status = main(sys.argv[1:]);"
        "print(*sys.modules, file=sys.stderr); sys.exit(status)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(export(path))], text=True, cwd=repository / "runtime",
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin and process.stdout and process.stderr
    [[best]] = seqtext.load_generator(path).generate(SOURCES[:1])
    for _ in range(2):
        process.stdin.write(f"{SOURCES[0]}\n")
        process.stdin.flush()
        assert process.stdout.readline() == f"{best.text}\n"
    process.stdin.close()
    told = process.stderr.read()
    process.stdout.close()
    process.stderr.close()
    assert process.wait(60) == 0
    assert not {"torch", "seqtext", "onnx", "google", "sympy"} & set(told.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--samples=3"],
            "no option 'samples'. seqtext has it, this runtime has not; there are beam_size",
        ),
        (["--beam=3"], "no option 'beam'; there are"),
        (["--beam_size=0"], "beam_size: 0, expected a whole number from 1 to 1,000"),
        (["--n_best=3", "--beam_size=2"], "n_best: 3, expected at most beam_size, which is 2"),
        (["--max_length=3", "--min_length=4"], "max_length: 3, expected at least min_length"),
        (["--length_formula=gnmt"], "--length_formula: invalid choice"),
        (["--input=missing.txt"], "--input missing.txt: no such file"),
        (["--threads=0"], "threads: 0, expected at least 1"),
        (["--threshold=0.5"], "no option 'threshold'"),
    ],
)
def test_the_command_refuses(
    generator: Make, export: Make, capsys: Any, arguments: list[str], message: str
) -> None:
    folder = export(generator())
    capsys.readouterr()
    assert run([str(folder), *arguments]) == 2
    assert message in capsys.readouterr().err


def test_what_is_no_model_is_refused(generator: Make, export: Make, capsys: Any) -> None:
    Path("empty").mkdir()
    for name in ("empty", "missing"):
        assert run([name]) == 2
        assert f"{name}: no folder of an exported model" in capsys.readouterr().err
    folder = export(generator())
    content = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**content, "format": 2}))
    with pytest.raises(RuntimeModelError, match="has the format 2, and this runtime reads 1"):
        seqtext_runtime.load(folder)
    (folder / "config.json").write_text(json.dumps(content))
    (folder / "step.onnx").write_bytes(b"nothing")
    with pytest.raises(RuntimeModelError, match=r"step\.onnx: cannot be loaded"):
        seqtext_runtime.load(folder)


def test_texts_are_checked(generator: Make, export: Make) -> None:
    model = seqtext_runtime.load(export(generator()))
    assert isinstance(model, seqtext_runtime.Generator)
    for sources, message in (
        ("text", "expected a list"),
        ([1], r"sources\[0\]"),
        (["\ud800"], "half"),
    ):
        with pytest.raises(RuntimeModelError, match=message):
            model.generate(sources)  # type: ignore[arg-type]
    with pytest.raises(RuntimeModelError, match="no option 'samples'"):
        model.generate(SOURCES, samples=3)


# --- what both packages say -----------------------------------------------------------------------------


@pytest.mark.parametrize(("own", "other"), [(SearchConfig, Search), (DecisionConfig, Decision)])
def test_options_have_the_same_names_and_defaults(own: Any, other: Any) -> None:
    ours, theirs = vars(own()), vars(other())
    assert theirs.pop("batch_size") < ours["batch_size"]
    assert theirs.items() <= ours.items()


def test_every_option_of_seqtext_is_known_by_name(capsys: Any) -> None:
    """Each is here, or a message says that only seqtext has it."""
    there = set[str]()
    for command in ("generate", "classify"):
        assert main([command, "--help"]) == 0
        there |= set(re.findall(r"^  --(\w+)", capsys.readouterr().out, re.MULTILINE))
    here = {field.name for kind in (Search, Decision) for field in dataclasses.fields(kind)}
    assert len(there) > 40
    only_in_python = {"constraints", "rules"}
    assert there - here - {*OWN} == {*ELSEWHERE} - only_in_python
    assert not here & {*ELSEWHERE}


def test_both_packages_have_one_version(repository: Path) -> None:
    files = repository / "pyproject.toml", repository / "runtime" / "pyproject.toml"
    own, other = (tomllib.loads(file.read_text(encoding="utf-8"))["project"] for file in files)
    assert own["version"] == other["version"] == seqtext_runtime.__version__
    assert own["requires-python"] == other["requires-python"]


@pytest.mark.parametrize("size", [7, 64, 130])
def test_the_largest_are_found(size: int) -> None:
    values = np.random.default_rng(1).standard_normal((3, 4, size)).astype(np.float32)
    scores = np.random.default_rng(2).standard_normal((3, 4)).astype(np.float32)
    totals = (values + scores[:, :, None]).reshape(3, -1)
    for count in (1, 5, 12):
        best, places = largest(values, scores, count)
        expected = np.sort(totals, 1)[:, ::-1][:, :count]
        np.testing.assert_array_equal(best, expected)
        np.testing.assert_array_equal(np.take_along_axis(totals, places, 1), expected)
