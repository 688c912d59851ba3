"""How weights start, and networks whose weights come from a checkpoint."""

from __future__ import annotations

import pytest
import torch

from seqtext.nn.config import NetworkConfig
from seqtext.nn.encoder_decoder import EncoderDecoder
from seqtext.nn.start import unstarted


@pytest.mark.parametrize("recurrent_start", ["scaled", "orthogonal"])
def test_an_unstarted_network_draws_nothing_and_takes_weights(recurrent_start: str) -> None:
    config = NetworkConfig(embedding_size=4, hidden_size=6, recurrent_start=recurrent_start)  # type: ignore[arg-type]
    started = EncoderDecoder(config, 10, 12)
    before = torch.get_rng_state()
    with unstarted():
        network = EncoderDecoder(config, 10, 12)
    assert torch.equal(torch.get_rng_state(), before)
    network.load_state_dict(started.state_dict())
    source, lengths, target = torch.tensor([[5, 6, 2]]), torch.tensor([3]), torch.tensor([[1, 7]])
    with torch.no_grad():
        assert torch.equal(
            network.eval()(source, lengths, target), started.eval()(source, lengths, target)
        )


def test_networks_start_again_behind_unstarted_ones() -> None:
    config = NetworkConfig(embedding_size=4, hidden_size=6)
    with unstarted():
        EncoderDecoder(config, 10, 12)
    torch.manual_seed(0)
    first = EncoderDecoder(config, 10, 12)
    torch.manual_seed(1)
    second = EncoderDecoder(config, 10, 12)
    assert not torch.equal(first.decoder.embedding.weight, second.decoder.embedding.weight)
