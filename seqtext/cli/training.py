"""From the command line's options to a finished run. Loads Lightning."""

from __future__ import annotations

import argparse
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import yaml
from jsonargparse import Namespace
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Callback, LightningDataModule, LightningModule, Trainer
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI
from lightning.pytorch.strategies.launchers import _SubprocessScriptLauncher
from lightning.pytorch.utilities import rank_zero_only

from seqtext import assets, checkpoint
from seqtext.checkpoint import Model
from seqtext.console import say
from seqtext.errors import CheckpointError, ConfigError, SeqtextError
from seqtext.models.encoder_decoder import refuse_other_network
from seqtext.run import folder
from seqtext.run.checkpoints import Checkpoints, RunFolder, SelectionConfig
from seqtext.run.report import Report

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


class _CLI(LightningCLI):
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


def train(arguments: list[str], task: str, preset: dict[str, Any]) -> None:
    """Parse ``arguments``, go on with a run or start one, train it to its end.

    Raises:
        ConfigError: A wrong option, a used folder, or a resume that would change the network.
        CheckpointError: The checkpoint to go on from cannot be read.
    """
    torch.set_flush_denormal(True)  # denormal numbers make oneDNN's LSTM many times slower
    options, arguments = _own_options(arguments, preset)
    root = Path("runs") / task
    resume = _find_resume(options.resume, options.run, root)
    if resume is not None and (saved := resume.parent / folder.CONFIG).exists():
        arguments = ["--config", str(saved), *arguments]
    cli = _parse(arguments, preset)
    in_place = resume is not None and (resume.parent / folder.CONFIG).exists()
    run = resume.parent if resume is not None and in_place else options.run
    if not in_place and run is not None and rank_zero_only.rank == 0:  # type: ignore[attr-defined]
        if options.resume == "auto":
            folder.clear_stillborn(run)
        folder.check_unused(run)
    model = None
    if resume is not None:
        model = _resumable(resume)
        _tell_changes(resume.parent / folder.CONFIG, cli, preset)
    _settle(cli.config.trainer)
    _explained(cli.instantiate)
    text, monitor = cli.parser.dump(cli.config), cli.config_init.selection.monitor
    _fit(cli, RunFolder(run, root, text, monitor, resumed=in_place), model, resume)


def _resumable(path: Path) -> Model:
    content = checkpoint.read(path)
    if "optimizer_states" not in content:
        raise CheckpointError(
            f"--resume {path}: holds weights alone, and a run goes on from a {folder.LAST}"
        )
    return checkpoint.unpack(content, str(path))


def _fit(cli: _CLI, run: RunFolder, model: Model | None, resume: Path | None) -> None:
    selection: SelectionConfig = cli.config_init.selection
    checkpoints = Checkpoints(run, selection)
    report = Report(run, checkpoints)
    trainer: Trainer = cli.trainer
    own: list[Callback] = [run, checkpoints, report]
    trainer.callbacks = [*own, *trainer.callbacks]  # type: ignore[attr-defined]
    if selection.monitor == "val_bleu" and not getattr(cli.model, "decode_sentences", 1):
        raise ConfigError(
            "selection.monitor: val_bleu needs decoded sentences, and model.decode_sentences is 0; choose"
            " val_loss"
        )
    if selection.patience is not None and "validation" not in getattr(
        cli.datamodule, "corpora", ()
    ):
        raise ConfigError("selection.patience: nothing to wait for without --data.validation")
    if model is not None:
        refuse_other_network(model.config, cli.model.config)
        cli.datamodule.tokenizers = model.tokenizers
    try:
        trainer.fit(
            cli.model,
            datamodule=cli.datamodule,
            ckpt_path=None if resume is None else str(resume),
            weights_only=True,
        )
        checkpoints.finish(trainer, cli.model, cli.datamodule)
        report.finish(trainer)
    except MisconfigurationException as error:
        raise ConfigError(str(error)) from error
    except ValueError as error:
        if "val_check_interval" not in str(error):
            raise
        raise ConfigError(f"trainer.{str(error).strip().strip('`')}") from error
    finally:
        _end_other_processes(trainer)


def _end_other_processes(trainer: Trainer) -> None:
    """Processes that this one has started would wait for it forever after an error."""
    launcher = trainer.strategy.launcher
    if isinstance(sys.exception(), Exception) and isinstance(launcher, _SubprocessScriptLauncher):
        launcher.kill(getattr(signal, "SIGKILL", signal.SIGTERM))


# --- options ----------------------------------------------------------------------------------------


def _own_options(
    arguments: list[str], preset: dict[str, Any]
) -> tuple[argparse.Namespace, list[str]]:
    """Take ``--run`` and ``--resume`` out, and find configuration files that come with seqtext."""
    parser = argparse.ArgumentParser(prog="seqtext fit", add_help=False, allow_abbrev=False)
    parser.add_argument("--run", type=Path)
    parser.add_argument("--resume")
    parser.add_argument("--config", action="append", default=[])
    options, rest = parser.parse_known_args(arguments)
    for section in ("model", "data"):  # of the class at hand, not of what any class has
        rest = [
            f"--{section}.help={preset[section]['class_path']}"
            if word == f"--{section}.help"
            else word
            for word in rest
        ]
    for config in reversed(options.config):
        path = assets.find(config)
        _check_yaml(path, config)
        rest = ["--config", str(path), *rest]
    return options, rest


def _check_yaml(path: Path, name: str) -> None:
    """The parser's own message would not name the file."""
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


def _parse(arguments: list[str], preset: dict[str, Any]) -> _CLI:
    cli: _CLI = _explained(lambda: _CLI(arguments, preset))
    # below a class the parser would take the beginning of a name for the name
    names = _flat(cli.config.as_dict())
    for argument in arguments:
        name = argument.removeprefix("--").partition("=")[0].replace(".init_args", "")
        if argument.startswith(("--model.", "--data.")) and not any(
            known == name or known.startswith(f"{name}.") for known in names
        ):
            there = ", ".join(
                sorted(k for k in names if k.startswith(name[: name.rindex(".") + 1]))
            )
            raise ConfigError(f"{argument}: no such option; there are {there}")
    return cli


def _explained(action: Callable[[], Any]) -> Any:
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
    return re.sub(r'Parser key "([^"]*)":', r"\1:", text)


def _find_resume(resume: str | None, run: Path | None, root: Path) -> Path | None:
    """The checkpoint to go on from, or None for a new run.

    Raises:
        CheckpointError: There is none where one was named.
        ConfigError: ``--run`` names another folder.
    """
    if resume is None:
        return None
    if resume == "auto":  # every process comes to the same answer, for nothing is written yet
        found = run if run is not None and (run / folder.LAST).exists() else None
        if run is None:
            found = folder.unfinished(root)
        say(
            f"resume: {found / folder.LAST}" if found else "resume: no unfinished run, starting one"
        )
        return found / folder.LAST if found else None
    path = Path(resume)
    if path.is_dir():
        path = path / folder.LAST
    if not path.is_file():
        raise CheckpointError(
            f"--resume {resume}: no such checkpoint, and no run with a {folder.LAST}"
        )
    in_place = (path.parent / folder.CONFIG).exists()
    if in_place and run is not None and run.resolve() != path.parent.resolve():
        raise ConfigError(
            f"--run {run}: a resumed run stays in its folder, which is {path.parent}; leave --run out"
        )
    return path


def _tell_changes(saved: Path, cli: _CLI, preset: dict[str, Any]) -> None:
    """Print every option that differs from the saved run's."""
    if not saved.exists():
        return
    before = _flat(_parse(["--config", str(saved)], preset).config.as_dict())
    after = _flat(cli.config.as_dict())
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if old != new and name != "config":
            say(f"resume: {name} is now {new!r}, was {old!r}")
        if ".tokenizer." in name and "sampling" not in name and old != new:
            raise ConfigError(
                f"--{name}: the run has {old!r}, given is {new!r}; a run keeps its tokenizers. Leave the"
                " option out, or start a new run"
            )
        if name.endswith("optimizer.schedule") and old != new and "plateau" in (old, new):
            raise ConfigError(f"--{name} {new}: a run that began with {old} cannot change to it")


def _flat(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        if name == "init_args":
            flat.update(_flat(value, prefix))
        elif isinstance(value, dict):
            flat.update(_flat(value, f"{prefix}{name}."))
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def _settle(trainer: Namespace) -> None:
    """Complete the trainer's options; float32 where the processor has no bfloat16, and say so."""
    if trainer.max_epochs is None and trainer.max_steps == -1 and trainer.max_time is None:
        trainer.max_epochs = _MAX_EPOCHS
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


def has_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16, which oneDNN's LSTM needs."""
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
