"""The LSTM's step under autograd against the one without."""

import torch
from torch.testing import assert_close

from seqtext.nn.cells.fused import LSTM
from seqtext.nn.cells.lstm_step import lstm_step


def make_inputs():
    """Projected, recurrent and state."""
    generator = torch.Generator().manual_seed(0)
    return [
        torch.randn(shape, generator=generator, dtype=torch.double).requires_grad_()
        for shape in ((2, 12), (2, 12), (2, 2, 3))
    ]


def test_equals_the_step_without_gradients():
    inputs = make_inputs()
    with torch.no_grad():
        expected = LSTM(3, 3).step(*inputs)
    assert_close(lstm_step(*inputs), expected)


def test_gradients_are_numeric_ones():
    assert torch.autograd.gradcheck(lstm_step, make_inputs())


def test_autocast_keeps_the_state_wide():
    projected, recurrent, state = (part.float() for part in make_inputs())
    after = lstm_step(projected.bfloat16(), recurrent.bfloat16(), state)
    assert after.dtype == torch.float32
