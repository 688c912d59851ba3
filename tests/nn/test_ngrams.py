"""Character n-grams against slow references, and what must not change a result."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import Tensor

from seqtext.errors import ConfigError
from seqtext.nn.classifier import Classifier
from seqtext.nn.config import ClassifierConfig
from seqtext.nn.ngrams import CharacterNgrams

SPELLINGS = ["▁", "▁a", "bc", "▁Def", "e", "abc", "▁", "ß漢", "c"]
# two texts of the same letters, cut in other pieces, and a short text
TEXTS, LENGTHS = torch.tensor([[1, 2, 3, 0], [0, 5, 3, 6], [4, 7, 7, 7]]), torch.tensor([4, 4, 1])
MASK = torch.arange(4) < LENGTHS.unsqueeze(1)
SPELLED = ["▁abc▁def▁", "▁abc▁def▁", "e"]
FIRST = [5484, 7689, 8269]  # of "▁a", "ab" and "bc"


def config(**options: object) -> ClassifierConfig:
    given = {
        "embedding_size": 6,
        "hidden_size": 6,
        "dropout": 0.0,
        "character_ngrams": 4,
        **options,
    }
    return ClassifierConfig(**given)  # type: ignore[arg-type]


def buckets_of(text: str, shortest: int, longest: int, count: int) -> list[int]:
    """The buckets of a text's n-grams, one by one."""
    every = []
    for length in range(shortest, longest + 1):
        for start in range(len(text) - length + 1):
            number = 0
            for character in text[start : start + length]:
                number = (number * 1_000_003 + ord(character) + 1) % (2**31 - 1)
            every.append(number % count)
    return sorted(every)


@pytest.mark.parametrize(("longest", "shortest"), [(1, 1), (2, 2), (4, 2), (30, 2)])
def test_buckets_are_those_of_the_spelled_text(longest: int, shortest: int) -> None:
    ngrams = CharacterNgrams(config(character_ngrams=longest, ngram_buckets=97), SPELLINGS)
    buckets, real = ngrams.buckets(TEXTS, MASK)
    for row, kept, text in zip(buckets, real, SPELLED, strict=True):
        assert sorted(row[kept].tolist()) == buckets_of(text, shortest, longest, 97)


def test_a_vector_is_the_sum_over_the_ngrams() -> None:
    ngrams = CharacterNgrams(config(ngram_buckets=97), SPELLINGS).double()
    weight: Tensor = torch.nn.init.normal_(ngrams.embedding.weight)
    vectors = ngrams(TEXTS, MASK)
    numbers = buckets_of(SPELLED[0], 2, 4, 97)
    expected = sum(weight[i] for i in numbers) / len(numbers) ** 0.5
    torch.testing.assert_close(vectors[0], expected)
    torch.testing.assert_close(vectors[1], expected)
    assert not vectors[2].any()  # too short for an n-gram


def test_every_process_has_the_same_hash() -> None:
    """Python's own differs from process to process. A checkpoint holds the weights of buckets."""
    code = (
        "import torch; from tests.nn.test_ngrams import *;"
        "print(CharacterNgrams(config(), SPELLINGS).buckets(TEXTS[:1], MASK[:1])[0][0, :3].tolist())"
    )
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert output.stdout == f"{FIRST}\n"


def test_ngrams_are_dropped_in_training_alone() -> None:
    torch.manual_seed(1)
    ngrams = CharacterNgrams(config(dropout=0.5), SPELLINGS)
    torch.nn.init.normal_(ngrams.embedding.weight)
    evaluated = ngrams.eval()(TEXTS, MASK)
    assert torch.equal(ngrams(TEXTS, MASK), evaluated)
    ngrams.train()
    drawn = torch.stack([ngrams(TEXTS, MASK) for _ in range(4000)])
    assert not torch.equal(drawn[0], drawn[1])
    torch.testing.assert_close(drawn.mean(0), evaluated, atol=0.1, rtol=0)


@pytest.mark.parametrize("cell", ["lstm", "transformer"])
def test_neither_padding_nor_neighbours_change_a_result(cell: str) -> None:
    torch.manual_seed(2)
    network = Classifier(config(cell=cell, heads=2), 9, 4, SPELLINGS).double().eval()
    texts, lengths = torch.randint(9, (5, 7)), torch.tensor([7, 1, 4, 2, 6])
    together = network(texts, lengths)
    for order in ([4, 2, 0, 1, 3], [1]):
        torch.testing.assert_close(network(texts[order], lengths[order]), together[order])
    alone = [network(texts[i : i + 1, :n], lengths[i : i + 1]) for i, n in enumerate(lengths)]
    torch.testing.assert_close(torch.cat(alone), together)


def test_ngrams_decide_with_the_encoder() -> None:
    torch.manual_seed(3)
    network = Classifier(config(), 9, 3, SPELLINGS).train()
    network(TEXTS, LENGTHS).sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.any(), name
    deaf = Classifier(config(), 9, 3, [""] * 9).eval()
    deaf.load_state_dict(network.state_dict())
    assert not torch.allclose(deaf(TEXTS, LENGTHS), network.eval()(TEXTS, LENGTHS))


def test_networks_without_ngrams_are_as_they_were() -> None:
    network = Classifier(config(character_ngrams=0), 9, 3, SPELLINGS)
    assert network.output.weight.shape == (3, 6)
    assert not any("ngrams" in name for name in network.state_dict())


@pytest.mark.parametrize(
    ("name", "value"), [("character_ngrams", -1), ("character_ngrams", 33), ("ngram_buckets", 0)]
)
def test_options_have_ranges(name: str, value: int) -> None:
    with pytest.raises(ConfigError) as caught:
        config(**{name: value})
    assert f"network.{name}: {value}" in str(caught.value)


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float16])
def test_runs_in_low_precision(precision: torch.dtype) -> None:
    torch.manual_seed(4)
    network = Classifier(config(), 9, 3, SPELLINGS).eval()
    expected = network(TEXTS, LENGTHS)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(network(TEXTS, LENGTHS).float(), expected, rtol=0.1, atol=0.05)
    low = network.ngrams.to(precision)  # type: ignore[union-attr]
    assert low(TEXTS, MASK).dtype == precision
    assert low(TEXTS, MASK).isfinite().all()
