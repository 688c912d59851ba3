"""What other libraries do beyond their interfaces, by the versions installed here.

A failure means that a version has changed. Mend the function of ``seqtext.internals``, or find a public way.
"""

from __future__ import annotations

import importlib.metadata
import json
import multiprocessing
import os
from pathlib import Path

import datasets
import pytest
import torch
from jsonargparse import set_parsing_settings
from jsonargparse._common import parsing_settings
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import EarlyStopping, Timer, WeightAveraging
from lightning.pytorch.strategies import DDPStrategy, SingleDeviceStrategy
from lightning.pytorch.trainer.states import TrainerFn
from torch import distributed
from torch.nn import functional as F
from torch.testing import assert_close
from torch.utils.data import DataLoader, Dataset

from seqtext import internals
from seqtext.nn.linear import packed, product
from seqtext.nn.precision import has_bfloat16

# library: the oldest version that all functions hold for
OLDEST = {"torch": (2, 8), "lightning": (2, 6), "jsonargparse": (4, 53), "datasets": (4, 0)}
has_onednn = pytest.mark.skipif(
    not torch.backends.mkldnn.is_available(), reason="this PyTorch is built without oneDNN"
)


@pytest.mark.parametrize("library", OLDEST)
def test_versions(library: str) -> None:
    installed = importlib.metadata.version(library).split(".")[:2]
    assert tuple(map(int, installed)) >= OLDEST[library], f"{library}: install a newer version"


# --- PyTorch: oneDNN --------------------------------------------------------------------------------------


@has_onednn
@pytest.mark.parametrize("laid_out", [False, True])
def test_product_of_onednn(laid_out: bool) -> None:
    linear, lay_out = internals.onednn_linear(), internals.onednn_layout()
    assert linear is not None, "torch.ops.mkldnn._linear_pointwise is gone"
    assert lay_out is not None, "torch.ops.mkldnn._reorder_linear_weight is gone"
    inputs, weight, bias = torch.randn(7, 24), torch.randn(40, 24), torch.randn(40)
    outputs = linear(inputs, lay_out(weight) if laid_out else weight, bias)
    assert_close(outputs, F.linear(inputs, weight, bias), rtol=1e-5, atol=1e-5)


@has_onednn
def test_bfloat16_is_told() -> None:
    name = "_is_mkldnn_bf16_supported"
    assert hasattr(torch.ops.mkldnn, name), f"torch.ops.mkldnn.{name} is gone"
    assert internals.multiplies_bfloat16() == getattr(torch.ops.mkldnn, name)()


@has_onednn
def test_product_of_integers() -> None:
    assert internals.multiplies_integers(), "torch.ops.onednn.qlinear_pointwise is gone"
    assert isinstance(internals.adds_wide(), bool)
    weight, scales = torch.randint(-127, 128, (40, 24), dtype=torch.int8), torch.rand(40)
    inputs, bias = torch.randint(0, 128, (7, 24), dtype=torch.uint8), torch.randn(40)
    outputs = internals.integer_product(weight, scales)(inputs, 0.5, 60, bias)
    exact = F.linear(
        (inputs.double() - 60) / 2, weight * scales.double().unsqueeze(1), bias.double()
    )
    assert_close(outputs.double(), exact, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("name", ["onednn_linear", "onednn_layout"])
def test_a_version_without_an_operation_computes_the_same(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(internals, name, lambda: None)
    inputs, weight = torch.randn(7, 24), torch.randn(40, 24)
    for outputs in (product(inputs, weight), packed(weight)(inputs)):
        assert_close(outputs, F.linear(inputs, weight), rtol=1e-5, atol=1e-5)


def test_a_version_without_onednn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(internals, "_onednn", lambda operation: None)
    assert internals.onednn_linear() is None and internals.onednn_layout() is None
    assert not has_bfloat16()


# --- errors -----------------------------------------------------------------------------------------------


def test_memory_that_runs_out() -> None:
    with pytest.raises(RuntimeError) as error:
        torch.empty(1 << 60, dtype=torch.uint8)
    assert type(error.value) is RuntimeError, "PyTorch has a class for this now: use it"
    assert internals.lacks_memory(error.value)
    assert internals.lacks_memory(MemoryError())
    assert internals.lacks_memory(torch.OutOfMemoryError())
    with pytest.raises(RuntimeError) as error:
        torch.ones(2) @ torch.ones(3)
    assert not internals.lacks_memory(error.value)


def wait_for_a_process_that_ends(rank: int, place: str) -> None:
    """Meet a RuntimeError of gloo, and leave with status 7 if it shows the lost process."""
    distributed.init_process_group("gloo", init_method=place, rank=rank, world_size=2)
    if rank:
        os._exit(0)
    try:
        distributed.barrier()
    except RuntimeError as error:
        os._exit(7 if internals.lost_process(error) else 8)


@pytest.mark.slow
def test_a_process_group_that_lost_a_process(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    place = f"file://{tmp_path}/group"
    processes = [
        spawn.Process(target=wait_for_a_process_that_ends, args=(rank, place)) for rank in (0, 1)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert processes[0].exitcode == 7
    assert not internals.lost_process(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))


def test_the_module_that_raised_an_error() -> None:
    with pytest.raises(json.JSONDecodeError) as error:
        json.loads("[")
    assert internals.raised_by(error.value, "json.decoder")
    assert internals.raised_by(error.value, "json")
    assert not internals.raised_by(error.value, "json.decode")
    assert not internals.raised_by(ValueError(), "json.decoder")  # never raised


def test_early_stopping_raises_by_its_own_module() -> None:
    callback = EarlyStopping("absent")
    trainer = Trainer(logger=False, enable_checkpointing=False, accelerator="cpu")
    trainer.state.fn = TrainerFn.FITTING
    with pytest.raises(RuntimeError, match="absent") as error:
        callback.on_validation_end(trainer, LightningModule())
    assert internals.raised_by(error.value, EarlyStopping.__module__)


class Failing(Dataset[int]):
    """Raises in a worker. ``tests/data/test_loader.py`` ends a worker."""

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> int:
        raise RuntimeError("of the data set")


def test_an_error_in_a_worker_is_not_of_the_loader() -> None:
    with pytest.raises(RuntimeError, match="of the data set") as error:
        list(DataLoader(Failing(), num_workers=1))
    assert not internals.raised_by(error.value, "torch.utils.data")


# --- Lightning --------------------------------------------------------------------------------------------


def test_callbacks_of_a_trainer() -> None:
    timer = Timer()
    trainer = Trainer(
        callbacks=[timer], logger=False, enable_checkpointing=False, enable_progress_bar=False
    )
    internals.callbacks_of(trainer)[:] = [timer]
    assert internals.callbacks_of(trainer) == [timer]
    assert internals.callbacks_of(trainer) is trainer.callbacks  # type: ignore[attr-defined]


def test_trainer_of_a_module() -> None:
    module = LightningModule()
    assert internals.trainer_of(module) is None
    module.trainer = trainer = Trainer(logger=False, enable_checkpointing=False)
    assert internals.trainer_of(module) is trainer


def test_start_method() -> None:
    assert internals.start_method(DDPStrategy(start_method="spawn")) == "spawn"
    assert internals.start_method(DDPStrategy()) == "popen"
    assert internals.start_method(SingleDeviceStrategy()) is None


class Counting(LightningModule):
    """Has a buffer of whole numbers."""

    count: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.register_buffer("count", torch.tensor(7))


def test_averaging_copies_buffers() -> None:
    callback, module = WeightAveraging(), Counting()
    internals.copy_buffers(callback)  # before its setup there is nothing to do
    trainer = Trainer(logger=False, enable_checkpointing=False, accelerator="cpu")
    callback.setup(trainer, module, "fit")
    internals.copy_buffers(callback)
    average = callback._average_model
    assert average is not None
    for _ in range(3):
        module.count += 1
        average.update_parameters(module)
    assert average.module.count == module.count == 10


# --- other libraries --------------------------------------------------------------------------------------


def test_settings_of_the_option_parser_are_restored() -> None:
    before = dict(parsing_settings)
    with internals.parser_settings_restored():
        set_parsing_settings(import_path_denylist=["*"], import_path_allowlist=["some.Class"])
        assert parsing_settings != before
    assert parsing_settings == before


def test_fingerprint_changes_with_the_data() -> None:
    first, second = (datasets.Dataset.from_dict({"text": [text]}) for text in ("a", "b"))
    assert internals.fingerprint_of(first) != internals.fingerprint_of(second)
