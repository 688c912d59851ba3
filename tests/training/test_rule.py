"""The rule by which options follow from a corpus."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from seqtext.data.survey import Side, Survey
from seqtext.training import rule
from seqtext.training.config import OptimizerConfig
from seqtext.training.optimizer import Decay, learning_rate_share
from seqtext.training.recognition import recognize

SENTENCE = Side(12.0, 5.0, capitals=True, distinct=1000, vocabulary=4000)
WORD = Side(1.2, 7.0, capitals=False, distinct=1000, vocabulary=1000)
SYMBOLS = Side(7.0, 1.2, capitals=False, distinct=990, vocabulary=40)
CHINESE = Side(1.0, 30.0, capitals=False, distinct=1000, vocabulary=1000)
SEGMENTED = Side(18.0, 1.6, capitals=False, distinct=1000, vocabulary=5000)


def pairs(
    source: Side,
    target: Side,
    rows: int = 1000,
    copied: float = 0.1,
    shared: float = 0.5,
    inflected: float = 0.0,
) -> Survey:
    return Survey(
        rows=rows,
        sampled=1000,
        whole=True,
        source=source,
        target=target,
        copied=copied,
        shared=shared,
        inflected=inflected,
    )


@pytest.mark.parametrize(
    ("corpus", "task"),
    [
        (pairs(SENTENCE, SENTENCE), "translation"),
        (pairs(SENTENCE, CHINESE), "translation"),
        (pairs(CHINESE, SENTENCE), "translation"),
        (pairs(WORD, SYMBOLS), "transduction"),
        (pairs(WORD, WORD), "transduction"),
        (pairs(SYMBOLS, SYMBOLS), "transduction"),
        (pairs(WORD, SENTENCE), "translation"),
        (pairs(SEGMENTED, SEGMENTED), "translation"),
        (pairs(SENTENCE._replace(words=24), SENTENCE, copied=0.9), "summarization"),
        (pairs(SENTENCE._replace(words=150), SENTENCE, copied=0.3), "summarization"),
        (pairs(SENTENCE, SENTENCE, copied=0.9), "translation"),
        (pairs(SENTENCE, WORD._replace(distinct=77)), "classification"),
        (pairs(SENTENCE, WORD._replace(distinct=600)), "translation"),
    ],
)
def test_a_task_is_recognized(corpus: Survey, task: str) -> None:
    assert recognize(corpus)[0] == task


def chosen(
    rows: int,
    task: str,
    typed: dict[str, object] | None = None,
    filed: dict[str, object] | None = None,
) -> dict[str, object]:
    side = WORD if task == "transduction" else SENTENCE
    return rule.choose(pairs(side, side, rows), task, 500, typed or {}, filed or {})


@pytest.mark.parametrize("task", ["translation", "transduction", "summarization", "classification"])
def test_more_rows_never_get_less(task: str) -> None:
    sizes = [chosen(rows, task) for rows in (50, 500, 3_000, 10_000, 100_000, 10_000_000)]
    for name in ("model.network.hidden_size", "trainer.max_steps", "data.tokenizer.vocab_size"):
        values = [options[name] for options in sizes]
        assert values == sorted(values), name  # type: ignore[type-var]
    dropout = [options["model.network.dropout"] for options in sizes]
    assert dropout[1:] == sorted(dropout[1:], reverse=True)  # type: ignore[type-var]


def test_what_somebody_names_is_left_alone() -> None:
    everything = chosen(500, "translation")
    assert chosen(500, "translation", dict.fromkeys(everything, 1)) == {}
    for name in everything:
        assert name not in chosen(500, "translation", {name: 1})
        assert name not in chosen(500, "translation", filed={name: 1})
    sizes = chosen(500, "translation", {"model.network.dropout": 0.1})
    assert sizes["model.network.hidden_size"] == everything["model.network.hidden_size"]


def test_a_file_decides_on_a_whole_group() -> None:
    options = chosen(
        500, "translation", filed={"model.network.cell": "gru", "trainer.max_epochs": 5}
    )
    assert not any(name.startswith(("model.network", "trainer.max")) for name in options)
    assert "selection.patience" not in options  # a number of epochs is a promise
    assert "data.tokenizer.vocab_size" in options


def test_a_short_run_has_a_short_warm_up() -> None:
    def warmup(typed: dict[str, object]) -> object:
        return chosen(1_000, "transduction", typed)["model.optimizer.warmup_steps"]

    assert warmup({}) == 200
    assert warmup({"trainer.max_epochs": "2"}) == 10  # a tenth of 2 * 1,000 / 20
    assert warmup({"trainer.max_steps": 5, "trainer.max_epochs": 2}) == 1
    assert warmup({"trainer.max_epochs": "many"}) == 200


def test_letters_of_the_source_are_copied() -> None:
    options = rule.choose(pairs(WORD, WORD, shared=0.95), "transduction", 100, {}, {})
    assert options["model.network.copying"] is True
    few = rule.choose(pairs(WORD, WORD, 100, shared=0.95), "transduction", 100, {}, {})
    assert few["model.network.copying"] is False
    assert "data.tokenizer.joint" not in options  # it is the default
    typed: dict[str, object] = {"data.tokenizer.joint": False}
    options = rule.choose(pairs(WORD, WORD, shared=0.95), "transduction", 100, typed, {})
    assert "model.network.copying" not in options


def test_a_typed_limit_or_schedule_decides_on_its_companions() -> None:
    options = chosen(500, "translation", {"trainer.max_epochs": 3})
    assert not {"trainer.max_steps", "selection.patience"} & options.keys()
    options = chosen(500, "translation", {"trainer.max_steps": 3000})
    assert options["selection.patience"] and options["trainer.check_val_every_n_epoch"]
    options = chosen(500, "translation", {"trainer.max_time": "00:00:10:00"})
    assert "trainer.max_steps" not in options and options["selection.patience"]
    options = chosen(500, "translation", {"model.optimizer.schedule": "plateau"})
    assert "model.optimizer.warmup_steps" not in options  # plateau has none
    options = chosen(500, "transduction", {"data.tokenizer.joint": True})
    assert "data.tokenizer.target_type" not in options  # a joint tokenizer has no other type
    assert "data.tokenizer.normalization" in options
    options = chosen(500, "translation", {"data.batch_size": 8})
    assert "data.batch_tokens" not in options


def test_validation_takes_little_of_the_time() -> None:
    """A decoded text costs about as much as a trained one."""
    for rows in (100, 1_000, 10_000):
        options = chosen(rows, "transduction")
        assert int(str(options["trainer.check_val_every_n_epoch"])) * rows >= 0.8 * 4 * 750
    assert chosen(100_000, "translation")["trainer.check_val_every_n_epoch"] == 1


def test_made_pairs_lengthen_epochs_and_change_no_size() -> None:
    plain = chosen(500, "transduction")
    several: list[dict[str, object]] = [
        {"data.hallucinated_pairs": "1500"},
        {"data.hallucinated_pairs": 1_000, "data.copied_targets": 900},  # of 500 targets
    ]
    for made in several:
        options = chosen(500, "transduction", typed=made)
        epochs = options.pop("trainer.check_val_every_n_epoch")
        assert epochs == 2 and plain["trainer.check_val_every_n_epoch"] == 6
        assert options.items() <= plain.items() and len(options) == len(plain) - 1
    assert chosen(500, "transduction", typed={"data.hallucinated_pairs": "many"}) == plain


def test_few_texts_with_labels_are_read_by_character() -> None:
    few, many = (chosen(rows, "classification") for rows in (800, 200_000))
    assert few["model.network.character_ngrams"] == 5
    assert many["model.network.character_ngrams"] == 0
    assert "selection.patience" not in few and many["selection.patience"]


def test_without_validation_nothing_waits_for_it() -> None:
    options = rule.choose(pairs(WORD, WORD), "transduction", None, {}, {})
    assert not any(name.startswith(("selection", "trainer.check_val")) for name in options)
    assert options["trainer.max_steps"]


@pytest.mark.parametrize(
    ("source", "target", "types"),
    [
        (WORD, SYMBOLS, ("char", "word")),
        (WORD, WORD, ("char", "char")),
        (SYMBOLS, SYMBOLS, ("word", "word")),
    ],
)
def test_symbols_are_words_or_characters(
    source: Side, target: Side, types: tuple[str, str]
) -> None:
    options = rule.choose(pairs(source, target), "transduction", 100, {}, {})
    assert (options["data.tokenizer.model_type"], options["data.tokenizer.target_type"]) == types
    assert options["data.tokenizer.normalization"] == "nfc_lower"
    capitals = rule.choose(
        pairs(source, target._replace(capitals=True)), "transduction", 100, {}, {}
    )
    assert capitals["data.tokenizer.normalization"] == "nfc"


# --- the schedule that ends training ----------------------------------------------------------------------

ADAPTIVE = OptimizerConfig(schedule="adaptive", warmup_steps=10, decay_share=0.5)


def shares(decay: Decay, steps: range) -> list[float]:
    return [learning_rate_share(ADAPTIVE, step, 0, decay) for step in steps]


def test_the_rate_stays_until_the_fall_begins() -> None:
    decay = Decay(0.5, 0)
    assert shares(decay, range(10)) == [i / 10 for i in range(1, 10)] + [1.0]
    assert set(shares(decay, range(10, 1000))) == {1.0}
    decay.begin(200)
    fall = shares(decay, range(200, 300))
    assert fall[0] == 1.0 and fall == sorted(fall, reverse=True) and fall[-1] > 0
    assert fall[25] == pytest.approx(1 - (25 / 100) ** 0.5)  # Hägele et al. 2024, equation 2
    assert shares(decay, range(300, 310)) == [0.0] * 10
    assert not decay.ended(299) and decay.ended(300)


def test_a_limit_of_updates_begins_the_fall_in_time() -> None:
    decay = Decay(0.5, 300)
    assert shares(decay, range(20, 200)) == [1.0] * 180
    assert 0 < shares(decay, range(299, 300))[0] < 0.01
    decay.begin(250)  # patience ends behind that
    assert decay.ended(300)
    early = Decay(0.5, 300)
    early.begin(100)
    assert early.ended(150)


def test_the_page_has_the_table(repository: Path) -> None:
    tables = {"sentences": rule.SENTENCES, "words": rule.WORDS, "labels": rule.LABELLED}
    rows = [
        f"| {name} | " + " | ".join(_shown(value) for value in size) + " |"
        for name, sizes in tables.items()
        for size in sizes
    ]
    page = (repository / "docs/rule.md").read_text("utf-8")
    assert "\n".join(rows) in page


def _shown(value: float | None) -> str:
    if value is None:
        return "none"
    return "more" if value == math.inf else f"{value:,}"


def test_few_inflected_forms_get_made_up_stems() -> None:
    def made(rows: int, inflected: float = 0.9, **typed: object) -> object:
        options = {name.replace("__", "."): value for name, value in typed.items()}
        corpus = pairs(WORD, WORD, rows, shared=0.95, inflected=inflected)
        chosen = rule.choose(corpus, "transduction", 100, options, {})
        return chosen.get("data.hallucinated_pairs")

    assert made(100) == made(300) == 1_000
    assert made(301) is None
    assert made(100, inflected=0.1) is None
    assert made(100, data__hallucinated_pairs=50) is None  # somebody has named it
    assert made(100, data__tokenizer__model_type="unigram") is None
    assert made(100, data__streaming=True) is None
