"""Automata that read pieces. The state of a hypothesis says which pieces may follow."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from typing import Generic, NamedTuple, TypeVar

import torch
from torch import Tensor

StateT = TypeVar("StateT", bound=Hashable)

DEAD = 0  # number of the state from which no text is allowed
LATER = 1  # stands for a state that is computed once a hypothesis takes the piece
FIRST = 2  # number of the first of other states
_FEW = 64  # pieces of a short list


class _Table(NamedTuple):
    """What is known of each state, by its number."""

    slots: Tensor  # int64, which row is its own
    ends: Tensor  # bool, whether an output may end in it
    needs: Tensor  # int64, how many more pieces an output needs
    opens: Tensor  # bool, whether every piece may follow
    narrow: Tensor  # bool, whether ``Automaton.few`` has all pieces that may follow


class Automaton(ABC, Generic[StateT]):
    """Reads pieces. Its states have numbers, and the pieces that may follow a state are a row of a table.

    A row is computed when a hypothesis first reaches its state.

    Args:
        vocab_size: V, size of the vocabulary.
    """

    def __init__(self, vocab_size: int) -> None:
        self.vocab_size = vocab_size
        self._numbers: dict[StateT, int] = {}
        self._states: list[StateT | None] = [None] * FIRST
        self._ends = [False, True]
        self._needs = [1 << 30, 1]
        # which row each state has. The first is of states without one yet
        self._slots = [0] * FIRST
        self._open = [False] * FIRST
        self._narrow = [True] * FIRST
        self._rows = torch.zeros((64, vocab_size), dtype=torch.int32)
        self._few = torch.zeros((64, _FEW), dtype=torch.long)
        self._count = 1
        self._resolved = set[int]()
        self._table: _Table | None = None
        self._prepared = list[int]()  # states whose row is new
        self.most_needed = 1  # by any state

    @abstractmethod
    def row(self, state: StateT) -> Tensor:
        """Numbers (V,) of the states that each piece leads to: ``DEAD``, ``LATER`` or see ``number``."""

    @abstractmethod
    def follow(self, state: StateT, piece: int | str) -> StateT | None:
        """The state behind a piece, or behind a word that is copied. None where it is not allowed."""

    @abstractmethod
    def may_end(self, state: StateT) -> bool:
        """Whether an output may end here."""

    @abstractmethod
    def needs(self, state: StateT) -> int:
        """About how many more pieces an output needs before it may end."""

    def number(self, state: StateT | None) -> int:
        """The number of a state."""
        if state is None:
            return DEAD
        if (number := self._numbers.get(state)) is None:
            number = self._numbers[state] = len(self._states)
            self._states.append(state)
            self._ends.append(self.may_end(state))
            self._needs.append(self.needs(state))
            self._slots.append(0)
            self._open.append(False)
            self._narrow.append(False)
            self.most_needed = max(self.most_needed, self._needs[-1])
        return number

    def state(self, number: int) -> StateT:
        """The state of a number that is not ``DEAD`` or ``LATER``."""
        state = self._states[number]
        assert state is not None
        return state

    def prepare(self, numbers: Tensor) -> None:
        """Compute the rows of states that lack theirs."""
        for number in set(numbers.flatten().tolist()):
            if number < FIRST or self._slots[number]:
                continue
            row = self.row(self.state(number))
            if self._count == len(self._rows):
                self._rows = torch.cat([self._rows, torch.zeros_like(self._rows)])
                self._few = torch.cat([self._few, torch.zeros_like(self._few)])
            self._rows[self._count] = row.to(self._rows.device)
            allowed = int(row.count_nonzero())
            self._open[number] = allowed == self.vocab_size
            self._narrow[number] = allowed <= _FEW
            if self._narrow[number]:
                self._few[self._count, :allowed] = row.nonzero()[:, 0].to(self._few.device)
            self._slots[number], self._count = self._count, self._count + 1
            self._prepared.append(number)

    def resolve(self, numbers: Tensor) -> None:
        """Compute also what ``LATER`` stands for in the rows of states that are prepared."""
        for number in set(numbers.flatten().tolist()):
            if number < FIRST or number in self._resolved:
                continue
            self._resolved.add(number)
            row = self._rows[self._slots[number]]
            for piece in (row == LATER).nonzero()[:, 0].tolist():
                row[piece] = self.number(self.follow(self.state(number), piece))

    def table(self, device: torch.device) -> _Table:
        """What is known of all states."""
        if self._table is None or self._table.slots.device != device:
            self._rows, self._few = self._rows.to(device), self._few.to(device)
            self._table = self._table_of(0, device)
        elif (known := len(self._table.slots)) < len(self._states):
            new = self._table_of(known, device)
            self._table = _Table(*map(torch.cat, zip(self._table, new, strict=True)))
        if self._prepared:
            lists: dict[str, Sequence[int]] = {
                "slots": self._slots,
                "opens": self._open,
                "narrow": self._narrow,
            }
            for name, values in lists.items():
                own = getattr(self._table, name)
                own[self._prepared] = own.new_tensor([values[number] for number in self._prepared])
            self._prepared.clear()
        return self._table

    def _table_of(self, first: int, device: torch.device) -> _Table:
        """The table from a state on."""
        lists = (self._slots, self._ends, self._needs, self._open, self._narrow)
        return _Table(*(torch.tensor(values[first:], device=device) for values in lists))

    def rows(self, numbers: Tensor) -> Tensor:
        """Rows (..., V) of states (...) that are prepared. The dead state has any row."""
        slots = self.table(numbers.device).slots[numbers]
        return self._rows[slots]

    def few(self, numbers: Tensor) -> tuple[Tensor, Tensor]:
        """The pieces that may follow states (R,) with few of them, and the states behind these.

        Returns:
            Ids and numbers (R, W). Ids that may not follow fill up the rows.
        """
        slots = self.table(numbers.device).slots[numbers].unsqueeze(1)
        pieces = self._few[slots[:, 0]]
        return pieces, self._rows[slots, pieces]

    def next(self, numbers: Tensor, pieces: Tensor, words: Sequence[Sequence[str]]) -> Tensor:
        """The states (N, K) behind ``pieces`` (N, K), which follow prepared states ``numbers`` (N, K).

        Args:
            numbers: Of states.
            pieces: Ids. From V on they name words.
            words: Of each of the N sentences, words that can be copied.
        """
        slots = self.table(numbers.device).slots[numbers]
        following = self._rows[slots, pieces.clamp(max=self.vocab_size - 1)].long()
        following.masked_fill_(numbers == DEAD, DEAD)
        beyond = pieces >= self.vocab_size
        for row, beam in ((following == LATER) | (beyond & (numbers != DEAD))).nonzero().tolist():
            piece = int(pieces[row, beam])
            copied = piece >= self.vocab_size
            read = words[row][piece - self.vocab_size] if copied else piece
            state = self.state(int(numbers[row, beam]))
            following[row, beam] = self.number(self.follow(state, read))
        return following
