"""Ids to vectors, and vectors to logits or to their loss."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqtext.nn.config import EncoderConfig
from seqtext.nn.dropout import Dropout, factors
from seqtext.nn.linear import Linear, packed
from seqtext.nn.loss import smoothed_nll

# Matrix products whose width is a multiple of this are up to twice as fast on CPU. On GPU they use tensor
# cores. The extra rows are never used as input and are cut off the logits.
_MULTIPLE = 64


def padded_size(vocab_size: int) -> int:
    """The number of rows that a table of ``vocab_size`` pieces gets.

    >>> padded_size(8001)
    8064
    """
    return -(-vocab_size // _MULTIPLE) * _MULTIPLE


class PieceEmbedding(nn.Module):
    """Embeddings with dropout of values, and of whole positions (Sennrich & Zhang 2019).

    Args:
        vocab_size: Number of pieces.
        size: E, width of an embedding.
        dropout: Probability of dropping a value.
        word_dropout: Probability of dropping a position's whole embedding.
        locked: See ``Dropout``.
    """

    def __init__(
        self,
        vocab_size: int,
        size: int,
        *,
        dropout: float = 0.0,
        word_dropout: float = 0.0,
        locked: bool = False,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(padded_size(vocab_size), size))
        self.dropout = Dropout(dropout, locked=locked)
        self.word_dropout = word_dropout

    @classmethod
    def of(cls, config: EncoderConfig, vocab_size: int) -> PieceEmbedding:
        """As ``config`` has it."""
        return cls(
            vocab_size,
            config.embedding_size,
            dropout=config.dropout,
            word_dropout=config.word_dropout,
            locked=config.locked_dropout,
        )

    def forward(self, ids: Tensor) -> Tensor:
        """Ids of any shape (..., T) -> (..., T, E)."""
        embedded = F.embedding(ids, self.weight)
        if self.training and self.word_dropout:
            embedded = embedded * factors((*ids.shape, 1), self.word_dropout, embedded)
        dropped: Tensor = self.dropout(embedded)
        return dropped


class OutputLayer(nn.Module):
    """Readout (..., R) -> logits (..., V), with the weights of ``tied`` where given.

    Args:
        vocab_size: V, number of pieces.
        size: R, width of the readout.
        tied: The embeddings whose weights serve here too (Press & Wolf 2017).
    """

    def __init__(self, vocab_size: int, size: int, tied: PieceEmbedding | None = None) -> None:
        super().__init__()
        rows = padded_size(vocab_size)
        self.vocab_size = vocab_size
        self.weight = nn.Parameter(torch.empty(rows, size)) if tied is None else tied.weight
        self.bias = nn.Parameter(torch.zeros(rows))

    def forward(self, readout: Tensor) -> Tensor:
        """Cut off the logits of the padded rows: label smoothing would spread probability over them."""
        return F.linear(readout, self.weight, self.bias)[..., : self.vocab_size]

    def select(self, pieces: Tensor) -> Linear:
        """A function from readouts to the logits of these pieces (M,) alone. No gradient."""
        return packed(self.weight[pieces], self.bias[pieces])

    def loss(
        self,
        readout: Tensor,
        labels: Tensor,
        smoothing: float,
        generated: Tensor | None = None,
        copied: Tensor | None = None,
    ) -> Tensor:
        """Summed ``smoothed_nll`` of labels (...), without holding the logits of all of them."""
        return smoothed_nll(
            readout,
            self.weight,
            self.bias,
            labels,
            self.vocab_size,
            smoothing=smoothing,
            generated=generated,
            copied=copied,
        )
