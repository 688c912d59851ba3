"""Flags of a command come from the fields of a configuration: range, default, choices and help."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Annotated, Literal

import pytest

from seqtext.cli import explain, generate, tokenizer
from seqtext.cli import test as scoring
from seqtext.cli.flags import Parser, config_of
from seqtext.data.tokenizer import TokenizerConfig
from seqtext.docstrings import field_texts
from seqtext.errors import ConfigError
from seqtext.inference.config import DecisionConfig
from seqtext.search.config import SearchConfig
from seqtext.values import Range, check_fields


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of a test.

    Args:
        count: Number of ``things``. 100 % are
            five things.
        share: Share of things.
        kind: ``a`` or ``b``.
        quiet: Say nothing.
        fast: NumPy is used.

    Raises:
        ConfigError: text that is no field.
    """

    count: Annotated[int, Range(1, 5)] = 2
    share: float | None = None
    kind: Literal["a", "b"] = "a"
    quiet: bool = False
    fast: bool = True

    def __post_init__(self) -> None:
        check_fields(self, "options.")


@pytest.fixture
def parser() -> Parser:
    parser = Parser("try", "[--KEY VALUE]…", "Try.")
    parser.add_fields(Options)
    return parser


def test_each_field_has_a_flag(parser: Parser) -> None:
    assert config_of(Options, parser.parse_args([])) == Options()
    words = ["--count=3", "--share=0.5", "--kind=b", "--quiet", "--no_fast"]
    expected = Options(count=3, share=0.5, kind="b", quiet=True, fast=False)
    assert config_of(Options, parser.parse_args(words)) == expected
    told = " ".join(parser.format_help().split())
    assert "--count N number of things. 100 % are five things (default: 2)" in told
    assert "--share X share of things --kind {a,b} a or b (default: a)" in told
    assert "NumPy is used" in told and "no field" not in told


@pytest.mark.parametrize("word", ["none", "None", "null"])
def test_a_field_that_may_be_none_has_a_word_for_it(word: str) -> None:
    parser = Parser("classify", "", "")
    parser.add_fields(DecisionConfig)
    parser.add_fields(SearchConfig, ["max_words", "max_length_ratio", "mbr"], stored=["max_words"])
    names = ["threshold", "max_words", "max_length_ratio", "mbr"]
    options = vars(parser.parse([f"--{name}={word}" for name in names]))
    assert [options[name] for name in names] == [None] * 4
    for name in (*names, "batch_size"):
        with pytest.raises(ConfigError, match=f"--{name}: invalid .*'nothing'"):
            parser.parse([f"--{name}=nothing"])
    with pytest.raises(ConfigError, match="--batch_size: invalid int value: 'none'"):
        parser.parse(["--batch_size=none"])


def test_a_value_out_of_range_is_refused_by_its_flag(parser: Parser) -> None:
    with pytest.raises(ConfigError, match="--count: 9, expected at least 1 and at most 5"):
        config_of(Options, parser.parse_args(["--count=9"]), prefix="options.")


def test_only_some_fields() -> None:
    parser = Parser("try", "", "Try.")
    parser.add_fields(Options, ["kind"])
    options = parser.parse_args(["--kind=b"])
    assert vars(options) == {"kind": "b"} and config_of(Options, options) == Options(kind="b")


def test_fields_that_a_checkpoint_may_have_are_there_only_where_given() -> None:
    parser = Parser("generate", "", "")
    parser.add_fields(Options, stored=["count", "quiet", "fast"])
    assert vars(parser.parse([])) == {"share": None, "kind": "a"}
    words = ["--count=2", "--no_quiet", "--fast"]  # our defaults, typed
    assert vars(parser.parse(words)).items() >= {"count": 2, "quiet": False, "fast": True}.items()
    assert config_of(Options, parser.parse(["--quiet", "--no_fast"])) == Options(
        quiet=True, fast=False
    )
    told = " ".join(parser.format_help().split())
    assert "(default: of the checkpoint, else 2)" in told and "(default: a)" in told
    options = parser.parse(["--fast"])
    options.checkpoints = ["a.ckpt"]
    parser.refuse(options, ["count", "quiet"], "translator", "a classifier")
    with pytest.raises(ConfigError, match=r"^--fast: is of a translator; a\.ckpt is a classifier"):
        parser.refuse(options, ["count", "fast"], "translator", "a classifier")


@pytest.mark.parametrize("config", [SearchConfig, DecisionConfig, TokenizerConfig])
def test_every_field_has_a_text(config: type) -> None:
    texts = field_texts(config)
    assert list(texts) == [field.name for field in fields(config)] and all(texts.values())


@pytest.mark.parametrize(
    ("command", "words", "config"),
    [
        (generate, ["CKPT"], SearchConfig()),
        (explain, ["CKPT"], SearchConfig()),
        (scoring, ["CKPT", "--data.test=x"], SearchConfig()),
        (tokenizer, ["--data.train=x", "--output=y"], TokenizerConfig()),
    ],
)
def test_commands_have_the_defaults_of_the_configuration(command, words, config) -> None:
    assert config_of(type(config), command.parser().parse_args(words)) == config
