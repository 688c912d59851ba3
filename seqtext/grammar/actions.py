"""Sampling of single clauses: somebody does something, with roles and adverbials."""

from collections.abc import Iterable
from typing import Final

from seqtext.grammar.adverbials import FREQUENCIES, MANNERS, STILL, TIME_UNITS, TIMES, YET
from seqtext.grammar.german_forms import DEFINITE
from seqtext.grammar.lexicon import NOUNS
from seqtext.grammar.phrases import PERSONS, Phrases, is_plural
from seqtext.grammar.tree import (
    ALL,
    BARE,
    DEF,
    EVERY,
    FEW,
    FUTURE,
    HE,
    HER,
    HIS,
    MANY,
    NUMBER,
    PAST,
    PAST_PERFECT,
    PERFECT,
    PRESENT,
    SEVERAL,
    SHE,
    SOME,
    Clause,
    Gap,
    NounPhrase,
    Phrase,
    Word,
    agreement,
)
from seqtext.grammar.verbs import MODALS, VERBS
from seqtext.grammar.words import ACC, THIRD, Adverb, Modal, Noun, Verb

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


def _by_noun(entries: Iterable[tuple[Verb, Noun]]) -> dict[Noun, list[Verb]]:
    verbs: dict[Noun, list[Verb]] = {noun: [] for noun in NOUNS.values()}
    for verb, noun in entries:
        verbs[noun].append(verb)
    return verbs


# What a noun may do, and what people may do with it, for relative clauses.
_AS_SUBJECT: Final = _by_noun((verb, noun) for verb in VERBS for noun in verb.subjects)
_AS_OBJECT: Final = _by_noun((verb, noun) for verb in PERSON_VERBS for noun in verb.objects)
TIMES_BY_USE: Final = {use: tuple(t for t in TIMES if use in t.uses) for use in "hnpPfr"}
_FREQUENCIES: Final = {use: tuple(f for f in FREQUENCIES if use in f.uses) for use in "hpr"}
_AGO: Final = tuple(
    Adverb(f"{english} {unit} ago", f"vor {german} {einheit}")
    for english, german in (("two", "zwei"), ("three", "drei"), ("four", "vier"), ("five", "fünf"))
    for unit, einheit in TIME_UNITS
)
_HENCE: Final = tuple(
    Adverb("in " + a.en.removesuffix(" ago"), "in" + a.de.removeprefix("vor")) for a in _AGO
)
_MODALS: Final = tuple(MODALS.values())


def not_every(subject: NounPhrase) -> None:
    """Make "every child", "all" and "few" definite, as negation and they do not go together."""
    if isinstance(subject, Phrase) and subject.det in (EVERY, ALL, FEW):
        subject.det = DEF


class Actions(Phrases):
    """A source of clauses about actions, drawn from one random sequence."""

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

        With `brief` it has hardly an adverbial, and no relative clause. With `simple` it has no
        progressive. With `fluent` it is progressive. With `fluent` or `acting` no verb is stative.
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
        if clause.negated:
            not_every(subject)
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
            phrase = self.phrase(noun, simple=clause.negated)
            chosen = word if self.chance(0.5) and word is not thing else phrase
            clause.recipient = chosen
            # "gives her flowers" would leave open whose flowers they are
            if chosen is SHE and isinstance(thing, Phrase) and thing.det == BARE:
                thing.det = DEF
            if isinstance(chosen, Word) and isinstance(thing, Word):
                clause.recipient = phrase

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
            never = clause.frequency.en == "never"
            if never:
                not_every(clause.subject)
            counted = (NUMBER, MANY, SOME, SEVERAL, FEW, ALL) if never else (NUMBER,)
            for phrase in (clause.object, clause.recipient):
                if isinstance(phrase, Phrase) and phrase.det in counted:
                    phrase.det = DEF
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
        elif clause.place and not (brief or clause.negated or verb.goal or verb.place_required):
            phrase = clause.place.phrase
            known = phrase is None or phrase.det != BARE
            clause.front = "place" if known and self.chance(0.15) else ""

    def _manner(self, clause: Clause) -> None:
        group = self.pick(clause.verb.manners)
        if group == "t" and is_plural(clause.subject):
            group = "T"
        if group == "w" and isinstance(thing := clause.object, Phrase):
            known = thing.owner is not None or thing.det in DEFINITE
            if not known and "language" not in thing.noun.tags:  # "kocht gut warmen Reis"
                return
        # One may sing well, but not badly.
        manners = MANNERS[group][:1] if group == "w" and clause.modal else MANNERS[group]
        clause.manner = self.pick(manners)

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
                clause.time = self.pick(TIMES_BY_USE[past if tense == PAST else "f"])
        elif tense == PERFECT:
            if self.chance(0.5):
                clause.frequency = YET if clause.negated else self.pick(_FREQUENCIES["r"])
            elif self.chance(0.2):
                clause.time = self.pick(TIMES_BY_USE["r"])
        elif tense == PAST and self.chance(0.4 * scale):
            if not clause.negated and not clause.progressive and self.chance(0.2):
                clause.frequency = self.pick(_FREQUENCIES["p"])
            else:
                clause.time = self.pick(
                    _AGO if past == "p" and self.chance(0.15) else TIMES_BY_USE[past]
                )
        elif tense == FUTURE and self.chance(0.45 * scale):
            clause.time = self.pick(_HENCE if self.chance(0.15) else TIMES_BY_USE["f"])
        elif tense == PRESENT and clause.progressive and self.chance(0.25 * scale):
            lasting = not verb.ending and not (clause.place and verb.goal)
            lasting = lasting and (clause.object is None or bool(verb.preposition))
            if lasting and not clause.negated and self.chance(0.35):
                clause.frequency = STILL
            else:
                clause.time = self.pick(TIMES_BY_USE["n"])
        elif tense == PRESENT and not clause.progressive and self.chance(0.7 * scale):
            if self.chance(0.5) and not clause.negated:
                clause.frequency = self.pick(_FREQUENCIES["h"])
            elif not clause.negated:
                clause.time = self.pick(TIMES_BY_USE["h"])

    def _relatives(self, clause: Clause) -> None:
        subject, thing = clause.subject, clause.object
        if isinstance(subject, Phrase) and self.chance(0.09):
            self.relative(subject, clause.tense, clause.verb)
        trailing = clause.manner or clause.place or clause.recipient or clause.frequency
        timed = clause.time and clause.front != "time"
        free = not (trailing or timed or clause.negated)
        if isinstance(thing, Phrase) and free and self.chance(0.16):
            self.relative(thing, clause.tense, clause.verb)

    def relative(self, head: Phrase, tense: int, main: Verb) -> None:
        """Give the phrase a relative clause, and the determiner that goes with it."""
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
        verbs = [v for v in verbs if v is not main and not (v.stative and tense > PAST)]
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

    def any_modal(self, past: bool) -> Modal:
        """A modal that has the tense."""
        modal = self.pick(_MODALS)
        return modal if modal.has_past or not past else MODALS["can"]
