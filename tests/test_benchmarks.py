"""What figures rest on."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import bound, tables
from benchmarks.__main__ import COMMANDS, summary
from benchmarks.marian import Marian
from benchmarks.toolkit import Search
from seqtext.nn.cells.registry import CELLS
from seqtext.nn.config import AttentionKind, NetworkConfig
from seqtext.nn.embedding import padded_size
from seqtext.nn.encoder_decoder import EncoderDecoder


@pytest.mark.parametrize("attention", get_args(AttentionKind))
@pytest.mark.parametrize("cell", CELLS)
def test_operations_are_those_that_torch_counts(cell: str, attention: AttentionKind) -> None:
    """For every direction and number of layers."""
    pairs, source, target, vocabulary = 3, 5, 7, 60
    work = bound.Work(pairs, pairs * source, pairs * target, pairs * source * target)
    # Products that torch does not count, by the shapes of their operands.
    products = {torch.ops.aten.mv: lambda matrix, *_, **__: 2 * matrix.numel()}
    if torch.backends.mkldnn.is_available():
        products[torch.ops.mkldnn._linear_pointwise] = lambda operand, weight, *_, **__: (
            2 * operand.numel() * weight[0]
        )
    shapes = ((1, True, False), (1, True, True), (2, False, False), (3, False, True))
    for count, one_way, feeding in shapes:
        config = NetworkConfig(
            cell=cell,
            attention=attention,
            embedding_size=8,
            hidden_size=12,
            encoder_layers=count,
            decoder_layers=count,
            bidirectional=not one_way,
            input_feeding=feeding,
            readout_size=10 if feeding else None,
            tied_readout=not feeding,
        )
        network = EncoderDecoder(config, vocabulary, vocabulary)
        counter = FlopCounterMode(display=False, custom_mapping=products)
        sizes = (pairs, source), (pairs, target)
        ids, target_input = (torch.zeros(size, dtype=torch.int64) for size in sizes)
        with warnings.catch_warnings(), counter:
            warnings.simplefilter("ignore")
            with torch.backends.mkldnn.flags(enabled=False):
                network(ids, torch.full((pairs,), source), target_input)
        expected = sum(bound.flops(config, padded_size(vocabulary), work).values())
        assert counter.get_total_flops() == expected, config


def test_results_are_what_the_data_give() -> None:
    assert tables.PAGE.read_text(encoding="utf-8") == tables.page()


def test_every_measurement_says_when_and_where() -> None:
    machines = {row["machine"] for row in tables.read("machines")[0].rows}
    for name in tables.SECTIONS:
        for table in tables.read(name):
            for row in table.full_rows():
                told = all(key in row for key in table.head.get("name", ["what"]))
                assert told, f"{name}.jsonl: no name: {row}"
                assert set(row["machine"].split(", ")) <= machines, f"{name}.jsonl: {row}"
                assert "date" in row or name == "machines", f"{name}.jsonl: no date: {row}"


def test_rows_of_several_seeds_and_lags_become_one() -> None:
    head = {"title": "Cells", "name": ["cell"], "across": "lag", "mean_over": "seed"}
    rows = [
        {"cell": "LSTM", "lag": lag, "seed": seed, "accuracy": lag + seed, "ok": True}
        for lag in (25, 50)
        for seed in (1, 2, 3)
    ]
    [row] = tables.combined(tables.Table(head, rows))
    assert row["accuracy, lag 25"] == "27.0 ± 1.0"
    assert row["accuracy, lag 50"] == "52.0 ± 1.0"


def test_columns_share_their_decimals() -> None:
    assert tables.cells_of([39.9, 40.25, {"from": 1.5, "to": 2.5}]) == [
        "39.90",
        "40.25",
        "1.50 to 2.50",
    ]
    assert tables.cells_of([1234, [1, 2], None, "text"]) == ["1,234", "1, 2", "", "text"]


def test_what_rows_share_stands_once() -> None:
    head = {"title": "Speed", "machine": "cpu"}
    rows: list[tables.Row] = [
        {"what": "a", "date": "2026-01-01", "ms": 1},
        {"what": "b", "date": "2026-01-01"},
    ]
    lines = tables.lines_of(tables.Table(head, rows))
    assert "Date: 2026-01-01. Machine: cpu." in lines
    assert "| | ms |" in lines
    assert "| b | |" in lines


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_what_it_does(command: str) -> None:
    assert summary(command).endswith(".")


def test_commands_run(repository: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "benchmarks", *arguments]
        return subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)

    assert "decode" in run().stdout
    assert run("tables", "--check").returncode == 0
    unknown = run("nothing")
    assert unknown.returncode == 1 and "'nothing'" in unknown.stderr


def test_marian_decodes_a_fixed_length(tmp_path: Path) -> None:
    """All its sources have the mean length, and no output can end before the last piece."""
    (tmp_path / "test.pieces.en").write_text("a b\na b c d\nx y z\n")  # 3 on average
    bias = np.zeros((1, 5), np.float32)
    np.savez(tmp_path / "model.npz", decoder_ff_logit_l2_b=bias)
    marian, output = Marian(tmp_path, tmp_path), tmp_path / "output"
    source, search = tmp_path / "test.pieces.en", Search(beam_size=5, batch_size=64, pieces=6)
    call = [*map(str, marian.decode(tmp_path, source, output, search))]
    assert "--max-length-factor=1.5" in call  # of 3 pieces and eos
    given = call[call.index("--input") + 1]
    assert Path(given).read_text() == "a b a\na b c\nx y z\n"
    with np.load(call[call.index("--models") + 1]) as weights:
        assert weights["decoder_ff_logit_l2_b"][0].tolist() == [-10_000, 0, 0, 0, 0]
    free = [*map(str, marian.decode(tmp_path, source, output, search._replace(pieces=None)))]
    assert free[-1] == str(source) and str(tmp_path / "model.npz") in free
