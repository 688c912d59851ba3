"""Word vectors trained elsewhere -> the embeddings of the pieces that are words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from seqtext.data.files import open_file, text_lines
from seqtext.data.tokenizer import SPACE, Tokenizer
from seqtext.errors import ConfigError, DataError

Vector = npt.NDArray[np.float32]


@torch.no_grad()
def load_vectors(weight: Tensor, tokenizer: Tokenizer, path: str, option: str) -> int:
    """Give the pieces that are words of a file their vectors. Other pieces keep their embeddings.

    All vectors are scaled by one number. Their root mean square becomes that of the embeddings they replace.

    Args:
        weight: (rows, E) embeddings, changed in place.
        tokenizer: The tokenizer whose pieces the rows belong to.
        path: A text file of word2vec or fastText, packed (``.gz``, ``.zst``) or not. A line has a word and E
            numbers, separated by spaces. A first line with the two counts is skipped.
        option: The option that names ``path``, for messages.

    Returns:
        The number of pieces that got a vector.

    Raises:
        ConfigError: The vectors have another width than the embeddings.
        DataError: The file cannot be read, a line is not what it should be, or no piece is a word of it.
    """
    words: dict[str, list[int]] = {}
    for i, piece in enumerate(tokenizer.pieces(range(tokenizer.vocab_size))):
        if piece.startswith(SPACE) and len(piece) > 1:
            words.setdefault(piece[1:], []).append(i)
    width = weight.size(1)
    found = _read(path, words, width, option)
    if not found:
        raise DataError(
            f"{option} {path}: none of its words is a piece; is it of another language?"
        )
    rows = [i for word in found for i in words[word]]
    vectors = torch.from_numpy(np.stack([found[word] for word in found for _ in words[word]]))
    if not vectors.any():
        raise DataError(f"{option} {path}: the vectors of all pieces are 0")
    weight[rows] = vectors.to(weight) * (
        weight[rows].square().mean().sqrt() / vectors.square().mean().sqrt()
    )
    return len(rows)


def _read(path: str, words: dict[str, list[int]], width: int, option: str) -> dict[str, Vector]:
    """The vectors of these words; the first where a word has several."""
    found: dict[str, Vector] = {}
    with open_file(Path(path)) as file:
        # a broken word, of which such files have some, is no piece anyway
        for number, line in enumerate(text_lines(file, path, lenient=True), 1):
            word, _, rest = line.rstrip().partition(" ")
            where = f"{option} {path}:{number}"
            if number == 1 and rest.isdecimal():  # the counts
                continue
            if number <= 2:
                _check_width(len(rest.split(" ")), width, where)
            if word not in words or word in found:
                continue
            numbers = rest.split(" ")
            if len(numbers) > width:  # a word with a space in it
                continue
            try:
                vector = np.array(numbers, dtype=np.float32)
            except ValueError as error:
                raise DataError(f"{where}: {error}") from error
            if len(vector) < width or not np.isfinite(vector).all():
                raise DataError(f"{where}: expected {width} finite numbers after the word")
            found[word] = vector
    return found


def _check_width(found: int, width: int, where: str) -> None:
    if found != width:
        raise ConfigError(
            f"{where}: {found} numbers after the word, but the embeddings have {width}; set"
            f" model.network.embedding_size to {found}"
        )
