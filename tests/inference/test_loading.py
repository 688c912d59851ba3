"""What ``load`` is asked for is checked before a checkpoint is read."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import seqtext
from seqtext.errors import ConfigError

DEVICES = [
    ("foo", "'foo' is no device that PyTorch knows"),
    ("", "'' is no device that PyTorch knows"),
    ("cuda:x", "'cuda:x' is no device that PyTorch knows"),
    ("meta", "'meta' has no memory"),
    (torch.device("meta"), "'meta' has no memory"),
    ("xla", "'xla' is not available"),
    (3, r"3 \(int\)"),
    (None, r"None \(NoneType\)"),
]
if not torch.cuda.is_available():
    DEVICES += [("cuda", "'cuda' is not available: PyTorch finds no GPU")]


@pytest.mark.parametrize("precision", ["auto", "fp32", "bf16", "int8"])
@pytest.mark.parametrize(("device", "told"), DEVICES)
def test_a_device_that_cannot_compute_is_refused(device: Any, told: str, precision: str) -> None:
    with pytest.raises(ConfigError, match=f"device: {told}") as refused:
        seqtext.load("no such checkpoint", device=device, precision=precision)  # type: ignore[arg-type]
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize("precision", [16, None, "bf16-mixed", torch.bfloat16, ["fp32"]])
def test_a_precision_is_a_known_name(precision: Any) -> None:
    with pytest.raises(ConfigError, match=r"precision: .*, expected one of auto, fp32, bf16, int8"):
        seqtext.load("no such checkpoint", precision=precision)


def test_integers_need_a_processor_that_has_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqtext.inference.loading.has_integers", lambda: False)
    with pytest.raises(ConfigError, match="precision: PyTorch has no int8 for this processor"):
        seqtext.load("no such checkpoint", precision="int8")


@pytest.mark.parametrize("path", [None, 3, [None], b"run"])
def test_a_path_is_text(path: Any) -> None:
    with pytest.raises(ConfigError, match=r"path: .*, expected a checkpoint file or a run folder"):
        seqtext.load(path)


def test_load_has_a_return_type_for_each_kind_of_model() -> None:
    kinds = {seqtext.load: "Generator | Classifier", seqtext.load_generator: "Generator"}
    for load, kind in {**kinds, seqtext.load_classifier: "Classifier"}.items():
        assert load.__annotations__["return"] == kind
