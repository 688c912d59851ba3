"""Products of 8-bit integers, alone and in whole networks."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
import torch
from torch.nn import functional as F
from torch.testing import assert_close

from seqtext import internals
from seqtext.errors import ConfigError
from seqtext.nn.cells.registry import CELLS
from seqtext.nn.classifier import Classifier
from seqtext.nn.config import ClassifierConfig, NetworkConfig
from seqtext.nn.encoder_decoder import EncoderDecoder
from seqtext.nn.quantized import QuantizedLinear

pytestmark = pytest.mark.skipif(
    not internals.multiplies_integers(), reason="this PyTorch has no products of integers"
)


@pytest.mark.parametrize("wide", [True, False])
@pytest.mark.parametrize("bounded", [True, False])
@pytest.mark.parametrize("biased", [True, False])
def test_the_error_is_that_of_rounding(
    wide: bool, bounded: bool, biased: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(internals, "adds_wide", lambda: wide)
    torch.manual_seed(0)
    inputs, weight = torch.randn(9, 40).tanh(), torch.randn(24, 40)
    if not bounded:
        inputs *= torch.logspace(-6, 6, 9).unsqueeze(1)
    bias = torch.randn(24) if biased else None
    outputs = QuantizedLinear(weight, bias, bounded=bounded)(inputs)
    exact = F.linear(inputs.double(), weight.double(), None if bias is None else bias.double())
    # each number is off by half a step at most
    most = torch.ones(9, 1) if bounded else inputs.abs().amax(1, keepdim=True)
    of_input, of_weight = most / (127 if wide else 63) / 2, weight.abs().amax(1) / 127 / 2
    bound = of_input * weight.abs().sum(1) + inputs.abs().sum(1, keepdim=True) * of_weight
    bound = bound + 40 * of_input * of_weight
    assert ((outputs - exact).abs() <= 1.001 * bound + 1e-6 * exact.abs()).all()


def test_a_row_does_not_depend_on_the_others() -> None:
    torch.manual_seed(0)
    inputs = torch.randn(320, 64) * torch.logspace(-3, 3, 320).unsqueeze(1)
    product = QuantizedLinear(torch.randn(128, 64), torch.randn(128))
    whole = product(inputs)
    for row in (0, 100, 319):
        assert torch.equal(product(inputs[row : row + 1])[0], whole[row])


@pytest.mark.parametrize("bounded", [True, False])
def test_zeros(bounded: bool) -> None:
    bias = torch.randn(3)
    product = QuantizedLinear(torch.zeros(3, 5), bias, bounded=bounded)
    assert_close(product(torch.randn(2, 5).tanh()), bias.expand(2, 3))
    product = QuantizedLinear(torch.randn(3, 5), bias, bounded=bounded)
    assert_close(product(torch.zeros(2, 5)), bias.expand(2, 3))


@pytest.mark.parametrize("bounded", [True, False])
def test_what_is_no_number_stays_none(bounded: bool) -> None:
    inputs = torch.zeros(3, 5)
    inputs[1, 2] = torch.nan
    outputs = QuantizedLinear(torch.randn(4, 5), torch.randn(4), bounded=bounded)(inputs)
    assert outputs.isnan().all(1).tolist() == [False, True, False]


def _network(**options: Any) -> EncoderDecoder:
    torch.manual_seed(0)
    return EncoderDecoder(
        NetworkConfig(embedding_size=12, hidden_size=16, **options), 20, 24
    ).eval()


SOURCE, LENGTHS = torch.tensor([[5, 6, 7, 2], [8, 2, 0, 0]]), torch.tensor([4, 2])
IDS = torch.tensor([[1, 9, 10], [1, 11, 12]])
NETWORKS: list[dict[str, Any]] = [
    *({"cell": cell, "decoder_layers": 2} for cell in CELLS),
    {"input_feeding": True},
    {"attention": "additive", "layer_norm": True, "encoder_layers": 2, "residual": True},
    {"copying": True, "coverage": True},
]


@pytest.mark.parametrize("options", NETWORKS, ids=str)
@torch.inference_mode()
def test_a_network_is_about_the_same_and_search_equals_scoring(options: dict[str, Any]) -> None:
    network = _network(**options)
    exact = network.look(SOURCE, LENGTHS, IDS[:, :-1], IDS[:, 1:]).log_probs
    network.quantize()
    scores = network.look(SOURCE, LENGTHS, IDS[:, :-1], IDS[:, 1:]).log_probs
    assert not torch.equal(scores, exact)
    assert_close(scores, exact, rtol=0, atol=0.05)
    state = network.start(SOURCE, LENGTHS)
    for step in range(2):
        log_probs, state = network.step(IDS[:, step : step + 1], state)
        searched = log_probs[:, 0].gather(1, IDS[:, step + 1 : step + 2])[:, 0]
        assert_close(searched, scores[:, step], rtol=0, atol=1e-5)


@torch.inference_mode()
def test_padding_changes_nothing() -> None:
    network = _network(encoder_layers=2)
    network.quantize()
    whole = network.look(SOURCE, LENGTHS, IDS[:, :-1], IDS[:, 1:]).log_probs
    alone = network.look(SOURCE[1:, :2], LENGTHS[1:], IDS[1:, :-1], IDS[1:, 1:]).log_probs
    assert_close(whole[1:], alone, rtol=0, atol=1e-6)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda part: pickle.loads(pickle.dumps(part))])
@torch.inference_mode()
def test_a_copy_computes_the_same(copied: Any) -> None:
    network = _network(decoder_layers=2)
    network.quantize()
    expected = network(SOURCE, LENGTHS, IDS)
    assert torch.equal(copied(network)(SOURCE, LENGTHS, IDS), expected)


@torch.inference_mode()
def test_a_classifier() -> None:
    torch.manual_seed(0)
    network = Classifier(ClassifierConfig(embedding_size=12, hidden_size=16), 20, 5).eval()
    exact = network(SOURCE, LENGTHS)
    network.quantize()
    assert not torch.equal(network(SOURCE, LENGTHS), exact)
    assert_close(network(SOURCE, LENGTHS), exact, rtol=0, atol=0.02)


@torch.inference_mode()
def test_a_weight_that_is_no_number_shows_in_the_probabilities() -> None:
    network = _network()
    network.decoder.readout.weight[1, 2] = torch.nan
    network.quantize()
    assert network.look(SOURCE, LENGTHS, IDS[:, :-1], IDS[:, 1:]).log_probs.isnan().any()


def test_a_transformer_is_refused() -> None:
    with pytest.raises(ConfigError, match="precision: a transformer has no int8"):
        _network(cell="transformer", heads=2).quantize()


@pytest.mark.parametrize("change", [lambda n: n.train(), lambda n: n.float()])
@torch.no_grad()
def test_changes_undo_it(change: Any) -> None:
    network = _network(decoder_layers=2)
    exact = network(SOURCE, LENGTHS, IDS)
    network.quantize()
    change(network)
    assert torch.equal(network.eval()(SOURCE, LENGTHS, IDS), exact)
