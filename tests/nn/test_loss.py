"""The loss against the sum over an explicit target distribution."""

import pytest
import torch
from torch.testing import assert_close

from seqtext.data.batch import IGNORE
from seqtext.nn.loss import smoothed_nll

LABELS = torch.tensor([[3, 0, 4], [2, IGNORE, IGNORE]])


def make_logits(dtype=torch.double):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, 3, 5, generator=generator, dtype=torch.double).mul(3).to(dtype)


def slow_smoothed_nll(logits, labels, smoothing):
    """- sum_j t_j log p_j, t = (1 - smoothing) on the label + smoothing / V everywhere."""
    total = 0.0
    for row, row_labels in zip(logits, labels.tolist(), strict=True):
        for position, label in zip(row, row_labels, strict=True):
            if label == -100:
                continue
            normalizer = torch.log(sum(torch.exp(logit) for logit in position))
            for j, logit in enumerate(position):
                target = smoothing / len(position) + (1 - smoothing) * (j == label)
                total = total - target * (logit - normalizer)
    return total


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_equals_the_sum_over_the_target_distribution(smoothing):
    logits = make_logits().requires_grad_()
    found = smoothed_nll(logits, LABELS, smoothing)
    expected = slow_smoothed_nll(logits, LABELS, smoothing)
    assert_close(found, expected)
    assert_close(torch.autograd.grad(found, logits), torch.autograd.grad(expected, logits))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_padded_positions_count_for_nothing(smoothing):
    logits = make_logits()
    expected = smoothed_nll(logits, LABELS, smoothing)
    logits[LABELS == IGNORE] = 1e4
    logits.requires_grad_()
    found = smoothed_nll(logits, LABELS, smoothing)
    assert_close(found, expected, rtol=0, atol=1e-12)
    (gradient,) = torch.autograd.grad(found, logits)
    assert not bool(gradient[LABELS == IGNORE].any())
    assert bool(gradient[LABELS != IGNORE].all())


def test_is_a_sum_over_positions():
    logits = make_logits()
    rows = [smoothed_nll(logits[row], LABELS[row], 0.1) for row in range(2)]
    assert_close(smoothed_nll(logits, LABELS, 0.1), sum(rows))
    assert smoothed_nll(logits, torch.full_like(LABELS, IGNORE), 0.1) == 0


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_low_precision_logits_are_summed_in_float32(dtype):
    logits = make_logits(dtype)
    found = smoothed_nll(logits, LABELS, 0.1)
    assert found.dtype == torch.float32
    assert_close(found, smoothed_nll(logits.double(), LABELS, 0.1).float(), rtol=1e-6, atol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_keeps_higher_precision(dtype):
    assert smoothed_nll(make_logits(dtype), LABELS, 0.1).dtype == dtype
