"""Scores beside those of the libraries that define them, and by hand."""

from __future__ import annotations

import random
from typing import get_args

import pytest
import sacrebleu
import torch
from torchmetrics.functional.text import rouge
from torchmetrics.text import SacreBLEUScore

from seqtext.errors import ConfigError
from seqtext.metrics import (
    BleuTokenize,
    bleu,
    bleu_signature,
    check_bleu_tokenize,
    chrf_signature,
    copied_and_new,
    exact_match,
    first_sentence,
    first_words,
    mean_sentence_bleu,
    score_summaries,
    score_transductions,
    score_translations,
    sentences_of,
    transduction,
    translation,
    unseen_words,
)
from seqtext.metrics.classification import (
    choose_threshold,
    fit_temperature,
    score_each,
    score_labels,
)
from seqtext.tasks import TEXT_TASKS, Outputs, Scoring

REFERENCES = [
    "彼らはついにそれが真実だと認めた。",
    "彼 ら は つい に それ が 真実 だ と 認め た 。",
    "１０時、前に戻らなければならない！ (10:30)",
    "He didn't pay $3,000.50 – “why?”, she asked; 5-6 times.",
    "그는 수영을 좋아하지 않았다.",
    "  two  spaces &quot;and&amp; more ",
    "",
]


def noisy(text: str, generator: random.Random) -> str:
    return "".join(character for character in text if generator.random() > 0.05)


def skip_without_packages(tokenize: str) -> None:
    try:
        check_bleu_tokenize(tokenize)
    except ConfigError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("tokenize", get_args(BleuTokenize))
def test_bleu_is_sacrebleus_and_that_of_training(tokenize: BleuTokenize) -> None:
    skip_without_packages(tokenize)
    generator = random.Random(1)
    references = REFERENCES * 20
    hypotheses = [noisy(reference, generator) for reference in references]
    found = score_translations(hypotheses, references, tokenize)
    expected = sacrebleu.corpus_bleu(hypotheses, [references], tokenize=tokenize)
    assert found.bleu == round(expected.score, 2)
    assert 20 < found.bleu < 99
    assert f"|tok:{tokenize}" in found.signature
    several = [[reference] for reference in references]
    in_training = TEXT_TASKS["translation"].validate(
        Outputs(hypotheses, hypotheses, several),
        Scoring(bleu_tokenize=tokenize, symbols="words"),
    )
    assert in_training["val_bleu"] == pytest.approx(expected.score)
    torchmetrics = SacreBLEUScore(tokenize=tokenize)
    torchmetrics.update(hypotheses, several)
    assert 100 * float(torchmetrics.compute()) == pytest.approx(expected.score, abs=1e-3)


def test_bleu_of_validation_is_not_smoothed() -> None:
    hypotheses, references = ["a b c x y"], [["a b c d e"]]  # three words in a row
    assert score_translations(hypotheses, references).bleu > 30
    assert bleu(hypotheses, references, "13a", smoothed=False) == 0
    assert "smooth:none" in bleu_signature(references, "13a", smoothed=False)


def test_signatures_are_those_of_the_scored_corpus() -> None:
    hypotheses, references = ["a b", "c"], [["a b", "a"], ["c"]]
    for metric, signature in (
        (sacrebleu.BLEU(tokenize="char"), bleu_signature(references, "char")),
        (sacrebleu.CHRF(), chrf_signature(references)),
    ):
        metric.corpus_score(hypotheses, [["a b", "c"], ["a", None]])  # type: ignore[list-item]
        assert str(metric.get_signature()) == signature and "nrefs:var" in signature


def test_tokenized_text_needs_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    score_translations(["he sings ."] * 100, ["he sings ."] * 100, "none")
    assert not caplog.records
    score_translations(["he sings ."] * 100, ["he sings ."] * 100)
    assert "forgot to detokenize" in caplog.text


def test_wrong_tokenize_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("13a", "char", "none"):
        check_bleu_tokenize(name)
    with pytest.raises(ConfigError, match=r"'mecab'.* 13a, intl, char"):
        check_bleu_tokenize("mecab")
    monkeypatch.setitem(translation._PACKAGES, "ja-mecab", ("torch", "no-such-a", "no-such-b"))
    message = "ja-mecab needs no-such-a and no-such-b, not installed here; pip install no-such-a no-such-b"
    with pytest.raises(ConfigError, match=message):
        check_bleu_tokenize("ja-mecab")


# --- several references ---------------------------------------------------------------------------------


def test_each_hypothesis_has_its_own_number_of_references() -> None:
    hypotheses = ["a man walks home", "the cat sat there", "we go on now"]
    references = [
        ["a man goes home", "a man walks home"],
        ["a cat sat there"],
        ["we go", "we go on"],
    ]
    found = score_translations(hypotheses, references)
    streams = [
        ["a man goes home", "a cat sat there", "we go"],
        ["a man walks home", None, "we go on"],
    ]
    assert found.bleu == round(sacrebleu.corpus_bleu(hypotheses, streams).score, 2)  # type: ignore[arg-type]
    assert found.chrf == round(sacrebleu.corpus_chrf(hypotheses, streams).score, 2)  # type: ignore[arg-type]
    assert found.bleu > score_translations(hypotheses, [one[0] for one in references]).bleu
    assert exact_match([*hypotheses, " we  go"], [*references, ["we go "]]) == 50.0


def test_mean_sentence_bleu() -> None:
    hypotheses, references = ["a b c d", "x", "a b"], [["a b c d"], ["y", "x"], ["c d"]]
    assert mean_sentence_bleu(hypotheses, references, "none") == 66.67  # 100, 100, 0
    long = ["w " * 300], [["v " * 300]]
    assert mean_sentence_bleu([*hypotheses[:2], *long[0]], [*references[:2], *long[1]]) == 66.67


# --- summaries ------------------------------------------------------------------------------------------

WORDS = [
    "Cats",
    "and",
    "dogs",
    "running",
    "over",
    "the",
    "hills.",
    "They",
    "slept!",
    "Why?",
    "(So)",
]


def text(generator: random.Random) -> str:
    return " ".join(generator.choices(WORDS, k=generator.randint(0, 14)))


def test_rouge_is_torchmetrics_with_sentences_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rouge, "_split_sentence", sentences_of)  # theirs would be downloaded
    generator = random.Random(1)
    hypotheses = [text(generator) for _ in range(60)]
    references = [[text(generator) for _ in range(generator.randint(1, 3))] for _ in range(60)]
    found = score_summaries(hypotheses, hypotheses, references)
    expected = rouge.rouge_score(hypotheses, references, use_stemmer=True)
    for key in ("rouge1", "rouge2", "rougeL", "rougeLsum"):
        assert getattr(found, key) == pytest.approx(
            100 * float(expected[f"{key}_fmeasure"]), abs=0.01
        )
    assert 10 < found.rougeL < found.rougeLsum < found.rouge1 < 90


def test_rouge_of_other_scripts() -> None:
    found = score_summaries(["x"], ["Привет мир"], [["Привет, большой мир!"]])
    assert (found.rouge1, found.rouge2, found.rougeLsum) == (80.0, 0.0, 80.0)
    # of Latin text only a to z, as everywhere
    assert score_summaries(["x"], ["naïve men"], [["na ve men"]]).rouge1 == 100.0


def test_stems_are_what_counts() -> None:
    found = score_summaries(["x"], ["the dogs were running"], [["The dog, was run!"]])
    assert found.rouge1 == 75.0


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two? Three!", ["One.", "Two?", "Three!"]),
        ('He said "Go." Then he left.', ['He said "Go."', "Then he left."]),
        (
            "It costs 3.5 euros, e.g. here.\nÜber alles.",
            ["It costs 3.5 euros, e.g. here.", "Über alles."],
        ),
        (
            "It grew by 5%. 30 people (or more) came.",
            ["It grew by 5%.", "30 people (or more) came."],
        ),
        ("  ", []),
    ],
)
def test_sentences(text: str, sentences: list[str]) -> None:
    assert sentences_of(text) == sentences


def test_what_is_copied_and_what_is_new() -> None:
    source = "The big dog barked at the small cat"
    assert copied_and_new([source], ["the Big dog barked"]) == (100.0, 0.0, 0.0)
    # 4 of 5 words are copied, and 2 of 4 pairs are new: "dog at" and "the slept"
    assert copied_and_new([source], ["big dog at the slept"]) == (80.0, 50.0, 100.0)
    assert copied_and_new([source], [""]) == (0.0, 0.0, 0.0)
    assert first_words(3).output_of(source) == "The big dog"
    sentence = first_sentence().output_of
    assert sentence("One here. Two there.") == "One here." and sentence("") == ""


def test_words_that_training_never_had() -> None:
    found = unseen_words(
        ["call foo with bar", "set x to y", "keep old"],
        ["foo ( bar )", "x = z", "old"],
        ["foo ( bar )", "x = y", "old"],
        ["old = x", "( )"],
    )
    assert [*found] == [3, pytest.approx(66.67)]


# --- strings of symbols ---------------------------------------------------------------------------------


def slow_edits(one: list[str], other: list[str]) -> int:
    if not one or not other:
        return len(one) + len(other)
    same = slow_edits(one[1:], other[1:]) + (one[0] != other[0])
    return min(same, 1 + slow_edits(one[1:], other), 1 + slow_edits(one, other[1:]))


def test_edits_are_those_to_the_nearest_reference() -> None:
    generator = random.Random(1)
    for _ in range(60):
        one, *others = (generator.choices(["ab", "c"], k=generator.randint(0, 5)) for _ in range(3))
        expected = min((slow_edits(one, other), len(other)) for other in others)
        assert (
            transduction.edits(" ".join(one), [" ".join(other) for other in others], False)
            == expected
        )
        word, words = "".join(one), ["".join(other) for other in others]
        expected = min((slow_edits([*word], [*other]), len(other)) for other in words)
        assert transduction.edits(word, words, True) == expected


def test_error_rates_of_words_and_symbols() -> None:
    hypotheses = ["a b c", "a b", "x", "a  b"]
    references = [["a b c"], ["b b", "a b c d"], ["a"], ["c", "a b"]]
    found = score_transductions(hypotheses, references)
    assert (found.wer, found.ser, found.outputs) == (50.0, 25.0, 4)  # 2 edits, 8 symbols
    assert found.wer_low < 50 < found.wer_high
    unspaced = score_transductions(["walkt", "ran"], [["walked"], ["ran"]], characters=True)
    assert (unspaced.wer, unspaced.ser) == (50.0, 22.22)  # 2 of 9 characters
    # Wilson's interval of 10 of 100, as tables have it
    many = score_transductions(["a"] * 90 + ["b"] * 10, [["a"]] * 100)
    assert (many.wer, many.wer_low, many.wer_high) == (10.0, 5.52, 17.44)


# --- labels ---------------------------------------------------------------------------------------------


def drawn(rows: int, labels: int, seed: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    """Probabilities, and labels that they foretell badly. Every seventh text is out of scope."""
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(rows, labels, generator=generator)
    right = logits.softmax(1).multinomial(1, generator=generator)[:, 0]
    right[::7] = -100
    return logits.softmax(1), right


def test_scores_of_labels_equal_counting() -> None:
    probabilities, right = drawn(60, 4)
    found = score_labels(probabilities, right, 0.5)
    rows = [
        (row.argmax().item(), row.max().item(), label)
        for row, label in zip(probabilities, right.tolist(), strict=True)
    ]
    inside = [row for row in rows if row[2] >= 0]
    outside = [row for row in rows if row[2] < 0]
    f1 = []
    for label in range(4):
        hits = sum(given == label == true for given, _, true in inside)
        either = sum((given == label) + (true == label) for given, _, true in inside)
        f1.append(2 * hits / either)
    rejected = [row for row in rows if row[1] < 0.5]
    bins: dict[int, list[tuple[float, bool]]] = {}
    for given, p, true in inside:
        bins.setdefault(min(int(p * 15), 14), []).append((p, given == true))
    error = sum(abs(sum(p for p, _ in b) - sum(hit for _, hit in b)) for b in bins.values())
    expected = {
        "accuracy": 100 * sum(given == true for given, _, true in inside) / len(inside),
        "macro_f1": 100 * sum(f1) / 4,
        "ece": 100 * error / len(inside),
        "in_scope_accuracy": 100
        * sum(given == true and p >= 0.5 for given, p, true in inside)
        / len(inside),
        "out_of_scope_recall": 100 * sum(p < 0.5 for _, p, _ in outside) / len(outside),
        "out_of_scope_precision": 100 * sum(true < 0 for *_, true in rejected) / len(rejected),
        "threshold": 0.5,
    }
    assert found == pytest.approx(expected, abs=0.006)
    in_scope = score_labels(probabilities[right >= 0], right[right >= 0])
    assert in_scope == {name: found[name] for name in ("accuracy", "macro_f1", "ece")}


def test_scores_of_several_labels_equal_counting() -> None:
    probabilities = torch.tensor([[0.9, 0.2, 0.6], [0.1, 0.3, 0.2], [0.7, 0.8, 0.1]])
    right = torch.tensor([[True, False, True], [False, True, False], [True, True, False]])
    found = score_labels(probabilities, right)
    # given are {0, 2}, {}, {0, 1}, and right are {0, 2}, {1}, {0, 1}
    assert found["accuracy"] == pytest.approx(66.67)
    assert found["micro_f1"] == pytest.approx(100 * 2 * 4 / (4 + 5), abs=0.01)
    assert found["macro_f1"] == pytest.approx(100 * (1 + 2 / 3 + 1) / 3, abs=0.01)
    absent = torch.zeros(3, 1)  # a label that no text has or is given says nothing
    wider = score_labels(
        torch.cat([probabilities, absent], 1), torch.cat([right, absent.bool()], 1)
    )
    assert wider["macro_f1"] == found["macro_f1"]
    strict = score_labels(probabilities, right, 0.65)
    assert strict["micro_f1"] == pytest.approx(100 * 2 * 3 / (3 + 5), abs=0.01)
    single = score_labels(probabilities[:, :1], right[:, :1])
    assert (single["accuracy"], single["macro_f1"]) == (100.0, 100.0)
    nothing = score_labels(probabilities, torch.zeros_like(right), 1.0)
    assert (nothing["accuracy"], nothing["macro_f1"], nothing["micro_f1"]) == (100.0, 0.0, 0.0)


def test_each_label_by_counting() -> None:
    given = torch.tensor([[True, False], [True, False], [False, True]])
    right = torch.tensor([[True, False], [False, True], [False, True]])
    assert score_each(given, right, ["a", "b"]) == [
        ("a", 50.0, 100.0, 66.67, 1),
        ("b", 100.0, 50.0, 66.67, 2),
    ]


def test_temperature_is_that_of_the_lowest_loss() -> None:
    probabilities, right = drawn(400, 5)
    logits = 3 * probabilities.log()  # three times too sure
    found = fit_temperature(logits, right)
    assert 2.4 < found < 3.6
    kept = right >= 0

    def loss(temperature: float) -> float:
        logs = (logits[kept] / temperature).log_softmax(1)
        known = logs[torch.arange(len(logs)), right[kept]]
        return -float(known.sum() + logs.mean())  # one text more, of any label

    assert all(loss(found) <= loss(found * factor) + 1e-3 for factor in (0.5, 0.95, 1.05, 2))
    assert fit_temperature(logits, torch.full((400,), -100)) == 1.0
    always = logits.argmax(1)[:20]
    sure = (logits[:20] / fit_temperature(logits[:20], always)).softmax(1).max(1).values
    assert 0.8 < float(sure.mean()) < 0.99  # 20 right answers are no certainty
    has = torch.rand(400, 5, generator=torch.Generator().manual_seed(1)) < probabilities
    several = fit_temperature(2 * (probabilities / (1 - probabilities)).log(), has)
    assert 1.6 < several < 2.4


@pytest.mark.parametrize("digits", [None, 1, 0])
def test_threshold_is_the_best_of_all(digits: int | None) -> None:
    probabilities, right = drawn(90, 4, seed=3)
    if digits is not None:  # many are equal
        probabilities = probabilities.round(decimals=digits)
    best = probabilities.max(1).values

    def worth(threshold: float) -> float:
        scores = score_labels(probabilities, right, threshold)
        inside = int((right >= 0).sum())
        told = inside * scores["in_scope_accuracy"]
        return told + (len(right) - inside) * scores["out_of_scope_recall"]

    found = choose_threshold(probabilities, right)
    everywhere = [0.0, 1.0, *(float(p) + step for p in best for step in (-1e-6, 1e-6))]
    assert worth(found) >= max(worth(t) for t in everywhere if 0 <= t <= 1) - 1
    assert choose_threshold(probabilities[right >= 0], right[right >= 0]) == 0.0
