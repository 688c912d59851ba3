"""PyTorch's Transformer layers behind the interfaces of the recurrent stack and the decoder: a baseline.

Vaswani et al. 2017, normalized before each part (Xiong et al. 2020). Search is slow, for each step reads the
whole hypothesis again.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from seqtext.nn.config import EncoderConfig, NetworkConfig
from seqtext.nn.embedding import OutputLayer, PieceEmbedding
from seqtext.nn.linear import Linear
from seqtext.nn.recurrent import EncoderOutput, RecurrentOutput

_WIDER = 4  # width of the inner layer of a feed-forward part, in widths of its input


def positions(count: int, size: int, like: Tensor) -> Tensor:
    """Sines and cosines of ``count`` positions, (count, size) (Vaswani et al. 2017, section 3.5)."""
    places = torch.arange(count, device=like.device, dtype=torch.float64).unsqueeze(1)
    rates = torch.arange(0, size, 2, device=like.device, dtype=torch.float64)
    angles = places * torch.exp(rates * (-math.log(10_000) / size))
    both = torch.stack([angles.sin(), angles.cos()], 2).flatten(1)
    return both[:, :size].to(like.dtype)


class Input(nn.Module):
    """Embeddings (..., T, E) -> what the first layer reads, (..., T, H), positions added."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.size = config.hidden_size
        self.linear = nn.Linear(config.embedding_size, self.size)

    def forward(self, embedded: Tensor) -> Tensor:
        inputs: Tensor = self.linear(embedded * math.sqrt(embedded.size(-1)))
        return inputs + positions(inputs.size(-2), self.size, inputs)


class TransformerStack(nn.Module):
    """Layers of self-attention over padded rows, called as a ``RecurrentStack``.

    Args:
        config: Sizes.
    """

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.input = Input(config)
        size = config.hidden_size
        layer = nn.TransformerEncoderLayer(
            size, config.heads, _WIDER * size, config.dropout, batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(
            layer, config.encoder_layers, nn.LayerNorm(size), enable_nested_tensor=False
        )

    def forward(self, inputs: Tensor, lengths: Tensor) -> RecurrentOutput:
        """Run the stack on (B, T, E) with lengths (B,).

        Returns:
            ``RecurrentOutput``: ``last`` is the mean over each row, (B, 1, H), and ``state`` is empty.
        """
        places = torch.arange(inputs.size(1), device=inputs.device)
        padded = places >= lengths.unsqueeze(1)
        outputs = self.layers(self.input(inputs), src_key_padding_mask=padded)
        real = outputs.masked_fill(padded.unsqueeze(2), 0)
        mean = real.sum(1, keepdim=True) / lengths.view(-1, 1, 1)
        return RecurrentOutput(outputs, mean, outputs.new_zeros(len(outputs), 0))


class TransformerState(NamedTuple):
    """The input of the next step. K hypotheses share a sentence's memory."""

    history: Tensor  # (B, K, T) ids that each hypothesis has read
    memory: Tensor  # (B, S, H)
    padded: Tensor  # (B, S) bool
    weights: Tensor | None = None  # (B, K, 0): layers and heads attend, and no single attention

    def select(self, sentences: Tensor, beams: Tensor) -> TransformerState:
        """See ``DecoderState``."""
        memory, padded = self.memory, self.padded
        if len(sentences) < len(memory):
            memory, padded = memory[sentences], padded[sentences]
        return TransformerState(self.history[sentences.unsqueeze(1), beams], memory, padded)


class TransformerOutput(NamedTuple):
    """See ``DecoderOutput``. The ``weights`` are empty."""

    readout: Tensor
    weights: Tensor
    state: TransformerState


class TransformerDecoder(nn.Module):
    """Layers of self-attention and attention to the memory, called as a ``Decoder``.

    Args:
        config: Sizes.
        vocab_size: V, number of target pieces.
    """

    gate = None  # it copies nothing

    def __init__(self, config: NetworkConfig, vocab_size: int) -> None:
        super().__init__()
        self.embedding = PieceEmbedding.of(config, vocab_size)
        self.input = Input(config)
        size = config.hidden_size
        layer = nn.TransformerDecoderLayer(
            size, config.heads, _WIDER * size, config.dropout, batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerDecoder(layer, config.decoder_layers, nn.LayerNorm(size))
        readout_size = config.readout_size or config.embedding_size
        self.readout = nn.Linear(size, readout_size)
        self.output = OutputLayer(
            vocab_size, readout_size, self.embedding if config.tied_readout else None
        )

    def start(self, encoded: EncoderOutput, pieces: Tensor, size: int = 0) -> TransformerState:
        """The state before the first step, with K = 1. ``pieces`` and ``size`` are for copying only."""
        memory = encoded.memory
        history = torch.zeros(len(memory), 1, 0, dtype=torch.long, device=memory.device)
        return TransformerState(history, memory, ~encoded.mask)

    def forward(self, ids: Tensor, state: TransformerState) -> TransformerOutput:
        """Read T more pieces of each hypothesis, ids (B, K, T)."""
        rows, beams, length = ids.shape
        history = torch.cat([state.history, ids], 2)
        whole = history.size(2)
        inputs = self.input(self.embedding(history.flatten(0, 1)))
        ahead = torch.ones(whole, whole, dtype=torch.bool, device=ids.device).triu(1)
        memory, padded = (
            part.repeat_interleave(beams, 0) if beams > 1 else part
            for part in (state.memory, state.padded)
        )
        outputs = self.layers(
            inputs, memory, tgt_mask=ahead, memory_key_padding_mask=padded, tgt_is_causal=True
        )
        readout = self.readout(outputs[:, whole - length :]).view(rows, beams, length, -1)
        weights = readout.new_zeros(rows, beams, length, 0)
        return TransformerOutput(readout, weights, state._replace(history=history))

    def logits(self, readout: Tensor) -> Tensor:
        """Readout (..., R) -> logits (..., V)."""
        logits: Tensor = self.output(readout)
        return logits

    def logits_of(self, pieces: Tensor) -> Linear:
        """See ``Decoder``."""
        return self.output.select(pieces)

    def precompute(self) -> None:
        """Nothing can be prepared for search."""
