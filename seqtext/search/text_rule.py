"""Rules on what hypotheses write, which an automaton reads."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from seqtext.search.automaton import DEAD, FIRST, LATER, Automaton, StateT


class TextRule:
    """Rules out what an automaton does not allow. See ``Rule`` and ``StrictRule``.

    Args:
        automaton: Reads the hypotheses.
        starts: (sentences,) int64, numbers of the states before the first piece.
        limits: (sentences,) int64, most pieces of a hypothesis. A hypothesis keeps enough of them for what
            it still needs.
        eos: Id of the piece that ends a hypothesis.
        words: Of each sentence, words that can be copied.
        wary: (sentences,) bool, whether no piece leads to where an output could not end, if there are
            others. Greedy search cannot take such a piece back. None is false.
    """

    def __init__(
        self,
        automaton: Automaton[StateT],
        starts: Tensor,
        limits: Tensor,
        eos: int,
        words: Sequence[Sequence[str]],
        *,
        wary: Tensor | None = None,
    ) -> None:
        self._wary = torch.zeros_like(limits, dtype=torch.bool) if wary is None else wary
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
        copies = log_probs.size(2) > automaton.vocab_size  # states say nothing of copied words
        wary = self._wary[origin].unsqueeze(1)
        some = ~table.opens[numbers] | tight | wary | copies
        if not copies:
            narrow = some & table.narrow[numbers] & ~wary
            some &= ~narrow
            automaton.resolve(numbers[narrow & tight])
            self._keep_few(log_probs, narrow.flatten().nonzero()[:, 0], numbers, left)
        rows = some.nonzero(as_tuple=True)
        if len(rows[0]):
            self._rule_out(log_probs, rows, numbers[rows], left[rows], tight[rows], origin)
        log_probs[:, :, self._eos].masked_fill_(~table.ends[numbers], -torch.inf)

    def _keep_few(self, log_probs: Tensor, rows: Tensor, numbers: Tensor, left: Tensor) -> None:
        """Do as ``_rule_out`` where few pieces may follow. Only their probabilities are looked at.

        Args:
            log_probs: (N, K, V), overwritten. Eos stays.
            rows: (R,) int64, places of hypotheses among N * K.
            numbers: (N, K) int64, the states of all.
            left: (N, K) int64, pieces to their limits.
        """
        if not len(rows):
            return
        automaton, numbers = self._automaton, numbers.flatten()[rows]
        pieces, following = automaton.few(numbers)
        flat = log_probs.flatten(0, 1)
        needs = automaton.table(numbers.device).needs[following]
        forbidden = (following == DEAD) | (needs >= left.flatten()[rows].unsqueeze(1))
        places = rows.unsqueeze(1)
        kept = flat[places, pieces].masked_fill_(forbidden, -torch.inf)
        of_eos = flat[rows, self._eos]
        flat.index_fill_(0, rows, -torch.inf)
        flat[places, pieces] = kept
        flat[rows, self._eos] = of_eos
        if not log_probs.is_contiguous():
            log_probs.copy_(flat.view_as(log_probs))

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
        wary = self._wary[origin[rows[0]]]
        if bool(wary.any()):
            risky = ~table.ends[following] & wary.unsqueeze(1)
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
            for place, word in enumerate(self._words[sentence] if number >= FIRST else ()):
                state = self._automaton.follow(self._automaton.state(number), word)
                beyond[row, place] = self._automaton.number(state)
        return torch.cat([rows, beyond.int()], 1)
