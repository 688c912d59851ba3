"""The exported graphs compute what the networks compute, with padding and several hypotheses."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor

from seqtext.export.classifier import build_classifier
from seqtext.export.decoder import build_encoder, build_step
from seqtext.export.graph import Graph
from seqtext.nn.cells.registry import CELLS
from seqtext.nn.classifier import Classifier
from seqtext.nn.config import ClassifierConfig, NetworkConfig
from seqtext.nn.encoder_decoder import EncoderDecoder

SMALL: dict[str, Any] = {"embedding_size": 6, "hidden_size": 8, "heads": 2}
SOURCE_SIZE, SIZE = 11, 13
LENGTHS = torch.tensor([7, 1, 4])
Values = dict[str, np.ndarray[Any, Any]]


def session(graph: Graph) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(
        graph.model().SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def run(graph: onnxruntime.InferenceSession, given: Values) -> Values:
    names = [value.name for value in graph.get_outputs()]
    wanted = {value.name for value in graph.get_inputs()}
    chosen = {name: value for name, value in given.items() if name in wanted}
    return dict(zip(names, graph.run(names, chosen), strict=True))


def network(**options: Any) -> EncoderDecoder:
    """With weights that are far from zero, so that every part of it shows."""
    torch.manual_seed(1)
    config = NetworkConfig(**{**SMALL, **options})
    made = EncoderDecoder(config, SOURCE_SIZE, SIZE, (3, 4)).eval()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.copy_(torch.randn(parameter.shape) * 0.6)
        if config.copying:
            made.copy_ids.copy_(torch.tensor([-1, *range(2, SOURCE_SIZE + 1)]))
    return made


def source(*, beyond: bool = False) -> Tensor:
    ids = torch.randint(0, SOURCE_SIZE, (3, 7), generator=torch.Generator().manual_seed(2))
    if beyond:  # words that no vocabulary has
        ids[0, 2], ids[0, 5], ids[2, 1] = SOURCE_SIZE, SOURCE_SIZE + 1, SOURCE_SIZE
    return ids


def compare(made: EncoderDecoder, ids: Tensor, tolerance: float = 2e-5) -> None:
    """Three steps, where each goes on from other hypotheses of the one before."""
    encoder, step = (session(build(made, integers=False)) for build in (build_encoder, build_step))
    values = run(encoder, {"source": ids.numpy(), "lengths": LENGTHS.numpy()})
    beams = torch.zeros(3, 4, dtype=torch.long)
    with torch.inference_mode():
        state = made.select(made.start(ids, LENGTHS), torch.arange(3), beams)
        for name in [name for name in values if name.startswith("state_")]:
            values[name] = np.repeat(values[name], 4, 1)
        for number in range(3):
            pieces = (torch.arange(12).view(3, 4) * 5 + number) % (SIZE + 2)
            expected, state = made.step(pieces, state)
            after = run(step, {**values, "ids": pieces.numpy()})
            np.testing.assert_allclose(after["log_probs"], expected, atol=tolerance, rtol=1e-4)
            np.testing.assert_allclose(
                after["attention"], made.attention(state), atol=tolerance, rtol=1e-4
            )
            parents = torch.tensor([[0, 3, 3, 1], [2, 0, 1, 1], [3, 2, 1, 0]])
            state = made.select(state, torch.arange(3), parents)
            for name in [name for name in values if name.startswith("state_")]:
                values[name] = np.stack(
                    [row[own] for row, own in zip(after[f"next_{name}"], parents, strict=True)]
                )


@pytest.mark.parametrize("attention", ["dot", "general", "additive", "multi_head"])
@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_with_every_attention(cell: str, attention: str) -> None:
    compare(network(cell=cell, attention=attention), source())


@pytest.mark.parametrize("cell", CELLS)
def test_layers_with_residual_and_normalization(cell: str) -> None:
    options = {"encoder_layers": 3, "decoder_layers": 3, "residual": True, "layer_norm": True}
    compare(network(cell=cell, **options), source())


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("bidirectional", [True, False])
def test_windows(cell: str, bidirectional: bool) -> None:
    for window in (3, 50):
        options = {"bidirectional": bidirectional, "encoder_layers": 2}
        compare(network(cell=cell, window=window, **options), source())


@pytest.mark.parametrize("cell", ["lstm", "gru", "sru"])
def test_windows_that_carry_their_state(cell: str) -> None:
    options = {"window": 3, "carry_state": True, "bidirectional": False, "encoder_layers": 2}
    compare(network(cell=cell, **options), source())


@pytest.mark.parametrize("attention", ["dot", "general", "additive", "multi_head"])
@pytest.mark.parametrize("input_feeding", [True, False])
@pytest.mark.parametrize("layers", [1, 2])
def test_coverage(attention: str, input_feeding: bool, layers: int) -> None:
    options = {"attention": attention, "input_feeding": input_feeding, "decoder_layers": layers}
    compare(network(coverage=True, **options), source())


@pytest.mark.parametrize("input_feeding", [True, False])
def test_copying(input_feeding: bool) -> None:
    made = network(copying=True, input_feeding=input_feeding)
    compare(made, source())
    compare(made, source(beyond=True))


def test_a_wide_untied_readout() -> None:
    compare(network(tied_readout=False, readout_size=10, input_feeding=True), source())


def test_a_large_vocabulary_has_no_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqtext.export.graph._TABLE", 100)
    for input_feeding in (True, False):
        compare(network(input_feeding=input_feeding), source())


def steps(made: EncoderDecoder, ids: Tensor, lengths: Tensor) -> Values:
    encoder, step = (session(build(made, integers=True)) for build in (build_encoder, build_step))
    values = run(encoder, {"source": ids.numpy(), "lengths": lengths.numpy()})
    return run(step, {**values, "ids": np.full((len(ids), 1), 5)})


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("attention", ["general", "additive", "multi_head"])
def test_integers_are_close_and_know_no_other_row(cell: str, attention: str) -> None:
    made = network(cell=cell, attention=attention, hidden_size=32, embedding_size=32, heads=4)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.mul_(0.3)
    ids = source()
    together = steps(made, ids, LENGTHS)["log_probs"]
    with torch.inference_mode():
        expected, _ = made.step(torch.full((3, 1), 5), made.start(ids, LENGTHS))
    assert 0 < np.abs(together - expected.numpy()).max() < 0.1
    for row, length in enumerate(LENGTHS.tolist()):
        alone = steps(made, ids[row : row + 1, :length], LENGTHS[row : row + 1])["log_probs"]
        np.testing.assert_allclose(alone, together[row : row + 1], atol=1e-6)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("pooling", ["last", "max", "mean", "attention"])
def test_classifiers(cell: str, pooling: Any) -> None:
    torch.manual_seed(1)
    config = ClassifierConfig(
        cell=cell, pooling=pooling, embedding_size=6, hidden_size=8, encoder_layers=2
    )
    made = Classifier(config, SOURCE_SIZE, 5).eval()
    logits = run(
        session(build_classifier(made, integers=False)),
        {"texts": source().numpy(), "lengths": LENGTHS.numpy()},
    )["logits"]
    with torch.inference_mode():
        np.testing.assert_allclose(logits, made(source(), LENGTHS), atol=1e-5)


def test_a_classifier_with_windows() -> None:
    for bidirectional in (True, False):
        config = ClassifierConfig(
            window=3, bidirectional=bidirectional, embedding_size=6, hidden_size=8
        )
        made = Classifier(config, SOURCE_SIZE, 5).eval()
        given = {"texts": source().numpy(), "lengths": LENGTHS.numpy()}
        logits = run(session(build_classifier(made, integers=False)), given)["logits"]
        with torch.inference_mode():
            np.testing.assert_allclose(logits, made(source(), LENGTHS), atol=1e-5)


def test_a_classifier_with_character_ngrams() -> None:
    torch.manual_seed(1)
    config = ClassifierConfig(embedding_size=6, hidden_size=8, character_ngrams=4, ngram_buckets=50)
    spellings = ["\N{LOWER ONE EIGHTH BLOCK}a", "bc", "", "Dé", "f", "gh", "i", "x", "y", "zz", "q"]
    made = Classifier(config, SOURCE_SIZE, 5, spellings).eval()
    given = {"texts": source().numpy(), "lengths": LENGTHS.numpy()}
    logits = run(session(build_classifier(made, integers=False)), given)["logits"]
    with torch.inference_mode():
        np.testing.assert_allclose(logits, made(source(), LENGTHS), atol=1e-5)
