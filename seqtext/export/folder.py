"""The folder of an exported model: graphs, tokenizers, and what a runtime has to know of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

import onnx
import torch

from seqtext.errors import ConfigError
from seqtext.export.classifier import build_classifier
from seqtext.export.decoder import build_encoder, build_step
from seqtext.export.encoder import check_encoder
from seqtext.inference.classifier import Classifier
from seqtext.inference.generator import Generator
from seqtext.inference.predictor import diverged
from seqtext.search.config import MORE_PIECES, TIMES_SOURCE
from seqtext.search.stored import STORED, changed_options

FORMAT = 1
# What the runtime has of a search that a checkpoint can bring
_OF_RUNTIME = tuple(name for name in STORED if name not in ("min_words", "max_words"))
Precision = Literal["fp32", "int8"]


def check_model(model: Generator | Classifier) -> None:
    """Refuse a model that cannot be exported.

    Raises:
        ConfigError: It is an ensemble, or reads several columns. Or its network or its search has a part
            that the runtime lacks.
        CheckpointError: A weight is no finite number.
    """
    [network, *others] = model.networks
    if others:
        raise ConfigError("an ensemble cannot be exported. Export one of its checkpoints")
    check_encoder(network.config)
    tokenizer = model.tokenizers.source if isinstance(model, Generator) else model.tokenizer
    if not model.source_columns.plain or tokenizer.column_symbols:
        raise ConfigError(
            f"the model reads several columns ({model.source_columns}), and the runtime reads texts alone."
            " Decode it with seqtext"
        )
    if not all(weight.isfinite().all() for weight in network.parameters()):
        raise diverged()
    if isinstance(model, Generator):
        changed = changed_options(model.searches[0])
        if lacking := [name for name in changed if name not in _OF_RUNTIME]:
            raise ConfigError(
                f"search.{lacking[0]}: {changed[lacking[0]]} of the checkpoint, but the runtime counts no"
                " words. Decode it with seqtext"
            )


@torch.no_grad()
def build_graphs(model: Generator | Classifier, precision: Precision) -> dict[str, bytes]:
    """The graphs of a model that ``check_model`` accepts, by name."""
    integers = precision == "int8"
    if isinstance(model, Classifier):
        graphs = {"classifier": build_classifier(model.networks[0], integers=integers)}
    else:
        network = model.networks[0]
        graphs = {
            "encoder": build_encoder(network, integers=integers),
            "step": build_step(network, integers=integers),
        }
    contents = ((name, graph.model()) for name, graph in graphs.items())
    return {name: each.SerializeToString(deterministic=True) for name, each in contents}


def write_model(
    model: Generator | Classifier, graphs: Mapping[str, bytes], precision: Precision, folder: Path
) -> None:
    """Write the files of an exported model into a folder.

    Args:
        model: What was exported.
        graphs: Of ``build_graphs``.
        precision: Of the graphs.
        folder: Empty.

    Raises:
        OSError: A file cannot be written.
    """
    for name, content in graphs.items():
        (folder / f"{name}.onnx").write_bytes(content)
    described = {
        "format": FORMAT,
        "seqtext": metadata.version("seqtext"),
        "task": model.task,
        "precision": precision,
        "columns": list(model.columns),
        "graphs": {name: _describe_graph(name, content) for name, content in graphs.items()},
    }
    if isinstance(model, Classifier):
        source, own = model.tokenizer, _describe_labels(model)
    else:
        source, own = model.tokenizers.source, _describe_outputs(model)
        (folder / "target.model").write_bytes(bytes(model.tokenizers.target))
    (folder / "source.model").write_bytes(bytes(source))
    described["source"] = {"file": "source.model", "limit": model.source_limit}
    text = json.dumps({**described, **own}, ensure_ascii=False, indent=2)
    (folder / "config.json").write_text(f"{text}\n", encoding="utf-8")


def never_produced(model: Generator) -> list[int]:
    """Ids that stand in no output, bos aside."""
    target, copies = model.tokenizers.target, model.networks[0].config.copying
    # a word of the source says more than the unknown piece
    return [*target.control_ids, *([target.unk] if copies else [])]


def _describe_graph(name: str, content: bytes) -> dict[str, Any]:
    graph = onnx.load_model_from_string(content).graph
    inputs, outputs = ([value.name for value in side] for side in (graph.input, graph.output))
    return {"file": f"{name}.onnx", "inputs": inputs, "outputs": outputs}


def _describe_outputs(model: Generator) -> dict[str, Any]:
    target, search = model.tokenizers.target, model.searches[0]
    special = {"bos": target.bos, "eos": target.eos, "never": never_produced(model)}
    return {
        "target": {"file": "target.model", **special},
        "copies": model.networks[0].config.copying,
        # where no option limits an output
        "most_pieces": {"times": TIMES_SOURCE, "more": MORE_PIECES},
        "search": {name: getattr(search, name) for name in _OF_RUNTIME},
    }


def _describe_labels(model: Classifier) -> dict[str, Any]:
    labels = model.labels
    return {
        "labels": {
            "names": list(labels.names),
            "several": labels.several,
            "out_of_scope": labels.out_of_scope,
        },
        "temperature": model.temperatures[0],
        "threshold": model.threshold,
    }
