"""Rules on what hypotheses write: an automaton reads their pieces, and its states say what may follow."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from typing import Generic, NamedTuple, TypeVar

import torch
from torch import Tensor

StateT = TypeVar("StateT", bound=Hashable)

DEAD = 0  # number of the state from which no text is allowed
LATER = 1  # stands for a state that is computed once a hypothesis takes the piece
_FIRST = 2


class _Table(NamedTuple):
    """What is known of each state, by its number."""

    slots: Tensor  # int64, which row is its own
    ends: Tensor  # bool, whether an output may end in it
    needs: Tensor  # int64, how many more pieces an output needs
    opens: Tensor  # bool, whether every piece may follow


class Automaton(ABC, Generic[StateT]):
    """Reads pieces. Its states have numbers, and the pieces that may follow a state are a row of a table.

    A row is computed when a hypothesis first reaches its state.

    Args:
        vocab_size: V, size of the vocabulary.
    """

    def __init__(self, vocab_size: int) -> None:
        self.vocab_size = vocab_size
        self._numbers: dict[StateT, int] = {}
        self._states: list[StateT | None] = [None] * _FIRST
        self._ends = [False, True]
        self._needs = [1 << 30, 1]
        self._slots = [
            0
        ] * _FIRST  # which row each state has. The first is of states without one yet
        self._open = [False] * _FIRST
        self._rows = torch.zeros((64, vocab_size), dtype=torch.int32)
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
            if number < _FIRST or self._slots[number]:
                continue
            row = self.row(self.state(number))
            if self._count == len(self._rows):
                self._rows = torch.cat([self._rows, torch.zeros_like(self._rows)])
            self._rows[self._count] = row.to(self._rows.device)
            self._slots[number], self._count = self._count, self._count + 1
            self._open[number] = bool((row != DEAD).all())
            self._prepared.append(number)

    def resolve(self, numbers: Tensor) -> None:
        """Compute also what ``LATER`` stands for in the rows of states that are prepared."""
        for number in set(numbers.flatten().tolist()):
            if number < _FIRST or number in self._resolved:
                continue
            self._resolved.add(number)
            row = self._rows[self._slots[number]]
            for piece in (row == LATER).nonzero()[:, 0].tolist():
                row[piece] = self.number(self.follow(self.state(number), piece))

    def table(self, device: torch.device) -> _Table:
        """What is known of all states."""
        if self._table is None or self._table.slots.device != device:
            self._rows = self._rows.to(device)
            self._table = self._table_of(0, device)
        elif (known := len(self._table.slots)) < len(self._states):
            new = self._table_of(known, device)
            self._table = _Table(*map(torch.cat, zip(self._table, new, strict=True)))
        if self._prepared:
            for name, values in (("slots", self._slots), ("opens", self._open)):
                own = getattr(self._table, name)
                own[self._prepared] = own.new_tensor([values[number] for number in self._prepared])
            self._prepared.clear()
        return self._table

    def _table_of(self, first: int, device: torch.device) -> _Table:
        """The table from a state on."""
        lists = (self._slots, self._ends, self._needs, self._open)
        return _Table(*(torch.tensor(values[first:], device=device) for values in lists))

    def rows(self, numbers: Tensor) -> Tensor:
        """Rows (..., V) of states (...) that are prepared. The dead state has any row."""
        slots = self.table(numbers.device).slots[numbers]
        return self._rows[slots]

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


class TextRule:
    """Rules out what an automaton does not allow. See ``Rule`` and ``StrictRule``.

    Args:
        automaton: Reads the hypotheses.
        starts: (sentences,) int64, numbers of the states before the first piece.
        limits: (sentences,) int64, most pieces of a hypothesis. A hypothesis keeps enough of them for what
            it still needs.
        eos: Id of the piece that ends a hypothesis.
        words: Of each sentence, words that can be copied.
        wary: Whether no piece leads to where an output could not end, if there are others. Greedy search
            cannot take such a piece back.
    """

    def __init__(
        self,
        automaton: Automaton[StateT],
        starts: Tensor,
        limits: Tensor,
        eos: int,
        words: Sequence[Sequence[str]],
        *,
        wary: bool = False,
    ) -> None:
        self._wary = wary
        self._automaton, self._starts, self._limits = automaton, starts, limits
        self._eos, self._words = eos, words
        self._history: Tensor | None = None
        self._origin, self._numbers = starts, starts

    def __call__(self, log_probs: Tensor, history: Tensor, origin: Tensor) -> None:
        """See ``Rule``."""
        automaton, numbers = self._automaton, self.states(history, origin)
        automaton.prepare(numbers)
        left = (self._limits[origin] - history.size(2)).unsqueeze(1).expand(numbers.shape)
        tight = left <= automaton.most_needed + 1
        table = automaton.table(numbers.device)
        ends = table.ends[numbers]
        rows = (~table.opens[numbers] | tight | self._wary).nonzero(as_tuple=True)
        if len(rows[0]):
            self._rule_out(log_probs, rows, numbers[rows], left[rows], tight[rows], origin)
        log_probs[:, :, self._eos].masked_fill_(~ends, -torch.inf)

    def _rule_out(
        self,
        log_probs: Tensor,
        rows: tuple[Tensor, ...],
        numbers: Tensor,
        left: Tensor,
        tight: Tensor,
        origin: Tensor,
    ) -> None:
        """Write -inf where pieces may not follow.

        Args:
            log_probs: (N, K, V), overwritten. Eos stays.
            rows: Sentences and beams (R,) of the hypotheses to look at.
            numbers: (R,) int64, their states.
            left: (R,) int64, pieces to their limits.
            tight: (R,) bool, whether that may be too few.
            origin: See ``Rule``.
        """
        automaton = self._automaton
        automaton.resolve(numbers[tight])
        following = self._following(numbers, origin[rows[0]], log_probs.size(2))
        forbidden = following == DEAD
        table = automaton.table(numbers.device)  # copied words may have led to new states
        if bool(tight.any()):
            forbidden[tight] |= table.needs[following[tight]] >= left[tight].unsqueeze(1)
        forbidden[:, self._eos] = False
        every = len(numbers) == log_probs[..., 0].numel()
        own = log_probs.flatten(0, 1) if every else log_probs[rows]  # a view spares copies
        if self._wary:
            risky = ~table.ends[following]
            risky[:, self._eos] = False
            safe = own.masked_fill(forbidden | risky, -torch.inf).amax(1) > -torch.inf
            forbidden |= risky & safe.unsqueeze(1)
        own.masked_fill_(forbidden, -torch.inf)
        if not every or not log_probs.is_contiguous():
            log_probs[rows] = own

    def may_end(self, history: Tensor, origin: Tensor) -> Tensor:
        """See ``StrictRule``."""
        numbers = self.states(history, origin)
        return self._automaton.table(numbers.device).ends[numbers]

    def states(self, history: Tensor, origin: Tensor) -> Tensor:
        """Numbers (N, K) of the states behind hypotheses. For the arguments see ``Rule``."""
        if history is self._history:
            return self._numbers
        before = self._before(history, origin)
        if before is None:  # read from the start
            numbers = self._starts[origin].unsqueeze(1).expand(history.shape[:2])
            for step in range(history.size(2)):
                numbers = self._step(numbers, history[:, :, step], origin)
        else:
            numbers = self._step(before, history[:, :, -1], origin)
        self._history, self._origin, self._numbers = history, origin, numbers
        return numbers

    def _step(self, numbers: Tensor, pieces: Tensor, origin: Tensor) -> Tensor:
        self._automaton.prepare(numbers)
        words = [self._words[sentence] for sentence in origin.tolist()] if self._words else []
        return self._automaton.next(numbers, pieces, words)

    def _before(self, history: Tensor, origin: Tensor) -> Tensor | None:
        """The states of the step before, of the hypotheses that these continue. None if unknown.

        A search may drop sentences, and continue a hypothesis twice. So the hypotheses are looked for.
        """
        last = self._history
        if last is None or history.size(2) != last.size(2) + 1 or not len(self._origin):
            return None
        numbers = self._numbers
        if not torch.equal(origin, self._origin):
            same = origin.unsqueeze(1) == self._origin
            if not bool((same.sum(1) == 1).all()):
                return None
            places = same.byte().argmax(1)
            last, numbers = last[places], numbers[places]
        same = (history[:, :, None, :-1] == last.unsqueeze(1)).all(3)
        if not bool(same.any(2).all()):
            return None
        return numbers.gather(1, same.byte().argmax(2))

    def _following(self, numbers: Tensor, origin: Tensor, width: int) -> Tensor:
        """States (R, V') that each piece leads to, and each word that can be copied."""
        rows = self._automaton.rows(numbers).masked_fill((numbers == DEAD).unsqueeze(1), DEAD)
        if width == rows.size(1):
            return rows
        beyond = torch.full((len(rows), width - rows.size(1)), LATER, device=rows.device)
        pairs = zip(numbers.tolist(), origin.tolist(), strict=True)
        for row, (number, sentence) in enumerate(pairs):
            for place, word in enumerate(self._words[sentence] if number >= _FIRST else ()):
                state = self._automaton.follow(self._automaton.state(number), word)
                beyond[row, place] = self._automaton.number(state)
        return torch.cat([rows, beyond.int()], 1)
