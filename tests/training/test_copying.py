"""The pointer-generator as a whole: it copies names that training never had, which attention alone cannot."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

import seqtext
from seqtext import checkpoint
from seqtext.cli import main
from seqtext.data.tokenizer import Tokenizer, TokenizerConfig, Tokenizers
from seqtext.inference.explain import explain
from seqtext.search.config import SearchConfig

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def rows(count: int, seed: int) -> list[tuple[str, str]]:
    """ "x met NAME" -> "NAME met y": names of random letters."""
    generator = random.Random(seed)
    found = []
    for _ in range(count):
        name = "".join(generator.choices(LETTERS, k=5))
        found.append((f"she met {name} today", f"heute traf sie {name}"))
    return found


def write(path: str, pairs: list[tuple[str, str]]) -> None:
    text = "".join(f"{source}\t{target}\n" for source, target in [("source", "target"), *pairs])
    Path(path).write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("kind", "joint"), [("char", True), ("char", False), ("word", True)], ids=str
)
def test_names_that_training_never_had(kind: str, joint: bool) -> None:
    write("train.tsv", rows(600, 1))
    write("dev.tsv", rows(40, 2))
    test = rows(40, 3)
    options = ["--data.train=train.tsv", "--data.validation=dev.tsv", "--data.batch_size=32"]
    options += [
        f"--data.tokenizer.model_type={kind}",
        f"--data.tokenizer.joint={str(joint).lower()}",
    ]
    if kind == "word":  # so few that every name is a word without a piece
        options += ["--data.tokenizer.vocab_size=12"]
    options += ["--model.network.embedding_size=32", "--model.network.hidden_size=48"]
    options += ["--model.network.dropout=0.1", "--model.optimizer.learning_rate=0.005"]
    options += ["--trainer.accelerator=cpu", "--trainer.max_epochs=4", "--selection.average_best=1"]
    options += ["--model.decode_sentences=20", "--trainer.check_val_every_n_epoch=4"]
    right = {}
    for copying in ("true", "false"):
        run = ["--run", copying, f"--model.network.copying={copying}"]
        assert main(["fit", *options, *run]) == 0
        found = seqtext.load_generator(copying).generate(
            [source for source, _ in test], beam_size=2
        )
        pairs = zip(found, test, strict=True)
        right[copying] = sum(best.text == target for [best], (_, target) in pairs)
    assert right["true"] >= 36, right
    assert right["false"] <= 4, right  # it would learn to, in three times as many epochs
    names_come_from_names([source for source, _ in test])


def names_come_from_names(sources: list[str]) -> None:
    """As ``seqtext explain`` shows it, for an ensemble with a model that cannot copy as well."""
    for runs, least in ((["true"], 0.9), (["true", "false"], 0.45)):
        generator = seqtext.load_generator(runs)
        found = explain(generator, sources, SearchConfig(beam_size=1))
        right = 0
        for source, one in zip(sources, found, strict=True):
            assert one.source == source.split()
            assert all(-1e-6 < share < 1.001 for share in one.copied)
            assert all(sum(row) < 1.001 for row in one.attention)
            if len(one.words) == 4:
                place, weight = one.origin(3)
                right += place == 2 and weight > 0.4 and one.copied[3] > least
        assert right > 20, found[:3]
    assert sum(found[0].copied) > 0
    [plain] = explain(seqtext.load_generator("false"), sources[:1], SearchConfig())
    assert not any(plain.copied)


def test_copies_by_piece(tiny: list[str]) -> None:
    """With a vocabulary each, a piece is copied as the one that is spelled alike; control pieces never."""
    separate = ["--data.tokenizer.joint=false", "--model.network.copying=true"]
    assert main(["fit", *tiny, *separate, "--trainer.max_steps=2", "--run=r"]) == 0
    model = checkpoint.load("r")
    source, target = model.tokenizers
    ids = model.weights["copy_ids"].tolist()
    assert len(ids) == source.vocab_size
    assert ids[source.eos] == ids[source.bos] == ids[source.unk] == -1
    names, there = source.pieces(range(len(ids))), target.pieces(range(target.vocab_size))
    shared = [i for i, piece in enumerate(names) if piece in there and i > 2]
    assert len(shared) > 30
    assert [there[ids[i]] for i in shared] == [names[i] for i in shared]
    assert all(ids[i] == -1 for i in range(len(ids)) if i not in shared)
    more = ["--trainer.max_steps=4", "--data.tokenizer.new_pieces=20", "--model.init_from=r"]
    kept = [option for option in tiny if "network" not in option and "tokenizer" not in option]
    assert main(["fit", *kept, "--data.source=de", "--data.target=en", *more, "--run=more"]) == 0
    more_ids = checkpoint.load("more").weights["copy_ids"]
    assert len(more_ids) == checkpoint.load("more").tokenizers.source.vocab_size > len(ids)


def test_words_without_a_piece() -> None:
    """The source's are numbered; the target's are the same ones where its source has them."""
    known = ["she met him today", "heute traf sie ihn"] * 10
    tokenizer = Tokenizer.train(known, TokenizerConfig(model_type="word", vocab_size=11))
    size, unk = tokenizer.vocab_size, tokenizer.unk
    tokenizers = Tokenizers(tokenizer, tokenizer)
    sources = ["she met Ann and Bob and Ann today", "she met him today", "Bob"]
    targets = ["Ann traf sie ihn heute Tom Bob", "heute traf sie ihn", "Ann"]
    ids, words = tokenizers.encode_sources(sources)
    assert words == [("▁Ann", "▁and", "▁Bob"), (), ("▁Bob",)]
    assert ids[0][2:7] == [size, size + 1, size + 2, size + 1, size]
    assert ids[1] == tokenizer.encode([sources[1]])[0]
    of_source, of_target = tokenizers.encode_pairs(sources, targets)
    assert of_source == ids
    assert of_target[0][0] == size
    assert of_target[0][-2:] == [unk, size + 2]
    assert of_target[2] == [unk]
    for text, row, found in zip(sources, ids, words, strict=True):
        assert tokenizer.decode(row, found) == text
    assert tokenizer.decode(of_target[0], words[0]).startswith("Ann traf sie ihn heute")
    assert tokenizer.pieces([size + 1, ids[1][0]], words[0]) == ["▁and", "▁she"]
    # behind the cut it is none that could be copied
    batch = tokenizers.collate(of_source[:1], of_target[:1], 4)
    assert batch.source[0].tolist() == [*ids[0][:4], tokenizer.eos]
    assert batch.labels[0, 0] == size and batch.labels[0].max() == size
    whole = tokenizers.collate(of_source[:1], of_target[:1], 5)
    assert whole.labels[0].max() == size + 2


def test_rows_with_unknown_words_are_not_sampled() -> None:
    known = ["the dog sees the cat there", "a cat saw dogs here"] * 20
    config = TokenizerConfig(vocab_size=40, byte_fallback=False, sampling_nbest=8)
    both = Tokenizer.train(known, config)
    tokenizers = Tokenizers(both, both)
    rows = [("the dog sees 東京 there", "dog 東京"), ("the dog sees the cat there", "a cat")]
    keys = [str(i) for i in range(30)]
    found = tokenizers.sample_pairs(rows[:1] * 30, config, keys)
    expected = tokenizers.encode_pairs(*zip(*rows[:1], strict=True))
    assert found == ([expected[0][0]] * 30, [expected[1][0]] * 30)
    assert max(expected[1][0]) >= both.vocab_size
    assert len({str(ids) for ids in tokenizers.sample_pairs(rows[1:] * 30, config, keys)[0]}) > 1


def test_fine_tuning_goes_on_with_task_and_tells_of_the_limit(
    tiny: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    short = ["--data.max_source_length=9", "--data.truncate_sources=true", "--trainer.max_steps=2"]
    assert main(["fit", *tiny, *short, "--model.task=code", "--run=r"]) == 0
    kept = [option for option in tiny if "network" not in option and "tokenizer" not in option]
    more = ["--model.init_from=r", "--trainer.max_steps=2", "--run=more"]
    assert main(["fit", *kept, *more]) == 0
    assert "reads 9 pieces of a source at most, this one all" in capsys.readouterr().err
    assert checkpoint.load("more").task == "code"
    assert checkpoint.load("more").source_limit is None
    assert seqtext.load(["r", "more"]).source_limit == seqtext.load(["more", "r"]).source_limit == 9
