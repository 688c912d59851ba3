"""The probe of bfloat16."""

from __future__ import annotations

import pytest
import torch

from seqtext.nn.precision import has_bfloat16, speed_of_bfloat16


@pytest.mark.skipif(not has_bfloat16(), reason="this CPU has no bfloat16 kernels")
def test_the_probe_leaves_random_numbers_alone() -> None:
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    assert 0.05 < speed_of_bfloat16() < 20
    assert torch.equal(torch.rand(2), expected)
