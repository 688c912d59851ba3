"""Reads which phrases an output has. A phrase is one or more whole words."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from seqtext.data.tokenizer import SPACE
from seqtext.inference.constraints.pieces import PieceTexts, Spelling
from seqtext.inference.constraints.words import begins_letter, in_word
from seqtext.search.automaton import DEAD, LATER, Automaton

OTHER, WORD, GAP = range(3)  # kinds of characters: others, of a word that could go on, spaces
_PHRASES = 4096  # phrases whose starters are kept
_BROKEN = "\N{REPLACEMENT CHARACTER}"  # what the tokenizer writes for a byte that is no character


class PhraseSet:
    """Phrases that are looked for together.

    Args:
        phrases: Normalized texts.
        ends: Of each phrase, the bytes behind which each piece of its own segmentation ends.
    """

    def __init__(self, phrases: Sequence[str], ends: Sequence[Sequence[int]]) -> None:
        self.phrases = list(phrases)
        self.bit = {phrase: 1 << place for place, phrase in enumerate(phrases)}
        self.all = (1 << len(phrases)) - 1
        self.beginnings = {text[: i + 1] for text in phrases for i in range(len(text))}
        self.has_broken = any(_BROKEN in text for text in phrases)
        self._ends = dict(zip(phrases, ends, strict=True))

    def progress(self, phrase: str, size: int) -> int:
        """How many pieces of a phrase end within its first ``size`` bytes. With 0, a space is before it."""
        return sum(end <= size for end in self._ends[phrase])

    @property
    def pieces(self) -> int:
        """Pieces of all phrases."""
        return sum(map(len, self._ends.values()))


class Reading(NamedTuple):
    """What an output has written, as far as phrases are concerned."""

    sought: PhraseSet
    met: int = 0  # a bit for each phrase that stands in the output
    active: frozenset[str] = frozenset()  # beginnings of phrases at the output's end
    last: int = GAP  # kind of its last character
    tail: bytes = b""  # bytes of a character that is not complete

    @property
    def met_at_end(self) -> int:
        """``met`` where a word ends behind this state."""
        met = self.met
        for text in self.active:
            met |= self.sought.bit.get(text, 0)
        return met

    def add(self, char: str) -> Reading:
        """The state behind a character."""
        kind = kind_of(char)
        going_on = self.last == kind == WORD
        beginnings = self.sought.beginnings
        active = {text + char for text in self.active if text + char in beginnings}
        if not going_on and char in beginnings:
            active.add(char)
        met = self.met if going_on else self.met_at_end
        return Reading(self.sought, met, frozenset(active), kind)


class Start(NamedTuple):
    """What a piece adds to a state where no phrase has begun."""

    last: int  # kind of its last character
    met: int = 0  # a bit for each phrase that it has and that ends in it
    active: frozenset[str] = frozenset()  # beginnings of phrases at its end


class PieceIndex:
    """Where phrases can begin and end in the pieces of a vocabulary.

    Args:
        pieces: Of the outputs.
        lower: Whether letter case makes no difference. Then phrases are in lowercase.
    """

    def __init__(self, pieces: PieceTexts, *, lower: bool = False) -> None:
        self.lower, self.bytes = lower, pieces.bytes
        self.texts = [self.read(text or "") for text in pieces.texts]
        written = [(text, number) for number, text in enumerate(self.texts) if text]
        self.whole = Spelling(written)
        self.parts = Spelling((part, i) for text, i in written for part in _word_starts(text))
        self.begins = torch.tensor([bool(text) and in_word(text[0]) for text in self.texts])
        self.last = torch.tensor([kind_of(text[-1:]) for text in self.texts])
        self.starts = functools.lru_cache(_PHRASES)(self._starts)

    def read(self, text: str) -> str:
        """The text as phrases are compared with it."""
        return text.lower() if self.lower else text

    def _starts(self, phrase: str) -> tuple[dict[int, Start], dict[int, Start]]:
        """What pieces with a beginning of this phrase add, behind a space and inside a word."""
        sought = PhraseSet([phrase], [[]])
        pieces = {*self.parts.within(phrase), *self.parts.beyond(phrase)}
        inner = [piece for piece in pieces if in_word(self.texts[piece][0])]

        def read(last: int, piece: int) -> Start:
            reading = Reading(sought, last=last)
            for char in self.texts[piece]:
                reading = reading.add(char)
            return Start(reading.last, reading.met, reading.active)

        return {each: read(OTHER, each) for each in pieces}, {
            each: read(WORD, each) for each in inner
        }


class PhraseAutomaton(Automaton[Reading]):
    """Reads characters, and notes which phrases stand there as whole words."""

    def __init__(self, index: PieceIndex) -> None:
        super().__init__(len(index.texts))
        self._index = index
        self._plain_rows: dict[Reading, Tensor] = {}
        self._starts: dict[PhraseSet, tuple[dict[int, Start], dict[int, Start]]] = {}
        self._dead = torch.full((self.vocab_size,), DEAD, dtype=torch.int32)
        self._bytes = list(index.bytes)

    def _ended(self, state: Reading) -> Reading | None:
        """The state at the end of the text, where bytes of no whole character are written as broken."""
        return self._add_text(state, "")

    def _allows(self, met: int) -> bool:
        """Whether an output may have these phrases."""
        return True

    def _allowed(self, reading: Reading) -> Reading | None:
        """The state, or None where an output may not have its phrases."""
        # a phrase without a letter at its end is complete, whatever follows
        met = reading.met if reading.last == WORD else reading.met_at_end
        return reading if self._allows(met) else None

    def follow(self, state: Reading, piece: int | str) -> Reading | None:
        """See ``Automaton``."""
        index = self._index
        if not isinstance(piece, int):
            return self._add_text(state, index.read(piece.replace(SPACE, " ")))
        if piece in index.bytes:
            return self._add_byte(state, index.bytes[piece])
        return self._add_text(state, index.texts[piece])

    def _add_text(self, state: Reading, text: str) -> Reading | None:
        reading = state._replace(tail=b"")
        for char in _BROKEN * len(state.tail) + text:
            reading = reading.add(char)
        return self._allowed(reading)

    def _add_byte(self, state: Reading, byte: bytes) -> Reading | None:
        try:
            return self._add_text(
                state._replace(tail=b""), self._index.read((state.tail + byte).decode())
            )
        except UnicodeDecodeError as error:
            if error.reason == "unexpected end of data":
                longer = state._replace(tail=state.tail + byte)
                # behind a banned word only a letter may follow
                possible = self._allows(state.met_at_end) or begins_letter(longer.tail)
                return longer if possible else None
        if state.tail:
            ended = self._ended(state)
            return None if ended is None else self._add_byte(ended, byte)
        return self._add_text(state, _BROKEN)

    def row(self, state: Reading) -> Tensor:
        """See ``Automaton``."""
        if state.tail:
            ended = self._ended(state)
            row = self._dead if ended is None else self.row(ended)
            return self._write(row.clone(), state, self._bytes)
        met, last = state.met_at_end, state.last
        row = self._plain(state.sought, state.met, last)
        if met != state.met:  # a phrase is complete, unless its last word goes on
            behind = self._plain(state.sought, met, last) if self._allows(met) else self._dead
            row = row.where(self._index.begins, behind) if last == WORD else behind
        pieces = [*self._continuing(state), *self._spelled_bytes(state)]
        if state.sought.has_broken or not self._allows(met):  # so most bytes may not follow
            pieces += self._bytes
        return self._write(row.clone(), state, pieces)

    def _write(self, row: Tensor, state: Reading, pieces: Sequence[int]) -> Tensor:
        """Read these pieces one by one."""
        several = list(set(pieces))
        return self._set(row, several, [self.follow(state, piece) for piece in several])

    def _set(self, row: Tensor, pieces: list[int], states: Iterable[Reading | None]) -> Tensor:
        row[pieces] = torch.tensor(list(map(self.number, states)), dtype=row.dtype)
        return row

    def _plain(self, sought: PhraseSet, met: int, last: int) -> Tensor:
        """The row of a state where no phrase has begun."""
        state = Reading(sought, met, last=WORD if last == WORD else OTHER)
        if state in self._plain_rows:
            return self._plain_rows[state]
        index = self._index
        if sought not in self._starts:
            self._starts[sought] = self._starts_of(sought, 0), self._starts_of(sought, 1)
        starts = self._starts[sought][last == WORD]
        if last == WORD:  # other pieces are read as behind a space
            row = self._plain(sought, met, OTHER).clone()
        else:
            numbers = [self.number(state._replace(last=kind)) for kind in (OTHER, WORD, GAP)]
            row = torch.tensor(numbers, dtype=torch.int32)[index.last]
            row[self._bytes] = LATER
        states = (
            Reading(sought, met | start.met, start.active, start.last) for start in starts.values()
        )
        self._plain_rows[state] = self._set(row, list(starts), map(self._allowed, states))
        return row

    def _starts_of(self, sought: PhraseSet, place: int) -> dict[int, Start]:
        """What pieces with the beginning of a phrase add, of all phrases together."""
        starts: dict[int, Start] = {}
        for phrase in sought.phrases:
            for piece, own in self._index.starts(phrase)[place].items():
                last, met, active = starts.get(piece, Start(own.last))
                met |= sought.bit[phrase] if own.met else 0
                starts[piece] = Start(last, met, active | own.active)
        return starts

    def _continuing(self, state: Reading) -> Iterator[int]:
        """Ids that go on with a phrase that has begun."""
        for begun in state.active:
            for phrase in state.sought.phrases:
                if phrase.startswith(begun) and phrase != begun:
                    yield from self._index.whole.within(phrase[len(begun) :])
                    yield from self._index.whole.beyond(phrase[len(begun) :])

    def _spelled_bytes(self, state: Reading) -> list[int]:
        """Ids of bytes that lead on in a phrase. Others are read once they are taken."""
        return []


def kind_of(char: str) -> int:
    if char == " ":
        return GAP
    return WORD if char and in_word(char) else OTHER


def _word_starts(text: str) -> Iterator[str]:
    """The rests of a text from each place on where a phrase may begin."""
    for place, char in enumerate(text):
        if char != " " and (place == 0 or not (in_word(text[place - 1]) and in_word(char))):
            yield text[place:]
