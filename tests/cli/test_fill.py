"""``seqtext generate`` fills the strings of a program."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from translate.storage import po, xliff

import seqtext
from seqtext.cli import collected, main
from seqtext.cli.streams import as_line
from seqtext.data.corpus import Corpus
from seqtext.data.readers import rows
from seqtext.data.readers.strings import PARSERS
from tests.support import changed_lines

HEADER = (
    'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n"Language: de\\n"\n'
    '"Plural-Forms: nplurals=2; plural=(n != 1);\\n"\n'
)


@pytest.fixture(scope="module")
def sources() -> list[str]:
    """Different sentences."""
    texts = [text for text, _ in Corpus("builtin:test:400", "en", "de").rows()]
    return list(dict.fromkeys(texts))[:120]


def po_of(sources: list[str]) -> str:
    """A program's file. Every third entry is translated. Every fifth one has plural forms."""
    parts = [HEADER]
    for i, source in enumerate(sources):
        text = json.dumps(source, ensure_ascii=False)
        parts.append(f"\n#: src/main.c:{i}\n")
        if i % 3 == 0:
            parts.append(f'msgid {text}\nmsgstr ""\n"schon "\n"da {i}"\n')
        elif i % 5 == 0:
            parts.append(
                f'#, c-format\nmsgid {text}\nmsgid_plural "%d {text[1:]}\nmsgstr[0] ""\nmsgstr[1] ""\n'
            )
        else:
            parts.append(f'msgctxt "{i}"\nmsgid ""\n{text}\nmsgstr ""\n')
    return "".join([*parts, '\n#, fuzzy\n#~ msgid "old"\n#~ msgstr "alt"\n'])


def xliff_of(sources: list[str]) -> str:
    units = [
        f'  <trans-unit id="{i}"><source>{escape(source)}</source>'
        + ('<target state="final">da</target>' if i % 3 == 0 else "")
        + "</trans-unit>\n"
        for i, source in enumerate(sources)
    ]
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<xliff version="1.2"'
        ' xmlns="urn:oasis:names:tc:xliff:document:1.2">\n <file original="app" source-language="en"'
        f' target-language="de" datatype="plaintext"><body>\n{"".join(units)} </body></file>\n</xliff>\n'
    )


def test_a_po_file_of_many_entries(
    trained: Path, sources: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    text = po_of(sources)
    Path("app.po").write_text(text)
    assert main(["generate", str(trained), "--input", "app.po", "--output", "app.de.po"]) == 0
    told = capsys.readouterr().err
    assert "app.po: 80 of 120 entries filled and marked as fuzzy, 40 left as they were" in told
    after = Path("app.de.po").read_text()
    for line in changed_lines(text, after):
        assert line[1:].startswith(("msgstr", "#, fuzzy", "#, c-format")), line
    units = [
        unit
        for unit in po.pofile.parsestring(after.encode()).units
        if not unit.isheader() and not unit.isobsolete()
    ]
    assert [unit.isfuzzy() for unit in units] == [i % 3 != 0 for i in range(120)]
    assert [str(unit.source) for unit in units] == sources
    outputs = seqtext.load_generator(trained).generate(sources[1:3])
    assert [str(unit.target) for unit in units[1:3]] == [as_line(best.text) for [best] in outputs]
    assert str(units[0].target) == "schon da 0"
    # nothing is left to fill
    assert main(["generate", str(trained), "--input", "app.de.po", "--output", "again.po"]) == 0
    assert Path("again.po").read_text() == after
    assert "0 of 120 entries filled" in capsys.readouterr().err


@pytest.mark.skipif(shutil.which("msgfmt") is None, reason="gettext's msgfmt is not installed")
def test_msgfmt_accepts_the_filled_file(trained: Path, sources: list[str]) -> None:
    Path("app.po").write_text(po_of(sources))
    assert main(["generate", str(trained), "--input", "app.po", "--output", "app.de.po"]) == 0
    command = ["msgfmt", "--check", "--statistics", "-o", "app.mo", "app.de.po"]
    checked = subprocess.run(command, capture_output=True, text=True, env={"LC_ALL": "C"})
    assert checked.returncode == 0, checked.stderr
    assert "40 translated messages, 80 fuzzy translations." in checked.stderr


def test_an_xliff_file_of_many_units(trained: Path, sources: list[str]) -> None:
    text = xliff_of(sources)
    Path("app.xlf").write_text(text)
    assert main(["generate", str(trained), "--input", "app.xlf", "--output", "out.xlf"]) == 0
    after = Path("out.xlf").read_text()
    for before, line in zip(text.splitlines(), after.splitlines(), strict=True):
        start, _, rest = line.partition('<target state="needs-review-translation">')
        assert before == start + rest.rpartition("</target>")[2]
    units = xliff.xlifffile.parsestring(after.encode()).units
    assert [unit.source for unit in units] == sources
    assert all(unit.target for unit in units)
    assert [unit.target == "da" for unit in units] == [i % 3 == 0 for i in range(120)]


FILES = {
    "a.ts": '<TS language="de"><context><name>A</name><message><source>A dog.</source>'
    '<translation type="unfinished"></translation></message></context></TS>\n',
    "strings.xml": '<resources><string name="a">A dog.</string></resources>\n',
    "a.properties": "a=A dog.\n",
    "a.pot": 'msgid "A dog."\nmsgstr ""\n',
}


@pytest.mark.parametrize("name", FILES)
def test_every_format_from_a_file_and_from_a_pipe(
    trained: Path,
    name: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path(name).write_text(FILES[name])
    assert main(["generate", str(trained), "--input", name, "--output", "out"]) == 0
    kind = Corpus(name, "source", "target").kind
    done = "translated" if kind in ("android", "properties") else "filled and marked as fuzzy"
    assert f"{name}: 1 of 1 entries {done}, 0 left as they were" in capsys.readouterr().err
    [[best]] = seqtext.load_generator(trained).generate(["A dog."])
    again = PARSERS[kind](Path("out").read_bytes(), "out")
    [form] = again.entries[0].forms
    assert best.text in (form.text, form.translation)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(FILES[name].encode())))
    assert main(["generate", str(trained), "--input_format", kind]) == 0
    assert capsys.readouterr().out.encode() == Path("out").read_bytes()


def test_lines_where_the_user_says_so(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.po").write_text("A dog.\n")
    assert main(["generate", str(trained), "--input", "a.po", "--input_format", "text"]) == 0
    assert capsys.readouterr().out.count("\n") == 1


def test_an_interrupted_command_resumes(
    trained: Path,
    sources: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("app.po").write_text(po_of(sources))
    command = ["generate", str(trained), "--input", "app.po", "--output"]
    assert main([*command, "whole.po"]) == 0
    monkeypatch.setattr(collected, "CHUNK", 20)
    search, calls = seqtext.Generator.search, []

    def interrupt(*arguments: object) -> object:
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return search(*arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(seqtext.Generator, "search", interrupt)
        assert main([*command, "app.de.po"]) == 130
    assert not Path("app.de.po").exists()
    assert "the answers to 40 lines are kept" in capsys.readouterr().err
    assert main([*command, "app.de.po", "--resume"]) == 0
    assert Path("app.de.po").read_bytes() == Path("whole.po").read_bytes()
    assert not list(Path().glob("*.unfinished"))


def test_a_source_of_several_columns(finished: Callable[..., Path], tiny: list[str]) -> None:
    Path("train.tsv").write_text(
        "source\tcontext\ttarget\n"
        + "".join(f"A dog {i}.\tmenu\tEin Hund {i}.\n" for i in range(60))
    )
    options = [option for option in tiny if not option.startswith("--data") or "batch" in option]
    columns = "--data.source=[source, context: text]"
    run = finished(
        *options, "--data.train=train.tsv", "--data.validation=train.tsv", columns,
        "--data.tokenizer.model_type=char", "--data.tokenizer.vocab_size=60",
    )  # fmt: skip
    Path("a.po").write_text('msgctxt "menu"\nmsgid "A dog 1."\nmsgstr ""\n')
    assert main(["generate", str(run), "--input", "a.po", "--output", "b.po"]) == 0
    [[best]] = seqtext.load_generator(run).generate([("A dog 1.", "menu")])
    assert json.dumps(best.text, ensure_ascii=False) in Path("b.po").read_text()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--n_best=2"], "--n_best 2: the output has the format of the input, po"),
        (["--samples=2"], "--samples 2: the output has the format of the input, po"),
        (["--scores"], "--scores: the output has the format"),
        (["--format=jsonl"], "--format jsonl: the output has the format"),
        (["--input_format=xliff"], "a.po:1: not XML"),
        (["--resume"], "--resume: needs --output"),
    ],
)
def test_refusals(
    trained: Path, options: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("a.po").write_text(FILES["a.pot"])
    assert main(["generate", str(trained), "--input", "a.po", *options]) == 2
    assert told in capsys.readouterr().err


def test_an_encoding_that_standard_output_has_not(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = '"Content-Type: text/plain; charset=ISO-8859-1\\n"\n\nmsgid "é"\nmsgstr ""\n'
    Path("a.po").write_bytes(f'msgid ""\nmsgstr ""\n{text}'.encode("iso-8859-1"))
    assert main(["generate", str(trained), "--input", "a.po"]) == 2
    assert (
        "a.po: is written in ISO-8859-1, and standard output takes UTF-8" in capsys.readouterr().err
    )
    assert main(["generate", str(trained), "--input", "a.po", "--output", "b.po"]) == 0
    assert 'msgid "é"' in Path("b.po").read_text(encoding="iso-8859-1")


def test_other_commands_refuse_such_files(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("a.po").write_text(FILES["a.pot"])
    classifier = Path(__file__).parent.parent / "checkpoints" / "format1-classifier.ckpt"
    for command, model in (("explain", trained), ("classify", classifier)):
        assert main([command, str(model), "--input", "a.po"]) == 2
        told = capsys.readouterr().err
        assert (
            "a.po: has the strings of a program (po), and only seqtext generate reads them" in told
        )


@pytest.mark.parametrize("streaming", ["false", "true"])
def test_training_on_what_is_translated(
    tiny: list[str], streaming: str, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = [f"This is the dog number {i}." for i in range(60)]
    Path("app.po").write_text(po_of(texts))
    options = [option for option in tiny if not option.startswith("--data") or "batch" in option]
    command = [*options, "--data.train=app.po", "--data.validation=split:4", "--run=run"]
    command += ["--data.tokenizer.model_type=char", "--data.tokenizer.vocab_size=60"]
    rows.tell_once.cache_clear()
    assert main(["fit", *command, f"--data.streaming={streaming}"]) == 0
    told = capsys.readouterr().err
    assert told.count("data: app.po: 40 of 60 entries left out (40 untranslated, 0 fuzzy)\n") == 1
    assert main(["check", "--data.train=app.po"]) == 0
    assert "app.po, 20 pairs" in capsys.readouterr().out
    assert main(["test", "run", "--data.test=app.po"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])
