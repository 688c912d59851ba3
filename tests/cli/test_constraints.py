"""Options that say what outputs must be: files, columns, pipes, several processes, and their mistakes."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

import seqtext
from seqtext.cli import generate, main
from seqtext.cli.constraints import read_constraints
from seqtext.cli.row_constraints import source_constraints
from seqtext.cli.streams import open_input
from seqtext.data.tokenizer import Tokenizer, TokenizerConfig
from seqtext.errors import ConfigError

SOURCES = ["The dog sleeps.", "I see a green tree.", "The cat runs.", "We have two houses."]
DOCUMENT = Path(__file__).parents[2] / "docs" / "decoding.md"


@pytest.fixture
def files(trained: Path) -> Path:
    """Files of options, in the folder where commands run."""
    texts = {
        "in.txt": SOURCES,
        "banned.txt": ["e", "en"],
        "outputs.txt": ["Der Hund", "Die Katze"],
        "terms.tsv": ["dog\tWolf", "green tree\tWald"],
        "prefixes.txt": ["Ein ", "", "Die", ""],
        "required.txt": ["Wolf\tder Wald", "", "Katze", ""],
        "in.tsv": ["en\tbegun\tphrases", *(f"{source}\tEr \tWolf|Wald" for source in SOURCES)],
    }
    for name, lines in texts.items():
        Path(name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    rows = [{"en": source, "begun": None, "phrases": ["Wolf"]} for source in SOURCES]
    Path("in.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return trained


def outputs(capsys: pytest.CaptureFixture[str], run: Path, *options: str) -> list[str]:
    capsys.readouterr()
    assert main(["generate", str(run), "--max_length", "12", *options]) == 0
    return capsys.readouterr().out.split("\n")[:-1]


OPTIONS: dict[str, tuple[list[str], dict[str, Any]]] = {
    "shared": (
        ["--prefix", "Er", "--banned", "banned.txt", "--banned_any_case"],
        {"prefix": "Er", "banned": ["e", "en"], "banned_any_case": True},
    ),
    "outputs": (["--outputs", "outputs.txt"], {"outputs": ["Der Hund", "Die Katze"]}),
    "terminology": (
        ["--terminology", "terms.tsv"],
        {"terminology": {"dog": "Wolf", "green tree": "Wald"}},
    ),
    "of sources": (
        ["--prefixes", "prefixes.txt", "--required", "required.txt"],
        {
            "prefixes": ["Ein ", "", "Die", ""],
            "required": [["Wolf", "der Wald"], [], ["Katze"], []],
        },
    ),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_files_say_the_same_as_python(
    files: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    words, options = OPTIONS[name]
    found = seqtext.load_generator(files).generate(SOURCES, max_length=12, **options)
    expected = [best.text for [best] in found]
    assert outputs(capsys, files, "--input", "in.txt", *words) == expected
    assert outputs(capsys, files, "--input", "in.txt", *words, "--devices", "2") == expected
    plain = outputs(capsys, files, "--input", "in.txt")
    assert plain != expected


@pytest.mark.parametrize("name", ["in.tsv", "in.jsonl"])
def test_columns(files: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    words = ["--prefix_column", "begun", "--required_column", "phrases"]
    found = outputs(capsys, files, "--input", name, *words)
    assert len(found) == 4
    for text in found:
        assert re.search(r"\bWolf\b", text)
        assert name == "in.jsonl" or (text.startswith("Er ") and re.search(r"\bWald\b", text))


def test_test_and_explain_take_what_all_sources_share(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", str(files), "--input", "in.txt", "--outputs", "outputs.txt"]) == 0
    shown = [line for line in capsys.readouterr().out.split("\n") if line.startswith("-> ")]
    assert set(shown) <= {"-> Der Hund", "-> Die Katze"} and len(shown) == 4
    rows = "".join(f"{source}\tDer Hund\n" for source in SOURCES)
    Path("test.tsv").write_text(f"en\tde\n{rows}")
    options = ["--data.test", "test.tsv", "--outputs", "outputs.txt", "--output", "out.txt"]
    assert main(["test", str(files), *options]) == 0
    assert set(Path("out.txt").read_text().splitlines()) <= {"Der Hund", "Die Katze"}


def interrupt(monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    """Run a command that is interrupted after two answers."""
    with monkeypatch.context() as patch:
        search, calls = seqtext.Generator.search, []

        def stopped(*arguments: Any) -> Any:
            calls.append(1)
            if len(calls) == 2:
                raise KeyboardInterrupt
            return search(*arguments)

        patch.setattr("seqtext.cli.streams._FIRST", 2)
        patch.setattr(seqtext.Generator, "search", stopped)
        assert main(words) != 0


@pytest.mark.parametrize(
    ("option", "text", "changed"),
    [
        ("prefixes", "Ein \n\nDie\n\n", "Er\n\nDie\n\n"),
        ("required", "Wolf\n\nKatze\n\n", "Katze\n\nKatze\n\n"),
        ("banned", "e\nen\n", "e\n"),
        ("outputs", "Der Hund\nDie Katze\n", "Der Hund\n"),
        ("terminology", "dog\tWolf\n", "dog\tKatze\n"),
    ],
)
@pytest.mark.parametrize("piped", [False, True])
def test_an_unfinished_output_belongs_to_what_files_and_pipes_hold(
    files: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    option: str,
    text: str,
    changed: str,
    piped: bool,
) -> None:
    def words(content: str) -> list[str]:
        name = "given.txt"
        if piped:
            read, write = os.pipe()
            os.write(write, content.encode())
            os.close(write)
            name = f"/dev/fd/{read}"
        else:
            Path(name).write_text(content, encoding="utf-8")
        short = ["--max_length", "12", "--output", "out.txt"]
        return ["generate", str(files), "--input", "in.txt", *short, f"--{option}", name]

    assert main(words(text)) == 0
    expected = Path("out.txt").read_text()
    interrupt(monkeypatch, words(text))
    assert "the answers to 2 lines are kept" in capsys.readouterr().err
    assert main([*words(changed), "--resume"]) == 2
    message = capsys.readouterr().err
    assert f"--{option}" in message and "remove the" in message
    assert main([*words(text), "--resume"]) == 0
    assert Path("out.txt").read_text() == expected


def test_an_unfinished_output_belongs_to_the_option_of_a_file(
    files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["generate", str(files), "--input", "in.txt", "--output", "out.txt"]
    interrupt(monkeypatch, [*words, "--prefixes", "required.txt", "--max_length", "12"])
    assert main([*words, "--required", "required.txt", "--max_length", "12", "--resume"]) == 2
    assert "the first 2 texts are not those" in capsys.readouterr().err


def test_lines_of_sources_without_an_answer_may_change(
    files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["generate", str(files), "--input", "in.txt", "--output", "out.txt"]
    words += ["--prefixes", "prefixes.txt", "--max_length", "12"]
    interrupt(monkeypatch, words)
    Path("prefixes.txt").write_text("Ein \n\nEin \n\n")
    assert main([*words, "--resume"]) == 0
    assert [line[:4] for line in Path("out.txt").read_text().split("\n")][::2][:2] == 2 * ["Ein "]


def test_an_unfinished_output_belongs_to_the_header_of_a_table(
    files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["generate", str(files), "--input", "in.tsv", "--output", "out.txt"]
    words += ["--required_column", "phrases", "--max_length", "12"]
    interrupt(monkeypatch, words)
    text = Path("in.tsv").read_text()
    Path("in.tsv").write_text(text.replace("begun\tphrases", "phrases\tbegun"))
    assert main([*words, "--resume"]) == 2
    assert "the first 2 texts are not those" in capsys.readouterr().err
    Path("in.tsv").write_text(text)
    assert main([*words, "--resume"]) == 0


def test_an_empty_phrase_of_a_column_is_told_with_its_source(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("in.tsv").write_text("en\tphrases\na\t\nb\tx||y\n")
    rows = [{"en": "a", "phrases": []}, {"en": "b", "phrases": ["x", ""]}]
    Path("in.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    for name in ("in.tsv", "in.jsonl"):
        words = ["--input", name, "--required_column", "phrases"]
        assert main(["generate", str(files), *words]) == 2
        message = capsys.readouterr().err
        assert "--required_column phrases: source 2" in message and "empty phrase" in message


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--banned", "none.txt"], ["--banned none.txt", "no such file"]),
        (["--banned", "."], ["--banned .", "is a folder"]),
        (["--banned", "empty.txt"], ["--banned empty.txt", "is empty"]),
        (["--outputs", "blank.txt"], ["--outputs blank.txt:2", "an empty line"]),
        (["--terminology", "banned.txt"], ["--terminology banned.txt:1", "a tab"]),
        (["--prefixes", "banned.txt"], ["--prefixes banned.txt", "has 2 lines", "in.txt has 4"]),
        (
            ["--input", "in.tsv", "--prefixes", "in.tsv"],
            ["--prefixes in.tsv", "has 5 lines", "in.tsv has 4"],
        ),
        (
            ["--input", "in.jsonl", "--prefixes", "in.tsv"],
            ["--prefixes in.tsv", "has 5 lines", "in.jsonl has 4"],
        ),
        (["--required", "blank.txt"], ["--required blank.txt", "has 3 lines", "in.txt has 4"]),
        (["--outputs", "outputs.txt", "--prefix", "a"], ["--outputs", "prefix"]),
        (["--required", "in.txt", "--outputs", "outputs.txt"], ["--required", "--outputs"]),
        (["--prefix", "a", "--prefixes", "in.txt"], ["--prefixes", "--prefix"]),
        (["--prefixes", "in.txt", "--prefix_column", "x"], ["--prefixes", "--prefix_column"]),
        (["--banned_any_case"], ["--banned_any_case", "--banned"]),
        (["--prefix_column", "x"], ["in.txt", "'x'", "--input_format"]),
        (["--bad_words_ids", "3"], ["--bad_words_ids", "--banned"]),
        (["--force_words_ids", "3"], ["--force_words_ids", "--required"]),
    ],
)
def test_mistakes(
    files: Path, capsys: pytest.CaptureFixture[str], options: list[str], told: list[str]
) -> None:
    Path("empty.txt").write_text("")
    Path("blank.txt").write_text("a\n\nb\n")
    assert main(["generate", str(files), "--input", "in.txt", *options]) == 2
    message = capsys.readouterr().err
    for part in told:
        assert part in message


def test_an_empty_phrase_is_told_before_a_model_is_loaded(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("phrases.txt").write_text("a\tb\n\na\t\tb\n\n")
    assert main(["generate", "none", "--input", "in.txt", "--required", "phrases.txt"]) == 2
    message = capsys.readouterr().err
    assert "--required phrases.txt:3" in message and "empty phrase" in message


@pytest.mark.parametrize("option", ["required", "prefixes"])
def test_a_text_that_the_model_cannot_write_is_told_with_its_line(files: Path, option: str) -> None:
    Path("phrases.txt").write_text("a\n\n\naz\n")
    target = Tokenizer.train(["alma a"], TokenizerConfig(model_type="char", vocab_size=40))
    words = [str(files), "--input", "in.txt", f"--{option}", "phrases.txt"]
    options = generate.parser().parse(words)
    with (
        source_constraints(options, read_constraints(options)) as own,
        open_input(options.input) as lines,
        pytest.raises(ConfigError, match=f"^--{option} phrases.txt:4: 'az': .*cannot write 'z'"),
    ):
        own.check_files(lines, target)


def test_a_pipe_tells_the_line_that_lacks_its_constraint(
    files: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import io
    import sys

    Path("two.txt").write_text("Er\nSie\n")
    text = io.BytesIO("".join(f"{source}\n" for source in SOURCES).encode())
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(text))
    assert main(["generate", str(files), "--prefixes", "two.txt"]) == 2
    message = capsys.readouterr().err
    assert "two.txt" in message and "line 3" in message


def test_the_rule_of_the_documentation(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    section = text[text.index("## Own rules") :]
    [program] = re.findall(r"```python\n(.*?)```", section[: section.index("\n## ", 5)], re.DOTALL)
    program = program.replace("runs/translation/001", str(files))
    exec(compile(program, "decoding.md", "exec"), {})
    assert not re.search(r"\d", capsys.readouterr().out)
