"""The abstract sentence: what both languages say, before either has words or an order for it."""

from dataclasses import dataclass
from typing import Final

from seqtext.grammar.words import (
    FIRST,
    PLURAL,
    THIRD,
    Adjective,
    Adverb,
    Modal,
    Noun,
    PlaceWord,
    Verb,
)

# Determiners.
BARE: Final = 0  # "a" in the singular, nothing for plurals and mass nouns
DEF: Final = 1
THIS: Final = 2
EVERY: Final = 3
NO: Final = 4
WHICH: Final = 5
NUMBER: Final = 6
MANY: Final = 7
SOME: Final = 8
SEVERAL: Final = 9
FEW: Final = 10
ALL: Final = 11
HOW_MANY: Final = 12
MY: Final = 13
HIS: Final = 14
HER: Final = 15
OUR: Final = 16
THEIR: Final = 17

# Tenses, named after the English ones.
PRESENT: Final = 0
PAST: Final = 1
PERFECT: Final = 2
PAST_PERFECT: Final = 3
FUTURE: Final = 4


@dataclass(slots=True, eq=False)
class Word:
    """A name or pronoun: English subject and object forms, German by case."""

    en: tuple[str, str]
    de: tuple[str, str, str]
    agreement: int = THIRD
    sex: str = ""
    pronoun: bool = False


@dataclass(slots=True, eq=False)
class Phrase:
    """A noun phrase. `owner` is a possessor that stands in place of the determiner."""

    noun: Noun
    det: int = DEF
    plural: bool = False
    adjectives: tuple[Adjective, ...] = ()
    very: bool = False
    number: int = 0
    owner: "Phrase | Word | None" = None
    relative: "Clause | None" = None


@dataclass(slots=True, eq=False)
class Pair:
    """Two noun phrases joined by "and"."""

    first: "Phrase | Word"
    second: "Phrase | Word"


@dataclass(slots=True, eq=False)
class Gap:
    """Where the head of a relative clause belongs inside of it."""

    head: Phrase


NounPhrase = Word | Phrase | Pair | Gap


@dataclass(slots=True, eq=False)
class Place:
    """A place word with its noun phrase, or a fixed phrase. `goal` means "to" the place."""

    word: PlaceWord | None
    phrase: Phrase | None
    goal: bool = False
    en: str = ""
    de: str = ""


@dataclass(slots=True, eq=False)
class Predicate:
    """What follows "be": an adjective, a comparison, an age or an occupation."""

    adjective: Adjective | None = None
    degree: Adverb | None = None
    than: NounPhrase | None = None
    equal: bool = False  # "as old as" rather than "older than"
    age: int = 0
    occupation: tuple[str, str, str] | None = None


@dataclass(slots=True, eq=False)
class Clause:
    """One clause.  `front` names the adverbial put before the subject: "time", "place" or ""."""

    subject: NounPhrase
    verb: Verb
    tense: int = PRESENT
    progressive: bool = False
    modal: Modal | None = None
    negated: bool = False
    object: NounPhrase | None = None
    recipient: NounPhrase | None = None
    predicate: Predicate | None = None
    place: Place | None = None
    manner: Adverb | None = None
    time: Adverb | None = None
    frequency: Adverb | None = None
    front: str = ""


@dataclass(slots=True, eq=False)
class Question:
    """A question: `word` is "", "where", "when", "why", or "subject" or "object" asked for."""

    clause: Clause
    word: str = ""


@dataclass(slots=True, eq=False)
class Joined:
    """Two main clauses. With `shared`, the second has no subject of its own."""

    conjunction: str  # "and" or "but"
    first: Clause
    second: Clause
    shared: bool = False


@dataclass(slots=True, eq=False)
class Complex:
    """A main clause with a subordinate one, which comes first if `sub_first`.

    The conjunction is "because", "although", "if", "when", "while", "after" or "before". Before an
    object clause it is "that", "whether", "where", "why" or "when?". The question
    "when?" is "wann" in German, and the conjunction "when" is "wenn" or "als".
    """

    conjunction: str
    main: Clause
    sub: Clause
    sub_first: bool = False


Sentence = Clause | Question | Joined | Complex

EXPLETIVE: Final = Word(("it", "it"), ("es", "es", "ihm"), THIRD, "", True)
ME: Final = Word(("I", "me"), ("ich", "mich", "mir"), FIRST, "", True)
HE: Final = Word(("he", "him"), ("er", "ihn", "ihm"), THIRD, "m", True)
SHE: Final = Word(("she", "her"), ("sie", "sie", "ihr"), THIRD, "f", True)
WE: Final = Word(("we", "us"), ("wir", "uns", "uns"), PLURAL, "", True)
THEY: Final = Word(("they", "them"), ("sie", "sie", "ihnen"), PLURAL, "", True)
WHO: Final = Word(("who", "who"), ("wer", "wen", "wem"), THIRD, "", False)
WHAT: Final = Word(("what", "what"), ("was", "was", "was"), THIRD, "", False)


def agreement(phrase: NounPhrase) -> int:
    """The verb form that a subject asks for: FIRST, THIRD or PLURAL."""
    if isinstance(phrase, Word):
        return phrase.agreement
    if isinstance(phrase, Gap):
        phrase = phrase.head
    return PLURAL if isinstance(phrase, Pair) or phrase.plural else THIRD
