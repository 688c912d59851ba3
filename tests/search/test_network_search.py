"""Search with a real network: scores that the network confirms, and no influence of the batch."""

from typing import Any

import pytest
import torch

from seqtext.data.batch import source_rows
from seqtext.nn.config import NetworkConfig
from seqtext.nn.encoder_decoder import EncoderDecoder
from seqtext.search.beam import beam_search
from seqtext.search.greedy import greedy_search
from seqtext.search.length_penalty import LengthPenalty
from seqtext.search.protocol import Pieces

SOURCE_VOCAB, TARGET_VOCAB, BOS, EOS = 15, 14, 1, 2
PIECES = Pieces(bos=BOS, eos=EOS, banned=(0,))
PENALTY = LengthPenalty(0.6, "wu")

NETWORKS = {
    "lstm": {},
    "gru_fed": {"cell": "gru", "input_feeding": True, "decoder_layers": 1},
    "multi_head": {"cell": "rnn_tanh", "attention": "multi_head", "decoder_layers": 3},
}
every_network = pytest.mark.parametrize("options", NETWORKS.values(), ids=NETWORKS.keys())


def build(options, dtype):
    torch.manual_seed(0)
    # large weights make the probabilities differ, as those of a trained network do
    config = NetworkConfig(embedding_size=8, hidden_size=12, init_scale=4.0, **options)
    return EncoderDecoder(config, SOURCE_VOCAB, TARGET_VOCAB).to(dtype).eval()


def random_sources(count):
    generator = torch.Generator().manual_seed(1)
    lengths = torch.randint(1, 8, (count,), generator=generator).tolist()
    return [
        torch.randint(3, SOURCE_VOCAB, (length,), generator=generator).tolist()
        for length in lengths
    ]


def search(network, sources, beam_size=None, *, batch_size=None, order=None):
    """Results in the order of the sources, for any batches. Greedy search without ``beam_size``."""
    order = list(range(len(sources))) if order is None else order
    batch_size = batch_size or len(sources)
    results: dict[int, Any] = {}
    for first in range(0, len(order), batch_size):
        batch = order[first : first + batch_size]
        source, lengths = source_rows([sources[row] for row in batch], EOS)
        state = network.start(source, lengths)
        found: list[Any]
        if beam_size is None:
            found = greedy_search(network, state, lengths + 2, PIECES, PENALTY)
        else:
            found = beam_search(network, state, lengths + 2, PIECES, beam_size, PENALTY)
        results |= dict(zip(batch, found, strict=True))
    return [results[row] for row in range(len(sources))]


def pieces_found(results):
    """The ids alone, of one hypothesis or of all."""
    return [
        [item.ids for item in found] if isinstance(found, list) else found.ids for found in results
    ]


@every_network
def test_scores_are_those_of_teacher_forcing(options):
    network, sources = build(options, torch.double), random_sources(20)
    results = search(network, sources, 4)
    for found, extra in zip(results, search(network, sources), strict=True):
        found.append(extra)
    for source, found in zip(sources, results, strict=True):
        for hypothesis in found:
            ids, length = torch.tensor([[BOS, *hypothesis.ids, EOS]]), len(source) + 1
            logits = network(torch.tensor([[*source, EOS]]), torch.tensor([length]), ids[:, :-1])
            log_probs = logits.log_softmax(-1).gather(2, ids[:, 1:].unsqueeze(2))
            expected = log_probs.sum().item()
            assert hypothesis.log_prob == pytest.approx(expected, rel=1e-10)
            penalty = PENALTY(len(hypothesis.ids) + 1)
            assert hypothesis.score == pytest.approx(expected / penalty, rel=1e-10)


@every_network
def test_beam_of_1_is_greedy(options):
    network, sources = build(options, torch.double), random_sources(200)
    greedy, beam = search(network, sources), search(network, sources, 1)
    assert pieces_found(beam) == [[ids] for ids in pieces_found(greedy)]
    for found, (expected,) in zip(greedy, beam, strict=True):
        assert found.score == pytest.approx(expected.score, rel=1e-10)


@every_network
@pytest.mark.parametrize("beam_size", [None, 4], ids=["greedy", "beam"])
def test_batch_size_and_order_change_nothing_in_float64(options, beam_size):
    network, sources = build(options, torch.double), random_sources(200)
    expected = pieces_found(search(network, sources, beam_size))
    order = torch.randperm(200, generator=torch.Generator().manual_seed(2)).tolist()
    found = search(network, sources, beam_size, batch_size=7, order=order)
    assert pieces_found(found) == expected
    assert len({str(ids) for ids in expected}) > 100  # else the sources would not matter


@every_network
@pytest.mark.parametrize("beam_size", [None, 4], ids=["greedy", "beam"])
def test_batch_size_and_order_change_hardly_a_line_in_float32(options, beam_size):
    network, sources = build(options, torch.float32), random_sources(1000)
    expected = pieces_found(search(network, sources, beam_size))
    order = torch.randperm(1000, generator=torch.Generator().manual_seed(2)).tolist()
    found = pieces_found(search(network, sources, beam_size, batch_size=64, order=order))
    same = sum(ids == other for ids, other in zip(found, expected, strict=True))
    assert same >= 999
