"""Outputs that must have certain phrases: a beam keeps room for hypotheses that have them already."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from seqtext.search.automaton import DEAD, LATER, Automaton, StateT
from seqtext.search.largest import largest
from seqtext.search.text_rule import TextRule

_TRIED = 2  # pieces of a phrase that each hypothesis is continued with, at most


class GoalAutomaton(Automaton[StateT]):
    """An automaton that knows what leads on where an output needs more."""

    @abstractmethod
    def leading(self, state: StateT, pieces: list[int]) -> list[int]:
        """Which pieces to try, of those behind which an output needs less than in this state."""

    @abstractmethod
    def completes(self, state: StateT) -> bool:
        """Whether a phrase ends in this state, if its last word does not go on."""


class RequiredRule(TextRule):
    """Every output ends with all it needs, and a beam is shared by hypotheses that need more or less.

    Dynamic beam allocation (Post and Vilar 2018), for all sentences at once (Hu et al. 2019). A bank holds
    the hypotheses that still need the same number of pieces. The banks take turns to give their best
    hypothesis, first the bank that needs least.

    Args:
        automaton: Its ``needs`` count pieces of phrases that an output lacks.
        starts, limits, eos, words: See ``TextRule``.
        greedy: Whether the search keeps a single hypothesis. Then a phrase is begun where the output would
            end, and it is completed.
    """

    def __init__(
        self,
        automaton: GoalAutomaton[StateT],
        starts: Tensor,
        limits: Tensor,
        eos: int,
        words: Sequence[Sequence[str]],
        *,
        greedy: bool,
    ) -> None:
        super().__init__(automaton, starts, limits, eos, words)
        self._greedy, self._goals = greedy, automaton
        self._begun = torch.zeros_like(starts, dtype=torch.bool)  # whether a phrase was begun here
        self._leading: dict[int, list[int]] = {}  # pieces that lead on, by state

    def __call__(self, log_probs: Tensor, history: Tensor, origin: Tensor) -> None:
        """See ``Rule``."""
        if not self._greedy:
            super().__call__(log_probs, history, origin)
            return
        numbers = self.states(history, origin)
        ends = self._automaton.table(numbers.device).ends[numbers]
        forced = ~ends & (log_probs.argmax(2) == self._eos) | self._begun[origin].unsqueeze(1)
        super().__call__(log_probs, history, origin)
        leading = self._all_leading(numbers)
        for row, beam in forced.nonzero().tolist():
            number = int(numbers[row, beam])
            complete = number != DEAD and self._goals.completes(self._goals.state(number))
            pieces = self._keeping(number) if complete else leading[row][beam]
            self._begun[origin[row]] = not complete
            kept = log_probs[row, beam, pieces]
            if bool((kept > -torch.inf).any()):
                log_probs[row, beam] = -torch.inf
                log_probs[row, beam, pieces] = kept

    def _keeping(self, number: int) -> list[int]:
        """Pieces behind which an output needs no more than in this state."""
        following = self._goals.row(self._goals.state(number)).long()
        needs = self._automaton.table(following.device).needs
        keeping = (following > LATER) & (needs[following] <= needs[number])
        return [
            *keeping.nonzero()[:, 0].tolist(),
            *([self._eos] if int(needs[number]) == 0 else []),
        ]

    def choose(
        self, totals: Tensor, history: Tensor, origin: Tensor, count: int
    ) -> tuple[Tensor, Tensor]:
        """See ``Allocation``."""
        values, places = self._candidates(totals, self.states(history, origin), count)
        bank = self._banks(places, totals.size(2), history, origin)
        bank = bank.masked_fill(values == -torch.inf, 1 << 30)  # behind all others
        earlier = (bank.unsqueeze(2) == bank.unsqueeze(1)).tril(-1).sum(2)  # in the same bank
        turns = earlier.masked_fill(values == -torch.inf, 1 << 30)
        by_bank = bank.argsort(dim=1, stable=True)
        order = by_bank.gather(1, turns.gather(1, by_bank).argsort(dim=1, stable=True))[:, :count]
        return values.gather(1, order), places.gather(1, order)

    def _candidates(self, totals: Tensor, numbers: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """The best continuations of all, of each hypothesis, and of those that lead on. Best first."""
        rows, live, vocab_size = totals.shape
        flat = totals.view(rows, -1)
        offsets = torch.arange(live, device=totals.device).view(1, -1, 1) * vocab_size
        leading = self._all_leading(numbers)
        most = max((len(pieces) for row in leading for pieces in row), default=0)
        eos = self._eos  # fills up, and counts once
        filled = [[[*each, *[eos] * (most + 1 - len(each))] for each in row] for row in leading]
        leads = torch.tensor(filled, device=totals.device)
        tried = totals.gather(2, leads).topk(min(_TRIED, most + 1), 2).indices
        own_best = largest(totals.view(-1, vocab_size), 1)[1].view(rows, live, 1)
        every = torch.cat([leads.gather(2, tried), own_best], 2) + offsets
        best = largest(flat, min(count, flat.size(1)))[1]
        places = torch.cat([best, every.flatten(1)], 1).sort(1).values
        twice = torch.nn.functional.pad(places[:, 1:] == places[:, :-1], (1, 0))
        values = flat.gather(1, places).masked_fill(twice, -torch.inf)
        values, order = values.sort(1, descending=True)
        return values, places.gather(1, order)

    def _banks(self, places: Tensor, vocab_size: int, history: Tensor, origin: Tensor) -> Tensor:
        """How many pieces of phrases each continuation lacks."""
        parents, pieces = places // vocab_size, places % vocab_size
        numbers = self.states(history, origin).gather(1, parents)
        following = self._step(numbers, pieces.masked_fill(pieces == self._eos, 0), origin)
        following = following.where(pieces != self._eos, numbers)
        return self._automaton.table(places.device).needs[following]

    def _all_leading(self, numbers: Tensor) -> list[list[list[int]]]:
        """For each hypothesis the pieces that go on with a phrase."""
        automaton, goals = self._automaton, self._goals
        automaton.prepare(numbers)
        table = automaton.table(numbers.device)
        if new := sorted(set(numbers.flatten().tolist()) - self._leading.keys()):
            own = torch.tensor(new, device=numbers.device)
            following = automaton.rows(own)
            better = (following > LATER) & (table.needs[following] < table.needs[own].unsqueeze(1))
            pieces: dict[int, list[int]] = {number: [] for number in new}
            for row, piece in better.nonzero().tolist():
                pieces[new[row]].append(piece)
            for number in new:
                several = pieces[number] if number != DEAD else []
                self._leading[number] = several and goals.leading(goals.state(number), several)
        return [[self._leading[number] for number in row] for row in numbers.tolist()]
