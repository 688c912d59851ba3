"""Sampling of single clauses: states, weather, and what there is."""

from typing import Final

from seqtext.grammar.actions import TIMES_BY_USE, Actions, not_every
from seqtext.grammar.lexicon import ADJECTIVES, NOUNS, OCCUPATION_ADJECTIVES, OCCUPATIONS
from seqtext.grammar.phrases import PERSONS, is_plural
from seqtext.grammar.tree import (
    BARE,
    DEF,
    EXPLETIVE,
    FUTURE,
    MANY,
    NO,
    NUMBER,
    PAST,
    PRESENT,
    SEVERAL,
    SOME,
    THIS,
    Clause,
    NounPhrase,
    Phrase,
    Place,
    Predicate,
    Word,
)
from seqtext.grammar.verbs import BE, BECOME, SPECIAL, THERE
from seqtext.grammar.words import Adjective, Adverb

_STATES: Final = tuple(a for a in ADJECTIVES.values() if "state" in a.tags)
_TRAITS: Final = tuple(a for a in ADJECTIVES.values() if "person" in a.tags - {"state"})
_DEGREES: Final = (Adverb("very", "sehr"), Adverb("too", "zu"), Adverb("quite", "ziemlich"))
_DESCRIBED: Final = tuple(
    n for n in NOUNS.values() if n.adjectives and not n.tags & {"person", "mass"}
)
_BY_KIND: Final = {
    kind: tuple(n for n in _DESCRIBED if n.kind == kind) for kind in {n.kind for n in _DESCRIBED}
}
_WEATHER: Final = tuple(ADJECTIVES[en] for en in ("cold", "warm", "hot", "dark"))
_THERE_NOUNS: Final = tuple(n for n in NOUNS.values() if "building" in n.tags)


class States(Actions):
    """A source of clauses about states as well, drawn from one random sequence."""

    def state(self, tense: int, subject: NounPhrase | None = None, mood: bool = False) -> Clause:
        """Somebody or something is in a state. `mood` means a passing state."""
        if subject is None:
            if not mood and self.chance(0.4):
                return self._description(tense)
            subject = self.person()
        if not mood and not is_plural(subject) and self.chance(0.12):
            return self._who_one_is(tense, subject)
        clause = Clause(subject, BE, tense, negated=self.chance(0.15))
        if clause.negated:
            not_every(subject)
        if not mood and self.chance(0.12):
            clause.place = self.place("homeqcw", False)
            clause.time = self._when(tense, 0.3)
            return clause
        if isinstance(subject, Phrase):
            subject.adjectives = tuple(a for a in subject.adjectives if a.rank)
            subject.very = False
            subject.det = DEF if subject.det == BARE and subject.plural else subject.det
        passing = mood or self.chance(0.55)
        adjective = self.pick(_STATES if passing else _TRAITS)
        clause.predicate = self._predicate(adjective, clause)
        if passing:
            clause.time = self._when(tense, 0.2, "P")
            if tense == PAST and not clause.time and self.chance(0.12):
                clause.verb, clause.negated = BECOME, False
        elif adjective.de_comparative and self.chance(0.25):
            other = (
                self.name() if self.chance(0.3) else self.phrase(self.pick(PERSONS), simple=True)
            )
            if other is not subject:
                clause.predicate = Predicate(adjective, than=other, equal=self.chance(0.3))
        if tense == FUTURE and not passing:
            clause.tense = PRESENT
        return clause

    def _when(self, tense: int, probability: float, past: str = "p") -> Adverb | None:
        if not self.chance(probability):
            return None
        return self.pick(
            TIMES_BY_USE[past if tense == PAST else "f" if tense == FUTURE else "n"][:6]
        )

    def _predicate(self, adjective: Adjective, clause: Clause) -> Predicate:
        degree = None
        if adjective.de_comparative and self.chance(0.3):
            degree = _DEGREES[0] if clause.negated else self.pick(_DEGREES)
            # "too" suits what can be a fault: too big, but not too honest
            degree = _DEGREES[0] if degree.en == "too" and "too" not in adjective.tags else degree
        return Predicate(adjective, degree)

    def _description(self, tense: int) -> Clause:
        noun = self.pick(_DESCRIBED)
        phrase = self.phrase(noun, simple=True)
        phrase.adjectives, phrase.very = phrase.adjectives[:1], False
        adjective = self.pick(noun.adjectives)
        if any(adjective.rank == other.rank for other in phrase.adjectives):
            phrase.adjectives = ()
        clause = Clause(phrase, BE, tense if tense == PAST else PRESENT, negated=self.chance(0.15))
        clause.predicate = self._predicate(adjective, clause)
        if adjective.de_comparative and self.chance(0.25):
            other = self.pick(_BY_KIND[noun.kind])
            if other is not noun and adjective in other.adjectives:
                than = Phrase(other, self.pick((DEF, THIS)), phrase.plural and other.has_plural)
                than.plural = than.plural or not other.has_singular
                clause.predicate = Predicate(adjective, than=than, equal=self.chance(0.3))
        elif self.chance(0.12):
            self.relative(phrase, clause.tense, BE)
        return clause

    def _who_one_is(self, tense: int, subject: NounPhrase) -> Clause:
        """An age, or an occupation of somebody who is known to be a man or a woman."""
        clause = Clause(subject, BE, tense if tense == PAST else PRESENT)
        noun = subject.noun if isinstance(subject, Phrase) else None
        sex = noun.sex if noun else subject.sex if isinstance(subject, Word) else ""
        if sex and (noun is None or "kin" in noun.tags) and self.chance(0.5):
            occupation = self.pick(OCCUPATIONS)
            adjective = ADJECTIVES[self.pick(OCCUPATION_ADJECTIVES)] if self.chance(0.3) else None
            clause.predicate = Predicate(adjective, occupation=occupation)
            clause.negated = self.chance(0.25)
            return clause
        young = noun is not None and "young" in noun.tags
        old = noun is not None and noun.key.startswith("grand")
        low, span = (3, 14) if young else (60, 35) if old else (18, 50)
        clause.predicate = Predicate(age=low + int(self.random() * span))
        return clause

    def _town(self, category: str) -> Place:
        """A town or country that both speakers know."""
        place = self.place(category, False)
        if place.phrase is not None and place.phrase.det == BARE:
            place.phrase.det = DEF
        return place

    def weather(self, tense: int, simple: bool = False) -> Clause:
        """It rains, it is cold."""
        if self.chance(0.5):
            verb = SPECIAL[self.pick(("rain", "rain", "snow"))]
            clause = Clause(EXPLETIVE, verb, tense, progressive=tense == PRESENT and not simple)
            clause.negated = self.chance(0.1)
        else:
            clause = Clause(EXPLETIVE, BE, tense, negated=self.chance(0.1))
            clause.predicate = self._predicate(self.pick(_WEATHER), clause)
        return clause

    def weather_report(self, tense: int) -> Clause:
        """The weather with a time and a place."""
        clause = self.weather(tense)
        clause.time = self._when(tense, 0.6)
        if self.chance(0.6):
            clause.place = self._town("c")
        if clause.time and self.chance(0.4):
            clause.front = "time"
        elif clause.place and self.chance(0.4):
            clause.front = "place"
        return clause

    def existence(self) -> Clause:
        """There is something somewhere."""
        r = self.random()
        noun = self.pick(_THERE_NOUNS)
        tense = PRESENT if r < 0.7 else PAST if r < 0.9 else FUTURE
        phrase = Phrase(noun, BARE, self.chance(0.5), self.adjectives(noun))
        if self.chance(0.18):
            phrase.det = NO
        elif phrase.plural:
            phrase.det = self.pick((MANY, SOME, SEVERAL, NUMBER))
            phrase.number = 2 + int(self.random() * 11)
        clause = Clause(EXPLETIVE, THERE, tense, object=phrase, place=self._town("v"))
        if self.chance(0.45):
            clause.front = "place"
        return clause
