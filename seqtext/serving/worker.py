"""The main program of a process that computes for the server."""

from __future__ import annotations

import contextlib
import os
import traceback

from seqtext.errors import ConfigError, LostProcessError, SeqtextError
from seqtext.inference.channels import Channel, PipeChannel
from seqtext.inference.records import Fields
from seqtext.internals import lacks_memory
from seqtext.serving.messages import Answer, Batch, ModelPlace
from seqtext.serving.served import ServedModel


def work() -> None:
    """Answer batches of the server that has started this process, until it ends."""
    channel = PipeChannel(0, os.dup(1))
    os.dup2(2, 1)  # what is printed here must not mix with the answers
    with contextlib.suppress(LostProcessError):
        _serve(channel)


def _serve(channel: Channel) -> None:
    place: ModelPlace = channel.receive()
    try:
        model = _load(place)
        description = model.description
    except Exception as error:
        channel.send(_portable(error))
        return
    channel.send(description)
    while True:
        channel.send(answer(model, channel.receive()))


def _load(place: ModelPlace) -> ServedModel:
    # an exported model needs no torch, which takes memory and a second
    if place.exported:
        from seqtext.serving.exported import ServedExport

        return ServedExport(place)
    from seqtext.serving.checkpoints import load_checkpoints

    return load_checkpoints(place)


def answer(model: ServedModel, batch: Batch) -> list[Answer]:
    """The answer to each request of a batch, in order.

    If one of them cannot be answered, each is computed alone. So no mistake reaches the others, and its
    message counts the texts of its own request.
    """
    rows = [row for request in batch.requests for row in request]
    try:
        results = iter(model.compute(batch.task, rows, batch.options))
    except Exception as error:
        if len(batch.requests) == 1:
            return [_portable(error)]
        return [answer(model, batch._replace(requests=[own]))[0] for own in batch.requests]
    answers = list[Answer]()
    for request in batch.requests:
        own: list[Fields] = [next(results) for _ in request]
        answers.append(own)
    return answers


def _portable(error: Exception) -> Exception:
    """An error that the server can receive. It may know no classes of other libraries."""
    if isinstance(error, SeqtextError):
        return error
    if isinstance(error, MemoryError | RuntimeError) and lacks_memory(error):
        return ConfigError("out of memory. Give fewer or shorter texts, or a smaller beam_size")
    traceback.print_exception(error)
    return RuntimeError(f"{type(error).__name__}: {error}")
