"""Pairs that are made of training pairs: what they look like, and where they go."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqtext.data.augmentation import COPY, copy_targets, hallucinate
from seqtext.data.pairs import PairsDataModule
from seqtext.data.readers import Row
from seqtext.data.tokenizer import TokenizerConfig
from seqtext.errors import ConfigError, DataError
from tests.support import at, epoch_of, tokenizers_of

CHARACTERS = TokenizerConfig(model_type="char", vocab_size=200, normalization="nfc")


def inflected(count: int) -> list[tuple[str, str, str]]:
    """Lemma, features, form: a plural of few letters at either end."""
    draw = random.Random(0)
    words = dict.fromkeys("".join(draw.choices("bdgpt", k=6)) for _ in range(2 * count))
    return [(word, "N;PL", f"a{word}li") for word in [*words][:count]]


# --- rows -------------------------------------------------------------------------------------------------


def test_the_inside_of_the_stem_changes_alike_on_both_sides() -> None:
    rows = [("zorluk⟦N⟧⟦GEN⟧", "zorluğun"), ("Ödev⟦N⟧⟦GEN⟧", "geödevzt")]
    made = hallucinate(rows, [], 200, seed=1)
    assert len(made) == len({source for source, _ in made}) == 200
    known = {source for source, _ in rows}
    letters = {letter for _, target in rows for letter in target}
    kinds = Counter[str]()
    for source, target in made:
        assert source not in known
        if match := re.fullmatch(r"z(...)uk⟦N⟧⟦GEN⟧", source):
            inside, form = match[1], f"z{match[1]}uğun"
        else:  # Ö and ö are no run
            match = re.fullmatch(r"Öd(.)v⟦N⟧⟦GEN⟧", source)
            assert match is not None, source
            inside, form = match[1], f"geöd{match[1]}vzt"
        assert target == form
        assert letters.issuperset(inside)
        kinds[source[0]] += 1
    assert min(kinds.values()) >= 5


def test_rows_are_used_equally_often() -> None:
    rows = [(lemma, form) for lemma, _, form in inflected(10)]
    ends = Counter((source[0], source[-1]) for source, _ in rows)
    made = Counter((source[0], source[-1]) for source, _ in hallucinate(rows, [], 100, seed=1))
    assert made == {end: 10 * count for end, count in ends.items()}


def test_a_letter_stays_of_its_kind() -> None:
    """A capital becomes a capital. Spaces, signs and digits stay."""
    rows = [("aBc-d1 Ef", "aBc-d1 Efs"), ("XYZ", "xyz")]
    for source, target in hallucinate(rows, [], 4, seed=1):
        assert re.fullmatch(r"a[BE][a-z]-[a-z]1 [BE]f", source) and target == f"{source}s"


def test_symbols_separators_and_tags_stay() -> None:
    rows = [("<past> walked <sep> past⟦PAST⟧", "<past> walked past <sep> ⟦PAST⟧")]
    for source, target in hallucinate(rows, ["<past>"], 50, seed=1):
        match = re.fullmatch(r"<past> (w[a-z]{5}) <sep> (p[a-z]{2}t)⟦PAST⟧", source)
        assert match is not None, source
        assert target == f"<past> {match[1]} {match[2]} <sep> ⟦PAST⟧"


def test_there_are_as_many_as_the_letters_allow() -> None:
    made = hallucinate([("abcs", "abctt"), ("abcss", "abctt")], [], 100, seed=1)
    assert sorted(made) == [
        (f"a{letter}c{end}", f"a{letter}ctt") for letter in "act" for end in ("s", "ss")
    ]


@pytest.mark.parametrize(
    "rows", [[("go", "went")], [("be", "is"), ("ab", "abs")], [("aaa", "aaa")]]
)
def test_no_stem_to_change(rows: list[Row]) -> None:
    with pytest.raises(DataError, match=r"data\.hallucinated_pairs: no target shares 3 characters"):
        hallucinate(rows, [], 5, seed=1)


def test_copied_targets_are_different_ones() -> None:
    rows = [("a", "x"), ("b", "x"), ("c", "y"), ("d", "z")]
    assert sorted(copy_targets(rows, 9, seed=1)) == [(f"{COPY} {t}", t) for t in "xyz"]
    drawn = {tuple(copy_targets(rows, 2, seed)) for seed in range(20)}
    assert len(drawn) > 3 and all(len(set(copies)) == 2 for copies in drawn)


# --- the data module --------------------------------------------------------------------------------------


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., PairsDataModule]:
    """A data module of inflected forms, prepared and set up."""
    lines = "".join(
        "\t".join(row) + "\n" for row in [("lemma", "features", "form"), *inflected(40)]
    )
    (tmp_path / "train.tsv").write_text(lines)

    def started(trainer: Any = None, **options: Any) -> PairsDataModule:
        data = PairsDataModule(
            **{
                "train": str(tmp_path / "train.tsv"),
                "source": ["lemma", "features"],
                "target": "form",
                "tokenizer": CHARACTERS,
                "batch_size": 8,
                "cache_dir": str(tmp_path / "cache"),
                **options,
            }
        )
        data.trainer = trainer
        data.prepare_data()
        data.setup("fit")
        return data

    return started


REAL = {(f"{lemma}⟦N⟧⟦PL⟧", form) for lemma, _, form in inflected(40)}


def test_an_epoch_has_real_and_made_pairs_once(
    start: Callable[..., PairsDataModule], capsys: pytest.CaptureFixture[str]
) -> None:
    data = start(hallucinated_pairs=70, copied_targets=12)
    said = capsys.readouterr().err
    assert "data: 70 hallucinated pairs, made of 40 of 40 training pairs" in said
    assert "data: 12 targets are also their own source" in said
    seen = epoch_of(data)
    assert len(seen) == len(set(seen)) == 40 + 70 + 12
    assert data.updates_per_epoch() == len([*data.train_dataloader()])
    assert set(seen) >= REAL
    copies = {row for row in seen if row[0].startswith(COPY)}
    assert len(copies) == 12
    assert copies <= {(f"{COPY} {target}", target) for _, target in REAL}
    for source, target in set(seen) - REAL - copies:
        match = re.fullmatch(r"([a-z]{6})⟦N⟧⟦PL⟧", source)
        assert match is not None and target == f"a{match[1]}li"
    tokenizer = tokenizers_of(data).source
    pieces = tokenizer.pieces(tokenizer.encode([f"{COPY} abt"])[0])
    assert [piece.strip("▁") for piece in pieces if piece.strip("▁")] == [COPY, *"abt"]


def test_held_out_pairs_are_neither_changed_nor_copied(
    start: Callable[..., PairsDataModule],
) -> None:
    plain = start(validation="split:15")
    data = start(validation="split:15", hallucinated_pairs=100, copied_targets=100)
    assert epoch_of(data, data.val_dataloader()) == epoch_of(plain, plain.val_dataloader())
    held_out = {row for row in REAL if row not in epoch_of(plain)}
    assert len(held_out) == 15
    made = set(epoch_of(data)) - REAL
    assert {target for source, target in made if source.startswith(COPY)} == {
        target for _, target in REAL - held_out
    }
    ends = {(source[0], source[5]) for source, _ in REAL - held_out}
    stems = [source for source, _ in made if not source.startswith(COPY)]
    assert len(stems) == 100
    assert {(source[0], source[5]) for source in stems} <= ends


def test_every_rank_and_every_time_makes_the_same_pairs(
    start: Callable[..., PairsDataModule],
) -> None:
    options = {"hallucinated_pairs": 30, "copied_targets": 5}
    whole = epoch_of(start(**options))
    assert epoch_of(start(**options)) == whole
    ranks = [epoch_of(start(trainer=at(rank=rank, ranks=2), **options)) for rank in (0, 1)]
    assert sorted(ranks[0] + ranks[1]) == sorted(whole)
    other = set(epoch_of(start(seed=2, **options)))
    assert other != set(whole) and other & set(whole) >= REAL


def test_made_pairs_count_once_beside_weighted_corpora(
    start: Callable[..., PairsDataModule], tmp_path: Path
) -> None:
    corpus = {"path": str(tmp_path / "train.tsv"), "weight": 3, "tag": "<tur>"}
    data = start(train=[corpus], hallucinated_pairs=30, copied_targets=5)
    seen = Counter(epoch_of(data))
    assert len(seen) == 40 + 30 + 5
    for (source, target), times in seen.items():
        real = (source.removeprefix("<tur> "), target) in REAL
        assert times == (3 if real else 1)
        assert source.startswith((f"{COPY} a", "<tur> "))


def test_made_pairs_that_are_too_long_are_left_out(start: Callable[..., PairsDataModule]) -> None:
    plain = start(max_source_length=9)
    copies = start(max_source_length=9, copied_targets=40)
    assert set(epoch_of(copies)) == set(epoch_of(plain)) == REAL  # a copy has one piece more
    assert copies.longest_source == plain.longest_source <= 9


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"hallucinated_pairs": 5, "streaming": True},
            r"data\.hallucinated_pairs: .* data\.streaming",
        ),
        ({"copied_targets": 5, "streaming": True}, r"data\.copied_targets: .* data\.streaming"),
        ({"hallucinated_pairs": -1}, r"data\.hallucinated_pairs: -1, expected at least 0"),
        (
            {"hallucinated_pairs": 5, "tokenizer": TokenizerConfig(vocab_size=300)},
            r"data\.hallucinated_pairs: 5, .* data\.tokenizer\.model_type char",
        ),
        (
            {
                "hallucinated_pairs": 5,
                "tokenizer": TokenizerConfig(
                    model_type="char", target_type="word", joint=False, vocab_size=300
                ),
            },
            r"data\.hallucinated_pairs: 5, .* data\.tokenizer\.joint true",
        ),
        (
            {
                "copied_targets": 5,
                "tokenizer": TokenizerConfig(model_type="char", joint=False, vocab_size=300),
            },
            r"data\.copied_targets: 5, .* data\.tokenizer\.joint true",
        ),
    ],
)
def test_where_nothing_can_be_made(
    start: Callable[..., PairsDataModule], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        start(**options)
