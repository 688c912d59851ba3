"""The attention decoder: fused over the whole target, or with input feeding; one code path for both."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqtext.nn.attention import Attention, Memory
from seqtext.nn.config import NetworkConfig
from seqtext.nn.deferred import DeferredLinear
from seqtext.nn.dropout import Dropout
from seqtext.nn.embedding import OutputLayer, PieceEmbedding
from seqtext.nn.encoder import Bridge
from seqtext.nn.linear import Linear, packed, product
from seqtext.nn.recurrent import EncoderOutput, RecurrentStack


class DecoderState(NamedTuple):
    """All that the next step needs. K hypotheses share a sentence's memory, which is not copied."""

    recurrent: Tensor  # (B, K, layers, P, H)
    feed: Tensor  # (B, K, R) the last readout; (B, K, 0) without input feeding
    covered: Tensor  # (B, K, S) what the attention is shown of its past; (B, K, 0) if nothing
    memory: Memory
    pieces: Tensor  # (B, S) what can be copied: target pieces that the source's are, or negative
    size: int  # V', of what can be produced, by copying too; 0 without copying
    weights: Tensor | None = None  # (B, K, S) attention of the last step

    def select(self, sentences: Tensor, beams: Tensor) -> DecoderState:
        """Keep ``sentences`` (B',) and of each the hypotheses ``beams`` (B', K'), indices into K.

        Sentences ascend, each at most once: then as many as there are need no copy of the memory.
        """
        memory, pieces = self.memory, self.pieces
        if len(sentences) < len(memory.mask):
            memory = Memory(*(part[sentences] for part in memory))
            pieces = pieces[sentences]
        rows = sentences.unsqueeze(1)
        return DecoderState(
            self.recurrent[rows, beams],
            self.feed[rows, beams],
            self.covered[rows, beams],
            memory,
            pieces,
            self.size,
        )


class DecoderOutput(NamedTuple):
    """Decoder outputs for T positions of K hypotheses."""

    readout: Tensor  # (B, K, T, R)
    weights: Tensor  # (B, K, T, S), attention
    state: DecoderState


class _StepMaps(NamedTuple):
    """Linear maps of one step of the decoder."""

    feed: Linear
    readout: Linear
    hidden: Linear | None = None  # None where a cell's gates read the input alone


class _Search(NamedTuple):
    """What search needs of the weights, computed once."""

    table: Tensor  # (V', gates * H), what the first layer takes of each piece's embedding
    step: _StepMaps
    output: Linear


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
        cell = config.cell_class()
        size, width = config.hidden_size, config.embedding_size
        self.embedding = PieceEmbedding.of(config, vocab_size)
        readout_size = config.readout_size or width
        self.feed_size = readout_size if config.input_feeding else 0
        self.bottom = RecurrentStack(
            cell,
            width + self.feed_size,
            size,
            recurrent_dropout=config.recurrent_dropout,
        )
        self.attention = Attention(
            config.attention, size, size, heads=config.heads, coverage=config.coverage
        )
        attended = size + self.attention.output_size
        self.upper: RecurrentStack | None = None
        if config.decoder_layers > 1:
            self.upper = RecurrentStack(
                cell,
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
        self.gate = nn.Linear(readout_size, 1) if config.copying else None
        self._search: _Search | None = None  # see precompute
        self.bridge = Bridge(
            size * config.encoder_layers, (config.decoder_layers, self.bottom.state_parts, size)
        )

    @property
    def _covers(self) -> bool:
        return self.attention.coverage is not None

    def start(self, encoded: EncoderOutput, pieces: Tensor, size: int = 0) -> DecoderState:
        """The state before the first step, with K = 1; for ``pieces`` and ``size`` see ``DecoderState``."""
        # under autocast what a cell adds up stays in full precision
        recurrent = self.bridge(encoded.last).to(self.readout.weight.dtype).unsqueeze(1)
        feed = recurrent.new_zeros(len(recurrent), 1, self.feed_size)
        memory = self.attention.project(encoded.memory, encoded.mask)
        covered = torch.zeros(
            (len(feed), 1, memory.mask.size(1) if self._covers else 0),
            dtype=torch.promote_types(feed.dtype, torch.float32),
            device=feed.device,
        )
        return DecoderState(recurrent, feed, covered, memory, pieces, size)

    def forward(self, ids: Tensor, state: DecoderState) -> DecoderOutput:
        """Read T pieces of each hypothesis.

        Args:
            ids: (B, K, T) pieces, the first of a sentence being bos.
            state: From ``start`` or an earlier call.
        """
        by_step = self.feed_size or (ids.size(2) == 1 and not torch.is_grad_enabled())
        if not by_step:
            recurrent = state.recurrent.flatten(0, 1)[:, :1]
            embedded = self.embedding(ids).flatten(0, 1)
            bottom, _, bottom_state = self.bottom(embedded, None, recurrent)
            return self._attend(bottom, bottom_state, state, self.readout)
        projected, maps = self._project(ids), self._step_maps()
        readouts, weights = [], []
        for t in range(ids.size(2)):
            step = self._step(projected[:, :, t].flatten(0, 1), state, maps)
            state = step.state
            readouts.append(step.readout)
            weights.append(step.weights)
        return DecoderOutput(torch.cat(readouts, 2), torch.cat(weights, 2), state)

    def logits(self, readout: Tensor) -> Tensor:
        """Readout (..., R) -> logits (..., V)."""
        if self._search is not None and not torch.is_grad_enabled():
            return self._search.output(readout)[..., : self.output.vocab_size]
        logits: Tensor = self.output(readout)
        return logits

    def precompute(self) -> None:
        """Prepare for many steps of search: multiply the embeddings, lay out the weights.

        To be called anew when weights have changed by hand; training, another type and another
        device forget it.
        """
        with torch.no_grad():
            table = self.bottom.cell(0).project(self.embedding.weight)
        step = _StepMaps(*(packed(*part) for part in self._step_weights()))
        output = packed(self.output.weight, self.output.bias)
        self._search = _Search(table, step, output)

    def train(self, mode: bool = True) -> Decoder:
        """Training changes the weights that ``precompute`` has read."""
        if mode:
            self._search = None
        return super().train(mode)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Decoder:
        self._search = None
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return self

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_search": None}  # weights laid out for a processor stay there

    def _project(self, ids: Tensor) -> Tensor:
        """What the first layer takes of each piece: (B, K, T) -> (B, K, T, gates * H)."""
        if self._search is not None and not torch.is_grad_enabled():
            return F.embedding(ids, self._search.table)
        return self.bottom.cell(0).project(self.embedding(ids))

    def _step_weights(self) -> list[tuple[Tensor, Tensor | None]]:
        """Weights and biases in the order of ``_StepMaps``."""
        cell = self.bottom.cell(0)
        weights: list[tuple[Tensor, Tensor | None]] = [
            (cell.weight_ih_l0[:, cell.input_size - self.feed_size :], None),
            (self.readout.weight, self.readout.bias),
        ]
        if cell.recurrent_weights:
            weights.append((cell.weight_hh_l0, cell.bias_hh_l0))
        return weights

    def _step_maps(self) -> _StepMaps:
        if torch.is_grad_enabled():
            return _StepMaps(*(DeferredLinear(*part) for part in self._step_weights()))
        if self._search is not None:
            return self._search.step
        return _StepMaps(
            *(
                functools.partial(product, weight=weight, bias=bias)
                for weight, bias in self._step_weights()
            )
        )

    def _step(self, projected: Tensor, state: DecoderState, maps: _StepMaps) -> DecoderOutput:
        """One position, of which ``_project`` has (B * K, gates * H)."""
        recurrent = state.recurrent.flatten(0, 1)[:, 0]
        if self.feed_size:
            projected = projected + maps.feed(state.feed.flatten(0, 1))
        hidden = None if maps.hidden is None else maps.hidden(recurrent[:, 0])
        bottom = self.bottom.cell(0).step(projected, hidden, recurrent)
        return self._attend(bottom[:, :1], bottom.unsqueeze(1), state, maps.readout)

    def _attend(
        self,
        bottom: Tensor,
        bottom_state: Tensor,
        state: DecoderState,
        to_readout: Linear,
    ) -> DecoderOutput:
        """All behind the first layer, (B * K, T, H)."""
        rows, beams = state.recurrent.shape[:2]
        length = bottom.size(1)
        bottom = self.dropout(self.norm(bottom))
        # a sentence's hypotheses are so many queries to the same memory
        queries = bottom.reshape(rows, beams * length, -1).to(state.memory.keys.dtype)
        context, weights, covered = self._read(queries, state)
        attended = torch.cat([bottom, context.view(rows * beams, length, -1)], 2)
        if self.upper is not None:
            recurrent = state.recurrent.flatten(0, 1)[:, 1:]
            top, _, upper_state = self.upper(attended, None, recurrent)
            bottom_state = torch.cat([bottom_state, upper_state], 1)
            attended = torch.cat([top, attended], 2)
        readout = to_readout(attended.flatten(0, 1)).view(rows * beams, length, -1)
        readout = self.dropout(torch.tanh(readout)).view(rows, beams, length, -1)
        feed = readout[:, :, -1] if self.feed_size else state.feed
        return DecoderOutput(
            readout,
            weights.view(rows, beams, length, -1),
            DecoderState(
                bottom_state.view(rows, beams, *bottom_state.shape[1:]),
                feed,
                covered,
                state.memory,
                state.pieces,
                state.size,
            ),
        )

    def _read(self, queries: Tensor, state: DecoderState) -> tuple[Tensor, Tensor, Tensor]:
        """Queries (B, K * T, H) -> context, weights (B, K * T, S) and what is then covered (B, K, S)."""
        if not self._covers:
            return *self.attention(queries, state.memory), state.covered
        rows, beams, width = state.covered.shape
        if self.feed_size:  # one query a hypothesis
            context, weights = self.attention(queries, state.memory, state.covered)
            return context, weights, state.covered + weights
        _, first = self.attention(queries, state.memory)
        shares = first.view(rows, beams, -1, width).to(state.covered.dtype)
        until = state.covered.unsqueeze(2) + shares.cumsum(2)
        before = (until - shares).view(rows, -1, width)
        return *self.attention(queries, state.memory, before), until[:, :, -1]
