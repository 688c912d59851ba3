"""``seqtext generate``, ``test``, ``tokenizer`` and ``seqtext.load``."""

from __future__ import annotations

import io
import itertools
import json
import re
import shutil
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import torch
from sentencepiece import SentencePieceProcessor, SentencePieceTrainer

import seqtext
from seqtext import checkpoint
from seqtext import grammar as builtin
from seqtext.cli import main
from seqtext.cli.streams import as_line, as_row
from seqtext.data.tokenizer import Tokenizer, TokenizerConfig, Tokenizers
from seqtext.errors import ConfigError
from seqtext.inference.generator import Generator
from seqtext.inference.rules import RuleMaker
from seqtext.metrics import score_summaries
from seqtext.nn.config import NetworkConfig
from seqtext.nn.encoder_decoder import EncoderDecoder
from seqtext.nn.precision import has_bfloat16
from seqtext.search.config import SearchConfig

SOURCES = ["The dog is sleeping.", "", "My sister has bought a very expensive red car.", "Нет"]


bfloat16 = pytest.mark.skipif(not has_bfloat16(), reason="this CPU has no bfloat16 kernels")

Generate = Callable[..., list[str]]


@pytest.fixture
def generate(
    trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Generate:
    """Run ``seqtext generate`` from standard input to standard output."""

    def generate(*options: str, text: str = "\n".join(SOURCES) + "\n") -> list[str]:
        stdin = io.TextIOWrapper(io.BytesIO(text.encode()))
        monkeypatch.setattr(sys, "stdin", stdin)
        capsys.readouterr()
        assert main(["generate", str(trained), *options]) == 0
        return capsys.readouterr().out.split("\n")[:-1]

    return generate


def test_a_line_for_each_line(generate: Generate, trained: Path) -> None:
    expected = [found[0].text for found in seqtext.load_generator(trained).generate(SOURCES)]
    assert generate() == expected


def test_scores(generate: Generate, trained: Path) -> None:
    found = seqtext.load_generator(trained).generate(SOURCES)
    assert generate("--scores") == [f"{one.score:.4f}\t{one.text}" for [one] in found]


def test_n_best(generate: Generate, trained: Path) -> None:
    lines = [line.split("\t") for line in generate("--n_best", "3", "--beam_size", "4")]
    assert lines[3] == ["1", "0.0000", ""]  # nothing in, nothing out
    assert [int(line[0]) for line in lines] == [0, 0, 0, 1, 2, 2, 2, 3, 3, 3]
    for i in (0, 2, 3):
        scores = [float(line[1]) for line in lines if int(line[0]) == i]
        assert scores == sorted(scores, reverse=True)
        assert len({line[2] for line in lines if int(line[0]) == i}) >= 2


def test_samples(generate: Generate, trained: Path) -> None:
    expected = seqtext.load_generator(trained).generate(SOURCES, samples=2, temperature=0.8)
    told = [
        as_row(str(i), f"{each.score:.4f}", each.text)
        for i, hypotheses in enumerate(expected)
        for each in hypotheses
    ]
    options = ["--samples", "2", "--temperature", "0.8"]
    assert generate(*options) == told
    assert generate(*options, "--batch_size", "1") == told
    assert generate(*options, "--seed", "2") != told
    first = [as_line(each.text) for each, *_ in expected]
    assert generate("--samples", "1", "--temperature", "0.8") == first


def test_jsonl(generate: Generate) -> None:
    records = [json.loads(line) for line in generate("--format", "jsonl", "--n_best", "2")]
    assert [record["source"] for record in records] == SOURCES
    assert [record["index"] for record in records] == [0, 1, 2, 3]
    for record in records:
        assert len(record["hypotheses"]) == (2 if record["source"] else 1)
        for one in record["hypotheses"]:
            assert one["log_prob"] == pytest.approx(one["score"] * (len(one["pieces"]) + 1))


def test_from_file_to_file(trained: Path) -> None:
    Path("in.txt").write_text("\ufeffThe dog sleeps.\r\nHe sings.\r\n", encoding="utf-8")
    assert main(["generate", str(trained), "--input", "in.txt", "--output", "out.txt"]) == 0
    expected = seqtext.load_generator(trained).generate(["The dog sleeps.", "He sings."])
    assert Path("out.txt").read_text() == "".join(f"{one.text}\n" for [one] in expected)


def test_output_may_be_a_device_or_a_link(trained: Path) -> None:
    Path("in.txt").write_text("The dog sleeps.\n")
    Path("real.txt").write_text("old\n")
    Path("link.txt").symlink_to("real.txt")
    for name in ("link.txt", "/dev/null"):
        assert main(["generate", str(trained), "--input", "in.txt", "--output", name]) == 0
    assert Path("link.txt").is_symlink()
    assert Path("real.txt").read_text() != "old\n"
    assert Path("/dev/null").is_char_device()


def test_no_input_no_output(generate: Generate) -> None:
    assert generate(text="") == []


def test_checkpoint_alone_decodes_elsewhere(trained: Path, tmp_path: Path) -> None:
    shutil.copy(trained / "best.ckpt", tmp_path / "copied.ckpt")
    copied = seqtext.load_generator(tmp_path / "copied.ckpt")
    assert copied.generate(SOURCES) == seqtext.load_generator(trained).generate(SOURCES)


def assert_same(found: list[Any], expected: list[Any], tolerance: float) -> None:
    for one, other in zip(found, expected, strict=True):
        assert [hypothesis.text for hypothesis in one] == [h.text for h in other]
        assert [h.score for h in one] == pytest.approx([h.score for h in other], abs=tolerance)


def test_order_and_batch_size_change_nothing(trained: Path) -> None:
    translator = seqtext.load_generator(trained)
    translator.networks[0].double()
    options: dict[str, Any] = {"beam_size": 3, "n_best": 2}
    alone = [translator.generate([source], **options)[0] for source in SOURCES]
    together = translator.generate(SOURCES * 3, **options, batch_size=5)
    assert_same(together, alone * 3, 1e-12)
    assert_same(translator.generate(SOURCES[::-1], **options), alone[::-1], 1e-12)


def test_an_ensemble_scores_by_the_mean_of_its_probabilities(
    trained: Path, other: Path, generate
) -> None:
    translator = seqtext.load_generator([trained, other])
    tokenizers = translator.tokenizers
    target_pieces = SentencePieceProcessor(model_proto=bytes(tokenizers.target))
    for source, [best] in zip(SOURCES, translator.generate(SOURCES), strict=True):
        if not source:
            continue
        ids = torch.tensor([tokenizers.source.encode([source])[0] + [tokenizers.source.eos]])
        target = target_pieces.piece_to_id(list(best.pieces))
        read = torch.tensor([[tokenizers.target.bos, *target]])
        wanted = torch.tensor([[*target, tokenizers.target.eos]]).unsqueeze(2)
        lengths = torch.tensor([ids.size(1)])
        mean = sum(network(ids, lengths, read).softmax(2) for network in translator.networks) / 2
        assert best.log_prob == pytest.approx(mean.log().gather(2, wanted).sum().item(), rel=1e-4)
    expected = [best.text for [best] in translator.generate(SOURCES)]
    assert generate(str(other)) == expected


def test_the_same_model_twice_is_that_model(trained: Path) -> None:
    twice, once = seqtext.load_generator([trained, trained]), seqtext.load_generator(trained)
    assert_same(twice.generate(SOURCES), once.generate(SOURCES), 1e-5)


def test_an_ensemble_shares_its_tokenizers(trained: Path, other: Path, capsys) -> None:
    content = torch.load(other, weights_only=True)
    tokenizer = Tokenizer(content["seqtext"]["target_spm"]).extended(["<new>"], [], 0)
    content["seqtext"]["target_spm"] = bytes(tokenizer)
    checkpoint.add_digest(content)
    torch.save(content, other)
    assert main(["generate", str(trained), str(other)]) == 2
    message = capsys.readouterr().err
    assert f"{other} and {trained}: have different target tokenizers" in message
    with pytest.raises(ConfigError, match="an empty list, expected at least one checkpoint"):
        seqtext.load([])


@bfloat16
def test_bfloat16_scores_about_the_same(trained: Path, generate) -> None:
    exact, fast = seqtext.load_generator(trained), seqtext.load_generator(trained, precision="bf16")
    assert all(p.dtype == torch.bfloat16 for p in fast.networks[0].parameters())
    for [one], [other] in zip(exact.generate(SOURCES), fast.generate(SOURCES), strict=True):
        assert other.score == pytest.approx(one.score, rel=0.05)
    assert generate("--precision", "bf16", "--scores") != generate("--scores")


def test_integers_score_about_the_same_in_any_batch(trained: Path, generate) -> None:
    exact, fast = seqtext.load_generator(trained), seqtext.load_generator(trained, precision="int8")
    for [one], [other] in zip(exact.generate(SOURCES), fast.generate(SOURCES), strict=True):
        assert other.score == pytest.approx(one.score, rel=0.05)
    outputs = generate("--precision", "int8", "--scores")
    assert outputs != generate("--scores")
    assert outputs == generate("--precision", "int8", "--scores", "--batch_size", "1")


def test_precision_is_checked(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        ConfigError, match="precision: 'fp8', expected one of auto, fp32, bf16, int8"
    ):
        seqtext.load(trained, precision="fp8")  # type: ignore[arg-type]
    monkeypatch.setattr("seqtext.inference.loading.has_bfloat16", lambda: False)
    with pytest.raises(ConfigError, match="precision: this processor has no bfloat16"):
        seqtext.load(trained, precision="bf16")


def test_a_single_string_is_refused(trained: Path) -> None:
    with pytest.raises(seqtext.errors.ConfigError, match="expected a list of strings"):
        seqtext.load_generator(trained).generate("The dog sleeps.")


def test_scores_are_those_of_the_outputs(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import sacrebleu

    options = ["--data.test", "builtin:test:30", "--beam_size", "2", "--output", "hyp.txt"]
    assert main(["test", str(trained), *options]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    hypotheses = Path("hyp.txt").read_text().split("\n")[:-1]
    references = [german for _, german in builtin.pairs("test", 30)]
    bleu = sacrebleu.corpus_bleu(hypotheses, [references])
    assert result["bleu"] == round(bleu.score, 2)
    assert result["chrf"] == round(sacrebleu.corpus_chrf(hypotheses, [references]).score, 2)
    assert result["signature"].startswith("nrefs:1|case:mixed|eff:no|tok:13a")


@pytest.mark.parametrize("tokenize", ["char", "none"])
def test_bleu_tokenize_is_that_of_the_score(
    trained: Path, tokenize: str, capsys: pytest.CaptureFixture[str]
) -> None:
    import sacrebleu

    for side, text in (("en", "the dog sleeps\n"), ("de", "Der Hund schläft.\n")):
        Path(f"c.{side}").write_text(text * 2, encoding="utf-8")
    options = ["--data.test", "./c", "--bleu_tokenize", tokenize, "--output", "hyp.txt"]
    assert main(["test", str(trained), *options]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    hypotheses = Path("hyp.txt").read_text(encoding="utf-8").split("\n")[:-1]
    references = [["Der Hund schläft."] * 2]
    bleu = sacrebleu.corpus_bleu(hypotheses, references, tokenize=tokenize)
    assert result["bleu"] == round(bleu.score, 2)
    assert f"|tok:{tokenize}|" in result["signature"]


def write_summaries(path: str) -> None:
    rows = [
        {"source": "The dog sleeps. Cats run.", "target": ["Der Hund schläft.", "Ein Hund"]},
        {"source": "The Foo cat sees it.", "target": ["Foo Katze"]},
    ]
    Path(path).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def test_summaries_are_scored_with_several_references_beside_a_baseline(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_summaries("c.jsonl")
    Path("train.tsv").write_text("source\ttarget\nx\tDer Hund\n", encoding="utf-8")
    options = ["--data.test", "c.jsonl", "--data.source", "source", "--data.target", "target"]
    options += ["--output", "hyp.txt", "--task", "summarization", "--examples", "1"]
    assert main(["test", str(trained), *options, "--data.train", "train.tsv"]) == 0
    *shown, last = capsys.readouterr().out.splitlines()
    result = json.loads(last)
    hypotheses = Path("hyp.txt").read_text(encoding="utf-8").split("\n")[:-1]
    assert len(hypotheses) == 2  # one for each source, however many references it has
    assert [line.split(":")[0].strip() for line in shown if line] == [
        "source", "reference", "reference", "hypothesis",
    ]  # fmt: skip
    sources = ["The dog sleeps. Cats run.", "The Foo cat sees it."]
    references = [["Der Hund schläft.", "Ein Hund"], ["Foo Katze"]]
    expected = score_summaries(sources, hypotheses, references)._asdict()
    assert result.items() >= expected.items()
    assert result["lead"] == "first 2 words"
    lead = score_summaries(sources, ["The dog", "The Foo"], references)
    assert result["lead_rouge1"] == lead.rouge1
    assert result["unseen_words"] == 1  # Foo
    for option, name in (("sentence", "first sentence"), ("3", "first 3 words")):
        assert main(["test", str(trained), *options, "--lead", option]) == 0
        assert json.loads(capsys.readouterr().out.splitlines()[-1])["lead"] == name
    assert main(["test", str(trained), *options, "--bleu_tokenize", "char"]) == 2
    assert "--bleu_tokenize: is of --task translation and code" in capsys.readouterr().err
    assert main(["test", str(trained), *options, "--lead", "0"]) == 2
    assert "--lead 0: expected a number of words, or sentence" in capsys.readouterr().err


def test_explain_shows_every_word(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sources = [source for source in SOURCES if source]
    Path("in").write_text("\n".join(sources) + "\n", encoding="utf-8")
    options = [str(trained), "--input", "in", "--max_length", "9", "--beam_size", "2"]
    assert main(["explain", *options, "--examples", "2"]) == 0
    told = capsys.readouterr().out
    found = [
        best.text
        for [best] in seqtext.load_generator(trained).generate(sources, beam_size=2, max_length=9)
    ]
    blocks = [block.split("\n") for block in told.split("\n\n")]
    assert [lines[0] for lines in blocks[:2]] == [" ".join(text.split()) for text in sources[:2]]
    for lines, text in zip(blocks[:2], found[:2], strict=True):
        assert lines.pop(1) == f"-> {' '.join(text.split())}"
        assert "".join(line.split("<-")[0].strip() for line in lines[1:]) == "".join(text.split())
    assert main(["explain", *options, "--html", "page.html"]) == 0
    page = Path("page.html").read_text(encoding="utf-8")
    assert page.count('<p><b>source</b></p><p dir="auto"><span') == 3
    assert page.count('<p><b>output</b></p><p dir="auto"><span') == 3
    assert page.count("<section>") == 3 and "http" not in page and "<script" not in page
    assert 'name="viewport"' in page and "@media print" in page
    assert "Нет" in page
    root = ElementTree.fromstring(
        page.split("</head>")[1].replace("<body>", "<b>").replace("</body></html>", "</b>")
    )
    for section, text in zip(root.iter("section"), found, strict=True):
        head, *rows = section.iter("tr")
        source, output = (
            ["".join(word.itertext()) for word in p.iter("span")]
            for p in section.iter("p")
            if p.get("dir")
        )
        assert "".join(output) == "".join(text.split())
        assert ["".join(cell.itertext()) for cell in head] == ["", *source]
        assert ["".join(row[0].itertext()) for row in rows] == output
        for row in rows:  # shades that can be seen and printed, not only pointed at
            shades = [
                re.search(r"rgba\(255, 140, 0, ([\d.]+)\)", cell.get("style", ""))
                for cell in row[1:]
            ]
            assert len(shades) == len(source)
            assert 0 < sum(float(shade[1]) for shade in shades if shade) <= 1.05


def test_code_is_scored_word_by_word(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("c.tsv").write_text("en\tde\nThe dog\tx = 1\n", encoding="utf-8")
    assert main(["test", str(trained), "--data.test", "c.tsv", "--task", "code"]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert "|tok:none|" in result["signature"] and result["exact_match"] == 0


def test_lengths_are_what_was_asked_for(generate: Generate, trained: Path) -> None:
    """In words as spaces separate them, and in pieces."""
    text = "\n".join(source for source, _ in builtin.pairs("test", 20)) + "\n"
    free = generate(text=text)

    def words(*options: str) -> list[int]:
        """Of the outputs that were not cut off at their maximum length."""
        found = [json.loads(line) for line in generate("--format=jsonl", *options, text=text)]
        best = [record["hypotheses"][0] for record in found]
        return [len(one["text"].split(" ")) for one in best if len(one["pieces"]) < 60]

    assert SearchConfig(min_length_ratio=3).limits(torch.tensor([2, 50]))[0].tolist() == [6, 150]
    assert max(words("--max_words=2", "--max_length=60")) == 2
    assert set(words("--max_words=2", "--min_words=2", "--max_length=60")) <= {2}
    records = [
        json.loads(line)
        for line in generate(
            "--format=jsonl", "--min_length_ratio=1.5", "--max_length_ratio=1.5", text=text
        )
    ]
    source = seqtext.load_generator(trained).tokenizers.source
    for record in records:
        count = len(source.encode([record["source"]])[0])
        assert len(record["hypotheses"][0]["pieces"]) == -(-3 * count // 2)
    for line in generate(
        "--min_length", "12", "--no_repeat_ngram_size", "2", "--format=jsonl", text=text
    ):
        pieces = json.loads(line)["hypotheses"][0]["pieces"]
        assert len(pieces) >= 12
        assert len(set(itertools.pairwise(pieces))) == len(pieces) - 1
    assert generate("--coverage_penalty", "5", text=text) != free


def test_words_are_counted_where_a_space_is_a_piece_of_its_own() -> None:
    texts = [source for source, _ in builtin.pairs("test", 60)]
    config = TokenizerConfig(vocab_size=200, symbols=("▁",), byte_fallback=False)
    apart = Tokenizer.train(texts, config)
    behind = io.BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=iter(texts), model_writer=behind, vocab_size=200,
        treat_whitespace_as_suffix=True, minloglevel=2, hard_vocab_limit=False,
    )  # fmt: skip
    torch.manual_seed(0)
    for tokenizer in (apart, Tokenizer(behind.getvalue())):
        network = EncoderDecoder(
            NetworkConfig(embedding_size=8, hidden_size=8),
            tokenizer.vocab_size,
            tokenizer.vocab_size,
        )
        generator = Generator([network], Tokenizers(tokenizer, tokenizer))
        if tokenizer is apart:
            options = SearchConfig(min_words=2, max_words=2)
            [rule] = RuleMaker(tokenizer).rules(options, torch.zeros(1, dtype=torch.long), [()])
            [ids] = apart.encode(["The dog sleeps."])
            space = next(i for i in ids if apart.pieces([i]) == ["▁"])
            for count in range(len(ids)):
                log_probs = torch.zeros(1, 1, apart.vocab_size)
                rule(
                    log_probs,
                    torch.tensor([[ids[:count]]]).long(),
                    torch.zeros(1, dtype=torch.long),
                )
                words = len("".join(apart.pieces(ids[:count])).replace("▁", " ").split())
                ruled_out = [int(i) for i in log_probs[0, 0].isinf().nonzero()]
                assert (apart.eos in ruled_out) == (words < 2)
                assert (space in ruled_out) == (words >= 2)
                assert ids[1] not in ruled_out  # within a word, or the first piece behind a space
                if words == 3:
                    break
        else:
            with pytest.raises(ConfigError, match="writes spaces behind words"):
                generator.generate(texts, max_words=3)


def test_long_sources_are_cut_as_in_training(
    tiny: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    cut = ["--data.max_source_length=8", "--data.truncate_sources=true", "--trainer.max_steps=2"]
    assert main(["fit", *tiny, *cut, "--run=r"]) == 0
    generator = seqtext.load_generator("r")
    ids = generator.tokenizers.source.encode([SOURCES[2]])[0]
    short = generator.tokenizers.source.decode(ids[:8])
    assert len(ids) > 8 and generator.generate([SOURCES[2]]) == generator.generate([short])
    assert generator.counts.cut == 1 and generator.counts.longer == 0
    Path("in").write_text(SOURCES[2] + "\nThe dog.\n", encoding="utf-8")
    assert main(["generate", "r", "--input", "in"]) == 0
    assert "1 of 2 texts cut behind 8 pieces, as in training" in capsys.readouterr().err


def test_a_user_is_told_of_long_sources_and_limits(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    generator = seqtext.load_generator(trained)
    training = [source for source, _ in builtin.pairs("train", 240)]
    longest = max(map(len, generator.tokenizers.source.encode(training)))
    assert generator.longest_source == longest
    Path("in").write_text(" ".join(training[:20]) + "\nThe dog.\n", encoding="utf-8")
    for command in ("generate", "explain"):
        capsys.readouterr()
        assert main([command, str(trained), "--input=in", "--max_length=1"]) == 0
        told = capsys.readouterr().err
        assert "1 of 2 texts are longer than any in training: up to " in told
        assert f" pieces, in training {longest:,}. " in told
        assert "2 of 2 outputs reached their length limit" in told
    assert main(["test", str(trained), "--data.test=builtin:test:3", "--max_length=1"]) == 0
    assert "3 of 3 outputs reached their length limit" in capsys.readouterr().err


def test_an_older_checkpoint_says_nothing_of_lengths(trained: Path, tmp_path: Path) -> None:
    content = torch.load(trained / "best.ckpt", weights_only=True)
    del content["seqtext"]["longest_source"], content["seqtext"]["digest"]
    torch.save(content, tmp_path / "old.ckpt")
    old = seqtext.load_generator(tmp_path / "old.ckpt")
    assert (
        old.longest_source is None
        and seqtext.load_generator([tmp_path / "old.ckpt", trained]).longest_source
    )
    old.generate(["The dog sleeps. " * 50], max_length=2)
    assert old.counts.longer == 0


def test_options_of_the_search_by_name(trained: Path) -> None:
    translator = seqtext.load_generator(trained)
    [[best]] = translator.generate(["The dog sleeps."], beam_size=2, max_words=1)
    assert len(best.text.split()) <= 1
    with pytest.raises(ConfigError, match=r"no option 'beam'; there are .*beam_size, n_best"):
        translator.generate(["x"], beam=2)
    for options, message in (
        ({"min_words": 3, "max_words": 2}, "max_words: 2, expected at least min_words, which is 3"),
        ({"max_length_ratio": 0.0}, "max_length_ratio: 0.0, expected more than 0"),
        ({"no_repeat_ngram_size": -1}, "no_repeat_ngram_size: -1, expected at least 0"),
        ({"coverage_formula": "x"}, "coverage_formula: 'x'"),
    ):
        with pytest.raises(ConfigError, match=message):
            translator.generate(["x"], **options)


def test_tokenizer_is_trained_and_used(tiny: list[str]) -> None:
    corpus = ["--data.train", "builtin:train:300", "--data.source", "en", "--data.target", "de"]
    options = ["--model_type", "bpe", "--vocab_size", "600", "--output", "t.model"]
    assert main(["tokenizer", *corpus, *options]) == 0
    given = ["--data.tokenizer.source_model=t.model", "--trainer.max_steps=2", "--run=r"]
    assert main(["fit", *tiny, *given]) == 0
    model = bytes(seqtext.load_generator("r").tokenizers.source)
    assert model == Path("t.model").read_bytes()
    assert Path("t.model.sha256").read_text().split() == [sha256(model).hexdigest(), "t.model"]


def test_a_transformer_from_fit_to_text(
    tiny: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--model.network.cell=transformer", "--trainer.max_epochs=1", "--run=transformer"]
    assert main(["fit", *tiny, *options]) == 0
    capsys.readouterr()
    test = ["test", "transformer", "--data.test=builtin:test:12", "--beam_size=3", "--max_length=9"]
    assert main(test) == 0
    assert "bleu" in json.loads(capsys.readouterr().out.splitlines()[-1])
    Path("in.txt").write_text("The dog sleeps.\n")
    assert main(["explain", "transformer", "--input=in.txt", "--max_length=9"]) == 2
    assert "a transformer attends in every layer and head" in capsys.readouterr().err
    assert main(["fit", *tiny, *options[:1], "--model.coverage_loss=1", "--run=x"]) == 2
    assert "coverage_loss: a transformer has no single attention" in capsys.readouterr().err
