"""Options of ``fit``: YAML within bounds, every option of the Trainer, nulls, ranges, seeds, homes."""

from __future__ import annotations

import inspect
import math
from pathlib import Path
from typing import Any, get_origin, get_type_hints

import pytest
import yaml
from lightning.pytorch import Trainer

from seqtext.cli import main, trainer_options
from seqtext.cli.fit import PRESET
from seqtext.cli.options import FitCLI, own_options, parse
from seqtext.data.pairs import PairsDataModule
from seqtext.data.tokenizer import TokenizerConfig
from seqtext.errors import ConfigError
from seqtext.nn.config import ClassifierConfig, NetworkConfig
from seqtext.training.config import OptimizerConfig, SelectionConfig

TRAIN = "--data.train=builtin:train:20"


def parsed(*arguments: str, train: str = TRAIN) -> FitCLI:
    own, words = own_options([train, *arguments], PRESET)
    return parse(words, PRESET, own.trusted)


def message(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What a command says that must fail before it starts a run."""
    assert main(["fit", TRAIN, *arguments, "--run=r"]) == 2
    assert not Path("r").exists()
    told = capsys.readouterr().err
    assert told.startswith("seqtext fit: ") and told.count("\n") == 1
    return told


# --- YAML -------------------------------------------------------------------------------------------

LAUGHS = "a: &a [x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
ONE_LINE = LAUGHS.replace("\n", ", ").strip(", ")


@pytest.mark.parametrize(
    ("text", "place", "fact"),
    [
        (LAUGHS, "c.yaml:2: *a ", "alias"),
        ("data: &d {init_args: {train: [*d]}}", "c.yaml:1: *d ", "alias"),
        ("x: &x {max_steps: 1}\ntrainer:\n  <<: *x\n", "c.yaml:3: *x ", "alias"),
        (f'trainer: {{max_epochs: "{{{ONE_LINE}}}"}}', "", "*a is an alias"),
        ("data: " + "[" * 5000 + "]" * 5000, "c.yaml:1: ", "40 levels"),
        ("data: " + "{a: " * 900 + "}" * 900, "c.yaml:1: ", "40 levels"),
        ("data:\n  x: " + "x" * 1_000_000, "c.yaml: ", "1,000,000 bytes"),
        ("trainer: {a: 1}\ndata: {}\ntrainer: {b: 2}", "c.yaml:3: trainer ", "line 1"),
        ("data:\n  source: a\n  source: b", "c.yaml:3: source ", "line 2"),
        ("data: {}\n---\ndata: {}", "c.yaml:2: ", "not YAML"),
        ("? [a, b]\n: c", "c.yaml:1: ", "not YAML"),
        ("", "c.yaml: expected sections", "got nothing"),
        ("- data", "c.yaml: expected sections", "got ['data']"),
    ],
)
def test_yaml_within_bounds(
    text: str, place: str, fact: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("c.yaml").write_text(text)
    error = message(capsys, "--config=c.yaml")
    assert f"--config {place}" in error and fact in error


def test_yaml_that_is_not_utf8(capsys: pytest.CaptureFixture[str]) -> None:
    Path("c.yaml").write_bytes(b"data:\n  source: \xff\n")
    assert "--config c.yaml:2: not UTF-8 (byte 0xff)" in message(capsys, "--config=c.yaml")


@pytest.mark.parametrize("section", ["data", "model", "selection", "trainer"])
@pytest.mark.parametrize("nothing", ["", "null", "{}"])
def test_sections_that_are_empty_are_as_not_given(section: str, nothing: str) -> None:
    before = parsed().config.as_dict()
    Path("c.yaml").write_text(f"{section}: {nothing}\n")
    after = parsed("--config=c.yaml").config.as_dict()
    assert {**after, "config": None} == {**before, "config": None}


@pytest.mark.parametrize(
    "text", ["data:\n  init_args:\n", "model: {class_path: }", "seed_everything:"]
)
def test_parts_that_are_empty_are_as_not_given(text: str) -> None:
    before = parsed().config.as_dict()
    Path("c.yaml").write_text(f"{text}\ntrainer: {{max_steps: 7}}")
    before["trainer"]["max_steps"] = 7
    after = parsed("--config=c.yaml").config.as_dict()
    assert {**after, "config": None} == {**before, "config": None}


@pytest.mark.parametrize(
    ("text", "place", "fact"),
    [
        ("data: {}\ntrainer: [a]", "c.yaml:2: trainer", "expected options"),
        ("selection: 5", "c.yaml:1: selection", "expected options"),
        ("data: 5", "c.yaml:1: data", "expected options"),
        ("trainer: x.yaml", "c.yaml:1: trainer", "expected options"),
        ("data: {}\nyes: 5", "c.yaml:2: yes", "quotes"),
        ("data:\n  1: 5", "c.yaml:2: 1", "quotes"),
        ("data:\n  init_args:\n    no: 5", "c.yaml:3: no", "quotes"),
        ("data:\n  tokenizer: {no: 5}", "c.yaml:2: no", "quotes"),
        ("trainer:\n  callbacks:\n  - class_path: Timer\n    1: 5", "c.yaml:4: 1", "quotes"),
    ],
)
def test_what_is_no_section_or_no_name(
    text: str, place: str, fact: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("c.yaml").write_text(text)
    error = message(capsys, "--config=c.yaml")
    assert f"--config {place}" in error and fact in error


def test_names_that_are_numbers_where_they_may_be() -> None:
    Path("c.yaml").write_text(
        "model:\n  class_path: seqtext.ClassifierModule\n  init_args: {class_weights: {1: 2.0}}\n"
        "data: seqtext.LabelsDataModule\n"
        "trainer:\n  callbacks:\n"
        "  - {class_path: GradientAccumulationScheduler, init_args: {scheduling: {0: 2}}}\n"
    )
    config = parsed("--config=c.yaml").config
    assert config.model.init_args.class_weights == {1: 2.0}
    assert config.trainer.callbacks[0].init_args.scheduling == {0: 2}


TEXTS = (
    "\\alpha", "\\\\", "a\tb", "it's", '"q"', "'\"", "\"\\'", "é", "\u2028", "\N{GRINNING FACE}",
    "null", "1", "true", "#x",
)  # fmt: skip
CLASSIFIER = ("--model=seqtext.ClassifierModule", "--data=seqtext.LabelsDataModule")


@pytest.mark.parametrize(
    ("option", "more"),
    [
        ("data.tokenizer.symbols", ()),
        ("data.tokenizer.symbols", CLASSIFIER),
        ("data.train", ()),
        ("data.validation", ()),
        ("data.compare", ("--model.init_from=x",)),
        ("model.init_parts", ()),
        ("model.freeze", ()),
    ],
)
def test_lists_keep_their_texts(option: str, more: tuple[str, ...]) -> None:
    section, *inner = option.split(".")
    tree: Any = list(TEXTS)
    for name in reversed(inner):
        tree = {name: tree}
    Path("c.yaml").write_text(yaml.safe_dump({section: tree}, allow_unicode=True))
    written = (
        yaml.safe_dump(list(TEXTS), default_flow_style=True),
        yaml.safe_dump(list(TEXTS), allow_unicode=True),
    )
    given = [("--config=c.yaml",), *((f"--{option}={text}",) for text in written)]
    for words in given:
        first = words[0] if option == "data.train" else TRAIN
        found = parsed(*more, *words, train=first).config[section].init_args
        for name in inner:
            found = found[name]
        assert tuple(found) == TEXTS, words


def test_mappings_keep_their_names() -> None:
    weights = dict.fromkeys(TEXTS, 2.0)
    written = yaml.safe_dump(weights, default_flow_style=True)
    config = parsed(*CLASSIFIER, f"--model.class_weights={written}").config
    assert config.model.init_args.class_weights == weights
    for words in (
        ["--model.optimizer.learning_rate_factors", written],
        [f"--model.optimizer.learning_rate_factors={written}"],
    ):
        config = parsed(*words).config
        assert config.model.init_args.optimizer.learning_rate_factors == weights


def test_every_option_within_an_option_that_is_a_list_is_tested() -> None:
    found = {
        name
        for config in (
            TokenizerConfig,
            OptimizerConfig,
            NetworkConfig,
            ClassifierConfig,
            SelectionConfig,
        )
        for name, hint in get_type_hints(config).items()
        if get_origin(hint) in (list, tuple, dict)
    }
    assert found == {"symbols", "learning_rate_factors"}


def test_the_rest_of_an_option_stays_where_a_part_is_a_list() -> None:
    config = parsed(
        "--data.tokenizer.vocab_size=44", "--data.init_args.tokenizer.symbols", "[<a>]",
        "--data.tokenizer.joint=false",
    ).config.data.init_args  # fmt: skip
    tokenizer = config.tokenizer
    assert (tokenizer.vocab_size, tuple(tokenizer.symbols), tokenizer.joint) == (
        44,
        ("<a>",),
        False,
    )


@pytest.mark.parametrize(
    ("words", "option", "fact"),
    [
        (["--data"], "--data", "class"),
        (["--model="], "--model", "class"),
        (["--data.train", "--data.seed=1"], "--data.train", "expected a value"),
        (["--trainer.max_epochs"], "--trainer.max_epochs", "expected a value"),
        (["--trainer", "null"], "trainer", "null, expected options"),
        (["--trainer.max_epochs", "1e9"], "trainer.max_epochs", "write 1000000000"),
        (["--data.batch_size=1e3"], "data.batch_size", "1000.0, expected int; write 1000"),
        (["--model.label_smoothing=nan"], "model.label_smoothing", "nan, expected a finite"),
        (["--model.optimizer.learning_rate=inf"], "model.optimizer.learning_rate", "inf, expected a finite"),
        (["--data.tokenizer", "{1: 2}"], "data", "1 as a name, expected text"),
    ],
)  # fmt: skip
def test_messages_say_what_to_give(
    words: list[str], option: str, fact: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fit", TRAIN, "--run=r", *words]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"seqtext fit: {option}: ") and error.count("\n") == 1
    assert fact in error


@pytest.mark.parametrize("word", ["no", "1"])
def test_text_that_yaml_takes_for_something_else(
    word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("c.yaml").write_text(f"data:\n  target: {word}\n")
    told = message(capsys, "--config=c.yaml")
    assert "data.target: " in told and "only between quotes" in told


def test_a_configuration_is_read_once(tmp_path: Path) -> None:
    import os
    import threading

    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_text("trainer: {max_steps: 7}"))
    writer.start()
    assert parsed("--config", str(pipe)).config.trainer.max_steps == 7
    writer.join()


# --- the Trainer ------------------------------------------------------------------------------------


def test_every_option_of_the_trainer_is_known() -> None:
    options = set(inspect.signature(Trainer).parameters)
    assert options == trainer_options.WORKS | trainer_options.REFUSED.keys()
    assert not trainer_options.WORKS & trainer_options.REFUSED.keys()


@pytest.mark.parametrize(
    ("option", "fact"),
    [
        ("max_epochs=0", "0 trains on nothing"),
        ("max_steps=0", "0 trains on nothing"),
        ("max_time=00:00:00:00", "expected more than no time"),
        ('max_time={"minutes": -1}', "expected more than no time"),
        ("limit_train_batches=0", "trains on nothing"),
        ("limit_train_batches=0.0", "trains on nothing"),
        ("val_check_interval=0", "is no interval"),
        ("check_val_every_n_epoch=0", "0, expected at least 1"),
        ("accumulate_grad_batches=0", "0, expected at least 1"),
        ("gradient_clip_val=-1", "-1.0, expected at least 0"),
        ("gradient_clip_val=.nan", "nan, expected at least 0"),
        ("num_sanity_val_steps=-2", "-2, expected at least -1"),
        ("log_every_n_steps=-1", "-1, expected at least 0"),
        ("min_epochs=11 --trainer.max_epochs=10", "11, but trainer.max_epochs is 10"),
        ("barebones=true", "keeps no scores"),
        ("limit_test_batches=1", "fit tests nothing"),
        ("limit_predict_batches=1", "fit predicts nothing"),
        ("model_registry=a/b", "uploads"),
        ("reload_dataloaders_every_n_epochs=2", "a plan of batches of its own"),
        *(
            (f"strategy={name} --trainer.devices=2 --trainer.accelerator=cpu", "choose ddp, ")
            for name in ("ddp_spawn", "ddp_fork", "ddp_notebook")
        ),
        ("plugins=AsyncCheckpointIO", "AsyncCheckpointIO has not written"),
        ("precision=transformer-engine --trainer.accelerator=cpu", "transformer_engine"),
        ("callbacks+=Timer --trainer.callbacks.dict_kwargs.foo=3", "argument 'foo'"),
        ("callbacks+=Nope", "Nope: no such class"),
        ("callbacks=sub.yaml", "sub.yaml is no path of a class"),
        (
            "profiler=PyTorchProfiler --trainer.profiler.dict_kwargs.on_trace_ready=os.abort",
            "trainer.profiler.dict_kwargs: on_trace_ready: 'os.abort'",
        ),
        (
            "profiler=PyTorchProfiler --trainer.profiler.dict_kwargs.with_stack=5",
            "trainer.profiler.dict_kwargs: with_stack: 5",
        ),
        ("logger=CSVLogger", "save_dir"),
        ("logger=tensorbord", "tensorboard, wandb"),
    ],
)
def test_options_of_the_trainer_that_cannot_work(
    option: str, fact: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = f"--trainer.{option}".replace(" --", "\n--").split("\n")
    assert fact in message(capsys, *words)


@pytest.mark.parametrize("strategy", ["auto", "ddp", "ddp_notebook"])
def test_several_processes_in_a_notebook(
    strategy: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    place = "lightning.pytorch.trainer.connectors.accelerator_connector._IS_INTERACTIVE"
    monkeypatch.setattr(place, True)
    options = ["--trainer.devices=2", "--trainer.accelerator=cpu", f"--trainer.strategy={strategy}"]
    error = message(capsys, *options)
    assert "choose ddp, and in a notebook start a command: !seqtext fit" in error
    assert "ddp_notebook" not in error


def test_slurm_without_srun(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SLURM_NTASKS", "4")
    error = message(capsys, "--trainer.max_epochs=1")
    assert "SLURM_NTASKS" in error and "srun" in error


def test_defaults_that_are_members_of_an_enum_can_be_saved(tiny: list[str]) -> None:
    own, words = own_options([*tiny, "--trainer.callbacks+=Timer"], PRESET)
    cli = parse(words, PRESET, own.trusted)
    saved = yaml.safe_load(cli.parser.dump(cli.config))
    assert saved["trainer"]["callbacks"][0]["init_args"]["interval"] == "step"


# --- values -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "option",
    [
        "data.source", "data.streaming", "data.seed", "data.max_source_length",
        "data.tokenizer.vocab_size", "data.tokenizer.symbols", "model.network.hidden_size",
        "model.network.cell", "model.optimizer", "model.optimizer.eps", "model.decode_sentences",
        "model.label_smoothing", "model.seed",
    ],
)  # fmt: skip
def test_null_where_there_must_be_a_value(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert f"{option}: null, expected" in message(capsys, f"--{option}=null")


@pytest.mark.parametrize("value", [".nan", ".inf", "-.inf"])
@pytest.mark.parametrize(
    "option",
    ["data.sampling_temperature", "model.network.forget_bias", "model.optimizer.learning_rate",
     "model.label_smoothing", "selection.save_minutes"],
)  # fmt: skip
def test_numbers_are_finite(option: str, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert f"{option}: {value.replace('.', '')}" in message(capsys, f"--{option}={value}")


@pytest.mark.parametrize(
    ("config", "options"),
    [
        (OptimizerConfig, {"learning_rate": (0, -1, math.nan, math.inf)}),
        (OptimizerConfig, {"eps": (0, -1, math.nan, math.inf)}),
        (OptimizerConfig, {"weight_decay": (-1, math.nan, math.inf)}),
        (OptimizerConfig, {"min_learning_rate_share": (-1, 2, math.nan), "total_steps": (0, -5)}),
        (OptimizerConfig, {"plateau_patience": (-1,), "warmup_steps": (-1,)}),
        (
            OptimizerConfig,
            {"learning_rate_factors": ({"encoder": math.nan}, {"encoder": math.inf})},
        ),
        (NetworkConfig, {"init_scale": (0, -1, math.nan, math.inf), "forget_bias": (math.nan,)}),
        (SelectionConfig, {"save_minutes": (0, math.nan, math.inf)}),
        (TokenizerConfig, {"sampling_alpha": (-1, math.nan, math.inf)}),
    ],
)
def test_ranges(config: Any, options: dict[str, tuple[Any, ...]]) -> None:
    for name, values in options.items():
        for value in values:
            with pytest.raises(ConfigError, match=name):
                config(**{name: value})


def test_sizes_that_would_take_all_memory() -> None:
    for options in (
        {"num_workers": 10**6},
        {"preprocessing_workers": 10**6},
        {"sampling_temperature": math.nan},
    ):
        with pytest.raises(ConfigError, match=next(iter(options))):
            PairsDataModule("x", **options)
    with pytest.raises(ConfigError, match="at most 1,000,000"):
        PairsDataModule([{"path": "x", "weight": 1e9}])
    data = PairsDataModule(
        [{"path": "builtin:train:600:1", "weight": 1e6}], source="en", target="de"
    )
    data.prepare_data()
    with pytest.raises(ConfigError, match="by its weights an epoch has 600,000,000 pairs"):
        data.setup("fit")


@pytest.mark.parametrize("seed", ["true", "-1", "4294967296"])
def test_seed_everything_is_a_number(seed: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "seed_everything: " in message(capsys, f"--seed_everything={seed}")


def test_seed_everything_sets_the_seeds() -> None:
    def seeds(*arguments: str) -> tuple[int, int]:
        config = parsed(*arguments).config
        return config.model.init_args.seed, config.data.init_args.seed

    assert seeds() == (1, 1)
    assert seeds("--seed_everything=7") == (7, 7)
    assert seeds("--seed_everything=7", "--data.seed=3") == (7, 3)
    Path("c.yaml").write_text("seed_everything: 5\nmodel: {init_args: {seed: 2}}\n")
    assert seeds("--config=c.yaml") == (2, 5)
    assert seeds("--config=c.yaml", "--seed_everything=7") == (7, 7)


def test_the_batch_of_the_command_line_goes_before_that_of_a_file() -> None:
    def batch(*arguments: str) -> tuple[int | None, int | None]:
        options = parsed(*arguments).config.data.init_args
        return options.batch_tokens, options.batch_size

    for more in ((), CLASSIFIER):
        Path("c.yaml").write_text("data: {init_args: {batch_size: 5}}\n")
        assert batch("--config=c.yaml", *more)[1] == 5
        assert batch("--config=c.yaml", "--data.batch_tokens=100", *more) == (100, None)
        Path("c.yaml").write_text("data: {init_args: {batch_tokens: 7}}\n")
        assert batch("--config=c.yaml", *more)[0] == 7
        assert batch("--config=c.yaml", "--data.batch_size", "9", *more) == (None, 9)
        both = ("--data.batch_tokens=null", "--data.batch_size=9")
        assert batch(*both, *more) == (None, 9)
        with pytest.raises(ConfigError, match=r"data\.batch_size: 9, and data\.batch_tokens 100"):
            batch("--data.batch_tokens=100", "--data.batch_size=9", *more)


@pytest.mark.parametrize("more", [(), CLASSIFIER], ids=["pairs", "labels"])
def test_both_sizes_of_a_batch_in_one_file(more: tuple[str, ...]) -> None:
    def batch(*configs: str) -> tuple[int | None, int | None]:
        options = parsed(*(f"--config={config}" for config in configs), *more).config.data.init_args
        return options.batch_tokens, options.batch_size

    both = "data: {init_args: {batch_tokens: 100, batch_size: 9}}"
    Path("both.yaml").write_text(both)
    for config in ("both.yaml", f"{{{both}}}"):
        with pytest.raises(ConfigError, match=r"data\.batch_size: 9, and data\.batch_tokens 100"):
            batch(config)
    tokens, size = ("{data: {batch_tokens: 7}}", "{data: {batch_size: 5}}")
    assert batch(tokens, size) == (None, 5)  # the last one
    assert batch(size, tokens) == (7, None)
    assert batch("{data: {batch_tokens: 7, batch_size: null}}") == (7, None)


def test_a_default_size_of_a_batch_in_the_file_of_a_run() -> None:
    def batch(config: str, *more: str) -> tuple[int | None, int | None]:
        options = parsed(f"--config={config}", *more).config.data.init_args
        return options.batch_tokens, options.batch_size

    assert batch("{data: {batch_tokens: 1500, batch_size: 24}}") == (None, 24)
    assert batch("{data: {batch_tokens: 90, batch_size: 64}}", *CLASSIFIER) == (90, None)


def test_comparison_needs_a_model_to_compare_with(capsys: pytest.CaptureFixture[str]) -> None:
    error = message(capsys, "--data.compare=x")
    assert "data.compare: " in error and "model.init_from" in error


def test_home_folder_in_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/at/home")
    Path("c.yaml").write_text(
        "data:\n  init_args:\n    train: [{path: ~/a.tsv}, ~/b.tsv, c~.tsv]\n"
        "    validation: ~/v.tsv\n    tokenizer: {source_model: ~/t.model, symbols: ['~/x']}\n"
        "model: {init_args: {init_from: ~/m}}\n"
    )
    own, words = own_options(["--config=c.yaml"], PRESET)
    config = parse(words, PRESET, own.trusted).config
    data = config.data.init_args
    assert [data.train[0]["path"], *data.train[1:]] == [
        "/at/home/a.tsv",
        "/at/home/b.tsv",
        "c~.tsv",
    ]
    assert data.validation == "/at/home/v.tsv"
    assert data.tokenizer.source_model == "/at/home/t.model"
    assert list(data.tokenizer.symbols) == ["~/x"]
    assert config.model.init_args.init_from == "/at/home/m"


def test_a_mapping_of_a_file_may_be_replaced() -> None:
    rates = [f"--config={{model: {{optimizer: {{learning_rate_factors: {{{part}: 0.5}}}}}}}}"
             for part in ("encoder", "decoder")]  # fmt: skip
    logger = "--config={trainer: {logger: {class_path: CSVLogger, init_args: {save_dir: x}}}}"
    config = parsed(*rates, logger, "--trainer.logger=false").config
    assert "decoder" in config.model.init_args.optimizer.learning_rate_factors
    assert config.trainer.logger is False
