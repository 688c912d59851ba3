"""The classification network: plain PyTorch, no Lightning, no tokenizer."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqtext.nn.config import ClassifierConfig
from seqtext.nn.dropout import Dropout
from seqtext.nn.encoder import Encoder
from seqtext.nn.ngrams import CharacterNgrams
from seqtext.nn.quantized import check_recurrent, quantize_cells
from seqtext.nn.recurrent import at_ends
from seqtext.nn.start import initialize


class Pooling(nn.Module):
    """A text's outputs -> one vector.

    Args:
        config: Has the kind of pooling (``ClassifierConfig``).
    """

    def __init__(self, config: ClassifierConfig) -> None:
        super().__init__()
        self.kind = config.pooling
        self.directions = 2 if config.bidirectional else 1
        if self.kind == "attention":
            self.projection = nn.Linear(config.hidden_size, config.hidden_size)
            self.score = nn.Linear(config.hidden_size, 1, bias=False)

    def forward(self, memory: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Pool the real positions.

        Args:
            memory: (B, S, M).
            mask: (B, S) bool, True at the real ones.

        Returns:
            (B, M), and the weight of each position, (B, S). The weights of a row sum to 1. With ``max`` a
            weight is the share of units that have their maximum there. With ``last`` the two ends share it.
        """
        if self.kind == "max":
            pooled, places = memory.masked_fill(~mask.unsqueeze(2), -torch.inf).max(1)
            counts = mask.new_zeros(mask.shape, dtype=memory.dtype)
            ones = torch.ones_like(places, dtype=memory.dtype)
            return pooled, counts.scatter_add(1, places, ones) / memory.size(2)
        if self.kind == "last":
            return self._ends(memory, mask)
        if self.kind == "mean":
            weights = mask / mask.sum(1, keepdim=True)
        else:
            scores = self.score(torch.tanh(self.projection(memory))).squeeze(2)
            # autocast computes the softmax in float32, and padding gets exactly 0
            weights = scores.masked_fill(~mask, -torch.inf).softmax(1)
        weights = weights.to(memory.dtype)
        return torch.einsum("bs,bsm->bm", weights, memory), weights

    def _ends(self, memory: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        lengths = mask.sum(1)
        weights = F.one_hot(lengths - 1, mask.size(1)).to(memory.dtype) / self.directions
        weights[:, 0] += 1 - 1 / self.directions  # the share of the backward direction
        return at_ends(memory, lengths, memory.size(2) // self.directions), weights


class Classifier(nn.Module):
    """Encoder, pooling, one linear layer. It also reads character n-grams, if wanted.

    Args:
        config: Sizes and kinds.
        vocab_size: Number of pieces.
        labels: L, number of labels.
        spellings: See ``CharacterNgrams``.

    Example:
        >>> network = Classifier(ClassifierConfig(embedding_size=4, hidden_size=6), 10, 3)
        >>> network(torch.tensor([[5, 6, 2]]), torch.tensor([3])).shape  # (B, L)
        torch.Size([1, 3])
    """

    def __init__(
        self, config: ClassifierConfig, vocab_size: int, labels: int, spellings: Sequence[str] = ()
    ) -> None:
        super().__init__()
        self.config = config
        # Dropout comes after pooling: before it, a maximum would be taken over other positions each time.
        self.encoder = Encoder(config, vocab_size, drop_memory=False)
        self.pooling = Pooling(config)
        self.dropout = Dropout(config.dropout)
        self.ngrams = CharacterNgrams(config, spellings) if config.character_ngrams else None
        beside = 0 if self.ngrams is None else config.embedding_size
        self.output = nn.Linear(config.hidden_size + beside, labels)
        initialize(self, config)

    def forward(self, texts: Tensor, lengths: Tensor) -> Tensor:
        """Logits (B, L) of texts, (B, S) ids and lengths (B,), at least 1 each."""
        return self.look(texts, lengths)[0]

    def quantize(self) -> None:
        """Compute the cells' products with 8-bit integers from now on. See ``EncoderDecoder.quantize``.

        Raises:
            ConfigError: It is a Transformer.
        """
        check_recurrent(self.config)
        quantize_cells(self.encoder)

    def look(self, texts: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (B, L), and the weight of each position in ``Pooling``, (B, S)."""
        encoded = self.encoder(texts, lengths)
        pooled, weights = self.pooling(encoded.memory, encoded.mask)
        if self.ngrams is not None:
            pooled = torch.cat([pooled, self.ngrams(texts, encoded.mask).to(pooled.dtype)], 1)
        logits: Tensor = self.output(self.dropout(pooled))
        return logits, weights


def label_probabilities(logits: Tensor, temperature: float, several: bool) -> Tensor:
    """Logits (..., L) -> probabilities, which sum to 1 unless a text can have ``several`` labels."""
    scaled = logits.float() / temperature
    return scaled.sigmoid() if several else scaled.softmax(-1)


def classification_loss(
    logits: Tensor, labels: Tensor, weights: Tensor | None = None, smoothing: float = 0.0
) -> tuple[Tensor, Tensor]:
    """Summed loss in float32, and what a mean divides it by.

    Args:
        logits: (B, L).
        labels: (B,) int64, negative for rows that do not count: cross-entropy, in nats. Or (B, L), 1 for
            each label that a row has and 0 for others: binary cross-entropy, summed over labels.
        weights: (L,). A row counts with the weight of its label. With several labels, the part of the loss
            for a label that a row has counts with that label's weight.
        smoothing: Share of the target distribution spread over all labels (Szegedy et al. 2016). With
            several labels, 1 becomes 1 - smoothing / 2, and 0 becomes smoothing / 2.

    Returns:
        The summed loss, and the sum of the weights of the rows. Without weights, or with several labels,
        the latter is the number of rows.
    """
    logits = logits.float()
    if labels.dim() == 2:
        wanted = labels.to(logits.dtype) * (1 - smoothing) + smoothing / 2
        loss = F.binary_cross_entropy_with_logits(
            logits, wanted, pos_weight=weights, reduction="sum"
        )
        return loss, torch.tensor(float(len(labels)), device=loss.device)
    kept = labels >= 0
    loss = F.cross_entropy(
        logits,
        labels.where(kept, -100),
        weights,
        label_smoothing=smoothing,
        reduction="sum",
        ignore_index=-100,
    )
    return loss, kept.sum() if weights is None else weights[labels[kept]].sum()
