"""Search with a real network: scores that the network confirms, and no influence of the batch."""

from typing import Any

import pytest
import torch

from seqtext.data.batch import source_rows
from seqtext.nn.config import NetworkConfig
from seqtext.nn.encoder_decoder import EncoderDecoder
from seqtext.search.beam import beam_search
from seqtext.search.config import SearchConfig
from seqtext.search.length_penalty import LengthPenalty
from seqtext.search.protocol import FinishedHypothesis, Pieces
from seqtext.search.run import run_search

SOURCE_VOCAB, TARGET_VOCAB, BOS, EOS = 15, 14, 1, 2
PIECES = Pieces(bos=BOS, eos=EOS, banned=(0,))
PENALTY = LengthPenalty(0.6, "wu")
SEARCHES: dict[str, dict[str, Any]] = {
    "greedy": {"beam_size": 1},
    "beam": {"beam_size": 4},
    "diverse": {"beam_size": 4, "beam_groups": 2},
    "samples": {"samples": 3},
    "top_p": {"samples": 2, "top_p": 0.8},
    "filters": {"samples": 2, "temperature": 0.8, "top_k": 5, "min_p": 0.05},
}

NETWORKS = {
    "lstm": {},
    "gru_fed": {"cell": "gru", "input_feeding": True, "decoder_layers": 1},
    "multi_head": {"cell": "rnn_tanh", "attention": "multi_head", "decoder_layers": 3},
}
every_search = pytest.mark.parametrize("options", SEARCHES.values(), ids=SEARCHES.keys())
every_network = pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS.keys())


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


def search(
    network: EncoderDecoder,
    sources: list[list[int]],
    options: dict[str, Any],
    *,
    batch_size: int | None = None,
    order: list[int] | None = None,
) -> list[list[FinishedHypothesis]]:
    """Results in the order of the sources, for any batches."""
    order = list(range(len(sources))) if order is None else order
    batch_size = batch_size or len(sources)
    config = SearchConfig(length_penalty=0.6, length_formula="wu", **options)
    results: dict[int, list[FinishedHypothesis]] = {}
    for first in range(0, len(order), batch_size):
        batch = order[first : first + batch_size]
        source, lengths = source_rows([sources[row] for row in batch], EOS)
        state = network.start(source, lengths)
        keys = [b"%d" % row for row in batch]
        found = run_search(network, state, lengths, lengths + 2, PIECES, config, (), keys)
        results |= dict(zip(batch, found, strict=True))
    return [results[row] for row in range(len(sources))]


def pieces_found(results: list[list[FinishedHypothesis]]) -> list[list[tuple[int, ...]]]:
    return [[hypothesis.ids for hypothesis in found] for found in results]


@every_network
@every_search
def test_scores_are_those_of_teacher_forcing(
    network: dict[str, Any], options: dict[str, Any]
) -> None:
    model, sources = build(network, torch.double), random_sources(20)
    for source, found in zip(sources, search(model, sources, options), strict=True):
        for hypothesis in found:
            ids, length = torch.tensor([[BOS, *hypothesis.ids, EOS]]), len(source) + 1
            logits = model(torch.tensor([[*source, EOS]]), torch.tensor([length]), ids[:, :-1])
            log_probs = logits.log_softmax(-1).gather(2, ids[:, 1:].unsqueeze(2))
            expected = log_probs.sum().item()
            assert hypothesis.log_prob == pytest.approx(expected, rel=1e-10)
            penalty = PENALTY(len(hypothesis.ids) + 1)
            assert hypothesis.score == pytest.approx(expected / penalty, rel=1e-10)


@every_network
def test_beam_of_1_is_greedy(network: dict[str, Any]) -> None:
    model, sources = build(network, torch.double), random_sources(200)
    greedy = search(model, sources, {"beam_size": 1})
    source, lengths = source_rows(sources, EOS)
    state = model.start(source, lengths)
    beam = beam_search(model, state, lengths + 2, PIECES, 1, PENALTY)
    assert pieces_found(beam) == pieces_found(greedy)
    for [found], [expected] in zip(greedy, beam, strict=True):
        assert found.score == pytest.approx(expected.score, rel=1e-10)


@every_network
@every_search
def test_batch_size_and_order_change_nothing_in_float64(
    network: dict[str, Any], options: dict[str, Any]
) -> None:
    model, sources = build(network, torch.double), random_sources(200)
    expected = pieces_found(search(model, sources, options))
    order = torch.randperm(200, generator=torch.Generator().manual_seed(2)).tolist()
    found = search(model, sources, options, batch_size=7, order=order)
    assert pieces_found(found) == expected
    assert len({str(ids) for ids in expected}) > 100  # else the sources would not matter


@every_network
@every_search
def test_batch_size_and_order_change_hardly_a_line_in_float32(
    network: dict[str, Any], options: dict[str, Any]
) -> None:
    model, sources = build(network, torch.float32), random_sources(500)
    expected = pieces_found(search(model, sources, options))
    order = torch.randperm(500, generator=torch.Generator().manual_seed(2)).tolist()
    found = pieces_found(search(model, sources, options, batch_size=64, order=order))
    same = sum(ids == other for ids, other in zip(found, expected, strict=True))
    assert same >= 499
