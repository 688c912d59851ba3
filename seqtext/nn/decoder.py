"""The attention decoder: fused over the whole target, or with input feeding; one code path for both."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqtext.nn.attention import Attention, Memory
from seqtext.nn.config import NetworkConfig
from seqtext.nn.dropout import Dropout
from seqtext.nn.embedding import OutputLayer, PieceEmbedding
from seqtext.nn.encoder import Bridge, EncoderOutput
from seqtext.nn.recurrent import Recurrence, RecurrentStack, advance


class DecoderState(NamedTuple):
    """All that the next step needs. K hypotheses share a sentence's memory, which is not copied."""

    recurrent: Tensor  # (B, K, layers, P, H)
    feed: Tensor  # (B, K, R) the last readout; (B, K, 0) without input feeding
    memory: Memory

    def select(self, sentences: Tensor, beams: Tensor) -> DecoderState:
        """Keep ``sentences`` (B',) and of each the hypotheses ``beams`` (B', K'), indices into K.

        Sentences ascend, each at most once: then as many as there are need no copy of the memory.
        """
        memory = self.memory
        if len(sentences) < len(memory.mask):
            memory = Memory(*(part[sentences] for part in memory))
        rows = sentences.unsqueeze(1)
        return DecoderState(self.recurrent[rows, beams], self.feed[rows, beams], memory)


class DecoderOutput(NamedTuple):
    """Decoder outputs for T positions of K hypotheses."""

    readout: Tensor  # (B, K, T, R)
    weights: Tensor  # (B, K, T, S), attention
    state: DecoderState


class Decoder(nn.Module):
    """Recurrent decoder with attention between its first layer and the others.

    The first layer runs over the target; its outputs query the memory; outputs and contexts go
    through the other layers, which so know where the attention has been, and all of them to the
    readout ``tanh(W [top; bottom; context])``. Without input feeding nothing waits for the attention of
    an earlier step, so teacher forcing needs no loop over time. With input feeding (Luong et al.
    2015, section 3.3) each step's readout is part of the next step's input.

    Args:
        config: Sizes and kinds.
        vocab_size: V, number of target pieces.
    """

    def __init__(self, config: NetworkConfig, vocab_size: int) -> None:
        super().__init__()
        size, width = config.hidden_size, config.embedding_size
        self.embedding = PieceEmbedding(
            vocab_size,
            width,
            dropout=config.dropout,
            word_dropout=config.word_dropout,
            locked=config.locked_dropout,
        )
        readout_size = config.readout_size or width
        self.feed_size = readout_size if config.input_feeding else 0
        self.bottom = RecurrentStack(
            config.cell,
            width + self.feed_size,
            size,
            recurrent_dropout=config.recurrent_dropout,
        )
        self.attention = Attention(config.attention, size, size, heads=config.heads)
        attended = size + self.attention.output_size
        self.upper: RecurrentStack | None = None
        if config.decoder_layers > 1:
            self.upper = RecurrentStack(
                config.cell,
                attended,
                size,
                layers=config.decoder_layers - 1,
                dropout=config.dropout,
                locked=config.locked_dropout,
                recurrent_dropout=config.recurrent_dropout,
                residual=config.residual,
                layer_norm=config.layer_norm,
            )
        self.norm = nn.LayerNorm(size) if config.layer_norm else nn.Identity()
        self.readout = nn.Linear(attended + (size if self.upper else 0), readout_size)
        self.dropout = Dropout(config.dropout, locked=config.locked_dropout)
        self.output = OutputLayer(
            vocab_size, readout_size, self.embedding if config.tied_readout else None
        )
        self.table: Tensor | None  # (V', gates * H), see precompute
        self.register_buffer("table", None, persistent=False)
        self.bridge = Bridge(
            size * config.encoder_layers, (config.decoder_layers, self.bottom.parts, size)
        )

    def start(self, encoded: EncoderOutput) -> DecoderState:
        """The state before the first step, with K = 1."""
        recurrent = self.bridge(encoded.last).unsqueeze(1)
        feed = recurrent.new_zeros(len(recurrent), 1, self.feed_size)
        return DecoderState(recurrent, feed, self.attention.project(encoded.memory, encoded.mask))

    def forward(self, ids: Tensor, state: DecoderState) -> DecoderOutput:
        """Read T pieces of each hypothesis.

        Args:
            ids: (B, K, T) pieces, the first of a sentence being bos.
            state: From ``start`` or an earlier call.
        """
        if self.table is not None and ids.size(2) == 1 and not torch.is_grad_enabled():
            return self._attend(*self._look_up(ids, state), state)
        embedded = self.embedding(ids)
        if not self.feed_size:
            return self._attend(*self._read(embedded, state), state)
        readouts, weights = [], []
        for t in range(ids.size(2)):
            inputs = torch.cat([embedded[:, :, t : t + 1], state.feed.unsqueeze(2)], 3)
            step = self._attend(*self._read(inputs, state), state)
            state = step.state
            readouts.append(step.readout)
            weights.append(step.weights)
        return DecoderOutput(torch.cat(readouts, 2), torch.cat(weights, 2), state)

    def precompute(self) -> None:
        """For many steps of search: what the first layer takes of each piece's embedding.

        To be called anew when weights have changed; ``train`` forgets it.
        """
        with torch.no_grad():
            weight = self._input_weight()[:, : self.embedding.weight.size(1)]
            cell: Recurrence = self.bottom.forwards[0]
            self.table = F.linear(self.embedding.weight, weight, cell.bias_ih_l0)

    def train(self, mode: bool = True) -> Decoder:
        """Training changes the weights that ``precompute`` has read."""
        if mode:
            self.table = None
        return super().train(mode)

    def _read(self, inputs: Tensor, state: DecoderState) -> tuple[Tensor, Tensor]:
        """The first layer: (B, K, T, I) -> (B * K, T, H), and its state (B * K, 1, P, H)."""
        recurrent = state.recurrent.flatten(0, 1)[:, :1]
        bottom, _, bottom_state = self.bottom(inputs.flatten(0, 1), None, recurrent)
        return bottom, bottom_state

    def _look_up(self, ids: Tensor, state: DecoderState) -> tuple[Tensor, Tensor]:
        """``_read`` for one position, where ``precompute`` has multiplied the embeddings."""
        assert self.table is not None
        projected = F.embedding(ids.flatten(), self.table)
        if self.feed_size:
            weight = self._input_weight()[:, -self.feed_size :]
            projected = projected + F.linear(state.feed.flatten(0, 1), weight)
        recurrent = state.recurrent.flatten(0, 1)[:, 0]
        bottom = advance(self.bottom.forwards[0], projected, recurrent)
        return bottom[:, :1], bottom.unsqueeze(1)

    def _input_weight(self) -> Tensor:
        """The first layer's, (gates * H, E + feed)."""
        cell: Recurrence = self.bottom.forwards[0]
        weight: Tensor = cell.weight_ih_l0
        return weight

    def _attend(self, bottom: Tensor, bottom_state: Tensor, state: DecoderState) -> DecoderOutput:
        """All behind the first layer."""
        rows, beams = state.recurrent.shape[:2]
        length = bottom.size(1)
        bottom = self.dropout(self.norm(bottom))
        # a sentence's hypotheses are so many queries to the same memory
        context, weights = self.attention(
            bottom.reshape(rows, beams * length, -1).to(state.memory.keys.dtype), state.memory
        )
        attended = torch.cat([bottom, context.view(rows * beams, length, -1)], 2)
        if self.upper is not None:
            recurrent = state.recurrent.flatten(0, 1)[:, 1:]
            top, _, upper_state = self.upper(attended, None, recurrent)
            bottom_state = torch.cat([bottom_state, upper_state], 1)
            attended = torch.cat([top, attended], 2)
        readout = self.dropout(torch.tanh(self.readout(attended)))
        readout = readout.view(rows, beams, length, -1)
        feed = readout[:, :, -1] if self.feed_size else state.feed
        return DecoderOutput(
            readout,
            weights.view(rows, beams, length, -1),
            DecoderState(
                bottom_state.view(rows, beams, *bottom_state.shape[1:]), feed, state.memory
            ),
        )
