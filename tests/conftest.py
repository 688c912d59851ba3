"""What all tests share: no network, no writing outside temporary folders, one thread, trained runs."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

_SCRATCH = tempfile.mkdtemp(prefix="seqtext-tests-")
os.environ["SEQTEXT_CACHE"] = str(Path(_SCRATCH) / "cache")
os.environ["HF_HOME"] = str(Path(_SCRATCH) / "huggingface")
os.environ["MPLCONFIGDIR"] = str(Path(_SCRATCH) / "matplotlib")
os.environ["SEQTEXT_PRECISION"] = (
    "fp32"  # what auto means, so that outputs are those of any machine
)
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import portalocker  # noqa: E402
import pytest  # noqa: E402
import torch  # noqa: E402

from seqtext import checkpoint  # noqa: E402

torch.set_num_threads(1)  # sums in a fixed order: equal runs give equal bits

REPOSITORY = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def repository() -> Path:
    """The checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def corpora() -> Path:
    """The folder of real corpora. Without it, tests that need it are skipped."""
    path = Path(os.environ.get("SEQTEXT_DATA", REPOSITORY.parent / "shared" / "data"))
    if not path.is_dir():
        pytest.skip(f"no real corpora at {path}; set SEQTEXT_DATA")
    return path


@pytest.fixture(scope="session", autouse=True)
def _hang_ups_arrive() -> None:
    """Commands see hang-ups also where ``nohup`` runs the tests. The tests still outlive their terminal."""
    if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda number, frame: None)


@pytest.fixture(autouse=True)
def _in_a_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    yield
    torch.set_flush_denormal(False)  # commands set it for their process


@pytest.fixture(scope="session")
def tiny() -> list[str]:
    """Options of ``fit`` for a network that trains in a second or two."""
    return [
        "--data.train=builtin:train:240",
        "--data.validation=builtin:validation:40",
        "--data.source=en",
        "--data.target=de",
        "--data.tokenizer.vocab_size=500",
        "--data.batch_size=24",
        "--model.network.embedding_size=16",
        "--model.network.hidden_size=24",
        "--model.network.dropout=0.2",
        "--model.network.word_dropout=0",
        "--model.optimizer.schedule=constant",
        "--model.optimizer.learning_rate=0.001",
        "--model.decode_sentences=8",
        "--trainer.accelerator=cpu",
        "--trainer.max_epochs=2",
    ]


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return the folder of a run with these options of ``fit``, which no test may change.

    It is trained once for all tests, also where several processes run them.
    """
    from seqtext.cli import main

    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "finished"
    folder.mkdir(exist_ok=True)

    def train(*options: str) -> Path:
        run = folder / hashlib.sha256(repr(options).encode()).hexdigest()[:16]
        with portalocker.Lock(run.with_suffix(".lock"), timeout=600):
            if not (run / "result.json").exists():
                assert main(["fit", *options, "--run", str(run)]) == 0
        return run

    return train


@pytest.fixture(scope="session")
def trained(
    finished: Callable[..., Path], tiny: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The folder of a finished run: it has learned little, but it is whole.

    Each process has a copy, because commands lock the folder.
    """
    return shutil.copytree(finished(*tiny), tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture
def other(trained: Path, tmp_path: Path) -> Path:
    """A checkpoint with other weights and the same tokenizers."""
    content = torch.load(trained / "best.ckpt", weights_only=True)
    generator = torch.Generator().manual_seed(1)
    for weight in content["state_dict"].values():
        weight += 0.1 * torch.randn(weight.shape, generator=generator)
    checkpoint.add_digest(content)
    torch.save(content, tmp_path / "other.ckpt")
    return tmp_path / "other.ckpt"
