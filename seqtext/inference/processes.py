"""Several processes that predict together: each has the same model, and the first deals them batches.

Importing this loads no torch, so a command line can read it.
"""

from __future__ import annotations

import contextlib
import functools
import os
import subprocess
import sys
import threading
import traceback
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from seqtext.errors import ConfigError, LostProcessError, SeqtextError
from seqtext.inference.channels import Channel, PipeChannel
from seqtext.internals import lacks_memory

if TYPE_CHECKING:
    from seqtext.inference.predictor import Predict, Predictor
    from seqtext.nn.precision import Precision

T = TypeVar("T")
BatchT = TypeVar("BatchT")
ResultT = TypeVar("ResultT")

_ROUND = 16  # batches that each process gets before all wait for each other


class Settings(NamedTuple):
    """What a process loads, as ``seqtext.load`` takes it, and how it computes."""

    paths: Sequence[Path]
    device: str
    precision: Precision
    trust: Sequence[str]
    threads: int
    states: Sequence[tuple[int, int]]  # of the files when the first process had read them


def states_of(paths: Sequence[Path]) -> list[tuple[int, int]]:
    """Time and size of the files of checkpoints, by which a change is noticed."""
    from seqtext.checkpoint.location import find

    states = [find(path).stat() for path in paths]
    return [(state.st_mtime_ns, state.st_size) for state in states]


def places_of(device: str, count: int) -> list[str]:
    """The device of each process.

    Raises:
        ConfigError: There are fewer GPUs, or ``device`` names only one.
    """
    if count == 1 or device == "cpu":
        return [device] * count
    if device != "cuda":
        raise ConfigError(
            f"devices: {count}, and device {device} is a single one. Several need cuda or cpu"
        )
    import torch

    gpus = torch.cuda.device_count()
    if 0 < gpus < count:  # without any, the model's loading says so
        raise ConfigError(f"devices: {count}, and PyTorch finds {gpus} GPU(s). Give at most {gpus}")
    return [f"cuda:{place}" for place in range(count)]


# --- the first process ----------------------------------------------------------------------------------


class OtherProcesses:
    """Processes that work for this one. Each loads the same model once, and keeps it.

    They start at once. They end with this object, with the program, and after an error or Ctrl-C. When there
    are batches again, they start again.

    Args:
        paths: The checkpoints.
        places: The device of each process.
        precision: Of the weights.
        trust: See ``seqtext.load``.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        places: Sequence[str],
        precision: Precision,
        trust: Sequence[str],
    ) -> None:
        import torch

        threads = torch.get_num_threads()
        # A GPU leaves the CPU's threads free.
        self._threads = max(1, threads // (1 + len(places))) if "cpu" in places else threads
        same = precision, trust, self._threads, states_of(paths)
        absolute = [path.absolute() for path in paths]  # the working folder may change
        self._settings = [Settings(absolute, place, *same) for place in places]
        self._lock = threading.Lock()  # threads of a server may share the model
        self._start()

    def deal(
        self, predict: Predict[BatchT, ResultT], batches: Sequence[BatchT]
    ) -> Sequence[Iterable[ResultT]]:
        """``deal`` to these processes. This process alone predicts a single batch, with all its threads."""
        if len(batches) < 2:
            return predict(batches)
        with self._lock, _threads(self._threads):
            if not self._end.alive or self._owner != os.getpid():
                self._start()
            try:
                return deal(self._channels, predict, batches)
            except BaseException:  # what they still send must not answer the next batches
                self.close()
                raise

    def close(self) -> None:
        """End the processes."""
        self._end()

    def _start(self) -> None:
        stack, self._channels = contextlib.ExitStack(), list[Channel]()
        # a process that is forked off this one starts others, as two cannot read the same pipe
        self._owner, self._end = os.getpid(), weakref.finalize(self, stack.close)
        for settings in self._settings:
            process = stack.enter_context(start_process())
            # The stack ends it before it waits for its end. By then the work is done or given up.
            stack.callback(process.kill)
            assert process.stdin is not None and process.stdout is not None
            self._channels.append(PipeChannel(process.stdout.fileno(), process.stdin.fileno()))
            self._channels[-1].send(settings)


def start_process(worker: str = "seqtext.inference.worker") -> subprocess.Popen[bytes]:
    """Start a process that works for this one, by the function ``work`` of a module.

    Its standard input and output are the pipes of a ``PipeChannel``.
    """
    # Modules come from where this process has them. A session of its own keeps Ctrl-C from it.
    program = f"import sys; sys.path[:] = {sys.path!r}; from {worker} import work; work()"
    return subprocess.Popen(
        [sys.executable, "-P", "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
        start_new_session=True,
    )


@contextlib.contextmanager
def _threads(count: int) -> Iterator[None]:
    """Let PyTorch compute with so many threads."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def deal(
    channels: Sequence[Channel], predict: Predict[BatchT, ResultT], batches: Sequence[BatchT]
) -> Sequence[Iterable[ResultT]]:
    """Deal batches to this process and to others that have the same model.

    Args:
        channels: One to each other process.
        predict: Computes the results of batches in this process.
        batches: As ``Predictor.predict_batch`` takes them.

    Returns:
        The results of each batch, in order.

    Raises:
        SeqtextError: Another process met this error.
        MemoryError: Another process lacks memory.
        LostProcessError: Another process has ended, or met an unforeseen error.
    """
    # In rounds, an error of another process is known before all work is done.
    size = _ROUND * (1 + len(channels))
    rounds = (batches[start : start + size] for start in range(0, len(batches), size))
    return [results for part in rounds for results in _deal_round(channels, predict, part)]


def _deal_round(
    channels: Sequence[Channel], predict: Predict[BatchT, ResultT], batches: Sequence[BatchT]
) -> Sequence[Iterable[ResultT]]:
    count = 1 + len(channels)
    working = [each for each in enumerate(channels, 1) if each[0] < len(batches)]
    # The batches grow in length. So each process gets short ones and long ones.
    for place, channel in working:
        channel.send(batches[place::count])
    results: list[Any] = [None] * len(batches)
    results[::count] = predict(batches[::count])
    for place, channel in working:
        reply = channel.receive()
        if isinstance(reply, Exception):
            raise reply
        results[place::count] = reply
    return results


# --- the other processes --------------------------------------------------------------------------------


def serve(channel: Channel, load: Callable[[], Predictor[Any, Any, Any]]) -> None:
    """Predict batches that arrive, until None does. The reply to batches may be an error."""
    model = _attempt(load)
    while (batches := channel.receive()) is not None:
        if isinstance(model, Exception):
            channel.send(model)
        else:
            channel.send(_attempt(functools.partial(model.predict_batches, batches)))


def _attempt(compute: Callable[[], T]) -> T | Exception:
    """A result, or an error that the first process tells."""
    try:
        return compute()
    except SeqtextError as error:
        return error
    except Exception as error:
        # classes of other libraries may not be known to the first process
        if isinstance(error, MemoryError | RuntimeError) and lacks_memory(error):
            return MemoryError()
        return LostProcessError(
            f"another process of this command failed:\n{traceback.format_exc()}"
        )
