"""German determiners and endings, as tables by case, gender and number."""

from typing import Final

from seqtext.grammar.tree import (
    ALL,
    BARE,
    DEF,
    EVERY,
    FEW,
    HER,
    HIS,
    HOW_MANY,
    MANY,
    MY,
    NO,
    NUMBER,
    OUR,
    SEVERAL,
    SOME,
    THEIR,
    THIS,
    WHICH,
    Phrase,
)

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
