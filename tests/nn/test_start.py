"""How weights start, and networks whose weights come from a checkpoint."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from seqtext.nn.cells.contract import Cell
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


def test_networks_start_again_after_unstarted_ones() -> None:
    config = NetworkConfig(embedding_size=4, hidden_size=6)
    torch.manual_seed(0)
    expected = EncoderDecoder(config, 10, 12)
    with unstarted():
        EncoderDecoder(config, 10, 12)
    torch.manual_seed(0)
    network = EncoderDecoder(config, 10, 12)
    for name, weight in expected.state_dict().items():
        assert torch.equal(network.state_dict()[name], weight), name


class FixedCell(Cell):
    """Its recurrent weights are random, fixed, and in no checkpoint."""

    gates, recurrent_weights = 1, False

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        generator = torch.Generator().manual_seed(3)
        drawn = torch.empty(hidden_size, hidden_size).normal_(generator=generator)
        self.register_buffer("drawn", drawn, persistent=False)

    def step(self, projected: Tensor, recurrent: Tensor | None, state: Tensor) -> Tensor:
        recalled = state[:, 0] @ self.get_buffer("drawn")
        return (projected + recalled).tanh().unsqueeze(1)


def test_own_random_numbers_that_are_no_weights_are_drawn() -> None:
    started = FixedCell(4, 6)
    before = torch.get_rng_state()
    with unstarted():
        cell = FixedCell(4, 6)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(cell.get_buffer("drawn"), started.get_buffer("drawn"))
