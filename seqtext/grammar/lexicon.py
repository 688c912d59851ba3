"""Nouns, adjectives, names and numbers of the built-in corpus, as tables read at import.

A noun row: English[/plural] | German gender genitive plural | tags

The gender is m, n or f, or p for a noun without singular. The genitive is an ending, and "!" marks
a weak noun. "-" as plural means that the noun has no plural.

An adjective row: English[/comparative] | German[/stem[/comparative]] | rank | tags

"-" as comparative means that there is none. The tags are those of nouns that it may stand with.
"""

from typing import Final

from seqtext.grammar.words import (
    FEMININE,
    MASCULINE,
    NEUTER,
    Adjective,
    Noun,
    english_comparative,
    english_plural,
    german_noun_forms,
)

_NOUNS = """
man/men | Mann m es Männer | person male
woman/women | Frau f - Frauen | person female
child/children | Kind n es Kinder | person young minor own
boy | Junge m n! Jungen | person male young minor
girl | Mädchen n s Mädchen | person female young minor
teacher | Lehrer m s Lehrer | person male own solo teacher
doctor | Arzt m es Ärzte | person male own solo
student | Student m en! Studenten | person male learner
pupil | Schüler m s Schüler | person male own learner young
neighbor | Nachbar m n! Nachbarn | person male own
friend | Freund m es Freunde | person male own
guest | Gast m es Gäste | person male own
farmer | Bauer m n! Bauern | person male
baker | Bäcker m s Bäcker | person male
policeman/policemen | Polizist m en! Polizisten | person male
journalist | Journalist m en! Journalisten | person male
tourist | Tourist m en! Touristen | person male
pilot | Pilot m en! Piloten | person male
colleague | Kollege m n! Kollegen | person male own
customer | Kunde m n! Kunden | person male own
president | Präsident m en! Präsidenten | person male one
soldier | Soldat m en! Soldaten | person male
nurse | Krankenschwester f - Krankenschwestern | person female
waitress | Kellnerin f - Kellnerinnen | person female
actress | Schauspielerin f - Schauspielerinnen | person female
queen | Königin f - Königinnen | person female one
king | König m s Könige | person male one
lawyer | Anwalt m s Anwälte | person male own solo
engineer | Ingenieur m s Ingenieure | person male
artist | Künstler m s Künstler | person male
musician | Musiker m s Musiker | person male
gardener | Gärtner m s Gärtner | person male own solo
boss | Chef m s Chefs | person male own one
thief/thieves | Dieb m es Diebe | person male thief
mother | Mutter f - Mütter | person female kin one
father | Vater m s Väter | person male kin one
brother | Bruder m s Brüder | person male kin
sister | Schwester f - Schwestern | person female kin
son | Sohn m es Söhne | person male kin young
daughter | Tochter f - Töchter | person female kin young
uncle | Onkel m s Onkel | person male kin
aunt | Tante f - Tanten | person female kin
grandmother | Großmutter f - Großmütter | person female kin one aged
grandfather | Großvater m s Großväter | person male kin one aged
nephew | Neffe m n! Neffen | person male kin young
parents | Eltern p | person kin
grandparents | Großeltern p | person kin aged

dog | Hund m es Hunde | animal pet hunter dog own
cat | Katze f - Katzen | animal pet hunter own
bird | Vogel m s Vögel | animal prey wildlife
horse | Pferd n es Pferde | animal pet own
cow | Kuh f - Kühe | animal pet
pig | Schwein n es Schweine | animal pet
mouse/mice | Maus f - Mäuse | animal prey
bear | Bär m en! Bären | animal wild wildlife
lion | Löwe m n! Löwen | animal wild
monkey | Affe m n! Affen | animal wild
elephant | Elefant m en! Elefanten | animal wild
rabbit | Hase m n! Hasen | animal prey wildlife
duck | Ente f - Enten | animal pet
donkey | Esel m s Esel | animal pet
fox | Fuchs m es Füchse | animal wild hunter wildlife

apple | Apfel m s Äpfel | eat food fruit
pear | Birne f - Birnen | eat food fruit
banana | Banane f - Bananen | eat food fruit
egg | Ei n s Eier | eat food cook
potato/potatoes | Kartoffel f - Kartoffeln | eat food cook
tomato/tomatoes | Tomate f - Tomaten | eat food
cake | Kuchen m s Kuchen | eat food bake
sausage | Wurst f - Würste | eat food
cookie | Keks m es Kekse | eat food bake
bread | Brot n es - | eat food bake mass
cheese | Käse m s - | eat food mass
meat | Fleisch n es - | eat food cook mass
rice | Reis m es - | eat food cook mass
soup | Suppe f - - | eat food cook mass
butter | Butter f - - | food mass
honey | Honig m s - | eat food mass
chocolate | Schokolade f - - | eat food mass
milk | Milch f - - | drink mass
water | Wasser n s - | drink mass
coffee | Kaffee m s - | drink hotdrink mass
tea | Tee m s - | drink hotdrink mass
juice | Saft m es - | drink mass
beer | Bier n es - | drink mass
wine | Wein m es - | drink mass

book | Buch n es Bücher | text written flat gift buy own
letter | Brief m es Briefe | text written mail flat own
newspaper | Zeitung f - Zeitungen | text flat buy own
magazine | Zeitschrift f - Zeitschriften | text flat buy own
poem | Gedicht n es Gedichte | text learn written
story/stories | Geschichte f - Geschichten | text written tale own
report | Bericht m s Berichte | text written flat own
novel | Roman m s Romane | text written buy own
message | Nachricht f - Nachrichten | text written mail own
postcard | Postkarte f - Postkarten | text written mail flat buy own
song | Lied n es Lieder | song learn
film | Film m s Filme | film
picture | Bild n es Bilder | picture drawn buy own
photo | Foto n s Fotos | picture flat own

coat | Mantel m s Mäntel | wear buy flat own
shirt | Hemd n es Hemden | wear buy flat own
dress | Kleid n es Kleider | wear buy flat own
hat | Hut m es Hüte | wear buy flat own
shoes | Schuhe p | wear buy shoe own
jacket | Jacke f - Jacken | wear buy flat own
skirt | Rock m s Röcke | wear buy flat own
sweater | Pullover m s Pullover | wear buy flat own

car | Auto n s Autos | vehicle road buy lock own
bus | Bus m ses Busse | vehicle public
train | Zug m es Züge | vehicle public
bicycle | Fahrrad n s Fahrräder | vehicle road buy own
ship | Schiff n es Schiffe | vehicle
truck | Lastwagen m s Lastwagen | vehicle road own
taxi | Taxi n s Taxis | vehicle public
radio | Radio n s Radios | device buy stand own
computer | Computer m s Computer | device buy own
lamp | Lampe f - Lampen | device buy stand own
camera | Kamera f - Kameras | thing buy flat gift own
bag | Tasche f - Taschen | thing buy open carry own
key | Schlüssel m s Schlüssel | thing flat own
umbrella | Regenschirm m s Regenschirme | thing buy open own
glass | Glas n es Gläser | dish own
cup | Tasse f - Tassen | dish buy own
plate | Teller m s Teller | dish buy own
knife/knives | Messer n s Messer | thing buy flat own
bottle | Flasche f - Flaschen | dish open own
clock | Uhr f - Uhren | thing buy gift own
ball | Ball m es Bälle | thing toy buy gift own
doll | Puppe f - Puppen | thing toy buy gift own
box | Kiste f - Kisten | thing open carry own
suitcase | Koffer m s Koffer | thing buy open carry stand own
basket | Korb m es Körbe | thing buy carry stand own
vase | Vase f - Vasen | dish buy stand gift own
present | Geschenk n s Geschenke | thing open carry buy own
ring | Ring m es Ringe | thing buy gift own
table | Tisch m es Tische | furniture buy own
chair | Stuhl m es Stühle | furniture buy carry stand own
bed | Bett n es Betten | furniture buy own
sofa | Sofa n s Sofas | furniture buy own
cupboard | Schrank m es Schränke | furniture buy open own
mirror | Spiegel m s Spiegel | furniture buy own
door | Tür f - Türen | part open lock
window | Fenster n s Fenster | part open

house | Haus n es Häuser | building built own
school | Schule f - Schulen | building
church/churches | Kirche f - Kirchen | building sight
museum | Museum n s Museen | building sight
hospital | Krankenhaus n es Krankenhäuser | building
bakery/bakeries | Bäckerei f - Bäckereien | building
station | Bahnhof m s Bahnhöfe | building
hotel | Hotel n s Hotels | building inn
bridge | Brücke f - Brücken | building built sight
castle | Schloss n es Schlösser | building sight
library/libraries | Bibliothek f - Bibliotheken | building
university/universities | Universität f - Universitäten | building
tower | Turm m es Türme | building built sight
kitchen | Küche f - Küchen | room own
living room | Wohnzimmer n s Wohnzimmer | room own
bedroom | Schlafzimmer n s Schlafzimmer | room own
garden | Garten m s Gärten | place own
forest | Wald m es Wälder | place
park | Park m s Parks | place sight
street | Straße f - Straßen | place
city/cities | Stadt f - Städte | town
village | Dorf n es Dörfer | town
river | Fluss m es Flüsse | place
lake | See m s Seen | place
mountain | Berg m es Berge | place sight
beach | Strand m es Strände | place
office | Büro n s Büros | room own
restaurant | Restaurant n s Restaurants | building inn
café | Café n s Cafés | building inn
theater | Theater n s Theater | building
cinema | Kino n s Kinos | building
market | Markt m es Märkte | place
supermarket | Supermarkt m es Supermärkte | building
airport | Flughafen m s Flughäfen | building
bus stop | Haltestelle f - Haltestellen | place
farm | Bauernhof m s Bauernhöfe | place
factory/factories | Fabrik f - Fabriken | building

flower | Blume f - Blumen | plant bloom own
tree | Baum m es Bäume | plant
rose | Rose f - Rosen | plant bloom own

concert | Konzert n s Konzerte | event
party/parties | Feier f - Feiern | event own
exam | Prüfung f - Prüfungen | event own
meeting | Sitzung f - Sitzungen | event
game | Spiel n s Spiele | event
journey | Reise f - Reisen | trip own
wedding | Hochzeit f - Hochzeiten | event own
holidays | Ferien p | trip rest own

problem | Problem n s Probleme | issue own
question | Frage f - Fragen | issue own
plan | Plan m s Pläne | issue own
idea | Idee f - Ideen | issue own
mistake | Fehler m s Fehler | fault own
joke | Witz m es Witze | joke
rule | Regel f - Regeln | rule
time | Zeit f - - | time mass
money | Geld n es - | money mass
work | Arbeit f - - | work mass
German | Deutsch n s - | language mass
English | Englisch n s - | language mass
French | Französisch n s - | language mass
Spanish | Spanisch n s - | language mass
"""

_ADJECTIVES = """
good/better | gut/gut/besser | 0 text song film food drink device inn idea
bad/worse | schlecht/schlecht/schlechter | 0 text song film idea inn
beautiful/more | schön/schön/schöner | 0 wear building place town plant picture song dish room
ugly | hässlich | 0 wear furniture building picture dish
interesting/more | interessant | 0 text film issue town sight
boring/more | langweilig | 0 text film town event too
funny | lustig | 0 text film joke song
exciting/more | spannend | 0 text film trip
famous/more | berühmt | 0 sight picture song artist
important/more | wichtig | 0 issue rule mail event
difficult/more | schwierig | 0 issue exam too
useful/more | nützlich | 0 thing device
comfortable/more | bequem | 0 chair bed sofa shoe
dangerous/more | gefährlich | 0 wild
wild | wild/wild/- | 0 wild
delicious/more | lecker | 0 food
healthy | gesund/gesund/gesünder | 0 fruit
fresh | frisch | 0 food drink
sweet | süß | 0 fruit bake
sour/more | sauer/saur/saurer | 0 fruit
expensive/more | teuer/teur/teurer | 0 wear vehicle device furniture inn buy too
cheap | billig | 0 wear device furniture inn buy
heavy | schwer | 0 carry furniture too
strong | stark/stark/stärker | 0 hotdrink pet
friendly | freundlich | 0 person
polite/more | höflich | 0 person
nice | nett | 0 person
rich | reich | 0 person
poor | arm/arm/ärmer | 0 person
clever/more | klug/klug/klüger | 0 person
lazy | faul | 0 person too
brave | mutig | 0 person
honest/more | ehrlich | 0 person
strict | streng | 0 teacher kin too
tall | groß/groß/größer | 1 person
tired/more | müde/müd/müder | 0 person state too
hungry | hungrig | 0 person state animal too
thirsty | durstig | 0 person state animal
sick | krank/krank/- | 0 person state animal
happy | glücklich | 0 person state
sad/sadder | traurig | 0 person state film song too
angry | wütend/wütend/wütender | 0 person state too
nervous/more | nervös | 0 person state too
satisfied/more | zufrieden | 0 person state
lonely | einsam | 0 person state
curious/more | neugierig | 0 person state
quiet | ruhig | 0 place town inn room street
noisy | laut | 0 place town inn vehicle too
clean | sauber | 2 room wear dish inn
dirty | schmutzig | 2 room wear dish vehicle part
warm | warm/warm/wärmer | 0 wear food room too
cold | kalt/kalt/kälter | 0 drink room too
hot/hotter | heiß | 0 hotdrink too
dark | dunkel/dunkl/dunkler | 0 room forest street too
fast | schnell | 0 vehicle
modern/more | modern | 0 building device vehicle furniture
empty | leer/leer/- | 2 dish carry street
big/bigger | groß/groß/größer | 1 animal building place town thing furniture vehicle room issue too
small | klein | 1 animal building place town thing dish furniture room person too
high | hoch/hoh/höher | 1 bridge tower mountain too
long | lang/lang/länger | 1 written trip film too
short | kurz/kurz/kürzer | 1 written trip film too
old | alt/alt/älter | 2 person animal building town thing furniture vehicle wear text film too
young | jung/jung/jünger | 2 person too
new | neu | 2 wear vehicle device thing furniture text film song building plan
red | rot/rot/- | 3 wear vehicle bloom toy dish
blue | blau/blau/- | 3 wear vehicle toy dish
green | grün/grün/- | 3 wear vehicle furniture fruit
black | schwarz/schwarz/- | 3 wear vehicle pet
white | weiß/weiß/- | 3 wear vehicle pet bloom furniture
brown | braun/braun/- | 3 wear furniture pet
yellow | gelb/gelb/- | 3 wear bloom toy dish
"""

MALE_NAMES: Final = ("Peter", "Paul", "Martin", "Anton", "David", "Michael", "Simon", "Daniel")
FEMALE_NAMES: Final = ("Anna", "Maria", "Julia", "Laura", "Sarah", "Clara", "Emma", "Nina")
SURNAMES: Final = ("Weber", "Schneider", "Fischer", "Keller", "Wagner", "Becker")

# Occupations said of somebody: English, German masculine and feminine ("Sie ist Ärztin").
OCCUPATIONS: Final = (
    ("teacher", "Lehrer", "Lehrerin"),
    ("doctor", "Arzt", "Ärztin"),
    ("engineer", "Ingenieur", "Ingenieurin"),
    ("journalist", "Journalist", "Journalistin"),
    ("pilot", "Pilot", "Pilotin"),
    ("lawyer", "Anwalt", "Anwältin"),
    ("student", "Student", "Studentin"),
    ("musician", "Musiker", "Musikerin"),
)
OCCUPATION_ADJECTIVES: Final = ("good", "famous", "rich", "young", "bad")


def _read_adjective(row: str) -> Adjective:
    en, de, rest = (part.strip() for part in row.split("|"))
    rank, *tags = rest.split()
    en, _, en_comp = en.partition("/")
    base, stem, comp = (*de.split("/"), "", "")[:3]
    stem = stem or base
    if comp == "-":
        en_comp = comp = ""
    else:
        comp = comp or stem + "er"
        en_comp = f"more {en}" if en_comp == "more" else en_comp or english_comparative(en)
    return Adjective(en, en_comp, base, stem, comp, int(rank), frozenset(tags))


def _read_noun(row: str, adjectives: tuple[Adjective, ...]) -> Noun:
    en, de, tag_text = (part.strip() for part in row.split("|"))
    singular, _, plural = en.partition("/")
    words = de.split()
    # Every noun is a tag of its own, so that a verb or adjective can name it alone.
    tags = frozenset((*tag_text.split(), singular))
    only_plural, only_singular = words[1] == "p", words[-1] == "-"
    if only_plural:
        gender, forms = FEMININE, german_noun_forms(words[0], FEMININE, "", words[0])
        plural = singular
    else:
        gender = {"m": MASCULINE, "n": NEUTER, "f": FEMININE}[words[1]]
        forms = german_noun_forms(words[0], gender, words[2], words[3])
        plural = plural or english_plural(singular)
    ageless = tags & {"minor", "aged"}  # no "alte Jungen", no "junge Großmutter"
    return Noun(
        (singular, plural),
        gender,
        forms,
        tags,
        has_singular=not only_plural,
        has_plural=only_plural or not (only_singular or "one" in tags),
        kind=tag_text.split()[0],
        sex="m" if "male" in tags else "f" if "female" in tags else "",
        adjectives=tuple(a for a in adjectives if a.tags & tags and not (a.rank == 2 and ageless)),
    )


def _rows(table: str) -> list[str]:
    return [line for line in table.splitlines() if line]


_ALL_ADJECTIVES = tuple(_read_adjective(row) for row in _rows(_ADJECTIVES))
ADJECTIVES: Final = {adjective.en: adjective for adjective in _ALL_ADJECTIVES}
NOUNS: Final = {
    noun.key: noun for noun in (_read_noun(row, _ALL_ADJECTIVES) for row in _rows(_NOUNS))
}
