"""tanh in inference, beside PyTorch's in float64."""

import pytest
import torch
from torch.testing import assert_close

from seqtext.nn.tanh import tanh


@pytest.mark.parametrize("width", [24, 32, 512])
def test_is_tanh_and_a_row_does_not_depend_on_the_others(width: int) -> None:
    inputs = torch.randn(9, width, generator=torch.Generator().manual_seed(0)) * 5
    inputs[2, :3] = torch.tensor([1e4, -1e4, torch.nan])
    with torch.no_grad():
        outputs = tanh(inputs)
        assert_close(outputs, inputs.double().tanh().float(), rtol=0, atol=2e-7, equal_nan=True)
        for row in range(9):
            assert_close(
                tanh(inputs[row : row + 1])[0], outputs[row], rtol=0, atol=0, equal_nan=True
            )


@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize("shape", [(1025, 32), (513, 96), (320, 256)])
def test_a_row_does_not_depend_on_the_others_with_several_threads(
    threads: int, shape: tuple[int, int]
) -> None:
    inputs = torch.randn(shape, generator=torch.Generator().manual_seed(320))
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.no_grad():
            outputs = tanh(inputs)
            assert torch.equal(torch.cat([tanh(row) for row in inputs.split(1)]), outputs)
    finally:
        torch.set_num_threads(before)


def test_has_a_gradient_and_keeps_float64() -> None:
    inputs = torch.randn(3, 32, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(tanh, inputs)
    with torch.no_grad():
        assert torch.equal(tanh(inputs), inputs.tanh())
