"""Whether exported graphs compute what the checkpoint computes."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqtext.data.batch import batches_to_read, source_rows
from seqtext.errors import ConfigError
from seqtext.export.folder import never_produced
from seqtext.inference.classifier import Classifier
from seqtext.inference.generator import Generator
from seqtext.nn.encoder_decoder import State
from seqtext.nn.precision import Precision

TOLERANCE = 1e-4  # of log-probabilities and logits
_FINITE = float(np.finfo(np.float32).max)
_BATCH, _LONGEST = 16, 40  # pieces of made texts
_MOST_STEPS = 100
Values = dict[str, NDArray[Any]]


class Comparison(NamedTuple):
    """What a check says."""

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
            # unlike max, it keeps NaN
            largest, equal = float(np.maximum(largest, difference)), equal + same
    return Comparison(len(texts), largest, equal)


def check_difference(comparison: Comparison, precision: Precision) -> None:
    """Refuse graphs that compute something else. With integers, all finite values are accepted.

    Raises:
        ConfigError: They do.
    """
    most = TOLERANCE if precision == "fp32" else _FINITE
    if not comparison.largest <= most:  # NaN too
        expected = f"at most {most:g}" if precision == "fp32" else "a finite number"
        raise ConfigError(
            f"the exported graphs differ from the checkpoint by {comparison.largest:.2g} in a value, expected"
            f" {expected}. Nothing was written. Please report this model's options"
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
    """The largest difference of a step, and the number of equal greedy outputs.

    Each step is compared where it begins with the network's state. Otherwise the rounding of earlier
    steps would add up, which some networks magnify. Greedy outputs come from the graphs' own states.
    """
    network, target, step = model.networks[0], model.tokenizers.target, sessions["step"]
    banned = [target.bos, *never_produced(model)]
    source, lengths = source_rows(texts, model.tokenizers.source.eos)
    values = {"source": source.numpy(), "lengths": lengths.numpy()}
    state, values = network.start(source, lengths), _run(sessions["encoder"], values)
    states = [name for name in values if name.startswith("state_")]
    memory = {name: values[name] for name in values.keys() - {*states}}
    largest = np.max([_difference(_value(state, name), values[name]) for name in states])
    ids = torch.full((len(texts), 1), target.bos)
    ended, equal = np.zeros(len(texts), bool), np.ones(len(texts), bool)
    for _ in range(_MOST_STEPS):
        given = {**memory, "ids": ids.numpy()}
        free = _run(step, {**given, **{name: values[name] for name in states}})
        after = _run(step, {**given, **{name: _value(state, name) for name in states}})
        log_probs, state = network.step(ids, state)
        pairs = [(log_probs.numpy(), after["log_probs"])]
        pairs += [(_value(state, name), after[f"next_{name}"]) for name in states]
        pairs += [(network.attention(state).numpy(), after["attention"])]
        largest = np.max([largest, *(_difference(a[~ended], b[~ended]) for a, b in pairs)])
        values = {name: free[f"next_{name}"] for name in states}
        log_probs[:, :, banned] = -torch.inf
        best = free["log_probs"].copy()
        best[:, :, banned] = -np.inf
        ids = log_probs.argmax(2)
        equal &= ended | (ids.numpy() == best.argmax(2))[:, 0]
        ended |= ids[:, 0].numpy() == target.eos
        if ended.all():
            break
    return float(largest), int(equal.sum())


def _value(state: State, name: str) -> NDArray[Any]:
    """A part of a decoder's state, by its name in a graph."""
    part: Tensor = getattr(state, name.removeprefix("state_"))
    return part.numpy()


def _difference(own: NDArray[Any], other: NDArray[Any]) -> float:
    """The largest difference. It is no finite number if only one of both has such a value there."""
    same = own == other  # infinite ones too
    if same.all():
        return 0.0
    return float(np.abs(own[~same] - other[~same]).max())
