"""Verbs and modals of the built-in corpus, as a table read at import.

A verb row has these columns:

    English | German | object | subjects | objects | places | manners and flags

English: base [past participle] [+particle]. A particle with "*" moves behind a pronoun object.

German: [sich] infinitive [third preterite participle] [sein]. The tilde of "auf~machen" marks a
separable prefix. The principal parts of a strong verb leave the prefix out.

Object: A is accusative, D dative, "auf:A" a prepositional object. DA is a dative recipient with an
accusative object, and DA+ has "to" in English. A "?" behind it means that it may be left out.

Places: categories of places, see `adverbials`. ">" means goals instead of locations, "!" obligatory.

Manners and flags: groups of manners, see `adverbials.MANNERS`. Flag "S" marks a stative verb.
Flag "X" marks what nobody does on purpose. Flag "E" marks a verb that does not go with "still".
"""

from functools import cache
from typing import Final

from seqtext.grammar.lexicon import NOUNS
from seqtext.grammar.words import (
    ACC,
    DAT,
    Forms,
    Modal,
    ModalForm,
    Noun,
    Verb,
    english_ing,
    english_past,
    english_third,
    german_first,
    german_participle,
    german_preterite,
    german_third,
)

_VERBS = """
sleep slept slept | schlafen schläft schlief geschlafen | | person pet hunter | | r | w
work | arbeiten | | person | | wh | qct
play | spielen | | young dog cat monkey | | ho | t
laugh | lachen | | person | | hm | v
cry | weinen | | person | | hm | v
smile | lächeln | | person | | | f
dance | tanzen | | person | | hmo | wt
swim swam swum | schwimmen schwimmt schwamm geschwommen sein | | person dog duck | | b | q
sing sang sung | singen singt sang gesungen | A? | person | song | hom | vwt
run ran run | laufen läuft lief gelaufen sein | | person dog horse fox | | >l | q
travel traveled traveled | reisen reist reiste gereist sein | | person | | >c! | mt
fly flew flown | fliegen fliegt flog geflogen sein | | person | | >c! |
drive drove driven | fahren fährt fuhr gefahren sein | | person | | >dcH! | t
go went gone | gehen geht ging gegangen sein | | person | | >lH! | t
come came come | kommen kommt kam gekommen sein | | person | | >lH! | t
come came come +back* | zurück~kommen kommt kam gekommen sein | | person | | | tE
arrive | an~kommen kommt kam gekommen sein | | person public | | c! | E
depart | ab~fahren fährt fuhr gefahren sein | | public ship | | | E
get got gotten +up* | auf~stehen steht stand gestanden sein | | person | | | qE
wake woke woken +up* | auf~wachen sein | | person pet | | | X
fall fell fallen +asleep* | ein~schlafen schläft schlief geschlafen sein | | person pet | | r | qX
go went gone +shopping* | ein~kaufen | | person | | s | t
watch +television* | fern~sehen sieht sah gesehen | | person | | h | t
rest | sich aus~ruhen | | person | | hoq |
live | wohnen | | person | | c! | tS
stay | bleiben bleibt blieb geblieben sein | | person | | hc! | E
bark | bellen bellt bellte gebellt | | dog | | hof | L
begin began begun | beginnen beginnt begann begonnen | | event holidays | | | E
grow grew grown | wachsen wächst wuchs gewachsen sein | | plant child | | | q
bloom | blühen | | bloom | | G |
stand stood stood | stehen steht stand gestanden | | stand | | x! |
lie lay lain | liegen liegt lag gelegen | | flat | | x! |
wait +for | warten | auf:A | person | person public | mh | p
talk +about | sprechen spricht sprach gesprochen | über:A | person | event issue text film trip \
person | hmw | t
speak spoke spoken +with | sprechen spricht sprach gesprochen | mit:D | person | person | hmw | f
think thought thought +of | denken denkt dachte gedacht | an:A | person | person event trip pet | |
think thought thought +about | nach~denken denkt dachte gedacht | über:A | person | issue | hq |
dream +of | träumen | von:D | person | house garden vehicle trip person horse | |
laugh +at | lachen | über:A | person | joke picture tale fault | h | v
participate +in | teil~nehmen nimmt nahm genommen | an:D | person | event | |
play +with | spielen | mit:D | young dog cat | toy pet | ho | qt
look looked looked +forward to | sich freuen | auf:A | person | event trip rest | |
remember | sich erinnern | an:A | person | person event trip film | | S
complain +about | sich beschweren | über:A | person | inn work neighbor boss colleague | | vf
take took taken +care of | sich kümmern | um:A | person | pet child guest plant grandmother \
grandfather grandparents garden | h |
apologize +to | sich entschuldigen | bei:D | person | person | | fE
say said said +goodbye to | sich verabschieden | von:D | person | person | m | fE
help | helfen hilft half geholfen | D | person | person | hw | f
thank | danken | D | person | person | | f
follow | folgen folgt folgte gefolgt sein | D | person dog | person animal | | q
answer | antworten | D | person | person | | fq
congratulate | gratulieren | D | person | person | | f
trust | vertrauen | D | person | person | | S
listen +to | zu~hören | D | person | person | hm | p
belong +to | gehören | D | thing vehicle wear furniture device house garden pet | person | | S
forgive forgave forgiven | verzeihen verzeiht verzieh verziehen | D | person | person | | f
read read read | lesen liest las gelesen | A? | person | text | hq | qt
write wrote written | schreiben schreibt schrieb geschrieben | DA? | person | written | hq | q
buy bought bought | kaufen | A | person | buy food drink bloom pet | s |
sell sold sold | verkaufen | A | person | buy food drink bloom house | s |
eat ate eaten | essen isst aß gegessen | A? | person | eat | he | qt
drink drank drunk | trinken trinkt trank getrunken | A? | person | drink | he | qt
see saw seen | sehen sieht sah gesehen | A | person | person animal film picture building town \
tree lake ship | | S
hear heard heard | hören | A | person | song dog bird story joke baker neighbor child | h | S
open | auf~machen | A | person | open | | cvq
close | zu~machen | A | person | part box suitcase umbrella bag | | cvq
find found found | finden findet fand gefunden | A | person | thing wear mail pet | k | X
lose lost lost | verlieren verliert verlor verloren | A | person | thing wear mail money | k | X
look +for | suchen | A | person | thing wear mail dog cat child hotel work | k | p
need | brauchen | A | person | thing wear device vehicle furniture money work person | | S
have had had | haben hat hatte gehabt | A | person | thing pet house garden vehicle device time \
money work issue | | S
love | lieben | A | person | kin pet poem song garden flower trip | | S
like | mögen mag mochte gemocht | A | person | person animal food drink song film town text | | S
hate | hassen | A | person | exam meeting mouse lion rule work city | | S
know knew known | kennen kennt kannte gekannt | A | person | person town song text tale inn street \
rule sight | | S
visit | besuchen | A | person | person town sight | | t
meet met met | treffen trifft traf getroffen | A | person | person | m |
invite | ein~laden lädt lud geladen | A | person | person | | f
call | an~rufen ruft rief gerufen | A | person | person | h |
pick +up* | ab~holen | A | person | person | m |
wash | waschen wäscht wusch gewaschen | A | person | wear dish road dog fruit | | cq
clean | putzen | A | person | room shoes window house mirror bicycle | | cqt
cook | kochen | A? | person | cook | h | wt
bake | backen backt backte gebacken | A | person | bake | h | t
build built built | bauen | A | person | house bridge tower ship church | | qt
repair | reparieren | A | person | vehicle device bicycle clock bed chair bridge | | cq
paint | malen | A | person | drawn flower tree horse | ho |
draw drew drawn | zeichnen | A | person | drawn animal person bridge church | hq | q
break broke broken | zerbrechen zerbricht zerbrach zerbrochen | A | person | dish mirror | h | X
carry | tragen trägt trug getragen | A | person | carry bag child | | ct
wear wore worn | tragen trägt trug getragen | A | person | wear ring | |
take took taken +along* | mit~nehmen nimmt nahm genommen | A | person | umbrella camera bag dog \
suitcase key coat | |
forget forgot forgotten | vergessen vergisst vergaß vergessen | A | person | thing text issue \
event person | | X
understand understood understood | verstehen versteht verstand verstanden | A | person | issue \
rule joke text person | | S
explain | erklären | DA+? | person | issue rule joke plan | w | pf
show showed shown | zeigen | DA | person | picture text thing house garden town room bird | |
give gave given | geben gibt gab gegeben | DA | person | thing text dish food money gift bloom | |
send sent sent | schicken | DA? | person | mail present photo money book report | |
tell told told | erzählen | DA | person | tale joke | | v
recommend | empfehlen empfiehlt empfahl empfohlen | DA+? | person | book film novel inn doctor \
wine museum | |
lend lent lent | leihen leiht lieh geliehen | DA | person | money book road umbrella suitcase \
camera radio | |
offer | an~bieten bietet bot geboten | DA | person | drink food work money chair | | f
introduce | vor~stellen | DA+ | person | person | | f
bring brought brought | bringen bringt brachte gebracht | DA | person | drink food dish mail bloom \
newspaper coat | |
turn +on* | ein~schalten | A | person | device | h |
turn +off* | aus~schalten | A | person | device | h |
put put put +on* | an~ziehen zieht zog gezogen | A | person | coat shirt dress shoes jacket skirt \
sweater | | q
take took taken +off* | aus~ziehen zieht zog gezogen | A | person | coat shoes jacket sweater | h \
| q
tidy +up* | auf~räumen | A | person | room cupboard house | | qt
lock | ab~schließen schließt schloss geschlossen | A | person | lock house suitcase office | | c
try tried tried +on* | an~probieren | A | person | wear | s |
give gave given +back* | zurück~geben gibt gab gegeben | A | person | thing book money key | |
prepare | vor~bereiten bereitet bereitete bereitet | A | person | event trip soup report | h | ct
choose chose chosen | aus~suchen | A | person | gift wear furniture book bloom ring | s | c
order | bestellen | A | person | drink soup cake sausage book taxi | e |
receive | bekommen bekommt bekam bekommen | A | person | mail present money report book | | X
photograph | fotografieren | A | person | sight animal person flower | o |
watch | beobachten | A | person cat | animal child thief | go | p
look +at | an~sehen sieht sah gesehen | A | person | picture person map clock house | |
feed fed fed | füttern | A | person | pet bird | og |
catch caught caught | fangen fängt fing gefangen | A | hunter | prey | g | q
chase | jagen | A | hunter | prey | go | t
bite bit bitten | beißen beißt biss gebissen | A | dog monkey donkey | person pet | |
hug | umarmen umarmt umarmte umarmt | A | person | person | m |
kiss | küssen | A | person | kin child friend horse | |
ask | fragen | A | person | person | | fq
greet | begrüßen | A | person | person | m | f
admire | bewundern | A | person | person picture sight garden song | | S
praise | loben | A | teacher boss kin president king queen | learner person cake report | |
miss | vermissen | A | person | person pet | | S
learn | lernen | A | person | learn language | hwq | qt
speak spoke spoken | sprechen spricht sprach gesprochen | A | person | language | w | wS
wake woke woken | wecken | A | person | person | | c
plant | pflanzen | A | person | plant | G | t
water | gießen gießt goss gegossen | A | person | plant garden | G |
steal stole stolen | stehlen stiehlt stahl gestohlen | A | thief monkey | gift money food bag \
| |
take took taken | nehmen nimmt nahm genommen | A | person | public | |
use | benutzen | A | person | device vehicle thing bridge library | | c
place | stellen | A | person | stand dish | >x! | c
lay laid laid | legen | A | person | flat | >x! | cq
"""

# Verbs that stand in the lexicon alone because sentence structure or agreement treats them
# specially, and verbs that take a clause.
_SPECIAL_VERBS = """
be was been | sein ist war gewesen sein | | person | | | S
become became become | werden wird wurde geworden sein | | person | | | S
exist | geben gibt gab gegeben | A | person | building | v | S
rain | regnen | | rain | | c |
snow | schneien | | rain | | c |
say said said | sagen | | person | | | S
know knew known | wissen weiß wusste gewusst | | person | | | S
believe | glauben | | person | | | S
hope | hoffen | | person | | | S
think thought thought | denken denkt dachte gedacht | | person | | | S
hear heard heard | hören | | person | | | S
see saw seen | sehen sieht sah gesehen | | person | | | S
ask | fragen | | person | | | S
wonder | sich fragen | | person | | | S
"""

_CAN = ModalForm(("can", "can", "can"))
_HAVE_TO = ModalForm(("have", "has", "have"), "have", "to ")
_ALLOWED = ModalForm(("am", "is", "are"), "", "allowed to ")
_SHOULD = ModalForm(("should", "should", "should"))
_WANT = ModalForm(("want", "wants", "want"), "want", "to ")
# Present, negated present and past. English "must not" could stand for "muss nicht" or "darf nicht".
# So the negated forms are "does not have to" (muss nicht) and "is not allowed to" (darf nicht).
MODALS: Final = {
    "can": Modal(
        "können",
        (("kann", "kann", "können"), german_preterite("konnte")),
        (_CAN, _CAN, ModalForm(("could", "could", "could"))),
    ),
    "must": Modal(
        "müssen",
        (("muss", "muss", "müssen"), german_preterite("musste")),
        (
            ModalForm(("must", "must", "must")),
            _HAVE_TO,
            ModalForm(("had", "had", "had"), "have", "to "),
        ),
    ),
    "may": Modal(
        "dürfen",
        (("darf", "darf", "dürfen"), german_preterite("durfte")),
        (
            ModalForm(("may", "may", "may")),
            _ALLOWED,
            ModalForm(("was", "was", "were"), "", "allowed to "),
        ),
    ),
    "should": Modal(
        "sollen",
        (german_preterite("sollte"), german_preterite("sollte")),
        (_SHOULD, _SHOULD, _SHOULD),
        has_past=False,
    ),
    "want": Modal(
        "wollen",
        (("will", "will", "wollen"), german_preterite("wollte")),
        (_WANT, _WANT, ModalForm(("wanted", "wanted", "wanted"), "want", "to ")),
    ),
}


def _forms(words: list[str]) -> tuple[str, Forms, Forms, str]:
    """Bare infinitive, present, preterite and participle from the words of a table row."""
    infinitive = words[0].replace("~", "")
    bare = words[0].rpartition("~")[2]
    if len(words) == 1:
        third = german_third(bare)
        return infinitive, (german_first(bare), third, bare), german_preterite(third + "e"), ""
    third, past = words[1:3]
    # "mögen" and "wissen" have the same first and third person (ich mag, er mag).
    first = german_first(bare) if third[-1] == "t" else third
    return infinitive, (first, third, bare), german_preterite(past), words[3]


@cache
def _nouns(tags: frozenset[str]) -> tuple[Noun, ...]:
    return tuple(noun for noun in NOUNS.values() if not tags.isdisjoint(noun.tags))


def _read_verb(row: str) -> Verb:
    en, de, government, subjects, objects, places, flags = (part.strip() for part in row.split("|"))
    en, _, particle = (part.strip() for part in en.partition("+"))
    base, *principal = en.split()
    past, en_participle = principal or [english_past(base)] * 2
    words = de.split()
    reflexive, takes_sein = words[0] == "sich", words[-1] == "sein"
    words = words[reflexive : len(words) - takes_sein] if len(words) > 1 else words
    prefix, _, bare = words[0].rpartition("~")
    infinitive, present, preterite, participle = _forms(words)
    optional, to_recipient = government.endswith("?"), "+" in government
    preposition, _, case = government.rstrip("?+").rpartition(":")
    subject_tags, object_tags = frozenset(subjects.split()), frozenset(objects.split())
    return Verb(
        key=" ".join(filter(None, (base, particle.rstrip("*")))),
        base=base,
        third=english_third(base),
        past=past,
        en_participle=en_participle,
        ing=english_ing(base),
        particle=particle.rstrip("*"),
        movable=particle.endswith("*"),
        infinitive=infinitive,
        prefix=prefix,
        present=present,
        preterite=preterite,
        participle=prefix + (participle or german_participle(bare)),
        takes_sein=takes_sein,
        reflexive=reflexive,
        case={"": -1, "A": ACC, "D": DAT, "DA": ACC}[case],
        preposition=preposition,
        optional=optional,
        recipient=case == "DA",
        recipient_to=to_recipient,
        stative="S" in flags,
        accidental="X" in flags,
        ending="E" in flags,
        subject_tags=subject_tags,
        object_tags=object_tags,
        places=places.strip(">!"),
        goal=places.startswith(">"),
        place_required=places.endswith("!"),
        manners=flags.strip("SXE"),
        subjects=_nouns(subject_tags),
        objects=_nouns(object_tags),
    )


def _rows(table: str) -> list[str]:
    return [line for line in table.splitlines() if line]


VERBS: Final = tuple(_read_verb(row) for row in _rows(_VERBS))
# Here "speak" takes a language, and "know" takes a noun. "know" with a clause is a special verb.
VERB: Final = {verb.key: verb for verb in VERBS}
SPECIAL: Final = {verb.key: verb for verb in map(_read_verb, _rows(_SPECIAL_VERBS))}
BE: Final = SPECIAL["be"]
BE.present = ("bin", "ist", "sind")
BECOME: Final = SPECIAL["become"]
BECOME.present = ("werde", "wird", "werden")
THERE: Final = SPECIAL["exist"]
