"""Which number types a processor is fast in."""

from __future__ import annotations

from typing import Literal

import torch

Precision = Literal["fp32", "bf16"]


def has_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16, which oneDNN's LSTM needs."""
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
