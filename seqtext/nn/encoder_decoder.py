"""The translation network: plain PyTorch, no Lightning, no tokenizer."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqtext.errors import ConfigError
from seqtext.nn.config import NetworkConfig
from seqtext.nn.copying import Mixture, copied_labels, mix, mixture
from seqtext.nn.decoder import Decoder, DecoderState
from seqtext.nn.encoder import Encoder
from seqtext.nn.start import initialize
from seqtext.nn.transformer import TransformerDecoder, TransformerState

State = DecoderState | TransformerState


class EncoderDecoder(nn.Module):
    """Encoder, bridge, attention decoder.

    ``loss`` (or ``forward``) serves training; ``start``, ``step`` and ``select`` are what search works on.

    An id from the vocabulary's size on stands for a word of the source that no vocabulary has: the
    size + j for the j-th of a sentence, on both sides (See et al. 2017, section 2.2). Such words are
    read as the unknown piece; with copying they can be copied, and V is larger by the most of them
    that a sentence of the batch has.

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
        """Logits of every next piece under teacher forcing; with copying, log-probabilities.

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
        """Under teacher forcing; arguments as ``forward``.

        Returns:
            What the output layer reads, (B, T, R), and the attention, (B, T, S).
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
            source: See ``forward``; so for the next two.
            source_lengths: (B,).
            target_input: (B, T).
            labels: (B, T).
            smoothing: See ``smoothed_nll``.
            coverage_loss: What ``coverage_loss`` of the attention is multiplied by before it is added.
        """
        readout, weights = self.readout(source, source_lengths, target_input)
        generated = copied = None
        known = self._known(labels, 1)
        if self.decoder.gate is not None:
            found = self._mixture(readout, weights, self.copyable(source))
            # what no vocabulary has can only be copied
            generated = found.generated.masked_fill(labels >= self.vocab_sizes[1], 0)
            copied = copied_labels(found, labels)
            copied = copied.clamp(
                min=torch.finfo(copied.dtype).tiny
            )  # so that its logarithm is one
        loss = self.decoder.output.loss(readout, known, smoothing, generated, copied)
        if coverage_loss:
            loss = loss + coverage_loss * repeated_attention(weights, labels >= 0)
        return loss

    def look(
        self, source: Tensor, source_lengths: Tensor, target_input: Tensor, labels: Tensor
    ) -> tuple[Tensor, Tensor]:
        """What happens under teacher forcing; arguments as ``loss``.

        Returns:
            Attention (B, T, S), and of each label's probability the share that is copied (B, T).
        """
        readout, weights = self.readout(source, source_lengths, target_input)
        self._check_attention(weights)
        if self.decoder.gate is None:
            return weights, torch.zeros_like(weights[:, :, 0])
        pieces = self.copyable(source)
        found = self._mixture(readout, weights, pieces)
        log_probs = mix(self.decoder.logits(readout), found, self._size(pieces))
        log_prob = log_probs.gather(2, labels.clamp(min=0).unsqueeze(2)).squeeze(2)
        return weights, copied_labels(found, labels) / log_prob.exp()

    def copyable(self, source: Tensor) -> Tensor:
        """The target pieces that source pieces (B, S) are; negative for one that is none."""
        if not self.config.copying:
            return source
        own, other = self.vocab_sizes
        return self.copy_ids[source.clamp(max=own - 1)].where(source < own, source + (other - own))

    def _size(self, pieces: Tensor) -> int:
        """V', of what a batch can produce."""
        return max(self.vocab_sizes[1], int(pieces.max()) + 1) if self.config.copying else 0

    def _known(self, ids: Tensor, side: int) -> Tensor:
        """``ids`` with the unknown piece for words that no vocabulary has."""
        return ids.where(ids < self.vocab_sizes[side], self.unknown[side])

    def _mixture(self, readout: Tensor, weights: Tensor, pieces: Tensor) -> Mixture:
        """What is generated and what is copied, of readout (B, N, R) and attention (B, N, S)."""
        assert self.decoder.gate is not None
        return mixture(self.decoder.gate(readout).squeeze(-1), weights, pieces)

    def start(self, source: Tensor, source_lengths: Tensor) -> State:
        """Encode sources (B, S) for search; one hypothesis a sentence (K = 1)."""
        encoded = self.encoder(self._known(source, 0), source_lengths)
        pieces = self.copyable(source)
        return self.decoder.start(encoded, pieces, self._size(pieces))

    def step(self, ids: Tensor, state: State) -> tuple[Tensor, State]:
        """Read one piece of each hypothesis, (B, K); log-probabilities (B, K, V) of the next one."""
        output = self.decoder(self._known(ids, 1).unsqueeze(2), state)
        readout, weights = output.readout.squeeze(2), output.weights.squeeze(2)
        state = output.state._replace(weights=weights)
        logits = self.decoder.logits(readout)
        if self.decoder.gate is not None:
            assert isinstance(state, DecoderState)
            return mix(logits, self._mixture(readout, weights, state.pieces), state.size), state
        dtype = torch.promote_types(logits.dtype, torch.float32)
        return logits.log_softmax(-1, dtype=dtype), state

    def attention(self, state: State) -> Tensor:
        """What the last step attended to, (B, K, S), float32 at least."""
        assert state.weights is not None
        self._check_attention(state.weights)
        return state.weights.to(torch.promote_types(state.weights.dtype, torch.float32))

    @staticmethod
    def _check_attention(weights: Tensor) -> None:
        if not weights.size(-1):
            raise ConfigError(
                "network.cell: a transformer attends in every layer and head, and has no single attention"
                " that could be shown, or that a coverage penalty could go by"
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
