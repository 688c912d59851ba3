"""The loss against the sum over an explicit target distribution."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.testing import assert_close

from seqtext.data.batch import IGNORE
from seqtext.nn import loss as module
from seqtext.nn.loss import smoothed_nll

VOCAB = 5
LABELS = torch.tensor([[3, 0, 4], [2, IGNORE, IGNORE]])


def make_inputs(dtype: torch.dtype = torch.double) -> tuple[Tensor, Tensor, Tensor]:
    """Readout (2, 3, 4), weight (8, 4) and bias (8,): rows from 5 on are padding."""
    generator = torch.Generator().manual_seed(0)
    shapes = (2, 3, 4), (8, 4), (8,)
    readout, weight, bias = (
        torch.randn(s, generator=generator, dtype=torch.double).mul(2).to(dtype).requires_grad_()
        for s in shapes
    )
    return readout, weight, bias


def slow_smoothed_nll(readout, weight, bias, labels, smoothing):
    """- sum_j t_j log p_j, t = (1 - smoothing) on the label + smoothing / V everywhere."""
    total = torch.zeros((), dtype=readout.dtype)
    logits = (readout @ weight.t() + bias)[..., :VOCAB]
    for row, row_labels in zip(logits, labels.tolist(), strict=True):
        for position, label in zip(row, row_labels, strict=True):
            if label == -100:
                continue
            normalizer = position.exp().sum().log()
            for j, logit in enumerate(position):
                target = smoothing / len(position) + (1 - smoothing) * (j == label)
                total = total - target * (logit - normalizer)
    return total


@pytest.mark.parametrize("chunk", [1, 4, 100])  # positions at a time
@pytest.mark.parametrize("block", [1, 3, 100])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_equals_the_sum_over_the_target_distribution(smoothing, block, chunk, monkeypatch):
    monkeypatch.setitem(module._CHUNK, "cpu", chunk * 8)
    monkeypatch.setattr(module, "_BLOCK", block * 8)
    monkeypatch.setattr(module, "_FEWEST_ROWS", 1)
    inputs = make_inputs()
    found = smoothed_nll(*inputs, LABELS, VOCAB, smoothing)
    expected = slow_smoothed_nll(*inputs, LABELS, smoothing)
    assert_close(found, expected)
    # another function behind the loss scales its gradient
    assert_close(torch.autograd.grad(found / 7, inputs), torch.autograd.grad(expected / 7, inputs))


def test_no_gradient_is_needed_for_the_value():
    with torch.no_grad():
        inputs = make_inputs()
        assert_close(
            smoothed_nll(*inputs, LABELS, VOCAB, 0.1), slow_smoothed_nll(*inputs, LABELS, 0.1)
        )


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_padded_positions_count_for_nothing(smoothing):
    readout, weight, bias = make_inputs()
    expected = smoothed_nll(readout, weight, bias, LABELS, VOCAB, smoothing)
    spoilt = readout.detach().clone()
    spoilt[LABELS == IGNORE] = torch.inf
    spoilt.requires_grad_()
    found = smoothed_nll(spoilt, weight, bias, LABELS, VOCAB, smoothing)
    assert_close(found, expected, rtol=0, atol=1e-12)
    one = torch.autograd.grad(found, (spoilt, weight, bias))
    other = torch.autograd.grad(expected, (readout, weight, bias))
    assert_close(one, other)
    assert not bool(one[0][LABELS == IGNORE].any())
    assert bool(one[0][LABELS != IGNORE].all())


def test_is_a_sum_over_positions():
    readout, weight, bias = make_inputs()
    rows = [smoothed_nll(readout[i], weight, bias, LABELS[i], VOCAB, 0.1) for i in range(2)]
    assert_close(smoothed_nll(readout, weight, bias, LABELS, VOCAB, 0.1), sum(rows))
    nothing = torch.full_like(LABELS, IGNORE)
    assert smoothed_nll(readout, weight, bias, nothing, VOCAB, 0.1) == 0


def test_low_precision_products_are_summed_in_float32():
    inputs = make_inputs(torch.bfloat16)
    found = smoothed_nll(*inputs, LABELS, VOCAB, 0.1)
    assert found.dtype == torch.float32
    logits = F.linear(*inputs).double()[..., :VOCAB].flatten(0, 1)
    expected = F.cross_entropy(
        logits, LABELS.flatten(), ignore_index=IGNORE, label_smoothing=0.1, reduction="sum"
    )
    assert_close(found, expected.float(), rtol=1e-6, atol=0)


def test_autocast_multiplies_in_low_precision_and_keeps_gradients_wide():
    inputs = make_inputs(torch.float32)
    exact = torch.autograd.grad(smoothed_nll(*inputs, LABELS, VOCAB, 0.1), inputs)
    with torch.autocast("cpu", torch.bfloat16):
        found = smoothed_nll(*inputs, LABELS, VOCAB, 0.1)
    gradients = torch.autograd.grad(found, inputs)
    readout, weight, bias = (part.detach().bfloat16() for part in inputs)
    # only the products are rounded
    assert found == smoothed_nll(readout, weight, bias, LABELS, VOCAB, 0.1)
    assert found.dtype == torch.float32
    assert all(gradient.dtype == torch.float32 for gradient in gradients)
    assert not torch.equal(gradients[1], exact[1])
    assert_close(gradients, exact, rtol=0.05, atol=0.05)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_keeps_higher_precision(dtype):
    assert smoothed_nll(*make_inputs(dtype), LABELS, VOCAB).dtype == dtype


@pytest.mark.parametrize("chunk", [1, 4, 100])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_mixture_equals_the_sum_by_hand(smoothing, chunk, monkeypatch):
    """-(1 - e) log(g p_label + c) - e / V sum_j log p_j, and all its gradients."""
    monkeypatch.setitem(module._CHUNK, "cpu", chunk * 8)
    monkeypatch.setattr(module, "_BLOCK", 2 * 8)
    monkeypatch.setattr(module, "_FEWEST_ROWS", 1)
    generator = torch.Generator().manual_seed(3)
    generated, copied = torch.rand(2, *LABELS.shape, generator=generator, dtype=torch.double)
    copied[0, 1] = 0.0  # a label that the source has not
    inputs = [*make_inputs(), generated.requires_grad_(), copied.requires_grad_()]
    readout, weight, bias, generated, copied = inputs
    found = smoothed_nll(
        readout, weight, bias, LABELS, VOCAB, smoothing, generated=generated, copied=copied
    )
    log_probs = (readout @ weight.t() + bias)[..., :VOCAB].log_softmax(-1)
    expected = torch.zeros((), dtype=torch.double)
    for row in range(2):
        for t in range(3):
            if (label := LABELS[row, t]) != IGNORE:
                total = generated[row, t] * log_probs[row, t, label].exp() + copied[row, t]
                expected = expected - (1 - smoothing) * total.log()
                expected = expected - smoothing * log_probs[row, t].mean()
    assert_close(found, expected)
    assert_close(torch.autograd.grad(found / 7, inputs), torch.autograd.grad(expected / 7, inputs))
