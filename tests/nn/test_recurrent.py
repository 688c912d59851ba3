"""The recurrent stack against loops written from the cells' equations, and against packed rows."""

import itertools
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.testing import assert_close

from seqtext.nn.cells.registry import CELLS, load_cell
from seqtext.nn.dropout import factors
from seqtext.nn.recurrent import RecurrentStack, at_length, reverse
from tests.support import LOW_PRECISION

NAMES = {load_cell(name): name for name in CELLS}
LINEAR_CELLS = [name for cell, name in NAMES.items() if not cell.recurrent_weights]
GRID = list(itertools.product(CELLS, (False, True), (1, 2)))
LENGTHS = [3, 1, 5, 4]

grid = pytest.mark.parametrize(("cell", "bidirectional", "layers"), GRID)


def build(cell, bidirectional=False, layers=1, *, input_size=3, hidden_size=4, **options):
    torch.manual_seed(0)
    return RecurrentStack(
        load_cell(cell),
        input_size,
        hidden_size,
        layers=layers,
        bidirectional=bidirectional,
        **options,
    ).double()


def name_of(stack):
    return NAMES[type(stack.cell(0))]


def ragged(lengths=LENGTHS, size=3, seed=1):
    """Inputs (B, T, size) with random padding, and lengths (B,)."""
    inputs = torch.randn(
        len(lengths), max(lengths), size, generator=torch.Generator().manual_seed(seed)
    )
    return inputs.double(), torch.tensor(lengths)


# --- the reference: one row, one position, one gate at a time ---


def slow_cell(cell, weights, x, hidden, memory):
    """One position of one row: x (I,), hidden (H,), memory (H,) -> hidden, memory.

    rnn: h' = act(W x + b + U h + c)
    lstm: i, f, o = sigmoid(.), g = tanh(.); m' = f m + i g; h' = o tanh(m')
    gru: r, z = sigmoid(.); n = tanh(W x + b + r (U h + c)); h' = (1 - z) n + z h
    min_gru: z = sigmoid(W x + b); h' = (1 - z) h + z g
    min_lstm: f, i = sigmoid(.); h' = (f h + i g) / (f + i)
    ssru: f = sigmoid(.); m' = f m + (1 - f) g; h' = relu(m')
    sru: f, r = sigmoid(.); m' = f m + (1 - f) g; h' = r m' + (1 - r) p
    """
    if cell in LINEAR_CELLS:
        return slow_linear_cell(cell, weights, x, memory)
    gates = {"lstm": "ifgo", "gru": "rzn"}.get(cell, "h")
    w, u, b, c = (
        dict(zip(gates, weights[f"{name}_l0"].chunk(len(gates)), strict=True))
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )

    def gate(name):
        return w[name] @ x + b[name] + u[name] @ hidden + c[name]

    if cell == "rnn_tanh":
        return torch.tanh(gate("h")), memory
    if cell == "rnn_relu":
        return torch.relu(gate("h")), memory
    if cell == "lstm":
        i, f, o = (torch.sigmoid(gate(name)) for name in "ifo")
        memory = f * memory + i * torch.tanh(gate("g"))
        return o * torch.tanh(memory), memory
    r, z = torch.sigmoid(gate("r")), torch.sigmoid(gate("z"))
    n = torch.tanh(w["n"] @ x + b["n"] + r * (u["n"] @ hidden + c["n"]))
    return (1 - z) * n + z * hidden, memory


def slow_linear_cell(cell, weights, x, memory):
    gates = {"min_gru": "zg", "min_lstm": "fig", "ssru": "fg", "sru": "frgp"}[cell]
    parts = (weights["weight_ih_l0"] @ x + weights["bias_ih_l0"]).chunk(len(gates))
    gate = dict(zip(gates, parts, strict=True))
    on = {name: torch.sigmoid(value) for name, value in gate.items()}
    if cell == "min_gru":
        memory = (1 - on["z"]) * memory + on["z"] * gate["g"]
        return memory, memory
    if cell == "min_lstm":
        memory = (on["f"] * memory + on["i"] * gate["g"]) / (on["f"] + on["i"])
        return memory, memory
    memory = on["f"] * memory + (1 - on["f"]) * gate["g"]
    if cell == "ssru":
        return torch.relu(memory), memory
    return on["r"] * memory + (1 - on["r"]) * gate["p"], memory


def slow_direction(cell, module, row):
    """All positions of one row, in the order given -> one vector a position."""
    hidden = memory = torch.zeros(module.hidden_size, dtype=row[0].dtype)
    outputs = []
    for x in row:
        hidden, memory = slow_cell(cell, dict(module.named_parameters()), x, hidden, memory)
        outputs.append(hidden)
    return outputs


def slow_norm(vector, norm):
    deviation = vector - vector.mean()
    return deviation / (deviation.square().mean() + norm.eps).sqrt() * norm.weight + norm.bias


def slow_stack(stack, row):
    """One row without padding (T, I) -> outputs (T, D * H), last (layers, D * H)."""
    row, last = list(row), []
    for layer in range(stack.layers):
        ahead = slow_direction(name_of(stack), stack.forwards[layer], row)
        outputs, ends = ahead, [ahead[-1]]
        if stack.directions == 2:
            back = slow_direction(name_of(stack), stack.backwards[layer], row[::-1])
            outputs = [torch.cat(pair) for pair in zip(ahead, back[::-1], strict=True)]
            ends.append(back[-1])
        last.append(torch.cat(ends))
        if stack.residual and len(outputs[0]) == len(row[0]):
            outputs = [out + x for out, x in zip(outputs, row, strict=True)]
        if isinstance(stack.norms[layer], nn.LayerNorm):
            outputs = [slow_norm(out, stack.norms[layer]) for out in outputs]
        row = outputs
    return torch.stack(row), torch.stack(last)


def real(outputs, lengths):
    """The vectors at real positions, row after row."""
    return torch.cat([row[:length] for row, length in zip(outputs, lengths, strict=True)])


def gradients(outputs, last, wanted):
    """Of a random linear function of the outputs at real positions and of the last states."""
    generator = torch.Generator().manual_seed(2)
    loss = sum(
        (part * torch.randn(part.shape, generator=generator, dtype=part.dtype)).sum()
        for part in (outputs, last)
    )
    return torch.autograd.grad(loss, wanted)


def check_against_loop(stack, size):
    inputs, lengths = ragged(size=size)
    inputs.requires_grad_()
    fast = stack(inputs, lengths)
    slow = [slow_stack(stack, row[:length]) for row, length in zip(inputs, lengths, strict=True)]
    outputs, last = torch.cat([row[0] for row in slow]), torch.stack([row[1] for row in slow])
    assert_close(real(fast.outputs, lengths), outputs)
    assert_close(fast.last, last)

    wanted = [inputs, *stack.parameters()]
    assert_close(
        gradients(real(fast.outputs, lengths), fast.last, wanted), gradients(outputs, last, wanted)
    )


@grid
def test_equals_a_loop_over_time(cell, bidirectional, layers):
    check_against_loop(build(cell, bidirectional, layers), size=3)


@pytest.mark.parametrize("layer_norm", [False, True])
@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("agree", [True, False], ids=["sizes_agree", "sizes_differ"])
def test_residual_and_layer_norm_equal_a_loop(agree, bidirectional, residual, layer_norm):
    size = (8 if bidirectional else 4) if agree else 3
    stack = build(
        "gru", bidirectional, 2, input_size=size, residual=residual, layer_norm=layer_norm
    )
    with torch.no_grad():
        for norm in stack.norms:
            for parameter in norm.parameters():
                parameter.uniform_(-1, 1)
    check_against_loop(stack, size)


def test_residual_adds_the_input_only_where_sizes_agree():
    inputs, lengths = ragged(size=4)
    plain, residual = (build("lstm", input_size=4, residual=value) for value in (False, True))
    difference = residual(inputs, lengths).outputs - plain(inputs, lengths).outputs
    assert_close(difference, inputs)
    inputs, lengths = ragged(size=3)
    plain, residual = (build("lstm", residual=value) for value in (False, True))
    assert_close(residual(inputs, lengths).outputs, plain(inputs, lengths).outputs)


def test_dropout_comes_between_layers_only():
    inputs, lengths = ragged()
    for layers, dropped in ((1, False), (2, True)):
        stack = build("gru", layers=layers, dropout=0.5)
        trained = stack(inputs, lengths).outputs
        assert bool((trained != 0).all())
        assert trained.allclose(stack.eval()(inputs, lengths).outputs) is not dropped


# --- an outside implementation ---


def packed_twin(stack, input_size):
    """PyTorch's own module, with all layers and directions in one, and the same weights."""
    kind = {"lstm": nn.LSTM, "gru": nn.GRU}.get(name_of(stack), nn.RNN)
    options = {"nonlinearity": name_of(stack).removeprefix("rnn_")} if kind is nn.RNN else {}
    twin = kind(
        input_size,
        stack.hidden_size,
        num_layers=stack.layers,
        bidirectional=stack.directions == 2,
        batch_first=True,
        **options,
    ).double()
    weights = {}
    for modules, suffix in ((stack.forwards, ""), (stack.backwards, "_reverse")):
        for layer, module in enumerate(modules):
            for name, value in module.named_parameters():
                weights[name.replace("_l0", f"_l{layer}{suffix}")] = value.detach()
    twin.load_state_dict(weights)
    return twin


@pytest.mark.parametrize(
    ("cell", "bidirectional", "layers"), [one for one in GRID if one[0] not in LINEAR_CELLS]
)
@pytest.mark.parametrize("lengths", [LENGTHS, [5, 5, 5], [1, 1], [1, 6]], ids=str)
def test_equals_packed_rows(cell, bidirectional, layers, lengths):
    stack = build(cell, bidirectional, layers)
    inputs, lengths = ragged(lengths)
    packed = nn.utils.rnn.pack_padded_sequence(
        inputs, lengths, batch_first=True, enforce_sorted=False
    )
    expected, hidden = packed_twin(stack, 3)(packed)
    expected, _ = nn.utils.rnn.pad_packed_sequence(expected, batch_first=True)
    hidden = hidden[0] if cell == "lstm" else hidden  # (layers * D, B, H)

    found = stack(inputs, lengths)
    assert_close(real(found.outputs, lengths), real(expected, lengths))
    expected_last = hidden.unflatten(0, (layers, -1)).permute(2, 0, 1, 3).flatten(2)
    assert_close(found.last, expected_last)


# --- padding ---


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(GRID),
    st.lists(st.integers(1, 6), min_size=1, max_size=4),
    st.integers(0, 3),
    st.sampled_from([0.0, 1e3, float("nan")]),
)
def test_padding_changes_nothing(kind, lengths, extra, garbage):
    stack = build(*kind)
    inputs, lengths = ragged(lengths)
    found = stack(inputs, lengths)

    padded = nn.functional.pad(inputs, (0, 0, 0, extra))
    for row, length in enumerate(lengths):
        padded[row, length:] = garbage
    again = stack(padded, lengths)
    assert_close(real(again.outputs, lengths), real(found.outputs, lengths), rtol=0, atol=1e-12)
    assert_close(again.last, found.last, rtol=0, atol=1e-12)


@grid
def test_no_gradient_reaches_padding(cell, bidirectional, layers):
    stack = build(cell, bidirectional, layers)
    inputs, lengths = ragged()
    inputs.requires_grad_()
    found = stack(inputs, lengths)
    (gradient,) = gradients(real(found.outputs, lengths), found.last, [inputs])
    assert bool(gradient.any())
    for row, length in zip(gradient, lengths, strict=True):
        assert not bool(row[length:].any())


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 5), min_size=1, max_size=4), st.integers(0, 2))
def test_reverse_turns_each_row_within_its_length(lengths, extra):
    inputs = torch.arange(len(lengths) * (max(lengths) + extra) * 2).view(len(lengths), -1, 2)
    found = reverse(inputs, torch.tensor(lengths))
    for row, expected, length in zip(found, inputs.tolist(), lengths, strict=True):
        assert row.tolist() == expected[:length][::-1] + expected[length:]


def test_at_length_takes_each_rows_last_position():
    outputs = torch.arange(12).view(3, 4, 1)
    assert at_length(outputs, torch.tensor([1, 4, 2])).flatten().tolist() == [0, 7, 9]
    assert at_length(outputs, None).flatten().tolist() == [3, 7, 11]


@grid
def test_no_lengths_means_no_padding(cell, bidirectional, layers):
    stack = build(cell, bidirectional, layers)
    inputs, lengths = ragged([5, 5])
    for found, expected in zip(stack(inputs), stack(inputs, lengths), strict=True):
        assert_close(found, expected, rtol=0, atol=0)


# --- state ---


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("cut", [1, 3])
def test_going_on_from_a_state_equals_running_at_once(cell, layers, cut):
    stack = build(cell, layers=layers, residual=True, layer_norm=True)
    inputs, _ = ragged([5, 5, 5])
    whole = stack(inputs)
    first = stack(inputs[:, :cut])
    second = stack(inputs[:, cut:], None, first.state)
    assert_close(torch.cat([first.outputs, second.outputs], 1), whole.outputs)
    assert_close(second.state, whole.state)
    assert_close(second.last, whole.last)


@pytest.mark.parametrize("cell", CELLS)
def test_each_direction_goes_on_from_its_own_half_of_the_state(cell):
    stack = build(cell, bidirectional=True)
    inputs, _ = ragged([5, 5, 5])
    whole, size = stack(inputs), stack.hidden_size
    left, right = inputs[:, :2], inputs[:, 2:]
    # forwards, the right part comes after the left one; backwards, the left one after the right
    ahead = stack(right, None, stack(left).state).outputs[..., :size]
    assert_close(ahead, whole.outputs[:, 2:, :size])
    back = stack(left, None, stack(right).state).outputs[..., size:]
    assert_close(back, whole.outputs[:, :2, size:])


@grid
def test_state_shows_the_hidden_state_first(cell, bidirectional, layers):
    stack = build(cell, bidirectional, layers)
    inputs, _ = ragged([5, 5])
    found = stack(inputs)
    parts = 2 if cell in ("lstm", "sru", "ssru") else 1
    assert found.state.shape == (2, layers, parts, stack.output_size)
    assert_close(found.state[:, :, 0], found.last)


# --- low precision ---


@pytest.mark.parametrize("device", LOW_PRECISION)
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_runs_under_autocast(cell, bidirectional, device):
    stack = build(cell, bidirectional, 2).float().to(device)
    inputs, lengths = ragged()
    inputs, lengths = inputs.float().to(device), lengths.to(device)
    expected = stack(inputs, lengths, stack(inputs).state)
    with torch.autocast(device, torch.bfloat16):
        found = stack(inputs, lengths, stack(inputs).state)
        loss = real(found.outputs, lengths).float().square().sum()
    if cell not in LINEAR_CELLS and (device == "cuda" or cell != "lstm"):
        assert {part.dtype for part in found} == {torch.float32}
    assert_close(
        real(found.outputs, lengths).float(), real(expected.outputs, lengths), rtol=0.1, atol=0.05
    )
    assert_close(found.last.float(), expected.last, rtol=0.1, atol=0.05)
    for gradient in torch.autograd.grad(loss, list(stack.parameters())):
        assert bool(gradient.isfinite().all())


@pytest.mark.parametrize("device", LOW_PRECISION)
@pytest.mark.parametrize("cell", ["rnn_tanh", "rnn_relu", "lstm", "gru"])
def test_recurrent_dropout_under_autocast(cell, device):
    stack = RecurrentStack(load_cell(cell), 3, 4, recurrent_dropout=0.5).to(device)
    with torch.autocast(device, torch.bfloat16):
        found = stack(torch.randn(2, 6, 3, device=device))
    assert bool(found.outputs.isfinite().all())
    if device == "cuda" or cell != "lstm":
        assert {part.dtype for part in found} == {torch.float32}


@pytest.mark.parametrize("cell", ["rnn_tanh", "rnn_relu", "lstm", "gru"])
def test_recurrent_dropout_drops_weights_from_state_to_state(cell):
    """The same as a network whose weights are what dropout has left of them."""
    torch.manual_seed(0)
    stack = RecurrentStack(load_cell(cell), 3, 4, recurrent_dropout=0.5).double()
    inputs = torch.randn(2, 6, 3, dtype=torch.double)
    state = torch.randn(2, 1, stack.state_parts, 4, dtype=torch.double)
    torch.manual_seed(1)
    found = stack(inputs, None, state)
    [module] = stack.forwards
    torch.manual_seed(1)
    weights: Any = module.weight_hh_l0
    left = factors(weights.shape, 0.5, weights)
    assert 0 < (left == 0).sum() < left.numel()
    with torch.no_grad():
        weights.mul_(left)
    for one, other in zip(found, stack.eval()(inputs, None, state), strict=True):
        torch.testing.assert_close(one, other)
