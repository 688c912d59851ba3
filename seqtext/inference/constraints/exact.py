"""Outputs that are, or begin with, given texts."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from seqtext.inference.constraints.pieces import PieceTexts, Spelling
from seqtext.search.automaton import DEAD, Automaton

_NEVER = 1 << 30
_COUNTED = 64  # lines of a range whose lengths are looked at


class Place(NamedTuple):
    """Where an output stands in texts: those from ``low`` to before ``high`` agree so far."""

    low: int
    high: int
    depth: int  # bytes read
    begun: bool = True  # whether a piece has been read


_FREE = Place(0, 0, 0)  # behind the end of a text, where everything may follow


class ExactTexts(Automaton[Place]):
    """An output writes one of some texts, byte for byte.

    Args:
        pieces: Of the outputs.
        texts: Texts that are not empty.
        open_end: Whether an output may go on behind a text.
    """

    def __init__(self, pieces: PieceTexts, texts: Sequence[str], *, open_end: bool = False) -> None:
        super().__init__(pieces.size)
        self._pieces, self._open_end = pieces, open_end
        self._inside, self._start = pieces.spellings
        self._texts = sorted({text.encode() for text in texts})
        self._known_costs: dict[int, list[int]] = {}

    def start(self, text: str | None = None) -> Place:
        """The state before the first piece: of any text, or of a certain one. It may be empty."""
        if text is None:
            return Place(0, len(self._texts), 0, begun=False)
        if not text:
            return _FREE
        low = bisect.bisect_left(self._texts, text.encode())
        return Place(low, low + 1, 0, begun=False)

    def row(self, state: Place) -> Tensor:
        """See ``Automaton``."""
        if state == _FREE:
            return torch.full((self.vocab_size,), self.number(_FREE), dtype=torch.int32)
        row = torch.full((self.vocab_size,), DEAD, dtype=torch.int32)
        for ids, place in self._successors(state):
            row[ids] = self.number(place)
        return row

    def follow(self, state: Place, piece: int | str) -> Place | None:
        """See ``Automaton``. A word that is copied reads as its text does."""
        if state == _FREE:
            return _FREE
        if isinstance(piece, int):
            raise AssertionError("rows are complete")
        spelled = piece.replace("\N{LOWER ONE EIGHTH BLOCK}", " ").encode()
        if not state.begun and spelled.startswith(b" ") and self._pieces.drops_space:
            spelled = spelled[1:]
        low, high, depth, _ = state
        for place in range(depth, depth + len(spelled)):
            byte = spelled[place - depth : place - depth + 1]
            if self._open_end and place == len(self._texts[low]):
                return _FREE
            key = _byte_at(place)
            low, high = (
                bisect.bisect_left(self._texts, byte, low, high, key=key),
                bisect.bisect_right(self._texts, byte, low, high, key=key),
            )
            if low == high:
                return None
        return self._place(low, high, depth + len(spelled))

    def may_end(self, state: Place) -> bool:
        """See ``Automaton``."""
        return state == _FREE or len(self._texts[state.low]) == state.depth

    def needs(self, state: Place) -> int:
        """See ``Automaton``. Of many texts, it looks at the first that can be spelled."""
        if self.may_end(state):
            return 0
        costs = map(self._costs, range(state.low, state.high))
        own = (cost[state.depth] if state.begun else cost[-1] for cost in costs)
        return min(
            itertools.islice((each for each in own if each < _NEVER), _COUNTED), default=_NEVER
        )

    def _place(self, low: int, high: int, depth: int) -> Place | None:
        if self._open_end and depth == len(self._texts[low]):
            return _FREE
        place = Place(low, high, depth)
        return place if self.needs(place) < _NEVER else None

    def _successors(self, state: Place) -> Iterator[tuple[list[int], Place | None]]:
        spelling = self._inside if state.begun else self._start
        if not state.begun and (ids := self._start.ids(b"")):
            yield ids, self._place(state.low, state.high, state.depth)
        yield from self._spell(state.low, state.high, state.depth, b"", spelling)

    def _spell(
        self, low: int, high: int, depth: int, written: bytes, spelling: Spelling[bytes]
    ) -> Iterator[tuple[list[int], Place | None]]:
        """The ids that continue texts by more than ``written``, and where they lead."""
        place = depth + len(written)
        if len(self._texts[low]) == place:
            if self._open_end and written:
                yield list(spelling.beyond(written)), _FREE
            low += 1
        if written not in spelling.beginnings:
            return
        key = _byte_at(place)
        while low < high:
            end = bisect.bisect_right(self._texts, key(self._texts[low]), low, high, key=key)
            longer = written + key(self._texts[low])
            if ids := spelling.ids(longer):
                yield ids, self._place(low, end, place + 1)
            yield from self._spell(low, end, depth, longer, spelling)
            low = end

    def _costs(self, number: int) -> list[int]:
        """Fewest pieces that spell the rest of a text from each byte on. The last is of the whole text."""
        if number not in self._known_costs:
            self._known_costs[number] = self._compute_costs(number)
        return self._known_costs[number]

    def _compute_costs(self, number: int) -> list[int]:
        text = self._texts[number]
        costs = [_NEVER] * len(text) + [0]

        def cost(place: int, spelling: Spelling[bytes]) -> int:
            if self._open_end and any(True for _ in spelling.beyond(text[place:])):
                return 1
            sizes = range(1, min(spelling.longest, len(text) - place) + 1)
            ends = (size for size in sizes if spelling.ids(text[place : place + size]))
            return 1 + min((costs[place + size] for size in ends), default=_NEVER)

        for place in reversed(range(len(text))):
            costs[place] = cost(place, self._inside)
        first = cost(0, self._start)
        if self._start.ids(b""):
            first = min(first, 1 + costs[0])
        return [*costs, first]


def _byte_at(place: int) -> Callable[[bytes], bytes]:
    return lambda text: text[place : place + 1]
