"""Precision ``auto``: what is chosen, and that the choice computes as if it had been named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

import seqtext
from seqtext.data.labels import Labels, TextAndLabels
from seqtext.data.tokenizer import Tokenizer, TokenizerConfig
from seqtext.errors import ConfigError
from seqtext.inference import quickest
from seqtext.inference.classifier import Classifier
from seqtext.inference.quickest import settle_precision
from seqtext.nn.classifier import Classifier as Network
from seqtext.nn.config import ClassifierConfig
from seqtext.nn.precision import times_as_fast

SOURCES = ["The dog is sleeping.", "", "My sister has bought a very expensive red car."]
Time = Callable[..., None]


@pytest.fixture(autouse=True)
def _measuring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is named and nothing is known."""
    monkeypatch.delenv("SEQTEXT_PRECISION")
    monkeypatch.setenv("SEQTEXT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(quickest, "has_integers", lambda: True)


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    """Let int8 be so many times as fast. None: nothing may be timed."""

    def set_speed(speed: float | None) -> None:
        def timed(fast: Callable[[], object], slow: Callable[[], object]) -> float:
            assert speed is not None, "timed"
            times_as_fast(fast, slow)  # it works, whatever it finds
            return speed

        monkeypatch.setattr(quickest, "times_as_fast", timed)

    return set_speed


def scores(model: Any) -> list[tuple[str, float]]:
    return [(best.text, best.score) for best, *_ in model.generate(SOURCES)]


def build(classes: Sequence[str] = ("a", "b"), **options: Any) -> Classifier:
    """A classifier that has learned nothing."""
    config = TokenizerConfig(model_type="char", vocab_size=40)
    sides = TextAndLabels(Tokenizer.train(["alma", "körte"], config), Labels(names=tuple(classes)))
    torch.manual_seed(0)
    network = Network(
        ClassifierConfig(embedding_size=12, hidden_size=16, **options),
        *sides.sizes,
        sides.spellings,
    )
    return Classifier([network.eval()], sides)


@pytest.mark.parametrize(
    ("speed", "chosen"), [(1.4, "int8"), (1.06, "int8"), (1.04, "fp32"), (0.7, "fp32")]
)
def test_the_choice_computes_as_if_it_had_been_named(
    speed: float, chosen: Any, trained: Path, time: Time
) -> None:
    named = seqtext.load_generator(trained, precision=chosen)
    assert (named.precision, named.int8_speed) == (chosen, None)
    time(speed)
    measured = seqtext.load_generator(trained, precision="auto")
    time(None)
    known = seqtext.load_generator(trained, precision="auto")
    for model in (measured, known):
        assert (model.precision, model.int8_speed) == (chosen, speed)
        assert scores(model) == scores(named)
    assert scores(named) != scores(
        seqtext.load_generator(trained, precision="fp32" if chosen == "int8" else "int8")
    )


@pytest.mark.parametrize(("speed", "chosen"), [(1.4, "int8"), (0.9, "fp32")])
def test_a_classifier(speed: float, chosen: Any, time: Time) -> None:
    time(speed)
    measured, named = build(), build()
    settle_precision(measured, "auto")
    settle_precision(named, chosen)
    assert measured.precision == named.precision == chosen
    expected = named.probabilities(["alma", "körte"])
    assert torch.equal(measured.probabilities(["alma", "körte"]), expected)


def test_an_ensemble(trained: Path, other: Path, time: Time) -> None:
    time(1.4)
    models = [trained, other]
    measured = seqtext.load_generator(models, precision="auto")
    assert scores(measured) == scores(seqtext.load_generator(models, precision="int8"))


def test_another_model_is_timed_anew(trained: Path, time: Time) -> None:
    time(1.4)
    seqtext.load(trained, precision="auto")
    time(None)
    with pytest.raises(AssertionError, match="timed"):
        settle_precision(build(), "auto")


def test_nothing_is_timed_without_a_choice(monkeypatch: pytest.MonkeyPatch, time: Time) -> None:
    time(None)
    transformer = build(cell="transformer", heads=2)
    settle_precision(transformer, "auto")
    assert transformer.precision == "fp32"
    monkeypatch.setattr(quickest, "has_integers", lambda: False)
    recurrent = build()
    settle_precision(recurrent, "auto")
    assert recurrent.precision == "fp32"
    monkeypatch.setattr(quickest, "has_integers", lambda: True)
    elsewhere = build()
    elsewhere.networks[0].to("meta")
    settle_precision(elsewhere, "auto")
    assert elsewhere.precision == "fp32"


def test_the_environment_names_it(
    trained: Path, monkeypatch: pytest.MonkeyPatch, time: Time
) -> None:
    time(None)
    for name in ("fp32", "int8"):
        monkeypatch.setenv("SEQTEXT_PRECISION", name)
        assert seqtext.load(trained, precision="auto").precision == name
    time(1.4)
    for name in ("bf16", "32-true"):  # of training
        monkeypatch.setenv("SEQTEXT_PRECISION", name)
        assert seqtext.load(trained, precision="auto").precision == "int8"
    monkeypatch.setenv("SEQTEXT_PRECISION", "fp8")
    with pytest.raises(ConfigError, match="SEQTEXT_PRECISION"):
        seqtext.load(trained, precision="auto")
    assert seqtext.load(trained).precision == "fp32"


def test_a_real_test_leaves_the_rest_as_it_was(trained: Path) -> None:
    model = seqtext.load_generator(trained, precision="auto")
    assert model.int8_speed is not None and 0.05 < model.int8_speed < 20
    assert model.messages() == []
    assert not any(network.training for network in model.networks)
    classifier = build()
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    settle_precision(classifier, "auto")
    assert torch.equal(torch.rand(2), expected)
