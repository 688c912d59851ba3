"""States with few pieces are read as states with many are."""

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from seqtext.search import automaton
from seqtext.search.automaton import DEAD, Automaton
from seqtext.search.text_rule import TextRule

SIZE, EOS = 100, 1


class Multiples(Automaton[int]):
    """An output is multiples of 9, then of 2, and so on. It ends with a number of pieces that 3 divides."""

    def row(self, state: int) -> Tensor:
        row = torch.full((SIZE,), DEAD, dtype=torch.int32)
        row[:: (9, 2, 30)[state % 3]] = self.number(state + 1)
        return row

    def follow(self, state: int, piece: int | str) -> int | None:
        raise AssertionError("rows are complete")

    def may_end(self, state: int) -> bool:
        return state % 3 == 0

    def needs(self, state: int) -> int:
        return -state % 3


def ruled_out(history: Tensor, limits: Tensor) -> Tensor:
    reader = Multiples(SIZE)
    starts = torch.tensor([reader.number(each) for each in (0, 1, 2)])
    log_probs = torch.randn(3, 2, SIZE, generator=torch.Generator().manual_seed(1))
    TextRule(reader, starts, limits, EOS, [])(log_probs, history, torch.arange(3))
    return log_probs


@pytest.mark.parametrize("left", [1, 2, 3, 9])
def test_few_pieces_are_read_like_many(left: int, monkeypatch: pytest.MonkeyPatch) -> None:
    history = torch.tensor([[[0, 0], [9, 1]], [[0, 0], [2, 30]], [[0, 0], [30, 18]]])
    limits = history.size(2) + torch.tensor([left, left, 9])
    with monkeypatch.context() as patch:
        patch.setattr(automaton, "_FEW", 1)
        by_rows = ruled_out(history, limits)
    few = ruled_out(history, limits)
    assert bool((few == -torch.inf).any())
    assert bool((few[..., EOS] > -torch.inf).any())
    assert_close(few, by_rows, rtol=0, atol=0)
