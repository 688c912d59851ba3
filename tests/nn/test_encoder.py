"""Long sources in parts: what a window sees, what the next one knows, where the gradient ends."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from seqtext.errors import ConfigError
from seqtext.nn.config import EncoderConfig
from seqtext.nn.encoder import Encoder

CELLS = ["rnn_tanh", "lstm", "gru", "min_gru", "min_lstm", "sru", "ssru"]
SOURCE, LENGTHS = torch.arange(20).view(2, 10) % 9, torch.tensor([10, 6])


def encoder(**options: object) -> Encoder:
    torch.manual_seed(1)
    given = {
        "embedding_size": 4,
        "hidden_size": 6,
        "dropout": 0.0,
        "bidirectional": False,
        **options,
    }
    built = Encoder(EncoderConfig(**given), 9).double()  # type: ignore[arg-type]
    for parameter in built.parameters():
        parameter.data.uniform_(-0.9, 0.9)
    return built


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("cell", CELLS)
def test_carried_windows_read_as_one(cell: str, layers: int) -> None:
    options = {"cell": cell, "encoder_layers": layers, "layer_norm": True}
    whole = encoder(**options)(SOURCE, LENGTHS)
    for window in (1, 3, 5, 10, 12):
        found = encoder(**options, window=window, carry_state=True)(SOURCE, LENGTHS)
        for row, length in enumerate(LENGTHS.tolist()):
            torch.testing.assert_close(found.memory[row, :length], whole.memory[row, :length])
        torch.testing.assert_close(found.last, whole.last)
        assert torch.equal(found.mask, whole.mask)


@pytest.mark.parametrize("carry_state", [False, True])
def test_a_window_beyond_the_source_takes_no_memory(carry_state: bool) -> None:
    """Each window was padded to its whole size: 16 GB here."""
    whole = encoder()(SOURCE, LENGTHS)
    found = encoder(window=1_000_000_000, carry_state=carry_state)(SOURCE, LENGTHS)
    for row, length in enumerate(LENGTHS.tolist()):
        torch.testing.assert_close(found.memory[row, :length], whole.memory[row, :length])
    torch.testing.assert_close(found.last, whole.last)


def reached(network: Encoder, place: int) -> list[int]:
    """Positions of the first row whose embeddings the gradient at ``place`` comes to."""
    embedded: list[Tensor] = []

    def keep(module: object, inputs: object, output: Tensor) -> None:
        output.retain_grad()
        embedded.append(output)

    hook = network.embedding.register_forward_hook(keep)
    network(SOURCE, LENGTHS).memory[0, place].sum().backward()
    hook.remove()
    gradients = [part.grad for part in embedded]
    found = [
        g[0] if g is not None else torch.zeros_like(e[0])
        for e, g in zip(embedded, gradients, strict=True)
    ]
    return torch.cat(found).abs().sum(1).nonzero()[:, 0].tolist()


@pytest.mark.parametrize("cell", CELLS)
def test_the_gradient_ends_with_its_window(cell: str) -> None:
    assert reached(encoder(cell=cell), 7) == list(range(8))
    assert reached(encoder(cell=cell, window=4, carry_state=True), 7) == [4, 5, 6, 7]


def test_what_cannot_be_carried_is_refused() -> None:
    for options in ({"window": 3, "bidirectional": True}, {"window": None}):
        with pytest.raises(ConfigError, match=r"network\.carry_state: goes from window to window"):
            encoder(carry_state=True, **options)
