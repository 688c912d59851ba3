"""Dropout: how much, where, and that the mean stays."""

import pytest
import torch

from seqtext.nn.dropout import Dropout, factors


@pytest.mark.parametrize("p", [0.1, 0.3, 0.5, 0.99])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_share_and_mean(p, dtype):
    torch.manual_seed(0)
    found = factors((100, 10_001), p, torch.zeros((), dtype=dtype))
    assert found.dtype == dtype
    assert found.unique().numel() == 2
    assert (found == 0).double().mean().item() == pytest.approx(p, abs=0.003)
    assert found.double().mean().item() == pytest.approx(1, abs=0.02)


def test_values_are_dropped_independently():
    torch.manual_seed(0)
    kept = (factors((100_000, 16), 0.5, torch.zeros(())) != 0).float()
    correlation = torch.corrcoef(kept.t()).fill_diagonal_(0)
    assert correlation.abs().max() < 0.02
    assert abs(torch.corrcoef(torch.stack([kept[1:, 0], kept[:-1, 0]]))[0, 1]) < 0.02


def test_gradient_flows_where_values_do():
    inputs = torch.ones(3, 5, 4, requires_grad=True)
    outputs = Dropout(0.5)(inputs)
    outputs.sum().backward()
    assert inputs.grad is not None
    assert torch.equal(inputs.grad, outputs.detach())
    assert 0 < (outputs == 0).sum() < outputs.numel()


def test_seeded():
    dropout, inputs = Dropout(0.5), torch.ones(3, 5, 4)
    torch.manual_seed(1)
    first = dropout(inputs)
    assert not torch.equal(dropout(inputs), first)
    torch.manual_seed(1)
    assert torch.equal(dropout(inputs), first)


@pytest.mark.parametrize("locked", [True, False])
def test_locked_drops_the_same_at_every_position_of_a_row(locked):
    torch.manual_seed(0)
    outputs = Dropout(0.5, locked=locked)(torch.ones(6, 9, 16))
    assert (outputs == outputs[:, :1]).all() == locked
    assert not torch.equal(outputs[0], outputs[1])


@pytest.mark.parametrize("p", [0.0, 0.5])
def test_nothing_is_dropped_in_evaluation(p):
    inputs = torch.ones(3, 5, 4)
    assert Dropout(p).eval()(inputs) is inputs
    assert Dropout(0.0)(inputs) is inputs
