"""Cells by name: the built-in ones, and classes of a user, which are checked first."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from seqtext.cli.fit import PRESET
from seqtext.cli.fit_help import help_for
from seqtext.errors import ConfigError
from seqtext.nn.cells.check import check_contract
from seqtext.nn.cells.contract import Cell
from seqtext.nn.cells.registry import CELLS, TRANSFORMER, load_cell
from seqtext.nn.config import EncoderConfig, NetworkConfig
from seqtext.nn.encoder_decoder import EncoderDecoder
from tests.support import LOW_PRECISION

OWN_GRU = f"{__name__}.OwnGRU"


class Leaky(Cell):
    """h' = tanh(p2 + u2) + s(p1) h."""

    gates = 2
    keep_gates = MappingProxyType({0: 1})

    def step(self, projected: Tensor, recurrent: Tensor | None, state: Tensor) -> Tensor:
        assert recurrent is not None
        size = self.hidden_size
        keep = projected[:, :size].sigmoid()
        new = (projected[:, size:] + recurrent[:, size:]).tanh()
        return (new + keep * state[:, 0]).unsqueeze(1)


class Peephole(Leaky):
    """Has a weight of its own and two parts in its state."""

    state_parts = 2

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.peephole = nn.Parameter(torch.zeros(hidden_size))

    def step(self, projected: Tensor, recurrent: Tensor | None, state: Tensor) -> Tensor:
        new = super().step(projected, recurrent, state)[:, 0]
        memory = state[:, 1] + self.peephole * new
        return torch.stack([memory.tanh(), memory], 1)


class OfInputs(Leaky):
    """Reads no hidden state."""

    recurrent_weights = False

    def step(self, projected: Tensor, recurrent: Tensor | None, state: Tensor) -> Tensor:
        assert recurrent is None
        keep, new = projected.chunk(2, 1)
        return (new + keep.sigmoid() * state[:, 0]).unsqueeze(1)


@pytest.mark.parametrize("name", CELLS)
def test_built_in_cells_keep_the_contract(name: str) -> None:
    check_contract(load_cell(name), name)


@pytest.mark.parametrize("cell", [Leaky, Peephole, OfInputs])
def test_cells_of_a_user_keep_it(cell: type[Cell]) -> None:
    check_contract(cell, "mine")


def test_a_check_leaves_no_trace() -> None:
    before = torch.get_rng_state()
    with torch.device("meta"), torch.inference_mode():
        check_contract(Peephole, "mine")
    assert torch.equal(torch.get_rng_state(), before)


class NoStep(Cell):
    gates = 1


class NoGatesSet(Cell):
    def step(self, projected: Tensor, recurrent: Tensor | None, state: Tensor) -> Tensor:
        return state


class OtherArguments(Leaky):
    def __init__(self, hidden_size: int) -> None:
        super().__init__(hidden_size, hidden_size)


class RunWithoutDrop(Leaky):
    def run(self, inputs: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        return super().run(inputs, state)


class IgnoresDrop(Leaky):
    def run(
        self, inputs: Tensor, state: Tensor | None = None, drop: float = 0.0
    ) -> tuple[Tensor, Tensor]:
        return super().run(inputs, state)


class RunReturnsOutputs(Leaky):
    def run(  # type: ignore[override]
        self, inputs: Tensor, state: Tensor | None = None, drop: float = 0.0
    ) -> Tensor:
        return super().run(inputs, state, drop)[0]


class ReadsNothingRecurrent(Leaky):
    def step(self, projected: Tensor, recurrent: Tensor | None, state: Tensor) -> Tensor:
        return super().step(projected, projected, state)


class ReadsWhatIsNone(Leaky):
    recurrent_weights = False

    def step(self, projected: Tensor, recurrent: Tensor | None, state: Tensor) -> Tensor:
        return (projected + recurrent)[:, None, : self.hidden_size]  # type: ignore[operator]


class OtherSize(Leaky):
    def step(self, projected: Tensor, recurrent: Tensor | None, state: Tensor) -> Tensor:
        return super().step(projected, recurrent, state)[:, 0]


class OtherWeights(Leaky):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.weight_ih_l0 = nn.Parameter(torch.zeros(3, input_size))


class RunsBackwards(Leaky):
    def run(
        self, inputs: Tensor, state: Tensor | None = None, drop: float = 0.0
    ) -> tuple[Tensor, Tensor]:
        outputs, state = super().run(inputs.flip(1), state, drop)
        return outputs.flip(1), state


class LooksAhead(Leaky):
    def run(
        self, inputs: Tensor, state: Tensor | None = None, drop: float = 0.0
    ) -> tuple[Tensor, Tensor]:
        return super().run(
            inputs + inputs.mean(1, keepdim=True) * (inputs.size(1) > 1), state, drop
        )


class StartsAtOne(Leaky):
    def run(
        self, inputs: Tensor, state: Tensor | None = None, drop: float = 0.0
    ) -> tuple[Tensor, Tensor]:
        if state is None:
            state = inputs.new_ones(len(inputs), 1, self.hidden_size)
        return super().run(inputs, state, drop)


class MixesRows(Leaky):
    def step(self, projected: Tensor, recurrent: Tensor | None, state: Tensor) -> Tensor:
        return super().step(projected - projected.mean(0), recurrent, state)


class NoGate(Leaky):
    keep_gates = MappingProxyType({2: 1})


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (nn.LSTM, "mine is no subclass of seqtext.nn.cells.contract.Cell"),
        (torch.tanh, "mine is no subclass"),
        (NoStep, "TypeError: Can't instantiate abstract class NoStep"),
        (NoGatesSet, "set the class attribute gates"),
        (OtherArguments, "__init__ takes the input size and the hidden size"),
        (RunWithoutDrop, "run takes inputs, state=None and drop=0.0"),
        (IgnoresDrop, "run ignores drop"),
        (RunReturnsOutputs, "run returned Tensor, expected a tuple"),
        (ReadsNothingRecurrent, "Set recurrent_weights to False"),
        (ReadsWhatIsNone, "recurrent is None, because recurrent_weights is False"),
        (OtherSize, "step returned (2, 4), expected (2, 1, 4): (B, state_parts, H)"),
        (OtherWeights, "weight_ih_l0 is (3, 5), expected the shape (8, 5)"),
        (RunsBackwards, "step by step it has other outputs than run"),
        (LooksAhead, "step by step it has other outputs than run"),
        (StartsAtOne, "run does not start at zero"),
        (MixesRows, "a row depends on its neighbours"),
        (NoGate, "keep_gates names [2], expected numbers below 2"),
    ],
)
def test_what_breaks_the_contract_is_told(cell: type, message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        check_contract(cell, "mine")
    assert message in str(refused.value) and "network.cell: mine" in str(refused.value)


def test_an_error_in_a_cell_is_placed() -> None:
    with pytest.raises(ConfigError) as refused:
        check_contract(ReadsWhatIsNone, "mine")
    line = inspect.getsourcelines(ReadsWhatIsNone.step)[1] + 1
    assert "TypeError: unsupported operand" in str(refused.value)
    assert f"{__file__}, line {line} (B = 2, T = 3, I = 5, H = 4, gates = 2" in str(refused.value)


def test_a_difference_is_told_with_its_place() -> None:
    with pytest.raises(
        ConfigError, match=r"by up to [\d.]+ at \[[01], [0-2], [0-3]\] of \(B, T, H\)"
    ):
        check_contract(RunsBackwards, "mine")


def test_a_factor_that_starts_at_zero_hides_what_drop_does() -> None:
    assert not Peephole(2, 2).peephole.any()
    check_contract(Peephole, "mine")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("no_package.Cell", r"no_package.Cell cannot be imported \(.*; install its package"),
        ("seqtext.errors.Nothing", "the module seqtext.errors has no class Nothing$"),
    ],
)
def test_a_class_that_cannot_be_imported_is_named(name: str, told: str) -> None:
    with pytest.raises(ConfigError, match=f"^network.cell: {told}"):
        load_cell(name)


def test_an_error_on_import_is_placed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    file = tmp_path / "fails_on_import.py"
    file.write_text("import os\n\nimport no_package\n")
    with pytest.raises(ConfigError) as refused:
        load_cell("fails_on_import.Cell")
    assert f"'no_package', {file}, line 3" in str(refused.value)
    assert "PYTHONPATH" not in str(refused.value)


@pytest.mark.parametrize("name", ["elman", "", "a.", ".b", "a b.c", "mine.cell.yaml:1"])
def test_names_are_checked_without_an_import(name: str) -> None:
    with pytest.raises(
        ConfigError, match=r"expected one of rnn_tanh, .*, or the import path"
    ) as error:
        NetworkConfig(cell=name)
    assert all(known in str(error.value) for known in (*CELLS, TRANSFORMER))


def test_a_configuration_imports_no_class_of_a_user() -> None:
    NetworkConfig(cell="no_package.Cell", forget_bias=1.0, recurrent_dropout=0.1)


def test_options_are_read_without_torch() -> None:
    program = (
        "import sys, seqtext.nn.config as c; c.NetworkConfig(cell='gru'); c.ClassifierConfig();"
        " print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr


class OwnGRU(Cell):
    """The equations of nn.GRU, run by ``Cell.run``."""

    gates = 3
    keep_gates = MappingProxyType({1: 1})

    def step(self, projected: Tensor, recurrent: Tensor | None, state: Tensor) -> Tensor:
        assert recurrent is not None
        (r, z, n), (u_r, u_z, u_n) = projected.chunk(3, 1), recurrent.chunk(3, 1)
        z = (z + u_z).sigmoid()
        return ((1 - z) * (n + (r + u_r).sigmoid() * u_n).tanh() + z * state[:, 0]).unsqueeze(1)


OPTIONS: list[dict[str, Any]] = [
    {},
    {"encoder_layers": 2, "decoder_layers": 2, "residual": True, "layer_norm": True},
    {"input_feeding": True, "coverage": True},
    {"bidirectional": False, "window": 3, "carry_state": True},
    {"recurrent_dropout": 0.3, "forget_bias": 1.0},
]
SOURCE, LENGTHS = torch.tensor([[3, 4, 5, 2], [6, 2, 9, 9]]), torch.tensor([4, 2])
TARGET, LABELS = torch.tensor([[1, 5, 6], [1, 7, 8]]), torch.tensor([[5, 6, 2], [7, 2, -1]])


def network_of(cell: str, options: dict[str, Any]) -> EncoderDecoder:
    torch.manual_seed(1)
    config = NetworkConfig(cell=cell, embedding_size=6, hidden_size=8, dropout=0.0, **options)
    return EncoderDecoder(config, 11, 13)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_network_of_a_users_cell_equals_that_of_pytorchs(options: dict[str, Any]) -> None:
    own, built_in = (network_of(name, options).double() for name in (OWN_GRU, "gru"))
    own.load_state_dict(built_in.state_dict())
    results = []
    for network in (own, built_in):
        torch.manual_seed(2)  # of recurrent dropout
        loss = network.loss(SOURCE, LENGTHS, TARGET, LABELS)
        gradients = torch.autograd.grad(loss, list(network.parameters()))
        network.eval()
        with torch.no_grad():
            logits = network(SOURCE, LENGTHS, TARGET)
            network.decoder.precompute()
            first, state = network.step(TARGET[:, :1], network.start(SOURCE, LENGTHS))
            second, _ = network.step(TARGET[:, 1:2], state)
        results.append((loss, gradients, logits, first, second))
    assert_close(results[0], results[1])


@pytest.mark.parametrize("device", LOW_PRECISION)
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_users_cell_runs_under_autocast(device: str, options: dict[str, Any]) -> None:
    network = network_of(OWN_GRU, options).to(device)
    source, lengths, target, labels = (
        part.to(device) for part in (SOURCE, LENGTHS, TARGET, LABELS)
    )
    expected = network.eval().loss(source, lengths, target, labels)
    with torch.autocast(device, torch.bfloat16):
        loss = network.train().loss(source, lengths, target, labels)
        with torch.no_grad():
            low = network.eval().loss(source, lengths, target, labels)
    assert_close(low, expected, rtol=0.02, atol=0)
    assert all(
        part.isfinite().all() for part in torch.autograd.grad(loss, list(network.parameters()))
    )


CLASSIFIER = ["--model=seqtext.ClassifierModule"]


@pytest.mark.parametrize(
    "told",
    [EncoderConfig.__doc__, help_for([], PRESET), help_for(CLASSIFIER, PRESET)],
    ids=["docstring", "help", "help of a classifier"],
)
def test_every_cell_is_told(told: str) -> None:
    assert all(re.search(rf"\b{name}\b", told) for name in (*CELLS, TRANSFORMER))


def test_a_weight_beyond_the_contract_keeps_its_start() -> None:
    network = network_of(f"{__name__}.Peephole", {"init_scale": 2.0})
    cells = [module for module in network.encoder.modules() if isinstance(module, Peephole)]
    assert len(cells) == 2  # of both directions
    for cell in cells:
        assert not cell.peephole.any()
        assert 1.0 < 6**0.5 * cell.weight_ih_l0.abs().max() <= 2.0


class NoGates(OfInputs):
    keep_gates = MappingProxyType({})


def test_options_must_suit_a_class_of_a_user() -> None:
    name = f"{__name__}.NoGates"
    with pytest.raises(ConfigError, match="has no gate that keeps a state"):
        EncoderDecoder(NetworkConfig(cell=name, forget_bias=1.0), 9, 9)
    with pytest.raises(ConfigError, match="has no weights from state to state"):
        EncoderDecoder(NetworkConfig(cell=name, recurrent_dropout=0.5), 9, 9)
