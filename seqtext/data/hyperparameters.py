"""Options of modules and data modules as plain values: kept in ``hparams``, and read back."""

from __future__ import annotations

import dataclasses
import inspect
import os
from collections.abc import Collection, Mapping
from numbers import Integral, Real
from pathlib import Path
from types import FrameType, GeneratorType
from typing import Self, TypeVar, cast

import torch
from lightning.fabric.utilities.data import AttributeDict
from lightning.pytorch import LightningDataModule
from lightning.pytorch.core.mixins.hparams_mixin import HyperparametersMixin
from lightning.pytorch.utilities.parsing import collect_init_args

from seqtext import archive
from seqtext.data.tokenizer import TokenizerConfig
from seqtext.errors import CheckpointError, ConfigError

T = TypeVar("T")
Options = dict[str, object]


def keep_options(
    module: HyperparametersMixin, constructor: FrameType | None, *, but: Collection[str] = ()
) -> None:
    """Keep what a module was constructed with in ``module.hparams``.

    Args:
        module: The module or data module.
        constructor: The running constructor of a base class. The arguments of its children are kept.
        but: Names of arguments that are not kept.
    """
    assert constructor is not None
    # the base's own arguments come first: its children have made them of theirs
    _, *collected = collect_init_args(constructor, [], classes=(type(module),))
    options = {
        name: value
        for arguments in collected
        for name, value in arguments.items()
        if name not in but
    }
    # Lightning would collect the arguments again, and compare them: == of a table gives no truth value.
    # From the frame of a generator that waits it sees no caller.
    waiting = cast("GeneratorType[str, None, None]", (name for name in options))
    module.save_hyperparameters(plain_options(options), frame=waiting.gi_frame)


def plain_options(options: Mapping[str, object]) -> Options:
    """Options as numbers, texts, lists and dicts. Those that hold other objects are left out."""
    kept: Options = {}
    for name, value in options.items():
        try:
            kept[name] = _plain(value)
        except _NoPlainValueError:
            continue
    return kept


class _NoPlainValueError(Exception):
    pass


def _plain(value: object) -> object:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str | os.PathLike):
        return str(value)
    if isinstance(value, Integral):  # NumPy's too
        return int(value)
    if isinstance(value, Real):
        return float(value)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        # a checkpoint has texts as names, and YAML reads a column 1 as a number
        return {str(name): _plain(item) for name, item in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
    raise _NoPlainValueError


def construct(
    cls: type[T], configs: Mapping[str, type], saved: Mapping[str, object], given: Options
) -> T:
    """Make a module of saved options.

    Args:
        cls: The module's class.
        configs: Names of the options that are dataclasses, and these.
        saved: Options as ``plain_options`` returns them. What ``cls`` does not take is left out.
        given: Options that override the saved ones. A dict overrides single fields of a dataclass.

    Raises:
        ConfigError: ``cls`` has no such option, or the option has no such value.
    """
    parameters = inspect.signature(cls).parameters
    takes_any = any(p.kind == p.VAR_KEYWORD for p in parameters.values())
    if not takes_any and (unknown := [name for name in given if name not in parameters]):
        raise ConfigError(
            f"{cls.__name__}: no option {unknown[0]!r}; there are {', '.join(parameters)}"
        )
    # names with _ are Lightning's own, about the class
    options = {
        name: value
        for name, value in saved.items()
        if name in parameters or (takes_any and not name.startswith("_"))
    }
    for name, value in given.items():
        before = options.get(name)
        if name in configs and isinstance(value, dict) and isinstance(before, dict):
            value = {**before, **value}
        options[name] = value
    for name, config in configs.items():
        if isinstance(fields := options.get(name), dict):
            try:
                options[name] = config(**fields)
            except TypeError as error:
                raise ConfigError(f"{name}: {error}") from error
    try:
        return cls(**options)
    except TypeError as error:  # an argument without a default was not saved
        raise ConfigError(f"{cls.__name__}: {error}") from error


class SavedDataModule(LightningDataModule):
    """A data module whose options are kept in checkpoints."""

    @classmethod
    def load_from_checkpoint(  # type: ignore[override]  # no open files, no file of options
        cls,
        checkpoint_path: str | Path,
        map_location: str | torch.device | None = None,
        **options: object,
    ) -> Self:
        """Make the data module of a checkpoint's run again. Its corpora are read where they were.

        Args:
            checkpoint_path: A checkpoint file. Nothing but plain values and tensors is read, as with
                ``weights_only=True``.
            map_location: Not used. A data module has no tensors.
            options: Arguments of the constructor that override the saved ones.

        Raises:
            CheckpointError: The file cannot be read, or holds no options of a data module.
            ConfigError: There is no such option. Or the corpora were in memory, and ``options`` lack them.
        """
        content = archive.read(Path(checkpoint_path))
        saved = content.get(cls.CHECKPOINT_HYPER_PARAMS_KEY) if isinstance(content, dict) else None
        if not isinstance(saved, dict):
            raise CheckpointError(
                f"{checkpoint_path}: holds no options of a data module, as older versions saved none; make"
                f" it of its options, as in seqtext.{cls.__name__}(train=…)"
            )
        options.pop("weights_only", None)
        if {"batch_tokens", "batch_size"} & options.keys():  # one takes the place of the other
            saved = {k: v for k, v in saved.items() if k not in ("batch_tokens", "batch_size")}
        if "train" not in saved and "train" not in options:
            raise ConfigError(
                f"{checkpoint_path}: data.train was in memory, and no checkpoint keeps it; give it, as in"
                f" {cls.__name__}.load_from_checkpoint(PATH, train=…)"
            )
        return construct(cls, {"tokenizer": TokenizerConfig}, saved, options)

    @property
    def hparams_initial(self) -> AttributeDict:
        """The options for loggers, below ``data``: a module has options of the same names."""
        return AttributeDict(data=dict(super().hparams_initial))
