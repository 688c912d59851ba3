"""Models in several processes: equal results in order, errors that are told, and processes that end."""

from __future__ import annotations

import gc
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import torch

import seqtext
from seqtext import grammar as builtin
from seqtext.cli import main
from seqtext.errors import CheckpointError, ConfigError, DataError, LostProcessError
from seqtext.inference import processes
from seqtext.inference.channels import Channel
from tests.support import other_process

SOURCES = [source for source, _ in builtin.pairs("test", 60)]


def children() -> set[int]:
    """The processes that this one has started."""
    tasks = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    return {int(number) for task in tasks for number in task.read_text().split()}


# --- results --------------------------------------------------------------------------------------------


def test_two_processes_generate_and_score_what_one_does(trained: Path) -> None:
    one, two = seqtext.load_generator(trained), seqtext.load_generator(trained, devices=2)
    options: dict[str, Any] = {"n_best": 2, "batch_size": 7}
    expected = one.generate(SOURCES, **options)
    before = children()
    assert two.generate(SOURCES, **options) == expected  # scores too
    assert two.generate([*reversed(SOURCES)], **options) == expected[::-1]
    assert children() == before  # they stay
    targets = [best.text for best, *_ in expected]
    assert two.score(SOURCES, targets, batch_size=9) == one.score(SOURCES, targets, batch_size=9)
    assert list(two.stream(SOURCES, buffer_size=25, **options)) == list(
        one.stream(SOURCES, buffer_size=25, **options)
    )


def test_an_output_that_is_shown_while_it_grows(trained: Path) -> None:
    two, shown = seqtext.load_generator(trained, devices=2), dict[int, str]()
    outputs = two.generate(SOURCES[:9], batch_size=2, on_piece=shown.__setitem__)
    assert [shown[place] for place in range(9)] == [best.text for best, *_ in outputs]


def test_functions_of_the_user_stay_in_this_process(trained: Path) -> None:
    seen = list[int]()

    def rule(log_probs: torch.Tensor, history: torch.Tensor, origin: torch.Tensor) -> None:
        seen.append(len(origin))

    two = seqtext.load_generator(trained, devices=2)
    expected = two.generate(SOURCES[:9], batch_size=2)
    assert two.generate(SOURCES[:9], batch_size=2, rules=[rule]) == expected
    assert seen


def test_two_processes_classify_what_one_does() -> None:
    rows = [f"{verb} the {noun}" for verb in ("open", "play") for noun in ("door", "song", "gate")]
    lines = [json.dumps({"text": text, "label": text.split()[0]}) for text in rows * 6]
    Path("rows.jsonl").write_text("\n".join(lines) + "\n")
    small = ["--data.tokenizer.model_type=char", "--data.tokenizer.vocab_size=30"]
    small += ["--model.network.hidden_size=8", "--trainer.max_steps=3", "--trainer.accelerator=cpu"]
    model = ["--model", "seqtext.ClassifierModule", "--data.train=./rows.jsonl", "--run=labels"]
    assert main(["fit", *model, *small]) == 0
    one, two = (seqtext.load_classifier("labels", devices=devices) for devices in (1, 2))
    assert two.classify(rows, batch_size=2) == one.classify(rows, batch_size=2)


class Echo(Channel):
    """Another process that doubles numbers."""

    def __init__(self) -> None:
        self.sent = list[list[int]]()

    def send(self, value: Any) -> None:
        self.sent.append(value)

    def receive(self) -> Any:
        return [[2 * number] for number in self.sent[-1]]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 150])
def test_results_are_in_order(count: int) -> None:
    """Also where there are fewer batches than processes, or several rounds."""
    asked: list[int] = []

    def double(batches: Any) -> Any:
        asked.extend(batches)
        return [[2 * number] for number in batches]

    numbers, others = [*range(count)], [Echo(), Echo()]
    assert processes.deal(others, double, numbers) == [[2 * number] for number in numbers]
    assert asked == numbers[::3]
    assert [[*chain(*echo.sent)] for echo in others] == [numbers[1::3], numbers[2::3]]
    assert all(len(echo.sent) == (4 if count == 150 else count > place)
               for place, echo in enumerate(others, 1))  # fmt: skip


def test_threads_of_a_server_take_turns(trained: Path) -> None:
    two, results = seqtext.load_generator(trained, devices=2), dict[int, Any]()
    parts = [SOURCES[:20], SOURCES[20:40], SOURCES[40:]]

    def answer(number: int) -> None:
        results[number] = two.generate(parts[number], batch_size=4)

    threads = [threading.Thread(target=answer, args=[number]) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = [seqtext.load_generator(trained).generate(part, batch_size=4) for part in parts]
    assert [results[number] for number in range(3)] == expected


# --- their life -----------------------------------------------------------------------------------------


def test_processes_end_with_their_model(trained: Path) -> None:
    gc.collect()
    before = children()
    two = seqtext.load_generator(trained, devices=3)
    assert len(children() - before) == 2
    two.close()
    two.close()
    assert children() == before
    expected = seqtext.load_generator(trained).generate(SOURCES, batch_size=7)
    assert two.generate(SOURCES, batch_size=7) == expected  # they have started again
    assert len(children() - before) == 2
    del two
    gc.collect()
    assert children() == before


@pytest.mark.parametrize(
    ("failure", "kind", "fact"),
    [
        (
            "__import__('os')._exit(9)",
            LostProcessError,
            "another process of this command has ended",
        ),
        (
            "(_ for _ in ()).throw(__import__('seqtext.errors').errors.DataError('what it met'))",
            DataError,
            "what it met",
        ),
        ("1 / 0", LostProcessError, "ZeroDivisionError: division by zero"),
    ],
)
def test_an_error_of_another_process_is_raised(
    trained: Path, failure: str, kind: type[Exception], fact: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = children()
    with monkeypatch.context() as patch:
        failing = f"Generator.predict_batches = lambda self, batches: {failure}"
        other_process(patch, f"from seqtext.inference.generator import Generator; {failing}")
        two = seqtext.load_generator(trained, devices=2)
        with pytest.raises(kind, match=fact):
            two.generate(SOURCES, batch_size=7)
    assert children() == before
    expected = seqtext.load_generator(trained).generate(SOURCES, batch_size=7)
    assert two.generate(SOURCES, batch_size=7) == expected


def test_a_checkpoint_that_has_changed_is_not_mixed_with_the_old_one(trained: Path) -> None:
    shutil.copy(trained / "best.ckpt", "mine.ckpt")
    two = seqtext.load_generator("mine.ckpt", devices=2)
    expected = two.generate(SOURCES[:9], batch_size=2)
    Path("elsewhere").mkdir()
    os.chdir("elsewhere")
    two.close()
    assert two.generate(SOURCES[:9], batch_size=2) == expected
    two.close()
    os.utime("../mine.ckpt", (1, 1))
    with pytest.raises(CheckpointError, match=r"mine\.ckpt: has changed"):
        two.generate(SOURCES[:9], batch_size=2)


def test_an_interruption_ends_all_processes_and_they_start_again(trained: Path) -> None:
    Path("own.py").write_text(f"""
import sys
from pathlib import Path
import seqtext

def children():
    return Path("/proc/self/task").joinpath(Path("/proc/self").resolve().name, "children").read_text()

two = seqtext.load({str(trained)!r}, devices=2)
expected = two.generate({SOURCES}, batch_size=2)
print(children(), flush=True)
try:
    while True:
        two.generate({SOURCES}, batch_size=2)
except KeyboardInterrupt:
    print(repr(children()), two.generate({SOURCES}, batch_size=2) == expected, flush=True)
    print(children(), flush=True)
sys.stdin.read()
""")
    command = [sys.executable, "-P", "own.py"]
    pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(command, text=True, **pipes) as running:
        assert running.stdout is not None
        first = running.stdout.readline().split()
        time.sleep(0.3)
        running.send_signal(signal.SIGINT)
        assert running.stdout.readline().strip() == "'' True"
        second = running.stdout.readline().split()
        assert len(first) == len(second) == 1 and first != second
        _, message = running.communicate(timeout=60)
    assert running.returncode == 0 and not message
    assert not any(Path(f"/proc/{child}").exists() for child in [*first, *second])


# --- devices --------------------------------------------------------------------------------------------


def test_a_gpu_for_each_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert processes.places_of("cuda", 2) == ["cuda:0", "cuda:1"]
    with pytest.raises(ConfigError, match=r"devices: 3, and PyTorch finds 2 GPU"):
        processes.places_of("cuda", 3)
    with pytest.raises(ConfigError, match="device cuda:1 is a single one"):
        processes.places_of("cuda:1", 2)


@pytest.mark.parametrize("devices", [0, 1001, "2", None])
def test_numbers_of_devices_that_cannot_be(trained: Path, devices: Any) -> None:
    with pytest.raises(ConfigError, match="devices: "):
        seqtext.load(trained, devices=devices)


def test_errors_whose_classes_the_first_process_may_not_know() -> None:
    def fail(error: Exception) -> int:
        raise error

    mistake = DataError("x")
    assert processes._attempt(lambda: fail(mistake)) is mistake
    memory = processes._attempt(lambda: fail(torch.OutOfMemoryError("of a GPU")))
    assert type(memory) is MemoryError
    bug = processes._attempt(lambda: fail(RuntimeError("a bug")))
    assert isinstance(bug, LostProcessError) and "RuntimeError: a bug" in str(bug)
