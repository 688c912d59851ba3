"""recipes/ray/generate.py: the same file as one process, whatever is interrupted or killed."""

from __future__ import annotations

import contextlib
import errno
import importlib.util
import os
import runpy
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from seqtext.cli import main
from seqtext.errors import ConfigError, DataError, SeqtextError
from seqtext.files import lock
from seqtext.grammar import pairs

SCRIPT = str(Path(__file__).parent.parent / "recipes/ray/generate.py")
GREEDY = ["--beam_size=1", "--max_length=8", "--precision=fp32"]
SIZES = [500, 1_000, 300]  # lines of the blocks of a made text


def made_text() -> None:
    """Lines of the grammar in ``in.txt``, with some that are odd."""
    lines = [source for source, _ in pairs("train", sum(SIZES), seed=5)]
    lines[7:10] = ["", "  ", "a\u2028b\x85c"]
    Path("in.txt").write_bytes("\ufeff".encode() + "\r\n".join(lines).encode())


def expect(model: Path, source: str | Path, *options: str) -> bytes:
    """What ``seqtext generate`` writes."""
    given = ["--input", str(source), "--output=expected.txt", *GREEDY, *options]
    assert main(["generate", str(model), *given]) == 0
    return Path("expected.txt").read_bytes()


# --- without Ray ----------------------------------------------------------------------------------------


@pytest.fixture
def script() -> dict[str, Any]:
    """The names of the script."""
    names: dict[str, Any] = runpy.run_path(SCRIPT)["main"].__globals__
    names["find_spec"] = lambda name: name  # as if Ray were installed
    return names


def decode_here(names: dict[str, Any], most: int) -> Callable[..., None]:
    """A stand-in for Ray. It decodes at most so many blocks."""

    def decode(blocks: dict[str, int], folder: Path, model: Any, options: object) -> None:
        worker = names["Worker"](folder, model)
        for name in list(blocks)[:most]:
            assert worker({"name": [name]})["reason"] == [""]
        if len(blocks) > most:
            raise DataError("interrupted")

    return decode


def test_finished_blocks_are_kept(
    trained: Path, script: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    made_text()
    arguments = [str(trained), "--input=in.txt", "--output=out.txt", *GREEDY]
    script["decode"] = decode_here(script, 0)
    with pytest.raises(DataError, match="interrupted"):
        script["main"](arguments)
    assert not list(Path().glob("out.txt*"))  # nothing was finished, so nothing is kept
    script["decode"] = decode_here(script, 2)
    with pytest.raises(DataError, match="interrupted"):
        script["main"](arguments)
    [folder] = Path().glob("out.txt.*.blocks")
    for again in (arguments, [*arguments[:-1], "--precision=int8", "--resume"]):
        with pytest.raises(DataError, match="holds outputs of an interrupted command"):
            script["main"](again)
    first, second = sorted(folder.glob("*.out"))
    second.write_bytes(second.read_bytes()[:-9])  # half-written
    written = first.stat().st_mtime_ns
    script["decode"] = decode_here(script, 1)
    capsys.readouterr()
    with pytest.raises(DataError, match="interrupted"):
        script["main"]([*arguments, "--resume"])
    assert f"{SIZES[0]:,} of {sum(SIZES):,} lines are done" in capsys.readouterr().err
    assert first.stat().st_mtime_ns == written
    with (folder / "lock").open() as held:
        assert lock(held)
        with pytest.raises(DataError, match="another process is writing it"):
            script["main"]([*arguments, "--resume"])
    script["decode"] = decode_here(script, 2)
    script["main"]([*arguments, "--resume"])
    assert f"{sum(SIZES[:2]):,} of {sum(SIZES):,} lines are done" in capsys.readouterr().err
    assert Path("out.txt").read_bytes() == expect(trained, "in.txt")
    assert not folder.exists()


def test_outputs_beside_an_exported_model(trained: Path, script: dict[str, Any]) -> None:
    made_text()
    assert main(["export", str(trained), "deployed"]) == 0
    arguments = ["deployed", "--input=in.txt", "--output=deployed/out.txt", *GREEDY[:2]]
    script["decode"] = decode_here(script, 1)
    with pytest.raises(DataError, match="interrupted"):
        script["main"](arguments)
    script["decode"] = decode_here(script, 2)
    script["main"]([*arguments, "--resume"])
    assert Path("deployed/out.txt").read_bytes() == expect(trained, "in.txt")


def test_a_full_disk_is_told(
    trained: Path, script: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    Path("in.txt").write_text("The dog sleeps.\n")
    monkeypatch.setattr(script["files"], "whole", fill)
    with pytest.raises(DataError, match=r"--output out.txt: cannot be written \(No space left"):
        script["main"]([str(trained), "--input=in.txt", "--output=out.txt", *GREEDY])
    assert not list(Path().glob("out.txt*"))


def test_a_worker_says_what_went_wrong(trained: Path, script: dict[str, Any]) -> None:
    worker = script["Worker"](Path(), script["Model"](str(trained), 1, "fp32", {}))
    [reason] = worker({"name": ["000001.none"]})["reason"]
    assert reason.startswith("FileNotFoundError: ") and "000001.none.in" in reason


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--input=none.txt"], "--input none.txt: no such file"),
        (["--input=/dev/null"], "--input /dev/null: expected a file"),
        (["--input=latin.txt"], "latin.txt:2: not UTF-8"),
        (["--output=in.txt"], "in.txt is read by the same command"),
        (["--output=none/out.txt"], "no folder"),
        (["--workers=0"], "--workers: 0, expected at least 1"),
        (["--beam_size=0"], "beam_size: 0, expected"),
        (["--samples=3"], "--samples"),
        (["--min_length=9", "--max_length=3"], "max_length: 3, expected at least min_length"),
    ],
)
def test_bad_input_is_refused(
    trained: Path, script: dict[str, Any], arguments: list[str], message: str
) -> None:
    Path("in.txt").write_text("The dog sleeps.\n")
    Path("latin.txt").write_bytes(b"a\n\xe4\n")
    with pytest.raises(SeqtextError, match=message):
        script["main"]([str(trained), "--input=in.txt", "--output=out.txt", *arguments])
    assert not list(Path().glob("out.txt*"))


def test_models_are_checked_before_ray_starts(
    trained: Path, script: dict[str, Any], repository: Path
) -> None:
    Path("in.txt").write_text("The dog sleeps.\n")
    files = ["--input=in.txt", "--output=out.txt"]
    with pytest.raises(SeqtextError, match="none: no such file"):
        script["main"](["none", *files])
    assert main(["export", str(trained), "deployed"]) == 0
    with pytest.raises(ConfigError, match=r"no option 'min_words'\. seqtext has it"):
        script["main"](["deployed", *files, "--min_words=3"])
    with pytest.raises(ConfigError, match="--precision: an exported model has its own"):
        script["main"](["deployed", *files, "--precision=int8"])
    with pytest.raises(ConfigError, match=r"step\.onnx is read by the same command"):
        script["main"](["deployed", files[0], "--output=deployed/step.onnx"])
    script["find_spec"] = lambda name: None
    with pytest.raises(ConfigError, match=r"pip install 'seqtext\[ray\]'"):
        script["main"]([str(trained), *files])


# --- with Ray -------------------------------------------------------------------------------------------

CLUSTER = """
import logging, os, sys
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
import ray
ray.init("local", num_cpus=2, include_dashboard=False, object_store_memory=1 << 27, log_to_driver=False,
         logging_level=logging.ERROR, _temp_dir=sys.argv[1])
print(ray.get_runtime_context().gcs_address, flush=True)
sys.stdin.read()
"""


def start(*words: str | Path) -> subprocess.Popen[str]:
    options = GREEDY[:2] if words[0] == "deployed" else GREEDY  # which has a precision
    command = [sys.executable, SCRIPT, *map(str, words), "--output=out.txt", *options]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str]) -> str:
    """Wait for its end, and return what it said."""
    _, told = process.communicate(timeout=200)
    assert process.returncode == 0, told
    return told


def until(reached: Callable[[], Any]) -> Any:
    """The first true value."""
    for _ in range(6_000):
        if value := reached():
            return value
        time.sleep(0.02)
    raise AssertionError("waited for two minutes")


@pytest.fixture(scope="module")
def cluster() -> Iterator[tuple[psutil.Process, str]]:
    """The process that started a cluster of two cores, and the address."""
    if importlib.util.find_spec("ray") is None:
        pytest.skip("Ray is not installed: pip install 'seqtext[ray]'")
    with (
        # names of sockets must be short
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        subprocess.Popen(
            [sys.executable, "-c", CLUSTER, folder],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        ) as process,
    ):  # fmt: skip
        assert process.stdout
        yield psutil.Process(process.pid), process.stdout.readline().strip()
        process.communicate(timeout=60)


@pytest.mark.slow
def test_what_is_killed_gives_the_same_file(
    trained: Path, cluster: tuple[psutil.Process, str]
) -> None:
    """First the whole command with its own cluster is killed, then a worker of another cluster."""
    made_text()
    assert main(["export", str(trained), "deployed"]) == 0
    process = start("deployed", "--input=in.txt")
    until(lambda: list(Path().glob("out.txt.*.blocks/*.out")) or process.poll() is not None)
    assert process.poll() is None
    members = psutil.Process(process.pid).children(recursive=True)
    workers = [each for each in members if "MapWorker" in name_of(each)]
    process.kill()
    process.communicate(timeout=60)
    assert workers and not psutil.wait_procs(workers, timeout=60)[1]
    for member in members:
        with contextlib.suppress(psutil.Error):
            member.kill()  # Ray's agents would end by themselves after a minute
    assert not Path("out.txt").exists()
    [folder] = Path().glob("out.txt.*.blocks")
    first, *others = sorted(folder.glob("*.out"))
    done = SIZES[int(first.name.partition(".")[0]) - 1]
    for other in others:
        other.unlink()
    first.with_name("000002.part").write_text("half of a bl")

    owner, address = cluster
    process = start("deployed", "--input=in.txt", "--resume", f"--address={address}")
    workers = until(
        lambda: [each for each in owner.children(recursive=True) if "MapWorker" in name_of(each)]
    )
    workers[0].kill()
    assert f"{done:,} of {sum(SIZES):,} lines are done" in finish(process)
    assert Path("out.txt").read_bytes() == expect(trained, "in.txt")
    assert not folder.exists()


def name_of(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:  # it has ended
        return ""


@pytest.mark.slow
def test_real_text(corpora: Path, trained: Path, cluster: tuple[psutil.Process, str]) -> None:
    """Two workers of Ray, two processes of seqtext and a single one write the same bytes."""
    source = corpora / "translation/multi30k/val.en"
    expected = expect(trained, source)
    assert len(set(expected.splitlines())) > 20
    finish(start(trained, "--input", source, f"--address={cluster[1]}"))
    assert Path("out.txt").read_bytes() == expected
    assert expect(trained, source, "--devices=2") == expected
