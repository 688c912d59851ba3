"""English: forms of the noun phrase, the verb group with "do", and the order of words."""

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
    MY,
    NO,
    NUMBER,
    OUR,
    PAST,
    PAST_PERFECT,
    PERFECT,
    SEVERAL,
    SOME,
    THEIR,
    THIS,
    WHICH,
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
    agreement,
)
from seqtext.grammar.words import PLURAL, THIRD

_DETERMINERS: Final = {
    DEF: "the",
    EVERY: "every",
    NO: "no",
    WHICH: "which",
    MANY: "many",
    SOME: "some",
    SEVERAL: "several",
    FEW: "few",
    ALL: "all",
    HOW_MANY: "how many",
    MY: "my",
    HIS: "his",
    HER: "her",
    OUR: "our",
    THEIR: "their",
}
_UNITS = ("", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
          "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen",
          "eighteen", "nineteen")  # fmt: skip
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_IS: Final = (("am", "is", "are"), ("was", "was", "were"))
_DO: Final = ("do", "does", "do")
_HAVE: Final = ("have", "has", "have")
# Words whose spelling and sound disagree about "a" and "an".
_A_BEFORE: Final = ("uni", "use", "eu")
_AN_BEFORE: Final = ("hon", "hour")


def number(n: int) -> str:
    """The number word for n in 2..99."""
    if n < 20:
        return _UNITS[n]
    return _TENS[n // 10] + (f"-{_UNITS[n % 10]}" if n % 10 else "")


def article(word: str) -> str:
    """ "a" or "an", by the word that follows."""
    vowel = word[0] in "aeiouAEIOU" and not word.startswith(_A_BEFORE)
    return "an" if (vowel or word.startswith(_AN_BEFORE)) and word != "honey" else "a"


def noun_phrase(phrase: NounPhrase, subject: bool = True) -> str:
    """The noun phrase as a subject or in any other role. A Gap is silent."""
    if isinstance(phrase, Word):
        return phrase.en[0 if subject else 1]
    if isinstance(phrase, Pair):
        return f"{noun_phrase(phrase.first, subject)} and {noun_phrase(phrase.second, subject)}"
    if isinstance(phrase, Gap):
        return ""
    noun = phrase.noun
    words = ["very"] if phrase.very else []
    words += [adjective.en for adjective in phrase.adjectives]
    words.append(noun.en[phrase.plural])
    determiner = _determiner(phrase, words[0])
    if determiner:
        words.insert(0, determiner)
    if phrase.relative is not None:
        words.append(relative_clause(phrase.relative, "person" in noun.tags))
    return " ".join(words)


def _determiner(phrase: Phrase, following: str) -> str:
    det = phrase.det
    if phrase.owner is not None:
        owner = noun_phrase(phrase.owner)
        return owner + ("'" if agreement(phrase.owner) == PLURAL and owner[-1] == "s" else "'s")
    if det == BARE:
        return "" if phrase.plural or "mass" in phrase.noun.tags else article(following)
    if det == THIS:
        return "these" if phrase.plural else "this"
    return number(phrase.number) if det == NUMBER else _DETERMINERS[det]


def place(location: Place) -> str:
    """A location, or a goal."""
    word, phrase = location.word, location.phrase
    if word is None or phrase is None:
        return location.en
    return f"{word.en_to if location.goal else word.en_at} {noun_phrase(phrase, False)}"


def _predicate(predicate: Predicate) -> str:
    if predicate.occupation is not None:
        words = [predicate.adjective.en] if predicate.adjective else []
        words.append(predicate.occupation[0])
        return f"{article(words[0])} {' '.join(words)}"
    if predicate.age:
        return f"{number(predicate.age)} years old"
    adjective = predicate.adjective
    assert adjective is not None
    if predicate.than is None:
        return f"{predicate.degree.en} {adjective.en}" if predicate.degree else adjective.en
    than = noun_phrase(predicate.than)
    if predicate.equal:
        return f"as {adjective.en} as {than}"
    return f"{adjective.en_comparative} than {than}"


def _agreement(clause: Clause) -> int:
    """Agreement of the verb: "there is" and "there are" agree with what there is."""
    if clause.verb.key == "exist" and clause.object is not None:
        return agreement(clause.object)
    return agreement(clause.subject)


def _verbs(clause: Clause) -> tuple[str, str, str]:
    """Finite verb, base for "do" ("" for an auxiliary), and what follows the finite verb."""
    who, verb, tense = _agreement(clause), clause.verb, clause.tense
    being = verb.key in ("be", "exist")
    base = "be" if being else verb.base
    participle = "been" if being else verb.en_participle
    if clause.modal is not None:
        form = clause.modal.en[2 if tense == PAST else int(clause.negated)]
        return form.forms[who], form.base, form.tail + base
    if tense == FUTURE:
        return "will", "", base
    if tense == PERFECT:
        return _HAVE[who], "", participle
    if tense == PAST_PERFECT:
        return "had", "", participle
    if clause.progressive:
        return _IS[tense == PAST][who], "", verb.ing
    if being:
        return _IS[tense == PAST][who], "", ""
    if tense == PAST:
        return verb.past, base, ""
    return verb.third if who == THIRD else base, base, ""


def _do_support(clause: Clause, finite: str, base: str, rest: str) -> tuple[str, str]:
    """The verb with "do" where it is no auxiliary, for negation and questions."""
    if not base:
        return finite, rest
    did = "did" if clause.tense == PAST else _DO[_agreement(clause)]
    return did, f"{base} {rest}".strip()


def _complements(clause: Clause) -> list[str]:
    """Objects, predicate and adverbials behind the verb."""
    verb, thing = clause.verb, clause.object
    words: list[str] = []
    receiver = noun_phrase(clause.recipient, False) if clause.recipient else ""
    if clause.recipient and not verb.recipient_to:
        words.append(receiver)
    text = noun_phrase(thing, False) if thing is not None else ""
    if verb.movable and isinstance(thing, Word) and thing.pronoun:
        words += [text, verb.particle]
    else:
        words += [verb.particle, text]
    if clause.recipient and verb.recipient_to:
        words += ["to", receiver]
    if clause.predicate is not None:
        words.append(_predicate(clause.predicate))
    manner = clause.manner.en if clause.manner else ""
    where = place(clause.place) if clause.place and clause.front != "place" else ""
    words += [where, manner] if clause.place and clause.place.goal else [manner, where]
    if clause.time and clause.front != "time":
        words.append(clause.time.en)
    if clause.frequency and clause.frequency.en == "yet":
        words.append("yet")
    return words


def _join(words: list[str]) -> str:
    return " ".join([word for word in words if word])


def clause_text(clause: Clause, inverted: bool = False, subject: bool = True) -> str:
    """The clause. `inverted` puts the finite auxiliary before the subject."""
    finite, base, rest = _verbs(clause)
    first = noun_phrase(clause.subject) if subject else ""
    if clause.verb.key == "exist":
        first = "there"
    if clause.negated or inverted:
        finite, rest = _do_support(clause, finite, base, rest)
        base = ""
    often = clause.frequency.en if clause.frequency and clause.frequency.en != "yet" else ""
    if clause.negated:
        often = f"{often} not".strip() if often == "still" else f"not {often}".strip()
        if finite == "can":
            finite, often = "cannot", ""
    verbs = [often, finite, rest] if base else [finite, often, rest]
    if inverted:
        verbs = [finite, first, often, rest]
        first = ""
    front = ""
    if clause.front == "time" and clause.time:
        front = clause.time.en
    elif clause.front == "place" and clause.place:
        front = place(clause.place)
    return _join([front, first, *verbs, *_complements(clause)])


def relative_clause(clause: Clause, person: bool) -> str:
    """The clause with its Gap as a relative pronoun in front."""
    if isinstance(clause.subject, Gap):
        return f"{'who' if person else 'that'} {clause_text(clause)}"
    return f"{'whom' if person else 'that'} {clause_text(clause)}"


def _question(question: Question) -> str:
    clause, word = question.clause, question.word
    if word == "subject":
        return clause_text(clause)
    if word != "object":
        return _join([word, clause_text(clause, inverted=True)])
    thing = clause.object
    assert thing is not None
    clause.object = None
    text = f"{noun_phrase(thing, False)} {clause_text(clause, inverted=True)}"
    clause.object = thing
    return text


def _complex(sentence: Complex) -> str:
    main, sub = clause_text(sentence.main), clause_text(sentence.sub)
    conjunction = sentence.conjunction.removesuffix("?")
    if sentence.sub_first:
        return f"{conjunction} {sub}, {main}"
    comma = "," if conjunction == "although" else ""
    return f"{main}{comma} {conjunction} {sub}"


def realize(sentence: Sentence) -> str:
    """The English sentence, with its capital letter and final mark."""
    mark = "."
    if isinstance(sentence, Clause):
        text = clause_text(sentence)
    elif isinstance(sentence, Question):
        text, mark = _question(sentence), "?"
    elif isinstance(sentence, Joined):
        second = clause_text(sentence.second, subject=not sentence.shared)
        comma = "" if sentence.shared else ","
        text = f"{clause_text(sentence.first)}{comma} {sentence.conjunction} {second}"
    else:
        text = _complex(sentence)
    return text[0].upper() + text[1:] + mark
