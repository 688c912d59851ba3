"""From any texts to labels, and the pages that explain them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from seqtext.data.labels import Labels, TextAndLabels
from seqtext.data.tokenizer import Tokenizer, TokenizerConfig
from seqtext.errors import ConfigError
from seqtext.inference.classifier import Classifier
from seqtext.inference.explain_labels import LabelExplanation, explain_labels
from seqtext.nn.classifier import Classifier as Network
from seqtext.nn.config import ClassifierConfig

TEXTS = ["alma", "körte", "fa-9", "Éva"]


def build(
    columns: tuple[str, str] = ("text", "label"), *, character_ngrams: int = 0, **options: Any
) -> Classifier:
    """A classifier that has learned nothing."""
    config = TokenizerConfig(model_type="char", vocab_size=40, symbols=("<sep>",))
    tokenizer = Tokenizer.train(TEXTS[:2], config)
    sides = TextAndLabels(tokenizer, Labels(names=("שלום", "<b>")))
    torch.manual_seed(0)
    network_config = ClassifierConfig(
        embedding_size=8, hidden_size=12, init_scale=4.0, character_ngrams=character_ngrams
    )
    network = Network(network_config, *sides.sizes, sides.spellings).double()
    return Classifier([network], sides, columns, **options)


def test_pieces_are_spelled_as_they_stand_in_a_text() -> None:
    sides = build().sides
    spelled = dict(zip(sides.source.pieces(range(sides.sizes[0])), sides.spellings, strict=True))
    assert {spelled.pop(piece) for piece in ("<s>", "</s>")} == {"▁"}
    assert all(piece == spelling for piece, spelling in spelled.items())
    ids = sides.source.encode(["alma körte"])[0]
    assert "".join(sides.spellings[i] for i in ids) == "▁alma▁körte"


def test_a_text_with_ngrams_is_explained() -> None:
    """The same text in other company has the same words and weights."""
    classifier = build(character_ngrams=3)
    alone, together = (explain_labels(classifier, TEXTS[:count])[0] for count in (1, 4))
    assert (alone.words, alone.weights) == (together.words, together.weights) != ([], [])
    assert alone.classification == together.classification


def test_rows_are_read_in_their_own_order_and_refused_by_number() -> None:
    classifier = build()
    expected = classifier.probabilities(TEXTS)
    shuffled = pd.Series(TEXTS, index=[3, 1, 0, 2])
    for given in (shuffled, iter(TEXTS), np.array(TEXTS), tuple(TEXTS)):
        assert torch.equal(classifier.probabilities(given), expected)
    assert classifier.counts.unknown_parts == ["f", "-9", "Év"]
    [explained, _] = explain_labels(build(), iter(TEXTS[:2]))
    assert explained.words
    texts: Any
    for texts, told in (
        (["a", None], r"texts\[1\]: None \(NoneType\), expected a string"),
        ([("a", "b")], r"texts\[0\]: \('a', 'b'\) \(tuple\), expected a string"),
        (pd.DataFrame({"a": TEXTS}), "texts: a DataFrame"),
    ):
        for use in (classifier.classify, lambda texts: explain_labels(classifier, texts)):
            with pytest.raises(ConfigError, match=told):
                use(texts)


def test_pairs_may_come_from_a_table_of_numpy() -> None:
    classifier = build(columns=("a+b", "label"))
    pairs = [("alma", "körte"), ("körte", "alma")]
    expected = classifier.probabilities(pairs)
    texts: Any
    given: Any
    for given in (np.array(pairs), [list(pair) for pair in pairs], iter(pairs)):
        assert torch.equal(classifier.probabilities(given), expected)
    for texts, told in (
        (["alma"], r"texts\[0\]: 'alma' \(str\), expected 2 texts"),
        ([pairs[0], ("alma", None)], r"texts\[1\]\[1\]: None \(NoneType\), expected a string"),
        ([pairs[0], ("a", "b", "c")], r"texts\[1\]: .* expected 2 texts"),
    ):
        with pytest.raises(ConfigError, match=told):
            classifier.classify(texts)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("top_k", 1.5, r"top_k: 1\.5 \(float\), expected a whole number"),
        ("top_k", True, r"top_k: True \(bool\), expected a whole number"),
        ("threshold", "0.5", r"threshold: '0\.5' \(str\), expected a number or nothing"),
        ("threshold", float("nan"), "threshold: nan, expected at least 0 and at most 1"),
        ("batch_size", "64", r"batch_size: '64' \(str\), expected a whole number"),
    ],
)
def test_options_have_their_types(name: str, value: Any, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        build().classify(TEXTS, **{name: value})


def test_long_texts_make_small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    classifier = build(longest_source=100)
    texts = ["alma" * n for n in (40, 1, 9, 40, 2)]
    expected = classifier.probabilities(texts)
    sizes: list[int] = []
    classify = classifier._classify

    def noting(ids: list[list[int]]) -> Any:
        sizes.append(len(ids))
        return classify(ids)

    monkeypatch.setattr(classifier, "_classify", noting)
    monkeypatch.setattr("seqtext.data.batch._MOST_POSITIONS", 330)
    assert torch.allclose(classifier.probabilities(texts), expected)
    assert sizes == [3, 1, 1]
    assert classifier.counts.longer == 4
    assert any(
        "longer than any in training" in told for told in classifier.counts.messages(None, 100)
    )


def test_the_page_of_a_label_keeps_its_direction() -> None:
    page = LabelExplanation.as_html(explain_labels(build(), ["alma"]))
    assert "<bdi>שלום</bdi>" in page and "<bdi>&lt;b&gt;</bdi>" in page
    assert '<p dir="auto"><span' in page
