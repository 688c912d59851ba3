"""``fit --model.init_from``: what it takes over, refuses and keeps frozen."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

import seqtext
from seqtext import checkpoint
from seqtext.cli import main
from seqtext.data.corpus import Corpus
from seqtext.training.config import PARTS
from seqtext.training.pretrained import part_of

SOURCES = ["The dog is sleeping.", "My sister has bought a very expensive red car."]
STILL = "--model.optimizer.learning_rate=1e-12"
OTHER_DATA = [
    "--data.train=builtin:train:120:7",
    "--data.validation=builtin:validation:30:7",
    "--data.source=en",
    "--data.target=de",
    "--data.batch_size=24",
    "--model.decode_sentences=0",
    "--selection.monitor=val_loss",
    "--trainer.accelerator=cpu",
    "--trainer.max_epochs=1",
    "--selection.average_best=1",
]


def weights(run: str | Path) -> dict[str, torch.Tensor]:
    return checkpoint.load(run).weights


def test_network_and_tokenizer_are_the_checkpoints(trained: Path) -> None:
    """Where nothing is learned, the model is the one that it started from."""
    assert main(["fit", *OTHER_DATA, f"--model.init_from={trained}", STILL, "--run=r"]) == 0
    old, new = checkpoint.load(trained), checkpoint.load("r")
    assert new.config == old.config
    assert bytes(new.tokenizers.target) == bytes(old.tokenizers.target)
    for name, weight in old.weights.items():
        torch.testing.assert_close(new.weights[name], weight, rtol=0, atol=1e-8)
    found, expected = (seqtext.load_generator(run).generate(SOURCES) for run in ("r", trained))
    assert [[one.text for one in best] for best in found] == [
        [one.text for one in best] for best in expected
    ]


def test_what_regularizes_may_change(trained: Path) -> None:
    options = ["--model.network.word_dropout=0.1", "--model.network.hidden_size=24"]
    run = [f"--model.init_from={trained}", *options, "--run=r"]
    assert main(["fit", *OTHER_DATA, *run]) == 0
    config = checkpoint.load("r").config
    assert (config.word_dropout, config.dropout) == (0.1, checkpoint.load(trained).config.dropout)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--model.network.hidden_size=32", "--model.network.cell=gru"],
            "network.cell: the checkpoint has 'lstm', given is 'gru'; model.network.hidden_size: the"
            " checkpoint has 24, given is 32",
        ),
        (
            ["--data.tokenizer.vocab_size=300"],
            "data.tokenizer.vocab_size: 300, but model.init_from",
        ),
        (["--model.freeze=encoder,embedding"], "freeze: 'embedding', expected some of embeddings"),
        (["--model.freeze=embeddings,encoder,attention,decoder,output"], "all weights are frozen"),
        (
            ["--model.init_parts=encoder", "--model.network.hidden_size=32"],
            "encoder of the checkpoint does not fit: encoder.stack",
        ),
    ],
)
def test_contradictions_are_refused_by_name(
    options: list[str], message: str, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fit", *OTHER_DATA, f"--model.init_from={trained}", *options, "--run=r"]) == 2
    assert message in capsys.readouterr().err


def test_what_is_inherited_is_told(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A default given by hand cannot be told from none: so what holds is said."""
    given = "--model.network.hidden_size=512"
    assert main(["fit", *OTHER_DATA, f"--model.init_from={trained}", given, STILL, "--run=r"]) == 0
    told = capsys.readouterr().err
    [line] = [line for line in told.splitlines() if line.startswith("init_from: ")]
    assert "; from it " in line and "network.hidden_size 24" in line
    assert "dropout 0.2" in line and "encoder_layers" not in line


def test_nothing_to_start_from(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", *OTHER_DATA, "--model.init_from=nothing", "--run=r"]) == 2
    assert "nothing: no such file or folder" in capsys.readouterr().err
    assert not Path("r").exists()
    assert main(["fit", *OTHER_DATA, "--model.init_parts=encoder", "--run=r"]) == 2
    assert "init_parts: of what? Name a checkpoint with init_from" in capsys.readouterr().err


@pytest.mark.parametrize("parts", ["encoder", "embeddings,decoder", "attention,output"])
def test_frozen_parts_stay_to_the_bit(parts: str, trained: Path) -> None:
    options = [f"--model.init_from={trained}", f"--model.freeze={parts}", "--run=r"]
    assert main(["fit", *OTHER_DATA, *options]) == 0
    before, after = weights(trained), weights("r")
    tied = {"decoder.output.weight": "embeddings"}  # the embeddings' own weights
    for name, weight in after.items():
        if tied.get(name, part_of(name)) in parts.split(","):
            assert torch.equal(weight, before[name]), name
        elif "bias" not in name:
            assert not torch.equal(weight, before[name]), name


def test_parts_of_a_model_go_into_another(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The encoder by name, the embeddings by piece, the rest anew."""
    options = ["--data.tokenizer.vocab_size=420", "--model.network.decoder_layers=2"]
    options += ["--model.network.embedding_size=16", "--model.network.hidden_size=24"]
    init = [f"--model.init_from={trained}", "--model.init_parts=encoder,embeddings", STILL]
    assert main(["fit", *OTHER_DATA, *options, *init, "--run=r"]) == 0
    assert "of the target pieces" in capsys.readouterr().err
    old, new = checkpoint.load(trained), checkpoint.load("r")
    assert new.config.decoder_layers == 2
    assert new.tokenizers.target.vocab_size == 420
    pieces = [
        side.pieces(range(side.vocab_size)) for side in (old.tokenizers[1], new.tokenizers[1])
    ]
    shared = set(pieces[0]) & set(pieces[1])
    assert 200 < len(shared) < 420
    for name, weight in new.weights.items():
        close: dict[str, Any] = {"rtol": 0.0, "atol": 1e-8}
        if part_of(name) == "encoder":
            torch.testing.assert_close(weight, old.weights[name], **close)
        elif part_of(name) == "embeddings":
            here, there = ([side.index(piece) for piece in shared] for side in pieces[::-1])
            torch.testing.assert_close(weight[here], old.weights[name][there], **close)
    assert {part_of(name) for name in new.weights} == set(PARTS)


def test_scores_before_and_after(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of the validation set and the old one. Learning nothing changes nothing."""
    Path("old.tsv").write_text("en\tde\nThe dog sleeps.\tDer Hund schläft.\n", encoding="utf-8")
    options = [*OTHER_DATA, f"--model.init_from={trained}", "--data.compare=old.tsv"]
    options += ["--model.decode_sentences=8", "--selection.monitor=val_bleu"]
    assert main(["fit", *options, STILL, "--run=still"]) == 0
    told = capsys.readouterr().err
    scores = json.loads(Path("still/comparison.json").read_text())
    assert set(scores["before"]) == {"validation", "old.tsv"}
    assert scores["before"] == scores["after"]
    assert f"compare: old.tsv  BLEU {scores['after']['old.tsv']['bleu']:.2f} before, " in told
    fast = "--model.optimizer.learning_rate=0.01"
    longer = ["--trainer.max_epochs=8", "--trainer.check_val_every_n_epoch=8"]
    assert main(["fit", *options, fast, *longer, "--run=fast"]) == 0
    changed = json.loads(Path("fast/comparison.json").read_text())
    assert changed["before"] == scores["before"]
    assert changed["after"]["validation"]["chrf"] > scores["before"]["validation"]["chrf"]
    assert main(["fit", "--resume=fast", "--trainer.max_epochs=9"]) == 0
    assert json.loads(Path("fast/comparison.json").read_text())["before"] == scores["before"]
    assert not (trained / "comparison.json").exists()
    unasked = ["--model.decode_sentences=0", "--selection.monitor=val_loss", "--run=none"]
    assert main(["fit", *options, STILL, *unasked]) == 2
    assert "data.compare: scores decoded sentences" in capsys.readouterr().err


def test_a_fine_tuned_run_goes_on_without_its_origin(trained: Path) -> None:
    """Stopped after an epoch and gone on with, it ends with the bits of the uninterrupted one."""
    origin = shutil.copytree(trained, "origin")
    options = [*OTHER_DATA, "--model.init_from=origin", "--model.freeze=encoder"]
    two = "--trainer.max_epochs=2"
    assert main(["fit", *options, two, "--run=whole"]) == 0
    assert main(["fit", *options, "--run=parts"]) == 0
    shutil.rmtree(origin)
    assert main(["fit", "--resume=parts", two]) == 0
    for name, weight in weights("whole/last.ckpt").items():
        assert torch.equal(weights("parts/last.ckpt")[name], weight), name


def test_a_file_is_a_corpus_alone_and_in_a_list(tiny: list[str]) -> None:
    """And no file of options, which the parser would take it for."""
    rows = "".join(f"House {i} is red.\tHaus {i} ist rot.\n" for i in range(60))
    Path("a.tsv").write_text("en\tde\n" + rows)
    several = "[a.tsv, {path: builtin:train:100, weight: 0.5, tag: <b>}]"
    for name, train in (("one", "a.tsv"), ("two", several)):
        options = [f"--data.train={train}", "--data.validation=split:9", f"--run={name}"]
        assert main(["fit", *tiny, *options, "--trainer.max_epochs=1"]) == 0
    assert main(["fit", "--resume=two", "--trainer.max_epochs=2"]) == 0
    pieces = checkpoint.load("two").tokenizers.source
    assert "<b>" in pieces.pieces(range(pieces.vocab_size))


def test_parts_learn_at_their_own_rates(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A part with a tiny factor stays. The others learn. A resumed run keeps the factors."""
    rates = '--model.optimizer.learning_rate_factors={"encoder": 1e-9, "embeddings": 0.5}'
    options = [*OTHER_DATA, f"--model.init_from={trained}", rates]
    assert main(["fit", *options, "--trainer.max_epochs=2", "--run=whole"]) == 0
    before, after = weights(trained), weights("whole/last.ckpt")
    for name, weight in after.items():
        if part_of(name) == "encoder":
            torch.testing.assert_close(weight, before[name], rtol=0, atol=1e-8)
    assert not torch.equal(after["decoder.readout.weight"], before["decoder.readout.weight"])
    assert main(["fit", *options, "--run=parts"]) == 0
    assert main(["fit", "--resume=parts", "--trainer.max_epochs=2"]) == 0
    for name, weight in weights("parts/last.ckpt").items():
        assert torch.equal(after[name], weight), name
    for wrong, message in (
        ("{decoders: 1}", "'decoders', expected some"),
        ("{decoder: 0}", "0.0 for decoder"),
    ):
        capsys.readouterr()
        options = [*OTHER_DATA, f"--model.optimizer.learning_rate_factors={wrong}", "--run=r"]
        assert main(["fit", *options]) == 2
        assert f"optimizer.learning_rate_factors: {message}" in capsys.readouterr().err


@pytest.mark.parametrize(
    "change", ["--model.freeze=decoder", '--model.optimizer.learning_rate_factors={"encoder": 0.5}']
)
def test_a_checkpoint_from_elsewhere_keeps_what_it_trains(
    change: str, trained: Path, tiny: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Without the run's configuration beside it."""
    shutil.copy(trained / "last.ckpt", "x.ckpt")
    assert main(["fit", *tiny, "--resume=x.ckpt", change, "--trainer.max_epochs=3"]) == 2
    assert (
        "model.freeze or model.optimizer.learning_rate_factors are not those"
        in capsys.readouterr().err
    )


@pytest.mark.parametrize(
    "change", ["--model.freeze=decoder", '--model.optimizer.learning_rate_factors={"encoder": 0.5}']
)
def test_a_run_keeps_what_it_trains(
    change: str, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Named before anything is restored, with the way out."""
    run = Path(shutil.copytree(trained, "run"))
    before = (run / "last.ckpt").read_bytes()
    assert main(["fit", f"--resume={run}", change, "--trainer.max_epochs=3"]) == 2
    told = capsys.readouterr().err
    assert change.partition("=")[0] in told and "--model.init_from run" in told
    assert (run / "last.ckpt").read_bytes() == before


# --- new pieces -----------------------------------------------------------------------------------------


def other_script(count: int) -> str:
    """A table of pairs whose target is in letters that the built-in grammar never has."""
    table = {ord(a): chr(ord("а") + i) for i, a in enumerate("abcdefghijklmnopqrstuvwxyz")}
    rows = Corpus(f"builtin:train:{count}:3", "en", "de").rows()
    return "en\tde\n" + "".join(f"{en}\t{de.lower().translate(table)}\n" for en, de in rows)


def test_new_pieces_start_as_the_mean_of_what_they_are_made_of(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("new.tsv").write_text(other_script(200), encoding="utf-8")
    options = [*OTHER_DATA, "--data.train=new.tsv", "--data.tokenizer.symbols=[<med>]"]
    options += [f"--model.init_from={trained}", "--data.tokenizer.new_pieces=60"]
    assert main(["fit", *options, STILL, "--run=r"]) == 0
    old, new = checkpoint.load(trained), checkpoint.load("r")
    added = range(old.tokenizers.target.vocab_size, new.tokenizers.target.vocab_size)
    assert f"tokenizer: {len(added)} pieces added to those given" in capsys.readouterr().err
    assert 40 < len(added) <= 61
    pieces = new.tokenizers.target.pieces(added)
    assert pieces[0] == "<med>" and "б" in pieces
    for name, weight in new.weights.items():
        if part_of(name) in ("embeddings", "output"):
            before = old.weights[name]
            torch.testing.assert_close(
                weight[: added[0]], before[: added[0]], rtol=0, atol=1e-8, msg=name
            )
            for i, made_of in zip(added, old.tokenizers.target.made_of(pieces), strict=True):
                mean = before[made_of].mean(0)
                torch.testing.assert_close(weight[i], mean, rtol=0, atol=1e-6, msg=name)


@pytest.mark.slow
def test_a_script_that_the_model_never_saw(trained: Path) -> None:
    """It becomes pieces of its own, resumes to the bit, and decodes without its origin."""
    Path("new.tsv").write_text(other_script(200), encoding="utf-8")
    options = [*OTHER_DATA, "--data.train=new.tsv", f"--model.init_from={trained}"]
    options += ["--data.tokenizer.new_pieces=100"]
    assert main(["fit", *options, "--trainer.max_epochs=2", "--run=whole"]) == 0
    assert main(["fit", *options, "--run=parts"]) == 0
    assert main(["fit", "--resume=parts", "--trainer.max_epochs=2"]) == 0
    for name, weight in weights("whole/last.ckpt").items():
        assert torch.equal(weights("parts/last.ckpt")[name], weight), name
    tokenizer = checkpoint.load("parts").tokenizers.target
    [ids] = tokenizer.encode(["дие катзе сцхлäфт."])
    assert not tokenizer.uncovered_ids.intersection(ids)
    assert checkpoint.load(trained).tokenizers.target.uncovered_ids.intersection(
        checkpoint.load(trained).tokenizers.target.encode(["дие катзе"])[0]
    )
    seqtext.load_generator("parts").generate(SOURCES)


def test_frozen_embeddings_cannot_have_new_pieces(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [f"--model.init_from={trained}", "--data.tokenizer.symbols=[<med>]", "--run=r"]
    assert main(["fit", *OTHER_DATA, *options, "--model.freeze=embeddings"]) == 2
    assert "1 pieces are new and would never learn" in capsys.readouterr().err


def test_new_pieces_of_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", *OTHER_DATA, "--data.tokenizer.new_pieces=5", "--run=r"]) == 2
    assert "no checkpoint brings the pieces" in capsys.readouterr().err


# --- word vectors ---------------------------------------------------------------------------------------


def test_word_vectors(tiny: list[str], trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Those of the source are put where they belong, the run resumes without their file."""
    pieces = checkpoint.load(trained).tokenizers.source
    words = [p[1:] for p in pieces.pieces(range(pieces.vocab_size)) if p[0] == "▁" and len(p) > 2]
    rows = [
        f"{word} {' '.join(str(i % 7 + j) for j in range(16))}\n" for i, word in enumerate(words)
    ]
    Path("en.vec").write_text(f"{len(rows)} 16\n" + "".join(rows), encoding="utf-8")
    options = [*tiny, "--model.source_vectors=en.vec", STILL, "--trainer.max_epochs=1"]
    assert main(["fit", *options, "--run=r"]) == 0
    told = f"vectors: {len(words):,} of 500 source pieces start with one of en.vec"
    assert told in capsys.readouterr().err
    weight = weights("r")["encoder.embedding.weight"]
    ids = [pieces.pieces(range(pieces.vocab_size)).index(f"▁{word}") for word in words]
    expected = torch.tensor([[i % 7 + j for j in range(16)] for i in range(len(words))]).float()
    scale = (weight[ids] / expected.clamp(min=1))[:, 1:]
    torch.testing.assert_close(scale, scale.mean().expand_as(scale), rtol=0, atol=1e-6)
    Path("en.vec").unlink()
    assert main(["fit", "--resume=r", "--trainer.max_epochs=2"]) == 0
    assert main(["fit", *options, "--run=s"]) == 2
    assert "source_vectors: en.vec: no such file" in capsys.readouterr().err
    again = [*OTHER_DATA, f"--model.init_from={trained}", "--model.source_vectors=en.vec"]
    assert main(["fit", *again, "--run=t"]) == 2
    assert "init_from brings embeddings already" in capsys.readouterr().err
