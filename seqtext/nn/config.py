"""The typed description of a network: all that is needed, with the weights, to build it again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from seqtext.errors import ConfigError
from seqtext.values import check_fields

LinearCell = Literal["min_gru", "min_lstm", "sru", "ssru"]  # see linear_recurrence.py
LINEAR_CELLS = get_args(LinearCell)
RecurrentCell = Literal["rnn_tanh", "rnn_relu", "lstm", "gru", LinearCell]
Cell = Literal[RecurrentCell, "transformer"]
RecurrentStart = Literal["scaled", "orthogonal", "identity"]
AttentionKind = Literal["dot", "general", "additive", "multi_head"]
Pooling = Literal["last", "max", "mean", "attention"]

# Largest values. A network beyond them fits into no memory, and a file that claims one is damaged.
_LARGEST = {
    "embedding_size": 65_536,
    "hidden_size": 65_536,
    "readout_size": 65_536,
    "heads": 65_536,
    "encoder_layers": 256,
    "decoder_layers": 256,
    "window": 1_000_000_000,
}


@dataclass(frozen=True, kw_only=True)
class EncoderConfig:
    """Sizes and kinds of an encoder, and how its weights start.

    Args:
        cell: Recurrent cell: a plain RNN (``rnn_tanh``, ``rnn_relu``), ``lstm``, ``gru``, or one whose gates
            read the input alone (``min_gru``, ``min_lstm``, ``sru``, ``ssru``), which trains without
            products in time. Or no recurrence: ``transformer``, PyTorch's layers, as a baseline.
        embedding_size: Width of embeddings.
        hidden_size: Width of the encoder's output, both directions together.
        encoder_layers: Layers of the encoder.
        heads: Heads of a ``transformer``, and of ``multi_head`` attention.
        bidirectional: Whether the encoder reads in both directions, each ``hidden_size / 2`` wide.
        window: Read the source in windows of so many pieces, each for itself, for sources of hundreds of
            pieces: as many windows are read at once as a source has, and a piece is as fast as in a
            short one. Default: read it as a whole.
        carry_state: Begin each window with the state that the one before ended with, and cut the gradient
            between them: truncated back-propagation through time (Williams & Peng 1990), for texts of
            thousands of pieces. What a window has computed is not kept but computed again for the
            gradient. For encoders that read in one direction.
        residual: Add the input of a recurrent layer to its output where the widths agree: from the
            encoder's second layer on.
        layer_norm: Normalize the output of every recurrent layer (Ba et al. 2016).
        dropout: Probability of dropping a value of embeddings, of what passes from layer to layer, and of
            the output.
        locked_dropout: Drop the same values at all positions of a row (Gal & Ghahramani 2016) instead of
            others at each; in each ``window`` anew.
        recurrent_dropout: Probability of dropping a weight from state to state, for a whole batch
            (with ``carry_state`` for each window of it; Merity et al. 2018, section 2).
        word_dropout: Probability of dropping a position's whole embedding (Sennrich & Zhang 2019).
        init_scale: Weights start uniform within +-(init_scale / sqrt(fan-in)); embeddings with
            standard deviation 1 / sqrt(embedding_size).
        recurrent_start: How weights from state to state start: like the others (``scaled``), as an
            ``orthogonal`` matrix (of each gate), or as the ``identity`` (Le et al. 2015, for ``rnn_relu``).
        forget_bias: What the gate that keeps the state starts with, of any cell that has one: a share of
            sigmoid(forget_bias) is kept from step to step. Texts want 0; to remember over T steps it takes
            about log T (Gers et al. 2000; Tallec & Ollivier 2018).

    Raises:
        ConfigError: A value is out of range, or two contradict each other.
    """

    cell: Cell = "lstm"
    embedding_size: int = 256
    hidden_size: int = 512
    encoder_layers: int = 1
    heads: int = 4
    bidirectional: bool = True
    window: int | None = None
    carry_state: bool = False
    residual: bool = False
    layer_norm: bool = False
    dropout: float = 0.3
    locked_dropout: bool = False
    recurrent_dropout: float = 0.0
    word_dropout: float = 0.0
    init_scale: float = 2.2
    recurrent_start: RecurrentStart = "scaled"
    forget_bias: float = 0.0

    def __post_init__(self) -> None:
        check_fields(self, "network.")
        self._check_sizes("embedding_size", "hidden_size", "encoder_layers", "heads", "window")
        for name in ("dropout", "recurrent_dropout", "word_dropout"):
            if not 0 <= (value := getattr(self, name)) < 1:
                raise ConfigError(f"network.{name}: {value}, expected 0 <= {name} < 1")
        if not 0 < self.init_scale <= 1000:
            raise ConfigError(
                f"network.init_scale: {self.init_scale}, expected 0 < init_scale <= 1000"
            )
        if not -1000 <= self.forget_bias <= 1000:
            raise ConfigError(f"network.forget_bias: {self.forget_bias}, expected -1000 to 1000")
        if self.cell in LINEAR_CELLS and (
            self.recurrent_dropout or self.recurrent_start != "scaled"
        ):
            raise ConfigError(
                f"network.cell: {self.cell} has no weights from state to state; leave out"
                " network.recurrent_dropout and network.recurrent_start"
            )
        if self.forget_bias and self.cell in ("rnn_tanh", "rnn_relu", "transformer"):
            raise ConfigError(f"network.forget_bias: {self.cell} has no gate that keeps a state")
        if self.cell == "transformer":
            self._check_transformer()
        if self.carry_state and (self.window is None or self.bidirectional):
            raise ConfigError(
                "network.carry_state: goes from window to window in one direction; set network.window, and"
                " network.bidirectional to false"
            )
        if self.bidirectional and self.hidden_size % 2:
            raise ConfigError(
                f"network.hidden_size: {self.hidden_size}, expected an even number: a bidirectional"
                " encoder gives each direction half of it"
            )

    def _check_transformer(self) -> None:
        for name in ("residual", "layer_norm", "recurrent_dropout", "locked_dropout"):
            if getattr(self, name):
                raise ConfigError(
                    f"network.{name}: transformer has ways of its own; leave the option out"
                )
        if self.recurrent_start != "scaled":
            raise ConfigError(
                "network.recurrent_start: transformer has no weights from state to state"
            )
        if not self.bidirectional:
            raise ConfigError("network.bidirectional: transformer always reads both ways")
        self._check_heads()

    def _check_heads(self) -> None:
        if self.hidden_size % self.heads:
            raise ConfigError(
                f"network.heads: {self.heads} heads cannot share network.hidden_size"
                f" {self.hidden_size}; choose a divisor"
            )

    def _check_sizes(self, *names: str) -> None:
        for name in names:
            if (value := getattr(self, name)) is None:
                continue
            if value < 1:
                raise ConfigError(f"network.{name}: {value}, expected at least 1")
            if value > _LARGEST[name]:
                raise ConfigError(f"network.{name}: {value}, expected at most {_LARGEST[name]:,}")


@dataclass(frozen=True, kw_only=True)
class NetworkConfig(EncoderConfig):
    """Sizes and kinds of an encoder-decoder with attention.

    What is said of the encoder in ``EncoderConfig`` goes for the decoder too: its cell and state have the
    same kind and width, and it drops and starts likewise. A much smaller ``init_scale`` than the default
    and a fused decoder aligns late.

    Args:
        decoder_layers: Layers of the decoder. The first one queries the memory; the others read its
            output and the context, so that they know where the attention has been.
        attention: How the decoder scores the memory: ``dot``, ``general``, ``additive`` or
            ``multi_head``.
        input_feeding: Feed each step's readout into the next one (Luong et al. 2015, section 3.3).
            Slower: training then needs a loop over the target.
        readout_size: Width of the readout, which the output layer turns into logits. Default:
            ``embedding_size``, as ``tied_readout`` needs it.
        tied_readout: Use the target embeddings as weights of the output layer (Press & Wolf 2017).
        copying: Mix the output distribution with the attention, so that pieces of the source can be copied
            (See et al. 2017, eq. 8 and 9).
        coverage: Show the attention how much it has attended to each position before (See et al. 2017,
            eq. 11). With ``input_feeding`` that is the sum of its weights; without, where all queries
            are answered at once, the sum of the weights that a first pass without it gives.

    Raises:
        ConfigError: A value is out of range, or two contradict each other.
    """

    decoder_layers: int = 1
    attention: AttentionKind = "general"
    input_feeding: bool = False
    readout_size: int | None = None
    tied_readout: bool = True
    copying: bool = False
    coverage: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_sizes("decoder_layers", "readout_size")
        if self.input_feeding and (self.locked_dropout or self.recurrent_dropout):
            raise ConfigError(
                "network.input_feeding: goes step by step and would draw anew at each; leave out"
                " network.locked_dropout and network.recurrent_dropout"
            )
        if self.tied_readout and self.readout_size not in (None, self.embedding_size):
            raise ConfigError(
                f"network.readout_size: {self.readout_size}, but a readout tied to the embeddings is as"
                f" wide as they are, {self.embedding_size}; set network.tied_readout to false"
            )
        if self.attention == "multi_head":
            self._check_heads()
        if self.cell == "transformer":
            for name in ("input_feeding", "copying", "coverage"):
                if getattr(self, name):
                    raise ConfigError(
                        f"network.{name}: is of recurrent decoders; leave it out, or choose another"
                        " network.cell than transformer"
                    )


@dataclass(frozen=True, kw_only=True)
class ClassifierConfig(EncoderConfig):
    """Sizes and kinds of a text classifier.

    Args:
        pooling: What becomes of the encoder's outputs: the ``last`` states of both directions, each
            unit's ``max``imum or ``mean`` over the text, or their sum weighted by ``attention`` (Yang et
            al. 2016, eq. 5 to 7).

    Raises:
        ConfigError: A value is out of range, or two contradict each other.
    """

    pooling: Pooling = "max"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.pooling == "last" and (
            self.cell == "transformer" or (self.window is not None and not self.carry_state)
        ):
            raise ConfigError(
                "network.pooling: last states know a text where a recurrence has read all of it; choose max,"
                " mean or attention with network.window (without carry_state) or a transformer"
            )
