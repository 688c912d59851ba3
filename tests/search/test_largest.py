"""The largest values of rows, beside topk."""

import pytest
import torch
from torch.testing import assert_close

from seqtext.search.largest import largest


@pytest.mark.parametrize("size", [1, 15, 16, 160, 161, 4033])
@pytest.mark.parametrize("count", [1, 2, 10])
def test_is_topk(size: int, count: int) -> None:
    values = torch.randn(7, size, generator=torch.Generator().manual_seed(size))
    values[2, size // 3 :] = -torch.inf
    count = min(count, size)
    found, places = largest(values, count)
    assert_close(found, values.topk(count, 1).values, rtol=0, atol=0)
    assert_close(values.gather(1, places), found, rtol=0, atol=0)
    assert all(len(set(row)) == count for row in places.tolist())
