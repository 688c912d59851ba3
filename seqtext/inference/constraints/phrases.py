"""Outputs without banned phrases, or with required ones."""

from __future__ import annotations

from collections.abc import Sequence

from seqtext.data.tokenizer import Tokenizer
from seqtext.inference.constraints.reading import (
    GAP,
    WORD,
    PhraseAutomaton,
    PhraseSet,
    PieceIndex,
    Reading,
    kind_of,
)
from seqtext.inference.constraints.words import missing_bytes
from seqtext.search.required import GoalAutomaton


class BannedPhrases(PhraseAutomaton):
    """No phrase stands in an output."""

    def start(self, phrases: Sequence[str]) -> Reading:
        """The state before the first piece."""
        return Reading(PhraseSet(phrases, [[]] * len(phrases)))

    def _allows(self, met: int) -> bool:
        return not met

    def may_end(self, state: Reading) -> bool:
        """See ``Automaton``."""
        ended = self._ended(state)
        return ended is not None and self._allows(ended.met_at_end)

    def needs(self, state: Reading) -> int:
        """See ``Automaton``. Another letter may make another word of a banned one."""
        if self.may_end(state):
            return 0
        return missing_bytes(state.tail) if state.tail else 1


class RequiredPhrases(PhraseAutomaton, GoalAutomaton[Reading]):
    """Every phrase of a source stands in its output.

    Args:
        index: See ``PieceIndex``.
        tokenizer: Cuts phrases into pieces.
    """

    def __init__(self, index: PieceIndex, tokenizer: Tokenizer) -> None:
        super().__init__(index)
        self._tokenizer = tokenizer
        self._sets: dict[tuple[str, ...], PhraseSet] = {}
        self._of_byte = {byte: number for number, byte in self._index.bytes.items()}

    def start(self, phrases: Sequence[str]) -> Reading:
        """The state before the first piece."""
        key = tuple(dict.fromkeys(phrases))
        if key not in self._sets:
            self._sets[key] = PhraseSet(key, [self._ends_of(phrase) for phrase in key])
        return Reading(self._sets[key])

    def _ends_of(self, phrase: str) -> list[int]:
        ends, size = list[int](), 0
        ids = self._tokenizer.encode([phrase])[0]
        for number in ids:
            text = self._index.texts[number]
            size += len(text.encode()) or 1
            ends.append(size)
        added = size - len(phrase.encode())  # by the space before the first word
        return [end - added for end in ends]

    def progress(self, state: Reading) -> int:
        """Pieces of phrases that the output has.

        Where a phrase stands at its end, the last word either ends, or goes on as that of a longer phrase.
        """
        sought, met = state.sought, state.met_at_end
        if not state.active and not state.tail and state.last != GAP:  # no phrase has begun
            return sum(
                sought.progress(phrase, len(phrase.encode()))
                for phrase in sought.phrases
                if sought.bit[phrase] & met
            )
        ended, going_on = 0, 0  # the phrase that has begun, by what follows
        for phrase in sought.phrases:
            if sought.bit[phrase] & met:
                ended += sought.progress(phrase, len(phrase.encode()))
            if sought.bit[phrase] & state.met:
                going_on += sought.progress(phrase, len(phrase.encode()))
        begun = [0, 0]
        for phrase in sought.phrases:
            for text in self._beginnings(state):
                rest = phrase[len(text) :]
                if not rest or not phrase.startswith(text) or sought.bit[phrase] & state.met:
                    continue
                joins = state.last == kind_of(rest[0]) == WORD
                if not joins and sought.bit[phrase] & met:
                    continue
                if (text or state.tail or state.last == GAP) and rest.encode().startswith(
                    state.tail
                ):
                    size = len(text.encode()) + len(state.tail)
                    begun[joins] = max(begun[joins], sought.progress(phrase, size))
        return max(ended + begun[0], going_on + begun[1])

    def leading(self, state: Reading, pieces: list[int]) -> list[int]:
        """See ``GoalAutomaton``. A phrase begins behind a space, where it has one before it."""
        if state.active or state.tail or state.last == GAP:
            return pieces
        spaced = [piece for piece in pieces if self._index.texts[piece].startswith(" ")]
        return spaced or pieces

    def completes(self, state: Reading) -> bool:
        """See ``GoalAutomaton``."""
        return any(state.sought.bit.get(text, 0) & ~state.met for text in state.active)

    def _beginnings(self, state: Reading) -> list[str]:
        """Beginnings of phrases at the end of the text, and the empty one where a word may begin."""
        return [*state.active, *([] if state.last == WORD else [""])]

    def _spelled_bytes(self, state: Reading) -> list[int]:
        rests = (
            phrase[len(text) :].encode()[:1]
            for text in self._beginnings(state)
            for phrase in state.sought.phrases
            if phrase.startswith(text)
        )
        return [self._of_byte[byte] for byte in rests if byte in self._of_byte]

    def may_end(self, state: Reading) -> bool:
        """See ``Automaton``."""
        ended = self._ended(state)
        return ended is not None and ended.met_at_end == state.sought.all

    def needs(self, state: Reading) -> int:
        """See ``Automaton``."""
        return state.sought.pieces - self.progress(state)
