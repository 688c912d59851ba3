"""German clauses: noun phrases and the order of words."""

from typing import Final

from seqtext.grammar.adverbials import MANNERS
from seqtext.grammar.german_forms import (
    CONTRACTED,
    RELATIVE,
    STRONG,
    determiner,
    is_definite,
    number,
    occupation_text,
    reflexive_pronoun,
    verb_forms,
)
from seqtext.grammar.tree import (
    BARE,
    DEF,
    EXPLETIVE,
    PAST,
    PAST_PERFECT,
    Clause,
    Complex,
    Gap,
    Joined,
    NounPhrase,
    Pair,
    Phrase,
    Place,
    Predicate,
    Question,
    Sentence,
    Word,
)
from seqtext.grammar.words import ANY_PLURAL, DAT, GEN, NOM

_CONJUNCTIONS: Final = {
    "because": "weil",
    "although": "obwohl",
    "if": "wenn",
    "while": "während",
    "after": "nachdem",
    "before": "bevor",
    "that": "dass",
    "whether": "ob",
    "why": "warum",
}
_QUESTION_WORDS: Final = {"where": "wo", "when": "wann", "why": "warum"}


def noun_phrase(phrase: NounPhrase, case: int, negated: bool = False) -> str:
    """The noun phrase in a case. `negated` turns "ein" and no determiner into "kein"."""
    if isinstance(phrase, Word):
        return phrase.de[case]
    if isinstance(phrase, Pair):
        return f"{noun_phrase(phrase.first, case)} und {noun_phrase(phrase.second, case)}"
    if isinstance(phrase, Gap):
        head = phrase.head
        return RELATIVE[case][ANY_PLURAL if head.plural else head.noun.gender]
    noun = phrase.noun
    column = ANY_PLURAL if phrase.plural else noun.gender
    owner = phrase.owner
    if isinstance(owner, Word):  # "Annas altes Auto": nothing before the adjective shows the case
        article = owner.de[0] + "s"
        endings: tuple[tuple[str, ...], ...] = STRONG
    else:
        article, endings = determiner(phrase, case, column, negated)
    words = [article] if article else []
    if phrase.very:
        words.append("sehr")
    ending = endings[case][column]
    words.extend([adjective.stem + ending for adjective in phrase.adjectives])
    words.append(noun.de[phrase.plural][case])
    if owner is not None and not isinstance(owner, Word):
        words.append(noun_phrase(owner, GEN))
    if phrase.relative is not None:
        words[-1] += f", {relative_clause(phrase.relative)},"
    return " ".join(words)


def prepositional(preposition: str, phrase: NounPhrase, case: int) -> str:
    """Preposition and noun phrase, contracted ("im") unless a relative clause follows."""
    text = noun_phrase(phrase, case)
    if isinstance(phrase, Phrase) and phrase.det == DEF and phrase.relative is None:
        article, _, rest = text.partition(" ")
        contracted = CONTRACTED.get(f"{preposition} {article}")
        if contracted and not isinstance(phrase.owner, Word):
            return f"{contracted} {rest}"
    return f"{preposition} {text}"


def place(location: Place) -> str:
    """A location, or a goal."""
    word, phrase = location.word, location.phrase
    if word is None or phrase is None:
        return location.de
    if not location.goal:
        return prepositional(word.de_at, phrase, DAT)
    return prepositional(word.de_to, phrase, word.to_case)


def _predicate(predicate: Predicate, clause: Clause) -> str:
    if predicate.occupation is not None:
        return occupation_text(predicate, clause)
    if predicate.age:
        return ("ein Jahr" if predicate.age == 1 else number(predicate.age) + " Jahre") + " alt"
    adjective = predicate.adjective
    assert adjective is not None
    if predicate.than is None:
        return f"{predicate.degree.de} {adjective.de}" if predicate.degree else adjective.de
    than = noun_phrase(predicate.than, NOM)
    if predicate.equal:
        return f"so {adjective.de} wie {than}"
    return f"{adjective.de_comparative} als {than}"


def _middle(clause: Clause) -> list[str]:
    """All between the finite verb and the rest of the verb, the subject left out.

    Pronouns and names come first. A definite object stands before the adverbials, and an indefinite
    one behind them. A prepositional object, a predicate and a goal come last.
    """
    verb, thing, negated = clause.verb, clause.object, clause.negated
    early: list[str] = []  # before the adverbial of time
    late: list[str] = []  # behind everything else
    center: list[str] = []  # a definite object, in the midst of the adverbials
    if verb.reflexive:
        early.append(reflexive_pronoun(clause))
    kein = False
    if thing is not None and not isinstance(thing, Gap):
        if verb.preposition:
            late.append(prepositional(verb.preposition, thing, verb.case))
        elif isinstance(thing, Word) and (thing.pronoun or clause.recipient is None):
            early.append(thing.de[verb.case])  # "er traf Anna am Montag", like "sie am Montag"
        elif is_definite(thing):
            center.append(noun_phrase(thing, verb.case))
        else:
            kein = negated and isinstance(thing, Phrase) and thing.det == BARE
            late.append(noun_phrase(thing, verb.case, kein))
    receiver = clause.recipient
    behind_time: list[str] = []
    if receiver is not None and not isinstance(receiver, Gap):
        (early if is_definite(receiver) else behind_time).append(noun_phrase(receiver, DAT))
    time = [clause.time.de] if clause.time and clause.front != "time" else []
    often = [clause.frequency.de] if clause.frequency else []
    predicate = clause.predicate
    if predicate is not None:
        kein = kein or (negated and predicate.occupation is not None)
        late.append(_predicate(predicate, clause))
    deny = ["nicht"] if negated and not kein else []
    manner = [clause.manner.de] if clause.manner else []
    judged = clause.manner in MANNERS["w"]  # "in der Küche gut kochen", but "laut im Garten singen"
    where = [place(clause.place)] if clause.place and clause.front != "place" else []
    if clause.place and (clause.place.goal or verb.key == "exist"):
        late += where
        where = []
    if negated:  # what is denied stands behind the time: "das Fenster gestern nicht"
        early += behind_time + center + time + often
        # "nicht in Köln arbeiten", but "in Köln nicht kalt sein"
        if predicate is not None or clause.subject is EXPLETIVE:
            early += where
            where = []
        early += deny
    else:
        early += time + behind_time + center + often
    return early + (where + manner if judged else manner + where) + late


def _join(words: list[str]) -> str:
    return " ".join([word for word in words if word])


def main_clause(clause: Clause, front: str = "", verb_first: bool = False) -> str:
    """The finite verb stands second. `front` comes first, unless the clause has its own front."""
    finite, prefix, rest = verb_forms(clause)
    if clause.front == "time" and clause.time:
        front = clause.time.de
    elif clause.front == "place" and clause.place:
        front = place(clause.place)
    middle = _middle(clause)
    subject = noun_phrase(clause.subject, NOM)
    end = _extrapose(middle, rest or prefix)
    if not front and not verb_first:
        return _join([subject, finite, *middle, *end])
    return _join([front, finite, *_after_finite(clause, subject, middle), *end])


def _extrapose(middle: list[str], end: str) -> list[str]:
    """The end of the verb. A relative clause right before it moves behind it.

    "Er hat das Buch gelesen, das ..." rather than "Er hat das Buch, das ..., gelesen".
    """
    if not (end and middle and middle[-1].endswith(",")):
        return [end]
    middle[-1], _, relative = middle[-1].partition(", ")
    return [f"{end},", relative]


def _after_finite(clause: Clause, subject: str, middle: list[str]) -> list[str]:
    """Subject and middle field behind the finite verb.

    Pronouns go before a subject that is none: "Heute freut sich der Mann", "Gestern half ihm
    der Mann". A name stays first, and so does any subject that "sie" could be mistaken for.
    """
    last = clause.subject.second if isinstance(clause.subject, Pair) else clause.subject
    if isinstance(last, Word) and last.pronoun:  # "Anna und ich" is as good as "wir"
        return [subject, *middle]
    count = int(clause.verb.reflexive)
    if not isinstance(clause.subject, Word):
        objects = (clause.object if not clause.verb.preposition else None, clause.recipient)
        count += sum(isinstance(thing, Word) and thing.pronoun for thing in objects)
    if "sie" in middle[:count]:
        count = 0
    return [*middle[:count], subject, *middle[count:]]


def verb_last(clause: Clause, subject: bool = True) -> str:
    """The clause as a subordinate one, without its conjunction."""
    finite, prefix, rest = verb_forms(clause)
    first = noun_phrase(clause.subject, NOM) if subject else ""
    middle = _middle(clause)
    end = f"{rest} {finite}" if rest else prefix + finite
    return _join([first, *middle, *_extrapose(middle, end)])


def relative_clause(clause: Clause) -> str:
    """The clause with its Gap as a relative pronoun in front."""
    verb = clause.verb
    if isinstance(clause.subject, Gap):
        return verb_last(clause)
    if isinstance(clause.recipient, Gap):
        return f"{noun_phrase(clause.recipient, DAT)} {verb_last(clause)}"
    assert clause.object is not None
    pronoun = noun_phrase(clause.object, verb.case)
    return _join([verb.preposition, pronoun, verb_last(clause)])


def _question(question: Question) -> str:
    clause, word = question.clause, question.word
    if word == "subject":
        return main_clause(clause)
    if word != "object":
        asked = "wohin" if word == "where" and clause.verb.goal else _QUESTION_WORDS.get(word, "")
        return main_clause(clause, asked, verb_first=True)
    thing, verb = clause.object, clause.verb
    assert thing is not None
    front = _join([verb.preposition, noun_phrase(thing, verb.case)])
    clause.object = None
    text = main_clause(clause, front, verb_first=True)
    clause.object = thing
    return text


def _complex(sentence: Complex) -> str:
    main, sub = sentence.main, sentence.sub
    conjunction = sentence.conjunction
    if conjunction == "when":
        word = "als" if sub.tense in (PAST, PAST_PERFECT) else "wenn"
    elif conjunction == "where":
        word = "wohin" if sub.verb.goal else "wo"
    else:
        word = _CONJUNCTIONS.get(conjunction, "wann")
    clause = f"{word} {verb_last(sub)}"
    if sentence.sub_first:
        return f"{clause}, {main_clause(main, verb_first=True)}"
    return f"{main_clause(main)}, {clause}"


def _joined(sentence: Joined) -> str:
    first, second = sentence.first, sentence.second
    if sentence.conjunction == "but":
        return f"{main_clause(first)}, aber {main_clause(second)}"
    if not sentence.shared:
        return f"{main_clause(first)} und {main_clause(second)}"
    finite, prefix, rest = verb_forms(second)
    middle = _middle(second)
    return _join([main_clause(first), "und", finite, *middle, *_extrapose(middle, rest or prefix)])


def realize(sentence: Sentence) -> str:
    """The German sentence, with its capital letter and final mark."""
    mark = "."
    if isinstance(sentence, Clause):
        text = main_clause(sentence)
    elif isinstance(sentence, Question):
        text, mark = _question(sentence), "?"
    elif isinstance(sentence, Joined):
        text = _joined(sentence)
    else:
        text = _complex(sentence)
    # The comma that closes a relative clause falls together with any mark that follows it.
    text = text.replace(",,", ",").removesuffix(",")
    return text[0].upper() + text[1:] + mark
