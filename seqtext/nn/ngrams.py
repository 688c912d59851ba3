"""Character n-grams of a text -> one vector, beside a recurrent encoder."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqtext.nn.config import ClassifierConfig
from seqtext.nn.dropout import factors
from seqtext.nn.embedding import PieceEmbedding

# A polynomial hash modulo a Mersenne prime. No product exceeds 63 bits, so every processor agrees.
MODULUS = 2**31 - 1
BASE = 1_000_003


class CharacterNgrams(nn.Module):
    """The embeddings of a text's character n-grams, summed (Bojanowski et al. 2017, Joulin et al. 2017).

    A recurrent network needs many texts to learn which words are alike. N-grams show it at once. They go
    across words, spaces included. Letter case does not count.

    Args:
        config: Has the longest n-gram, the number of buckets, the width and the dropout.
        spellings: What each piece adds to the text. ``state_dict`` leaves them out, as the tokenizer knows
            them. Without them a network has its shapes, but reads no text.
    """

    characters: Tensor  # (V, C) int64: code points + 1 of each piece, then 0

    def __init__(self, config: ClassifierConfig, spellings: Sequence[str]) -> None:
        super().__init__()
        longest = config.character_ngrams
        # Single characters tell nothing of the topic. With them a linear model loses 1 to 3 points.
        self.lengths = range(min(2, longest), longest + 1)
        self.dropout = config.dropout
        self.count = config.ngram_buckets
        self.embedding = PieceEmbedding(config.ngram_buckets, config.embedding_size)
        rows = [[ord(character) + 1 for character in text.lower()] for text in spellings]
        width = max(map(len, rows), default=0)
        table = [row + [0] * (width - len(row)) for row in rows]
        characters = torch.tensor(table, dtype=torch.int64).view(len(rows), width)
        self.register_buffer("characters", characters, persistent=False)

    def forward(self, texts: Tensor, mask: Tensor) -> Tensor:
        """Texts (B, S) ids and their mask (B, S), True at real positions -> (B, E).

        The sum is divided by the root of the number of n-grams. So vectors of long and short texts have
        like sizes. In training, ``dropout`` leaves out whole n-grams.
        """
        buckets, real = self.buckets(texts, mask)
        weight = self.embedding.weight
        shares = real.to(weight.dtype)
        if self.training and self.dropout:
            shares = shares * factors(shares.shape, self.dropout, shares)
        shares = shares / real.sum(1, keepdim=True).clamp(min=1).to(weight.dtype).sqrt()
        return F.embedding_bag(buckets, weight, mode="sum", per_sample_weights=shares)

    def buckets(self, texts: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """The bucket of every n-gram, (B, N) int64, and whether the n-gram is real, (B, N) bool."""
        text = self._characters_of(texts, mask)
        hashed, real = torch.zeros_like(text), torch.ones_like(text, dtype=torch.bool)
        parts = []
        for length in range(1, min(self.lengths[-1], text.size(1)) + 1):
            last = text[:, length - 1 :]
            hashed = (hashed[:, : last.size(1)] * BASE + last) % MODULUS
            real = real[:, : last.size(1)] & (last > 0)
            if length in self.lengths:
                parts.append((hashed % self.count, real))
        # no n-gram: embedding_bag fails where all texts of a batch are too short
        parts.append((text.new_zeros(len(text), 1), real.new_zeros(len(text), 1)))
        buckets, kept = zip(*parts, strict=True)
        return torch.cat(buckets, 1), torch.cat(kept, 1)

    def _characters_of(self, texts: Tensor, mask: Tensor) -> Tensor:
        """The characters of each text without gaps between pieces, then 0: (B, S * C)."""
        spelled = (self.characters[texts] * mask.unsqueeze(2)).flatten(1)
        real = spelled > 0
        gap = spelled.size(1)  # a column that takes the gaps, and is cut off
        places = (real.cumsum(1) - 1).where(real, gap)
        return spelled.new_zeros(len(texts), gap + 1).scatter(1, places, spelled)[:, :gap]
