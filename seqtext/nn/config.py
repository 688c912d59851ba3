"""The typed description of a network. It and the weights are enough to build the network again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from seqtext.errors import ConfigError
from seqtext.nn.cells.registry import CELLS, TRANSFORMER, check_name, load_cell
from seqtext.values import Range, check_fields

if TYPE_CHECKING:
    from seqtext.nn.cells.contract import Cell

RecurrentStart = Literal["scaled", "orthogonal", "identity"]
AttentionKind = Literal["dot", "general", "additive", "multi_head"]
Pooling = Literal["last", "max", "mean", "attention"]

# A network beyond these sizes fits into no memory, and a file that claims one is damaged.
Width = Annotated[int, Range(1, 65_536)]
Layers = Annotated[int, Range(1, 256)]
Window = Annotated[int, Range(1, 1_000_000_000)]
Probability = Annotated[float, Range(0, below=1)]


@dataclass(frozen=True, kw_only=True)
class EncoderConfig:
    """Sizes and kinds of an encoder, and how its weights start.

    Args:
        cell: Recurrent cell: a plain RNN (``rnn_tanh``, ``rnn_relu``), ``lstm`` or ``gru``. The gates of
            ``min_gru``, ``min_lstm``, ``sru`` and ``ssru`` read the input alone. They train without
            products in time. Your own class goes by its import path, as ``mypackage.MyCell``. The
            baseline ``transformer`` has PyTorch's layers and no recurrence.
        embedding_size: Width of embeddings.
        hidden_size: Width of the encoder's output, both directions together.
        encoder_layers: Layers of the encoder.
        heads: Heads of a ``transformer``, and of ``multi_head`` attention.
        bidirectional: Whether the encoder reads in both directions, each ``hidden_size / 2`` wide.
        window: Read the source in windows of so many pieces, each for itself. For sources of hundreds of
            pieces. All windows of a source are read at once, and a piece is as fast as in a short source.
            Default: read it as a whole.
        carry_state: Begin each window with the last state of the window before, and cut the gradient
            between them. This is truncated back-propagation through time (Williams & Peng 1990), for texts
            of thousands of pieces. The backward pass computes each window again instead of keeping it. For
            encoders that read in one direction.
        residual: Add the input of a recurrent layer to its output where the widths agree: from the
            encoder's second layer on.
        layer_norm: Normalize the output of every recurrent layer (Ba et al. 2016).
        dropout: Probability of dropping a value of embeddings, between layers, and of the output.
        locked_dropout: Drop the same values at all positions of a row (Gal & Ghahramani 2016) instead of
            others at each. Each ``window`` draws anew.
        recurrent_dropout: Probability of dropping a weight from state to state, for a whole batch
            (Merity et al. 2018, section 2). With ``carry_state`` each window of it draws anew.
        word_dropout: Probability of dropping a position's whole embedding (Sennrich & Zhang 2019).
        init_scale: Weights start uniform within +-(init_scale / sqrt(fan-in)), embeddings with
            standard deviation 1 / sqrt(embedding_size).
        recurrent_start: How weights from state to state start. With ``scaled`` they start like the others.
            With ``orthogonal`` the matrix of each gate is orthogonal. With ``identity`` it is the identity
            (Le et al. 2015, for ``rnn_relu``).
        forget_bias: Initial bias of the gate that keeps the state, for cells with such a gate. The gate
            keeps sigmoid(forget_bias) of the state per step. Use 0 for text, about log T to remember T
            steps (Gers et al. 2000, Tallec & Ollivier 2018).

    Raises:
        ConfigError: A value is out of range, or two contradict each other.
    """

    cell: str = "lstm"
    embedding_size: Width = 256
    hidden_size: Width = 512
    encoder_layers: Layers = 1
    heads: Width = 4
    bidirectional: bool = True
    window: Window | None = None
    carry_state: bool = False
    residual: bool = False
    layer_norm: bool = False
    dropout: Probability = 0.3
    locked_dropout: bool = False
    recurrent_dropout: Probability = 0.0
    word_dropout: Probability = 0.0
    init_scale: Annotated[float, Range(most=1000, above=0)] = 2.2
    recurrent_start: RecurrentStart = "scaled"
    forget_bias: Annotated[float, Range(-1000, 1000)] = 0.0

    def __post_init__(self) -> None:
        check_fields(self, "network.")
        check_name(self.cell)
        if not self.is_recurrent:
            self._check_transformer()
        elif self.cell in CELLS and (self._sets_recurrent_weights or self.forget_bias):
            # at once for built-in cells alone: a foreign class is imported with consent, and any class
            # needs torch
            self.cell_class()
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

    @property
    def is_recurrent(self) -> bool:
        """Whether the network has recurrent cells, and is no Transformer."""
        return self.cell != TRANSFORMER

    @property
    def _sets_recurrent_weights(self) -> bool:
        return self.recurrent_dropout > 0 or self.recurrent_start != "scaled"

    def check_cell(self) -> None:
        """Load the class of the recurrent cell, if there is one. See ``cell_class``."""
        if self.is_recurrent:
            self.cell_class()

    def cell_class(self) -> type[Cell]:
        """The class of the recurrent cell. One from outside of seqtext is imported and checked.

        Raises:
            ConfigError: It cannot be imported, breaks the contract, or has no use for an option.
        """
        cell = load_cell(self.cell)
        if self._sets_recurrent_weights and not cell.recurrent_weights:
            raise ConfigError(
                f"network.cell: {self.cell} has no weights from state to state; leave out"
                " network.recurrent_dropout and network.recurrent_start"
            )
        if self.forget_bias and not cell.keep_gates:
            raise ConfigError(
                f"network.forget_bias: {self.cell} has no gate that keeps a state; leave the option out"
            )
        return cell

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
        if self.forget_bias:
            raise ConfigError("network.forget_bias: transformer has no gate that keeps a state")
        self._check_heads()

    def _check_heads(self) -> None:
        if self.hidden_size % self.heads:
            raise ConfigError(
                f"network.heads: {self.heads} heads cannot share network.hidden_size"
                f" {self.hidden_size}; choose a divisor"
            )


@dataclass(frozen=True, kw_only=True)
class NetworkConfig(EncoderConfig):
    """Sizes and kinds of an encoder-decoder with attention.

    The options of ``EncoderConfig`` hold for the decoder too: its cell, width, dropout and start. With a
    much smaller ``init_scale`` than the default, a fused decoder aligns late.

    Args:
        decoder_layers: Layers of the decoder. The first layer queries the memory. The others read its
            output and the context, so that they know where the attention has been.
        attention: How the decoder scores the memory: ``dot``, ``general``, ``additive`` or
            ``multi_head``.
        input_feeding: Feed each step's readout into the next one (Luong et al. 2015, section 3.3).
            Slower, for training then needs a loop over the target.
        readout_size: Width of the readout, which the output layer turns into logits. Default:
            ``embedding_size``, which ``tied_readout`` needs.
        tied_readout: Use the target embeddings as weights of the output layer (Press & Wolf 2017).
        copying: Mix the output distribution with the attention, which copies pieces of the source
            (See et al. 2017, eq. 8 and 9).
        coverage: Show the attention how much it has attended to each position before (See et al. 2017,
            eq. 11). With ``input_feeding`` that is the sum of its weights. Without, all queries are answered
            at once, and the weights come from a first pass without coverage.

    Raises:
        ConfigError: A value is out of range, or two contradict each other.
    """

    decoder_layers: Layers = 1
    attention: AttentionKind = "general"
    input_feeding: bool = False
    readout_size: Width | None = None
    tied_readout: bool = True
    copying: bool = False
    coverage: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
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
        if not self.is_recurrent:
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
        pooling: How the encoder's outputs become one vector. ``last`` takes the last states of both
            directions. ``max`` and ``mean`` go over the text, unit by unit. ``attention`` is a weighted sum
            (Yang et al. 2016, eq. 5 to 7).
        character_ngrams: Longest n-gram of characters whose embedding joins the vector of the text. The
            shortest has two characters. Use 5 for few texts a label. 0 reads none.
        ngram_buckets: Embeddings of n-grams. A hash chooses the embedding of each n-gram.

    Raises:
        ConfigError: A value is out of range, or two contradict each other.
    """

    pooling: Pooling = "max"
    character_ngrams: Annotated[int, Range(0, 32)] = 0
    ngram_buckets: Annotated[int, Range(1, 2**24)] = 2**14

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.pooling == "last" and (
            not self.is_recurrent or (self.window is not None and not self.carry_state)
        ):
            raise ConfigError(
                "network.pooling: last states know a text where a recurrence has read all of it; choose max,"
                " mean or attention with network.window (without carry_state) or a transformer"
            )
