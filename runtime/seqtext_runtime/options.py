"""Options of a search and of a classifier, with the names and ranges that seqtext has."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from seqtext_runtime.errors import RuntimeModelError

Array = NDArray[Any]
Lengths = NDArray[np.int64]
OptionsT = TypeVar("OptionsT")
_LONGEST = 1 << 30
_INFINITE = math.inf
# What seqtext has besides
ELSEWHERE = (
    "alignments", "attention", "banned", "banned_any_case", "beam_groups", "constraints", "details", "device",
    "devices", "dictionary", "diversity_penalty", "input_format", "max_words", "mbr", "min_p", "min_words",
    "outputs", "precision", "prefix", "prefix_column", "prefixes", "replace_unknown", "required",
    "required_column", "resume", "rules", "samples", "seed", "shortlist", "split_sentences", "temperature",
    "terminology", "top_p", "trust",
)  # fmt: skip


def _option(default: object, help: str, low: float, high: float = _INFINITE) -> Any:
    """A field with its range. None is a default that is no value."""
    return dataclasses.field(default=default, metadata={"help": help, "low": low, "high": high})


def _choice(default: str, help: str, *choices: str) -> Any:
    return dataclasses.field(default=default, metadata={"help": help, "choices": choices})


@dataclass(frozen=True, kw_only=True)
class Search:
    """How to decode. For each field see ``seqtext generate --help``."""

    beam_size: int = _option(5, "hypotheses kept at every step; 1 is greedy search", 1, 1_000)
    n_best: int = _option(1, "hypotheses returned for a source, at most the beam size", 1)
    length_penalty: float = _option(1.0, "strength of the length penalty", -10, 10)
    length_formula: str = _choice("power", "divisor of the log-probability", "power", "wu")
    coverage_penalty: float = _option(0.0, "strength of the coverage penalty", 0, 100)
    coverage_formula: str = _choice(
        "wu", "against source left out, or read twice", "wu", "repetition"
    )
    min_length: int = _option(0, "fewest pieces of an output", 0, 10_000)
    max_length: int | None = _option(None, "most pieces of an output", 1)
    min_length_ratio: float = _option(0.0, "fewest pieces for each of the source's", 0, 100)
    max_length_ratio: float | None = _option(None, "most pieces for each of the source's", 0)
    no_repeat_ngram_size: int = _option(
        0, "pieces in a row that an output may have only once; 0 allows all repetition", 0
    )
    # half of what seqtext has, which takes 50 MB less and as much time
    batch_size: int = _option(32, "most sentences together; changes the speed alone", 1, 1_000_000)

    def __post_init__(self) -> None:
        _check(self)
        for what in ("length", "length_ratio"):
            low, high = getattr(self, f"min_{what}"), getattr(self, f"max_{what}")
            if high is not None and high < low:
                raise RuntimeModelError(
                    f"max_{what}: {high}, expected at least min_{what}, which is {low}"
                )
        if self.max_length_ratio == 0:
            raise RuntimeModelError("max_length_ratio: 0, expected more than 0")
        if self.n_best > self.beam_size:
            raise RuntimeModelError(
                f"n_best: {self.n_best}, expected at most beam_size, which is {self.beam_size}"
            )

    def limits(self, lengths: Lengths, times: int, more: int) -> tuple[Lengths, Lengths]:
        """Fewest and most pieces of outputs.

        Args:
            lengths: Pieces of each source, eos not counted, (N,).
            times: With ``more``, the default of the most pieces: ``times`` the source's, and ``more``.
            more: See ``times``.

        Returns:
            Both (N,).
        """
        fewest = np.maximum(_times(lengths, self.min_length_ratio), self.min_length)
        most = np.full_like(lengths, min(self.max_length or _LONGEST, _LONGEST))
        if self.max_length_ratio is not None:
            most = np.minimum(most, _times(lengths, self.max_length_ratio))
        elif self.max_length is None:
            most = np.maximum(times * lengths + more, fewest)
        return np.minimum(fewest, most), most

    def penalty(self, length: int) -> float:
        """The divisor of a hypothesis' log-probability. The length counts eos."""
        base = length if self.length_formula == "power" else (5 + length) / 6
        return float(base**self.length_penalty)


@dataclass(frozen=True, kw_only=True)
class Decision:
    """How probabilities become labels. For each field see ``seqtext classify --help``."""

    top_k: int = _option(1, "likeliest labels listed for a text", 1)
    threshold: float | None = _option(
        None, "probability below which a text is out of scope, or has not a label", 0, 1
    )
    batch_size: int = _option(32, "most texts together; changes the speed alone", 1, 1_000_000)

    def __post_init__(self) -> None:
        _check(self)


def read(kind: type[OptionsT], given: Mapping[str, Any], stored: Mapping[str, Any]) -> OptionsT:
    """Options of a call, which win over those of the model.

    A stored value that contradicts the given ones gives way.

    Raises:
        RuntimeModelError: There is no such option, or see the class.
    """
    names = [field.name for field in dataclasses.fields(kind)]  # type: ignore[arg-type]
    for name in given:
        if name not in names:
            raise RuntimeModelError(unknown(name, names))
    try:
        return kind(**{**stored, **given})
    except RuntimeModelError:
        options = dict(given)
        kind(**options)
        for name, value in stored.items():
            if name not in given:
                try:
                    kind(**options, **{name: value})
                except RuntimeModelError:
                    continue
                options[name] = value
        return kind(**options)


def unknown(name: str, known: list[str]) -> str:
    """The message about an option that is not here."""
    where = ". seqtext has it, this runtime has not" if name in ELSEWHERE else ""
    return f"no option {name!r}{where}; there are {', '.join(known)}"


def _times(lengths: Lengths, ratio: float) -> Lengths:
    """Lengths times a ratio of any size, rounded up, in float32 as seqtext has it."""
    product = np.float32(ratio) * lengths.astype(np.float32)
    rounded: Lengths = np.minimum(np.ceil(product), _LONGEST).astype(np.int64)
    return rounded


def _check(options: Any) -> None:
    """Refuse values of other types, or out of their ranges."""
    for field in dataclasses.fields(options):
        name, value = field.name, getattr(options, field.name)
        if value is None and field.default is None:
            continue
        if "choices" in field.metadata:
            if value not in field.metadata["choices"]:
                expected = " or ".join(field.metadata["choices"])
                raise RuntimeModelError(f"{name}: {value!r:.60}, expected {expected}")
            continue
        whole = str(field.type).startswith("int")
        is_number = isinstance(value, int if whole else (int, float)) and type(value) is not bool
        low, high = field.metadata["low"], field.metadata["high"]
        if not is_number or not low <= value <= high or math.isinf(value):
            kind = "a whole number" if whole else "a number"
            limit = f"at least {low:,}" if high == _INFINITE else f"from {low:,} to {high:,}"
            raise RuntimeModelError(f"{name}: {value!r:.60}, expected {kind} {limit}")
