"""Word classes and the inflection of single words, English and German.

The tables of the lexicon have only forms that no rule gives. These are irregular English forms, the
gender, genitive and plural of German nouns, and the principal parts of strong verbs. The functions
here compute all others once, at import. So realizing a sentence only looks forms up.
"""

from dataclasses import dataclass
from typing import Final

# German cases, used as indexes into form tuples.
NOM: Final = 0
ACC: Final = 1
DAT: Final = 2
GEN: Final = 3

# Agreement of a subject with its verb, an index into verb forms (there is no second person).
FIRST: Final = 0  # I
THIRD: Final = 1  # he, she, it
PLURAL: Final = 2  # we, they

# German genders, with the plural as a fourth column of the ending tables.
MASCULINE: Final = 0
NEUTER: Final = 1
FEMININE: Final = 2
ANY_PLURAL: Final = 3

Forms = tuple[str, str, str]  # by FIRST, THIRD, PLURAL

_INSEPARABLE = ("be", "ge", "er", "ver", "zer", "ent", "emp", "unter", "über")
_DOUBLING = frozenset({"run", "swim", "get", "hug", "begin", "forget", "put"})


@dataclass(slots=True, eq=False)
class Adjective:
    """An adjective: `stem` takes the German endings, `rank` orders several before a noun."""

    en: str
    en_comparative: str  # "" where it is not compared
    de: str
    stem: str
    de_comparative: str
    rank: int
    tags: frozenset[str]


@dataclass(slots=True, eq=False)
class Noun:
    """A noun: English singular and plural, and German forms as `de[plural][case]`."""

    en: tuple[str, str]
    gender: int
    de: tuple[tuple[str, ...], tuple[str, ...]]
    tags: frozenset[str]
    has_singular: bool
    has_plural: bool
    kind: str  # the first of its tags, its class
    sex: str  # "m" or "f" where "he" or "she" may take it up again, else ""
    adjectives: tuple[Adjective, ...] = ()

    @property
    def key(self) -> str:
        """The English singular, under which the lexicon lists the noun."""
        return self.en[0]


@dataclass(slots=True, eq=False)
class Verb:
    """A verb with its forms in both languages, its government and what it goes with."""

    key: str
    # English: third person, past, participle and -ing. `particle` stands before the object. If it is
    # movable, it stands behind a pronoun object ("picks up the child", "picks him up").
    base: str
    third: str
    past: str
    en_participle: str
    ing: str
    particle: str
    movable: bool
    # German: finite forms lack the separable prefix, infinitive and participle include it.
    infinitive: str
    prefix: str
    present: Forms
    preterite: Forms
    participle: str
    takes_sein: bool
    reflexive: bool
    # Government: case of the object (-1: none), preposition, further dative recipient.
    case: int = -1
    preposition: str = ""
    optional: bool = False
    recipient: bool = False
    recipient_to: bool = False  # English "explains it to him" rather than "gives him it"
    stative: bool = False  # neither progressive nor perfect nor with a modal
    accidental: bool = False  # neither progressive nor with a modal or in the future
    ending: bool = False  # not with "still": over at once, as "arrive", or about to be ("stay")
    # Selection: noun tags, place categories and manner groups.
    subject_tags: frozenset[str] = frozenset()
    object_tags: frozenset[str] = frozenset()
    places: str = ""
    goal: bool = False  # places are where it leads to, not where it happens
    place_required: bool = False
    manners: str = ""
    subjects: tuple[Noun, ...] = ()
    objects: tuple[Noun, ...] = ()


@dataclass(slots=True, eq=False)
class ModalForm:
    """An English modal: finite forms, the base for do-support ("": none), what follows it."""

    forms: Forms
    base: str = ""
    tail: str = ""


@dataclass(slots=True, eq=False)
class Modal:
    """A modal: German present and preterite, English present, negated present and past."""

    infinitive: str
    de: tuple[Forms, Forms]
    en: tuple[ModalForm, ModalForm, ModalForm]
    has_past: bool = True


@dataclass(slots=True, eq=False)
class Adverb:
    """An adverb or a fixed adverbial. `uses` are the tenses or verbs that it goes with."""

    en: str
    de: str
    uses: str = ""


@dataclass(slots=True, eq=False)
class PlaceWord:
    """How a noun becomes a place: prepositions for "there" (dative) and for "to there"."""

    noun: Noun
    en_at: str
    de_at: str
    en_to: str
    de_to: str
    to_case: int
    categories: str
    own: bool = False


# ---------------------------------------------------------------- English


def english_plural(noun: str) -> str:
    """The regular plural of an English noun."""
    if noun[-1] == "y" and noun[-2] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + ("es" if noun.endswith(("s", "sh", "ch", "x")) else "s")


def english_third(verb: str) -> str:
    """The third person singular of an English verb."""
    if verb == "have":
        return "has"
    return verb + "es" if verb.endswith("o") else english_plural(verb)


def english_past(verb: str) -> str:
    """The regular past of an English verb."""
    if verb[-1] == "e":
        return verb + "d"
    if verb[-1] == "y" and verb[-2] not in "aeiou":
        return verb[:-1] + "ied"
    return verb + (verb[-1] if verb in _DOUBLING else "") + "ed"


def english_ing(verb: str) -> str:
    """The -ing form of an English verb."""
    if verb == "be":
        return "being"
    if verb.endswith("ie"):
        return verb[:-2] + "ying"
    if verb[-1] == "e" and verb[-2] not in "e":
        return verb[:-1] + "ing"
    return verb + (verb[-1] if verb in _DOUBLING else "") + "ing"


def english_comparative(adjective: str) -> str:
    """The comparative of a short, regular English adjective ("big" and "good" are irregular)."""
    if adjective[-1] == "y":
        return adjective[:-1] + "ier"
    return adjective + ("r" if adjective[-1] == "e" else "er")


# ---------------------------------------------------------------- German


def german_noun_forms(
    singular: str, gender: int, genitive: str, plural: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Forms by number and case. A genitive ending with "!" marks a weak noun (den Jungen)."""
    weak = genitive.endswith("!")
    oblique = singular + genitive[:-1] if weak else singular
    gen = oblique if weak else singular + ("" if gender == FEMININE else genitive)
    dative = plural if plural.endswith(("n", "s")) else plural + "n"
    return (singular, oblique, oblique, gen), (plural, plural, dative, plural)


def german_third(infinitive: str) -> str:
    """The third person singular present of a weak verb, with -e- where it must be spoken."""
    if infinitive.endswith(("eln", "ern")):
        return infinitive[:-1] + "t"
    stem = infinitive[:-2]
    # "öffnet", "regnet", "zeichnet", but "lernt", "wohnt", "träumt"
    nasal = stem[-1] in "mn" and (stem[-2] not in "aeiouäöürlhmn" or stem[-3:-1] == "ch")
    return stem + ("et" if stem[-1] in "td" or nasal else "t")


def german_first(infinitive: str) -> str:
    """The first person singular present, "lächle" and "füttere" included."""
    if infinitive.endswith("eln"):
        return infinitive[:-3] + "le"
    return infinitive[:-1] + "e" if infinitive.endswith("ern") else infinitive[:-2] + "e"


def german_participle(infinitive: str) -> str:
    """The past participle of a weak verb, without ge- after an unstressed beginning."""
    bare = infinitive.startswith(_INSEPARABLE) or infinitive.endswith("ieren")
    return ("" if bare else "ge") + german_third(infinitive)


def german_preterite(first: str) -> Forms:
    """The preterite forms, made from the first person singular."""
    return first, first, first + ("n" if first[-1] == "e" else "en")
