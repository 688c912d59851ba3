"""The attention decoder: fused over the whole target, or with input feeding."""

from __future__ import annotations

import functools
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
from seqtext.nn.laid_out import LaidOut
from seqtext.nn.linear import Linear, product
from seqtext.nn.quantized import QuantizedLinear, quantize_cells
from seqtext.nn.recurrent import EncoderOutput, RecurrentStack
from seqtext.nn.step_maps import Prepared, StepMaps, Weights, prepare
from seqtext.nn.tanh import tanh


class DecoderState(NamedTuple):
    """The input of the next step. K hypotheses share a sentence's memory, which is not copied."""

    recurrent: Tensor  # (B, K, layers, P, H)
    feed: Tensor  # (B, K, R) the last readout, (B, K, 0) without input feeding
    covered: Tensor  # (B, K, S) attention summed over past steps, (B, K, 0) without coverage
    memory: Memory
    pieces: Tensor  # (B, S) what can be copied: target pieces of the source's pieces, or negative
    size: int  # V', number of pieces that can be generated or copied, 0 without copying
    weights: Tensor | None = None  # (B, K, S) attention of the last step

    def select(self, sentences: Tensor, beams: Tensor) -> DecoderState:
        """Keep some sentences, and some hypotheses of each.

        Args:
            sentences: (B',) indices into B, ascending, each at most once.
            beams: (B', K') indices into K.
        """
        memory, pieces = self.memory, self.pieces
        # ascending indices of all sentences change nothing, and the memory is the largest part
        if len(sentences) < len(memory.bias):
            memory = Memory(*(part[sentences] for part in memory))
            pieces = pieces[sentences]
        rows = (sentences.unsqueeze(1) * self.recurrent.size(1) + beams).flatten()

        def keep(part: Tensor) -> Tensor:
            if not part.size(2):
                return part.new_empty(*beams.shape, 0)
            return part.flatten(0, 1).index_select(0, rows).view(*beams.shape, *part.shape[2:])

        recurrent, feed, covered = map(keep, (self.recurrent, self.feed, self.covered))
        return DecoderState(recurrent, feed, covered, memory, pieces, self.size)


class DecoderOutput(NamedTuple):
    """Decoder outputs for T positions of K hypotheses."""

    readout: Tensor  # (B, K, T, R)
    weights: Tensor  # (B, K, T, S), attention
    state: DecoderState


class Decoder(LaidOut):
    """Recurrent decoder with attention between its first layer and the others.

    The first layer runs over the target, and its outputs query the memory. Outputs and contexts go
    through the other layers, so these layers know where the attention has been. The readout is
    ``tanh(W [top, bottom, context])``.

    Without input feeding nothing waits for the attention of an earlier step. So teacher forcing needs
    no loop over time. With input feeding (Luong et al. 2015, section 3.3) each step's readout is part of
    the next step's input.

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
        # whether outputs of all layers, those of the encoder too, lie within -1 and 1
        self.outputs_bounded = cell.bounded and not (config.layer_norm or config.residual)
        self.norm = nn.LayerNorm(size) if config.layer_norm else nn.Identity()
        self.readout = nn.Linear(attended + (size if self.upper else 0), readout_size)
        self.dropout = Dropout(config.dropout, locked=config.locked_dropout)
        self.output = OutputLayer(
            vocab_size, readout_size, self.embedding if config.tied_readout else None
        )
        self.gate = nn.Linear(readout_size, 1) if config.copying else None
        self._search: Prepared | None = None  # see precompute
        self.bridge = Bridge(
            size * config.encoder_layers, (config.decoder_layers, self.bottom.state_parts, size)
        )

    @property
    def _covers(self) -> bool:
        return self.attention.coverage is not None

    def start(self, encoded: EncoderOutput, pieces: Tensor, size: int = 0) -> DecoderState:
        """The state before the first step, with K = 1. ``DecoderState`` says what the arguments are."""
        # under autocast too a cell adds up in full precision
        recurrent = self.bridge(encoded.last).to(self.readout.weight.dtype).unsqueeze(1)
        feed = recurrent.new_zeros(len(recurrent), 1, self.feed_size)
        inferring = not torch.is_grad_enabled()
        key = self._search.key if self._search is not None and inferring else None
        memory = self.attention.project(encoded.memory, encoded.mask, key)
        covered = torch.zeros(
            (len(feed), 1, memory.bias.size(2) if self._covers else 0),
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
        # Search reads one piece at a time. By steps it looks up the prepared table, and a kernel for
        # whole rows would prepare its weights at each call. With integers, all outputs have their products.
        inferring = not torch.is_grad_enabled()
        quantized = self._search is not None and self._search.quantized
        if not (self.feed_size or (inferring and (ids.size(2) == 1 or quantized))):
            recurrent = state.recurrent.flatten(0, 1)[:, :1]
            embedded = self.embedding(ids).flatten(0, 1)
            bottom, _, bottom_state = self.bottom(embedded, None, recurrent)
            return self._attend(bottom, bottom_state, state, self.readout)
        # a slice of each step would have a gradient as large as all steps together
        projected, maps = self._project(ids).unbind(2), self._step_maps()
        memory, readouts, weights = state.memory, [], []
        if not inferring:
            state = state._replace(memory=self.attention.defer(memory))
        for of_step in projected:
            step = self._step(of_step.flatten(0, 1), state, maps)
            state = step.state
            readouts.append(step.readout)
            weights.append(step.weights)
        if len(readouts) == 1 and inferring:
            return step
        state = state._replace(memory=memory)
        return DecoderOutput(torch.cat(readouts, 2), torch.cat(weights, 2), state)

    def logits(self, readout: Tensor) -> Tensor:
        """Readout (..., R) -> logits (..., V)."""
        if self._search is not None and not torch.is_grad_enabled():
            return self._search.output(readout)[..., : self.output.vocab_size]
        logits: Tensor = self.output(readout)
        return logits

    def logits_of(self, pieces: Tensor) -> Linear:
        """A function as ``logits``, but of these pieces (M,) alone, with the weights as they are now."""
        prepared = None if self._search is None else self._search.output
        if isinstance(prepared, QuantizedLinear):
            return prepared.select(pieces)
        return self.output.select(pieces)

    def precompute(self, *, quantized: bool = False, again: bool = True) -> None:
        """Prepare for many steps of search: multiply the embeddings, lay out the weights.

        Call it again after you change weights by hand. Training, and a move to another type or device,
        undo it.

        Args:
            quantized: Whether products are in 8-bit integers.
            again: Whether the embeddings are multiplied again, if they were before.
        """
        if again or self._search is None:
            with torch.no_grad():
                table = self.bottom.cell(0).project(self.embedding.weight)
        else:
            table = self._search.table
        output = Weights(self.output.weight, self.output.bias, bounded=True)  # behind tanh
        key = None
        if quantized and self.attention.kind != "dot":
            key = Weights(self.attention.key.weight, None, self.outputs_bounded)
        self._search = prepare(table, self._step_weights(), output, key, quantized=quantized)
        if self.upper is not None and quantized:
            quantize_cells(self.upper)

    def forget(self) -> None:
        """Undo ``precompute``."""
        self._search = None

    def __getstate__(self) -> dict[str, object]:
        # weights laid out for this processor cannot be copied or sent elsewhere
        kind = None if self._search is None else self._search.quantized
        return {**self.__dict__, "_search": kind}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__({**state, "_search": None})  # type: ignore[no-untyped-call]
        if (kind := state["_search"]) is not None:
            self.precompute(quantized=kind)

    def _project(self, ids: Tensor) -> Tensor:
        """W x + b of each piece in the first layer: (B, K, T) -> (B, K, T, gates * H)."""
        if self._search is not None and not torch.is_grad_enabled():
            return F.embedding(ids, self._search.table)
        return self.bottom.cell(0).project(self.embedding(ids))

    def _step_weights(self) -> list[Weights]:
        """Weights and biases in the order of ``StepMaps``. The last columns of W take the feed."""
        cell = self.bottom.cell(0)
        feed = cell.weight_ih_l0[:, cell.input_size - self.feed_size :]
        # a context is a mean of the memory, unless heads project it
        bounded = self.outputs_bounded and self.attention.kind != "multi_head"
        weights = [
            Weights(feed, None, bounded=True),
            Weights(self.readout.weight, self.readout.bias, bounded),
        ]
        if cell.recurrent_weights:
            weights.append(Weights(cell.weight_hh_l0, cell.bias_hh_l0, cell.bounded))
        return weights

    def _step_maps(self) -> StepMaps:
        if (
            torch.is_grad_enabled()
        ):  # one gradient of W for all steps instead of a large one per step
            return StepMaps(*(DeferredLinear(*part[:2]) for part in self._step_weights()))
        if self._search is not None:
            return self._search.step
        return StepMaps(
            *(
                functools.partial(product, weight=part.weight, bias=part.bias)
                for part in self._step_weights()
            )
        )

    def _step(self, projected: Tensor, state: DecoderState, maps: StepMaps) -> DecoderOutput:
        """Read one position, ``projected`` (B * K, gates * H) by ``_project``."""
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
        """All parts after the first layer, whose outputs are ``bottom`` (B * K, T, H)."""
        rows, beams = state.recurrent.shape[:2]
        length = bottom.size(1)
        bottom = self.dropout(self.norm(bottom))
        # The hypotheses of a sentence are queries to the same memory. One product serves all, and
        # the memory need not be repeated.
        queries = bottom.reshape(rows, beams * length, -1).to(state.memory.keys.dtype)
        context, weights, covered = self._read(queries, state)
        attended = torch.cat([bottom, context.view(rows * beams, length, -1)], 2)
        if self.upper is not None:
            recurrent = state.recurrent.flatten(0, 1)[:, 1:]
            top, _, upper_state = self.upper(attended, None, recurrent)
            bottom_state = torch.cat([bottom_state, upper_state], 1)
            attended = torch.cat([top, attended], 2)
        readout = to_readout(attended.flatten(0, 1)).view(rows * beams, length, -1)
        readout = self.dropout(tanh(readout)).view(rows, beams, length, -1)
        feed = readout[:, :, -1] if self.feed_size else state.feed
        recurrent = bottom_state.view(rows, beams, *bottom_state.shape[1:])
        state = DecoderState(recurrent, feed, covered, state.memory, state.pieces, state.size)
        return DecoderOutput(readout, weights.view(rows, beams, length, -1), state)

    def _read(self, queries: Tensor, state: DecoderState) -> tuple[Tensor, Tensor, Tensor]:
        """Queries (B, K * T, H) -> context, weights (B, K * T, S) and the coverage after (B, K, S)."""
        if not self._covers:
            return *self.attention(queries, state.memory), state.covered
        rows, beams, width = state.covered.shape
        if self.feed_size:  # one query a hypothesis
            context, weights = self.attention(queries, state.memory, state.covered)
            return context, weights, state.covered + weights
        # All queries are answered at once, so coverage cannot come from the final weights. A first pass
        # without coverage stands for them.
        _, first = self.attention(queries, state.memory)
        shares = first.view(rows, beams, -1, width).to(state.covered.dtype)
        until = state.covered.unsqueeze(2) + shares.cumsum(2)
        before = (until - shares).view(rows, -1, width)
        return *self.attention(queries, state.memory, before), until[:, :, -1]
