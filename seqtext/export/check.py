"""Whether exported graphs compute what the checkpoint computes."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray

from seqtext.data.batch import batches_to_read, source_rows
from seqtext.errors import ConfigError
from seqtext.export.folder import never_produced
from seqtext.inference.classifier import Classifier
from seqtext.inference.generator import Generator

TOLERANCE = 1e-4  # of log-probabilities and logits
_BATCH, _LONGEST = 16, 40  # pieces of made texts
_MOST_STEPS = 100
Values = dict[str, NDArray[Any]]


class Comparison(NamedTuple):
    """What a check has found."""

    texts: int
    largest: float  # difference of a log-probability or a logit
    equal: int  # texts whose outputs or labels are equal


def made_ids(model: Generator | Classifier, count: int) -> list[list[int]]:
    """Texts of any pieces, with lengths from 1 on. They are the same each time."""
    tokenizer = model.tokenizers.source if isinstance(model, Generator) else model.tokenizer
    left_out = {tokenizer.bos, tokenizer.eos, *tokenizer.control_ids}
    ids = [i for i in range(tokenizer.vocab_size) if i not in left_out]
    draw = random.Random(1)
    limit = min(model.source_limit or _LONGEST, _LONGEST)
    return [draw.choices(ids, k=draw.randint(1, limit)) for _ in range(count)]


def compare(
    model: Generator | Classifier, graphs: Mapping[str, bytes], texts: Sequence[list[int]]
) -> Comparison:
    """Compute texts, given as ids, with the model and with its graphs.

    Args:
        model: The checkpoint's, in float32.
        graphs: Of ``build_graphs``.
        texts: Ids of each.
    """
    sessions = {name: _session(content) for name, content in graphs.items()}
    read = _labels if isinstance(model, Classifier) else _outputs
    largest, equal = 0.0, 0
    with model.evaluating():
        for places in batches_to_read(list(map(len, texts)), _BATCH, 1):
            own = [texts[place] for place in places]
            difference, same = read(model, sessions, own)  # type: ignore[arg-type]
            largest, equal = max(largest, difference), equal + same
    return Comparison(len(texts), largest, equal)


def check_difference(found: Comparison) -> None:
    """Refuse graphs in float32 that compute something else.

    Raises:
        ConfigError: They do.
    """
    if not found.largest <= TOLERANCE:  # NaN too
        raise ConfigError(
            f"the exported graphs differ from the checkpoint by {found.largest:.2g} in a log-probability,"
            f" expected at most {TOLERANCE:g}. Nothing was written. Please report this model's options"
        )


def _session(content: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def _run(session: onnxruntime.InferenceSession, values: Values) -> Values:
    names = [value.name for value in session.get_outputs()]
    return dict(zip(names, session.run(names, values), strict=True))


def _labels(
    model: Classifier, sessions: Mapping[str, onnxruntime.InferenceSession], texts: list[list[int]]
) -> tuple[float, int]:
    """The largest difference of logits, and the number of equal labels."""
    source, lengths = source_rows(texts, model.tokenizer.eos)
    own = model.networks[0](source, lengths).numpy()
    values = {"texts": source.numpy(), "lengths": lengths.numpy()}
    other = _run(sessions["classifier"], values)["logits"]
    several = model.labels.several
    decided = [
        logits > 0 if several else logits.argmax(1, keepdims=True) for logits in (own, other)
    ]
    return _difference(own, other), int((decided[0] == decided[1]).all(1).sum())


def _outputs(
    model: Generator, sessions: Mapping[str, onnxruntime.InferenceSession], texts: list[list[int]]
) -> tuple[float, int]:
    """The largest difference along greedy outputs, and the number of equal outputs."""
    largest, equal = 0.0, np.ones(len(texts), bool)
    banned = [model.tokenizers.target.bos, *never_produced(model)]
    eos = model.tokenizers.target.eos
    ended = np.zeros(len(texts), bool)
    for own, other in _steps(model, sessions, texts):
        largest = max(largest, _difference(own[~ended], other[~ended]))
        for part in (own, other):
            part[:, banned] = -np.inf
        best = own.argmax(1)
        equal &= ended | (best == other.argmax(1))
        ended |= best == eos
        if ended.all():
            break
    return largest, int(equal.sum())


def _steps(
    model: Generator, sessions: Mapping[str, onnxruntime.InferenceSession], texts: list[list[int]]
) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """Log-probabilities (B, V) of the model and of its graphs, along the model's greedy outputs."""
    network, target = model.networks[0], model.tokenizers.target
    banned = [target.bos, *never_produced(model)]
    source, lengths = source_rows(texts, model.tokenizers.source.eos)
    state = network.start(source, lengths)
    values = _run(sessions["encoder"], {"source": source.numpy(), "lengths": lengths.numpy()})
    ids = torch.full((len(texts), 1), target.bos)
    inputs = {value.name for value in sessions["step"].get_inputs()}
    for _ in range(_MOST_STEPS):
        log_probs, state = network.step(ids, state)
        given = {name: value for name, value in values.items() if name in inputs}
        after = _run(sessions["step"], {**given, "ids": ids.numpy()})
        values |= {
            name.removeprefix("next_"): value
            for name, value in after.items()
            if name.startswith("next_")
        }
        own = log_probs[:, 0].clone()
        yield own.numpy(), after["log_probs"][:, 0].copy()
        log_probs[:, :, banned] = -torch.inf
        ids = log_probs.argmax(2)


def _difference(own: NDArray[Any], other: NDArray[Any]) -> float:
    """The largest difference. NaN if one has a value that is not finite where the other has not."""
    same = own == other  # infinite ones too
    if same.all():
        return 0.0
    return float(np.abs(own[~same] - other[~same]).max())
