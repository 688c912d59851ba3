"""Facts about other libraries that no interface promises, with the installed versions."""

from __future__ import annotations

import json

import pytest
import torch

from seqtext.cli.internals import lacks_memory, raised_by


def test_memory_that_runs_out() -> None:
    with pytest.raises(RuntimeError) as error:
        torch.empty(1 << 60, dtype=torch.uint8)  # PyTorch 2.13 has no class for it
    assert type(error.value) is RuntimeError
    assert lacks_memory(error.value)
    assert lacks_memory(MemoryError()) and lacks_memory(torch.OutOfMemoryError())
    with pytest.raises(RuntimeError) as error:
        torch.ones(2) @ torch.ones(3)
    assert not lacks_memory(error.value)


def test_the_module_that_raised_an_error() -> None:
    with pytest.raises(json.JSONDecodeError) as error:
        json.loads("[")
    assert raised_by(error.value, "json.decoder") and not raised_by(error.value, "json")
    assert not raised_by(ValueError(), "json.decoder")  # never raised
