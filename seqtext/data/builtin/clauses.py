"""Sampling of single clauses: a verb with its roles and adverbials, states, weather, "there is"."""

from typing import Final

from .lexicon import ADJECTIVES, NOUNS, OCCUPATION_ADJECTIVES, OCCUPATIONS
from .phrases import PERSONS, Phrases, is_plural
from .tree import (
    BARE,
    DEF,
    EXPLETIVE,
    FUTURE,
    HE,
    HER,
    HIS,
    MANY,
    NO,
    NUMBER,
    PAST,
    PAST_PERFECT,
    PERFECT,
    PRESENT,
    SEVERAL,
    SHE,
    SOME,
    THIS,
    Clause,
    Gap,
    NounPhrase,
    Phrase,
    Place,
    Predicate,
    Word,
    agreement,
)
from .verbs import (
    BE,
    BECOME,
    FREQUENCIES,
    MANNERS,
    MODALS,
    SPECIAL,
    STILL,
    THERE,
    TIME_UNITS,
    TIMES,
    VERBS,
    YET,
)
from .words import ACC, THIRD, Adjective, Adverb, Modal

PERSON_VERBS: Final = tuple(v for v in VERBS if "person" in v.subject_tags)
_ACTIONS: Final = tuple(v for v in PERSON_VERBS if not v.stative)
_INTENDED: Final = tuple(v for v in _ACTIONS if not v.accidental)
# What else can do something, and what it can do: animals, vehicles, things, plants, events.
_OTHERS: Final = tuple(
    (verb, noun)
    for verb in VERBS
    if verb.subject_tags != {"person"}
    for noun in verb.subjects
    if "person" not in noun.tags or "person" not in verb.subject_tags
)
_OTHER_ACTIONS: Final = tuple(pair for pair in _OTHERS if not pair[0].stative)
_AS_SUBJECT: Final = {n: tuple(v for v in VERBS if n in v.subjects) for n in NOUNS.values()}
_AS_OBJECT: Final = {
    n: tuple(v for v in VERBS if n in v.objects and "person" in v.subject_tags)
    for n in NOUNS.values()
}
_TIMES: Final = {use: tuple(t for t in TIMES if use in t.uses) for use in "hnpPfr"}
_FREQUENCIES: Final = {use: tuple(f for f in FREQUENCIES if use in f.uses) for use in "hpr"}
_AGO: Final = tuple(
    Adverb(f"{english} {unit} ago", f"vor {german} {einheit}")
    for english, german in (("two", "zwei"), ("three", "drei"), ("four", "vier"), ("five", "fünf"))
    for unit, einheit in TIME_UNITS
)
_HENCE: Final = tuple(
    Adverb("in " + a.en.removesuffix(" ago"), "in" + a.de.removeprefix("vor")) for a in _AGO
)
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
_MODALS: Final = tuple(MODALS.values())
_THERE_NOUNS: Final = tuple(n for n in NOUNS.values() if "building" in n.tags)


class Clauses(Phrases):
    """A source of clauses, drawn from one random sequence."""

    def action(
        self,
        tense: int,
        subject: NounPhrase | None = None,
        *,
        modal: Modal | None = None,
        brief: bool = False,
        simple: bool = False,
        fluent: bool = False,
        acting: bool = False,
    ) -> Clause:
        """Somebody or something does something.

        `brief`: hardly an adverbial and no relative clause; `simple`: no progressive; `fluent`:
        progressive, so no stative verb; `acting`: no stative verb.
        """
        acting = acting or modal is not None or fluent or tense > PAST
        if subject is None and modal is None and self.chance(0.13):
            verb, noun = self.pick(_OTHER_ACTIONS if acting else _OTHERS)
            subject = self.phrase(noun, subject=True)
        else:
            planned = modal is not None or fluent or tense == FUTURE
            verb = self.pick(_INTENDED if planned else _ACTIONS if acting else PERSON_VERBS)
            subject = subject or self.person()
        clause = Clause(subject, verb, tense, modal=modal, negated=self.chance(0.12) and not fluent)
        self._roles(clause)
        self._adverbials(clause, brief, simple, fluent)
        if not brief:
            self._relatives(clause)
        return clause

    def _roles(self, clause: Clause) -> None:
        verb = clause.verb
        if verb.case < 0 or (verb.optional and not verb.recipient and self.chance(0.25)):
            return
        clause.object = thing = self._object(clause)
        if verb.recipient and (not verb.optional or self.chance(0.5)):
            noun = self.pick(PERSONS)
            word = self.object_word(clause.subject)
            chosen = word if self.chance(0.5) else self.phrase(noun, simple=clause.negated)
            clause.recipient = chosen if chosen is not thing else self.phrase(noun)
            # "gives her flowers" would leave open whose flowers they are
            if chosen is SHE and isinstance(thing, Phrase) and thing.det == BARE:
                thing.det = DEF
            if isinstance(chosen, Word) and isinstance(thing, Word):
                clause.recipient = self.phrase(noun)

    def _object(self, clause: Clause) -> NounPhrase:
        verb, negated = clause.verb, clause.negated
        noun = self.pick(verb.objects)
        if "person" in noun.tags and self.chance(0.45) and "person" in verb.object_tags:
            return self.object_word(clause.subject)
        subject = clause.subject
        taken = subject.noun if isinstance(subject, Phrase) else None
        if isinstance(subject, Gap):
            taken = subject.head.noun
        while noun is taken:
            noun = self.pick(verb.objects)
        if "language" in noun.tags:
            return Phrase(noun, BARE)
        vague = bool(verb.preposition) and "mass" in noun.tags  # "about work"
        phrase = self.phrase(noun, simple=negated or vague)
        if phrase.owner is subject and isinstance(subject, Word):
            phrase.owner, phrase.det = None, HIS if subject.sex == "m" else HER
        if negated and verb.case == ACC and not verb.preposition and self.chance(0.5):
            phrase.det = phrase.det if "kin" in noun.tags or "one" in noun.tags else BARE
            phrase.owner = phrase.owner if phrase.det != BARE else None
        return phrase

    def _adverbials(self, clause: Clause, brief: bool, simple: bool, fluent: bool) -> None:
        verb, scale = clause.verb, 0.5 if brief else 1.0
        habit = simple or verb.stative or verb.accidental or self.chance(0.3)
        if clause.modal is None and not verb.stative and clause.tense in (PRESENT, PAST):
            clause.progressive = fluent or (
                not habit if clause.tense == PRESENT else not brief and self.chance(0.12)
            )
        if verb.manners and not clause.negated and self.chance(0.2 * scale):
            self._manner(clause)
        if verb.places and (verb.place_required or self.chance(0.36 * scale)):
            self._place(clause)
        self._time(clause, scale, "P" if brief or clause.progressive else "p")
        if clause.frequency:
            clause.manner = None
        # "They read" could be present or past, "They are reading" could not.
        if (
            clause.tense == PRESENT
            and clause.modal is None
            and verb.base == verb.past
            and agreement(clause.subject) != THIRD
        ):
            clause.progressive = True
            clause.frequency = clause.time = None
        if not brief and clause.time and self.chance(0.35):
            clause.front = "time"
        elif not (brief or clause.negated or verb.goal or verb.place_required):
            clause.front = "place" if clause.place and self.chance(0.15) else ""

    def _manner(self, clause: Clause) -> None:
        group = self.pick(clause.verb.manners)
        if group == "t" and is_plural(clause.subject):
            group = "T"
        clause.manner = self.pick(MANNERS[group])

    def _place(self, clause: Clause) -> None:
        verb = clause.verb
        if clause.negated and not verb.place_required and (verb.preposition or clause.object):
            return
        taken = [p.noun for p in (clause.subject, clause.object) if isinstance(p, Phrase)]
        place = self.place(verb.places, verb.goal)
        while place.phrase is not None and place.phrase.noun in taken:
            place = self.place(verb.places, verb.goal)
        clause.place = place

    def _time(self, clause: Clause, scale: float, past: str) -> None:
        tense, verb = clause.tense, clause.verb
        if clause.modal is not None or (verb.stative and tense != FUTURE):
            if clause.modal is not None and self.chance(0.25 * scale):
                clause.time = self.pick(_TIMES[past if tense == PAST else "f"])
        elif tense == PERFECT:
            if self.chance(0.5):
                clause.frequency = YET if clause.negated else self.pick(_FREQUENCIES["r"])
            elif self.chance(0.2):
                clause.time = self.pick(_TIMES["r"])
        elif tense == PAST and self.chance(0.4 * scale):
            if not clause.negated and not clause.progressive and self.chance(0.2):
                clause.frequency = self.pick(_FREQUENCIES["p"])
            else:
                clause.time = self.pick(_AGO if past == "p" and self.chance(0.15) else _TIMES[past])
        elif tense == FUTURE and self.chance(0.45 * scale):
            clause.time = self.pick(_HENCE if self.chance(0.15) else _TIMES["f"])
        elif tense == PRESENT and clause.progressive and self.chance(0.25 * scale):
            if self.chance(0.25) and not clause.negated:
                clause.frequency = STILL
            else:
                clause.time = self.pick(_TIMES["n"])
        elif tense == PRESENT and not clause.progressive and self.chance(0.7 * scale):
            if self.chance(0.5) and not clause.negated:
                clause.frequency = self.pick(_FREQUENCIES["h"])
            elif not clause.negated:
                clause.time = self.pick(_TIMES["h"])

    def _relatives(self, clause: Clause) -> None:
        subject, thing = clause.subject, clause.object
        if isinstance(subject, Phrase) and self.chance(0.09):
            self.relative(subject, clause.tense)
        trailing = clause.manner or clause.place or clause.recipient or clause.frequency
        timed = clause.time and clause.front != "time"
        free = not (trailing or timed or clause.negated)
        if isinstance(thing, Phrase) and free and self.chance(0.16):
            self.relative(thing, clause.tense)

    def relative(self, head: Phrase, tense: int) -> None:
        """Give the phrase a relative clause; the determiner makes room for it."""
        noun = head.noun
        if "kin" in noun.tags or noun.tags & {"time", "language", "one"}:
            return
        head.owner, head.very = None, False
        if head.det != BARE or "mass" in noun.tags or head.plural:
            head.det = DEF
        r = self.random()
        if tense in (PAST, PAST_PERFECT):
            tense = PAST if r < 0.8 else PAST_PERFECT
        else:
            tense = PRESENT if r < 0.5 else PAST if r < 0.8 else PERFECT
        verbs = (_AS_SUBJECT if self.chance(0.5) else _AS_OBJECT)[noun] or _AS_OBJECT[noun]
        verbs = tuple(v for v in verbs if not v.stative) if tense > PAST else verbs
        if not verbs:
            return
        verb = self.pick(verbs)
        if noun in verb.subjects and (noun not in verb.objects or self.chance(0.5)):
            clause = Clause(Gap(head), verb, tense)
            self._roles(clause)
        else:
            subject = self.person()
            clause = Clause(subject, verb, tense, object=Gap(head))
            if verb.recipient and not verb.optional:
                clause.recipient = self.object_word(subject)
        self._adverbials(clause, True, False, False)
        if clause.recipient is SHE and isinstance(clause.object, Gap):
            clause.recipient = HE
        head.relative = clause

    def state(self, tense: int, subject: NounPhrase | None = None, mood: bool = False) -> Clause:
        """Somebody or something is somehow; `mood`: in a passing state."""
        if subject is None:
            if not mood and self.chance(0.4):
                return self._description(tense)
            subject = self.person()
        if not mood and not is_plural(subject) and self.chance(0.12):
            return self._who_one_is(tense, subject)
        clause = Clause(subject, BE, tense, negated=self.chance(0.15))
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
            clause.time = self._when(tense, 0.2)
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

    def _when(self, tense: int, probability: float) -> Adverb | None:
        if not self.chance(probability):
            return None
        return self.pick(_TIMES["p" if tense == PAST else "f" if tense == FUTURE else "n"][:6])

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
            self.relative(phrase, clause.tense)
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
        else:
            clause = Clause(EXPLETIVE, BE, tense)
            clause.predicate = self._predicate(self.pick(_WEATHER), clause)
        clause.negated = self.chance(0.1)
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

    def any_modal(self, past: bool) -> Modal:
        """A modal that has the tense."""
        modal = self.pick(_MODALS)
        return modal if modal.has_past or not past else MODALS["can"]
