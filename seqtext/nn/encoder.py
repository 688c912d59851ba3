"""Source ids -> memory and the state that the decoder starts from."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from seqtext.nn.config import EncoderConfig
from seqtext.nn.dropout import Dropout
from seqtext.nn.embedding import PieceEmbedding
from seqtext.nn.recurrent import EncoderOutput, RecurrentOutput, RecurrentStack
from seqtext.nn.transformer import TransformerStack


class Encoder(nn.Module):
    """Embedding and stack over the source.

    Args:
        config: Sizes and kinds.
        vocab_size: Number of source pieces.
        drop_memory: Whether dropout goes over the memory too.
    """

    def __init__(self, config: EncoderConfig, vocab_size: int, *, drop_memory: bool = True) -> None:
        super().__init__()
        self.embedding = PieceEmbedding.of(config, vocab_size)
        self.stack = stack_of(config)
        self.dropout = Dropout(config.dropout * drop_memory, locked=config.locked_dropout)
        self.window, self.carries = config.window, config.carry_state

    def forward(self, source: Tensor, source_lengths: Tensor) -> EncoderOutput:
        """Source (B, S) ids and lengths (B,), at least 1 each."""
        positions = torch.arange(source.size(1), device=source.device)
        mask = positions < source_lengths.unsqueeze(1)
        if self.window is not None and self.carries:
            memory, last = self._carried(source, source_lengths, self.window)
        elif self.window is not None:
            memory, last = self._windows(source, source_lengths, self.window)
        else:
            memory, last, _ = self._read(source, source_lengths)
        return EncoderOutput(self.dropout(memory), last, mask)

    def _read(self, source: Tensor, lengths: Tensor, *state: Tensor | None) -> RecurrentOutput:
        read: RecurrentOutput = self.stack(self.embedding(source), lengths, *state)
        return read

    def _carried(self, source: Tensor, lengths: Tensor, window: int) -> tuple[Tensor, Tensor]:
        """Read window after window. The state goes from each to the next, its gradient does not."""
        state, last = None, None
        outputs = []
        for start in range(0, source.size(1), window):
            part = source[:, start : start + window]
            left = lengths - start
            # recomputed in the backward pass, so that memory does not grow with the text
            encoded = checkpoint(
                self._read, part, left.clamp(1, part.size(1)), state, use_reentrant=False
            )
            state = encoded.state.detach()
            goes_on = (left > 0).view(-1, 1, 1)
            last = encoded.last if last is None else encoded.last.where(goes_on, last)
            outputs.append(encoded.outputs)
        assert last is not None
        return torch.cat(outputs, 1), last

    def _windows(self, source: Tensor, lengths: Tensor, window: int) -> tuple[Tensor, Tensor]:
        """Read every window as a row of its own. The last states are the mean over a source's windows."""
        rows, longest = source.shape
        window = min(window, longest)  # no padding beyond the longest source
        count = -(-longest // window)
        parts = nn.functional.pad(source, (0, count * window - longest)).view(-1, window)
        starts = torch.arange(count, device=source.device) * window
        inside = (lengths.unsqueeze(1) - starts).clamp(0, window)  # (B, count)
        # windows of padding alone are not read: a row has at least one piece
        used = inside.flatten().nonzero()[:, 0]
        outputs, ends, _ = self._read(parts[used], inside.flatten()[used])
        memory = outputs.new_zeros(rows * count, *outputs.shape[1:])
        memory = memory.index_copy(0, used, outputs).view(rows, count * window, -1)
        last = ends.new_zeros(rows * count, *ends.shape[1:]).index_copy(0, used, ends)
        numbers = (inside > 0).sum(1).view(-1, 1, 1)
        return memory[:, :longest], last.view(rows, count, *ends.shape[1:]).sum(1) / numbers


def stack_of(config: EncoderConfig) -> nn.Module:
    """The layers over embeddings (B, T, E) that ``config`` describes, called as ``RecurrentStack``."""
    if not config.is_recurrent:
        return TransformerStack(config)
    return RecurrentStack(
        config.cell_class(),
        config.embedding_size,
        config.hidden_size // (2 if config.bidirectional else 1),
        layers=config.encoder_layers,
        bidirectional=config.bidirectional,
        dropout=config.dropout,
        locked=config.locked_dropout,
        recurrent_dropout=config.recurrent_dropout,
        residual=config.residual,
        layer_norm=config.layer_norm,
    )


class Bridge(nn.Module):
    """Last hidden states of the encoder -> first states of the decoder: tanh(W h + b).

    An LSTM's memory starts here too, for the encoder's own is lost at the end of a padded row.

    Args:
        encoder_size: Width of all encoder layers' last states together.
        shape: (layers, P, H) of the decoder's state.
    """

    def __init__(self, encoder_size: int, shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.shape = shape
        self.linear = nn.Linear(encoder_size, shape[0] * shape[1] * shape[2])

    def forward(self, last: Tensor) -> Tensor:
        """(B, layers, M) -> (B, layers, P, H)."""
        return torch.tanh(self.linear(last.flatten(1))).view(len(last), *self.shape)
