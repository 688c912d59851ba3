"""Speeds that were measured once are known afterwards, and a broken cache changes nothing."""

from __future__ import annotations

import json
import pwd
from pathlib import Path

import pytest
import torch

from seqtext import files, speeds
from seqtext.errors import ConfigError


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder of caches, which is not there yet."""
    monkeypatch.delenv("SEQTEXT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    return tmp_path / "caches"


def fail() -> float:
    raise AssertionError("measured again")


def test_a_speed_is_measured_once(cache: Path) -> None:
    assert speeds.recall({"ratio": "a"}, lambda: 1.25) == 1.25
    assert speeds.recall({"ratio": "a"}, fail) == 1.25
    assert speeds.recall({"ratio": "b"}, lambda: 2.5) == 2.5
    assert len(list((cache / "seqtext" / "speeds").iterdir())) == 2


def test_other_conditions_are_measured_anew(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    speeds.recall({}, lambda: 1.25)
    with monkeypatch.context() as patch:
        patch.setattr(torch, "get_num_threads", lambda: 97)
        assert speeds.recall({}, lambda: 2.0) == 2.0
    with monkeypatch.context() as patch:
        patch.setattr(torch, "__version__", "97.0")
        assert speeds.recall({}, lambda: 3.0) == 3.0
    with monkeypatch.context() as patch:
        patch.setattr(speeds, "_processor", lambda: "another one")
        assert speeds.recall({}, lambda: 4.0) == 4.0
    assert speeds.recall({}, fail) == 1.25


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"speed": null}', '{"speed": NaN}', '{"speed": -1}', "\udcff"]
)
def test_a_damaged_file_is_replaced(cache: Path, content: str) -> None:
    speeds.recall({}, lambda: 1.25)
    [file] = (cache / "seqtext" / "speeds").iterdir()
    file.write_text(content, encoding="utf-8", errors="surrogateescape")
    assert speeds.recall({}, lambda: 1.5) == 1.5
    assert json.loads(file.read_text(encoding="utf-8"))["speed"] == 1.5


def test_without_a_cache_it_is_measured_each_time(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.write_text("no folder")
    assert speeds.recall({}, lambda: 1.25) == 1.25
    assert speeds.recall({}, lambda: 1.5) == 1.5
    assert cache.read_text() == "no folder"

    def nobody(_: int) -> None:
        raise KeyError("getpwuid(): uid not found")

    for name in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name)
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    with pytest.raises(RuntimeError):
        files.cache_folder()
    assert speeds.recall({}, lambda: 1.25) == 1.25
    assert speeds.recall({}, lambda: 1.5) == 1.5


def test_where_the_cache_is(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert files.cache_folder() == cache / "seqtext"
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert files.cache_folder() == Path.home() / ".cache" / "seqtext"
    monkeypatch.setenv("SEQTEXT_CACHE", "~/mine")
    assert files.cache_folder() == Path.home() / "mine"


def test_the_environment_names_a_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    for value, name in (("int8", "int8"), ("bf16-mixed", "bf16-mixed"), ("", None)):
        monkeypatch.setenv(speeds.VARIABLE, value)
        assert speeds.named() == name
    monkeypatch.setenv(speeds.VARIABLE, "fp8")
    with pytest.raises(ConfigError, match="SEQTEXT_PRECISION: 'fp8', expected one of fp32, bf16"):
        speeds.named()
