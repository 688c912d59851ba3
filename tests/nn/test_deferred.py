"""A linear map in a loop against the same loop with autograd's own gradients."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.testing import assert_close

from seqtext.nn.deferred import DeferredLinear, DeferredProduct
from seqtext.nn.linear import Linear


def run(linear: Linear, inputs: Tensor, square: Tensor) -> Tensor:
    """A loop whose steps feed each other."""
    state, total = inputs[0], torch.zeros((), dtype=inputs.dtype)
    for step in inputs:
        state = torch.tanh(linear(state + step) @ square)
        total = total + state.sum()
    return total


@pytest.mark.parametrize("bias", [True, False])
def test_gradients_are_those_of_a_plain_loop(bias):
    generator = torch.Generator().manual_seed(0)
    inputs, weight, offset, square = (
        torch.randn(*size, generator=generator, dtype=torch.double).requires_grad_()
        for size in ((5, 3, 4), (6, 4), (6,), (6, 4))
    )
    parameters = [inputs, weight, square, *([offset] if bias else [])]
    added = offset if bias else None
    expected = run(lambda x: F.linear(x, weight, added), inputs, square)
    found = run(DeferredLinear(weight, added), inputs, square)
    assert_close(found, expected)
    assert_close(torch.autograd.grad(found, parameters), torch.autograd.grad(expected, parameters))


def test_uncalled_map_gets_no_gradient():
    weight = torch.ones(2, 2, requires_grad=True)
    first, second = DeferredLinear(weight), DeferredLinear(weight)
    (first(torch.ones(1, 2)).sum() + 0 * second._weight.sum()).backward()
    assert_close(weight.grad, torch.ones(2, 2))


def test_autocast_multiplies_in_low_precision():
    weight = torch.randn(4, 3, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        outputs = DeferredLinear(weight)(torch.randn(2, 3))
    assert outputs.dtype == torch.bfloat16
    outputs.float().sum().backward()
    assert weight.grad is not None and weight.grad.dtype == torch.float32


def test_product_has_the_gradients_of_plain_ones():
    generator = torch.Generator().manual_seed(0)
    inputs, matrix = (
        torch.randn(size, generator=generator, dtype=torch.double).requires_grad_()
        for size in ((3, 5, 4), (3, 4, 2))
    )
    product = DeferredProduct(matrix)
    outputs = torch.cat([product(step) for step in inputs.split((1, 3, 1), 1)], 1)
    expected = inputs @ matrix
    assert_close(outputs, expected)
    by_outputs = torch.randn(outputs.shape, generator=generator, dtype=torch.double)
    assert_close(
        torch.autograd.grad(outputs, (inputs, matrix), by_outputs),
        torch.autograd.grad(expected, (inputs, matrix), by_outputs),
    )
