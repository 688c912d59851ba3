"""Embeddings and output layer: the padded vocabulary stays unseen, weights are shared, dropout."""

import pytest
import torch
from torch.testing import assert_close

from seqtext.nn.embedding import OutputLayer, PieceEmbedding, padded_size

SIZE = 5


def build(vocab_size, tied, **options):
    torch.manual_seed(0)
    embedding = PieceEmbedding(vocab_size, SIZE, **options).double()
    output = OutputLayer(vocab_size, SIZE, embedding if tied else None).double()
    with torch.no_grad():
        for parameter in (embedding.weight, output.weight, output.bias):
            parameter.normal_()
    return embedding, output


@pytest.mark.parametrize("vocab_size", [1, 63, 64, 65])
def test_padded_size_is_the_next_multiple(vocab_size):
    assert padded_size(vocab_size) % 64 == 0
    assert vocab_size <= padded_size(vocab_size) < vocab_size + 64


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("vocab_size", [1, 63, 64, 65])
def test_padded_rows_are_never_seen(vocab_size, tied):
    _, output = build(vocab_size, tied)
    readout = torch.randn(2, 3, SIZE, dtype=torch.double)
    expected = readout @ output.weight[:vocab_size].T + output.bias[:vocab_size]
    assert output(readout).shape == (2, 3, vocab_size)
    assert_close(output(readout), expected)

    gradients = torch.autograd.grad(
        output(readout).square().sum(), [output.weight, output.bias], retain_graph=True
    )
    for gradient in gradients:
        assert bool(gradient[:vocab_size].any())
        assert not bool(gradient[vocab_size:].any())


def test_embedding_reads_the_ids_rows():
    embedding, _ = build(70, tied=False)
    ids = torch.tensor([[0, 69], [3, 3]])
    assert embedding(ids).shape == (2, 2, SIZE)
    assert torch.equal(embedding(ids)[0, 1], embedding.weight[69])
    assert torch.equal(embedding(ids)[1, 0], embedding.weight[3])


def test_tied_output_is_the_very_parameter():
    embedding, output = build(10, tied=True)
    assert output.weight is embedding.weight
    _, untied = build(10, tied=False)
    assert untied.weight.data_ptr() != embedding.weight.data_ptr()


def test_word_dropout_drops_whole_embeddings_and_keeps_their_mean():
    embedding, _ = build(10, tied=False, word_dropout=0.25)
    ids = torch.randint(10, (80, 100))
    factors = embedding(ids) / embedding.weight[ids]
    assert_close(factors, factors[..., :1].expand_as(factors))
    kept = factors[..., 0] > 0.5
    assert_close(factors[..., 0], kept.double() / 0.75, rtol=1e-6, atol=1e-6)
    # 8000 draws: the standard deviation of their mean is 0.005
    assert 0.73 < kept.double().mean() < 0.77


def test_word_dropout_draws_for_every_position():
    embedding, _ = build(10, tied=False, word_dropout=0.5)
    dropped = (embedding(torch.full((4, 50), 7)) == 0).all(-1)
    assert bool(dropped.any(1).all())
    assert not bool(dropped.all(1).any())
    assert len({tuple(row) for row in dropped.tolist()}) == 4


def test_dropout_drops_values_and_keeps_their_mean():
    embedding, _ = build(10, tied=False, dropout=0.25)
    ids = torch.randint(10, (40, 40))
    factors = embedding(ids) / embedding.weight[ids]
    kept = factors > 0.5
    assert_close(factors, kept.double() / 0.75, rtol=1e-6, atol=1e-6)
    assert 0.73 < kept.double().mean() < 0.77
    assert bool((kept.any(-1) & ~kept.all(-1)).any())


def test_nothing_is_dropped_in_evaluation():
    embedding, _ = build(10, tied=False, dropout=0.5, word_dropout=0.5)
    ids = torch.randint(10, (20, 20))
    assert torch.equal(embedding.eval()(ids), embedding.weight[ids])
