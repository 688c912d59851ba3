"""The recurrence in time against a loop, and its gradient."""

import pytest
import torch
from torch.testing import assert_close

from seqtext.nn.cells.linear_recurrence import doubling, one_by_one, scan


@pytest.mark.parametrize("way", [one_by_one, doubling, scan])
@pytest.mark.parametrize("length", [1, 2, 3, 7, 8, 33])
def test_scan_is_a_loop(way, length):
    torch.manual_seed(length)
    keep, new = torch.rand(2, length, 3).double(), torch.randn(2, length, 3).double()
    start = torch.randn(2, 3).double()
    wanted = [part.requires_grad_() for part in (keep, new, start)]
    memory, steps = start, []
    for t in range(length):
        memory = keep[:, t] * memory + new[:, t]
        steps.append(memory)
    slow, fast = torch.stack(steps, 1), way(keep, new, start)
    assert_close(fast, slow)
    weights = torch.randn_like(slow)
    assert_close(
        torch.autograd.grad((fast * weights).sum(), wanted),
        torch.autograd.grad((slow * weights).sum(), wanted),
    )
