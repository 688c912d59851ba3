"""Several processes of one command. The first reads, deals batches to all, and writes."""

from __future__ import annotations

import argparse
import contextlib
import functools
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from seqtext.cli.channels import Channel, GroupChannel, PipeChannel, join_group
from seqtext.cli.models import Load, ModelT, load_models
from seqtext.cli.ranks import by_torchrun, local_rank
from seqtext.errors import ConfigError, LostProcessError, SeqtextError
from seqtext.internals import lacks_memory
from seqtext.values import Range, check_fields

if TYPE_CHECKING:
    from seqtext.inference.predictor import RunBatches

T = TypeVar("T")
BatchT = TypeVar("BatchT")
ResultT = TypeVar("ResultT")


@dataclass(frozen=True, kw_only=True)
class ProcessConfig:
    """How many processes share the work of a command.

    Args:
        devices: Number of processes. Each computes on its own GPU, or on its share of the CPU's threads.

    Raises:
        ConfigError: A value is out of range.
    """

    devices: Annotated[int, Range(1, 1000)] = 1

    def __post_init__(self) -> None:
        check_fields(self)


# --- the first process ----------------------------------------------------------------------------------


@contextlib.contextmanager
def shared_model(options: argparse.Namespace, load: Load[ModelT]) -> Iterator[ModelT]:
    """Load the model of the checkpoints. All processes share the batches that it predicts.

    Raises:
        ConfigError: The devices are not there.
        LostProcessError: Another process has ended.
    """
    with _other_processes(options) as channels:
        undecided = _is_undecided(options)
        model = load_models(options, load)
        if undecided:
            for channel in channels:
                channel.send(options.precision)
        if channels:
            model.run_batches = functools.partial(deal, model.predict_batches, channels)
        yield model


def _is_undecided(options: argparse.Namespace) -> bool:
    """Whether the first process chooses the precision, which holds for all."""
    return bool(options.precision == "auto" and options.device == "cpu")


def deal(
    predict: RunBatches[BatchT, ResultT], channels: Sequence[Channel], batches: Sequence[BatchT]
) -> Sequence[Iterable[ResultT]]:
    """Deal batches to this process and to others that have the same model.

    Args:
        predict: Computes the results of batches in this process.
        channels: One to each other process.
        batches: As ``Predictor.predict_batch`` takes them.

    Returns:
        The results of each batch, in order.

    Raises:
        SeqtextError: Another process met this error.
        MemoryError: Another process lacks memory.
        LostProcessError: Another process has ended.
    """
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


@contextlib.contextmanager
def _other_processes(options: argparse.Namespace) -> Iterator[list[Channel]]:
    """Channels to the other processes, which load the same model."""
    if by_torchrun():
        _settle_device(options)
        with _group() as others:
            yield others
            for channel in others:
                channel.send(None)
    else:
        with _started(options) as others:
            yield others


@contextlib.contextmanager
def _started(options: argparse.Namespace) -> Iterator[list[Channel]]:
    """Start the other processes of ``--devices``. They end with this context."""
    import torch

    count = options.devices
    places = _places(options.device, count)
    threads = torch.get_num_threads()
    share = max(1, threads // count) if options.device == "cpu" else threads
    with contextlib.ExitStack() as stack:
        channels = list[Channel]()
        for place in places[1:]:
            process = stack.enter_context(_start())
            # The stack ends it before it waits for its end. By then the work is done or given up.
            stack.callback(process.kill)
            assert process.stdin is not None and process.stdout is not None
            channels.append(PipeChannel(process.stdout.fileno(), process.stdin.fileno()))
            channels[-1].send(({**vars(options), "device": place}, share))
        stack.callback(torch.set_num_threads, threads)
        torch.set_num_threads(share)
        options.device = places[0]
        yield channels


def _places(device: str, count: int) -> list[str]:
    """The device of each process.

    Raises:
        ConfigError: There are fewer GPUs, or ``device`` names only one.
    """
    if count == 1 or device == "cpu":
        return [device] * count
    if device != "cuda":
        raise ConfigError(
            f"--devices {count}: needs --device cuda or cpu. --device {device} is a single device"
        )
    import torch

    gpus = torch.cuda.device_count()
    if 0 < gpus < count:  # without any, the model's loading says so
        raise ConfigError(f"--devices {count}: PyTorch finds {gpus} GPU(s). Give at most {gpus}")
    return [f"cuda:{place}" for place in range(count)]


def _start() -> subprocess.Popen[bytes]:
    """Start a process that works for this one."""
    # Modules come from where this process has them. A session of its own keeps Ctrl-C from it.
    program = (
        f"import sys; sys.path[:] = {sys.path!r}; from seqtext.cli.processes import work; work()"
    )
    return subprocess.Popen(
        [sys.executable, "-P", "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
        start_new_session=True,
    )


# --- the other processes --------------------------------------------------------------------------------


def work() -> None:
    """Work for the process that has started this one, until it ends."""
    import torch

    channel = PipeChannel(0, os.dup(1))
    os.dup2(2, 1)  # what is printed here must not mix with the results
    with contextlib.suppress(LostProcessError):
        values, threads = channel.receive()
        torch.set_num_threads(threads)
        _serve(channel, argparse.Namespace(**values))


def follow(options: argparse.Namespace) -> None:
    """Work for rank 0 of the processes that ``torchrun`` has started, until it needs no more."""
    _settle_device(options)
    with _group():
        _serve(GroupChannel(0), options)


def _serve(channel: Channel, options: argparse.Namespace) -> None:
    """Predict batches that arrive, until None does. The reply to batches may be an error."""
    from seqtext.inference.loading import load

    if _is_undecided(options):
        options.precision = channel.receive()
    model = _attempt(lambda: load_models(options, load))
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
    except (MemoryError, RuntimeError) as error:
        if not lacks_memory(error):
            raise
        return MemoryError()  # the class for a GPU may not be known to the first process


# --- torchrun -------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _group() -> Iterator[list[Channel]]:
    """Channels to the ranks above 0 of ``torchrun``."""
    ranks = range(1, int(os.environ["WORLD_SIZE"]))
    if ranks:
        join_group()
    yield [GroupChannel(rank) for rank in ranks]


def _settle_device(options: argparse.Namespace) -> None:
    """Compute on the GPU of this rank. The number of processes is that of ``torchrun``.

    Raises:
        ConfigError: ``--devices`` contradicts it. Or see ``_places``.
    """
    count = int(os.environ["LOCAL_WORLD_SIZE"])
    if options.devices not in (1, count):
        raise ConfigError(
            f"--devices {options.devices}: torchrun has started {count} process(es) on this node. Leave the"
            " option out"
        )
    options.device = _places(options.device, count)[local_rank()]
