"""Sampling of noun phrases and places."""

import random
from collections.abc import Sequence
from typing import Final, TypeVar

from seqtext.grammar.adverbials import FIXED_PLACES, PLACES
from seqtext.grammar.lexicon import FEMALE_NAMES, MALE_NAMES, NOUNS, SURNAMES
from seqtext.grammar.tree import (
    ALL,
    BARE,
    DEF,
    EVERY,
    FEW,
    HE,
    MANY,
    ME,
    MY,
    NUMBER,
    SEVERAL,
    SHE,
    SOME,
    THEIR,
    THEY,
    THIS,
    WE,
    NounPhrase,
    Pair,
    Phrase,
    Place,
    Word,
    agreement,
)
from seqtext.grammar.words import PLURAL, Adjective, Noun, PlaceWord

T = TypeVar("T")

MALE: Final = tuple(Word((n, n), (n, n, n), sex="m") for n in MALE_NAMES)
FEMALE: Final = tuple(Word((n, n), (n, n, n), sex="f") for n in FEMALE_NAMES)
# "Herr" is a weak noun: Herrn Weber in every case but the nominative.
TITLED: Final = tuple(
    Word((f"Mr {n}",) * 2, (f"Herr {n}", f"Herrn {n}", f"Herrn {n}"), sex="m") for n in SURNAMES
) + tuple(Word((f"Mrs {n}",) * 2, (f"Frau {n}",) * 3, sex="f") for n in SURNAMES)
NAMES: Final = MALE + FEMALE
_SUBJECT_PRONOUNS: Final = (HE, SHE, THEY, ME, WE, HE, SHE)
_QUANTITIES: Final = (MANY, SOME, SEVERAL, FEW, ALL, MANY, SOME)
PERSONS: Final = tuple(noun for noun in NOUNS.values() if "person" in noun.tags)
_NUMEROUS: Final = frozenset({"person", "animal", "eat", "text", "thing", "dish", "plant"})
_OWNERS: Final = (
    *(noun for noun in PERSONS if noun.has_singular and "own" in noun.tags),
    *(NOUNS[key] for key in ("mother", "father", "brother", "sister")),
)
_PLACES_BY_CATEGORY: Final[dict[str, tuple[PlaceWord | tuple[str, ...], ...]]] = {
    category: (
        *(place for place in PLACES if category in place.categories),
        *(place for place in FIXED_PLACES if category in place[4]),
    )
    for category in "hoeswmqfbkrxgGldcvH"
}


class Phrases:
    """A source of noun phrases and places, drawn from one random sequence."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed).random

    def pick(self, items: Sequence[T]) -> T:
        """One of the items."""
        return items[int(self.random() * len(items))]

    def chance(self, probability: float) -> bool:
        """True with the probability."""
        return self.random() < probability

    def person(self, pronouns: bool = True) -> NounPhrase:
        """A person as a subject: pronoun, name, pair or noun phrase."""
        r = self.random()
        if r < 0.32 and pronouns:
            return self.pick(_SUBJECT_PRONOUNS)
        if r < 0.45:
            return self.name()
        if r < 0.49:
            return Pair(self.pick(MALE), self.pick(FEMALE))
        if r < 0.51:
            return Pair(self.pick(NAMES), ME)
        phrase = self.phrase(self.pick(PERSONS), subject=True)
        if r > 0.96 and phrase.det in (DEF, MY, THEIR) and not phrase.plural:
            return Pair(phrase, Phrase(self.pick(PERSONS[:24]), DEF))
        return phrase

    def name(self) -> Word:
        """A name, at times with a title."""
        return self.pick(TITLED) if self.chance(0.25) else self.pick(NAMES)

    def object_word(self, subject: NounPhrase) -> Word:
        """A pronoun or name as an object that is not the subject itself."""
        if self.chance(0.4):
            name = self.name()
            return name if name is not subject else HE
        if isinstance(subject, Pair) or (agreement(subject) != 1 and isinstance(subject, Word)):
            return self.pick((HE, SHE))
        return self.pick((HE, SHE, THEY, ME, WE))

    def adjectives(self, noun: Noun) -> tuple[Adjective, ...]:
        """Up to two adjectives. Two have different ranks, and stand in their order."""
        choice = noun.adjectives
        if not choice or not self.chance(0.4):
            return ()
        first = self.pick(choice)
        if not self.chance(0.15):
            return (first,)
        second = self.pick(choice)
        if first.rank == second.rank or "state" in first.tags or "state" in second.tags:
            return (first,)
        return (first, second) if first.rank < second.rank else (second, first)

    def phrase(self, noun: Noun, subject: bool = False, simple: bool = False) -> Phrase:
        """A noun phrase with a determiner that suits the noun. `simple` means a definite one."""
        tags = noun.tags
        adjectives = self.adjectives(noun)
        if "kin" in tags:
            return self._kin(noun, adjectives)
        if "mass" in tags:
            det = DEF if self.chance(0.6 if simple or subject else 0.25) else BARE
            if simple:
                det = DEF
            return Phrase(noun, det, False, adjectives)
        plural = noun.has_plural and (not noun.has_singular or self.chance(0.25))
        phrase = Phrase(noun, DEF, plural, adjectives)
        r = self.random()
        if r < 0.15 and "own" in tags:
            phrase.det = MY + int(self.random() * 5)
            phrase.plural = plural and "solo" not in tags
        elif r < 0.22 and "own" in tags and "person" not in tags:
            phrase.owner = self.owner()
        elif r < 0.28 and "one" not in tags:
            phrase.det = THIS
        elif r < 0.62 and not simple and "one" not in tags and noun.has_singular:
            self._indefinite(phrase, subject)
        if phrase.adjectives and phrase.adjectives[0].rank < 2 and self.chance(0.06):
            phrase.very = phrase.adjectives[0].en_comparative != ""
        return phrase

    def _kin(self, noun: Noun, adjectives: tuple[Adjective, ...]) -> Phrase:
        plural = noun.has_plural and (not noun.has_singular or self.chance(0.15))
        phrase = Phrase(noun, MY + int(self.random() * 5), plural, adjectives)
        if self.chance(0.1):
            phrase.owner = self.pick(NAMES)
        elif adjectives and self.chance(0.6):
            phrase.adjectives = ()
        return phrase

    def _indefinite(self, phrase: Phrase, subject: bool) -> None:
        if not phrase.plural:
            phrase.det = EVERY if subject and self.chance(0.15) else BARE
            return
        r = self.random()
        if r < (0.05 if subject else 0.3):
            phrase.det = self.pick(_QUANTITIES) if "person" in phrase.noun.tags else BARE
        elif r < 0.6:
            phrase.det = self.pick(_QUANTITIES)
        else:
            phrase.det = NUMBER
            top = 98 if phrase.noun.kind in _NUMEROUS and self.chance(0.5) else 11
            phrase.number = 2 + int(self.random() * top)

    def owner(self) -> Phrase | Word:
        """A possessor: "Anna's", "my father's", "the children's"."""
        if self.chance(0.4):
            return self.pick(NAMES)
        noun = self.pick(_OWNERS)
        if "kin" in noun.tags:
            return Phrase(noun, MY + int(self.random() * 5))
        return Phrase(noun, self.pick((DEF, MY, MY + 3)), noun.has_plural and self.chance(0.2))

    def place(self, categories: str, goal: bool) -> Place:
        """A place of one of the categories."""
        choice = _PLACES_BY_CATEGORY[self.pick(categories)]
        word = self.pick(choice)
        if isinstance(word, tuple):
            en, de = word[2:4] if goal else word[:2]
            return Place(None, None, goal, en, de)
        r = self.random()
        phrase = Phrase(word.noun, DEF, False, self.adjectives(word.noun) if r > 0.5 else ())
        if r < 0.15 and word.own:
            phrase.det = MY + int(self.random() * 5)
        elif r < 0.19 and word.own:
            phrase.owner = self.owner()
        elif r < 0.26:
            phrase.det = THIS
        elif r > 0.9:
            phrase.det = BARE
        return Place(word, phrase, goal)


def is_plural(phrase: NounPhrase) -> bool:
    """Whether the phrase stands for several."""
    return agreement(phrase) == PLURAL
