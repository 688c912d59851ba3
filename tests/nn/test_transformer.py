"""The Transformer behind the interfaces of the recurrent networks: what must not change a result."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from seqtext.errors import ConfigError
from seqtext.nn.classifier import Classifier
from seqtext.nn.config import ClassifierConfig, NetworkConfig
from seqtext.nn.encoder_decoder import EncoderDecoder
from seqtext.nn.transformer import positions
from seqtext.search.beam import beam_search
from seqtext.search.greedy import greedy_search
from seqtext.search.protocol import Pieces

BOS, EOS = 1, 2
SMALL = {"cell": "transformer", "embedding_size": 6, "hidden_size": 8, "heads": 2, "dropout": 0.0}


def config(**options: object) -> NetworkConfig:
    given = {**SMALL, "encoder_layers": 2, "decoder_layers": 2, **options}
    return NetworkConfig(**given)  # type: ignore[arg-type]


@pytest.fixture
def network() -> EncoderDecoder:
    torch.manual_seed(1)
    return EncoderDecoder(config(), 11, 13).double().eval()


SOURCE, LENGTHS = torch.tensor([[3, 4, 5, 2], [6, 2, 9, 9], [7, 8, 2, 9]]), torch.tensor([4, 2, 3])
TARGET = torch.tensor([[BOS, 5, 6, 7], [BOS, 7, 8, 3], [BOS, 3, 3, 9]])


def attended(layer: nn.MultiheadAttention, queries: Tensor, values: Tensor, causal: bool) -> Tensor:
    """One attention of one row, head by head and query by query; (T, H), (S, H)."""
    size, heads = queries.size(1), layer.num_heads
    width = size // heads
    q, k, v = (
        rows @ w.T + b
        for rows, w, b in zip(
            (queries, values, values),
            layer.in_proj_weight.chunk(3),
            layer.in_proj_bias.chunk(3),
            strict=True,
        )
    )
    outputs = torch.zeros_like(queries)
    for head in range(heads):
        part = slice(head * width, (head + 1) * width)
        for t in range(len(queries)):
            seen = t + 1 if causal else len(values)
            scores = torch.stack([q[t, part] @ k[s, part] / math.sqrt(width) for s in range(seen)])
            weights = scores.exp() / scores.exp().sum()
            outputs[t, part] = sum(w * v[s, part] for s, w in enumerate(weights))
    return outputs @ layer.out_proj.weight.T + layer.out_proj.bias


def inner(layer: nn.TransformerEncoderLayer | nn.TransformerDecoderLayer, rows: Tensor) -> Tensor:
    return layer.linear2(layer.linear1(rows).relu())  # type: ignore[no-any-return]


def by_hand(network: EncoderDecoder, source: Tensor, target: Tensor) -> Tensor:
    """Logits (T, V) of one pair without padding, layer by layer."""
    encoder: Any
    decoder: Any
    encoder, decoder = network.encoder, network.decoder

    def read(input_layer: Any, embedding: Any, ids: Tensor) -> Tensor:
        rows: Tensor = embedding.weight[ids]
        rows = input_layer.linear(rows * math.sqrt(rows.size(1)))
        for place in range(len(ids)):
            for unit in range(0, rows.size(1), 2):
                angle = place / 10_000 ** (unit / rows.size(1))
                rows[place, unit] += math.sin(angle)
                rows[place, unit + 1] += math.cos(angle)
        return rows

    rows = read(encoder.stack.input, encoder.embedding, source)
    for layer in encoder.stack.layers.layers:
        known = layer.norm1(rows)
        rows = rows + attended(layer.self_attn, known, known, causal=False)
        rows = rows + inner(layer, layer.norm2(rows))
    memory = encoder.stack.layers.norm(rows)
    rows = read(decoder.input, decoder.embedding, target)
    for layer in decoder.layers.layers:
        known = layer.norm1(rows)
        rows = rows + attended(layer.self_attn, known, known, causal=True)
        rows = rows + attended(layer.multihead_attn, layer.norm2(rows), memory, causal=False)
        rows = rows + inner(layer, layer.norm3(rows))
    readout = decoder.readout(decoder.layers.norm(rows))
    logits: Tensor = readout @ decoder.embedding.weight.T + decoder.output.bias
    return logits[:, :13]


@torch.no_grad()
def test_it_computes_what_the_paper_says(network: EncoderDecoder) -> None:
    logits = network(SOURCE, LENGTHS, TARGET)
    for row, length in enumerate(LENGTHS.tolist()):
        expected = by_hand(network, SOURCE[row, :length], TARGET[row])
        torch.testing.assert_close(logits[row], expected)


def test_positions_of_an_odd_width() -> None:
    found = positions(3, 5, torch.zeros(1, dtype=torch.double))
    assert found.shape == (3, 5)
    assert found[2, 4] == pytest.approx(math.sin(2 / 10_000 ** (4 / 5)))


@torch.no_grad()
def test_neither_padding_nor_order_changes_a_result(network: EncoderDecoder) -> None:
    together = network(SOURCE, LENGTHS, TARGET)
    order = [2, 0, 1]
    torch.testing.assert_close(
        network(SOURCE[order], LENGTHS[order], TARGET[order]), together[order]
    )
    for row, length in enumerate(LENGTHS.tolist()):
        alone = network(
            SOURCE[row : row + 1, :length], LENGTHS[row : row + 1], TARGET[row : row + 1]
        )
        torch.testing.assert_close(alone[0], together[row])


@torch.no_grad()
def test_teacher_forcing_equals_stepping(network: EncoderDecoder) -> None:
    expected = network(SOURCE, LENGTHS, TARGET).log_softmax(2)
    state = network.start(SOURCE, LENGTHS)
    for t in range(TARGET.size(1)):
        log_probs, state = network.step(TARGET[:, t : t + 1], state)
        torch.testing.assert_close(log_probs[:, 0], expected[:, t])


@torch.no_grad()
def test_hypotheses_of_a_sentence_are_kept_apart(network: EncoderDecoder) -> None:
    state = network.start(SOURCE, LENGTHS)
    _, state = network.step(TARGET[:, :1], state)
    beams = torch.zeros(2, 2, dtype=torch.long)
    state = network.select(state, torch.tensor([0, 2]), beams)
    pieces = torch.tensor([[5, 9], [3, 4]])
    log_probs, _ = network.step(pieces, state)
    for row, sentence in enumerate((0, 2)):
        for beam in range(2):
            target = torch.tensor([[BOS, int(pieces[row, beam])]])
            alone = network(SOURCE[[sentence]], LENGTHS[[sentence]], target).log_softmax(2)
            torch.testing.assert_close(log_probs[row, beam], alone[0, 1])


@torch.no_grad()
def test_a_beam_of_one_is_greedy(network: EncoderDecoder) -> None:
    most, pieces = torch.tensor([6, 6, 6]), Pieces(bos=BOS, eos=EOS)
    greedy = greedy_search(network, network.start(SOURCE, LENGTHS), most, pieces)
    beam = beam_search(network, network.start(SOURCE, LENGTHS), most, pieces, 1)
    assert [one.ids for one in greedy] == [found.ids for [found] in beam]


def test_it_learns_to_copy() -> None:
    torch.manual_seed(2)
    network = EncoderDecoder(config(hidden_size=32, embedding_size=32), 12, 12)
    optimizer = torch.optim.Adam(network.parameters(), 0.003)
    for _ in range(300):
        words = torch.randint(3, 12, (32, 4))
        ends = torch.full((32, 1), EOS)
        source = torch.cat([words, ends], 1)
        target = torch.cat([torch.full((32, 1), BOS), words], 1)
        loss = network.loss(source, torch.full((32,), 5), target, source) / source.numel()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < 0.3


@pytest.mark.parametrize("pooling", ["max", "mean", "attention"])
@torch.no_grad()
def test_a_classifier_reads_with_it(pooling: str) -> None:
    torch.manual_seed(3)
    given = {**SMALL, "pooling": pooling, "window": None}
    network = Classifier(ClassifierConfig(**given), 11, 3).double().eval()  # type: ignore[arg-type]
    together = network(SOURCE, LENGTHS)
    for row, length in enumerate(LENGTHS.tolist()):
        alone = network(SOURCE[row : row + 1, :length], LENGTHS[row : row + 1])
        torch.testing.assert_close(alone[0], together[row])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"copying": True}, "network.copying: is of recurrent decoders"),
        ({"input_feeding": True}, "network.input_feeding: is of recurrent decoders"),
        ({"heads": 3}, "network.heads: 3 heads cannot share network.hidden_size 8"),
        ({"residual": True}, "network.residual: transformer has ways of its own"),
        ({"bidirectional": False}, "network.bidirectional: transformer always reads both ways"),
        ({"recurrent_start": "identity"}, "network.recurrent_start: transformer has no weights"),
    ],
)
def test_options_of_recurrences_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config(**options)
    assert message in str(caught.value)


def test_there_is_no_single_attention(network: EncoderDecoder) -> None:
    with pytest.raises(ConfigError, match="a transformer attends in every layer and head"):
        network.check_attention()
    look = network.look(SOURCE, LENGTHS, TARGET, TARGET)
    assert look.attention.shape == (*TARGET.shape, 0) and (look.log_probs < 0).all()
