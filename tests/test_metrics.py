"""BLEU by every choice of ``bleu_tokenize``: sacrebleu's own, and the same in training."""

from __future__ import annotations

import random
from typing import get_args

import pytest
import sacrebleu
from torchmetrics.text import SacreBLEUScore

from seqtext import metrics
from seqtext.errors import ConfigError
from seqtext.metrics import BleuTokenize, check_bleu_tokenize, score_translations

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
    in_training = SacreBLEUScore(tokenize=tokenize)
    in_training.update(hypotheses, [[reference] for reference in references])
    assert 100 * float(in_training.compute()) == pytest.approx(expected.score, abs=1e-3)


def test_tokenized_text_needs_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    score_translations(["he sings ."] * 100, ["he sings ."] * 100, "none")
    assert not caplog.records
    score_translations(["he sings ."] * 100, ["he sings ."] * 100)
    assert "forgot to detokenize" in caplog.text


def test_wrong_tokenize_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("13a", "char", "none"):
        check_bleu_tokenize(name)
    with pytest.raises(ConfigError, match="'mecab', expected one of 13a, intl, char"):
        check_bleu_tokenize("mecab")
    monkeypatch.setitem(metrics._PACKAGES, "ja-mecab", ("torch", "no-such-a", "no-such-b"))
    message = "ja-mecab needs no-such-a and no-such-b, not installed here; pip install no-such-a no-such-b"
    with pytest.raises(ConfigError, match=message):
        check_bleu_tokenize("ja-mecab")
