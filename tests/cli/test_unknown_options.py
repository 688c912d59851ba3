"""Options and commands that do not exist: the message names the one that may be meant."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

from seqtext.cli import COMMANDS, foreign_names, main
from seqtext.cli.fit import PRESET
from seqtext.cli.fit_options import OWN, known_options, spell_out
from seqtext.cli.options import own_options, parse
from seqtext.suggestion import closest, suggest

PAIRS = {"model": "seqtext.EncoderDecoderModule", "data": "seqtext.PairsDataModule"}
LABELS = {"model": "seqtext.ClassifierModule", "data": "seqtext.LabelsDataModule"}
CLASSIFIER = ["--model=seqtext.ClassifierModule"]


def told(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The message of a command that must fail before it does anything."""
    before = sorted(Path().iterdir())
    assert main([*words]) == 2
    assert sorted(Path().iterdir()) == before
    message = capsys.readouterr().err
    assert message.count("\n") == 1 and "Traceback" not in message
    return message


# --- the closest name -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("beam", "beam_size"),
        ("Beam-Size", "beam_size"),
        ("bean_size", "beam_size"),
        ("b", None),
        ("", None),
        ("xyz", None),
    ],
)
def test_the_closest_name(name: str, expected: str | None) -> None:
    names = ["n_best", "beam_size", "batch_size"]
    assert closest(name, names) == expected
    assert suggest(name, names) == (f" (did you mean {expected}?)" if expected else "")


def test_of_several_longer_names_the_shortest() -> None:
    assert closest("learning", ["learning_rate_factors", "learning_rate"]) == "learning_rate"


# --- options of generate -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        ["test", "run", "--required=f"],
        ["test", "run", "--n_best", "3"],
        ["explain", "run", "--prefix_column=x"],
        ["score", "run", "--banned=f"],
        ["tokenizer", "--beam_size=3"],
    ],
)
def test_an_option_of_generate_is_told_as_such(
    capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    option = next(word for word in words if word.startswith("--")).partition("=")[0]
    message = told(capsys, *words)
    assert f"{option}: is an option of seqtext generate" in message
    assert f"seqtext {words[0]} has none" in message
    assert "--html" in told(capsys, "explain", "run", "--output=f")  # what it is called here


# --- commands ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "meant"),
    [("trian", "fit"), ("train", "fit"), ("translate", "generate"), ("genrate", "generate"),
     ("evaluate", "test"), ("classfy", "classify")],
)  # fmt: skip
def test_an_unknown_command(name: str, meant: str, capsys: pytest.CaptureFixture[str]) -> None:
    message = told(capsys, name)
    assert f"{name}: no such command" in message and all(known in message for known in COMMANDS)
    if name != "trian":
        assert f"(did you mean {meant}?)" in message


# --- names of other toolkits ------------------------------------------------------------------------


def test_every_foreign_command_is_one_of_ours() -> None:
    assert foreign_names.OPTIONS.keys() == COMMANDS.keys()
    assert set(foreign_names.COMMANDS.values()) <= COMMANDS.keys()
    assert not foreign_names.COMMANDS.keys() & COMMANDS.keys()


@pytest.mark.parametrize("command", sorted(COMMANDS.keys() - {"fit"}))
def test_foreign_names_lead_to_flags(command: str) -> None:
    names = import_module(f"seqtext.cli.{command}").parser().format_help()
    for foreign, ours in foreign_names.OPTIONS[command].items():
        for name in ours.split():
            own = rf" {name} " if name.isupper() else rf"  --{re.escape(name)}\b"
            assert re.search(own, names), (foreign, name)
        assert not re.search(rf"  --{foreign}\b", names), f"{foreign} is an option of {command}"


def test_foreign_names_lead_to_options_of_fit() -> None:
    known = {*known_options(PAIRS), *known_options(LABELS)}
    for foreign, ours in foreign_names.OPTIONS["fit"].items():
        assert set(ours.split()) <= known, foreign
        assert foreign not in OWN


@pytest.mark.parametrize(
    ("words", "name", "ours"),
    [
        ("generate x --num_beams 5", "num_beams", ["beam_size"]),
        ("generate x --beam=5", "beam", ["beam_size"]),
        ("generate x --beam-size 5", "beam-size", ["beam_size"]),
        ("generate x --lenpen 1", "lenpen", ["length_penalty"]),
        ("generate x --nbest 5", "nbest", ["n_best"]),
        ("generate x --num_return_sequences 5", "num_return_sequences", ["n_best", "samples"]),
        ("generate x --max_new_tokens 5", "max_new_tokens", ["max_length"]),
        ("generate x --max-tokens 5", "max-tokens", ["max_length", "batch_size"]),
        ("generate x --src in.txt", "src", ["input"]),
        ("generate --model x", "model", []),
        ("generate x --do-sample", "do-sample", ["samples"]),
        ("test x --sampling-topp 0.9", "sampling-topp", ["top_p"]),
        ("explain x --num_beam_groups 2", "num_beam_groups", ["beam_groups"]),
        ("test x --tgt de", "tgt", ["data.target"]),
        ("classify x --topk 3", "topk", ["top_k"]),
        ("tokenizer --input x", "input", ["data.train"]),
        ("check --src x", "src", ["data.source"]),
        ("fit --src en --tgt de", "src", ["data.source"]),
        ("fit --data.train x --lr 0.1", "lr", ["model.optimizer.learning_rate"]),
        ("fit --data.train x --model.optimizer.lr=1", "model.optimizer.lr",
         ["model.optimizer.learning_rate"]),
        ("fit --data.train x --epochs 3", "epochs", ["trainer.max_epochs"]),
        ("fit --data.train x --batch-size 3", "batch-size", ["data.batch_size"]),
        ("fit --data.train x --max-tokens 3", "max-tokens", ["data.batch_tokens"]),
        ("fit --data.train x --save-dir r", "save-dir", ["run"]),
        ("fit --data.train x --seed 1", "seed", ["seed_everything"]),
        ("fit --data.train x --hidden_size 1", "hidden_size", ["model.network.hidden_size"]),
        ("fit --data.train x --num_layers 1", "num_layers",
         ["model.network.encoder_layers", "model.network.decoder_layers"]),
    ],
)  # fmt: skip
def test_names_of_other_toolkits(
    words: str, name: str, ours: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    message = told(capsys, *words.split())
    assert f": --{name}: no such option; " in message
    for option in ours:
        assert re.search(rf"--{re.escape(option)}\b", message.partition(";")[2])
    assert ours or "the word CKPT" in message


def test_a_name_leads_to_the_options_of_the_class(capsys: pytest.CaptureFixture[str]) -> None:
    for words, option in (([], "max_source_length"), (CLASSIFIER, "max_length")):
        message = told(capsys, "fit", "--data.train=x", *words, "--max_len=5")
        assert message.endswith(f"here it is --data.{option}\n")


# --- misspelt and abbreviated names -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("trainer.max_epoks", "trainer.max_epochs"),
        ("trainr.max_epochs", "trainer.max_epochs"),
        ("trainer.max_ep", "trainer.max_epochs"),
        ("selection.patient", "selection.patience"),
        ("data.trian", "data.train"),
        ("data.bat", "data.batch_size"),
        ("data.tokeniser.vocab_size", "data.tokenizer.vocab_size"),
        ("data.tokenizer.vocab", "data.tokenizer.vocab_size"),
        ("model.opt", "model.optimizer"),
        ("model.optimizer.learning", "model.optimizer.learning_rate"),
        ("model.network.hiden_size", "model.network.hidden_size"),
        ("model.init_args.network.cel", "model.network.cell"),
        ("recip", "recipe"),
        ("conf", "config"),
    ],
)
def test_a_misspelt_or_abbreviated_option_of_fit(
    name: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    message = told(capsys, "fit", "--data.train=builtin:train:9", f"--{name}=3", "--run=r")
    shown = name.replace(".init_args", "")
    assert message.startswith(f"seqtext fit: --{shown}: no such option; ")
    assert re.search(rf"--{re.escape(meant)}\b(?!\.)", message.partition(";")[2])


@pytest.mark.parametrize(
    ("text", "name", "meant"),
    [
        ("trainer: {max_epoks: 3}", "trainer.max_epoks", "trainer.max_epochs"),
        ("data: {init_args: {trian: x}}", "data.trian", "data.train"),
        ("model: {optimizer: {lr: 1}}", "model.optimizer.lr", "model.optimizer.learning_rate"),
        ("modl: {network: {hidden_size: 4}}", "modl.network.hidden_size", "model.network.hidden_size"),
    ],
)  # fmt: skip
def test_a_misspelt_option_of_a_configuration(
    text: str, name: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("c.yaml").write_text(text)
    message = told(capsys, "fit", "--data.train=builtin:train:9", "--config=c.yaml")
    assert f"{name}: no such option; " in message
    assert re.search(rf" {re.escape(meant)}\b", message.partition(";")[2])


def test_an_option_like_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    message = told(capsys, "fit", "--data.train=x", "--model.network.foo=3")
    assert "model.network has " in message and "hidden_size" in message
    message = told(capsys, "fit", "--data.train=x", "--foo=3")
    assert "--foo: no such option; --help lists the options" in message
    message = told(capsys, "generate", "x", "--foo=3")
    assert "--foo: no such option; --help lists the options" in message


@pytest.mark.parametrize(
    "command", ["check", "classify", "explain", "generate", "test", "tokenizer"]
)
def test_no_command_takes_abbreviations(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    option = "--data.tr" if command in ("check", "tokenizer") else "--batch"
    message = told(capsys, command, "x", option, "5")
    ours = {"--data.tr": "--data.train", "--batch": "--batch_size"}[option]
    assert f"{option}: no such option; " in message and ours in message


def test_words_without_an_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert "foo: is no option" in told(capsys, "fit", "--data.train=x", "foo")
    assert "-z: is no option" in told(capsys, "generate", "x", "-z")
    assert "--run_folder: expected one argument" in told(capsys, "fit", "--run")
    assert "arguments are required: CKPT" in told(capsys, "generate")


# --- columns, suffixes, splits ----------------------------------------------------------------------


def test_a_misspelt_column(capsys: pytest.CaptureFixture[str]) -> None:
    Path("c.tsv").write_text("source\ttarget\na b\tc d\n")
    message = told(capsys, "tokenizer", "--data.train=c.tsv", "--data.target=trget", "--output=t")
    assert "no column 'trget'" in message and "(did you mean target?)" in message


def test_a_misspelt_suffix(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("c.eng", "c.deu"):
        Path(name).write_text("a\n")
    sides = ("--data.source=eng", "--data.target=de")
    message = told(capsys, "tokenizer", "--data.train=./c", *sides, "--output=t")
    assert "c.de: no such file" in message and "(did you mean deu?)" in message


def test_a_misspelt_split(capsys: pytest.CaptureFixture[str]) -> None:
    message = told(capsys, "tokenizer", "--data.train=builtin:tran:5", "--output=t")
    assert "no split 'tran'" in message and "(did you mean train?)" in message


def test_a_misspelt_option_of_a_corpus(capsys: pytest.CaptureFixture[str]) -> None:
    message = told(capsys, "fit", "--data.train=[{path: x, wieght: 2}]", "--run=r")
    assert "data.train: no option 'wieght'" in message and "(did you mean weight?)" in message


# --- options of the other kind of model ---------------------------------------------------------------


def test_an_option_of_a_classifier(capsys: pytest.CaptureFixture[str]) -> None:
    Path("c.yaml").write_text("data: {label: intent}")
    words = ["fit", "--recipe=translation/builtin", "--run=r"]
    for more, name in (["--data.text=x"], "--data.text"), (["--config=c.yaml"], "data.label"):
        message = told(capsys, *words, *more)
        assert f": {name}: is an option of a classifier" in message and PAIRS["data"] in message
        assert "--recipe classification/" in message and f"--model {LABELS['model']}" in message


def test_an_option_of_a_translator(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["fit", "--data.train=builtin:train:9", "--run=r", *CLASSIFIER]
    for name in ("data.target", "model.network.copying"):
        message = told(capsys, *words, f"--{name}=x")
        assert f": --{name}: is an option of a translator" in message
        assert f"--model {PAIRS['model']}" in message


def test_a_model_takes_its_data_module() -> None:
    def classes(*words: str) -> dict[str, str]:
        own, rest = own_options(["--data.train=x", *words], PRESET)
        config = parse(rest, PRESET, own.trusted).config
        return {section: config[section].class_path for section in ("model", "data")}

    assert classes() == PAIRS and classes(*CLASSIFIER) == LABELS
    Path("c.yaml").write_text("model: seqtext.ClassifierModule")
    assert classes("--config=c.yaml") == LABELS
    assert classes(*CLASSIFIER, f"--data={PAIRS['data']}")["data"] == PAIRS["data"]


# --- whole names in messages ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "whole"),
    [
        (
            "optimizer.eps: -1, expected more than 0",
            "model.optimizer.eps: -1, expected more than 0",
        ),
        ("network.pooling: x", "model.network.pooling: x"),
        ("tokenizer.vocab_size: 2", "data.tokenizer.vocab_size: 2"),
        ("tokenizer: no text", "data.tokenizer: no text"),
        ("vectors: x: no such file", "model.vectors: x: no such file"),
        ("set optimizer.total_steps", "set model.optimizer.total_steps"),
        ("a: give optimizer.total_steps", "a: give model.optimizer.total_steps"),
        ("x/optimizer.eps: no file", "x/optimizer.eps: no file"),
        ("t: tokenizer.model, model.optimizer.eps", "t: tokenizer.model, model.optimizer.eps"),
    ],
)
def test_whole_names(message: str, whole: str) -> None:
    assert spell_out(message) == whole


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("model.optimizer.learning_rate", "-1"),
        ("model.optimizer.learning_rate", "x"),
        ("model.network.hidden_size", "33"),
        ("data.tokenizer.vocab_size", "2"),
        ("model.init_parts", "[encoder]"),
        ("selection.patience", "-1"),
    ],
)
def test_messages_begin_with_the_whole_name(
    option: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    message = told(capsys, "fit", "--data.train=builtin:train:9", f"--{option}={value}", "--run=r")
    assert message.startswith(f"seqtext fit: {option}: ")


def test_a_group_of_options_is_told_what_it_has(capsys: pytest.CaptureFixture[str]) -> None:
    message = told(capsys, "test", "none.ckpt", "--data", "pairs.tsv")
    assert message.startswith("seqtext test: --data: no such option; data has ")
    assert " test," in message
