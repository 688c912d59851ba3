"""Exported models: text to text, and text to labels."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from seqtext_runtime import search
from seqtext_runtime.errors import RuntimeModelError
from seqtext_runtime.options import Array, Decision, Search, read
from seqtext_runtime.results import Classification, Hypothesis
from seqtext_runtime.rules import Pieces, Rules
from seqtext_runtime.search import State
from seqtext_runtime.text import Tokenizer, check

FORMAT = 1
# Most positions of a batch: long sentences make it smaller, so that memory stays bounded
_MOST_POSITIONS = 120_000


class _Graph:
    """A graph that ONNX Runtime computes on the CPU."""

    def __init__(self, path: Path, threads: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.enable_cpu_mem_arena = threads > 1  # batches of many sizes would fill it
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # ONNX Runtime has no base class of its errors
            raise RuntimeModelError(f"{path}: cannot be loaded ({error})") from error
        self.inputs = [value.name for value in self._session.get_inputs()]
        self.outputs = [value.name for value in self._session.get_outputs()]

    def run(self, outputs: Sequence[str], values: dict[str, Array]) -> State:
        """The values of ``outputs`` by name."""
        return dict(zip(outputs, self._session.run(list(outputs), values), strict=True))


class _Model:
    """What models of text and of labels have in common."""

    def __init__(self, folder: Path, config: dict[str, Any]) -> None:
        self.config = config
        parts = [config["source"], *config["graphs"].values()]
        parts += [config["target"]] if "target" in config else []
        self.files = [folder / "config.json", *(folder / part["file"] for part in parts)]
        self.source = Tokenizer(folder / config["source"]["file"])
        self._limit: int | None = config["source"]["limit"]

    def _batches(
        self, rows: Sequence[Sequence[int]], size: int, beam_size: int
    ) -> Iterator[tuple[list[int], Array, Array]]:
        """Places of sources, their ids (B, S) with eos, and lengths (B,). Like lengths come together."""
        batch: list[int] = []
        for place in sorted(range(len(rows)), key=lambda place: len(rows[place])):
            positions = (len(batch) + 1) * (len(rows[place]) + 1) * (beam_size + 1)
            if batch and (len(batch) == size or positions > _MOST_POSITIONS):
                yield batch, *self._padded([rows[i] for i in batch])
                batch = []
            batch.append(place)
        if batch:
            yield batch, *self._padded([rows[i] for i in batch])

    def _padded(self, rows: Sequence[Sequence[int]]) -> tuple[Array, Array]:
        ids = np.zeros((len(rows), max(map(len, rows)) + 1), np.int64)
        for row, own in zip(ids, rows, strict=True):
            row[: len(own)] = own
            row[len(own)] = self.source.eos
        return ids, np.array([len(own) + 1 for own in rows])


class Generator(_Model):
    """Generates text. ``load`` makes one."""

    def __init__(self, folder: Path, config: dict[str, Any], threads: int) -> None:
        super().__init__(folder, config)
        graphs, target = config["graphs"], config["target"]
        self.target = Tokenizer(folder / target["file"])
        self._encoder = _Graph(folder / graphs["encoder"]["file"], threads)
        self._step = _Graph(folder / graphs["step"]["file"], threads)
        self._pieces = Pieces(target["bos"], target["eos"], tuple(target["never"]))
        self._states = [name for name in self._step.inputs if name.startswith("state_")]
        Search(**config["search"])

    def generate(self, sources: Iterable[str], **options: Any) -> list[list[Hypothesis]]:
        """Decode texts.

        Args:
            sources: The texts.
            options: Fields of ``Search``, which override the search of the model: ``beam_size=5``, …

        Returns:
            For every source, in order, its ``n_best`` hypotheses, best first. All have different texts.

        Raises:
            RuntimeModelError: A source is no text, or an option cannot work.
        """
        config = read(Search, options, self.config["search"])
        ids, words = self._encode(check(sources, "sources"))
        searched = [row for row, own in enumerate(ids) if own]
        empty = Hypothesis(text="", score=0.0, log_prob=0.0, pieces=(), ids=())
        results = [[empty] for _ in ids]
        rows = [ids[row] for row in searched]
        for places, batch, lengths in self._batches(rows, config.batch_size, config.beam_size):
            places = [searched[place] for place in places]
            own = [words[place] for place in places]
            lists = self._search(batch, lengths, own, config)
            for place, hypotheses in zip(places, lists, strict=True):
                results[place] = hypotheses
        return results

    def _encode(self, texts: list[str]) -> tuple[list[list[int]], list[list[str]]]:
        if self.config["copies"]:
            ids, words = self.source.encode_words(texts)
        else:
            ids, words = self.source.encode(texts), [[] for _ in texts]
        return [row[: self._limit] for row in ids], words

    def _search(
        self, source: Array, lengths: Array, words: Sequence[list[str]], config: Search
    ) -> list[list[Hypothesis]]:
        values = self._encoder.run(self._encoder.outputs, {"source": source, "lengths": lengths})
        state = {name: values.pop(name) for name in self._states}
        rule = self.config["most_pieces"]
        fewest, most = config.limits(lengths - 1, rule["times"], rule["more"])
        rules = Rules(self._pieces, config, fewest, most)
        decoder = _Steps(self._step, self._states, attention=bool(config.coverage_penalty))
        given = decoder, values, state, rules, self._pieces, config
        if config.beam_size == 1 and not config.coverage_penalty:
            lists = search.greedy(*given)
        else:
            lists = search.beam(*given, lengths)
        return [
            self._hypotheses(own, beyond, int(limit), config.n_best)
            for own, beyond, limit in zip(lists, words, most, strict=True)
        ]

    def _hypotheses(
        self, own: list[search.Finished], words: list[str], limit: int, count: int
    ) -> list[Hypothesis]:
        """The best with different texts."""
        if not own or not all(math.isfinite(each.log_prob) for each in own):
            raise RuntimeModelError("the model's outputs are not finite numbers")
        outputs: dict[str, Hypothesis] = {}
        for ids, log_prob, score in sorted(own, key=lambda each: -each.score):
            if len(outputs) == count:
                break
            text = self.target.decode(ids, words)
            pieces = tuple(self.target.pieces(ids, words))
            hypothesis = Hypothesis(
                text=text, score=score, log_prob=log_prob, pieces=pieces, ids=ids,
                at_limit=len(ids) >= limit,
            )  # fmt: skip
            outputs.setdefault(text, hypothesis)
        return list(outputs.values())


class _Steps:
    """A decoder's step, see ``search.Decoder``."""

    def __init__(self, graph: _Graph, states: list[str], *, attention: bool) -> None:
        self._graph, self._states = graph, states
        self._shown = ["attention"] if attention else []
        self._outputs = ["log_probs", *(f"next_{name}" for name in states), *self._shown]

    def step(self, ids: Array, memory: State, state: State) -> tuple[Array, State, Array | None]:
        """See ``search.Decoder``."""
        values = self._graph.run(self._outputs, {"ids": ids, **memory, **state})
        after = {name: values[f"next_{name}"] for name in self._states}
        return values["log_probs"], after, values.get("attention")


class Classifier(_Model):
    """Labels text. ``load`` makes one."""

    def __init__(self, folder: Path, config: dict[str, Any], threads: int) -> None:
        super().__init__(folder, config)
        self._graph = _Graph(folder / config["graphs"]["classifier"]["file"], threads)
        self.labels: list[str] = config["labels"]["names"]
        self._several: bool = config["labels"]["several"]

    def classify(self, texts: Iterable[str], **options: Any) -> list[Classification]:
        """Classify texts.

        Args:
            texts: The texts.
            options: Fields of ``Decision``: ``top_k=3``, …

        Raises:
            RuntimeModelError: A row is no text, or an option cannot work.
        """
        decision = read(Decision, options, {})
        rows = self.probabilities(texts, batch_size=decision.batch_size)
        return [self._classification(row, decision) for row in rows]

    def probabilities(self, texts: Iterable[str], *, batch_size: int = 32) -> Array:
        """The probability of every label for every text, (N, L) float32."""
        ids = [row[: self._limit] for row in self.source.encode(check(texts, "texts"))]
        chances = np.zeros((len(ids), len(self.labels)), np.float32)
        for places, batch, lengths in self._batches(ids, batch_size, 1):
            logits = self._graph.run(["logits"], {"texts": batch, "lengths": lengths})["logits"]
            chances[places] = self._chances(logits / np.float32(self.config["temperature"]))
        if not np.isfinite(chances).all():
            raise RuntimeModelError("the model's outputs are not finite numbers")
        return chances

    def _chances(self, logits: Array) -> Array:
        if self._several:
            with np.errstate(over="ignore"):
                return np.asarray(1 / (1 + np.exp(-logits)))
        shares = np.exp(logits - logits.max(1, keepdims=True))
        return np.asarray(shares / shares.sum(1, keepdims=True))

    def _classification(self, chances: Array, decision: Decision) -> Classification:
        order = (-chances).argsort(kind="stable")
        top = tuple((self.labels[i], float(chances[i])) for i in order[: decision.top_k])
        names, values = self._decide(chances, decision.threshold)
        return Classification(labels=names, probabilities=values, top=top)

    def _decide(
        self, chances: Array, threshold: float | None
    ) -> tuple[tuple[str, ...], tuple[float, ...]]:
        if self._several:
            ids = (chances >= (0.5 if threshold is None else threshold)).nonzero()[0]
            return tuple(self.labels[i] for i in ids), tuple(chances[ids].tolist())
        best = int(chances.argmax())
        least = self.config["threshold"] if threshold is None else threshold
        outside = self.config["labels"]["out_of_scope"] or "out of scope"
        name = self.labels[best] if chances[best] >= least else outside
        return (name,), (float(chances[best]),)


def load(folder: str | Path, threads: int = 1) -> Generator | Classifier:
    """Load a folder that ``seqtext export`` wrote.

    Args:
        folder: The folder.
        threads: Of the processor, that compute together.

    Raises:
        RuntimeModelError: There is no such folder, or it has another format.
    """
    if threads < 1:
        raise RuntimeModelError(f"threads: {threads}, expected at least 1")
    folder = Path(folder)
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RuntimeModelError(
            f"{folder}: no folder of an exported model, as it has no config.json. `seqtext export` writes one"
        ) from None
    except (OSError, ValueError) as error:
        raise RuntimeModelError(f"{folder}/config.json: cannot be read ({error})") from error
    known = config.get("format") if isinstance(config, dict) else None
    if known != FORMAT:
        raise RuntimeModelError(
            f"{folder}/config.json: has the format {known!r}, and this runtime reads {FORMAT}"
        )
    try:
        kind = Classifier if config["task"] == "classification" else Generator
        return kind(folder, config, threads)
    except (KeyError, TypeError) as error:
        raise RuntimeModelError(
            f"{folder}/config.json: does not describe a model ({error!r}). Export it again"
        ) from error
