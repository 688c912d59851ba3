"""Additive scores in blocks against the plain formula, and their gradients."""

import pytest
import torch
from torch.testing import assert_close

from seqtext.nn import additive
from seqtext.nn.additive import AdditiveScores
from seqtext.nn.attention import additive_scores

ROWS, QUERIES, POSITIONS, WIDTH = 3, 4, 6, 5


def make_inputs(scale=1.0, dtype=torch.double):
    """Query, keys and vector."""
    generator = torch.Generator().manual_seed(0)
    shapes = (ROWS, QUERIES, WIDTH), (ROWS, POSITIONS, WIDTH), (WIDTH,)
    return [
        (scale * torch.randn(shape, generator=generator, dtype=torch.double))
        .to(dtype)
        .requires_grad_()
        for shape in shapes
    ]


def run(query, keys, vector):
    return AdditiveScores(keys, vector)(query)


def run_by_steps(query, keys, vector):
    scores = AdditiveScores(keys, vector)
    return torch.cat([scores(step) for step in query.split(1, 1)], 1)


def run_plain(query, keys, vector):
    return additive_scores(query, keys.unsqueeze(1), vector)


# 30: some powers would overflow float32. Blocks of 1: a pair of a row and a query at a time.
@pytest.mark.parametrize("scale", [1, 30])
@pytest.mark.parametrize("block", [1, 70, 1 << 19])
@pytest.mark.parametrize("scores_of", [run, run_by_steps])
def test_equals_the_plain_formula(monkeypatch, scale, block, scores_of):
    monkeypatch.setattr(additive, "_BLOCK", block)
    inputs = make_inputs(scale)
    scores, expected = scores_of(*inputs), run_plain(*inputs)
    assert_close(scores, expected)
    by_scores = torch.linspace(-1, 1, scores.numel(), dtype=torch.double).view(scores.shape)
    assert_close(
        torch.autograd.grad(scores, inputs, by_scores),
        torch.autograd.grad(expected, inputs, by_scores),
    )


def test_gradients_are_numeric_ones():
    assert torch.autograd.gradcheck(run, make_inputs())
    assert torch.autograd.gradcheck(run_by_steps, make_inputs())


@pytest.mark.parametrize("scale", [0.01, 1, 8, 30, 1000])
def test_single_precision_is_as_exact_as_tanh(scale):
    inputs = make_inputs(scale, torch.float32)
    expected = run_plain(*(part.double() for part in inputs))
    bound = 1e-6 * inputs[2].abs().sum().item() * max(1, scale / 8)
    assert_close(run(*inputs).double(), expected, rtol=0, atol=bound)


def test_second_backward_pass_begins_anew():
    inputs = make_inputs()
    scores = run(*inputs)
    first = torch.autograd.grad(scores.sum(), inputs, retain_graph=True)
    assert_close(torch.autograd.grad(scores.sum(), inputs), first)


def test_a_value_that_is_no_number_stays_none():
    query, keys, vector = make_inputs()
    assert bool(run(query * torch.nan, keys, vector).isnan().all())


def test_autocast_adds_up_in_single_precision():
    query, keys, vector = make_inputs(dtype=torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        scores = run(query.bfloat16(), keys.bfloat16(), vector)
    assert_close(scores, run_plain(query.bfloat16().float(), keys.bfloat16().float(), vector))
