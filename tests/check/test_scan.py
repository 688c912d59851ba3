"""What ``check`` finds: one odd pair for each finding among many good ones."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqtext.check.characters import look
from seqtext.check.findings import FINDINGS, LABEL_FINDINGS, bit
from seqtext.check.labels import mark_unknown, stops
from seqtext.check.scan import Scan, clean_rows, examples, mark_overlap, scan
from seqtext.data.corpus import Corpus
from seqtext.data.labels import Labels
from seqtext.data.readers import Row
from seqtext.data.tokenizer import Tokenizer, TokenizerConfig
from seqtext.errors import DataError

GOOD = [
    (f"The {animal} sees {number} houses.", f"{article} sieht {number} Häuser.")
    for number in range(2, 12)
    for animal, article in (("dog", "Der Hund"), ("cat", "Die Katze"), ("child", "Das Kind"))
]
LONG = " ".join(f"word{i}" for i in range(251))
ODD: dict[str, Row] = {
    "undecodable": ("A caf\ufffd here.", "Ein Café hier."),
    "mojibake": ("It is nice in Munich.", "In MÃ¼nchen ist es schön."),
    "empty": ("Nobody translated this.", " "),
    "control": ("A bell \x07 rings.", "Eine Glocke läutet."),
    "duplicate": GOOD[3],
    "untranslated": ("This was left as it is.", "This was left as it is!"),
    "script": ("The dog sees the house.", "Собака видит дом."),
    "ratio": ("Yes.", "Das ist eine sehr lange Übersetzung eines Wortes, die kaum stimmen kann."),
    "long": (LONG, LONG.replace("word", "Wort")),
    "ambiguous": (GOOD[5][0], "Das Kind sieht sie."),
    "normalization": ("The old door.", "Die alte Tu\u0308r."),
}


def scan_of(rows: list[Row], path: Path, tokenizers: Sequence[Tokenizer] = ()) -> Scan:
    lines = [json.dumps({"en": source, "de": target}) for source, target in rows]
    path.write_text("\n".join(lines), encoding="utf-8")
    return scan(Corpus(str(path), "en", "de"), tokenizers)


def found_in(found: Scan) -> dict[str, list[int]]:
    rows = {finding.name: found.rows(finding.name).tolist() for finding in FINDINGS}
    return {name: indices for name, indices in rows.items() if indices}


def test_nothing_is_odd_about_good_pairs(tmp_path: Path) -> None:
    found = scan_of(GOOD, tmp_path / "a.jsonl")
    assert found_in(found) == {}
    assert found.scripts == ["Latin", "Latin"]
    assert found.words[0].tolist() == [5] * 30
    assert found.words[1].tolist() == [5] * 30


@pytest.mark.parametrize("name", ODD)
def test_each_finding(name: str, tmp_path: Path) -> None:
    """Alone among good pairs, at whatever place, it is found, and nothing else is."""
    at = 20
    found = scan_of([*GOOD[:at], ODD[name], *GOOD[at:]], tmp_path / "a.jsonl")
    assert found_in(found) == {name: [at]}
    [(_, [record])] = examples(found, 3).items()
    assert record == (f"{tmp_path / 'a.jsonl'}:{at + 1}", ODD[name])
    kept = list(clean_rows(found, [name]))
    assert kept == GOOD
    others = [finding.name for finding in FINDINGS if finding.name != name]
    assert len(list(clean_rows(found, others))) == len(GOOD) + 1


def test_unreadable_rows_are_found_and_left_out(tmp_path: Path) -> None:
    lines = ["en\tde", *("\t".join(row) for row in GOOD[:2]), "one column", "\t".join(GOOD[2])]
    path = tmp_path / "a.tsv"
    path.write_bytes("\n".join(lines).encode() + b"\nodd \xff\tbytes\n")
    found = scan(Corpus(str(path), "en", "de"))
    assert found_in(found) == {"unreadable": [2], "undecodable": [4]}
    record = examples(found, 1)["unreadable"][0]
    assert record.where == f"{path}:4"
    assert isinstance(record.row, DataError)
    assert list(clean_rows(found, ["unreadable", "undecodable"])) == GOOD[:3]
    assert len(list(clean_rows(found, []))) == 4  # what is no pair cannot be kept


@pytest.mark.parametrize(
    "text", ["10 000 €", "Ma\u00f1ana, œuvre, naïve: “ja”", "A\u00a0b", "👍🏽 ok ☃"]
)
def test_what_is_no_fault(text: str, tmp_path: Path) -> None:
    rows = [*GOOD, ("Something else is said.", text)]
    assert set(found_in(scan_of(rows, tmp_path / "a.jsonl"))) <= {"ratio"}


@pytest.mark.parametrize(
    "text", ["Straße", "Übung", "Über Öl", "cœur", "žluť", "日本語", "“so”", "ночь"]
)
@pytest.mark.parametrize("encoding", ["cp1252", "latin-1"])
def test_what_was_read_in_the_wrong_encoding(text: str, encoding: str) -> None:
    assert not look(text)[1] & bit("mojibake")
    misread = text.encode().decode(encoding, errors="ignore" if encoding == "cp1252" else "strict")
    try:
        whole = misread.encode(encoding) == text.encode()
    except UnicodeError:
        whole = False
    if whole:
        assert look(misread)[1] & bit("mojibake")
        assert look(f"Das ist {misread}.")[1] & bit("mojibake")


def test_a_sixth_of_another_script_is_found(tmp_path: Path) -> None:
    swapped = [(f"{target} {i}", source) for i, (source, target) in enumerate(GOOD[:6])]
    cyrillic = [("Собака видит дом.", source) for source, _ in swapped]
    found = scan_of([*GOOD, *cyrillic], tmp_path / "a.jsonl")
    assert found.scripts == ["Latin", "Latin"] and len(found.rows("script")) == 6


def test_scripts_that_go_together(tmp_path: Path) -> None:
    rows = [(f"The dog sees {i} cats.", f"犬が猫を{i}ひき見ている。") for i in range(20)]
    rows.append(("The dog plays tennis.", "イヌガテニスヲスル"))
    found = scan_of(rows, tmp_path / "a.jsonl")
    assert found.scripts == ["Latin", "Cjk"]
    assert found_in(found) == {}
    mixed = [(f"{i} dogs", word) for i in range(20) for word in ("собака", "Hunde")]
    assert scan_of(mixed, tmp_path / "a.jsonl").scripts == ["Latin", ""]


def test_overlap_with_held_out_corpora(tmp_path: Path) -> None:
    train = scan_of(GOOD, tmp_path / "train.jsonl")
    held_out = [(GOOD[7][0], "Another translation."), ("Never seen.", "Nie gesehen.")]
    mark_overlap(train, [scan_of(held_out, tmp_path / "test.jsonl")])
    assert found_in(train) == {"overlap": [7]}


def test_tokenizer(tmp_path: Path) -> None:
    config = TokenizerConfig(vocab_size=320)
    both = Tokenizer.train([text for row in GOOD for text in row], config)
    rows = [*GOOD, ("The dog sees 2 ΩΩ.", "Der Hund sieht 2.")]
    found = scan_of(rows, tmp_path / "a.jsonl", [both, both])
    assert found_in(found) == {"uncovered": [30]}
    assert found.pieces is not None
    assert found.pieces[1].tolist() == [len(ids) for ids in both.encode([b for _, b in rows])]
    assert found.uncovered == [4 / found.pieces[0].sum(), 0.0]  # two bytes each


# --- texts with labels ----------------------------------------------------------------------------------

LABELLED: list[tuple[str, object]] = [
    (f"Text {number} about {topic}.", topic) for number in range(12) for topic in ("cats", "dogs")
]
ODD_LABELLED: dict[str, tuple[str, object]] = {
    "unreadable": ("A text.", {"name": "cats"}),
    "undecodable": ("A text.", "caf\ufffd"),  # of labels, too
    "mojibake": ("A cafÃ© full of cats.", "cats"),
    "empty": (" ", "cats"),
    "unlabelled": ("Of neither.", ""),
    "several": ("Of both.", ["cats", "dogs"]),
    "alike": ("Of cats.", "Cats "),
    "joined": ("Of both.", "cats; dogs"),
    "control": ("A bell \x07 rings.", "cats"),
    "duplicate": LABELLED[3],
    "ambiguous": (LABELLED[3][0], "cats"),
    "script": ("Кошки и собаки.", "cats"),
    "long": (" ".join(f"word{i}" for i in range(401)), "dogs"),
    "normalization": ("A cafe\u0301 full of cats.", "cats"),
}


def labelled_scan(
    rows: Sequence[tuple[str, object]], path: Path, labels: Labels | None = None, text: str = "text"
) -> Scan:
    lines = [json.dumps({"text": text, "label": label}) for text, label in rows]
    path.write_text("\n".join(lines), encoding="utf-8")
    return scan(Corpus(str(path), text, "label", labelled=True), [], labels)


def labelled_findings(found: Scan) -> dict[str, list[int]]:
    rows = {finding.name: found.rows(finding.name).tolist() for finding in LABEL_FINDINGS}
    return {name: indices for name, indices in rows.items() if indices}


def test_labels_are_counted(tmp_path: Path) -> None:
    rows = [*LABELLED, LABELLED[0], ("Unreadable.", None)]
    found = labelled_scan(rows, tmp_path / "a.jsonl")
    assert found.labels is not None
    assert found.labels.counts() == {"cats": 13, "dogs": 12}
    assert labelled_findings(found) == {"duplicate": [24], "unreadable": [25]}
    # a label is no text: these words are neither untranslated nor too short for their source
    assert [words.tolist() for words in found.words] == [[4] * 25 + [0]]


@pytest.mark.parametrize("name", ODD_LABELLED)
def test_each_odd_text_is_found(name: str, tmp_path: Path) -> None:
    found = labelled_findings(labelled_scan([*LABELLED, ODD_LABELLED[name]], tmp_path / "a.jsonl"))
    if name in ("several", "alike", "joined", "undecodable"):
        assert found.pop("rare") == [24]  # that label is of this row alone
    assert found == {name: [24]}


def test_lengths_below_the_limit_are_not_long(tmp_path: Path) -> None:
    words = " ".join(f"word{i}" for i in range(300))
    assert (
        labelled_findings(labelled_scan([*LABELLED, (words, "dogs")], tmp_path / "a.jsonl")) == {}
    )


def test_a_row_without_text_is_one_without_label_all_the_same(tmp_path: Path) -> None:
    """Training stops at its label before it leaves the row out."""
    found = labelled_scan([*LABELLED, ("", ""), ("", ["cats", "dogs"])], tmp_path / "a.jsonl")
    some = labelled_findings(found)
    assert (some["empty"], some["unlabelled"], some["several"]) == ([24, 25], [24], [25])


def test_several_labels(tmp_path: Path) -> None:
    rows = [
        *LABELLED,
        ("Of both.", ["cats", "dogs"]),
        ("None.", []),
        ("Of birds.", ["birds", "cats"]),
    ]
    rows += [("Of both.", ["dogs", "cats"])]  # which is the same
    found = labelled_scan(rows, tmp_path / "a.jsonl", Labels((), several=True))
    assert labelled_findings(found) == {"rare": [26], "duplicate": [27]}
    assert found.labels is not None
    assert found.labels.counts() == {"cats": 15, "dogs": 14, "birds": 1}
    rows = [*LABELLED, ("Of both.", "cats, dogs")]
    found = labelled_scan(rows, tmp_path / "b.jsonl", Labels((), several=True, separator=","))
    assert labelled_findings(found) == {}


def test_two_texts(tmp_path: Path) -> None:
    rows = [{"a": f"Text {i}.", "b": "Another.", "label": "yes"} for i in range(6)]
    rows += [{"a": "", "b": "One alone.", "label": "yes"}]
    rows += [{"a": "猫がいる", "b": "犬だ", "label": "yes"}]  # the sign between them is no letters
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    found = scan(Corpus(str(path), "a+b", "label", labelled=True))
    assert labelled_findings(found) == {"empty": [6], "script": [7]}
    assert found.words[0].tolist() == [3] * 6 + [2, 2]
    assert found.scripts == ["Latin"]


def test_labels_of_held_out_corpora(tmp_path: Path) -> None:
    train = labelled_scan(LABELLED, tmp_path / "train.jsonl").labels
    rows = [("Of dogs.", "dogs"), ("Of birds.", "birds"), ("Odd.", "none"), ("", "fish")]
    test = labelled_scan(rows, tmp_path / "test.jsonl")
    assert train is not None
    assert test.labels is not None
    mark_unknown(train, test.labels, test.flags)
    assert labelled_findings(test) == {"unknown": [1, 2, 3], "empty": [3]}


def test_what_is_out_of_scope_is_no_label(tmp_path: Path) -> None:
    labels = Labels((), out_of_scope="none")
    train = labelled_scan([*LABELLED, ("Odd.", "none")], tmp_path / "train.jsonl", labels)
    assert labelled_findings(train) == {}
    test = labelled_scan([("Odder.", "none")], tmp_path / "test.jsonl", labels)
    assert train.labels is not None
    assert test.labels is not None
    mark_unknown(train.labels, test.labels, test.flags)
    assert labelled_findings(test) == {}
    empty = Labels((), out_of_scope="")
    assert (
        labelled_findings(labelled_scan([*LABELLED, ("Odd.", "")], tmp_path / "b.jsonl", empty))
        == {}
    )


def test_what_stops_training_as_a_whole(tmp_path: Path) -> None:
    labels = Labels((), out_of_scope="none")
    whole = labelled_scan(LABELLED, tmp_path / "a.jsonl", labels).labels
    one = labelled_scan(LABELLED[::2], tmp_path / "b.jsonl", labels).labels
    outside = labelled_scan([("Odd.", "none")], tmp_path / "c.jsonl", labels).labels
    assert whole is not None
    assert one is not None
    assert outside is not None
    assert stops(whole, None) == [
        "no text of the training or validation set is labelled 'none' (out_of_scope)"
    ]
    assert stops(whole, outside) == ["every text of the validation set is out of scope"]
    assert (
        stops(one, outside)[0]
        == "training needs 2 labels, and there are 1; is it the right column?"
    )


TEXTS = st.text(st.characters(codec="utf-8"), max_size=30)


@given(rows=st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=20), data=st.data())
@settings(max_examples=50)
def test_any_text_can_be_looked_at(
    rows: list[Row], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Every kept pair is one of the corpus, in order; what is clean once is clean for good."""
    folder = tmp_path_factory.mktemp("check")
    names = data.draw(st.lists(st.sampled_from([one.name for one in FINDINGS]), unique=True))
    found = scan_of(rows, folder / "a.jsonl")
    kept = list(clean_rows(found, names))
    rest = iter(rows)
    assert all(row in rest for row in kept)
    assert len(kept) == int(found.kept(names).sum())
    exact = {"empty", "control", "duplicate", "undecodable", "mojibake", "normalization"}
    if kept:
        again = scan_of(kept, folder / "b.jsonl")
        assert not set(found_in(again)) & exact & set(names)
