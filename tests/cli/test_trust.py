"""No file runs code: configurations import known classes, and what the command line trusts."""

from __future__ import annotations

import contextlib
import inspect
import json
import shutil
import sys
import typing
from collections.abc import Iterator
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
import yaml

import seqtext
from seqtext.cli import main
from seqtext.cli.fit import PRESET
from seqtext.cli.options import own_options
from seqtext.cli.trust import Trust
from seqtext.errors import ConfigError
from seqtext.training.config import SelectionConfig

# what a stranger's file would have run: it writes a file named "ran"
RUN = {"class_path": "subprocess.Popen", "init_args": {"args": "touch ran", "shell": True}}
OWN = {"class_path": "strange.Strange"}
MODULE = """
from pathlib import Path
from lightning.pytorch import Callback

Path("ran").touch()

class Strange(Callback):
    def __init__(self, number: int = 1) -> None: ...

def strange(*arguments): ...
"""


def train(**options: Any) -> dict[str, Any]:
    return {"data": {"init_args": {"train": [{"path": "x", **options}]}}}


def callback(name: str, **options: Any) -> dict[str, Any]:
    return {"trainer": {"callbacks": [{"class_path": name, "init_args": options}]}}


FILES: dict[str, Any] = {
    "unknown option of a corpus": train(x=RUN),
    "tag": train(tag=RUN),
    "weight": train(weight=RUN),
    "path": train(path=RUN),
    "corpus": {"data": {"init_args": {"train": RUN}}},
    "compare": {"data": {"init_args": {"train": "x", "compare": [{"path": "x", "x": RUN}]}}},
    "data": {"data": RUN},
    "model": {"model": RUN},
    "optimizer": {"model": {"init_args": {"optimizer": RUN}}},
    "rates": {"model": {"init_args": {"optimizer": {"learning_rate_factors": {"encoder": RUN}}}}},
    "console": callback("RichProgressBar", console_kwargs={"file": RUN}),
    "function": callback("LambdaCallback", setup="os.system"),
    "own function": callback("LambdaCallback", setup="strange.strange"),
    "function of torch": callback("LambdaCallback", setup="torch.hub.load"),
    "callable": callback("LambdaCallback", setup=RUN),
    "dict_kwargs": {"trainer": {"profiler": {"class_path": "PyTorchProfiler", "dict_kwargs": RUN}}},
    "callback": {"trainer": {"callbacks": [OWN]}},
    "callback by name": {"trainer": {"callbacks": "strange.Strange"}},
    "plugins": {"trainer": {"plugins": [RUN]}},
    "strategy": {"trainer": {"strategy": RUN}},
    "number": {"trainer": {"max_time": RUN}},
    "seed": {"seed_everything": RUN},
    "text that is YAML": {"data": {"init_args": {"train": json.dumps([{"path": "x", "x": RUN}])}}},
    "section that is text": {"data": json.dumps(RUN)},
    "another file": {"trainer": "other.yaml"},
    "file of a list": {"trainer": {"callbacks": "list.txt"}},
    "dotted": {"trainer.callbacks": [OWN]},
    "through a known module": callback("lightning.pytorch.callbacks.callback.Any"),
    "through ours": callback("seqtext.checkpoint.torch.load"),
}
TAGS = {
    "apply": "x: !!python/object/apply:os.system ['touch ran']\n",
    "new": "trainer: !!python/object/new:subprocess.Popen [['touch', 'ran']]\n",
}
TEXTS = {name: yaml.safe_dump(content) for name, content in FILES.items()} | TAGS


@pytest.fixture(autouse=True)
def _stranger() -> Iterator[None]:
    """A module of a stranger in the working folder, which only ``--trust`` may import."""
    Path("strange.py").write_text(MODULE)
    Path("other.yaml").write_text(yaml.safe_dump({"callbacks": [RUN]}))
    Path("list.txt").write_text("strange.Strange\n")
    before = list(sys.path)
    yield
    sys.path[:] = before
    sys.modules.pop("strange", None)


SMALL = [
    "--data.train=builtin:train:20",
    "--model.network.embedding_size=8",
    "--model.network.hidden_size=8",
    "--trainer.max_steps=1",
]


def refused(*arguments: str) -> None:
    """The command ends with a user's mistake, and nothing ran."""
    assert main(["fit", *SMALL, *arguments, "--run=r"]) == 2
    assert not Path("ran").exists()
    assert not Path("r").exists()


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_no_file_runs_code(text: str) -> None:
    Path("c.yaml").write_text(text)
    refused("--config", "c.yaml")
    refused("--config", "c.yaml", "--print_config")
    tagged = text in TAGS.values()
    inline = f"{{{text.strip()}}}" if tagged else json.dumps(yaml.safe_load(text))
    refused("--config", inline)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_the_parser_imports_nothing_else(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody looks at files before."""
    monkeypatch.setattr(Trust, "check", lambda *_: None)
    Path("c.yaml").write_text(text)
    # an option without a type keeps its value as it is, so that some of these train
    assert main(["fit", *SMALL, "--config", "c.yaml", "--run=r"]) in (0, 2)
    assert not Path("ran").exists()


def test_files_are_looked_at_before_the_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the parser imports anything."""
    monkeypatch.setattr(Trust, "enforced", lambda _: contextlib.nullcontext())
    for text in TEXTS.values():
        if "subprocess.Popen" in text or "class_path: strange" in text:  # no functions
            Path("c.yaml").write_text(text)
            refused("--config", "c.yaml")


@pytest.mark.parametrize("name", ["callback", "text that is YAML", "function", "apply"])
def test_no_run_of_a_stranger_runs_code(name: str, trained: Path) -> None:
    shutil.copytree(trained, "theirs")
    Path("theirs/config.yaml").write_text(TEXTS[name])
    before = {path.name for path in Path("theirs").iterdir()}
    for options in ([], ["--print_config"]):
        assert main(["fit", "--resume=theirs", *options]) == 2
        assert not Path("ran").exists()
    assert {path.name for path in Path("theirs").iterdir()} == before


def test_environment_runs_no_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JSONARGPARSE_DEFAULT_ENV", "true")
    monkeypatch.setenv("PL_TRAINER__CALLBACKS", json.dumps([OWN]))
    refused()


def test_trusted_code_is_found_in_the_working_folder(
    tiny: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(Path.cwd())
    sys.path[:] = [path for path in sys.path if path not in ("", folder)]  # as of the program
    short = [*tiny, "--trainer.max_epochs=1"]
    typed = ["--trainer.callbacks+=strange.Strange", "--trainer.callbacks.number=3"]
    assert main(["fit", *short, *typed, "--run=r"]) == 0
    assert Path("ran").exists()
    capsys.readouterr()
    # the run's own file is a file as any other
    assert main(["fit", "--resume=r", "--trainer.max_epochs=2"]) == 2
    message = capsys.readouterr().err
    assert "r/config.yaml:" in message
    assert "strange.Strange is not one of the classes" in message
    assert "give --trust strange" in message
    assert main(["fit", "--resume=r", "--trainer.max_epochs=2", "--trust", "strange"]) == 0


def test_the_working_folder_is_looked_at_only_for_trusted_code() -> None:
    folder = str(Path.cwd())
    sys.path[:] = [path for path in sys.path if path not in ("", folder)]
    refused("--trainer.accelerator=cpu", "--trainer.callbacks+=Timer", "--trainer.max_steps=x")
    assert folder not in sys.path


def test_trust_is_for_a_package(capsys: pytest.CaptureFixture[str]) -> None:
    Path("c.yaml").write_text(TEXTS["callback"])
    refused("--config=c.yaml", "--trust=stran")  # no beginning of a name
    for name in ("a b", "../x", "jsonargparse"):
        refused("--config=c.yaml", f"--trust={name}")
        assert f"--trust {name}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("seqtext.cli.trust.yaml.Loader", "It is yaml.loader.Loader by another name"),
        ("seqtext.cli.subprocess.Popen", "Leave it out, or name another class"),
        ("lightning.pytorch.callbacks.Nope", "Leave it out, or name another class"),
        ("y/sub.yaml", "y/sub.yaml is no path of a class. Options are not read from a file"),
        ("sub.yml", "sub.yml is no path of a class. Options are not read from a file"),
    ],
)
def test_trust_is_not_advised_where_it_would_not_help(path: str, told: str) -> None:
    Path("c.yaml").write_text(f"trainer: {{callbacks: {path}}}")
    with pytest.raises(ConfigError) as refused:
        own_options(["--config=c.yaml"], PRESET)
    assert told in str(refused.value) and "--trust" not in str(refused.value)


def test_the_parser_is_free_again_afterwards() -> None:
    from jsonargparse._common import parsing_settings

    before = dict(parsing_settings)
    refused("--trainer.max_epochs=x")
    assert parsing_settings == before


def types_in(hint: Any) -> Iterator[Any]:
    """A type, the types that it is made of, and those of the options of a class."""
    yield hint
    for inner in get_args(hint):
        if not isinstance(inner, str | int):
            yield from types_in(inner)
    if is_dataclass(hint) or typing.is_typeddict(hint):
        for inner in get_type_hints(hint).values():
            yield from types_in(inner)


@pytest.mark.parametrize(
    "options",
    [
        seqtext.ClassifierModule,
        seqtext.EncoderDecoderModule,
        seqtext.LabelsDataModule,
        seqtext.PairsDataModule,
        SelectionConfig,
    ],
)
def test_no_option_of_ours_takes_just_anything(options: Any) -> None:
    """For such a type the parser would import and call what a file names."""
    hints = get_type_hints(options.__init__)
    assert hints.pop("return") is type(None)
    assert set(hints) == set(inspect.signature(options).parameters)
    for name, hint in hints.items():
        for found in types_in(hint):
            assert found not in (Any, object, typing.Callable, type), name
