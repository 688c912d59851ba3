from __future__ import annotations

import functools
import io
import math
import pickle
import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import sentencepiece
from hypothesis import given, settings
from hypothesis import strategies as st

from seqtext.data.tokenizer import ModelType, Tokenizer, TokenizerConfig, digest_path
from seqtext.data.tokenizer.training import sample_texts
from seqtext.errors import ConfigError, DataError

Train = Callable[..., Tokenizer]
TYPES = get_args(ModelType)


@pytest.fixture(scope="module")
def train(texts: list[str]) -> Train:
    """Train on the shared texts; asked the same twice, it trains once."""

    @functools.cache
    def trained(**options: Any) -> Tokenizer:
        return Tokenizer.train(texts, TokenizerConfig(**{"vocab_size": 330, **options}))

    return trained


def trained_by_hand(texts: list[str], **options: Any) -> bytes:
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts), model_writer=model, vocab_size=60, minloglevel=2, **options
    )
    return model.getvalue()


# --- text to ids and back -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", TYPES)
def test_text_comes_back(kind: str, train: Train, texts: list[str]) -> None:
    tokenizer = train(model_type=kind)
    encoded = tokenizer.encode(texts)
    assert [tokenizer.decode(ids) for ids in encoded] == texts
    used = {i for ids in encoded for i in ids}
    assert used <= set(range(tokenizer.vocab_size))
    assert not used & {tokenizer.bos, tokenizer.eos, tokenizer.unk}


@pytest.mark.parametrize("kind", TYPES)
def test_pieces_spell_the_text(kind: str, train: Train, texts: list[str]) -> None:
    tokenizer = train(model_type=kind)
    pieces = tokenizer.pieces(tokenizer.encode(texts[:1])[0])
    assert "".join(pieces).replace("▁", " ") == f" {texts[0]}"
    if kind == "char":
        assert set(map(len, pieces)) == {1}
    if kind == "word":
        assert pieces == [f"▁{word}" for word in texts[0].split()]


@pytest.mark.parametrize("kind", TYPES)
def test_empty_text_has_no_pieces(kind: str, train: Train) -> None:
    tokenizer = train(model_type=kind)
    assert tokenizer.encode([""]) == [[]]
    assert tokenizer.decode([]) == ""


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_byte_fallback_spells_what_is_unknown(kind: str, train: Train) -> None:
    text = "the 犬 sees 😀 ѣ"
    with_bytes = train(model_type=kind)
    (ids,) = with_bytes.encode([text])
    assert with_bytes.unk not in ids
    assert with_bytes.decode(ids) == text
    without = train(model_type=kind, byte_fallback=False, vocab_size=80)
    (ids,) = without.encode([text])
    assert ids.count(without.unk) == 3
    assert without.decode(ids) != text


# SentencePiece's own sign for a space
NO_SPACE_SIGN = st.text(max_size=20).map(lambda text: text.replace("▁", "_"))


@given(text=NO_SPACE_SIGN)
def test_identity_leaves_any_text_as_it_is(text: str, train: Train) -> None:
    tokenizer = train(normalization="identity")
    assert tokenizer.decode(tokenizer.encode([text])[0]) == text


def test_normalization(train: Train) -> None:
    text = "  Ａ  ﬁ ½ "
    decoded = {}
    for rule in ("identity", "nmt_nfkc", "nfkc_cf"):
        tokenizer = train(normalization=rule)
        decoded[rule] = tokenizer.decode(tokenizer.encode([text])[0])
    assert decoded == {"identity": text, "nmt_nfkc": "A fi 1⁄2", "nfkc_cf": "a fi 1⁄2"}


# --- training -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", TYPES)
def test_same_text_gives_same_bytes(kind: str, train: Train, texts: list[str]) -> None:
    again = Tokenizer.train(iter(texts), TokenizerConfig(model_type=kind, vocab_size=330))  # type: ignore[arg-type]
    assert bytes(again) == bytes(train(model_type=kind))
    assert again.fingerprint == train(model_type=kind).fingerprint
    assert again.fingerprint != train(model_type=kind, normalization="identity").fingerprint


@pytest.mark.parametrize("kind", TYPES)
def test_vocabulary_is_smaller_where_the_text_has_no_more(kind: str, train: Train) -> None:
    assert train(model_type=kind, vocab_size=300).vocab_size <= 300
    assert train(model_type=kind, vocab_size=9000).vocab_size < 1000


def test_very_long_text_is_not_left_out() -> None:
    tokenizer = Tokenizer.train(["short"] * 9 + ["zebra " * 3000], TokenizerConfig(vocab_size=290))
    assert "▁zebra" in tokenizer.pieces(range(tokenizer.vocab_size))


@pytest.mark.parametrize("texts", [[], [""], [" ", ""]])
def test_no_text(texts: list[str]) -> None:
    with pytest.raises(DataError, match=r"tokenizer: .* cannot train unigram .*: there is no text"):
        Tokenizer.train(texts, TokenizerConfig())


@pytest.mark.parametrize(("kind", "size"), [("unigram", 100), ("bpe", 100)])
def test_vocabulary_too_small_for_the_text(kind: str, size: int, train: Train) -> None:
    with pytest.raises(
        DataError, match=rf"cannot train {kind} with vocab_size {size} .*: Vocab\w+ "
    ):
        train(model_type=kind, vocab_size=size)


def test_error_in_the_corpus_is_told_as_it_is(texts: list[str]) -> None:
    def broken() -> Iterator[str]:
        yield from texts
        raise DataError("a.tsv:7: not UTF-8")

    with pytest.raises(DataError, match=r"^a\.tsv:7: not UTF-8$"):
        Tokenizer.train(broken(), TokenizerConfig(vocab_size=330))


# --- the model as bytes ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", TYPES)
def test_bytes_are_all_there_is(kind: str, train: Train, texts: list[str], tmp_path: Path) -> None:
    tokenizer = train(model_type=kind)
    path = tmp_path / "a.model"
    path.write_bytes(bytes(tokenizer))
    pickled = pickle.loads(pickle.dumps(tokenizer))  # as to a process that prepares batches
    for other in (Tokenizer(bytes(tokenizer)), Tokenizer.load(path), pickled):
        assert other.encode(texts) == tokenizer.encode(texts)
        assert bytes(other) == bytes(tokenizer)
        assert (other.bos, other.eos, other.unk) == (tokenizer.bos, tokenizer.eos, tokenizer.unk)


def test_control_ids_are_those_of_no_text(train: Train, texts: list[str]) -> None:
    assert train().control_ids == ()
    model = trained_by_hand(
        texts, pad_id=3, control_symbols=["<2de>"], user_defined_symbols=["<br>"]
    )
    tokenizer = Tokenizer(model)
    assert tokenizer.pieces(tokenizer.control_ids) == ["<pad>", "<2de>"]


@pytest.mark.parametrize("absent", ["bos_id", "eos_id"])
def test_model_without_bos_or_eos(absent: str, texts: list[str]) -> None:
    with pytest.raises(DataError, match=r"a\.model: has no bos or no eos piece; train it without"):
        Tokenizer(trained_by_hand(texts, **{absent: -1}), "a.model")


@pytest.mark.parametrize("content", [b"", b"en\tde\n", bytes(99)])
def test_no_model(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.model"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"a\.model: not a SentencePiece model; make one with"):
        Tokenizer.load(path)


def test_a_model_is_compared_with_the_digest_beside_it(train: Train, tmp_path: Path) -> None:
    path = tmp_path / "a.model"
    model = bytearray(bytes(train()))
    place = model.index(b"dog")
    digest_path(path).write_text(f"{train().fingerprint}  a.model\n")
    path.write_bytes(model)
    assert Tokenizer.load(path).vocab_size == train().vocab_size
    model[place] ^= 1  # "eog": a model all the same
    path.write_bytes(model)
    for content in (None, b"", b"\xff\xfe"):
        if content is not None:
            digest_path(path).write_bytes(content)
        with pytest.raises(DataError, match=r"a\.model: damaged, or another tokenizer: its digest"):
            Tokenizer.load(path)
    digest_path(path).unlink()
    Tokenizer.load(path)


def test_truncated_model(train: Train) -> None:
    with pytest.raises(DataError, match="the tokenizer: not a SentencePiece model"):
        Tokenizer(bytes(train())[:-50])


def test_missing_model(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.model: cannot be read \(No such file"):
        Tokenizer.load(tmp_path / "a.model")
    with pytest.raises(DataError, match=r"cannot be read \(Is a directory\)"):
        Tokenizer.load(tmp_path)


# --- drawing segmentations --------------------------------------------------------------------------

SENTENCE = "the dog hears the old house. 犬"


def draws(
    tokenizer: Tokenizer, nbest: int, alpha: float, count: int = 200
) -> Counter[tuple[int, ...]]:
    generator = random.Random(3)
    return Counter(tuple(tokenizer.sample(SENTENCE, nbest, alpha, generator)) for _ in range(count))


@given(nbest=st.integers(1, 40), alpha=st.floats(0, 2), seed=st.integers())
@settings(max_examples=50)
def test_every_draw_spells_the_text(nbest: int, alpha: float, seed: int, train: Train) -> None:
    tokenizer = train()
    ids = tokenizer.sample(SENTENCE, nbest, alpha, random.Random(seed))
    assert tokenizer.decode(ids) == SENTENCE
    assert ids == tokenizer.sample(SENTENCE, nbest, alpha, random.Random(seed))
    assert all(type(i) is int for i in ids)


def test_draws_are_among_the_n_best(train: Train) -> None:
    assert list(draws(train(), 1, 0.2)) == [tuple(train().encode([SENTENCE])[0])]
    assert 2 <= len(draws(train(), 3, 0.0)) <= 3
    assert 10 < len(draws(train(), 40, 0.0)) <= 40


def test_alpha_prefers_the_probable(train: Train) -> None:
    best = tuple(train().encode([SENTENCE])[0])
    uniform, mild, sharp = (draws(train(), 8, alpha)[best] / 200 for alpha in (0.0, 0.3, 50.0))
    assert 0.04 < uniform < 0.25  # 1/8
    assert uniform < mild < sharp
    assert sharp > 0.99


def test_draws_follow_the_scores_of_the_model(train: Train) -> None:
    tokenizer = train()
    processor = sentencepiece.SentencePieceProcessor(model_proto=bytes(tokenizer))
    scores = {
        tuple(ids): sum(processor.get_score(i) for i in ids)
        for ids in processor.nbest_encode(SENTENCE, nbest_size=2)
    }
    (best, high), (second, low) = scores.items()
    alpha = math.log(3) / (high - low)  # the best three times as often as the second
    seen = draws(tokenizer, 2, alpha, count=2000)
    assert set(seen) == {best, second}
    assert abs(seen[best] / 2000 - 0.75) < 0.04


def test_empty_text_has_one_segmentation(train: Train) -> None:
    assert train().sample("", 8, 0.2, random.Random(1)) == []


@pytest.mark.parametrize("kind", ["bpe", "char", "word"])
def test_only_unigram_draws(kind: str, train: Train) -> None:
    with pytest.raises(
        ConfigError, match=r"tokenizer\.sampling_nbest: only a unigram tokenizer can"
    ):
        train(model_type=kind).sample(SENTENCE, 8, 0.2, random.Random(1))


# --- configuration ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"model_type": "wordpiece"},
            r"model_type: 'wordpiece', expected one of unigram, bpe, char, w",
        ),
        ({"normalization": "nfd"}, r"normalization: 'nfd', expected one of nmt_nfkc, .*, identity"),
        ({"vocab_size": 3}, r"vocab_size: 3, expected at least 4"),
        ({"character_coverage": 0.0}, r"character_coverage: 0\.0, expected more than 0"),
        ({"character_coverage": 1.5}, r"character_coverage: 1\.5, expected .*at most 1"),
        ({"sampling_nbest": 0}, r"sampling_nbest: 0, expected at least 1"),
        (
            {"target_model": "b.model"},
            r"target_model: with tokenizer\.joint the source_model serves",
        ),
        ({"target_type": "word"}, r"target_type: word, but with tokenizer\.joint one tokenizer"),
        ({"joint": False, "target_type": "x"}, r"target_type: 'x', expected one of unigram"),
        ({"joint": False, "source_model": "a.model"}, r"give both source_model and target_model"),
        ({"joint": False, "target_model": "a.model"}, r"give both source_model and target_model"),
        ({"sampling_alpha": -0.1}, r"sampling_alpha: -0\.1, expected"),
        ({"model_type": "bpe", "sampling_nbest": 8}, r"sampling_nbest: only a unigram tokenizer"),
    ],
)
def test_wrong_option(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=rf"^tokenizer(\.|: .*){message}"):
        TokenizerConfig(**options)


@pytest.mark.parametrize(
    "options",
    [
        {"joint": False},
        {"source_model": "a"},
        {"joint": False, "source_model": "a", "target_model": "b"},
    ],
)
def test_tokenizers_are_given_or_trained(options: dict[str, Any]) -> None:
    TokenizerConfig(**options)


# --- a corpus larger than what is trained on --------------------------------------------------------


def test_many_texts_are_sampled_alike_from_all_of_them() -> None:
    texts = [str(i) for i in range(10_000)]
    assert list(sample_texts(iter(texts), 10_000)) == texts
    some = list(sample_texts(iter(texts), 1000))
    assert len(set(some)) == 1000 and set(some) < set(texts)
    assert some == list(sample_texts(iter(texts), 1000))
    tenths = Counter(int(text) // 1000 for text in some)
    assert all(60 < tenths[i] < 140 for i in range(10)), tenths


@pytest.mark.parametrize("symbol", ["</s>", "<0x41>"])
def test_pieces_of_sentencepiece_are_no_symbols(symbol: str) -> None:
    with pytest.raises(ConfigError, match=f"{symbol} is a piece of SentencePiece's own"):
        TokenizerConfig(symbols=("<a>", symbol))


@pytest.mark.parametrize("symbol", ["the woman", " x", "x ", "", "a\0b"])
def test_a_symbol_that_would_never_be_used_is_refused(symbol: str, train: Train) -> None:
    with pytest.raises(ConfigError, match="would never be used, as SentencePiece cuts text at sp"):
        TokenizerConfig(symbols=("<a>", symbol))
    with pytest.raises(ConfigError, match="would never be used"):
        train().extended((symbol,), [], 0)


@pytest.mark.parametrize("normalization", ["nmt_nfkc", "nmt_nfkc_cf", "identity"])
def test_symbols_are_used_whatever_the_normalization(normalization: str, texts: list[str]) -> None:
    symbols = ("PST", "ＡB", "e\u0301", "ﬁ", "\u3000", "PST", ",", "<0x4>")
    config = TokenizerConfig(vocab_size=360, symbols=symbols, normalization=normalization)  # type: ignore[arg-type]
    tokenizer = Tokenizer.train(texts, config)
    for symbol in symbols:
        assert tokenizer.id_of(symbol) in tokenizer.encode([f"the dog{symbol}"])[0]


def test_of_characters_is_no_guess_from_the_pieces(texts: list[str]) -> None:
    for kind, symbols, expected in (
        ("char", (), True),
        ("char", ("PST", "<fem>"), True),
        ("word", (), False),
        ("bpe", (), False),
    ):
        config = TokenizerConfig(vocab_size=400, model_type=kind, symbols=symbols)  # type: ignore[arg-type]
        tokenizer = Tokenizer.train(texts if kind != "word" else ["a b c d e"], config)
        assert tokenizer.of_characters == expected
        assert tokenizer.extended(("<new>",), [], 0).of_characters == expected


def test_a_piece_of_text_becomes_a_symbol(train: Train) -> None:
    """So that it is one piece wherever it stands, also where the tokenizer would cut otherwise."""
    old = train(model_type="bpe")
    word = "house"
    part = next(
        word[i:j]
        for i in range(1, 5)
        for j in range(5, i, -1)
        if old.id_of(word[i:j]) not in (None, *old.encode([word])[0])
    )
    assert not old.has([part])
    new = old.extended((part,), [], 0)
    assert new.vocab_size == old.vocab_size and new.has([part])
    assert new.id_of(part) in new.encode([word])[0]
    with pytest.raises(ConfigError, match="<unk> is a piece of SentencePiece's own"):
        old.extended(("<unk>",), [], 0)


# --- new pieces -------------------------------------------------------------------------------------

_WORDS = ["собака", "кошка", "птица", "бежит", "спит", "видит", "в", "саду", "дети", "книгу"]
RUSSIAN = [" ".join(random.Random(i).choices(_WORDS, k=6)) + "." for i in range(200)]


@pytest.mark.parametrize("kind", TYPES)
def test_new_pieces_stand_behind_the_old_ones(kind: str, train: Train, texts: list[str]) -> None:
    old = train(model_type=kind)
    new = old.extended((), RUSSIAN, 40)
    ids = range(old.vocab_size)
    assert new.pieces(ids) == old.pieces(ids)
    assert old.vocab_size < new.vocab_size <= old.vocab_size + 40
    assert (new.bos, new.eos, new.unk) == (old.bos, old.eos, old.unk)
    assert new.encode(texts) == old.encode(texts)  # which has no letter of theirs
    assert [new.decode(row) for row in new.encode(RUSSIAN)] == RUSSIAN
    if kind != "word":
        assert not new.uncovered_ids.intersection(*new.encode(RUSSIAN[:1]))
    assert bytes(old.extended((), RUSSIAN, 40)) == bytes(new)


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_new_pieces_are_used(kind: str, train: Train) -> None:
    """More of them make the text shorter; characters come first."""
    old = train(model_type=kind)
    letters = {letter for text in RUSSIAN for letter in text if letter not in " ."}
    few, many = (old.extended((), RUSSIAN, count) for count in (len(letters), 100))
    assert set(few.pieces(range(old.vocab_size, few.vocab_size))) == letters
    lengths = [sum(map(len, one.encode(RUSSIAN))) for one in (old, few, many)]
    assert lengths[0] > 1.5 * lengths[1] > 2 * lengths[2]


def test_given_words_are_one_piece_each(train: Train) -> None:
    old = train()
    new = old.extended(("<med>", "Ångström", "dog"), [], 0)
    assert new.vocab_size == old.vocab_size + 3
    assert {"<med>", "Ångström"} < set(new.pieces(new.encode(["<med> two Ångström"])[0]))
    assert new.decode(new.encode(["<med> two Ångström"])[0]) == "<med> two Ångström"
    assert new.extended(("<med>",), [], 0).vocab_size == new.vocab_size  # it is there already
    with pytest.raises(ConfigError, match="<s> is a piece of SentencePiece's own"):
        old.extended(("<s>",), [], 0)


@pytest.mark.parametrize("kind", TYPES)
def test_what_a_piece_is_made_of(kind: str, train: Train) -> None:
    """Of what spells it, without a space that it does not have; an own piece of itself."""
    tokenizer = train(model_type=kind)
    own = [i for i in range(tokenizer.vocab_size) if i not in tokenizer.uncovered_ids][2:]
    for i, made_of in zip(own, tokenizer.made_of(tokenizer.pieces(own)), strict=True):
        assert made_of == [i]
    if kind in ("unigram", "bpe"):
        for word in ("▁housecat", "housecat"):
            [made_of] = tokenizer.made_of([word])
            assert "".join(tokenizer.pieces(made_of)) == word
        assert tokenizer.uncovered_ids.issuperset(tokenizer.made_of(["\u0416"])[0])  # bytes


@pytest.mark.parametrize("kind", ["unigram", "bpe", "char"])
def test_a_script_with_more_characters_than_the_model_has_pieces(kind: str, train: Train) -> None:
    old = train(model_type=kind)
    letters = [chr(0x4E00 + i) for i in range(600)]
    texts = ["".join(random.Random(i).choices(letters, k=30)) for i in range(300)]
    new = old.extended((), texts, 650)
    assert not new.uncovered_ids.intersection(*new.encode(texts))
