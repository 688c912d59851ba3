"""Loggers get what the console and the run's folder get, and lie in that folder."""

from __future__ import annotations

import csv
import importlib.util
import sqlite3
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from seqtext.cli import main
from seqtext.training.run import folder
from tests.support import assert_equal_bits, metrics, weights

REPOSITORY = Path(__file__).parents[3]
NUMBERS = (
    "epoch", "learning_rate", "gradient_norm", "train_loss", "target_pieces_per_second", "val_loss",
    "val_bleu",
)  # fmt: skip
Points = list[tuple[int, float]]
pytestmark = pytest.mark.filterwarnings("default")  # the loggers' packages have their own


def points_of(run: Path) -> dict[str, Points]:
    """What the run's own table says: steps and values by name."""
    return {
        name: [(int(row["step"]), float(row[name])) for row in metrics(run)] for name in NUMBERS
    }


def assert_same_points(logged: dict[str, Points], run: Path) -> None:
    for name, points in points_of(run).items():
        assert [step for step, _ in logged[name]] == [step for step, _ in points], name
        values = [value for _, value in logged[name]]
        assert values == pytest.approx([value for _, value in points], rel=1e-4, abs=5e-3), name


def config_of(run: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((run / folder.CONFIG).read_text("utf-8"))
    return content


def csv_points(path: Path) -> dict[str, Points]:
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {
        name: [(int(row["step"]), float(row[name])) for row in rows if row[name]]
        for name in NUMBERS
    }


@pytest.fixture
def logged(finished: Callable[..., Path], tiny: list[str]) -> Callable[[str], Path]:
    """Return a run with a logger. It tries an average of weights at its end."""

    def train(name: str) -> Path:
        pytest.importorskip(name)
        return finished(*tiny, "--selection.average_best=2", f"--trainer.logger={name}")

    return train


def test_csv(logged: Callable[[str], Path], trained: Path) -> None:
    run = logged("csv")
    logs = run / "logs/csv/version_0"
    assert_same_points(csv_points(logs / "metrics.csv"), run)
    assert yaml.safe_load((logs / "hparams.yaml").read_text("utf-8")) == config_of(run)
    assert_equal_bits(weights(run), weights(trained))


def test_the_loss_is_logged_once(finished: Callable[..., Path], tiny: list[str]) -> None:
    """The module logs it, too, where no run does."""
    run = finished(*tiny, "--trainer.logger=csv", "--trainer.log_every_n_steps=1")
    path = run / "logs/csv/version_0/metrics.csv"
    assert_same_points(csv_points(path), run)
    assert "train_loss_step" not in path.read_text("utf-8")


def test_tensorboard(logged: Callable[[str], Path]) -> None:
    run = logged("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run / "logs/tensorboard")).Reload()
    scalars = {
        name: [(event.step, event.value) for event in events.Scalars(name)] for name in NUMBERS
    }
    assert_same_points(scalars, run)
    texts = events.Tensors("samples/text_summary")
    assert [event.step for event in texts] == [step for step, _ in scalars["val_loss"]]
    last = texts[-1].tensor_proto.string_val[0].decode("utf-8")
    assert last.replace("  \n", "\n") in (run / folder.SAMPLES).read_text("utf-8")
    # what the tab HPARAMS shows
    hparams = b"".join(path.read_bytes() for path in (run / "logs/tensorboard").glob("events*"))
    assert b"model/init_args/optimizer/learning_rate" in hparams and b"best_val_bleu" in hparams


def test_mlflow(logged: Callable[[str], Path]) -> None:
    pytest.importorskip("sqlalchemy")
    run = logged("mlflow")
    connection = sqlite3.connect(run / "logs/mlflow/mlflow.db")
    rows = connection.execute("select key, step, value from metrics order by step").fetchall()
    [options] = (connection.execute("select count(*) from params").fetchone(),)
    [(status,)] = connection.execute("select status from runs").fetchall()
    connection.close()
    scalars: dict[str, Points] = {}
    for name, step, value in rows:
        scalars.setdefault(name, []).append((step, value))
    assert_same_points(scalars, run)
    assert options[0] > 50 and status == "FINISHED"
    last = max(
        run.glob("logs/mlflow/artifacts/*/artifacts/samples/*.md"), key=lambda file: int(file.stem)
    )
    assert last.read_text("utf-8") in (run / folder.SAMPLES).read_text("utf-8")


def wandb_records(content: bytes) -> Iterator[bytes]:
    """Records of a file of W&B: LevelDB's log format behind a header of 7 bytes."""
    place, record = 7, b""
    while place + 7 <= len(content):
        if (rest := 32768 - place % 32768) < 7:  # the end of a block is padded
            place += rest
            continue
        length, kind = struct.unpack_from("<HB", content, place + 4)
        record += content[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):  # full, or the last part
            yield record
            record = b""


def test_wandb_offline(logged: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    run = logged("wandb")
    from wandb.proto.wandb_internal_pb2 import Record

    [path] = run.glob("logs/wandb/offline-run-*/run-*.wandb")
    scalars: dict[str, Points] = {}
    options = set()
    for content in wandb_records(path.read_bytes()):
        record = Record.FromString(content)
        options |= {update.key for update in record.config.update}
        options |= {update.key for update in record.run.config.update}
        items = {item.key or item.nested_key[0]: item.value_json for item in record.history.item}
        for name in items.keys() & set(NUMBERS):
            point = int(items["trainer/global_step"]), float(items[name])
            scalars.setdefault(name, []).append(point)
    assert_same_points(scalars, run)
    assert {"model", "data", "trainer", "selection"} <= options
    assert len(list(path.parent.glob("files/media/table/samples*"))) == len(scalars["val_loss"])


def test_a_resumed_run_logs_on(tiny: list[str]) -> None:
    options = [*tiny, "--model.decode_sentences=0", "--selection.monitor=val_loss"]
    assert main(["fit", *options, "--trainer.logger=csv", "--run=r", "--trainer.max_epochs=1"]) == 0
    assert main(["fit", "--resume=r", "--trainer.max_epochs=2"]) == 0
    files = sorted(Path("r/logs/csv").glob("version_*/metrics.csv"))
    steps = [[step for step, _ in csv_points_of_loss(file)] for file in files]
    assert steps == [[10], [20]]


def csv_points_of_loss(path: Path) -> Points:
    with path.open(newline="", encoding="utf-8") as file:
        return [
            (int(row["step"]), float(row["val_loss"]))
            for row in csv.DictReader(file)
            if row["val_loss"]
        ]


def test_two_loggers_of_a_file(tiny: list[str]) -> None:
    own = {"class_path": "CSVLogger", "init_args": {"save_dir": "mine", "name": "x"}}
    Path("l.yaml").write_text(yaml.safe_dump({"trainer": {"logger": ["csv", own]}}))
    short = ["--trainer.max_steps=2", "--config=l.yaml", "--run=r"]
    assert main(["fit", *tiny, *short]) == 0
    both = [Path(f"{at}/version_0/metrics.csv").read_text() for at in ("r/logs/csv", "mine/x")]
    assert both[0] == both[1]


def test_a_missing_package_is_named(
    tiny: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: (name != "wandb" and find(name)) or None
    )
    assert main(["fit", *tiny, "--trainer.logger=wandb", "--run=r"]) == 2
    assert "trainer.logger: wandb" in (message := capsys.readouterr().err)
    assert "pip install wandb" in message and not Path("r").exists()


def test_a_run_that_ended_early_starts_again(tiny: list[str]) -> None:
    Path("r/logs/csv").mkdir(parents=True)
    Path("r/logs/csv/a").touch()
    Path("r/config.yaml").touch()
    short = ["--trainer.max_steps=2", "--resume=auto", "--run=r"]
    assert main(["fit", *tiny, *short]) == 0
    assert not Path("r/logs").exists()
