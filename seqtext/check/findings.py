"""What can be odd about a row of a corpus, what that does to training, and what mends it."""

from __future__ import annotations

from typing import NamedTuple


class Finding(NamedTuple):
    """Something that can be odd about a pair."""

    name: str
    what: str
    effect: str  # on training, and what mends it
    harmful: bool  # whether a pair is better left out


FINDINGS = [
    Finding(
        "unreadable", "the row is not two texts",
        "training stops at it; correct it, or leave it out with --write", True,
    ),
    Finding(
        "undecodable", "bytes that are not UTF-8, or U+FFFD where such bytes were",
        "training stops at bytes, and U+FFFD tells it nothing; convert the file from its real encoding", True,
    ),
    Finding(
        "mojibake", "UTF-8 that was read as Latin-1 or Windows-1252 once (Ã¤ for ä)",
        "learned as it is, beside the right spelling; convert the text, or leave it out", True,
    ),
    Finding("empty", "a side without text", "training leaves it out", True),
    Finding(
        "control", "control, bidirectional, private or unassigned characters",
        "a piece of its own that output may contain, or lost in normalization", True,
    ),
    Finding(
        "duplicate", "the same pair as an earlier row", "learned as often as it is there", True
    ),
    Finding(
        "overlap", "the source is in the validation or test set as well",
        "scores are too good: the answer was seen", True,
    ),
    Finding(
        "untranslated", "the target is the source, or nearly all of its words are",
        "teaches to copy instead of to translate", True,
    ),
    Finding(
        "script", "letters of another script than most of that side",
        "another language, or the sides are swapped; learned as a translation all the same", True,
    ),
    Finding(
        "ratio", "a side more than three times as long for the other as is usual here",
        "often pairs that are no translations; teaches to leave out or to invent", True,
    ),
    Finding(
        "long", "a side longer than the limit",
        "training leaves it out; raise data.max_source_length and data.max_target_length, or split it",
        False,
    ),
    Finding(
        "ambiguous", "the same source as an earlier row, with another target",
        "the model learns a mixture; harmless where both are right", False,
    ),
    Finding(
        "normalization", "characters that are not composed (NFC)",
        "none with the default tokenizer, which composes them; with data.tokenizer.normalization"
        " identity they are other pieces than composed ones", False,
    ),
    Finding(
        "uncovered", "characters that the tokenizer does not know",
        "unknown to the model, or spelled as bytes; train a tokenizer on this corpus, or see"
        " data.tokenizer.new_pieces", False,
    ),
]  # fmt: skip
_OF_PAIRS = {finding.name: finding for finding in FINDINGS}
LABEL_FINDINGS = [
    _OF_PAIRS["unreadable"]._replace(what="the row is not a text and a label"),
    _OF_PAIRS["undecodable"],
    _OF_PAIRS["mojibake"],
    _OF_PAIRS["empty"]._replace(
        what="no text; of two texts, neither or only one",
        effect="training leaves it out; of two texts it reads the other alone",
    ),
    Finding(
        "unlabelled", "no label",
        "training stops at it; data.several_labels allows it, and data.out_of_scope names what has none",
        True,
    ),
    Finding(
        "several", "more than one label", "training stops at it; data.several_labels allows it", True
    ),
    Finding(
        "unknown", "a label that no training row has",
        "training, or testing, stops at it; correct it, or leave it out", True,
    ),
    Finding(
        "alike", "a label that is a more frequent one but for case, or for spaces around it",
        "a label of its own to training; correct it", False,
    ),
    Finding(
        "joined", "a label that is other labels with , ; | / or + between them",
        "a label of its own to training; if a text can have several, set data.several_labels and"
        " data.label_separator", False,
    ),
    _OF_PAIRS["control"],
    _OF_PAIRS["duplicate"]._replace(what="the same text and label as an earlier row"),
    _OF_PAIRS["overlap"]._replace(what="the text is in the validation or test set as well"),
    _OF_PAIRS["script"]._replace(
        what="letters of another script than most texts",
        effect="another language, or a broken encoding; learned all the same",
    ),
    Finding(
        "ambiguous", "the same text as an earlier row, with another label",
        "the model learns a mixture; correct the wrong one, or give one row both (data.several_labels)",
        False,
    ),
    Finding(
        "rare", "a label of fewer than five rows",
        "hardly learned; find more texts, join it with another label, or see model.class_weights", False,
    ),
    _OF_PAIRS["long"]._replace(
        what="a text longer than the limit",
        effect="read up to the limit; data.max_length raises it",
    ),
    _OF_PAIRS["normalization"],
    _OF_PAIRS["uncovered"],
]  # fmt: skip
_NAMES = dict.fromkeys(finding.name for finding in (*FINDINGS, *LABEL_FINDINGS))
_BITS = {name: 1 << i for i, name in enumerate(_NAMES)}


def bit(name: str) -> int:
    """What a finding is in the flags of a row."""
    return _BITS[name]


def harmful(findings: list[Finding]) -> list[str]:
    """Names of those that a row is better left out for."""
    return [finding.name for finding in findings if finding.harmful]
