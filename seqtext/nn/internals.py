"""Operations of PyTorch without a public name, each with what it was tried on.

``tests/nn/test_internals.py`` compares them with public operations. Where a version lacks one, callers
use a public operation instead.
"""

from __future__ import annotations

from typing import Any

import torch

_MKLDNN = torch.ops.mkldnn if torch.backends.mkldnn.is_available() else None  # type: ignore[no-untyped-call]

# x W' + b by oneDNN, which PyTorch's own compiler calls too: (inputs, weight, bias, "none", [], "").
# For a few rows in float32 it is up to twice as fast as MKL. PyTorch 2.8 to 2.13.
linear_pointwise: Any = getattr(_MKLDNN, "_linear_pointwise", None)

# A weight (O, I) -> the same one laid out for ``linear_pointwise``: (weight, None). PyTorch 2.8 to 2.13.
reorder_linear_weight: Any = getattr(_MKLDNN, "_reorder_linear_weight", None)

# () -> whether the processor multiplies bfloat16. PyTorch 2.8 to 2.13.
is_bf16_supported: Any = getattr(_MKLDNN, "_is_mkldnn_bf16_supported", None)
