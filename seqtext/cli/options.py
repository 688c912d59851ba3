"""Parse the options of ``seqtext fit``, which are the signatures of its classes."""

from __future__ import annotations

import argparse
import itertools
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import ArgumentParser
from lightning.pytorch import LightningDataModule, LightningModule, Trainer, seed_everything
from lightning.pytorch.cli import ArgsType, LightningArgumentParser, LightningCLI

from seqtext import assets, files
from seqtext.cli import option_values, trainer_options, yaml_reader
from seqtext.cli.fit_options import LABELS, PAIRS, flatten, known_options, refuse_unknown
from seqtext.cli.flags import Parser
from seqtext.cli.old_names import rename_config, rename_words, renames_of
from seqtext.cli.parser_messages import explained
from seqtext.cli.recipe_files import find_recipe
from seqtext.cli.trust import Trust, paths_of
from seqtext.cli.words import pair_options
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
            if "interactive environment" in reason:  # Lightning names strategies that are refused
                reason = f"a notebook cannot be copied to other processes; {trainer_options.OTHER_STRATEGY}"
            raise ConfigError(f"trainer: {reason}{hint}") from error


def own_options(
    arguments: list[str], preset: dict[str, object]
) -> tuple[argparse.Namespace, list[str]]:
    """Parse ``--run``, ``--resume``, ``--trust`` and ``--recipe``, and read configuration files.

    Returns:
        These options, with a ``Trust`` as ``trusted``, and a ``Recipe`` or None as ``recipe``. Then the
        other words of the command line, with each configuration file as its text.
    """
    parser = Parser("fit", "", "")
    # torchrun takes --run for the beginning of its own --run_path
    parser.add_argument("--run", "--run_folder", type=lambda path: Path(path).expanduser())
    parser.add_argument("--resume", type=os.path.expanduser)
    parser.add_argument("--trust", action="append", default=[])
    parser.add_argument("--recipe")
    parser.add_argument("--config", action="append", default=[])
    options, rest = parser.parse_known_args(arguments)
    _refuse_without_value(rest)
    for name, path in (("run", options.run), ("resume", options.resume)):
        if path is not None and (reason := files.odd_name(path)) is not None:
            raise ConfigError(f"--{name} {path}: no folder can have this name ({reason})")
    options.trusted = Trust(options.trust, paths_of(pair_options(rest), preset))
    files_of = [(path, f"--config {path}") for path in options.config]
    if options.recipe is not None:
        name = f"--recipe {options.recipe}"
        options.recipe = find_recipe(options.recipe, name)
        files_of.insert(0, (options.recipe.path, name))  # a --config overrides it
    configs = [(with_config(path, name, options.trusted), name) for path, name in files_of]
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


def _show_section(section: str) -> None:
    """Print the options of the trainer or of the selection, with their defaults."""
    parser = ArgumentParser(prog="seqtext fit", usage="%(prog)s [--KEY VALUE]…", add_help=False)
    if section == "trainer":
        parser.add_class_arguments(Trainer, section, skip={*trainer_options.REFUSED})
        parser.set_defaults({f"trainer.{k}": v for k, v in trainer_options.DEFAULTS.items()})
    else:
        parser.add_class_arguments(SelectionConfig, section)
    parser.print_help()


def parse(arguments: list[str], preset: dict[str, object], trusted: Trust) -> FitCLI:
    """Parse without instantiating.

    Raises:
        ConfigError: An option that does not exist, or a value of the wrong type.
        SystemExit: The help of a section is asked for, and was printed.
    """
    for section in ("trainer", "selection"):
        if f"--{section}.help" in arguments:
            _show_section(section)
            raise SystemExit(0)
    defaults = _with_classes(arguments, preset)
    classes = classes_of(arguments, preset)
    try:
        cli: FitCLI = explained(lambda: FitCLI(arguments, defaults, trusted))
    except ConfigError:
        refuse_unknown(arguments, known_options(classes), classes)  # says it better
        raise
    # the parser takes the beginning of a name below a class
    known = [name for name in known_options(classes) if name not in classes]
    refuse_unknown(arguments, [*known, *flatten(cli.config.as_dict())], classes)
    trusted.check_cell(cli.config)
    option_values.check(cli.config)
    option_values.expand_home(cli.config)
    sources = sources_of(arguments)
    option_values.set_seeds(cli.config, set().union(*sources), {*sources[-1]})
    option_values.settle_batch(cli.config, sources)
    option_values.refuse_unused(cli.config)
    return cli


def sources_of(arguments: Sequence[str]) -> list[dict[str, object]]:
    """The options of each configuration by dotted name, then those of the command line."""
    typed, sources = dict[str, object](), list[dict[str, object]]()
    for name, value in pair_options(arguments):
        if name == "--config":
            sources.append(flatten(yaml_reader.load(value)))
        else:
            typed[name.removeprefix("--").replace(".init_args.", ".")] = value
    return [*sources, typed]


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
    """Paths of the classes of ``model`` and ``data``. Without ``data``, a model of ours takes its own."""
    before = {section: preset[section]["class_path"] for section in ("model", "data")}
    chosen: dict[str, str] = {}
    for name, value in pair_options(arguments):
        if name == "--config":
            content = yaml_reader.load(value)
            for section in before:
                part = content.get(section)
                path = part.get("class_path") if isinstance(part, dict) else part
                if isinstance(path, str):
                    chosen[section] = path
        elif name.removeprefix("--") in before:
            chosen[name.removeprefix("--")] = value
    for kind in (PAIRS, LABELS):
        if chosen.get("model", before["model"]) == kind["model"] != before["model"]:
            before["data"] = kind["data"]
    return {**before, **chosen}
