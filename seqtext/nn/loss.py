"""Readout and labels -> loss, without holding the logits of a whole batch."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from seqtext.nn.linear import product

# Logits computed at a time. More would leave the processor's cache, fewer make small matrix
# products; a GPU wants large ones.
_CHUNK = {"cpu": 1 << 22}
_CHUNK_ELSEWHERE = 1 << 26
_FEWEST_ROWS = 512  # each chunk adds to the gradient of all weights


def smoothed_nll(
    readout: Tensor,
    weight: Tensor,
    bias: Tensor,
    labels: Tensor,
    vocab_size: int,
    smoothing: float = 0.0,
) -> Tensor:
    """Label-smoothed negative log-likelihood, summed over real pieces (Szegedy et al. 2016, section 7).

    The target distribution is (1 - e) on the label plus e spread evenly over all V pieces. Output
    layer and loss are one function because the gradient by the logits, softmax - target, is known at
    once: logits live for a few rows at a time.

    Args:
        readout: (..., R).
        weight: (V', R), V' >= V; rows from V on are padding.
        bias: (V',).
        labels: (...) ids, negative where padded.
        vocab_size: V.
        smoothing: e in [0, 1).

    Returns:
        Scalar, in nats; float32 at least. Matrix products are in the readout's type, or autocast's.
    """
    kind = readout.device.type
    dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else readout.dtype
    labels = labels.flatten()
    padded = labels < 0
    rows = readout.flatten(0, -2).masked_fill(padded.unsqueeze(1), 0).to(dtype)
    loss: Tensor = _ProjectedLoss.apply(  # type: ignore[no-untyped-call]
        rows, weight, bias, labels.clamp(min=0), ~padded, vocab_size, smoothing
    )
    return loss


class _ProjectedLoss(torch.autograd.Function):
    """Computes its gradients in the forward pass. Rows that are not ``kept`` must be 0."""

    @staticmethod
    def forward(
        ctx: Any,
        readout: Tensor,
        weight: Tensor,
        bias: Tensor,
        labels: Tensor,
        kept: Tensor,
        vocab_size: int,
        smoothing: float,
    ) -> Tensor:
        wide = torch.promote_types(readout.dtype, torch.float32)
        matrix, offset = weight.to(readout.dtype), bias.to(readout.dtype)
        wanted = any(ctx.needs_input_grad)
        loss, by_bias = readout.new_zeros((), dtype=wide), torch.zeros_like(bias, dtype=wide)
        by_readout, by_weight = torch.empty_like(readout), None
        size = _CHUNK.get(readout.device.type, _CHUNK_ELSEWHERE) // len(weight)
        size = max(size, _FEWEST_ROWS)
        for start in range(0, len(readout), size):
            chunk = slice(start, start + size)
            rows, ids = readout[chunk], labels[chunk].unsqueeze(1)
            counts = kept[chunk].to(wide)
            logits = product(rows, matrix, offset)[:, :vocab_size]
            log_probs = logits.log_softmax(1, dtype=wide)
            nll = log_probs.gather(1, ids).mul_(smoothing - 1)
            if smoothing:
                nll -= smoothing / vocab_size * log_probs.sum(1, keepdim=True)
            loss += counts @ nll[:, 0]
            if not wanted:
                continue
            gradient = log_probs.exp_()  # becomes softmax - target
            if smoothing:
                gradient -= smoothing / vocab_size
            gradient.scatter_add_(1, ids, torch.full_like(nll, smoothing - 1))
            by_bias[:vocab_size] += counts @ gradient
            padded = readout.new_empty(len(rows), len(weight))
            padded[:, :vocab_size], padded[:, vocab_size:] = gradient, 0
            by_readout[chunk] = product(padded, matrix.t())
            if by_weight is None:
                by_weight = (padded.t() @ rows).to(wide)
            elif by_weight.dtype == padded.dtype:
                by_weight.addmm_(padded.t(), rows)
            else:
                by_weight += padded.t() @ rows
        if by_weight is not None:
            ctx.gradients = by_readout, by_weight.to(weight.dtype), by_bias.to(bias.dtype)
        return loss

    @staticmethod
    def backward(ctx: Any, *by_loss: Tensor) -> tuple[Tensor | None, ...]:
        gradients = ctx.gradients
        del ctx.gradients  # scaled in place, so for one backward pass
        found = (part.mul_(by_loss[0].to(part.dtype)) for part in gradients)
        return (*found, None, None, None, None)
