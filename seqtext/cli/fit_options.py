"""The options of ``seqtext fit`` by dotted name, as the signatures of its classes have them."""

from __future__ import annotations

import dataclasses
import inspect
import re
import sys
from collections.abc import Collection, Iterator, Mapping
from typing import Any, get_type_hints

from lightning.pytorch import Trainer

from seqtext.cli import yaml_reader
from seqtext.cli.foreign_names import OPTIONS
from seqtext.cli.unknown_options import describe_unknown
from seqtext.cli.words import pair_options
from seqtext.errors import ConfigError
from seqtext.training.config import SelectionConfig

OWN = ("config", "print_config", "recipe", "resume", "run", "seed_everything", "trust")
PAIRS = {"model": "seqtext.EncoderDecoderModule", "data": "seqtext.PairsDataModule"}
LABELS = {"model": "seqtext.ClassifierModule", "data": "seqtext.LabelsDataModule"}
# an option in a message of Python, where configurations do not know their section
_INNER = re.compile(r"(?<![\w./-])(?:network|optimizer|search|tokenizer)\.[a-z_]+\b")


def flatten(tree: Mapping[Any, Any], prefix: str = "") -> dict[str, object]:
    """Nested options -> options by dotted name, as on the command line.

    >>> flatten({"model": {"init_args": {"seed": 1}}})
    {'model.seed': 1}
    """
    flat: dict[str, object] = {}
    for name, value in tree.items():
        if name == "init_args":
            flat.update(flatten(value, prefix))
        elif isinstance(value, dict):
            flat.update(flatten(value, f"{prefix}{name}."))
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def known_options(classes: Mapping[str, str]) -> list[str]:
    """The names of all options.

    Args:
        classes: Path of the class of ``model`` and of ``data``. A section stands for all its options where
            its class is not imported yet, or takes any option.
    """
    names = [*OWN, *_options_of(Trainer, "trainer"), *_options_of(SelectionConfig, "selection")]
    for section, path in classes.items():
        module, _, name = path.rpartition(".")
        cls = getattr(sys.modules.get(module), name, None)
        of_class = [section] if cls is None else list(_options_of(cls, section))
        names += [*of_class, f"{section}.class_path", f"{section}.dict_kwargs"]
    return names


def _options_of(cls: type[Any], prefix: str) -> Iterator[str]:
    """The options of a class, with those inside its configurations."""
    parameters = inspect.signature(cls).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        yield prefix
    types = get_type_hints(cls.__init__)
    for name in parameters:
        kind = types.get(name)
        if isinstance(kind, type) and dataclasses.is_dataclass(kind):
            yield from _options_of(kind, f"{prefix}.{name}")
        else:
            yield f"{prefix}.{name}"


def refuse_unknown(words: list[str], known: Collection[str], classes: Mapping[str, str]) -> None:
    """Refuse options that do not exist, and say which may be meant.

    Args:
        words: The command line, with each configuration as its text.
        known: Names of all options.
        classes: Path of the class of each section.

    Raises:
        ConfigError: An option does not exist.
    """
    for word, value in pair_options(words):
        if word == "--config":
            for name in flatten(yaml_reader.load(value)):
                _refuse(name, known, classes, "")
        else:
            name = word.removeprefix("--").removesuffix("+")  # --a+=1 appends to a list
            _refuse(name.removesuffix(".help").replace(".init_args", ""), known, classes, "--")


def _refuse(name: str, known: Collection[str], classes: Mapping[str, str], dashes: str) -> None:
    if not name or _exists(name, known):
        return
    for kind, other in (("translator", PAIRS), ("classifier", LABELS)):
        section = name.partition(".")[0]
        if other.get(section, classes.get(section)) == classes.get(section):
            continue
        if _exists(name, known_options({section: other[section]})):
            where = "a recipe of the task" if kind == "translator" else "--recipe classification/…"
            raise ConfigError(
                f"{dashes}{name}: is an option of a {kind}, and {section} is {classes[section]}; choose"
                f" {where}, or --model {other['model']}"
            )
    raise ConfigError(describe_unknown(name, known, OPTIONS["fit"], dashes))


def _exists(name: str, known: Collection[str]) -> bool:
    """Whether this is an option, has options inside it, or lies inside an option."""
    return any(
        f"{name}.".startswith(f"{option}.") or option.startswith(f"{name}.") for option in known
    )


def spell_out(message: str) -> str:
    """A message of Python with the whole names of options: ``optimizer.eps`` is ``model.optimizer.eps``."""
    whole = {"tokenizer": "data.tokenizer"}
    for classes in (PAIRS, LABELS):
        of_classes = (
            name for name in known_options(classes) if name.startswith(("model.", "data."))
        )
        whole |= {name.partition(".")[2]: name for name in of_classes}
    message = _INNER.sub(lambda match: whole.get(match[0], match[0]), message)
    option, colon, rest = message.partition(":")
    return f"{whole.get(option, option)}{colon}{rest}"
