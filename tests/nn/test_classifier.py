"""The classifier against slow references in float64, and what must not change a result."""

from __future__ import annotations

from typing import get_args

import pytest
import torch
from torch import Tensor

from seqtext.errors import ConfigError
from seqtext.nn.classifier import Classifier, Pooling, classification_loss
from seqtext.nn.config import ClassifierConfig
from seqtext.nn.config import Pooling as Kind
from tests.support import LOW_PRECISION

KINDS = get_args(Kind)


def config(**options: object) -> ClassifierConfig:
    given = {"embedding_size": 5, "hidden_size": 6, "dropout": 0.0, **options}
    return ClassifierConfig(**given)  # type: ignore[arg-type]


def pooled(kind: str, pooling: Pooling, row: Tensor, bidirectional: bool) -> Tensor:
    """What a text without padding (S, M) becomes, position by position."""
    if kind == "max":
        return torch.stack([max(row[:, unit], key=float) for unit in range(row.size(1))])
    if kind == "mean":
        return sum(row) / len(row)  # type: ignore[return-value]
    if kind == "last":
        half = row.size(1) // 2
        return torch.cat([row[-1, :half], row[0, half:]]) if bidirectional else row[-1]
    projection, score = pooling.projection, pooling.score
    exponentials = [
        (score.weight[0] @ torch.tanh(projection.weight @ h + projection.bias)).exp() for h in row
    ]
    weighted = [e * h for e, h in zip(exponentials, row, strict=True)]
    return torch.stack(weighted).sum(0) / torch.stack(exponentials).sum()


@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_pooling_equals_a_loop(kind: str, bidirectional: bool) -> None:
    torch.manual_seed(1)
    pooling = Pooling(config(pooling=kind, bidirectional=bidirectional)).double()
    memory = torch.randn(3, 4, 6, dtype=torch.double)
    lengths = [4, 1, 3]
    mask = torch.arange(4) < torch.tensor(lengths).unsqueeze(1)
    memory[~mask] = 1e6  # what stands there must not matter
    found, weights = pooling(memory, mask)
    for row, length in enumerate(lengths):
        expected = pooled(kind, pooling, memory[row, :length], bidirectional)
        torch.testing.assert_close(found[row], expected)
    torch.testing.assert_close(weights.sum(1), torch.ones(3, dtype=torch.double))
    assert not weights[~mask].any()
    assert (weights >= 0).all()


@pytest.mark.parametrize("device", LOW_PRECISION)
@pytest.mark.parametrize("kind", KINDS)
def test_runs_under_autocast(kind: str, device: str) -> None:
    torch.manual_seed(1)
    network = Classifier(config(pooling=kind), 10, 3).to(device)
    texts = torch.tensor([[5, 6, 7], [8, 9, 3]], device=device)
    lengths = torch.tensor([3, 2], device=device)
    expected = network(texts, lengths)
    with torch.autocast(device, torch.bfloat16):
        logits = network(texts, lengths)
    torch.testing.assert_close(logits.float(), expected, rtol=0.1, atol=0.05)
    for gradient in torch.autograd.grad(logits.float().sum(), list(network.parameters())):
        assert gradient.isfinite().all()


@pytest.mark.parametrize("cell", ["lstm", "gru", "min_gru"])
@pytest.mark.parametrize("kind", KINDS)
def test_neither_padding_nor_neighbours_change_a_result(kind: str, cell: str) -> None:
    torch.manual_seed(2)
    network = Classifier(config(pooling=kind, cell=cell, encoder_layers=2), 9, 4).double().eval()
    texts, lengths = torch.randint(9, (5, 7)), torch.tensor([7, 1, 4, 2, 6])
    together = network(texts, lengths)
    for order in ([4, 2, 0, 1, 3], [1]):
        torch.testing.assert_close(network(texts[order], lengths[order]), together[order])
    alone = [network(texts[i : i + 1, :n], lengths[i : i + 1]) for i, n in enumerate(lengths)]
    torch.testing.assert_close(torch.cat(alone), together)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_those_of_differences(kind: str) -> None:
    torch.manual_seed(3)
    network = Classifier(config(pooling=kind), 9, 3).double()
    texts, lengths, labels = torch.randint(9, (2, 4)), torch.tensor([4, 2]), torch.tensor([2, 0])
    loss, _ = classification_loss(network(texts, lengths).double(), labels)
    loss.backward()
    for parameter in network.parameters():
        flat, gradient = parameter.data.view(-1), parameter.grad
        if gradient is None or not flat.numel():
            continue
        place = int(gradient.abs().argmax())
        before, step = float(flat[place]), 1e-4
        values = []
        for moved in (before + step, before - step):
            flat[place] = moved
            # in float64, which classification_loss leaves
            logits = network(texts, lengths).log_softmax(1)
            values.append(-float((logits[0, 2] + logits[1, 0]).detach()))
        flat[place] = before
        assert gradient.view(-1)[place] == pytest.approx(
            (values[0] - values[1]) / 2 / step, rel=1e-3
        )


def test_loss_of_one_label() -> None:
    logits = torch.tensor([[1.0, 2.0, 0.5], [0.0, 0.0, 3.0], [5.0, 1.0, 1.0]])
    labels, weights = torch.tensor([1, -100, 0]), torch.tensor([2.0, 3.0, 7.0])
    logs = logits.log_softmax(1)
    plain, count = classification_loss(logits, labels)
    assert float(plain) == pytest.approx(-float(logs[0, 1] + logs[2, 0]), rel=1e-5)
    assert int(count) == 2
    weighted, mass = classification_loss(logits, labels, weights)
    assert float(weighted) == pytest.approx(-float(3 * logs[0, 1] + 2 * logs[2, 0]), rel=1e-5)
    assert float(mass) == 5
    smoothed, _ = classification_loss(logits, labels, smoothing=0.3)
    expected = -sum(0.7 * logs[i, j] + 0.1 * logs[i].sum() for i, j in ((0, 1), (2, 0)))
    assert float(smoothed) == pytest.approx(float(expected), rel=1e-5)


def test_loss_of_several_labels() -> None:
    logits = torch.tensor([[1.0, -2.0], [0.5, 3.0]])
    labels, weights = torch.tensor([[True, False], [False, False]]), torch.tensor([2.0, 3.0])
    p = logits.sigmoid()
    each = -torch.stack(
        [p[0, 0].log(), (1 - p[0, 1]).log(), (1 - p[1, 0]).log(), (1 - p[1, 1]).log()]
    )
    plain, count = classification_loss(logits, labels)
    assert float(plain) == pytest.approx(float(each.sum()), rel=1e-5)
    assert int(count) == 2
    weighted, _ = classification_loss(logits, labels, weights)
    # of what a row has, not of what it has not
    assert float(weighted) == pytest.approx(
        float((each * torch.tensor([2.0, 1, 1, 1])).sum()), rel=1e-5
    )
    smoothed, _ = classification_loss(logits, labels, smoothing=0.2)
    wanted = torch.tensor([[0.9, 0.1], [0.1, 0.1]])
    expected = -(wanted * p.log() + (1 - wanted) * (1 - p).log()).sum()
    assert float(smoothed) == pytest.approx(float(expected), rel=1e-5)


def test_nothing_is_dropped_before_pooling() -> None:
    """Dropped units would leave a maximum to others each time."""
    torch.manual_seed(4)
    network = Classifier(config(dropout=0.5), 9, 3).train()
    memory = torch.randn(4, 5, 6)
    assert network.encoder.dropout(memory) is memory
    assert (network.dropout(memory) == 0).any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"pooling": "median"},
            "network.pooling: 'median', expected one of last, max, mean, attention",
        ),
        ({"cell": "elman"}, "network.cell: 'elman', expected one of"),
        ({"pooling": "last", "window": 4}, "network.pooling: last states know a text where"),
        ({"hidden_size": 7}, "network.hidden_size: 7, expected an even number"),
        ({"dropout": 1.0}, "network.dropout: 1.0, expected at least 0 and less than 1"),
    ],
)
def test_configuration_is_checked(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config(**options)
    assert message in str(caught.value)
