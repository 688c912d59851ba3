"""The typed description of the model in a checkpoint. All is checked: a stranger may have written it."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from seqtext.nn.config import ClassifierConfig, NetworkConfig
from seqtext.search.config import SearchConfig
from seqtext.search.stored import check_stored
from seqtext.tasks import CLASSIFICATION, Scoring, TaskName
from seqtext.values import read_fields, shown

FORMAT = 1
KEY = "seqtext"  # of the description


@dataclass(frozen=True, kw_only=True)
class Description:
    """The description of any model.

    Raises:
        ValueError: A value is out of range.
    """

    format: int
    columns: tuple[str, str]
    source_spm: bytes
    source_limit: int | None = None
    longest_source: int | None = None
    digest: str | None = None  # older checkpoints have none

    def __post_init__(self) -> None:
        for name in ("source_limit", "longest_source"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise ValueError(f"{KEY}.{name}: {shown(value)}, expected at least 1")


@dataclass(frozen=True, kw_only=True)
class GeneratorDescription(Description):
    """The description of an encoder-decoder."""

    task: TaskName
    network: NetworkConfig
    target_spm: bytes
    scoring: Scoring | None = None  # older checkpoints have none
    # older checkpoints have none
    search: SearchConfig = SearchConfig()  # noqa: RUF009 (frozen)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_stored(self.search)


@dataclass(frozen=True, kw_only=True)
class ClassifierDescription(Description):
    """The description of a classifier."""

    task: Literal["classification"]
    network: ClassifierConfig
    labels: bytes
    temperature: float
    threshold: float

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.temperature < math.inf:
            raise ValueError(f"{KEY}.temperature: {shown(self.temperature)}, expected more than 0")
        if not 0 <= self.threshold <= 1:
            raise ValueError(f"{KEY}.threshold: {shown(self.threshold)}, expected 0 to 1")


def described_in(content: dict[str, object]) -> GeneratorDescription | ClassifierDescription:
    """Read the typed description of the model.

    Raises:
        ValueError: A field is missing, unknown, or has a wrong type.
    """
    described = content.get(KEY)
    if isinstance(described, dict) and described.get("task") == CLASSIFICATION.name:
        return read_fields(ClassifierDescription, described, KEY)
    return read_fields(GeneratorDescription, described, KEY)


def weights_in(content: dict[str, object]) -> dict[str, Tensor]:
    """Read the tensors of the state.

    Raises:
        ValueError: A value is no plain tensor.
    """
    weights = content.get("state_dict")
    if not isinstance(weights, dict):
        raise ValueError(f"state_dict: found {shown(weights)}, expected a dict of tensors")
    # not weights.items(): a file can give an OrderedDict an attribute with that name
    for name, value in dict.items(weights):
        if type(name) is not str or type(value) not in (Tensor, nn.Parameter):
            raise ValueError(
                f"state_dict[{shown(name)}]: found {shown(value)}, expected a name and a tensor"
            )
        # such a tensor can claim any size, and would fill the memory when it is copied
        odd = value.is_nested or value.is_quantized or value.is_meta
        if odd or value.layout != torch.strided or not value.is_contiguous():
            raise ValueError(f"state_dict[{shown(name)}]: is no plain tensor with data of its own")
    return dict(dict.items(weights))


def digest_of(described: dict[str, object], weights: dict[str, Tensor]) -> str:
    """Hexadecimal SHA-256 of a description, without its own digest, and of all weights."""
    fields = sorted((name, value) for name, value in described.items() if name != "digest")
    # sorted, so that the order of entries in the file does not matter
    digest = hashlib.sha256(ascii(fields).encode())
    for name, weight in sorted(weights.items()):
        digest.update(ascii((name, str(weight.dtype), tuple(weight.shape))).encode())
        # as bytes, because NumPy has no bfloat16
        values = weight.detach().cpu().contiguous().reshape(-1)
        digest.update(values.view(torch.uint8).numpy().data)
    return digest.hexdigest()
