"""Which number types a processor is fast in."""

from __future__ import annotations

from typing import Literal

from seqtext import internals

Precision = Literal["fp32", "bf16"]


def has_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16, which oneDNN's LSTM needs."""
    return internals.multiplies_bfloat16()
