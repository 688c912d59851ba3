"""Names of cells -> their classes, which are imported when a network needs them."""

from __future__ import annotations

import functools
import importlib
from typing import TYPE_CHECKING

from seqtext.errors import ConfigError

if TYPE_CHECKING:
    from seqtext.nn.cells.contract import Cell

TRANSFORMER = "transformer"  # no recurrent cell: transformer.py has other layers
# paths instead of classes, so that options are read without torch
CELLS = {
    "rnn_tanh": "seqtext.nn.cells.fused.TanhRNN",
    "rnn_relu": "seqtext.nn.cells.fused.ReluRNN",
    "lstm": "seqtext.nn.cells.fused.LSTM",
    "gru": "seqtext.nn.cells.fused.GRU",
    "min_gru": "seqtext.nn.cells.linear_recurrence.MinGRU",
    "min_lstm": "seqtext.nn.cells.linear_recurrence.MinLSTM",
    "sru": "seqtext.nn.cells.linear_recurrence.SRU",
    "ssru": "seqtext.nn.cells.linear_recurrence.SSRU",
}


def is_foreign(name: str) -> bool:
    """Whether a cell is a class from outside of seqtext, named by its import path."""
    return name not in CELLS and name != TRANSFORMER


def check_name(name: str) -> None:
    """Refuse what can be no cell. Nothing is imported.

    Raises:
        ConfigError: ``name`` is neither a built-in cell nor an import path.
    """
    parts = name.split(".")
    if is_foreign(name) and not (len(parts) > 1 and all(part.isidentifier() for part in parts)):
        raise ConfigError(
            f"network.cell: {name!r:.80}, expected one of {', '.join([*CELLS, TRANSFORMER])}, or the"
            " import path of a class, as mypackage.MyCell"
        )


@functools.cache
def load_cell(name: str) -> type[Cell]:
    """The class of a recurrent cell.

    Args:
        name: A name in ``CELLS``, or the import path of a class from outside of seqtext. That one is
            imported and checked, so the caller has the user's consent.

    Raises:
        ConfigError: The class cannot be imported, or breaks the contract.
    """
    module, _, class_name = CELLS.get(name, name).rpartition(".")
    if name in CELLS:
        built_in: type[Cell] = getattr(importlib.import_module(module), class_name)
        return built_in
    from seqtext.nn.cells.check import check_contract, describe_error

    try:
        cell: type[Cell] | None = getattr(importlib.import_module(module), class_name, None)
    except Exception as error:  # whatever the user's module does when it is imported
        missing = isinstance(error, ModuleNotFoundError) and f"{module}.".startswith(
            f"{error.name}."
        )
        advice = "; install its package, or put its folder on PYTHONPATH" if missing else ""
        raise ConfigError(
            f"network.cell: {name} cannot be imported ({describe_error(error)}){advice}"
        ) from error
    if cell is None:
        raise ConfigError(f"network.cell: the module {module} has no class {class_name}")
    check_contract(cell, name)
    return cell
