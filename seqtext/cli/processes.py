"""Several processes of one command. The first reads, deals batches to all, and writes."""

from __future__ import annotations

import argparse
import contextlib
import functools
import os
from collections.abc import Iterator

from seqtext.cli.channels import GroupChannel, join_group
from seqtext.cli.models import Load, ModelT, load_models
from seqtext.cli.ranks import by_torchrun, local_rank
from seqtext.errors import ConfigError
from seqtext.inference.processes import deal, places_of, serve


@contextlib.contextmanager
def shared_model(options: argparse.Namespace, load: Load[ModelT]) -> Iterator[ModelT]:
    """Load the model of the checkpoints. All processes share the batches that it predicts.

    Raises:
        ConfigError: The devices are not there.
        LostProcessError: Another process has ended.
    """
    if by_torchrun():
        _settle_device(options)
        with _group() as others:
            undecided = _is_undecided(options)
            model = load_models(options, load)
            for channel in others if undecided else []:
                channel.send(options.precision)
            if others:
                model.deal = functools.partial(deal, others)
            yield model
            for channel in others:
                channel.send(None)
    else:
        with contextlib.closing(load_models(options, load, options.devices)) as model:
            yield model


def follow(options: argparse.Namespace) -> None:
    """Work for rank 0 of the processes that ``torchrun`` has started, until it needs no more."""
    from seqtext.inference.loading import load

    _settle_device(options)
    with _group():
        channel = GroupChannel(0)
        if _is_undecided(options):
            options.precision = channel.receive()
        serve(channel, lambda: load_models(options, load))


def _is_undecided(options: argparse.Namespace) -> bool:
    """Whether the first process chooses the precision, which holds for all."""
    return bool(options.precision == "auto" and options.device == "cpu")


@contextlib.contextmanager
def _group() -> Iterator[list[GroupChannel]]:
    """Channels to the ranks above 0 of ``torchrun``."""
    ranks = range(1, int(os.environ["WORLD_SIZE"]))
    if ranks:
        join_group()
    yield [GroupChannel(rank) for rank in ranks]


def _settle_device(options: argparse.Namespace) -> None:
    """Compute on the GPU of this rank. The number of processes is that of ``torchrun``.

    Raises:
        ConfigError: ``--devices`` contradicts it. Or see ``places_of``.
    """
    count = int(os.environ["LOCAL_WORLD_SIZE"])
    if options.devices not in (1, count):
        raise ConfigError(
            f"--devices {options.devices}: torchrun has started {count} process(es) on this node. Leave the"
            " option out"
        )
    options.device = places_of(options.device, count)[local_rank()]
