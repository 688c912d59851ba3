"""The options of ``seqtext fit``: parsed by the classes' signatures, errors told in words."""

from __future__ import annotations

import argparse
import itertools
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
import yaml
from jsonargparse import Namespace
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import LightningDataModule, LightningModule
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI

from seqtext import assets
from seqtext.cli import yaml_reader
from seqtext.cli.trust import Trust, paths_of, refusal
from seqtext.console import say
from seqtext.errors import ConfigError, SeqtextError
from seqtext.nn.precision import has_bfloat16
from seqtext.run.checkpoints import SelectionConfig

_TRAINER_DEFAULTS = {
    "logger": False,  # the run folder has metrics.csv; any of Lightning's loggers can be added
    "enable_checkpointing": False,  # done by Checkpoints
    "enable_model_summary": False,
    "num_sanity_val_steps": 0,
    "gradient_clip_val": 1.0,
}
_MAX_EPOCHS = 10  # where nothing else sets an end


# lines of a parser's message that say nothing to a user
_NOISE = (
    "Does not validate against any",
    "Subtypes:",
    "Errors:",
    "- Expected a <class 'NoneType'>",
    "Given value",
    "- Expected a path but",
    "Not a valid subclass of",
    "Subclass types expect one of:",
    "- a class path (str)",
    "- a dict with",
)
_PREAMBLE = re.compile(
    r"""^(- )?(Problem with given class_path '[^']*':|Parser key "(model|data)":)?\s*"""
)
_DENIED = re.compile(r"Importing '([^']*)' is not allowed, denied by")


class FitCLI(LightningCLI):
    """Parses; instantiates when told to. What is run is up to ``train``."""

    def __init__(self, arguments: list[str], preset: dict[str, Any], trusted: Trust) -> None:
        self._preset, self._trusted = preset, trusted
        with trusted.enforced():
            self._parse(arguments)

    def _parse(self, arguments: list[str]) -> None:
        super().__init__(
            LightningModule,
            LightningDataModule,
            subclass_mode_model=True,
            subclass_mode_data=True,
            save_config_callback=None,
            seed_everything_default=False,
            trainer_defaults={**_TRAINER_DEFAULTS, "enable_progress_bar": sys.stderr.isatty()},
            parser_kwargs={
                "exit_on_error": False,
                "allow_abbrev": False,
                "prog": "seqtext fit",
                "parser_mode": yaml_reader.MODE,
            },
            run=False,
            args=arguments,
            auto_configure_optimizers=False,
        )

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        parser.add_class_arguments(SelectionConfig, "selection")
        parser.set_defaults(self._preset)

    def instantiate_classes(self) -> None:
        """Put off, so that the options can be looked at first."""

    def instantiate(self) -> None:
        with self._trusted.enforced():
            super().instantiate_classes()


def own_options(
    arguments: list[str], preset: dict[str, Any]
) -> tuple[argparse.Namespace, list[str]]:
    """Take ``--run``, ``--resume`` and ``--trust`` out, and read configuration files.

    Returns:
        These options, with what is trusted as ``trusted``; the other words, where the text of a
        configuration stands instead of its path.
    """
    parser = argparse.ArgumentParser(prog="seqtext fit", add_help=False, allow_abbrev=False)
    parser.add_argument("--run", type=Path)
    parser.add_argument("--resume")
    parser.add_argument("--trust", action="append", default=[])
    parser.add_argument("--config", action="append", default=[])
    options, rest = parser.parse_known_args(arguments)
    options.trusted = Trust(options.trust, paths_of(_pairs(rest), preset))
    configs = [
        with_config(config, f"--config {config}", options.trusted) for config in options.config
    ]
    arguments = [*configs, *rest]
    classes = classes_of(arguments, preset)
    arguments = [  # help of the class at hand, not of what any class has
        f"{word}={classes[word[2:-5]]}" if word in ("--model.help", "--data.help") else word
        for word in arguments
    ]
    return options, _with_nulls(arguments, classes)


def with_config(config: str | Path, name: str, trusted: Trust) -> str:
    """The word that stands for a configuration file, or for a configuration as such.

    Args:
        config: Path, also of a file that comes with seqtext; or YAML that begins with ``{``.
        name: What messages call it.
        trusted: What it may import.

    Raises:
        ConfigError: It cannot be read, or names a class that is not trusted.
    """
    inline = str(config).startswith("{")
    text = str(config) if inline else yaml_reader.read(assets.find(config), name)
    trusted.check(yaml_reader.sections(text, name)[1], name)
    return f"--config={text}"


def _pairs(words: list[str]) -> Iterator[tuple[str, str]]:
    """Options of a command line, each with its value, however the two are joined."""
    for word, value in itertools.pairwise([*words, ""]):
        name, equals, given = word.partition("=")
        if name.startswith("--"):
            yield name, given if equals else value


def _with_nulls(words: list[str], classes: dict[str, str]) -> list[str]:
    """``--data.tokenizer.source_model null`` as YAML: the parser would take it for a file "None".

    Args:
        words: The command line.
        classes: Path of the class of each section.
    """
    told: list[str] = []
    given = iter(words)
    for word in given:
        name, equals, value = word.removeprefix("--").partition("=")
        section, *inner = name.split(".")
        if section not in classes or len(inner) < 2 or not word.startswith("--"):
            told.append(word)
            continue
        value = value if equals else next(given, "")
        if value != "null":
            told += [word] if equals else [word, value]
            continue
        tree: Any = None
        for part in reversed(inner):
            tree = {part: tree}
        content = {section: {"class_path": classes[section], "init_args": tree}}
        told.append(f"--config={yaml.safe_dump(content, default_flow_style=True)}")
    return told


def parse(arguments: list[str], preset: dict[str, Any], trusted: Trust) -> FitCLI:
    """Parse without instantiating.

    Raises:
        ConfigError: An option that does not exist, or a value of the wrong type.
    """
    known = _with_classes(arguments, preset)
    cli: FitCLI = explained(lambda: FitCLI(arguments, known, trusted))
    # below a class the parser would take the beginning of a name for the name
    names = flatten(cli.config.as_dict())
    for argument in arguments:
        name = argument.removeprefix("--").partition("=")[0].replace(".init_args", "")
        name = name.removesuffix("+")  # one more of a list
        if argument.startswith(("--model.", "--data.")) and not any(
            known == name or known.startswith(f"{name}.") for known in names
        ):
            there = ", ".join(
                sorted(k for k in names if k.startswith(name[: name.rindex(".") + 1]))
            )
            raise ConfigError(f"{argument}: no such option; there are {there}")
    return cli


def _with_classes(arguments: list[str], preset: dict[str, Any]) -> dict[str, Any]:
    """``preset`` without its options of a class where another one is asked for.

    The parser would keep those that it has filled in for the first.
    """
    changed = {
        section: {"class_path": one}
        for section, one in classes_of(arguments, preset).items()
        if one != preset[section]["class_path"]
    }
    return {**preset, **changed}


def classes_of(arguments: list[str], preset: dict[str, Any]) -> dict[str, str]:
    """Path of the class of ``model`` and of ``data`` that a command line asks for."""
    classes = {section: preset[section]["class_path"] for section in ("model", "data")}
    for name, value in _pairs(arguments):
        if name == "--config":
            content = yaml_reader.load(value)
            for section in classes:
                part = content.get(section)
                if isinstance(part, dict):
                    classes[section] = part.get("class_path", classes[section])
        elif name.removeprefix("--") in classes:
            classes[name.removeprefix("--")] = value
    return classes


def explained(action: Callable[[], Any]) -> Any:
    """Run ``action``; turn a parser's message into one that a user can read."""
    try:
        return action()
    except SeqtextError:
        raise
    except (argparse.ArgumentError, ValueError, TypeError, MisconfigurationException) as error:
        raise ConfigError(_explain(str(error))) from error


def _explain(message: str) -> str:
    """The lines of a parser's message that say what is wrong, as one."""
    if denied := _DENIED.search(message):
        return refusal(denied[1])
    lines = [line.strip() for line in message.splitlines()]
    told = [line for line in lines if line and not line.startswith(_NOISE)]
    told = [_PREAMBLE.sub("", line) for line in told or lines]
    text = " ".join(filter(None, dict.fromkeys(told)))
    text = re.sub(r'Parser key "([^"]*)":', r"\1:", text)
    text = re.sub(r"Expected a typing.Literal\[(.*?)\]\. Got value: (.*)", r"\2, expected \1", text)
    text = re.sub(r"Expected a <class '(\w+)'>\. Got value: (.*)", r"\2, expected \1", text)
    return text.replace("the following arguments are required: train", "data.train is required")


def flatten(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested options -> options by dotted name, as the command line takes them.

    >>> flatten({"model": {"init_args": {"seed": 1}}})
    {'model.seed': 1}
    """
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        if name == "init_args":
            flat.update(flatten(value, prefix))
        elif isinstance(value, dict):
            flat.update(flatten(value, f"{prefix}{name}."))
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def settle(trainer: Namespace) -> None:
    """Complete the trainer's options; float32 where the processor has no bfloat16, and say so."""
    if trainer.max_epochs is None and trainer.max_steps == -1 and trainer.max_time is None:
        trainer.max_epochs = _MAX_EPOCHS
    every, epochs = trainer.check_val_every_n_epoch, trainer.max_epochs
    if every and epochs and 0 < epochs < every:  # so that the last one is validated
        trainer.check_val_every_n_epoch = epochs
    if str(trainer.precision).startswith("16"):
        raise ConfigError(
            f"trainer.precision: {trainer.precision} overflows in a sum over pieces; choose bf16-mixed or"
            " 32-true"
        )
    on_cpu = trainer.accelerator == "cpu" or (
        trainer.accelerator == "auto" and not torch.accelerator.is_available()
    )
    wanted = str(trainer.precision)
    if wanted.startswith("bf16") and on_cpu and not has_bfloat16():
        say(f"precision: this processor has no bfloat16, training in 32-true instead of {wanted}")
        trainer.precision = "32-true"
