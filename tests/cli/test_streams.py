"""What commands read and write: pipes, packed files, interruptions, lines and columns."""

from __future__ import annotations

import contextlib
import errno
import gzip
import io
import itertools
import json
import os
import re
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import seqtext
from seqtext import files
from seqtext.cli import answers, collected, main, outputs, progress, streams
from seqtext.inference.generator import Generator
from seqtext.inference.hypothesis import Hypothesis

SOURCES = [f"The dog sees {count} cats." for count in range(11)]
TEXT = "".join(f"{source}\n" for source in SOURCES)


@pytest.fixture
def expected(trained: Path) -> str:
    """What decoding writes."""
    found = seqtext.load_generator(trained).generate(SOURCES, beam_size=2)
    return "".join(f"{one[0].text}\n" for one in found)


def generate(trained: Path, *options: str) -> int:
    return main(["generate", str(trained), "--beam_size", "2", *options])


@pytest.fixture
def few_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Output is written after every three lines."""
    monkeypatch.setattr(streams, "CHUNK", 3)
    monkeypatch.setattr(collected, "CHUNK", 3)


# --- input ----------------------------------------------------------------------------------------------


def write_fifo(path: Path, content: bytes) -> None:
    os.mkfifo(path)
    threading.Thread(target=lambda: path.write_bytes(content), daemon=True).start()


def zstd(content: bytes) -> bytes:
    return pyarrow.compress(content, "zstd", asbytes=True)  # type: ignore[no-any-return]


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstd])
@pytest.mark.parametrize("place", ["file", "fifo", "stdin"])
def test_input_of_any_kind(
    trained: Path,
    expected: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    pack: Callable[[bytes], bytes],
    place: str,
) -> None:
    content, name = pack(TEXT.encode()), "in.txt"
    if place == "file":
        Path(name).write_bytes(content)
    elif place == "fifo":
        write_fifo(Path(name), content)
    else:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        name = "-"
    assert generate(trained, "--input", name) == 0
    assert capsys.readouterr().out == expected


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"PK\x03\x04 and so on", ["ZIP archive"]),
        (b"good\nb\xe4d\n", [":2:", "UTF-8", "0xe4"]),
        (gzip.compress(TEXT.encode() * 9)[:-9], ["cannot be read", "in.txt"]),
    ],
    ids=["archive", "Latin-1", "cut"],  # a packed one has the time in it
)
def test_input_that_is_none(
    trained: Path, capsys: pytest.CaptureFixture[str], content: bytes, told: list[str]
) -> None:
    Path("in.txt").write_bytes(content)
    assert generate(trained, "--input", "in.txt") == 2
    message = capsys.readouterr().err
    for part in told:
        assert part in message


def test_a_folder_is_no_input(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert generate(trained, "--input", ".") == 2
    assert "--input .: is a folder" in capsys.readouterr().err


class Slow(io.RawIOBase):
    """A pipe that gives what arrives, one piece each time."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = iter(pieces)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = next(self._pieces, b"")
        buffer[: len(piece)] = piece
        return len(piece)


def chunks(*pieces: bytes, skip: int = 0) -> list[list[str]]:
    source: Any = io.BufferedReader(Slow(*pieces))
    return list(streams.Input(source, "pipe").chunks(skip=skip))


def test_what_has_arrived_is_answered() -> None:
    assert chunks(b"one\n", b"two\nth", b"ree\n", b"four") == [
        ["one"],
        ["two"],
        ["three"],
        ["four"],
    ]
    assert chunks(b"one\n", b"two\nthree\n", skip=2) == [["three"]]


@given(st.lists(st.binary(min_size=1, max_size=9).filter(lambda part: part[0] < 128)))
def test_lines_do_not_depend_on_how_they_arrive(pieces: list[bytes]) -> None:
    # the first bytes may say that a file is no text; old Macs end lines with CR
    text = "- " + b"".join(pieces).decode("utf-8", "replace").replace("\r", "")
    content = text.encode()
    pieces = [content[i : i + 3] for i in range(0, len(content), 3)]
    lines = [line for chunk in chunks(*pieces) for line in chunk]
    assert lines == text.removesuffix("\n").split("\n")


def test_a_program_that_waits_for_each_answer_gets_it(trained: Path) -> None:
    command = [sys.executable, "-m", "seqtext", "generate", str(trained), "--beam_size", "1"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for source in SOURCES[:2]:
            process.stdin.write(f"{source}\n".encode())
            process.stdin.flush()
            ready, _, _ = select.select([process.stdout], [], [], 60)
            assert ready, "no answer to a line"
            assert process.stdout.readline().endswith(b"\n")
        process.stdin.close()
        assert process.stdout.read() == b""
    assert process.returncode == 0


# --- output ---------------------------------------------------------------------------------------------


def test_output_into_a_pipe(trained: Path, expected: str) -> None:
    Path("in.txt").write_text(TEXT)
    os.mkfifo("pipe")
    got: list[str] = []
    reader = threading.Thread(target=lambda: got.append(Path("pipe").read_text()))
    reader.start()
    assert generate(trained, "--input", "in.txt", "--output", "pipe") == 0
    reader.join()
    read, write = os.pipe()  # as a shell makes >(gzip > out.gz)
    assert generate(trained, "--input", "in.txt", "--output", f"/dev/fd/{write}") == 0
    os.close(write)
    with open(read) as file:
        got.append(file.read())
    assert got == [expected, expected]


@pytest.mark.parametrize("name", ["-", "/dev/stdout"])
def test_output_by_the_name_of_standard_output(
    trained: Path, expected: str, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    Path("in.txt").write_text(TEXT)
    assert generate(trained, "--input", "in.txt", "--output", name) == 0
    assert capsys.readouterr().out == expected


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this system")
def test_a_full_disk_is_one_message(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("in.txt").write_text(TEXT)
    assert generate(trained, "--input", "in.txt", "--output", "/dev/full") == 2
    assert "No space left" in capsys.readouterr().err
    command = f"{sys.executable} -m seqtext --help > /dev/full"
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert done.returncode == 2
    assert "standard output: cannot be written (No space left on device)" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_reader_that_has_gone_is_no_error() -> None:
    command = f"({sys.executable} -m seqtext --help; echo $? >&2) | true"
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert done.stderr == "0\n"


def test_streams_of_a_notebook(
    trained: Path, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(TEXT))
    monkeypatch.setattr(sys, "stdout", out := io.StringIO())
    assert generate(trained) == 0
    assert out.getvalue() == expected


def test_arguments_from_python(trained: Path, expected: str) -> None:
    Path("in.txt").write_text(TEXT)
    command: list[Any] = ["generate", trained, "--beam_size", 2, "--input", Path("in.txt")]
    assert main([*command, "--output", "out.txt"]) == 0
    assert Path("out.txt").read_text() == expected


def test_out_of_memory_is_one_message(
    trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def search(*_: Any) -> Any:
        torch.empty(1 << 60)

    Path("in.txt").write_text(TEXT)
    monkeypatch.setattr(Generator, "search", search)
    assert generate(trained, "--input", "in.txt") == 2
    told = capsys.readouterr().err
    assert "out of memory" in told and "--batch_size" in told and "--beam_size" in told


def test_closed_streams(
    trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, option in (("stdin", "--input"), ("stdout", "--output")):
        with monkeypatch.context() as patch:
            patch.setattr(sys, name, None)  # as Python has it where a shell closed it
            assert generate(trained) == 2
        assert option in capsys.readouterr().err


def test_every_command_writes_utf8(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("v.en").write_text("The dog sees Łódź and 猫.\n", encoding="utf-8")
    Path("v.de").write_text("The dog sees Łódź and 猫.\n", encoding="utf-8")  # which check shows
    columns = ["--data.source", "en", "--data.target", "de"]
    for command in (
        ["test", str(trained), "--data.test", "v", *columns, "--examples", "1"],
        ["check", "--data.train", "v", *columns],
        ["fit", "--help"],
    ):
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding="cp1252") for _ in range(2))
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", err)
            assert main(command) in (0, 3)
        text = out.buffer.getvalue().decode("utf-8")
        assert "猫" in text or command[0] == "fit"


# --- interruptions --------------------------------------------------------------------------------------


@contextlib.contextmanager
def interrupted(event: Callable[[], None]) -> Iterator[None]:
    """Let ``event`` happen before every search from the third one on."""
    search, calls = Generator.search, itertools.count()

    def searched(*arguments: Any) -> Any:
        if next(calls) >= 2:
            event()
        return search(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Generator, "search", searched)
        yield


def interrupt() -> None:
    raise KeyboardInterrupt


def terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def hang_up() -> None:
    os.kill(os.getpid(), signal.SIGHUP)


@pytest.mark.usefixtures("few_lines")
@pytest.mark.parametrize(
    ("event", "status", "form"),
    [
        (interrupt, 130, []),
        (terminate, 143, []),
        (hang_up, 129, []),
        (interrupt, 130, ["--scores"]),
        (interrupt, 130, ["--format", "jsonl"]),
        (interrupt, 130, ["--n_best", "2"]),
        (interrupt, 130, ["--beam_size", "1", "--samples", "2", "--top_p", "0.9"]),
        (interrupt, 130, ["--split_sentences", "en"]),
    ],
)
def test_an_interruption_keeps_what_is_finished(
    trained: Path,
    capsys: pytest.CaptureFixture[str],
    event: Callable[[], None],
    status: int,
    form: list[str],
) -> None:
    Path("in.txt").write_text(TEXT)
    Path("out.txt.part").write_text("mine\n")
    options = ["--input", "in.txt", *form]
    with interrupted(event):
        assert generate(trained, *options, "--output", "out.txt") == status
    told = capsys.readouterr().err
    [unfinished] = Path().glob("out.txt.*.unfinished")
    assert unfinished.name in told
    assert re.search(r"\b6 lines\b.*--resume continues at line 7\b", told)
    assert not Path("out.txt").exists()
    with unfinished.open("a") as file:
        file.write("0\tcut in the mid")  # as a kill may leave it
    assert generate(trained, *options, "--output", "out.txt", "--resume") == 0
    assert "6 lines" in capsys.readouterr().err
    assert not unfinished.exists()
    assert generate(trained, *options, "--output", "whole.txt") == 0
    assert Path("out.txt").read_bytes() == Path("whole.txt").read_bytes()
    assert Path("out.txt.part").read_text() == "mine\n"


@pytest.mark.usefixtures("few_lines")
def test_a_bad_byte_keeps_the_lines_before_it(
    trained: Path, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("in.txt").write_bytes(TEXT.encode() + b"A caf\xe9.\n" + TEXT.encode())
    assert generate(trained, "--input", "in.txt", "--output", "out.txt") == 2
    told = capsys.readouterr().err
    assert "in.txt:12: not UTF-8" in told
    [unfinished] = Path().glob("out.txt.*.unfinished")
    assert unfinished.read_text() == expected
    Path("in.txt").write_bytes(TEXT.encode() + "A café.\n".encode() + TEXT.encode())
    assert generate(trained, "--input", "in.txt", "--output", "out.txt", "--resume") == 0
    lines = Path("out.txt").read_text().splitlines(keepends=True)
    assert "".join(lines[:11]) == "".join(lines[12:]) == expected


@pytest.mark.usefixtures("few_lines")
def test_a_disk_that_fills_up_keeps_what_fits(
    trained: Path,
    expected: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path("in.txt").write_text(TEXT)
    room = len(expected) // 2

    def limited(file: Any, content: bytes) -> None:
        nonlocal room
        file.write(content[:room])
        if len(content) > room:
            room = 0
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        room -= len(content)

    with monkeypatch.context() as patch:
        patch.setattr(answers, "write_all", limited)
        assert generate(trained, "--input", "in.txt", "--output", "out.txt") == 2
    told = capsys.readouterr().err
    assert "--output out.txt: cannot be written (No space left on device)" in told
    assert "--resume" in told
    assert generate(trained, "--input", "in.txt", "--output", "out.txt", "--resume") == 0
    assert Path("out.txt").read_text() == expected


@pytest.mark.usefixtures("few_lines")
def test_an_output_has_one_writer(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("in.txt").write_text(TEXT)
    options = ["--input", "in.txt", "--output", "out.txt"]

    def second() -> None:
        for other in ([], ["--resume"], ["--scores"]):  # the first one still runs
            assert generate(trained, *options, *other) == 2
            assert "another process" in capsys.readouterr().err
        raise KeyboardInterrupt

    with interrupted(second):
        assert generate(trained, *options) == 130
    assert generate(trained, *options) == 2  # without --resume nothing is thrown away
    assert "--resume" in capsys.readouterr().err
    assert generate(trained, *options, "--scores") == 2
    assert "other options" in capsys.readouterr().err


@pytest.mark.usefixtures("few_lines")
@pytest.mark.parametrize("change", ["input", "answers", "list"])
def test_resume_notices_what_has_changed(
    trained: Path,
    expected: str,
    capsys: pytest.CaptureFixture[str],
    change: str,
) -> None:
    Path("in.txt").write_text(TEXT)
    options = ["--input", "in.txt", "--output", "out.txt"]
    with interrupted(interrupt):
        assert generate(trained, *options) == 130
    capsys.readouterr()
    [unfinished] = Path().glob("*.unfinished")
    [listed] = Path().glob("*.progress")
    if change == "input":
        Path("in.txt").write_text("One more line.\n" + TEXT)
        assert generate(trained, *options, "--resume") == 2
        assert "the first 6 texts are not those" in capsys.readouterr().err
        Path("in.txt").write_text(TEXT)
        assert generate(trained, *options, "--resume") == 0
    else:
        file = unfinished if change == "answers" else listed
        content = bytearray(file.read_bytes())
        content[-9] ^= 0x01  # in the second chunk
        file.write_bytes(content)
        assert generate(trained, *options, "--resume") == 0
        assert "answers to 3 lines" in capsys.readouterr().err
    assert Path("out.txt").read_text() == expected
    assert not list(Path().glob("out.txt.*"))


def test_a_failure_at_the_end_keeps_all(
    trained: Path,
    expected: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path("in.txt").write_text(TEXT)
    options = ["--input", "in.txt", "--output", "out.txt"]
    search = Generator.search

    def taken(*arguments: Any) -> Any:
        Path("out.txt").mkdir(exist_ok=True)  # meanwhile, by somebody else
        return search(*arguments)

    monkeypatch.setattr(Generator, "search", taken)
    assert generate(trained, *options) == 2
    told = capsys.readouterr().err
    assert "11 lines are kept" in told and "out.txt: cannot be written" in told
    Path("out.txt").rmdir()
    monkeypatch.setattr(Generator, "search", lambda *_: pytest.fail("decoded again"))
    assert generate(trained, *options, "--resume") == 0
    assert Path("out.txt").read_text() == expected


def test_an_error_elsewhere_is_no_fault_of_the_output(
    trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def search(*_: Any) -> Any:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "elsewhere")

    Path("in.txt").write_text(TEXT)
    monkeypatch.setattr(Generator, "search", search)
    with pytest.raises(FileNotFoundError):
        generate(trained, "--input", "in.txt", "--output", "out.txt")
    assert "--output" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("generate", ["--input", "in.txt", "--output", "./in.txt"]),
        ("generate", ["--input", "in.txt", "--output", "CKPT"]),
        ("generate", ["--input", "in.txt", "--output", "out.gz"]),
        ("explain", ["--input", "in.txt", "--html", "in.txt"]),
        ("test", ["--data.test", "a.tsv", "--output", "a.tsv"]),
        ("test", ["--data.test", "a.tsv", "--output", "a.png", "--confusion_plot", "a.png"]),
    ],
)
def test_no_output_replaces_a_file_of_its_command(
    trained: Path, command: str, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("in.txt", "a.tsv"):
        Path(name).write_text(TEXT)
    options = [option.replace("CKPT", str(trained / "best.ckpt")) for option in options]
    before = (trained / "best.ckpt").read_bytes()
    assert main([command, str(trained), *options]) == 2
    assert re.search("is read by the same|writes it|not packed", capsys.readouterr().err)
    assert Path("in.txt").read_text() == Path("a.tsv").read_text() == TEXT
    assert (trained / "best.ckpt").read_bytes() == before


def test_an_output_keeps_the_rights_of_its_file(trained: Path) -> None:
    Path("in.txt").write_text(TEXT)
    Path("out.txt").touch(0o600)
    Path("page.html").touch(0o600)
    assert generate(trained, "--input", "in.txt", "--output", "out.txt") == 0
    outputs.write_whole("page.html", "text")
    assert {Path(name).stat().st_mode & 0o777 for name in ("out.txt", "page.html")} == {0o600}


def test_resume_needs_a_file(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for options in (["--resume"], ["--resume", "--output", "-"]):
        assert generate(trained, *options) == 2
        assert "--resume: needs --output" in capsys.readouterr().err


@pytest.mark.usefixtures("few_lines")
def test_a_test_goes_on(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = [
        "test", str(trained), "--data.test", "builtin:test:10", "--data.source", "en",
        "--data.target", "de", "--beam_size", "1",
    ]  # fmt: skip
    assert main([*options, "--output", "whole.txt"]) == 0
    scores = json.loads(capsys.readouterr().out.splitlines()[-1])
    with interrupted(interrupt):
        assert main([*options, "--output", "out.txt"]) == 130
    assert "6 lines" in capsys.readouterr().err
    assert main([*options, "--output", "out.txt", "--resume"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == scores
    assert Path("out.txt").read_text() == Path("whole.txt").read_text()
    assert not list(Path().glob("*.unfinished"))


@pytest.mark.parametrize(
    ("option", "name"),
    [("--output", "no/x.txt"), ("--output", "."), ("--confusion_plot", "no/x.png")],
)
def test_places_are_checked_before_work(
    trained: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    option: str,
    name: str,
) -> None:
    monkeypatch.setattr(Generator, "search", lambda *_: pytest.fail("decoded all the same"))
    assert main(["test", str(trained), "--data.test", "builtin:test:3", option, name]) == 2
    assert f"{option} {name}" in capsys.readouterr().err


def test_an_output_that_fails_leaves_the_scores(
    trained: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> Iterator[Any]:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files, "whole", full)
    options = ["--data.source", "en", "--data.target", "de", "--output", "out.txt"]
    assert main(["test", str(trained), "--data.test", "builtin:test:3", *options]) == 2
    printed = capsys.readouterr()
    assert "bleu" in json.loads(printed.out.splitlines()[-1])
    assert "No space left" in printed.err


def test_a_whole_file_or_none() -> None:
    Path("out.txt").write_text("old")
    with contextlib.suppress(KeyboardInterrupt), files.whole("out.txt") as file:
        file.write(b"new")
        raise KeyboardInterrupt
    assert Path("out.txt").read_text() == "old"
    outputs.write_whole("out.txt", "new")
    assert [(path.name, path.read_text()) for path in Path().iterdir()] == [("out.txt", "new")]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.usefixtures("few_lines")
def test_a_terminal_sees_how_far_a_command_is(
    trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "_DELAY", 0.0)
    monkeypatch.setattr(progress, "_EVERY", 0.0)
    Path("in.txt").write_text(TEXT)
    Path("a.tsv").write_text("source\ttarget\n" + "".join(f"{i}\tx{i}\n" for i in range(9)))
    test = ["test", str(trained), "--data.test", "a.tsv", "--data.source", "source"]
    for command, counted in (
        (["generate", str(trained), "--input", "in.txt", "--output", "out.txt"], " lines 100%"),
        ([*test, "--data.target", "target"], " sentences "),
        (["check", "--data.train", "a.tsv"], " rows"),
    ):
        assert main(command) in (0, 3)
        assert " left" not in capsys.readouterr().err  # no terminal, no bar
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stderr", terminal := Terminal())
            Path("out.txt").unlink(missing_ok=True)
            assert main(command) in (0, 3)
        assert counted in terminal.getvalue()
        assert " left" in terminal.getvalue()


# --- lines and columns ----------------------------------------------------------------------------------

ENDS = st.text(st.sampled_from("ab \t\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"))


@given(ENDS, ENDS)
def test_one_line_for_every_program(text: str, other: str) -> None:
    assert len(f"{streams.as_line(text)}|".splitlines()) == 1
    row = streams.as_row(text, other)
    assert len(f"{row}|".splitlines()) == 1
    assert row.count("\t") == 1
    record = streams.as_json({"text": text})
    assert len(record.splitlines()) == 1
    assert json.loads(record) == {"text": text}


def test_separators_in_an_output(
    trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "one\rtwo\r\nthree\tfour\u2028five\x85six"
    one = Hypothesis(text=text, score=-1.0, log_prob=-1.0, pieces=(), ids=())
    monkeypatch.setattr(
        Generator,
        "search",
        lambda _, sources, config, *__: [[one] * config.n_best for _ in sources],
    )
    Path("in.txt").write_text("a\nb\n")
    for form, columns in (([], 2), (["--scores"], 2), (["--n_best", "2"], 3)):
        assert generate(trained, "--input", "in.txt", *form) == 0
        rows = capsys.readouterr().out.splitlines()
        assert len(rows) == 2 * (2 if "--n_best" in form else 1)
        assert {row.count("\t") + 1 for row in rows} == {columns}
    assert generate(trained, "--input", "in.txt", "--format", "jsonl") == 0
    rows = capsys.readouterr().out.splitlines()
    assert [json.loads(row)["hypotheses"][0]["text"] for row in rows] == [text] * 2
