"""German forms: determiners and endings by case, gender and number, and forms of the verb."""

from typing import Final

from seqtext.grammar.tree import (
    ALL,
    BARE,
    DEF,
    EVERY,
    FEW,
    FUTURE,
    HER,
    HIS,
    HOW_MANY,
    MANY,
    ME,
    MY,
    NO,
    NUMBER,
    OUR,
    PAST,
    PAST_PERFECT,
    PRESENT,
    SEVERAL,
    SOME,
    THEIR,
    THIS,
    WE,
    WHICH,
    Clause,
    NounPhrase,
    Pair,
    Phrase,
    Predicate,
    Word,
    agreement,
)
from seqtext.grammar.verbs import BE, BECOME

# Ending tables, as ending[case][masculine, neuter, feminine, plural].
_ARTICLE: Final = (
    ("der", "das", "die", "die"),
    ("den", "das", "die", "die"),
    ("dem", "dem", "der", "den"),
    ("des", "des", "der", "der"),
)
_DER_WORD: Final = (
    ("er", "es", "e", "e"),
    ("en", "es", "e", "e"),
    ("em", "em", "er", "en"),
    ("es", "es", "er", "er"),
)
_EIN_WORD: Final = (
    ("", "", "e", "e"),
    ("en", "", "e", "e"),
    ("em", "em", "er", "en"),
    ("es", "es", "er", "er"),
)
_WEAK: Final = (
    ("e", "e", "e", "en"),
    ("en", "e", "e", "en"),
    ("en", "en", "en", "en"),
    ("en", "en", "en", "en"),
)
_MIXED: Final = (
    ("er", "es", "e", "en"),
    ("en", "es", "e", "en"),
    ("en", "en", "en", "en"),
    ("en", "en", "en", "en"),
)
STRONG: Final = (
    ("er", "es", "e", "e"),
    ("en", "es", "e", "e"),
    ("em", "em", "er", "en"),
    ("en", "en", "er", "er"),
)
RELATIVE: Final = (*_ARTICLE[:2], ("dem", "dem", "der", "denen"))

# Determiners by stem: those like "dieser", those like "ein", and plural ones like adjectives.
_DER_STEMS: Final = {THIS: "dies", EVERY: "jed", WHICH: "welch", ALL: "all"}
_EIN_STEMS: Final = {NO: "kein", MY: "mein", HIS: "sein", HER: "ihr", OUR: "unser", THEIR: "ihr"}
_STRONG_STEMS: Final = {
    MANY: "viel",
    SOME: "einig",
    SEVERAL: "mehrer",
    FEW: "wenig",
    HOW_MANY: "wie viel",
}
DEFINITE: Final = frozenset({DEF, THIS, EVERY, ALL, *range(MY, THEIR + 1)})
_UNITS = ("", "ein", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun", "zehn",
          "elf", "zwölf", "dreizehn", "vierzehn", "fünfzehn", "sechzehn", "siebzehn", "achtzehn",
          "neunzehn")  # fmt: skip
_TENS = ("", "", "zwanzig", "dreißig", "vierzig", "fünfzig", "sechzig", "siebzig", "achtzig",
         "neunzig")  # fmt: skip


def number(n: int) -> str:
    """The number word for n in 2..99."""
    if n < 20:
        return _UNITS[n]
    return (f"{_UNITS[n % 10]}und" if n % 10 else "") + _TENS[n // 10]


def determiner(
    phrase: Phrase, case: int, column: int, negated: bool
) -> tuple[str, tuple[tuple[str, ...], ...]]:
    """The determiner and the table of the adjective endings that it asks for."""
    det = phrase.det
    if det == DEF:
        return _ARTICLE[case][column], _WEAK
    if det == BARE and negated:
        det = NO
    if det == BARE:
        if phrase.plural or "mass" in phrase.noun.tags:
            return "", STRONG
        return "ein" + _EIN_WORD[case][column], _MIXED
    if det in _EIN_STEMS:
        return _EIN_STEMS[det] + _EIN_WORD[case][column], _MIXED
    if det in _DER_STEMS:
        return _DER_STEMS[det] + _DER_WORD[case][column], _WEAK
    if det == NUMBER:
        return number(phrase.number), STRONG
    return _STRONG_STEMS[det] + STRONG[case][column], STRONG


CONTRACTED: Final = {
    "in dem": "im",
    "in das": "ins",
    "an dem": "am",
    "zu dem": "zum",
    "zu der": "zur",
    "bei dem": "beim",
    "von dem": "vom",
}
_HABEN: Final = (("habe", "hat", "haben"), ("hatte", "hatte", "hatten"))


def verb_forms(clause: Clause) -> tuple[str, str, str]:
    """Finite verb, separable prefix of it, and infinitive or participle."""
    who, verb = agreement(clause.subject), clause.verb
    tense = clause.tense
    if clause.modal is not None:
        return clause.modal.de[tense][who], "", verb.infinitive
    if tense == PRESENT:
        return verb.present[who], verb.prefix, ""
    if tense == PAST:
        return verb.preterite[who], verb.prefix, ""
    if tense == FUTURE:
        return BECOME.present[who], "", verb.infinitive
    past = tense == PAST_PERFECT
    if verb.takes_sein:
        return (BE.preterite if past else BE.present)[who], "", verb.participle
    return _HABEN[past][who], "", verb.participle


def reflexive_pronoun(clause: Clause) -> str:
    """The pronoun of a reflexive verb, "mich", "uns" or "sich"."""
    subject = clause.subject
    if subject is WE or (isinstance(subject, Pair) and subject.second is ME):
        return "uns"
    return "mich" if subject is ME else "sich"


def occupation_text(predicate: Predicate, clause: Clause) -> str:
    """ "Lehrer", "ein guter Lehrer", "keine Ärztin": an article only with an adjective or "no"."""
    assert predicate.occupation is not None
    subject = clause.subject
    sex = subject.sex if isinstance(subject, Word) else ""
    if isinstance(subject, Phrase):
        sex = subject.noun.sex
    female = sex == "f"
    noun = predicate.occupation[2 if female else 1]
    article = ("kein" if clause.negated else "ein") + ("e" if female else "")
    if predicate.adjective is not None:
        return f"{article} {predicate.adjective.stem}{'e' if female else 'er'} {noun}"
    return f"{article} {noun}" if clause.negated else noun


def is_definite(phrase: NounPhrase) -> bool:
    """Whether the phrase stands before the adverbials of its clause, as what is known does."""
    if isinstance(phrase, Phrase):
        return phrase.owner is not None or phrase.det in DEFINITE
    return not isinstance(phrase, Pair) or is_definite(phrase.first)
