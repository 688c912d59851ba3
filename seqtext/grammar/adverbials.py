"""Adverbs and places of the built-in corpus, as tables read at import."""

from typing import Final

from seqtext.grammar.lexicon import NOUNS
from seqtext.grammar.words import ACC, DAT, Adverb, PlaceWord

MANNERS: Final = {
    "q": (Adverb("quickly", "schnell"), Adverb("slowly", "langsam")),
    "c": (Adverb("carefully", "vorsichtig"),),
    "v": (Adverb("loudly", "laut"), Adverb("quietly", "leise")),
    "L": (Adverb("loudly", "laut"),),
    "w": (Adverb("well", "gut"), Adverb("badly", "schlecht")),
    "p": (Adverb("patiently", "geduldig"),),
    "f": (Adverb("politely", "höflich"), Adverb("kindly", "freundlich")),
    "t": (Adverb("alone", "allein"),),
    "T": (Adverb("together", "zusammen"),),  # with a plural subject, instead of "t"
    "m": (
        Adverb("by train", "mit dem Zug"),
        Adverb("by bus", "mit dem Bus"),
        Adverb("by car", "mit dem Auto"),
        Adverb("by bicycle", "mit dem Fahrrad"),
    ),
}

# Adverbials of time with their uses: h habit, n now, p past (P: a moment), f future,
# r present perfect.
_DAYS = (
    ("Monday", "Montag"),
    ("Tuesday", "Dienstag"),
    ("Wednesday", "Mittwoch"),
    ("Thursday", "Donnerstag"),
    ("Friday", "Freitag"),
    ("Saturday", "Samstag"),
    ("Sunday", "Sonntag"),
)
TIMES: Final = (
    Adverb("yesterday", "gestern", "pP"),
    Adverb("yesterday evening", "gestern Abend", "pP"),
    Adverb("the day before yesterday", "vorgestern", "pP"),
    Adverb("last week", "letzte Woche", "p"),
    Adverb("last year", "letztes Jahr", "p"),
    Adverb("last summer", "letzten Sommer", "p"),
    Adverb("today", "heute", "nfr"),
    Adverb("now", "jetzt", "n"),
    Adverb("at the moment", "im Moment", "n"),
    Adverb("this week", "diese Woche", "nr"),
    Adverb("tomorrow", "morgen", "f"),
    Adverb("tomorrow evening", "morgen Abend", "f"),
    Adverb("the day after tomorrow", "übermorgen", "f"),
    Adverb("soon", "bald", "f"),
    Adverb("next week", "nächste Woche", "f"),
    Adverb("next year", "nächstes Jahr", "f"),
    Adverb("every day", "jeden Tag", "h"),
    Adverb("every morning", "jeden Morgen", "h"),
    Adverb("every evening", "jeden Abend", "h"),
    Adverb("in the morning", "am Morgen", "hpP"),
    Adverb("in the evening", "am Abend", "hpP"),
    Adverb("on the weekend", "am Wochenende", "hpf"),
    Adverb("in summer", "im Sommer", "h"),
    Adverb("in winter", "im Winter", "h"),
    *(Adverb(f"on {en}", f"am {de}", "pPf") for en, de in _DAYS),
    *(Adverb(f"every {en}", f"jeden {de}", "h") for en, de in _DAYS),
)
# Units for "three days ago" / "vor drei Tagen", "in two weeks" / "in zwei Wochen".
TIME_UNITS: Final = (("days", "Tagen"), ("weeks", "Wochen"), ("months", "Monaten"))

OFTEN: Final = Adverb("often", "oft", "hp")
FREQUENCIES: Final = (
    OFTEN,
    Adverb("always", "immer", "hp"),
    Adverb("sometimes", "manchmal", "hp"),
    Adverb("rarely", "selten", "hp"),
    Adverb("never", "nie", "hpr"),
    Adverb("already", "schon", "r"),
    Adverb("just", "gerade", "r"),
)
STILL: Final = Adverb("still", "noch", "n")
YET: Final = Adverb("yet", "noch", "r")  # Only negated: "noch nicht", "noch kein".

# A place row: noun | at: English German | to: English German:case | categories.
# A "+" marks places that take a possessive.
# Locations for people are h home, o outdoors, e eating, s shopping, w work, m meeting, q quiet, r resting.
# Locations for other things are f animals at home, g animals outside, G plants, v buildings.
# More locations are b bathing, k losing things, x surfaces, c towns and countries.
# Goals are l nearby, d where cars can go, H home, and c and x again.
_PLACES = """
garden | in in | into in:A | hoeqgGkrl+
kitchen | in in | into in:A | hqkl+
living room | in in | into in:A | hqkrl+
bedroom | in in | into in:A | qkrl+
office | in in | to in:A | wkld+
park | in in | to in:A | oemqgGkld
forest | in in | into in:A | ogld
beach | at an | to an:A | omld
street | on auf | onto auf:A | omkg
farm | on auf | to auf:A | owgld
lake | at an | to an:A | omld
market | at auf | to auf:A | smld
supermarket | in in | to in:A | swkld
bakery | in in | to zu:D | wld
station | at an | to zu:D | mkld
bus stop | at an | to zu:D | mkld
airport | at an | to zu:D | wmkld
school | at in | to in:A | wkld
university | at an | to zu:D | wld
hospital | in in | to in:A | wld
library | in in | to in:A | qwld
museum | in in | to in:A | wmld
hotel | in in | to in:A | ewkrld
restaurant | in in | to in:A | ewmld
café | in in | to in:A | eqmld
theater | in in | to in:A | wmld
cinema | in in | to in:A | mkld
church | in in | to in:A | qmld
factory | in in | to in:A | wld
village | in in | to in:A | vcs
city | in in | to in:A | vcs
lake | in in | into in:A | b
river | in in | into in:A | b
table | on auf | on auf:A | xf
table | under unter | under unter:A | xf
bed | under unter | under unter:A | xf
sofa | next_to neben | next_to neben:A | x
sofa | on auf | on auf:A | fr
cupboard | in in | in in:A | x
chair | on auf | on auf:A | xf
window | next_to neben | next_to neben:A | x
door | next_to neben | next_to neben:A | x
door | behind hinter | behind hinter:A | x
house | in_front_of vor | in_front_of vor:A | f
house | behind hinter | behind hinter:A | f
tree | under unter | under unter:A | fr
"""

# Places that are no noun phrase: English and German "at", English and German "to", categories.
FIXED_PLACES: Final = (
    ("at home", "zu Hause", "home", "nach Hause", "hrH"),
    *(
        (f"in {en}", f"in {de}", f"to {en}", f"nach {de}", "csv")
        for en, de in (
            ("Berlin", "Berlin"),
            ("Hamburg", "Hamburg"),
            ("Munich", "München"),
            ("Cologne", "Köln"),
            ("Vienna", "Wien"),
        )
    ),
    *(
        (f"in {en}", f"in {de}", f"to {en}", f"nach {de}", "c")
        for en, de in (
            ("Germany", "Deutschland"),
            ("Austria", "Österreich"),
            ("Italy", "Italien"),
            ("France", "Frankreich"),
        )
    ),
    ("in Switzerland", "in der Schweiz", "to Switzerland", "in die Schweiz", "c"),
)


def _read_place(row: str) -> PlaceWord:
    noun, at, to, categories = (part.strip() for part in row.split("|"))
    en_at, de_at = at.replace("_", " ").rsplit(" ", 1)
    en_to, de_to = to.replace("_", " ").rsplit(" ", 1)
    de_to, _, case = de_to.partition(":")
    to_case = ACC if case == "A" else DAT
    own = categories.endswith("+")
    return PlaceWord(NOUNS[noun], en_at, de_at, en_to, de_to, to_case, categories.rstrip("+"), own)


PLACES: Final = tuple(_read_place(row) for row in _PLACES.splitlines() if row)
