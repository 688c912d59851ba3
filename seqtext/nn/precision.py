"""Which number types a processor is fast in."""

from __future__ import annotations

from typing import Literal

from seqtext import internals

Precision = Literal["fp32", "bf16", "int8"]


def has_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16, which oneDNN's LSTM needs."""
    return internals.multiplies_bfloat16()


def has_integers() -> bool:
    """Whether PyTorch multiplies 8-bit integers here."""
    return internals.multiplies_integers()
