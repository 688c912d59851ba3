"""Which classes a checkpoint may name: those of seqtext, and those that the user trusts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from seqtext.errors import CheckpointError, ConfigError
from seqtext.nn.cells.registry import is_foreign
from seqtext.nn.config import EncoderConfig
from seqtext.values import shown

_TRUSTED: ContextVar[tuple[str, ...]] = ContextVar("trusted", default=())


@contextmanager
def trusting(names: Iterable[str]) -> Iterator[None]:
    """Let checkpoints that are read meanwhile name classes.

    Args:
        names: Packages and modules that are trusted as a whole, or paths of classes.
    """
    token = _TRUSTED.set((*_TRUSTED.get(), *names))
    try:
        yield
    finally:
        _TRUSTED.reset(token)


def covers(names: Iterable[str], path: str) -> bool:
    """Whether the class at ``path`` is among packages, modules and paths of classes."""
    return any(path == name or path.startswith(f"{name}.") for name in names)


def check_consent(config: EncoderConfig, where: str) -> None:
    """Import the cell of a checkpoint's network, if it is foreign and trusted.

    Args:
        config: Of the network.
        where: The checkpoint, for messages.

    Raises:
        CheckpointError: It is foreign and not trusted: nothing is imported. Or it cannot be imported, or
            is no cell.
    """
    if not is_foreign(config.cell):
        return
    if not covers(_TRUSTED.get(), config.cell):
        package = config.cell.partition(".")[0]
        raise CheckpointError(
            f"{where}: its network has the cell {shown(config.cell)}, a class from outside of seqtext."
            " Nothing of it was imported. If you trust that code and want it to run, give"
            f" --trust {package:.60}, or in Python seqtext.load(PATH, trust={shown(package)})"
        )
    try:
        config.cell_class()
    except ConfigError as error:
        raise CheckpointError(f"{where}: {error}") from error
