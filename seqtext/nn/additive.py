"""score(t, s) = v . tanh(q_t + k_s) on a CPU, some pairs at a time.

Shapes: B rows, S source positions, T queries, A key width.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

# So many numbers of pairs are computed at a time. They stay in the processor's cache.
_BLOCK = 1 << 19
# exp(2 x) and exp(-2 x) are normal numbers of float32 up to here.
_LARGEST = 43.0


class AdditiveScores:
    """The scores for one memory, of one call or of a call a step.

    With r = 1 / (1 + exp(2 q) exp(2 k)) the hyperbolic tangent is 1 - 2 r. So a pair costs a reciprocal,
    and no tanh, which takes ten times as long. The backward pass computes r again. So no (B, T, S, A) tensor
    exists. The gradients by keys and vector are added up in place over all calls.

    Args:
        keys: (B, S, A).
        vector: (A,), v.
    """

    def __init__(self, keys: Tensor, vector: Tensor) -> None:
        wide = torch.promote_types(keys.dtype, torch.float32)
        self._shared = _Shared(keys.detach().to(wide))
        nodes = _Nodes.apply(keys.to(wide), vector.to(wide), self._shared)  # type: ignore[no-untyped-call]
        self._keys, self._vector = nodes

    def __call__(self, query: Tensor) -> Tensor:
        """Query (B, T, A) -> (B, T, S), float32 at least."""
        query = query.to(self._keys.dtype)
        with torch.autocast(query.device.type, enabled=False):
            scores: Tensor = _Scores.apply(query, self._keys, self._vector, self._shared)  # type: ignore[no-untyped-call]
        return scores


class _Shared:
    """What all calls share: exp(2 k), and the sums of gradients by keys (over 4 v) and vector."""

    def __init__(self, keys: Tensor) -> None:
        self.powers = (2 * keys).exp_() if _is_moderate(keys) else None
        self.by_keys: Tensor | None = None
        self.by_vector: Tensor | None = None


def _is_moderate(values: Tensor) -> bool:
    """Whether no power overflows. False where a value is NaN."""
    least, most = values.aminmax()
    return float(least) >= -_LARGEST and float(most) <= _LARGEST


class _Nodes(torch.autograd.Function):
    """The node of keys and vector before all calls in the graph. So its backward pass comes after theirs."""

    @staticmethod
    def forward(ctx: Any, keys: Tensor, vector: Tensor, shared: _Shared) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(vector)
        ctx.shared = shared
        ctx.set_materialize_grads(False)
        # views, since an output that is an input would not become a node of the graph
        return keys.view_as(keys), vector.view_as(vector)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *nothing: Tensor | None) -> tuple[Tensor | None, ...]:
        (vector,) = ctx.saved_tensors
        shared: _Shared = ctx.shared
        by_keys = None if shared.by_keys is None else shared.by_keys.mul_(4 * vector)
        by_vector = shared.by_vector
        shared.by_keys = shared.by_vector = None  # a second backward pass begins anew
        return by_keys, by_vector, None


class _Scores(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, query: Tensor, keys: Tensor, vector: Tensor, shared: _Shared) -> Tensor:
        ctx.save_for_backward(query, keys, vector)
        ctx.shared = shared
        scores = query.new_empty(*query.shape[:2], keys.size(1))
        for rows, queries, half in _halves(query, keys, shared):
            scores[rows, queries] = half @ vector
        return scores.mul_(-2).add_(vector.sum())

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, by_scores: Tensor) -> tuple[Tensor | None, ...]:
        query, keys, vector = ctx.saved_tensors
        shared: _Shared = ctx.shared
        if shared.by_keys is None or shared.by_vector is None:
            shared.by_keys, shared.by_vector = torch.zeros_like(keys), torch.zeros_like(vector)
        shared.by_vector += by_scores.sum()
        by_query = torch.empty_like(query)
        for rows, queries, half in _halves(query, keys, shared):
            by_block = by_scores[rows, queries]
            shared.by_vector.addmv_(half.flatten(0, 2).t(), by_block.flatten(), alpha=-2)
            slope = half.addcmul_(half, half, value=-1)  # (1 - tanh^2) / 4
            slope.mul_(by_block.unsqueeze(3))
            torch.sum(slope, 2, out=by_query[rows, queries])
            # a sum of one query takes five times as long as of many
            by_keys = slope[:, 0] if slope.size(1) == 1 else slope.sum(1)
            shared.by_keys[rows] += by_keys
        return by_query.mul_(4 * vector), None, None, None


def _halves(query: Tensor, keys: Tensor, shared: _Shared) -> Iterator[tuple[slice, slice, Tensor]]:
    """r (B', T', S, A) of some rows and queries after others, in memory that the next ones take again."""
    rows, queries, width = query.shape
    a_query = keys.size(1) * width
    some = min(queries, max(1, _BLOCK // a_query))
    more = min(rows, max(1, _BLOCK // (a_query * some)))
    memory, one = query.new_empty(more * some * a_query), query.new_ones(())
    by_powers = shared.powers is not None and _is_moderate(query)
    if shared.powers is not None and by_powers:
        query, keys = (2 * query).exp_(), shared.powers
    for row in range(0, rows, more):
        for first in range(0, queries, some):
            block = slice(row, row + more), slice(first, first + some)
            left, right = query[block].unsqueeze(2), keys[block[0]].unsqueeze(1)
            shape = len(right), left.size(1), right.size(2), width
            half = memory[: math.prod(shape)].view(shape)
            if by_powers:
                torch.addcmul(one, left, right, out=half).reciprocal_()
            else:
                torch.add(left, right, out=half).mul_(-2).sigmoid_()
            yield *block, half
