"""Readout and labels -> loss, holding some millions of logits at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from seqtext.nn.linear import product

# Logits computed at a time. More of them take memory, and fewer make small matrix products.
_CHUNK = {"cpu": 1 << 23}
_CHUNK_ELSEWHERE = 1 << 26
# Each chunk adds to the gradient of all weights, so a chunk has at least so many rows.
_FEWEST_ROWS = 512
# On a CPU so many logits of a chunk go through the softmax at a time. They stay in the processor's cache.
_BLOCK = 1 << 18


def smoothed_nll(
    readout: Tensor,
    weight: Tensor,
    bias: Tensor,
    labels: Tensor,
    vocab_size: int,
    smoothing: float = 0.0,
    generated: Tensor | None = None,
    copied: Tensor | None = None,
) -> Tensor:
    """Label-smoothed negative log-likelihood, summed over real pieces (Szegedy et al. 2016, section 7).

    The target distribution is (1 - e) on the label plus e spread evenly over all V pieces. Output
    layer and loss are one function because the gradient by the logits, softmax - target, is known at
    once. So logits live for a few rows at a time.

    With ``generated`` g and ``copied`` c the label's probability is g p + c, where p is the softmax's
    (``copying.py``). The share that smoothing spreads is compared with the softmax alone.

    Args:
        readout: (..., R).
        weight: (V', R), V' >= V. Rows from V on are padding.
        bias: (V',).
        labels: (...) ids, negative where padded.
        vocab_size: V.
        smoothing: e in [0, 1).
        generated: (...), g, the share of the softmax.
        copied: (...), c, the share of the label that is copied.

    Returns:
        Scalar, in nats, float32 at least. Matrix products are in the readout's type, or autocast's.
    """
    kind = readout.device.type
    dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else readout.dtype
    labels = labels.flatten()
    padded = labels < 0
    rows = readout.flatten(0, -2).masked_fill(padded.unsqueeze(1), 0).to(dtype)
    with torch.autocast(kind, enabled=False):  # sums are in full precision
        mixture: list[Tensor] = []
        if generated is not None and copied is not None:
            wide = torch.promote_types(rows.dtype, torch.float32)
            # 1 at padded positions, so that no logarithm there is infinite: 0 times that is NaN
            mixture = [
                part.flatten().masked_fill(padded, 1).to(wide) for part in (generated, copied)
            ]
        loss: Tensor = _ProjectedLoss.apply(  # type: ignore[no-untyped-call]
            rows, weight, bias, labels.clamp(min=0), ~padded, vocab_size, smoothing, *mixture
        )
    return loss


def _slices(rows: int, step: int) -> list[slice]:
    return [slice(start, min(start + step, rows)) for start in range(0, rows, step)]


def _nll(logits: Tensor, ids: Tensor, smoothing: float) -> tuple[Tensor, Tensor]:
    """Logits (N, V), ids (N, 1) -> loss (N,) and its gradient by the logits (N, V)."""
    gradient = logits.softmax(1)
    # The largest probability is at least 1 / V, so it cannot be 0 here. Its logarithm gives log Z
    # without a second exponential of all logits.
    log_norm = logits.amax(1) - gradient.amax(1).log()
    expected = (1 - smoothing) * logits.gather(1, ids)[:, 0]
    if smoothing:
        expected += smoothing / logits.size(1) * logits.sum(1)
        gradient -= smoothing / logits.size(1)
    gradient.scatter_add_(1, ids, gradient.new_full(ids.shape, smoothing - 1))
    return log_norm - expected, gradient


def _mixed_nll(
    logits: Tensor, ids: Tensor, smoothing: float, generated: Tensor, copied: Tensor
) -> tuple[Tensor, ...]:
    """``_nll`` of a mixture: loss (N,), its gradients by logits (N, V), generated and copied (N,)."""
    gradient = logits.softmax(1)
    log_norm = logits.amax(1) - gradient.amax(1).log()
    log_prob = logits.gather(1, ids)[:, 0] - log_norm
    from_softmax = generated.log() + log_prob
    total = torch.logaddexp(from_softmax, copied.log())
    share = (from_softmax - total).exp()  # of the label's probability
    nll = (smoothing - 1) * total
    if smoothing:
        nll += smoothing * (log_norm - logits.mean(1))
    gradient *= ((1 - smoothing) * share + smoothing).unsqueeze(1)
    gradient -= smoothing / logits.size(1)
    gradient.scatter_add_(1, ids, (smoothing - 1) * share.unsqueeze(1))
    by_generated = (smoothing - 1) * (log_prob - total).exp()
    by_copied = (smoothing - 1) * (-total).exp()
    return nll, gradient, by_generated, by_copied


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
        *mixture: Tensor,
    ) -> Tensor:
        wide = torch.promote_types(readout.dtype, torch.float32)
        matrix, offset = weight.to(readout.dtype), bias.to(readout.dtype)
        wanted = any(ctx.needs_input_grad)
        nll_of: Callable[..., tuple[Tensor, ...]] = _mixed_nll if mixture else _nll
        loss, by_bias = readout.new_zeros((), dtype=wide), torch.zeros_like(bias, dtype=wide)
        by_readout, by_weight = torch.empty_like(readout), None
        by_mixture = [torch.zeros_like(part) for part in mixture]
        on_cpu, width = readout.device.type == "cpu", len(weight)
        size = _CHUNK.get(readout.device.type, _CHUNK_ELSEWHERE) // width
        for chunk in _slices(len(readout), max(size, _FEWEST_ROWS)):
            rows, ids, counts = readout[chunk], labels[chunk].unsqueeze(1), kept[chunk].to(wide)
            logits = product(rows, matrix, offset)
            for block in _slices(len(rows), max(_BLOCK // width, 1) if on_cpu else len(rows)):
                inside = logits[block, :vocab_size]
                parts = (part[chunk][block] for part in mixture)
                nll, gradient, *others = nll_of(inside.to(wide), ids[block], smoothing, *parts)
                for by_part, by_block in zip(by_mixture, others, strict=True):
                    by_part[chunk][block] = counts[block] * by_block
                loss += counts[block] @ nll
                if wanted:
                    by_bias[:vocab_size].addmv_(gradient.t(), counts[block])
                    inside.copy_(gradient)  # the logits' memory takes their gradient
            if not wanted:
                continue
            logits[:, vocab_size:] = 0  # padding rows of the weight have no gradient
            by_readout[chunk] = product(logits, matrix.t())
            if by_weight is None:
                by_weight = (logits.t() @ rows).to(wide)
            elif by_weight.dtype == logits.dtype:
                by_weight.addmm_(logits.t(), rows)
            else:
                by_weight += logits.t() @ rows
        if by_weight is not None:
            whole = by_readout, by_weight.to(weight.dtype), by_bias.to(bias.dtype)
            ctx.gradients = *whole, *by_mixture
        return loss

    @staticmethod
    def backward(ctx: Any, *by_loss: Tensor) -> tuple[Tensor | None, ...]:
        gradients = ctx.gradients
        del ctx.gradients  # scaled in place, so for one backward pass
        scaled = [part.mul_(by_loss[0].to(part.dtype)) for part in gradients]
        return (*scaled[:3], None, None, None, None, *scaled[3:])
