"""The whole network: padding, order and stepping change nothing. Every weight learns."""

import copy
import math
import pickle
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence
from torch.testing import assert_close

from seqtext.errors import ConfigError
from seqtext.nn.cells.contract import Cell
from seqtext.nn.cells.registry import CELLS, load_cell
from seqtext.nn.config import NetworkConfig
from seqtext.nn.encoder_decoder import EncoderDecoder
from tests.support import LOW_PRECISION

SOURCE_VOCAB, TARGET_VOCAB, BOS = 13, 11, 1
SOURCE_LENGTHS = torch.tensor([4, 1, 6])
TARGET_LENGTHS = torch.tensor([3, 5, 1])

CONFIGS = {
    "defaults": {},
    "rnn_tanh": {"cell": "rnn_tanh"},
    "rnn_relu": {"cell": "rnn_relu"},
    "gru": {"cell": "gru"},
    "min_gru": {"cell": "min_gru", "decoder_layers": 2},
    "min_lstm": {"cell": "min_lstm", "input_feeding": True},
    "sru": {"cell": "sru", "encoder_layers": 2, "decoder_layers": 2},
    "ssru": {"cell": "ssru"},
    "dot": {"attention": "dot"},
    "additive": {"attention": "additive"},
    "multi_head": {"attention": "multi_head", "heads": 2},
    "two_layers": {"decoder_layers": 2},
    "three_layers": {"decoder_layers": 3, "encoder_layers": 2},
    "input_feeding": {"input_feeding": True, "decoder_layers": 2},
    "input_feeding_one_layer": {"input_feeding": True, "decoder_layers": 1, "cell": "rnn_tanh"},
    "one_direction": {"bidirectional": False, "encoder_layers": 2},
    "untied": {"tied_readout": False},
    "wide_readout": {"tied_readout": False, "readout_size": 10, "input_feeding": True},
    "residual": {"residual": True, "decoder_layers": 3, "embedding_size": 8},
    "layer_norm": {"layer_norm": True, "decoder_layers": 3},
    "copying": {"copying": True},
    "copying_with_feeding": {"copying": True, "input_feeding": True, "attention": "additive"},
    "window": {"window": 2},
    "window_two_layers": {"window": 3, "encoder_layers": 2, "cell": "gru"},
    "coverage": {"coverage": True},
    "coverage_additive": {"coverage": True, "attention": "additive", "decoder_layers": 2},
    "coverage_multi_head": {"coverage": True, "attention": "multi_head", "heads": 2},
    "coverage_with_feeding": {"coverage": True, "input_feeding": True, "attention": "additive"},
    "everything": {
        "copying": True,
        "coverage": True,
        "cell": "gru",
        "encoder_layers": 3,
        "decoder_layers": 3,
        "attention": "multi_head",
        "heads": 4,
        "input_feeding": True,
        "residual": True,
        "layer_norm": True,
        "tied_readout": False,
    },
}
every_config = pytest.mark.parametrize("options", CONFIGS.values(), ids=CONFIGS.keys())


def build(options, seed=0):
    torch.manual_seed(seed)
    config = NetworkConfig(**{"embedding_size": 6, "hidden_size": 8, "dropout": 0.0} | options)
    network = EncoderDecoder(config, SOURCE_VOCAB, TARGET_VOCAB).double()
    with torch.no_grad():  # as after some training: no bias is 0
        for name, parameter in network.named_parameters():
            if "bias" in name or "coverage" in name:
                parameter.uniform_(-0.3, 0.3)
    return network


def make_batch(seed=1):
    """Ids of sources (B, S) and targets (B, T), bos first; the padding is random ids."""
    generator = torch.Generator().manual_seed(seed)
    source = torch.randint(SOURCE_VOCAB, (3, 6), generator=generator)
    target = torch.randint(2, TARGET_VOCAB, (3, 5), generator=generator)
    target[:, 0] = BOS
    return source, target


def make_labels(target):
    """The piece that follows each one, -100 behind the end."""
    labels = target.roll(-1, 1)
    labels[torch.arange(5) >= TARGET_LENGTHS.unsqueeze(1)] = -100
    return labels


def assert_equal(found, expected):
    assert_close(found, expected, rtol=0, atol=1e-12)


# --- what must change nothing ---


@every_config
def test_padding_never_changes_logits(options):
    network = build(options)
    source, target = make_batch()
    logits = network(source, SOURCE_LENGTHS, target)
    for row in range(3):
        length, target_length = SOURCE_LENGTHS[row], TARGET_LENGTHS[row]
        alone = network(
            source[row : row + 1, :length],
            SOURCE_LENGTHS[row : row + 1],
            target[row : row + 1, :target_length],
        )
        assert_equal(logits[row : row + 1, :target_length], alone)


@every_config
def test_order_of_the_batch_changes_nothing(options):
    network = build(options)
    source, target = make_batch()
    order = torch.tensor([2, 0, 1])
    found = network(source[order], SOURCE_LENGTHS[order], target[order])
    assert_equal(found, network(source, SOURCE_LENGTHS, target)[order])


@every_config
@pytest.mark.parametrize("way", ["with_gradient", "without", "precomputed"])
def test_teacher_forcing_equals_stepping(options, way):
    network = build(options)
    source, target = make_batch()
    expected = network(source, SOURCE_LENGTHS, target).log_softmax(-1)
    if way == "precomputed":
        network.decoder.precompute()
        network.decoder.embedding = None  # not looked at again
        network.decoder.output.forward = None
    with torch.set_grad_enabled(way == "with_gradient"):
        state = network.start(source, SOURCE_LENGTHS)
        for t in range(target.size(1)):
            log_probs, state = network.step(target[:, t : t + 1], state)
            assert_equal(log_probs[:, 0], expected[:, t])


@pytest.mark.parametrize("change", [lambda n: n.train(), lambda n: n.double()])
def test_changes_forget_what_was_precomputed(change):
    network = build({}).float()
    saved = network.state_dict().keys()
    network.decoder.precompute()
    assert network.state_dict().keys() == saved
    network.eval()
    assert network.decoder._search is not None
    change(network)
    assert network.decoder._search is None


def test_precomputed_network_can_be_copied():
    network = build({}).float().eval()
    source, target = make_batch()
    network.decoder.precompute()
    with torch.no_grad():
        expected = network(source, SOURCE_LENGTHS, target)
        copied = pickle.loads(pickle.dumps(copy.deepcopy(network)))
        assert_close(copied(source, SOURCE_LENGTHS, target), expected)


def mixed_by_hand(softmax, gate, weights, source):
    """g softmax + (1 - g) of what attention points at; what is no target piece goes to the softmax."""
    rows = []
    for i, pieces in enumerate(source.tolist()):
        copied, lost = torch.zeros_like(softmax[i]), 0.0
        for s, piece in enumerate(pieces):
            if piece < TARGET_VOCAB:
                one = torch.zeros_like(copied)
                one[piece] = 1
                copied = copied + (1 - gate[i]) * weights[i, s] * one
            else:
                lost = lost + (1 - gate[i]) * weights[i, s]
        rows.append((gate[i] + lost) * softmax[i] + copied)
    return torch.stack(rows)


@every_config
def test_decoder_equals_a_loop_over_its_parts(options):
    """readout = tanh(W [top; bottom; context] + b), where top reads [bottom; context]."""
    network = build(options)
    source, target = make_batch()
    decoder, encoded = network.decoder, network.encoder(source, SOURCE_LENGTHS)
    memory = decoder.attention.project(encoded.memory, encoded.mask)
    state = decoder.bridge(encoded.last)
    bottom_state, top_state = state[:, :1], state[:, 1:]
    readout = torch.zeros(
        3, 1, options.get("readout_size", network.config.embedding_size), dtype=torch.double
    )
    covered = torch.zeros(3, 1, source.size(1), dtype=torch.double)
    logits = []
    for t in range(target.size(1)):
        inputs = decoder.embedding.weight[target[:, t : t + 1]]
        if options.get("input_feeding"):
            inputs = torch.cat([inputs, readout], 2)
        bottom, _, bottom_state = decoder.bottom(inputs, None, bottom_state)
        bottom = decoder.norm(bottom)
        context, weights = decoder.attention(bottom, memory, covered)
        by_first = decoder.attention(bottom, memory)[1]
        covered = covered + (weights if options.get("input_feeding") else by_first)
        parts = torch.cat([bottom, context], 2)
        if network.config.decoder_layers > 1:
            top, _, top_state = decoder.upper(parts, None, top_state)
            parts = torch.cat([top, parts], 2)
        readout = torch.tanh(decoder.readout(parts))
        step_logits = decoder.output(readout)
        if network.config.copying:
            gate = decoder.gate(readout)[:, 0, 0].sigmoid()
            probabilities = mixed_by_hand(step_logits[:, 0].softmax(1), gate, weights[:, 0], source)
            step_logits = probabilities.log().unsqueeze(1)
        logits.append(step_logits)
    found, expected = network(source, SOURCE_LENGTHS, target), torch.cat(logits, 1)
    assert_equal(found, expected)
    weights, parameters = torch.randn_like(expected), list(network.parameters())
    of_found, of_expected = (
        torch.autograd.grad((logits * weights).sum(), parameters) for logits in (found, expected)
    )
    for one, other in zip(of_found, of_expected, strict=True):
        assert_equal(one, other)


@pytest.mark.parametrize("device", LOW_PRECISION)
@pytest.mark.parametrize("gradient", [True, False])
@every_config
def test_runs_under_autocast(options, gradient, device):
    network = build(options).float().to(device)
    source, target = (ids.to(device) for ids in make_batch())
    lengths = SOURCE_LENGTHS.to(device)
    expected = network(source, lengths, target).log_softmax(-1)
    with torch.autocast(device, torch.bfloat16), torch.set_grad_enabled(gradient):
        logits = network(source, lengths, target)
        state = network.start(source, lengths)
        for t in range(target.size(1)):
            log_probs, state = network.step(target[:, t : t + 1], state)
            assert log_probs.dtype == torch.float32
            assert_close(log_probs[:, 0], expected[:, t], rtol=0.1, atol=0.2)
    assert_close(logits.float().log_softmax(-1), expected, rtol=0.1, atol=0.2)


# --- words that no vocabulary has ---


@pytest.mark.parametrize("feeding", [True, False])
def test_words_beyond_the_vocabulary_are_copied(feeding):
    """They are read as unk; what attention gives them is theirs, in training and stepping alike."""
    network = build({"copying": True, "input_feeding": feeding})
    network.unknown = (4, 3)
    source, target = make_batch()
    source[0, 1], source[0, 2], source[2, 4] = SOURCE_VOCAB, SOURCE_VOCAB + 1, SOURCE_VOCAB
    source[2, 5] = SOURCE_VOCAB
    target[0, 1], target[2, 1] = TARGET_VOCAB + 1, TARGET_VOCAB
    log_probs = network(source, SOURCE_LENGTHS, target)
    assert log_probs.shape == (3, 5, TARGET_VOCAB + 2)

    read = source.where(source < SOURCE_VOCAB, 4), target.where(target < TARGET_VOCAB, 3)
    readout, weights = network.readout(read[0], SOURCE_LENGTHS, read[1])
    copied = (1 - network.decoder.gate(readout).sigmoid()) * weights
    expected = torch.zeros(3, 5, 2, dtype=torch.double)
    expected[0] = copied[0, :, 1:3]
    expected[2, :, 0] = copied[2, :, 4] + copied[2, :, 5]
    assert_equal(log_probs.exp()[..., TARGET_VOCAB:], expected)
    assert_equal(log_probs.exp().sum(2), torch.ones(3, 5, dtype=torch.double))
    assert log_probs[1, :, TARGET_VOCAB:].eq(-torch.inf).all()  # it has no such word

    state = network.start(source, SOURCE_LENGTHS)
    for t in range(target.size(1)):
        stepped, state = network.step(target[:, t : t + 1], state)
        assert_equal(stepped[:, 0], log_probs[:, t])

    labels = make_labels(target)
    labels[2, 0] = TARGET_VOCAB
    assert (labels >= TARGET_VOCAB).sum() == 2
    nll = torch.nn.functional.nll_loss(log_probs.flatten(0, 1), labels.flatten(), reduction="sum")
    loss = network.loss(source, SOURCE_LENGTHS, target, labels)
    assert_equal(loss, nll)
    parameters = list(network.parameters())
    for found, wanted in zip(
        torch.autograd.grad(loss, parameters), torch.autograd.grad(nll, parameters), strict=True
    ):
        assert_equal(found, wanted)


def test_without_copying_such_words_are_unknown():
    network = build({})
    network.unknown = (4, 3)
    source, target = make_batch()
    expected = source.clone(), target.clone()
    source[0, 1], expected[0][0, 1] = SOURCE_VOCAB + 1, 4
    target[1, 2], expected[1][1, 2] = TARGET_VOCAB, 3
    found = network(source, SOURCE_LENGTHS, target)
    assert_equal(found, network(expected[0], SOURCE_LENGTHS, expected[1]))
    losses = [
        network.loss(of_source, SOURCE_LENGTHS, of_target, make_labels(of_target), 0.1)
        for of_source, of_target in ((source, target), expected)
    ]
    assert_equal(*losses)


# --- several hypotheses of one sentence ---


def three_hypotheses(network, length=4):
    """Each sentence with K = 3 hypotheses that have read different pieces (B, K, length)."""
    source, _ = make_batch()
    state = network.start(source, SOURCE_LENGTHS)
    state = network.select(state, torch.arange(3), torch.zeros(3, 3, dtype=torch.long))
    ids = torch.randint(TARGET_VOCAB, (3, 3, length), generator=torch.Generator().manual_seed(2))
    return source, state, ids


@every_config
def test_hypotheses_that_share_a_memory_do_not_meet(options):
    network = build(options)
    source, state, ids = three_hypotheses(network)
    together = network.decoder(ids, state)
    for k in range(3):
        alone = network.decoder(ids[:, k : k + 1], network.start(source, SOURCE_LENGTHS))
        assert_equal(together.readout[:, k], alone.readout[:, 0])
        assert_equal(together.weights[:, k], alone.weights[:, 0])
        assert_equal(together.state.recurrent[:, k], alone.state.recurrent[:, 0])


@every_config
@pytest.mark.parametrize(
    ("sentences", "beams"),
    [([0, 1, 2], [[2, 0], [1, 1], [0, 2]]), ([0, 2], [[2, 0, 1], [1, 1, 0]]), ([1], [[2]])],
    ids=["all_sentences", "two_sentences", "one_sentence"],
)
def test_select_keeps_the_chosen_hypotheses(options, sentences, beams):
    network = build(options)
    _, state, ids = three_hypotheses(network)
    state = network.decoder(ids, state).state
    pieces = torch.arange(9).view(3, 3)
    expected, _ = network.step(pieces, state)

    rows, beams = torch.tensor(sentences), torch.tensor(beams)
    chosen = rows.unsqueeze(1), beams
    found, after = network.step(pieces[chosen], network.select(state, rows, beams))
    assert_equal(found, expected[chosen])
    assert len(after.memory.bias) == len(sentences)


# --- learning ---


@every_config
def test_gradients_reach_every_parameter(options):
    network = build(options)
    source, target = make_batch()
    labels = make_labels(target)
    network.loss(source, SOURCE_LENGTHS, target, labels, 0.1).backward()
    unreached = [
        name
        for name, parameter in network.named_parameters()
        if parameter.grad is None or not parameter.grad.any()
    ]
    assert unreached == []


def test_coverage_loss_is_what_is_attended_to_again():
    network = build({})
    source, target = make_batch()
    labels = make_labels(target)
    _, weights = network.readout(source, SOURCE_LENGTHS, target)
    again = torch.zeros((), dtype=torch.double)
    for row in range(3):
        before = torch.zeros(6, dtype=torch.double)
        for t in range(TARGET_LENGTHS[row]):
            again = again + torch.minimum(weights[row, t], before).sum()
            before = before + weights[row, t]
    plain, found = (
        network.loss(source, SOURCE_LENGTHS, target, labels, 0.1, weight) for weight in (0.0, 0.7)
    )
    assert again > 1
    assert_equal(found - plain, 0.7 * again)


@every_config
def test_loss_is_that_of_the_logits(options):
    network = build(options)
    source, target = make_batch()
    labels = make_labels(target)
    smoothing = 0.0 if network.config.copying else 0.1  # smoothing looks at the softmax alone
    expected = torch.nn.functional.cross_entropy(
        network(source, SOURCE_LENGTHS, target).flatten(0, 1),
        labels.flatten(),
        label_smoothing=smoothing,
        reduction="sum",
    )
    found = network.loss(source, SOURCE_LENGTHS, target, labels, smoothing)
    assert_equal(found, expected)
    parameters = list(network.parameters())
    for one, other in zip(
        torch.autograd.grad(found, parameters),
        torch.autograd.grad(expected, parameters),
        strict=True,
    ):
        assert_equal(one, other)


@pytest.mark.parametrize(
    "options",
    [
        {"dropout": 0.4},
        {"dropout": 0.4, "locked_dropout": True},
        {"recurrent_dropout": 0.4},
        {"recurrent_dropout": 0.4, "cell": "gru"},
        {"word_dropout": 0.3},
    ],
    ids=str,
)
def test_dropout_works_in_training_only(options):
    network = build(options)
    source, target = make_batch()
    training = [network(source, SOURCE_LENGTHS, target) for _ in range(2)]
    assert not training[0].allclose(training[1])
    expected = build({"cell": options.get("cell", "lstm")})(source, SOURCE_LENGTHS, target)
    assert_equal(network.eval()(source, SOURCE_LENGTHS, target), expected)


def learn_to_copy(init_scale, seed=2):
    """Copy sources in which a piece has 3 successors -> loss, attention's entropy and accuracy.

    A language model of the target alone cannot get below ln 3 nats a piece. Entropy is a share of
    that of uniform attention; accuracy is the weight that lies on the piece to copy.
    """
    torch.manual_seed(seed)
    vocab_size, length, rows = 30, 20, 16
    config = NetworkConfig(
        embedding_size=64, hidden_size=64, decoder_layers=2, dropout=0.0, init_scale=init_scale
    )
    network = EncoderDecoder(config, vocab_size, vocab_size)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.003)
    successors = torch.randint(2, vocab_size, (vocab_size, 3))
    for _ in range(120):
        source = torch.randint(2, vocab_size, (rows, length))
        for t in range(1, length):
            source[:, t] = successors[source[:, t - 1], torch.randint(3, (rows,))]
        target = source.roll(1, 1)
        target[:, 0] = BOS
        output = network.decoder(
            target.unsqueeze(1), network.start(source, torch.full((rows,), length))
        )
        loss = network.decoder.output.loss(output.readout, source, 0.0) / source.numel()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    weights = output.weights[:, 0].detach()  # (B, T, S)
    entropy = torch.special.entr(weights).sum(-1).mean() / math.log(length)
    accuracy = weights.diagonal(dim1=1, dim2=2).mean()
    return loss.item(), entropy.item(), accuracy.item()


def test_fused_decoder_aligns_early():
    loss, entropy, accuracy = learn_to_copy(NetworkConfig().init_scale)
    assert loss < 0.5
    assert entropy < 0.48
    assert accuracy > 0.36


def test_a_small_start_aligns_late():
    loss, entropy, accuracy = learn_to_copy(init_scale=0.1)
    assert loss > 0.8
    assert entropy > 0.48
    assert accuracy < 0.36


# --- encoder and bridge ---


@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_bridge_starts_from_the_hidden_states_at_each_rows_end(cell, bidirectional):
    network = build({"cell": cell, "bidirectional": bidirectional, "encoder_layers": 2})
    stack = network.encoder.stack
    twin = {"lstm": nn.LSTM, "gru": nn.GRU}[cell](
        6, stack.hidden_size, 2, batch_first=True, bidirectional=bidirectional
    ).double()
    weights = {}
    for modules, suffix in ((stack.forwards, ""), (stack.backwards, "_reverse")):
        for layer, module in enumerate(modules):
            for name, value in module.named_parameters():
                weights[name.replace("_l0", f"_l{layer}{suffix}")] = value.detach()
    twin.load_state_dict(weights)

    source, _ = make_batch()
    packed = pack_padded_sequence(
        network.encoder.embedding(source), SOURCE_LENGTHS, batch_first=True, enforce_sorted=False
    )
    _, hidden = twin(packed)
    hidden = hidden[0] if cell == "lstm" else hidden  # (layers * D, B, H)
    expected = hidden.unflatten(0, (2, -1)).permute(2, 0, 1, 3).flatten(2)
    encoded = network.encoder(source, SOURCE_LENGTHS)
    assert_close(encoded.last, expected)

    linear = network.decoder.bridge.linear
    first = torch.tanh(expected.flatten(1) @ linear.weight.T + linear.bias)
    assert_close(network.decoder.start(encoded, source).recurrent.flatten(1), first)


@pytest.mark.parametrize("window", [1, 2, 4, 6, 9])
def test_windows_are_read_each_for_itself(window):
    network = build({"window": window})
    source, _ = make_batch()
    encoded = network.encoder(source, SOURCE_LENGTHS)
    whole = build({})
    for row, length in enumerate(SOURCE_LENGTHS.tolist()):
        parts = source[row : row + 1, :length].split(window, 1)
        alone = [whole.encoder(part, torch.tensor([part.size(1)])) for part in parts]
        assert_equal(encoded.memory[row, :length], torch.cat([one.memory[0] for one in alone]))
        assert_equal(encoded.last[row], torch.stack([one.last[0] for one in alone]).mean(0))


def test_encoder_mask_is_true_at_real_pieces():
    source, _ = make_batch()
    mask = build({}).encoder(source, SOURCE_LENGTHS).mask
    assert mask.tolist() == [[t < length for t in range(6)] for length in SOURCE_LENGTHS.tolist()]


# --- building ---


@pytest.mark.parametrize("cell", ["rnn_relu", "gru", "lstm"])
def test_weights_from_state_to_state_start_as_asked_for(cell):
    for start in ("orthogonal", "identity"):
        for module in build({"cell": cell, "recurrent_start": start}).modules():
            if isinstance(module, Cell):
                weights: Any = module.weight_hh_l0
                for gate in weights.split(module.hidden_size):
                    product = gate @ gate.T if start == "orthogonal" else gate
                    expected = torch.eye(len(gate), dtype=torch.double)
                    assert_close(product, expected, rtol=0, atol=1e-5)  # they start in float32


@pytest.mark.parametrize("cell", [name for name in CELLS if load_cell(name).keep_gates])
def test_forget_bias_keeps_the_state(cell):
    layers = 0
    config = NetworkConfig(cell=cell, forget_bias=2.0, hidden_size=8)
    for module in EncoderDecoder(config, 9, 9).double().modules():
        if not isinstance(module, Cell):
            continue
        layers += 1
        for name, weight in module.named_parameters():
            if "weight" in name:
                nn.init.zeros_(weight)
        shape = 1, module.state_parts, module.hidden_size
        before = torch.full(shape, 0.5, dtype=torch.double)
        inputs = torch.zeros(1, 3, module.input_size, dtype=torch.double)
        _, after = module.run(inputs, before)
        kept = 1 / (1 + math.exp(-2.0))
        assert_close(after[:, -1], before[:, -1] * kept**3, rtol=1e-6, atol=0)
    assert layers == 3  # both directions of the encoder, and the decoder


@pytest.mark.parametrize("tied", [True, False])
def test_tied_readout_shares_the_target_embeddings(tied):
    decoder = build({"tied_readout": tied}).decoder
    assert (decoder.output.weight is decoder.embedding.weight) is tied


@every_config
def test_a_seed_decides_every_weight(options, monkeypatch):
    # memory that nobody initialized is NaN here, so that it cannot pass for a weight
    monkeypatch.setattr(torch.utils.deterministic, "fill_uninitialized_memory", True)
    torch.use_deterministic_algorithms(True)
    try:
        first, again, other = build(options, 5), build(options, 5), build(options, 6)
    finally:
        torch.use_deterministic_algorithms(False)
    for name, weight in first.state_dict().items():
        assert bool(weight.isfinite().all()), name
        assert torch.equal(weight, again.state_dict()[name]), name
    assert not torch.equal(first.encoder.embedding.weight, other.encoder.embedding.weight)


def test_weights_start_within_the_documented_bounds():
    config = NetworkConfig(embedding_size=64, hidden_size=100, tied_readout=False, init_scale=1.5)
    network = EncoderDecoder(config, SOURCE_VOCAB, TARGET_VOCAB)
    for name, weight in network.named_parameters():
        if "embedding" in name or name == "decoder.output.weight":
            assert 0.9 / 8 < weight.std() < 1.1 / 8, name
        elif "bias" in name:
            assert not weight.any(), name
        else:
            bound = 1.5 / math.sqrt(weight.size(1))
            assert 0.95 * bound < weight.abs().max() <= bound, name


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"cell": "elman"},
            "network.cell: 'elman', expected one of rnn_tanh, rnn_relu, lstm, gru, min_gru, min_lstm, sru,"
            " ssru, transformer, or the import path of a class, as mypackage.MyCell",
        ),
        (
            {"cell": "ssru", "recurrent_dropout": 0.1},
            "network.cell: ssru has no weights from state to state; leave out network.recurrent_dropout and"
            " network.recurrent_start",
        ),
        (
            {"cell": "rnn_tanh", "forget_bias": 1.0},
            "network.forget_bias: rnn_tanh has no gate that keeps a state; leave the option out",
        ),
        ({"window": 0}, "network.window: 0, expected at least 1"),
        (
            {"attention": "none"},
            "network.attention: 'none', expected one of dot, general, additive, multi_head",
        ),
        ({"embedding_size": 0}, "network.embedding_size: 0, expected at least 1"),
        ({"hidden_size": -2}, "network.hidden_size: -2, expected at least 1"),
        ({"encoder_layers": 0}, "network.encoder_layers: 0, expected at least 1"),
        ({"decoder_layers": 0}, "network.decoder_layers: 0, expected at least 1"),
        ({"heads": 0}, "network.heads: 0, expected at least 1"),
        (
            {"input_feeding": True, "locked_dropout": True},
            "network.input_feeding: goes step by step and would draw anew at each; leave out"
            " network.locked_dropout and network.recurrent_dropout",
        ),
        ({"readout_size": 0}, "network.readout_size: 0, expected at least 1"),
        (
            {"readout_size": 8},
            "network.readout_size: 8, but a readout tied to the embeddings is as wide as they are, 256;"
            " set network.tied_readout to false",
        ),
        ({"dropout": 1.0}, "network.dropout: 1.0, expected at least 0 and less than 1"),
        ({"word_dropout": -0.1}, "network.word_dropout: -0.1, expected at least 0 and less than 1"),
        ({"init_scale": 0.0}, "network.init_scale: 0.0, expected more than 0 and at most 1,000"),
        (
            {"hidden_size": 7},
            "network.hidden_size: 7, expected an even number: a bidirectional encoder gives each"
            " direction half of it",
        ),
        (
            {"hidden_size": 10, "attention": "multi_head", "heads": 4},
            "network.heads: 4 heads cannot share network.hidden_size 10; choose a divisor",
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_wrong_config_says_what_was_expected(options, message):
    with pytest.raises(ConfigError) as caught:
        NetworkConfig(**options)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "options",
    [
        {"hidden_size": 7, "bidirectional": False},
        {"hidden_size": 10, "heads": 4},
        {"hidden_size": 12, "heads": 3, "attention": "multi_head"},
        {"dropout": 0.0, "word_dropout": 0.99, "init_scale": 1e-9},
    ],
    ids=str,
)
def test_sound_configs_are_accepted(options):
    NetworkConfig(**options)
