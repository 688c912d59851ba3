"""Check the entries of a checkpoint from which training resumes."""

from __future__ import annotations

from typing import Any

from seqtext.values import shown

_NUMBER = (int, float)
_NAMES = {
    int: "a whole number", bool: "true or false", str: "text", dict: "a dict", list: "a list",
    _NUMBER: "a number",
}  # fmt: skip
_LONGEST = 200  # characters of an option's path in a message
_DATA = {"train": [str]}
# Entries that Lightning and our own classes read. A dict has at least these, and a list has values of one
# type. Without this check, an edited file would fail deep inside Lightning.
_ENTRIES: dict[str, object] = {
    "pytorch-lightning_version": str,
    "epoch": int,
    "global_step": int,
    "loops": {"fit_loop": {"state_dict": dict, "epoch_loop.batch_progress": dict}},
    "callbacks": dict,
    "optimizer_states": [{"state": dict, "param_groups": [{"params": [int]}]}],
    "lr_schedulers": [{"last_epoch": int}],
    "PairsDataModule": _DATA,
    "LabelsDataModule": _DATA,
    "hyper_parameters": dict,
    "datamodule_hyper_parameters": dict,
    "seqtext_accumulation": int,
    "seqtext_metrics": dict,
    "seqtext_plateau": {"best": _NUMBER, "num_bad_epochs": int, "last_epoch": int},
}
_CALLBACKS = {
    "Checkpoints": {"best": list, "monitor": str, "without_better": int},
    "Report": {"seconds": _NUMBER},
}
# Entries that resuming needs. Older checkpoints lack some of the others.
_NEEDED = (
    "optimizer_states", "lr_schedulers", "loops", "callbacks", "pytorch-lightning_version",
    "seqtext_accumulation",
)  # fmt: skip


def check(content: dict[str, Any]) -> None:
    """Check the types of the entries that ``content`` has.

    Raises:
        ValueError: An entry has another type, or lacks a part.
    """
    for name, kind in _ENTRIES.items():
        if name in content:
            _check(content[name], kind, name)
    for name, state in content.get("callbacks", {}).items():
        where = f"callbacks.{name}" if name in _CALLBACKS else f"callbacks[{shown(name)}]"
        if name in _CALLBACKS:
            _check(state, _CALLBACKS[name], where)
        elif not isinstance(state, dict):  # a user's own callback
            raise ValueError(f"{where}: found {shown(state)}, expected a dict")
        if name == "Checkpoints":
            for pair in state["best"]:
                if type(pair) not in (list, tuple) or len(pair) != 2:
                    raise ValueError(f"{where}.best: expected pairs of a score and a step")
                _check(pair[0], _NUMBER, f"{where}.best")
                _check(pair[1], int, f"{where}.best")
    for name in ("hyper_parameters", "datamodule_hyper_parameters"):
        _check_plain(content.get(name), name)
    for name, value in content.get("seqtext_metrics", {}).items():
        _check(name, str, "seqtext_metrics")
        _check(value, _NUMBER, f"seqtext_metrics[{shown(name)}]")
    if (steps := content.get("seqtext_accumulation", 1)) < 1:
        raise ValueError(f"seqtext_accumulation: {shown(steps)}, expected at least 1")


def check_whole(content: dict[str, Any]) -> None:
    """Check that training can resume from a content that ``check`` accepts.

    Raises:
        ValueError: An entry is missing.
    """
    from packaging.version import InvalidVersion, Version

    for name in _NEEDED:
        if name not in content:
            raise ValueError(f"{name}: is missing")
    if not content["optimizer_states"]:
        raise ValueError("optimizer_states: is empty")
    # The schedule of the learning rate is in lr_schedulers, and that of plateaus in seqtext_plateau.
    # An optimizer of one's own may have none. Ours keeps base_lr.
    [group, *_] = content["optimizer_states"][0]["param_groups"]
    scheduled = content["lr_schedulers"] or "seqtext_plateau" in content
    if not scheduled and "base_lr" in group:
        raise ValueError("lr_schedulers: is empty, and there is no seqtext_plateau")
    version = content["pytorch-lightning_version"]
    try:
        Version(version)
    except InvalidVersion as error:
        raise ValueError(
            f"pytorch-lightning_version: found {shown(version)}, expected a version such as '2.6.0'"
        ) from error


def check_position(position: Any, expected: object, where: str) -> None:
    """Check that a position in training has the parts of another one.

    Args:
        position: The state of a loop.
        expected: The state of a loop that has not begun.
        where: Its name in messages.

    Raises:
        ValueError: A dict or a number is missing or has another type, or a number is negative.
    """
    if not isinstance(expected, dict):
        _check(position, type(expected), where)
        if type(position) is int and position < 0:
            raise ValueError(f"{where}: {shown(position)}, expected at least 0")
        return
    _check(position, dict, where)
    for name, part in expected.items():
        if name not in position:
            raise ValueError(f"{where}.{name}: is missing")
        check_position(position[name], part, f"{where}.{name}")


def _check_plain(value: Any, where: str) -> None:
    """Check that options are numbers, texts, lists and dicts. Dicts may have booleans as names."""
    if type(value) is dict:
        for name, item in value.items():
            if type(name) not in (str, bool):
                raise ValueError(f"{where}: found the name {shown(name)}, expected text")
            _check_plain(item, f"{where}.{name}"[:_LONGEST])
    elif type(value) is list:
        for item in value:
            _check_plain(item, where)
    elif value is not None and type(value) not in (bool, int, float, str):
        raise ValueError(f"{where}: found {shown(value)}, expected a plain value")


def _check(value: Any, kind: Any, where: str) -> None:
    if isinstance(kind, dict):
        _check(value, dict, where)
        for name, part in kind.items():
            if name not in value:
                raise ValueError(f"{where}.{name}: is missing")
            _check(value[name], part, f"{where}.{name}")
    elif isinstance(kind, list):
        _check(value, list, where)
        for i, part in enumerate(value):
            _check(part, kind[0], f"{where}[{i}]")
    elif type(value) not in (kind if isinstance(kind, tuple) else (kind,)):
        raise ValueError(f"{where}: found {shown(value)}, expected {_NAMES[kind]}")
