"""Products without gradient against float64, whatever kernel serves them."""

import pytest
import torch
from torch.nn import functional as F
from torch.testing import assert_close

from seqtext.nn.linear import packed, product


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("rows", [0, 1, 7, 70])
@pytest.mark.parametrize("bias", [True, False])
def test_products(dtype, rows, bias):
    generator = torch.Generator().manual_seed(0)
    inputs, weight, offset = (
        torch.randn(*size, generator=generator, dtype=torch.double).to(dtype)
        for size in ((2, rows, 24), (40, 24), (40,))
    )
    added = offset if bias else None
    expected = F.linear(inputs.double(), weight.double(), None if added is None else added.double())
    tolerance = {torch.float64: 1e-12, torch.float32: 1e-5, torch.bfloat16: 0.1}[dtype]
    for found in (product(inputs, weight, added), packed(weight, added)(inputs)):
        assert found.dtype == dtype
        assert_close(found.double(), expected, rtol=tolerance, atol=tolerance)
    for strided in (weight.t().contiguous().t(), F.pad(weight, (3, 2))[:, 3:-2]):
        found = product(inputs, strided, added)
        assert_close(found.double(), expected, rtol=tolerance, atol=tolerance)
