"""The encoder-decoder network: plain PyTorch, no Lightning, no tokenizer."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from seqtext.errors import ConfigError
from seqtext.nn.config import NetworkConfig
from seqtext.nn.copying import Mixture, copied_labels, mix, mixture
from seqtext.nn.decoder import Decoder, DecoderState
from seqtext.nn.encoder import Encoder
from seqtext.nn.quantized import check_recurrent, quantize_cells
from seqtext.nn.start import initialize
from seqtext.nn.transformer import TransformerDecoder, TransformerState

State = DecoderState | TransformerState
_MOST_LOGITS = 1 << 23  # at a time, where labels are scored


class Look(NamedTuple):
    """What a network says of labels (B, T)."""

    log_probs: Tensor  # (B, T) of each label, float32 at least, 0 where padded
    attention: Tensor  # (B, T, S), (B, T, 0) of a Transformer
    copied: Tensor  # (B, T), share of each label's probability that was copied


class EncoderDecoder(nn.Module):
    """Encoder, bridge, attention decoder.

    ``loss`` (or ``forward``) serves training. Search calls ``start``, ``step`` and ``select``.

    An id from the vocabulary's size on stands for a source word that no vocabulary has (See et al. 2017,
    section 2.2). The j-th such word of a sentence has the id size + j on both sides. The network reads it
    as the unknown piece. With copying it can be copied. V then grows by the largest number of such words
    in a sentence of the batch.

    Args:
        config: Sizes and kinds.
        source_vocab_size: Number of source pieces.
        target_vocab_size: V, number of target pieces.
        unknown: Ids of the unknown piece of source and target.

    Example:
        >>> config = NetworkConfig(embedding_size=4, hidden_size=6)
        >>> network = EncoderDecoder(config, source_vocab_size=10, target_vocab_size=12)
        >>> source, lengths = torch.tensor([[5, 6, 2]]), torch.tensor([3])
        >>> network(source, lengths, torch.tensor([[1, 7]])).shape  # (B, T, V)
        torch.Size([1, 2, 12])
    """

    copy_ids: Tensor

    def __init__(
        self,
        config: NetworkConfig,
        source_vocab_size: int,
        target_vocab_size: int,
        unknown: tuple[int, int] = (0, 0),
    ) -> None:
        super().__init__()
        self.config = config
        self.vocab_sizes = source_vocab_size, target_vocab_size
        self.unknown = unknown
        self.encoder = Encoder(config, source_vocab_size)
        decoder = Decoder if config.is_recurrent else TransformerDecoder
        self.decoder = decoder(config, target_vocab_size)
        if config.copying:
            # The target piece that each source piece is. Set where the vocabularies differ.
            # A list, as PyTorch loads modules for 2 s before torch.arange on the meta device.
            ids = [i if i < target_vocab_size else -1 for i in range(source_vocab_size)]
            self.register_buffer("copy_ids", torch.tensor(ids))
        initialize(self, config)

    def forward(self, source: Tensor, source_lengths: Tensor, target_input: Tensor) -> Tensor:
        """Logits of every next piece under teacher forcing. With copying, log-probabilities.

        Args:
            source: (B, S) ids.
            source_lengths: (B,) at least 1 each.
            target_input: (B, T) ids, bos first.

        Returns:
            (B, T, V).
        """
        readout, weights = self.readout(source, source_lengths, target_input)
        logits = self.decoder.logits(readout)
        if self.decoder.gate is None:
            return logits
        pieces = self.copyable(source)
        return mix(logits, self._mixture(readout, weights, pieces), self._size(pieces))

    def readout(
        self, source: Tensor, source_lengths: Tensor, target_input: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Run under teacher forcing, with the arguments of ``forward``.

        Returns:
            The input of the output layer, (B, T, R), and the attention, (B, T, S).
        """
        state = self.start(source, source_lengths)
        output = self.decoder(self._known(target_input, 1).unsqueeze(1), state)
        return output.readout.squeeze(1), output.weights.squeeze(1)

    def loss(
        self,
        source: Tensor,
        source_lengths: Tensor,
        target_input: Tensor,
        labels: Tensor,
        smoothing: float = 0.0,
        coverage_loss: float = 0.0,
    ) -> Tensor:
        """Summed loss of labels (B, T), negative where padded.

        Args:
            source: (B, S), see ``forward``.
            source_lengths: (B,).
            target_input: (B, T).
            labels: (B, T).
            smoothing: See ``smoothed_nll``.
            coverage_loss: Weight of ``repeated_attention``, which is added.
        """
        readout, weights = self.readout(source, source_lengths, target_input)
        generated = copied = None
        known = self._known(labels, 1)
        if self.decoder.gate is not None:
            shares = self._mixture(readout, weights, self.copyable(source))
            # words that no vocabulary has can only be copied
            generated = shares.generated.masked_fill(labels >= self.vocab_sizes[1], 0)
            copied = copied_labels(shares, labels)
            # at least so much that its logarithm is finite
            copied = copied.clamp(min=torch.finfo(copied.dtype).tiny)
        loss = self.decoder.output.loss(readout, known, smoothing, generated, copied)
        if coverage_loss:
            loss = loss + coverage_loss * repeated_attention(weights, labels >= 0)
        return loss

    def look(
        self, source: Tensor, source_lengths: Tensor, target_input: Tensor, labels: Tensor
    ) -> Look:
        """Score and explain labels under teacher forcing, with the arguments of ``loss``."""
        readout, weights = self.readout(source, source_lengths, target_input)
        dtype = torch.promote_types(readout.dtype, torch.float32)
        known = self._known(labels, 1).clamp(min=0)
        log_probs = self._label_log_probs(readout, known, dtype)
        copied, beyond = torch.zeros_like(log_probs), labels >= self.vocab_sizes[1]
        if self.decoder.gate is None:
            log_probs = log_probs.masked_fill(beyond, -torch.inf)
        else:
            shares = self._mixture(readout, weights, self.copyable(source))
            generated = (log_probs.exp() * shares.generated).masked_fill(beyond, 0)
            from_source = copied_labels(shares, labels)
            total = (generated + from_source).clamp(min=torch.finfo(dtype).tiny)
            log_probs, copied = total.log(), from_source / total
        return Look(log_probs.masked_fill(labels < 0, 0), weights, copied)

    def _label_log_probs(self, readout: Tensor, labels: Tensor, dtype: torch.dtype) -> Tensor:
        """Log-probabilities (B, T) of labels (B, T) by the softmax. Few logits exist at a time."""
        rows, ids = readout.flatten(0, 1), labels.flatten().unsqueeze(1)
        step = max(1, _MOST_LOGITS // self.vocab_sizes[1])
        parts = [
            self.decoder.logits(rows[i : i + step])
            .log_softmax(-1, dtype=dtype)
            .gather(1, ids[i : i + step])
            for i in range(0, len(rows), step)
        ]
        return torch.cat(parts).view(labels.shape)

    def copyable(self, source: Tensor) -> Tensor:
        """The target pieces of source pieces (B, S), negative where there is none."""
        if not self.config.copying:
            return source
        own, other = self.vocab_sizes
        return self.copy_ids[source.clamp(max=own - 1)].where(source < own, source + (other - own))

    def _size(self, pieces: Tensor) -> int:
        """V', number of pieces that a batch can generate or copy, 0 without copying."""
        return max(self.vocab_sizes[1], int(pieces.max()) + 1) if self.config.copying else 0

    def _known(self, ids: Tensor, side: int) -> Tensor:
        """``ids`` with the unknown piece for words that no vocabulary has. Side 0 is the source."""
        return ids.where(ids < self.vocab_sizes[side], self.unknown[side])

    def _mixture(self, readout: Tensor, weights: Tensor, pieces: Tensor) -> Mixture:
        """The shares of readout (B, N, R) and attention (B, N, S)."""
        assert self.decoder.gate is not None
        return mixture(self.decoder.gate(readout).squeeze(-1), weights, pieces)

    def start(self, source: Tensor, source_lengths: Tensor) -> State:
        """Encode sources (B, S), with one hypothesis a sentence (K = 1)."""
        encoded = self.encoder(self._known(source, 0), source_lengths)
        pieces = self.copyable(source)
        return self.decoder.start(encoded, pieces, self._size(pieces))

    def step(self, ids: Tensor, state: State) -> tuple[Tensor, State]:
        """Read one piece of each hypothesis, (B, K). Returns log-probabilities (B, K, V) of the next."""
        readout, state = self.advance(ids, state)
        logits = self.decoder.logits(readout)
        if self.decoder.gate is not None:
            assert isinstance(state, DecoderState) and state.weights is not None
            shares = self._mixture(readout, state.weights, state.pieces)
            return mix(logits, shares, state.size), state
        dtype = torch.promote_types(logits.dtype, torch.float32)
        return logits.log_softmax(-1, dtype=dtype), state

    def advance(self, ids: Tensor, state: State) -> tuple[Tensor, State]:
        """Read one piece of each hypothesis, (B, K). Returns the input of the output layer, (B, K, R)."""
        output = self.decoder(self._known(ids, 1).unsqueeze(2), state)
        state = output.state._replace(weights=output.weights.squeeze(2))
        return output.readout.squeeze(2), state

    def attention(self, state: State) -> Tensor:
        """The attention of the last step, (B, K, S), float32 at least."""
        assert state.weights is not None
        self.check_attention()
        return state.weights.to(torch.promote_types(state.weights.dtype, torch.float32))

    def quantize(self, *, again: bool = True) -> None:
        """Compute products with 8-bit integers from now on.

        The bridge, the gate of copying, and the values and outputs of ``multi_head`` stay as they are.
        Call it again after you change weights by hand. Training, and a move to another type or device, undo
        it.

        Args:
            again: See ``Decoder.precompute``.

        Raises:
            ConfigError: It is a Transformer.
        """
        check_recurrent(self.config)
        assert isinstance(self.decoder, Decoder)
        quantize_cells(self.encoder)
        self.decoder.precompute(quantized=True, again=again)

    def check_attention(self) -> None:
        """Refuse a network without a single attention to show.

        Raises:
            ConfigError: It is a Transformer.
        """
        if not self.config.is_recurrent:
            raise ConfigError(
                "network.cell: a transformer attends in every layer and head. It has no single attention to"
                " show, or for a coverage penalty"
            )

    def select(self, state: State, sentences: Tensor, beams: Tensor) -> State:
        """Keep ``sentences`` (B',), ascending, and of each the hypotheses ``beams`` (B', K')."""
        return state.select(sentences, beams)


def repeated_attention(weights: Tensor, kept: Tensor) -> Tensor:
    """sum_t sum_s min(a_ts, sum_{t' < t} a_t's): the coverage loss of See et al. 2017, eq. 13.

    Args:
        weights: (B, T, S) attention.
        kept: (B, T) bool, positions that count.

    Returns:
        Scalar, float32 at least.
    """
    weights = weights.to(torch.promote_types(weights.dtype, torch.float32))
    before = weights.cumsum(1) - weights
    return (torch.minimum(weights, before).sum(2) * kept).sum()
