"""Attention over a memory that is projected once. One query or all of them go through the same code.

Shapes: B rows, S source positions, T queries, Q query width, M memory width, A key width.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import torch
from torch import Tensor, nn

from seqtext.errors import ConfigError
from seqtext.nn.additive import AdditiveScores
from seqtext.nn.config import AttentionKind
from seqtext.nn.deferred import DeferredLinear, DeferredProduct
from seqtext.nn.linear import Linear


class Memory(NamedTuple):
    """Encoder outputs, ready to be attended to."""

    keys: Tensor  # (B, S, A)
    values: Tensor  # (B, S, M)
    bias: Tensor  # (B, 1, S) of the scores: 0 at a real piece, else -inf


class Maps(NamedTuple):
    """What attention does with a query."""

    query: Linear  # (B, T, Q) -> (B, T, A)
    scores: Linear  # (B, T, A) -> (B, T, S)
    context: Linear  # weights (B, T, S) -> (B, T, M)


def _unchanged(query: Tensor) -> Tensor:
    return query


class LoopMemory(Memory):
    """A memory that each step of a loop over time attends to, see ``Attention.defer``."""

    maps: Maps


def dot_scores(query: Tensor, keys: Tensor, bias: Tensor) -> Tensor:
    """score(t, s) = q_t . k_s + b_s  (Luong et al. 2015, eq. 8, dot).

    Args:
        query: (B, T, A).
        keys: (B, S, A).
        bias: (B, 1, S), b.

    Returns:
        (B, T, S).
    """
    return torch.baddbmm(bias, query, keys.transpose(1, 2))


def additive_scores(query: Tensor, keys: Tensor, vector: Tensor) -> Tensor:
    """score(t, s) = v . tanh(q_t + k_s)  (Bahdanau et al. 2015, A.1.2).

    Args:
        query: (B, T, A), already projected.
        keys: (B, 1, S, A), or (B, T, S, A) of each query.
        vector: (A,), v.

    Returns:
        (B, T, S).
    """
    return torch.tanh(query.unsqueeze(2) + keys) @ vector


def covered_scores(scores: Tensor, query: Tensor, vector: Tensor, covered: Tensor) -> Tensor:
    """q_t . (k_s + c_ts w) of q_t . k_s.

    Args:
        scores: (B, T, S).
        query: (B, T, A).
        vector: (A,), or (B, A) of each row, w.
        covered: (B, T, S), c.

    Returns:
        (B, T, S).
    """
    return scores + (query @ vector.to(query.dtype).unsqueeze(-1)) * covered.to(scores.dtype)


def attend(scores: Tensor, dtype: torch.dtype, context: Linear) -> tuple[Tensor, Tensor]:
    """a_t = softmax of score(t, .), c_t = sum_s a_ts v_s.

    Args:
        scores: (B, T, S), -inf at padding. Each row has a real piece.
        dtype: Of a.
        context: a (B, T, S) -> c (B, T, M).

    Returns:
        Context (B, T, M) and weights (B, T, S). A padded position has weight 0.
    """
    weights = scores.softmax(-1).to(dtype)
    return context(weights), weights


class Attention(nn.Module):
    """Scores of one kind, with the projections that the kind needs.

    ``dot`` scores q . m, and ``general`` scores q . W m (Luong et al. 2015, eq. 8).

    ``additive`` scores v . tanh(U q + W m) (Bahdanau et al. 2015).

    ``multi_head`` has scaled dot products in ``heads`` subspaces (Vaswani et al. 2017, section 3.2.2). The
    weights returned are the mean over the heads.

    Args:
        kind: See above.
        query_size: Q.
        memory_size: M.
        heads: For ``multi_head``. A divisor of Q.
        coverage: Whether ``forward`` takes the coverage c_ts of each position. The key of position s is
            then k_s + c_ts w with a learned w (A,). For ``additive`` this is See et al. 2017, eq. 11.

    Raises:
        ConfigError: ``dot`` with Q different from M.
    """

    def __init__(
        self,
        kind: AttentionKind,
        query_size: int,
        memory_size: int,
        *,
        heads: int = 4,
        coverage: bool = False,
    ) -> None:
        super().__init__()
        self.kind = kind
        self.heads = heads if kind == "multi_head" else 1
        self.output_size = query_size if kind == "multi_head" else memory_size
        # from 0 on: coverage changes nothing until its weight is learned
        self.coverage = nn.Parameter(torch.zeros(query_size)) if coverage else None
        if kind == "dot":
            if query_size != memory_size:
                raise ConfigError(
                    f"network.attention: dot needs a query as wide as the memory, got {query_size}"
                    f" and {memory_size}; choose general"
                )
            return
        self.key = nn.Linear(memory_size, query_size, bias=False)
        if kind == "additive":
            self.query = nn.Linear(query_size, query_size)
            self.vector = nn.Parameter(torch.empty(query_size))
            nn.init.uniform_(self.vector, -(query_size**-0.5), query_size**-0.5)
        elif kind == "multi_head":
            self.query = nn.Linear(query_size, query_size)
            self.value = nn.Linear(memory_size, query_size)
            self.output = nn.Linear(query_size, query_size)

    def project(self, memory: Tensor, mask: Tensor, key: Linear | None = None) -> Memory:
        """Project encoder outputs (B, S, M) once. The mask (B, S) is True at real pieces.

        Another layout of the key's weights may stand for them.
        """
        keys = memory if self.kind == "dot" else (key or self.key)(memory)
        values = self.value(memory) if self.kind == "multi_head" else memory
        bias = torch.zeros(mask.shape, dtype=keys.dtype, device=keys.device)
        return Memory(keys, values, bias.masked_fill_(~mask, -torch.inf).unsqueeze(1))

    def forward(
        self, query: Tensor, memory: Memory, covered: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Query (B, T, Q) -> context (B, T, M) (``multi_head``: (B, T, Q)) and weights (B, T, S).

        Args:
            query: See above.
            memory: Of ``project``.
            covered: (B, T, S), coverage: the attention to each position before each query. None is 0.
        """
        if self.kind == "multi_head":
            return self._multi_head(query, memory, covered)
        maps = memory.maps if isinstance(memory, LoopMemory) else self._maps(memory)
        query = maps.query(query)
        if self.coverage is None or covered is None:
            scores = maps.scores(query)
        elif self.kind == "additive":
            moves = covered.to(query.dtype).unsqueeze(3) * self.coverage.to(query.dtype)
            keys = memory.keys.unsqueeze(1) + moves
            scores = additive_scores(query, keys, self.vector) + memory.bias
        else:
            scores = covered_scores(maps.scores(query), query, self.coverage, covered)
        return attend(scores, memory.values.dtype, maps.context)

    def _maps(self, memory: Memory) -> Maps:
        keys, values, bias = memory

        def context(weights: Tensor) -> Tensor:
            return torch.bmm(weights, values)

        if self.kind != "additive":
            scores = functools.partial(dot_scores, keys=keys, bias=bias)
            return Maps(_unchanged, scores, context)
        if keys.device.type == "cpu":
            of_pairs: Linear = AdditiveScores(keys, self.vector)
        else:
            of_pairs = functools.partial(
                additive_scores, keys=keys.unsqueeze(1), vector=self.vector
            )
        return Maps(self.query, lambda query: of_pairs(query) + bias, context)

    def defer(self, memory: Memory) -> Memory:
        """A memory for a loop over time under autograd. Gradients by weights and memory come after all steps.

        The graph of each step would have gradients as large as the memory, and add them up.
        """
        if self.kind == "multi_head":
            return memory
        query, scores, _ = self._maps(memory)
        if self.kind == "additive":
            linear = DeferredLinear(self.query.weight, self.query.bias)

            def query(inputs: Tensor) -> Tensor:
                return linear(inputs.flatten(0, 1)).view(inputs.shape)
        else:
            product = DeferredProduct(memory.keys.transpose(1, 2))

            def scores(query: Tensor) -> Tensor:
                return product(query) + memory.bias

        loop = LoopMemory(*memory)
        loop.maps = Maps(query, scores, DeferredProduct(memory.values))
        return loop

    def _multi_head(
        self, query: Tensor, memory: Memory, covered: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        def split(inputs: Tensor) -> Tensor:  # (B, L, Q) -> (B * heads, L, Q / heads)
            rows, length, size = inputs.shape
            parts = inputs.view(rows, length, self.heads, size // self.heads)
            return parts.transpose(1, 2).reshape(rows * self.heads, length, size // self.heads)

        queries, keys, values = split(self.query(query)), split(memory.keys), split(memory.values)
        bias = memory.bias.repeat_interleave(self.heads, 0)
        scores = dot_scores(queries, keys, bias)
        if self.coverage is not None and covered is not None:
            by_head = self.coverage.view(self.heads, -1).repeat(len(query), 1)
            covered = covered.repeat_interleave(self.heads, 0)
            scores = covered_scores(scores, queries, by_head, covered)
        scores = scores * keys.size(-1) ** -0.5
        context, weights = attend(scores, values.dtype, lambda shares: torch.bmm(shares, values))
        rows, length, size = query.shape
        context = context.view(rows, self.heads, length, -1).transpose(1, 2)
        weights = weights.view(rows, self.heads, length, -1).mean(1)
        return self.output(context.reshape(rows, length, size)), weights
