"""Sampling of sentences: statements, questions, and clauses that are joined or subordinate.

Everything random comes from one `random.Random.random`. Python guarantees the sequence of this
method for a seed. So a seed gives the same corpus everywhere.
"""

from typing import Final

from seqtext.grammar.actions import not_every
from seqtext.grammar.questions import Questions
from seqtext.grammar.tree import (
    FUTURE,
    HE,
    ME,
    PAST,
    PAST_PERFECT,
    PERFECT,
    PRESENT,
    SHE,
    THEY,
    WE,
    Clause,
    Complex,
    Joined,
    NounPhrase,
    Pair,
    Phrase,
    Question,
    Sentence,
    Word,
)
from seqtext.grammar.verbs import MODALS, SPECIAL

_SAYING: Final = tuple(SPECIAL[key] for key in ("say", "believe", "know", "think", "hear", "see"))
_ASKING: Final = (SPECIAL["ask"], SPECIAL["wonder"])


class Grammar(Questions):
    """A source of sentences, drawn from one random sequence."""

    def sentence(self) -> Sentence:
        """The next sentence."""
        r = self.random()
        if r < 0.36:
            return self.statement()
        if r < 0.44:
            return self.state(self._tense((PRESENT, PRESENT, PAST, FUTURE)))
        if r < 0.54:
            return self.question()
        if r < 0.64:
            return self.joined()
        if r < 0.82:
            return self.complex()
        if r < 0.93:
            return self.report()
        if r < 0.97:
            clause = self.existence()
            asked = not clause.front and not clause.time and self.chance(0.25)
            return Question(clause) if asked else clause
        return self.weather_report(self._tense((PRESENT, PAST, FUTURE)))

    # ------------------------------------------------------------ several clauses

    def again(self, subject: NounPhrase) -> NounPhrase | None:
        """The pronoun that takes the subject up, if there is one without doubt."""
        if isinstance(subject, Word):
            if subject.pronoun:
                return subject
            return HE if subject.sex == "m" else SHE
        if isinstance(subject, Pair):
            return WE if subject.second is ME else THEY
        if not isinstance(subject, Phrase) or "person" not in subject.noun.tags:
            return None
        if subject.plural:
            return THEY
        return {"m": HE, "f": SHE}.get(subject.noun.sex)

    def joined(self) -> Joined:
        """Two main clauses with "and" or "but"."""
        r = self.random()
        tense = self._tense((PRESENT, PAST, PAST, PERFECT, FUTURE))
        if r < 0.35:
            first = self.action(PAST, self.person(), brief=True, acting=True)
            second = self.action(PAST, first.subject, brief=True, acting=True)
            first.negated = second.negated = False
            first.frequency = second.frequency = second.time = None
            if second.verb is first.verb:
                return Joined("and", first, self.action(PAST, self.person(), brief=True))
            return Joined("and", first, second, shared=True)
        first = self.action(tense, self.person(), brief=True)
        if r < 0.65:
            return Joined("and", first, self.action(tense, self.person(), brief=True))
        same = self.again(first.subject) if self.chance(0.7) else None
        if same is not None and self.chance(0.35):
            return Joined("but", first, self.state(PAST if tense == PAST else PRESENT, same, True))
        past = tense == PAST
        modal = self.any_modal(past) if self.chance(0.4) else None
        second = self.action(PAST if past else PRESENT, same or self.person(), modal=modal,
                             brief=True)  # fmt: skip
        return Joined("but", first, second)

    def complex(self) -> Complex:
        """A main clause with an adverbial one."""
        r = self.random()
        sub_first = self.chance(0.4)
        if r < 0.45:
            return self._reason(sub_first)
        if r < 0.58:
            return self._condition(sub_first)
        if r < 0.73:
            tense = self._tense((PAST, PAST, PRESENT))
            return self._two("when", tense, tense, sub_first, simple=True)
        if r < 0.84:
            tense = self._tense((PAST, PRESENT))
            first = self.action(tense, self.person(), brief=True, fluent=True)
            second = self.action(tense, self.person(), brief=True, fluent=True)
            second.time = None
            return Complex("while", first, second, sub_first)
        if r < 0.93:
            return self._two("after", PAST, PAST_PERFECT, sub_first, simple=True)
        return self._two("before", PAST, PAST, sub_first, simple=True)

    def _two(
        self, conjunction: str, main: int, sub: int, sub_first: bool, simple: bool = False
    ) -> Complex:
        """Main and subordinate clause, the second often about the subject of the first."""
        order = (sub, main) if sub_first else (main, sub)
        first = self.action(order[0], self.person(), brief=True, simple=simple, acting=True)
        same = self.again(first.subject) if self.chance(0.6) else None
        second = self.action(
            order[1], same or self.person(), brief=True, simple=simple, acting=True
        )
        sub_clause, main_clause = (first, second) if sub_first else (second, first)
        sub_clause.negated = False
        main_clause.negated = main_clause.negated and conjunction == "when"
        sub_clause.frequency = None
        if main == PAST:
            main_clause.frequency = None
        elif conjunction == "when":
            sub_clause.time = None
        return Complex(conjunction, main_clause, sub_clause, sub_first)

    def _reason(self, sub_first: bool) -> Complex:
        """ "because" and "although", with states, duties, wishes and the weather."""
        conjunction = "because" if self.chance(0.65) else "although"
        main_tense = self._tense((PRESENT, PAST, PAST, PERFECT, FUTURE))
        sub_tense = PAST if main_tense == PAST else PRESENT
        subject = self.person()
        other = self.again(subject) if self.chance(0.85) else None
        first, second = subject, other or self.person()
        sub = self._circumstance(sub_tense, first if sub_first else second)
        main = self.action(main_tense, second if sub_first else first, brief=True)
        return Complex(conjunction, main, sub, sub_first)

    def _circumstance(self, tense: int, subject: NounPhrase) -> Clause:
        r = self.random()
        if r < 0.45:
            return self.state(tense, subject, mood=True)
        if r < 0.6:
            return self.weather(tense)
        if r < 0.8:
            key = self.pick(("must", "want", "want"))
            return self.action(tense, subject, modal=MODALS[key], brief=True)
        return self.action(tense, subject, brief=True)

    def _condition(self, sub_first: bool) -> Complex:
        subject = self.person()
        other = self.again(subject) or self.person()
        sub_subject, main_subject = (subject, other) if sub_first else (other, subject)
        if self.chance(0.35):
            sub = self.weather(PRESENT, simple=True)
        elif self.chance(0.6):
            sub = self.state(PRESENT, sub_subject, mood=True)
            sub.time = None
        else:
            sub = self.action(PRESENT, sub_subject, brief=True, simple=True, acting=True)
            sub.time = sub.frequency = None
        modal = self.any_modal(False) if self.chance(0.4) else None
        main = self.action(PRESENT if modal else FUTURE, main_subject, modal=modal, brief=True)
        return Complex("if", main, sub, sub_first)

    def report(self) -> Complex:
        """ "that" and indirect questions."""
        subject = self.person()
        tense = self._tense((PRESENT, PRESENT, PAST))
        r = self.random()
        if r < 0.62:
            verb = self.pick(_SAYING)
            if r < 0.1 and tense == PRESENT:
                verb = SPECIAL["hope"]
            main = Clause(subject, verb, tense)
            known = verb.key in ("hear", "see", "know") or subject in (ME, WE)
            again = None if known else self.again(subject)
            main.negated = verb.key == "believe" and self.chance(0.3)
            if main.negated:
                not_every(subject)
            if verb.key == "hope":
                hoped = self.action(FUTURE, again if self.chance(0.4) else None, brief=True)
                return Complex("that", main, hoped)
            return Complex("that", main, self._reported(again, tense))
        word = self.pick(("whether", "whether", "where", "why", "when?"))
        if self.chance(0.5):
            main = Clause(subject, SPECIAL["know"], tense, negated=self.chance(0.8))
            if main.negated:
                not_every(subject)
        else:
            main = Clause(subject, self.pick(_ASKING), tense)
        again = None if main.verb.key != "wonder" else self.again(subject)
        sub = self._reported(again, tense)
        while word != "whether" and (
            sub.predicate is not None
            or (word == "where" and not sub.verb.places)
            or (word == "when?" and sub.tense == PERFECT)
        ):
            sub = self._reported(again, tense)
        if word == "whether":
            self._plain(sub)
        else:
            self._ask(sub, word.removesuffix("?"))
        return Complex(word, main, sub)

    def _reported(self, again: NounPhrase | None, tense: int) -> Clause:
        same = again if self.chance(0.4) else None
        r = self.random()
        if r < 0.25:
            return self.state(tense, same)
        if tense == PAST:
            return self.action(PAST if r < 0.8 else PAST_PERFECT, same, brief=True)
        if r > 0.9:
            return self.action(PRESENT, same or self.person(), modal=self.any_modal(False),
                               brief=True)  # fmt: skip
        later = self._tense((PRESENT, PRESENT, PAST, PERFECT, FUTURE))
        return self.action(later, same, brief=True)
