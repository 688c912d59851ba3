"""A network whose outputs come from a list of target pieces, another list for each sentence."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from seqtext.nn.encoder_decoder import EncoderDecoder, State

# PyTorch keeps a kernel for each number of rows that it multiplies. So this number has few values.
_MULTIPLE = 256


class ListedState(NamedTuple):
    """The state of the network, and the lists of its sentences."""

    network: State
    lists: Tensor  # (N, L) int64, ids in the vocabulary
    places: Tensor  # (N, L) int64, where these pieces stand among the rows that are multiplied
    missing: Tensor  # (N, L) bool, where a list has no more pieces


class ListedNetwork:
    """A ``StepModel``: piece i of a sentence is the piece i of its list (L'Hostis et al. 2016).

    Only rows of the output layer that are in a list of the batch are multiplied. Then each sentence takes
    its own list. So its probabilities are those of its list alone, whatever else is in the batch.

    Args:
        network: It does not copy.
        lists: (N, L) int64, ids in the vocabulary. A list ends with ids of V, if it is shorter than L.
    """

    def __init__(self, network: EncoderDecoder, lists: Tensor) -> None:
        self._network = network
        self._last = network.vocab_sizes[1] - 1
        listed = lists.clamp(max=self._last)
        used = torch.zeros(self._last + 1, dtype=torch.bool, device=lists.device)
        used[listed] = True
        pieces, places = used.nonzero()[:, 0], (used.cumsum(0) - 1)[listed]
        wanted = -(-len(pieces) // _MULTIPLE) * _MULTIPLE
        filled = torch.nn.functional.pad(pieces, (0, wanted - len(pieces)), value=self._last)
        self._logits = network.decoder.logits_of(filled)
        self._lists = lists, places, lists > self._last

    def start(self, source: Tensor, source_lengths: Tensor) -> ListedState:
        """See ``EncoderDecoder``."""
        return ListedState(self._network.start(source, source_lengths), *self._lists)

    def step(self, ids: Tensor, state: ListedState) -> tuple[Tensor, ListedState]:
        """See ``StepModel``. Log-probabilities are (N, K, L)."""
        known = state.lists.gather(1, ids).clamp(max=self._last)
        readout, after = self._network.advance(known, state.network)
        places = state.places.unsqueeze(1).expand(-1, ids.size(1), -1)
        logits = self._logits(readout).gather(2, places)
        logits.masked_fill_(state.missing.unsqueeze(1), -torch.inf)
        dtype = torch.promote_types(logits.dtype, torch.float32)
        return logits.log_softmax(-1, dtype=dtype), state._replace(network=after)

    def select(self, state: ListedState, sentences: Tensor, beams: Tensor) -> ListedState:
        """See ``StepModel``."""
        network, *lists = state
        if len(sentences) < len(state.lists):
            lists = [part[sentences] for part in lists]
        return ListedState(self._network.select(network, sentences, beams), *lists)

    def attention(self, state: ListedState) -> Tensor:
        """See ``StepModel``."""
        return self._network.attention(state.network)
