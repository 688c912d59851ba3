"""Parse the options of ``seqtext fit``, which are the signatures of its classes."""

from __future__ import annotations

import argparse
import itertools
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from lightning.pytorch import LightningDataModule, LightningModule, Trainer, seed_everything
from lightning.pytorch.cli import ArgsType, LightningArgumentParser, LightningCLI

from seqtext import assets, files
from seqtext.cli import option_values, trainer_options, yaml_reader
from seqtext.cli.old_names import rename_config, rename_words, renames_of
from seqtext.cli.parser_messages import explained
from seqtext.cli.trust import Trust, paths_of
from seqtext.errors import ConfigError
from seqtext.training.config import SelectionConfig


class FitCLI(LightningCLI):
    """Parses the options. It builds the objects only in ``instantiate``, and runs nothing."""

    trainer: trainer_options.FitTrainer

    def __init__(self, arguments: list[str], preset: dict[str, object], trusted: Trust) -> None:
        self._preset, self._trusted = preset, trusted
        with trusted.enforced():
            self._parse(arguments)

    def _parse(self, arguments: list[str]) -> None:
        super().__init__(
            LightningModule,
            LightningDataModule,
            trainer_class=trainer_options.FitTrainer,
            subclass_mode_model=True,
            subclass_mode_data=True,
            save_config_callback=None,
            seed_everything_default=False,
            trainer_defaults={
                **trainer_options.DEFAULTS,
                "enable_progress_bar": sys.stderr.isatty(),
            },
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

    def parse_arguments(self, parser: LightningArgumentParser, args: ArgsType) -> None:
        super().parse_arguments(parser, args)
        # LightningCLI would set the seeds right after this, before the options are checked
        self._seed, self.config.seed_everything = self.config.seed_everything, False

    def instantiate_classes(self) -> None:
        """Nothing yet: the options are checked first. See ``instantiate``."""
        self.config.seed_everything = self._seed

    def instantiate(self) -> None:
        if self._seed is not False:
            # for a user's own classes: ours have seeds of their own
            seed_everything(self._seed, workers=True)
        with self._trusted.enforced():
            super().instantiate_classes()
        trainer_options.refuse_built(self.trainer)

    def instantiate_trainer(self, **options: object) -> Trainer:
        try:
            return super().instantiate_trainer(**options)
        except Exception as error:  # Lightning has no common type for errors in its options
            hint = (
                "; SLURM_NTASKS is set, so it expects to be started by srun: do that, or unset the variable"
                if "SLURM_NTASKS" in os.environ
                else ""
            )
            reason = str(error).rstrip(".") or type(error).__name__
            raise ConfigError(f"trainer: {reason}{hint}") from error


def own_options(
    arguments: list[str], preset: dict[str, object]
) -> tuple[argparse.Namespace, list[str]]:
    """Parse ``--run``, ``--resume`` and ``--trust``, and read configuration files.

    Returns:
        These options, with a ``Trust`` as ``trusted``. Then the other words of the command line, with each
        configuration file as its text.
    """
    parser = argparse.ArgumentParser(prog="seqtext fit", add_help=False, allow_abbrev=False)
    parser.add_argument("--run", type=lambda path: Path(path).expanduser())
    parser.add_argument("--resume", type=os.path.expanduser)
    parser.add_argument("--trust", action="append", default=[])
    parser.add_argument("--config", action="append", default=[])
    options, rest = parser.parse_known_args(arguments)
    _refuse_without_value(rest)
    for name, path in (("run", options.run), ("resume", options.resume)):
        if path is not None and (reason := files.odd_name(path)) is not None:
            raise ConfigError(f"--{name} {path}: no folder can have this name ({reason})")
    options.trusted = Trust(options.trust, paths_of(_pairs(rest), preset))
    configs = [
        (with_config(path, f"--config {path}", options.trusted), f"--config {path}")
        for path in options.config
    ]
    classes = classes_of([*(config for config, _ in configs), *rest], preset)
    renames = renames_of(classes)
    arguments = [rename_config(config, renames, name) for config, name in configs]
    arguments += rename_words(rest, renames)
    arguments = [  # help of the class in use, not of its base
        f"{word}={classes[word[2:-5]]}" if word in ("--model.help", "--data.help") else word
        for word in arguments
    ]
    return options, _as_configurations(arguments, classes)


def with_config(config: str | Path, name: str, trusted: Trust) -> str:
    """Read a configuration, and return a ``--config=`` word with its text.

    Args:
        config: Path of a file, which may come with seqtext. Or YAML that begins with ``{``.
        name: Its name in messages.
        trusted: Classes that it may name.

    Raises:
        ConfigError: It cannot be read, or names a class that is not trusted.
    """
    inline = str(config).startswith("{")
    text = (
        str(config) if inline else yaml_reader.read(assets.find(os.path.expanduser(config)), name)
    )
    text, node = yaml_reader.sections(text, name)
    trusted.check(node, name)
    return f"--config={text}"


def _pairs(words: list[str]) -> Iterator[tuple[str, str]]:
    """Options of a command line, each with its value, from ``--a=1`` and ``--a 1`` alike."""
    for word, value in itertools.pairwise([*words, ""]):
        name, equals, given = word.partition("=")
        if name.startswith("--"):
            yield name, given if equals else value


def _refuse_without_value(words: list[str]) -> None:
    """Refuse an option of a section without a value. The parser's message would not name it.

    Raises:
        ConfigError: An option has no value.
    """
    for word, following in itertools.pairwise([*words, "--"]):
        name, equals, _ = word.partition("=")
        section = name.removeprefix("--").partition(".")[0]
        if word.startswith("--") and section in yaml_reader.SECTIONS and not name.endswith(".help"):
            missing = not equals and following.startswith("--")
            if name in ("--model", "--data") and (missing or word == f"{name}="):
                raise ConfigError(f"{name}: expected the path of a class after it")
            if missing:
                raise ConfigError(f"{name}: expected a value after it")


def _as_configurations(words: list[str], classes: dict[str, str]) -> list[str]:
    r"""Turn nulls, lists and mappings for nested options into YAML of their section.

    The parser would print such a value as Python does, and read that as YAML. So null would become a file
    "None", and ``\`` would become two.

    Args:
        words: The command line.
        classes: Path of the class of each section.
    """
    result: list[str] = []
    rest = iter(words)
    for word in rest:
        name, equals, value = word.removeprefix("--").partition("=")
        section, *inner = name.replace(".init_args.", ".").split(".")
        if section not in classes or len(inner) < 2 or not word.startswith("--"):
            result.append(word)
            continue
        value = value if equals else next(rest, "")
        try:
            tree = yaml_reader.load(value)
        except yaml.YAMLError:  # plain text, or an error that the parser reports
            tree = value
        if not (tree is None or isinstance(tree, list | dict)):
            result += [word] if equals else [word, value]
            continue
        for part in reversed(inner):
            tree = {part: tree}
        content = {section: {"class_path": classes[section], "init_args": tree}}
        result.append(f"--config={yaml.safe_dump(content, default_flow_style=True)}")
    return result


def parse(arguments: list[str], preset: dict[str, object], trusted: Trust) -> FitCLI:
    """Parse without instantiating.

    Raises:
        ConfigError: An option that does not exist, or a value of the wrong type.
    """
    defaults = _with_classes(arguments, preset)
    cli: FitCLI = explained(lambda: FitCLI(arguments, defaults, trusted))
    _refuse_unknown(arguments, list(flatten(cli.config.as_dict())))
    trusted.check_cell(cli.config)
    option_values.check(cli.config)
    option_values.expand_home(cli.config)
    given, typed = _given(arguments)
    option_values.set_seeds(cli.config, given, typed)
    option_values.settle_batch(cli.config, typed)
    option_values.refuse_unused(cli.config)
    return cli


def _refuse_unknown(arguments: list[str], known: list[str]) -> None:
    """Refuse options that are only the beginning of a name, which the parser accepts below a class.

    Raises:
        ConfigError: An option does not exist.
    """
    for argument in arguments:
        name = argument.removeprefix("--").partition("=")[0].replace(".init_args", "")
        name = name.removesuffix("+")  # --a+=1 appends to a list
        exists = any(option == name or option.startswith(f"{name}.") for option in known)
        if argument.startswith(("--model.", "--data.")) and not exists:
            section = name[: name.rindex(".") + 1]
            choices = ", ".join(sorted(option for option in known if option.startswith(section)))
            raise ConfigError(f"{argument}: no such option; there are {choices}")


def _given(arguments: list[str]) -> tuple[set[str], set[str]]:
    """Names of the options that a file or the command line sets, and those on the command line."""
    typed, filed = set[str](), set[str]()
    for name, value in _pairs(arguments):
        if name == "--config":
            filed |= flatten(yaml_reader.load(value)).keys()
        else:
            typed.add(name.removeprefix("--").replace(".init_args.", "."))
    return typed | filed, typed


def _with_classes(arguments: list[str], preset: dict[str, Any]) -> dict[str, object]:
    """``preset`` with other classes where the command line asks for them.

    The options that ``preset`` has for its own class go. The parser would give them to the other class.
    """
    changed = {
        section: {"class_path": path}
        for section, path in classes_of(arguments, preset).items()
        if path != preset[section]["class_path"]
    }
    return {**preset, **changed}


def classes_of(arguments: list[str], preset: dict[str, Any]) -> dict[str, str]:
    """Paths of the classes of ``model`` and ``data``."""
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


def flatten(tree: dict[str, Any], prefix: str = "") -> dict[str, object]:
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
