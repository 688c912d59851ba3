"""The cache of prepared corpora: damaged, read-only, full, or nowhere."""

from __future__ import annotations

import errno
import os
import pwd
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from seqtext.data import encoding
from seqtext.data.corpus import Corpus
from seqtext.data.pairs import PairsDataModule
from seqtext.data.tokenizer import Tokenizer, TokenizerConfig
from seqtext.errors import ConfigError, DataError
from tests.support import epoch_of, tokenizers_of

Damage = Callable[[bytes], bytes]


def start(cache: Path | str | None, **options: Any) -> PairsDataModule:
    """A data module over the built-in corpus, prepared and set up."""
    small = {"tokenizer": TokenizerConfig(vocab_size=420), "batch_size": 8}
    given: dict[str, Any] = {"source": "en", "target": "de", **small, **options}
    folder = None if cache is None else str(cache)
    data = PairsDataModule("builtin:train:60", cache_dir=folder, **given)
    data.prepare_data()
    data.setup("fit")
    return data


def flip(content: bytes) -> bytes:
    """Content with one changed bit in its middle."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 4]) + content[middle + 1 :]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Any]]:
    """A cache, and the pairs that it gives."""
    folder = tmp_path_factory.mktemp("cache")
    return folder, epoch_of(start(folder))


@pytest.fixture
def damaged(good: tuple[Path, list[Any]], tmp_path: Path) -> Callable[[str, Damage], Path]:
    """A copy of the cache with damaged files."""

    def copied(pattern: str, damage: Damage) -> Path:
        shutil.copytree(good[0], tmp_path / "cache")
        paths = [path for path in (tmp_path / "cache").rglob(pattern) if path.is_file()]
        assert paths
        for path in paths:
            path.write_bytes(damage(path.read_bytes()))
        return tmp_path / "cache"

    return copied


def no_preparing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise AssertionError("read, trained or tokenized again")

    monkeypatch.setattr(Corpus, "rows", fail)
    monkeypatch.setattr(Tokenizer, "train", fail)
    monkeypatch.setattr(encoding, "_encode_rows", fail)


# --- damage ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", [lambda _: b"", flip, lambda content: content[:-50]])
@pytest.mark.parametrize("pattern", ["cache-*.arrow", "*.arrow", "[0-9a-f]*.json", "*"])
def test_a_damaged_cache_is_prepared_anew(
    pattern: str,
    damage: Damage,
    damaged: Callable[[str, Damage], Path],
    good: tuple[Path, list[Any]],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cache = damaged(pattern, lambda content: damage(content) if content else content)
    assert epoch_of(start(cache)) == good[1]
    told = capsys.readouterr().err
    assert told.count(" is damaged (") == 1
    assert "preparing it anew" in told
    no_preparing(monkeypatch)
    assert epoch_of(start(cache)) == good[1]
    assert "damaged" not in capsys.readouterr().err


def test_a_damaged_description_of_the_data_does_not_matter(
    damaged: Callable[[str, Damage], Path],
    good: tuple[Path, list[Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    no_preparing(monkeypatch)
    assert epoch_of(start(damaged("dataset_info.json", lambda _: b""))) == good[1]


@pytest.mark.parametrize("pattern", ["generator-train.arrow", "rows.json"])
def test_damaged_rows_are_read_anew_for_another_tokenizer(
    pattern: str, damaged: Callable[[str, Damage], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    cache = damaged(pattern, flip)
    other = start(cache, tokenizer=TokenizerConfig(vocab_size=430))
    assert "preparing it anew" in capsys.readouterr().err
    assert len(epoch_of(other)) == 60


@pytest.mark.parametrize("pattern", ["dataset_info.json", "*.arrow"])
def test_what_a_power_cut_leaves(
    pattern: str, damaged: Callable[[str, Damage], Path], good: tuple[Path, list[Any]]
) -> None:
    """Files that were never filled, and no digests of them."""
    cache = damaged(pattern, lambda _: b"")
    for path in [*cache.rglob("rows.json"), *cache.glob("datasets/*/[0-9a-f]*.json")]:
        path.unlink()
    assert epoch_of(start(cache)) == good[1]


@pytest.mark.parametrize("what", ["damaged", "another"])
def test_a_tokenizer_that_is_not_the_one_kept_there(
    what: str,
    damaged: Callable[[str, Damage], Path],
    good: tuple[Path, list[Any]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    other = bytes(tokenizers_of(start(good[0], tokenizer=TokenizerConfig(vocab_size=440))).source)
    cache = damaged("*.model", flip if what == "damaged" else lambda _: other)
    capsys.readouterr()
    assert tokenizers_of(start(cache)).source.vocab_size == 420
    assert "is damaged or another tokenizer; training it anew" in capsys.readouterr().err
    start(cache)
    assert "damaged" not in capsys.readouterr().err


# --- where nothing can be written -----------------------------------------------------------------------


@pytest.fixture
def read_only(good: tuple[Path, list[Any]]) -> Iterator[Path]:
    """A copy of the cache in which this process may not write."""
    with tempfile.TemporaryDirectory() as name:
        shutil.copytree(good[0], folder := Path(name) / "cache")
        for path in [Path(name), folder, *folder.rglob("*")]:
            path.chmod(0o555 if path.is_dir() else 0o444)
        root = os.geteuid() == 0  # who may write everywhere
        if root:
            os.seteuid(65_534)
        try:
            yield folder
        finally:
            if root:
                os.seteuid(0)
            for path in [Path(name), *Path(name).rglob("*")]:
                path.chmod(0o755)


def test_a_read_only_cache_that_has_all(read_only: Path, good: tuple[Path, list[Any]]) -> None:
    assert epoch_of(start(read_only)) == good[1]


@pytest.mark.parametrize("streaming", [False, True])
def test_a_read_only_cache_that_lacks_something(
    streaming: bool, read_only: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Tokenizer, "train", None)  # so late that the wait would be for nothing
    tokenizer = TokenizerConfig(vocab_size=410)
    with pytest.raises(DataError) as caught:
        start(read_only, streaming=streaming, tokenizer=tokenizer)
    message = str(caught.value)
    assert message.startswith(f"{read_only}: prepared corpora cannot be written there (Permission")
    assert message.endswith("data.cache_dir or the environment variable SEQTEXT_CACHE")


def test_no_home_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def nobody(_: int) -> None:
        raise KeyError("getpwuid(): uid not found")

    for name in ("HOME", "SEQTEXT_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    for cache in (None, "~/cache"):
        with pytest.raises(ConfigError, match=r"no home folder for ~/.*cache.* SEQTEXT_CACHE"):
            start(cache)
    monkeypatch.setenv("SEQTEXT_CACHE", str(tmp_path / "cache"))
    start(None)


def test_a_disk_that_is_full_when_the_digests_are_written(
    tmp_path: Path, good: tuple[Path, list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Path.open

    def full(path: Path, mode: str = "r", *arguments: Any, **options: Any) -> Any:
        if ".json" in path.suffixes and mode == "xb":
            raise OSError(errno.ENOSPC, "No space left on device")
        return original(path, mode, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", full)
        with pytest.raises(DataError, match=r"cannot be written there \(No space left on device\)"):
            start(tmp_path / "cache")
    assert epoch_of(start(tmp_path / "cache")) == good[1]


def test_a_relative_folder(
    good: tuple[Path, list[Any]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert epoch_of(start("some/../cache")) == good[1]
    no_preparing(monkeypatch)
    assert epoch_of(start("cache")) == good[1]
    shutil.move("cache", "moved")
    assert epoch_of(start("moved")) == good[1]
