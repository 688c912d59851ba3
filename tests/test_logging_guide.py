"""docs/logging.md: each of its commands trains, made small, and leaves what the page says."""

from __future__ import annotations

import importlib.util
import re
import shlex
from pathlib import Path

import pytest
import yaml

from seqtext.cli import main
from seqtext.training.run.loggers import LOGGER_NAMES

GUIDE = (Path(__file__).parent.parent / "docs/logging.md").read_text(encoding="utf-8")
COMMANDS = "".join(re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL)).splitlines()


@pytest.mark.filterwarnings("default")  # the loggers' packages have their own
@pytest.mark.parametrize("command", COMMANDS)
def test_command(command: str, tiny: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    words = shlex.split(command)
    program = words.index("seqtext")
    for setting in words[:program]:
        monkeypatch.setenv(*setting.split("=", 1))
    arguments = words[program + 1 :]
    logger = arguments[arguments.index("--trainer.logger") + 1]
    for name in LOGGER_NAMES:
        if name in logger:
            pytest.importorskip("sqlalchemy" if name == "mlflow" else name)
    assert main([*arguments, *tiny, "--trainer.max_steps=2"]) == 0
    names = [name for name in LOGGER_NAMES if name in logger]
    run = Path(arguments[arguments.index("--run") + 1])
    logs = {path.name for path in (run / "logs").glob("*")}
    assert logs == set(names) or (not names and any(Path("logs").rglob("metrics.csv")))
    for name in names:  # the place in the table
        [place] = re.findall(rf"\| `{name}` \|.*?\| `RUN/([^`]*)` \|", GUIDE)
        assert (run / place).exists()


def test_the_configuration_file(tiny: list[str]) -> None:
    [text] = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
    if importlib.util.find_spec("tensorboard") is None:
        pytest.skip("no tensorboard")
    Path("own.yaml").write_text(text, encoding="utf-8")
    assert list(yaml.safe_load(text)) == ["trainer"]
    assert main(["fit", *tiny, "--config=own.yaml", "--run=r", "--trainer.max_steps=2"]) == 0
    assert Path("r/logs/tensorboard").is_dir() and any(Path("logs").rglob("metrics.csv"))
