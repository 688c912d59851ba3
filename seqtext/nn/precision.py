"""Which number types a processor is fast in."""

from __future__ import annotations

from typing import Literal

from seqtext.nn import internals

Precision = Literal["fp32", "bf16"]


def has_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16, which oneDNN's LSTM needs."""
    return internals.is_bf16_supported is not None and bool(internals.is_bf16_supported())
