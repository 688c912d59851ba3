"""Every kind of attention against loops over rows and positions, written from the papers."""

import math
from typing import get_args

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.testing import assert_close

from seqtext.errors import ConfigError
from seqtext.nn.attention import Attention
from seqtext.nn.config import AttentionKind

KINDS = get_args(AttentionKind)
QUERY, MEMORY, HEADS = 6, 4, 3
LENGTHS = [3, 1, 5]


def build(kind):
    torch.manual_seed(0)
    return Attention(kind, QUERY, QUERY if kind == "dot" else MEMORY, heads=HEADS).double()


def make_inputs(kind, lengths=LENGTHS, queries=2):
    """Query (B, T, Q), memory (B, S, M), mask (B, S)."""
    generator = torch.Generator().manual_seed(1)
    size, longest = QUERY if kind == "dot" else MEMORY, max(lengths)
    query = torch.randn(len(lengths), queries, QUERY, generator=generator, dtype=torch.double)
    memory = torch.randn(len(lengths), longest, size, generator=generator, dtype=torch.double)
    mask = torch.arange(longest) < torch.tensor(lengths).unsqueeze(1)
    return query, memory, mask


def slow_softmax(scores):
    exponentials = [torch.exp(score) for score in scores]
    return [value / sum(exponentials) for value in exponentials]


def slow_average(weights, values):
    return sum(weight * value for weight, value in zip(weights, values, strict=True))


def slow_attention(attention, query, memory):
    """One query (Q,) to the real positions (S, M) of one row: context, S weights."""
    kind = attention.kind
    if kind == "multi_head":
        return slow_multi_head(attention, query, memory)
    if kind == "dot":
        scores = [sum(query * m) for m in memory]
    elif kind == "general":
        scores = [sum(query * (attention.key.weight @ m)) for m in memory]
    else:
        projected = attention.query.weight @ query + attention.query.bias
        scores = [
            sum(attention.vector * torch.tanh(projected + attention.key.weight @ m)) for m in memory
        ]
    weights = slow_softmax(scores)
    return slow_average(weights, memory), weights


def slow_multi_head(attention, query, memory):
    """head_i = softmax(q_i . k_i / sqrt(d)) v_i; the heads side by side, times W plus b."""
    size = QUERY // HEADS
    queries = attention.query.weight @ query + attention.query.bias
    keys = [attention.key.weight @ m for m in memory]
    values = [attention.value.weight @ m + attention.value.bias for m in memory]
    contexts, all_weights = [], []
    for head in range(HEADS):
        part = slice(head * size, (head + 1) * size)
        scores = [sum(queries[part] * key[part]) / math.sqrt(size) for key in keys]
        weights = slow_softmax(scores)
        contexts.append(slow_average(weights, [value[part] for value in values]))
        all_weights.append(weights)
    mean = [sum(column) / HEADS for column in zip(*all_weights, strict=True)]
    return attention.output.weight @ torch.cat(contexts) + attention.output.bias, mean


@pytest.mark.parametrize("kind", KINDS)
def test_equals_a_loop_over_positions(kind):
    attention = build(kind)
    query, memory, mask = make_inputs(kind)
    query.requires_grad_()
    memory.requires_grad_()
    context, weights = attention(query, attention.project(memory, mask))
    assert context.shape == (*query.shape[:2], attention.output_size)

    slow_context, slow_weights = torch.zeros_like(context), torch.zeros_like(weights)
    for row, length in enumerate(LENGTHS):
        for position in range(query.size(1)):
            found, parts = slow_attention(attention, query[row, position], memory[row, :length])
            slow_context[row, position] = found
            slow_weights[row, position, :length] = torch.stack(parts)
    assert_close(context, slow_context)
    assert_close(weights, slow_weights)

    wanted = [query, memory, *attention.parameters()]
    scale = torch.randn(context.shape, dtype=torch.double)
    assert_close(
        torch.autograd.grad((context * scale).sum(), wanted),
        torch.autograd.grad((slow_context * scale).sum(), wanted),
    )


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(KINDS), st.lists(st.integers(1, 6), min_size=1, max_size=4), st.integers(1, 3)
)
def test_weights_are_a_distribution_over_real_positions(kind, lengths, queries):
    attention = build(kind)
    query, memory, mask = make_inputs(kind, lengths, queries)
    _, weights = attention(query, attention.project(memory, mask))
    assert_close(weights.sum(-1), torch.ones(len(lengths), queries, dtype=torch.double))
    assert bool((weights >= 0).all())
    assert not bool(weights.masked_fill(mask.unsqueeze(1), 0).any())


@pytest.mark.parametrize("kind", KINDS)
def test_coverage_moves_the_keys(kind):
    """What has been attended to adds c_ts w to the key of position s, for each query its own."""
    attention = build(kind)
    attention.coverage = torch.nn.Parameter(torch.randn(QUERY, dtype=torch.double))
    query, memory, mask = make_inputs(kind)
    projected = attention.project(memory, mask)
    covered = torch.rand(*query.shape[:2], memory.size(1), dtype=torch.double)
    context, weights = attention(query, projected, covered)
    vector, attention.coverage = attention.coverage, None
    for t in range(query.size(1)):
        moved = projected._replace(keys=projected.keys + covered[:, t].unsqueeze(2) * vector)
        alone, of_one = attention(query[:, t : t + 1], moved)
        assert_close(context[:, t : t + 1], alone)
        assert_close(weights[:, t : t + 1], of_one)


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(KINDS), st.lists(st.integers(1, 6), min_size=1, max_size=4), st.integers(0, 3)
)
def test_padding_changes_nothing(kind, lengths, extra):
    attention = build(kind)
    query, memory, mask = make_inputs(kind, lengths)
    context, weights = attention(query, attention.project(memory, mask))

    more = torch.full((len(lengths), extra, memory.size(2)), 1e3, dtype=torch.double)
    padded = torch.cat([memory.masked_fill(~mask.unsqueeze(2), -1e3), more], 1)
    padded.requires_grad_()
    padded_mask = torch.nn.functional.pad(mask, (0, extra))
    again, again_weights = attention(query, attention.project(padded, padded_mask))
    assert_close(again, context, rtol=0, atol=1e-12)
    assert_close(again_weights[..., : mask.size(1)], weights, rtol=0, atol=1e-12)
    (gradient,) = torch.autograd.grad(again.sum(), padded)
    assert not bool(gradient[~padded_mask].any())


@pytest.mark.parametrize("kind", KINDS)
def test_queries_do_not_see_each_other(kind):
    attention = build(kind)
    query, memory, mask = make_inputs(kind, queries=3)
    projected = attention.project(memory, mask)
    together = attention(query, projected)
    alone = [attention(part, projected) for part in query.split(1, 1)]
    for found, parts in zip(together, zip(*alone, strict=True), strict=True):
        assert_close(found, torch.cat(parts, 1), rtol=0, atol=1e-12)


def test_dot_refuses_unequal_sizes():
    message = r"network\.attention: dot needs .* as wide as the memory, got 6 and 4; choose general"
    with pytest.raises(ConfigError, match=message):
        Attention("dot", 6, 4)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("covers", [False, True])
def test_loop_has_the_gradients_of_all_queries_at_once(kind, covers):
    attention = build(kind)
    query, memory, mask = make_inputs(kind, queries=3)
    query.requires_grad_()
    memory.requires_grad_()
    wanted, steps = [query, memory, *attention.parameters()], [None] * 3
    covered = None
    if covers:
        attention.coverage = torch.nn.Parameter(torch.randn(QUERY, dtype=torch.double))
        covered = torch.rand(*query.shape[:2], memory.size(1), dtype=torch.double)
        wanted, steps = [*wanted, attention.coverage], covered.split(1, 1)
    projected = attention.project(memory, mask)
    together = attention(query, projected, covered)
    loop = attention.defer(projected)
    parts = [attention(q, loop, c) for q, c in zip(query.split(1, 1), steps, strict=True)]
    alone = [torch.cat(part, 1) for part in zip(*parts, strict=True)]
    assert_close(alone, list(together))
    losses = [(context.sin().sum() + weights.sin().sum()) for context, weights in (together, alone)]
    expected, found = (torch.autograd.grad(loss, wanted, retain_graph=True) for loss in losses)
    assert_close(found, expected)
