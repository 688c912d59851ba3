"""Sampling of statements and questions."""

from seqtext.grammar.actions import PERSON_VERBS
from seqtext.grammar.states import States
from seqtext.grammar.tree import (
    FUTURE,
    HOW_MANY,
    PAST,
    PERFECT,
    PRESENT,
    WHAT,
    WHICH,
    WHO,
    Clause,
    NounPhrase,
    Phrase,
    Question,
    Word,
)
from seqtext.grammar.words import ACC, Modal


class Questions(States):
    """A source of statements and questions as well, drawn from one random sequence."""

    def _tense(self, tenses: tuple[int, ...]) -> int:
        return self.pick(tenses)

    def _any_tense(self) -> tuple[int, Modal | None]:
        r = self.random()
        if r < 0.4:
            return PRESENT, None
        if r < 0.65:
            return PAST, None
        if r < 0.77:
            return PERFECT, None
        if r < 0.86:
            return FUTURE, None
        past = r > 0.97
        return PAST if past else PRESENT, self.any_modal(past)

    def statement(self) -> Clause:
        """A main clause with an action."""
        tense, modal = self._any_tense()
        return self.action(tense, modal=modal)

    def question(self) -> Question:
        """A yes/no question, or one for a subject, an object, a place, a time or a reason."""
        r = self.random()
        tense, modal = self._any_tense()
        if r < 0.35:
            clause = self.action(tense, modal=modal, brief=self.chance(0.5))
            self._plain(clause)
            return Question(clause)
        if r < 0.5:
            who: NounPhrase = WHO
            if self.chance(0.3):
                who = self.phrase(self.pick(PERSON_VERBS[0].subjects[:20]), simple=True)
                if isinstance(who, Phrase):
                    who.det, who.owner = WHICH, None
            clause = self.action(tense, who, modal=modal, brief=True)
            self._plain(clause)
            return Question(clause, "subject")
        if r < 0.72:
            return self._object_question(tense, modal)
        return self._adverbial_question(tense, modal)

    def _plain(self, clause: Clause) -> None:
        """Take out of a clause what does not belong in a question."""
        clause.negated = False
        clause.front = ""
        if clause.frequency and clause.frequency.en in ("yet", "never"):
            clause.frequency = None

    def _object_question(self, tense: int, modal: Modal | None) -> Question:
        clause = self.action(tense, self.person(), modal=modal, brief=True)
        while clause.object is None:
            clause = self.action(tense, self.person(), modal=modal, brief=True)
        self._plain(clause)
        thing, verb = clause.object, clause.verb
        direct = verb.case == ACC and not verb.preposition
        if isinstance(thing, Word) or (isinstance(thing, Phrase) and "person" in thing.noun.tags):
            clause.object = WHO
        elif isinstance(thing, Phrase):
            noun = thing.noun
            if "mass" in noun.tags or (direct and self.chance(0.45)):
                clause.object = WHAT if direct else thing
                if not direct:
                    return Question(clause)
            elif direct and noun.has_plural and self.chance(0.3):
                clause.object = Phrase(noun, HOW_MANY, True)
            else:
                clause.object = Phrase(noun, WHICH, thing.plural, thing.adjectives)
        return Question(clause, "object")

    def _adverbial_question(self, tense: int, modal: Modal | None) -> Question:
        word = self.pick(("where", "when", "why"))
        timed = word == "when"
        if timed and tense == PERFECT:
            tense = PAST
        clause = self.action(tense, modal=modal, brief=True, simple=timed, acting=timed)
        while word == "where" and not clause.verb.places:
            clause = self.action(tense, modal=modal, brief=True)
        if word == "why" and self.chance(0.8):
            clause.negated = False
        self._ask(clause, word)
        return Question(clause, word)

    def _ask(self, clause: Clause, word: str) -> None:
        negated = clause.negated and word == "why"
        self._plain(clause)
        clause.negated = negated
        if word == "where":
            clause.place = None
        elif word == "when":
            clause.time = clause.frequency = None
