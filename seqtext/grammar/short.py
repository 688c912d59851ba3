"""The shortest summary of a sentence, which leaves out all that it can."""

from dataclasses import replace

from seqtext.grammar.tree import (
    Clause,
    Complex,
    Gap,
    Joined,
    NounPhrase,
    Pair,
    Phrase,
    Question,
    Sentence,
    Word,
)

_CONTENT = ("that", "whether", "where", "why", "when?")  # the subordinate clause is the object


def shortened(sentence: Sentence) -> Sentence:
    """The sentence without adjectives, relative clauses, adverbials and additional clauses."""
    if isinstance(sentence, Question):
        return replace(sentence, clause=_clause(sentence.clause))
    if isinstance(sentence, Joined):
        return _clause(sentence.first)
    if isinstance(sentence, Complex):
        main = _clause(sentence.main)
        if sentence.conjunction not in _CONTENT:
            return main
        return replace(sentence, main=main, sub=_clause(sentence.sub))
    return _clause(sentence)


def _clause(clause: Clause) -> Clause:
    place = clause.place if clause.place is not None and clause.place.goal else None
    front = clause.front if clause.front == "place" and place is not None else ""
    return replace(
        clause,
        subject=_phrase(clause.subject),
        object=clause.object and _phrase(clause.object),
        recipient=clause.recipient and _phrase(clause.recipient),
        place=place,
        manner=None,
        time=None,
        frequency=clause.frequency if clause.frequency and clause.frequency.en == "never" else None,
        front=front,
    )


def _phrase(phrase: NounPhrase) -> NounPhrase:
    if isinstance(phrase, Pair):
        return replace(phrase, first=_single(phrase.first), second=_single(phrase.second))
    return phrase if isinstance(phrase, Gap) else _single(phrase)


def _single(phrase: Phrase | Word) -> Phrase | Word:
    if isinstance(phrase, Word):
        return phrase
    return replace(phrase, adjectives=(), very=False, relative=None)
