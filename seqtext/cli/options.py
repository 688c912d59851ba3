"""The options of ``seqtext fit``: parsed by the classes' signatures, errors told in words."""

from __future__ import annotations

import argparse
import itertools
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import yaml
from jsonargparse import Namespace
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import LightningDataModule, LightningModule
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI

from seqtext import assets
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
)
_PREAMBLE = re.compile(
    r"""^(- )?(Problem with given class_path '[^']*':|Parser key "(model|data)":)?\s*"""
)


class FitCLI(LightningCLI):
    """Parses; instantiates when told to. What is run is up to ``train``."""

    def __init__(self, arguments: list[str], preset: dict[str, Any]) -> None:
        self._preset = preset
        super().__init__(
            LightningModule,
            LightningDataModule,
            subclass_mode_model=True,
            subclass_mode_data=True,
            save_config_callback=None,
            seed_everything_default=False,
            trainer_defaults={**_TRAINER_DEFAULTS, "enable_progress_bar": sys.stderr.isatty()},
            parser_kwargs={"exit_on_error": False, "allow_abbrev": False, "prog": "seqtext fit"},
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
        super().instantiate_classes()


def own_options(
    arguments: list[str], preset: dict[str, Any]
) -> tuple[argparse.Namespace, list[str]]:
    """Take ``--run`` and ``--resume`` out, and find configuration files that come with seqtext."""
    parser = argparse.ArgumentParser(prog="seqtext fit", add_help=False, allow_abbrev=False)
    parser.add_argument("--run", type=Path)
    parser.add_argument("--resume")
    parser.add_argument("--config", action="append", default=[])
    options, rest = parser.parse_known_args(arguments)
    configs: list[str] = []
    for config in options.config:
        path = assets.find(config)
        _read_yaml(path, config)  # a message names it as it was given
        configs += ["--config", str(path)]
    arguments = [*configs, *rest]
    classes = classes_of(arguments, preset)
    arguments = [  # help of the class at hand, not of what any class has
        f"{word}={classes[word[2:-5]]}" if word in ("--model.help", "--data.help") else word
        for word in arguments
    ]
    return options, _with_nulls(arguments, classes)


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
        told += ["--config", yaml.safe_dump(content, default_flow_style=True)]
    return told


def _read_yaml(path: Path, name: str) -> dict[str, Any]:
    """Read by ourselves first: the parser's own message would not name the file."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"--config {name}: cannot be read ({error.strerror})") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        where = getattr(error, "problem_mark", None)
        line = "" if where is None else f":{where.line + 1}"
        reason = getattr(error, "problem", None) or error
        raise ConfigError(f"--config {name}{line}: not YAML ({reason})") from error
    if not isinstance(content, dict):
        raise ConfigError(f"--config {name}: expected sections (data:, model:, …), got {content!r}")
    return content


def parse(arguments: list[str], preset: dict[str, Any]) -> FitCLI:
    """Parse without instantiating.

    Raises:
        ConfigError: An option that does not exist, or a value of the wrong type.
    """
    known = _with_classes(arguments, preset)
    cli: FitCLI = explained(lambda: FitCLI(arguments, known))
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
    for word, value in itertools.pairwise([*arguments, ""]):
        name, equals, given = word.partition("=")
        value = given if equals else value
        if name == "--config":
            content = (
                yaml.safe_load(value) if value.startswith("{") else _read_yaml(Path(value), value)
            )
            for section in classes:
                part = content.get(section)
                if isinstance(part, dict):
                    classes[section] = part.get("class_path", classes[section])
        elif name.removeprefix("--") in classes and name.startswith("--"):
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
    lines = [line.strip() for line in message.splitlines()]
    told = [line for line in lines if line and not line.startswith(_NOISE)]
    text = " ".join(filter(None, (_PREAMBLE.sub("", line) for line in told)))
    text = re.sub(r'Parser key "([^"]*)":', r"\1:", text)
    # of an option that can be null the value stands apart, the innermost first
    given = [line.partition("Given value: ")[2] for line in lines if "Given value: " in line]
    if given and "Expected a " in text and "Got value" not in text:
        text += f". Got value: {given[0]}"
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
