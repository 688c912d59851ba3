"""What tests of several files call."""

from __future__ import annotations

import csv
import difflib
import io
import json
import runpy
import subprocess
import sys
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.sax.saxutils import escape

import pytest
import torch
from lightning.pytorch.trainer.states import TrainerFn

from seqtext import checkpoint
from seqtext.data.batch import IGNORE, Batch, LabelledBatch
from seqtext.data.corpus import Example
from seqtext.data.module import TextDataModule
from seqtext.data.pairs import PairsDataModule
from seqtext.data.preparing import SidesT
from seqtext.data.readers import Row
from seqtext.data.readers.strings.entries import StringsFile
from seqtext.nn.precision import has_bfloat16

# Options of ``fit``. Validation decodes nothing, which saves a third of a small training.
NO_DECODING = ["--selection.monitor=val_loss", "--model.decode_sentences=0"]
LOW_PRECISION = [  # where autocast has bfloat16
    pytest.param(
        "cpu",
        marks=pytest.mark.skipif(not has_bfloat16(), reason="this CPU has no bfloat16 kernels"),
    ),
    *(["cuda"] if torch.cuda.is_available() else []),
]


def at(epoch: int = 0, rank: int = 0, ranks: int = 1, accumulation: int = 1) -> SimpleNamespace:
    """As much of a trainer as the data look at."""
    return SimpleNamespace(
        current_epoch=epoch,
        global_rank=rank,
        world_size=ranks,
        accumulate_grad_batches=accumulation,
        state=SimpleNamespace(fn=TrainerFn.FITTING),
    )


def run_here(*words: str | Path, text: str = "") -> subprocess.CompletedProcess[str]:
    """Run a script, or ``-m`` and a module, as ``python`` would, but in this process.

    Libraries are imported already, which takes a new process longer than most of what tests run.
    """
    command = [str(word) for word in words]
    streams = {
        name: io.TextIOWrapper(io.BytesIO(content), encoding="utf-8")
        for name, content in (("stdin", text.encode()), ("stdout", b""), ("stderr", b""))
    }
    status = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", command[command[0] == "-m" :])
        for name, stream in streams.items():
            patch.setattr(sys, name, stream)
        try:
            if command[0] == "-m":
                runpy.run_module(command[1], run_name="__main__")
            else:
                runpy.run_path(command[0], run_name="__main__")
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
    written = []
    for stream in (streams["stdout"], streams["stderr"]):
        stream.flush()
        written.append(stream.buffer.getvalue().decode())
    return subprocess.CompletedProcess(command, status, *written)


class ChildHere(subprocess.Popen[str]):
    """A child process that ``run_here`` stands in for. It has ended when its parent looks at it."""

    def __init__(self, command: Sequence[str], **options: Any) -> None:
        assert command[0] == sys.executable
        done = run_here(*command[1:])
        self.args, self.returncode, self.stdin = command, done.returncode, None
        self.stdout, self.stderr = io.StringIO(done.stdout), io.StringIO(done.stderr)
        for name, text in (("stdout", done.stdout), ("stderr", done.stderr)):
            if options.get(name) is None:  # that of the parent
                getattr(sys, name).write(text)

    def communicate(
        self, input: str | None = None, timeout: float | None = None
    ) -> tuple[str, str]:
        assert self.stdout and self.stderr
        return self.stdout.read(), self.stderr.read()

    def wait(self, timeout: float | None = None) -> int:
        return self.returncode

    def poll(self) -> int:
        return self.returncode


def tokenizers_of(data: TextDataModule[SidesT]) -> SidesT:
    """Those that the data module has after ``setup``."""
    assert data.tokenizers is not None
    return data.tokenizers


def text_of(batch: Batch | LabelledBatch, data: PairsDataModule) -> list[Row]:
    """The pairs of a batch, each of which ends where it should."""
    assert isinstance(batch, Batch)
    tokenizers = tokenizers_of(data)
    found = []
    for ids, length, labels in zip(batch.source, batch.source_lengths, batch.labels, strict=True):
        *source, source_eos = ids[:length].tolist()
        *target, target_eos = labels[labels != IGNORE].tolist()
        assert (source_eos, target_eos) == (tokenizers.source.eos, tokenizers.target.eos)
        found.append((tokenizers.source.decode(source), tokenizers.target.decode(target)))
    return found


def epoch_of(data: PairsDataModule, loader: Any = None) -> list[Row]:
    """The pairs of a loader, by default that of training, batch after batch."""
    batches = data.train_dataloader() if loader is None else loader
    return [pair for batch in batches for pair in text_of(batch, data)]


def pairs_of(examples: list[Example]) -> list[Row]:
    """A pair of each reference."""
    return [(source, reference) for source, references in examples for reference in references]


def weights(run: str | Path, name: str = "last.ckpt") -> dict[str, torch.Tensor]:
    """Of the network that a run has kept."""
    return checkpoint.load(Path(run, name)).weights


def metrics(run: str | Path) -> list[dict[str, str]]:
    """Rows of its table."""
    with Path(run, "metrics.csv").open() as file:
        return list(csv.DictReader(file))


def result(run: str | Path) -> dict[str, Any]:
    """What a finished run says."""
    content: dict[str, Any] = json.loads(Path(run, "result.json").read_text())
    return content


def assert_equal_bits(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    """Fail at the first weight that differs."""
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert torch.equal(value, other[name]), name


def workbook(sheets: Mapping[str, Sequence[Sequence[str | float | bool | None]]]) -> bytes:
    """An .xlsx file with these sheets, as small as the format allows. A sheet named ``_…`` is hidden."""
    namespace = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    numbered, states = list(enumerate(sheets, 1)), ("visible", "hidden")
    entries = "".join(
        f'<sheet name="{name}" sheetId="{i}" r:id="r{i}" state="{states[name[0] == "_"]}"/>'
        for i, name in numbered
    )
    targets = "".join(
        f'<Relationship Id="r{i}" Type="{office}/worksheet" Target="worksheets/sheet{i}.xml"/>'
        for i, _ in numbered
    )
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types"/>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r"'
        f' Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook {namespace} xmlns:r="{office}"><sheets>{entries}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships">{targets}'
        "</Relationships>",
        **{
            f"xl/worksheets/sheet{i}.xml": f"<worksheet {namespace}><sheetData>"
            + "".join(f"<row>{''.join(map(_cell, row))}</row>" for row in sheets[name])
            + "</sheetData></worksheet>"
            for i, name in numbered
        },
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for path, content in parts.items():
            archive.writestr(path, content)
    return file.getvalue()


def _cell(value: str | float | bool | None) -> str:
    if isinstance(value, bool):
        return f'<c t="b"><v>{int(value)}</v></c>'
    if isinstance(value, str):
        return f'<c t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'
    return "<c/>" if value is None else f"<c><v>{value}</v></c>"


def changed_lines(before: str, after: str) -> list[str]:
    """The lines that differ: ``-`` and a line of ``before``, ``+`` and a line of ``after``."""
    differences = difflib.ndiff(before.splitlines(keepends=True), after.splitlines(keepends=True))
    return [line[0] + line[2:] for line in differences if line[0] in "+-"]


def texts_of_strings(strings: StringsFile) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """State and context of each entry, with the text and the translation of each form."""
    return [
        (entry.state, entry.context, [(form.text, form.translation) for form in entry.forms])
        for entry in strings.entries
    ]


def other_process(monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    """Let processes that a model starts run ``change`` before they begin their work."""
    start = subprocess.Popen

    def changed(command: list[str], **options: Any) -> Any:
        program = command[-1].replace(
            "from seqtext.inference.worker", f"{change}; from seqtext.inference.worker"
        )
        return start([*command[:-1], program], **options)

    monkeypatch.setattr("subprocess.Popen", changed)
