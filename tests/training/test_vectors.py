"""Word vectors: the pieces that are words start with them, others as they would; a broken file is named."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
import torch

from seqtext.data.tokenizer import SPACE, Tokenizer, TokenizerConfig
from seqtext.errors import ConfigError, DataError
from seqtext.training.vectors import load_vectors

WIDTH = 6
TEXTS = [f"the dog sees {i} cats and the cat sees the dogs" for i in range(50)]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    config = TokenizerConfig(vocab_size=60, model_type="bpe", byte_fallback=False)
    return Tokenizer.train(TEXTS, config)


@pytest.fixture
def weight() -> torch.Tensor:
    return torch.randn(64, WIDTH, generator=torch.Generator().manual_seed(1))


def text(vectors: dict[str, np.ndarray], header: bool) -> str:
    lines = [f"{word} {' '.join(f'{x:.6f}' for x in vector)}\n" for word, vector in vectors.items()]
    return (f"{len(lines)} {WIDTH}\n" if header else "") + "".join(lines)


@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("name", ["a.vec", "a.vec.gz"])
def test_pieces_that_are_words(
    header: bool, name: str, tokenizer: Tokenizer, weight: torch.Tensor
) -> None:
    generator = np.random.default_rng(3)
    words = ["dog", "cat", "nothing", "the", "dog"]
    vectors = {word: 5 * generator.normal(size=WIDTH) for word in words}
    content = text(vectors, header).encode() + b"dog " + b"9 " * WIDTH + b"\n\xff\xfe 1 2 3\n"
    Path(name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    before = weight.clone()
    pieces = tokenizer.pieces(range(tokenizer.vocab_size))
    there = [pieces.index(f"{SPACE}{word}") for word in ("dog", "cat", "the")]
    assert load_vectors(weight, tokenizer, name, "o") == 3
    torch.testing.assert_close(before[there].square().sum(), weight[there].square().sum())
    expected = torch.tensor(np.stack([vectors[word] for word in ("dog", "cat", "the")]))
    similarity = torch.cosine_similarity(weight[there].double(), expected)
    torch.testing.assert_close(similarity, torch.ones(3).double(), rtol=0, atol=1e-5)
    others = [i for i in range(64) if i not in there]
    assert torch.equal(weight[others], before[others])


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        ("2 3\ndog 1 2 3\n", ConfigError, r"v:2: 3 numbers .* have 6; set model.network.embedding_s"),
        ("dog 1 2 3\n", ConfigError, "v:1: 3 numbers after the word"),
        (text({"x": np.ones(WIDTH)}, True) + "dog 1 2\n", DataError, "v:3: expected 6 fin"),
        (text({"x": np.ones(WIDTH)}, True) + "dog 1 2 3 4 5 six\n", DataError, "v:3: could not conv"),
        (text({"x": np.ones(WIDTH)}, True) + "dog 1 2 3 4 5 nan\n", DataError, "v:3: expected 6 fin"),
        (text({"dog": np.zeros(WIDTH)}, True), DataError, "o v: the vectors of all pieces are 0"),
        (text({"x": np.ones(WIDTH)}, True), DataError, "o v: none of its words is a piece"),
    ],
)  # fmt: skip
def test_broken_files(
    content: str, error: type[Exception], message: str, tokenizer: Tokenizer, weight: torch.Tensor
) -> None:
    Path("v").write_text(content)
    with pytest.raises(error, match=message):
        load_vectors(weight, tokenizer, "v", "o")
