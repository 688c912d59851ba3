"""The translation network: plain PyTorch, no Lightning, no tokenizer."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqtext.nn.attention import Attention
from seqtext.nn.config import NetworkConfig
from seqtext.nn.decoder import Decoder, DecoderState
from seqtext.nn.embedding import OutputLayer, PieceEmbedding
from seqtext.nn.encoder import Encoder


class EncoderDecoder(nn.Module):
    """Encoder, bridge, attention decoder.

    ``loss`` (or ``forward``) serves training; ``start``, ``step`` and ``select`` are what search works on.

    Args:
        config: Sizes and kinds.
        source_vocab_size: Number of source pieces.
        target_vocab_size: V, number of target pieces.

    Example:
        >>> config = NetworkConfig(embedding_size=4, hidden_size=6)
        >>> network = EncoderDecoder(config, source_vocab_size=10, target_vocab_size=12)
        >>> source, lengths = torch.tensor([[5, 6, 2]]), torch.tensor([3])
        >>> network(source, lengths, torch.tensor([[1, 7]])).shape  # (B, T, V)
        torch.Size([1, 2, 12])
    """

    def __init__(
        self, config: NetworkConfig, source_vocab_size: int, target_vocab_size: int
    ) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config, source_vocab_size)
        self.decoder = Decoder(config, target_vocab_size)
        initialize(self, config.init_scale)

    def forward(self, source: Tensor, source_lengths: Tensor, target_input: Tensor) -> Tensor:
        """Logits of every next piece under teacher forcing.

        Args:
            source: (B, S) ids.
            source_lengths: (B,) at least 1 each.
            target_input: (B, T) ids, bos first.

        Returns:
            (B, T, V).
        """
        return self.decoder.logits(self.readout(source, source_lengths, target_input))

    def readout(self, source: Tensor, source_lengths: Tensor, target_input: Tensor) -> Tensor:
        """What the output layer reads under teacher forcing, (B, T, R); arguments as ``forward``."""
        state = self.start(source, source_lengths)
        readout: Tensor = self.decoder(target_input.unsqueeze(1), state).readout
        return readout.squeeze(1)

    def loss(
        self,
        source: Tensor,
        source_lengths: Tensor,
        target_input: Tensor,
        labels: Tensor,
        smoothing: float = 0.0,
    ) -> Tensor:
        """Summed label-smoothed loss of labels (B, T), negative where padded; see ``smoothed_nll``."""
        readout = self.readout(source, source_lengths, target_input)
        return self.decoder.output.loss(readout, labels, smoothing)

    def start(self, source: Tensor, source_lengths: Tensor) -> DecoderState:
        """Encode sources (B, S) for search; one hypothesis a sentence (K = 1)."""
        state: DecoderState = self.decoder.start(self.encoder(source, source_lengths))
        return state

    def step(self, ids: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState]:
        """Read one piece of each hypothesis, (B, K); log-probabilities (B, K, V) of the next one."""
        output = self.decoder(ids.unsqueeze(2), state)
        logits = self.decoder.logits(output.readout.squeeze(2))
        dtype = torch.promote_types(logits.dtype, torch.float32)
        return logits.log_softmax(-1, dtype=dtype), output.state

    def select(self, state: DecoderState, sentences: Tensor, beams: Tensor) -> DecoderState:
        """Keep ``sentences`` (B',), ascending, and of each the hypotheses ``beams`` (B', K')."""
        return state.select(sentences, beams)


def initialize(network: nn.Module, scale: float) -> None:
    """Start all weights so that a fused decoder aligns early.

    Matrices are uniform within +-(scale / sqrt(fan-in)), embeddings have standard deviation
    1 / sqrt(E), biases are 0. PyTorch's own start (scale 1 for recurrent weights, less for the others)
    leaves attention scores so flat that the decoder learns a language model first and aligns late;
    so does a forget gate that starts open (bias 1), which lets the recurrence explain more.
    """
    for module in network.modules():
        if isinstance(module, PieceEmbedding | OutputLayer):  # the same weights if tied
            nn.init.normal_(module.weight, std=module.weight.size(1) ** -0.5)
        elif isinstance(module, Attention) and module.kind == "additive":
            bound = scale * len(module.vector) ** -0.5
            nn.init.uniform_(module.vector, -bound, bound)
        elif isinstance(module, nn.RNNBase | nn.Linear):
            for name, parameter in module.named_parameters(recurse=False):
                if "bias" in name:
                    nn.init.zeros_(parameter)
                else:
                    bound = scale * parameter.size(-1) ** -0.5
                    nn.init.uniform_(parameter, -bound, bound)
