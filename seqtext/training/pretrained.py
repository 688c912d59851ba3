"""Starting from another model: its network, its weights, or some parts of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection

import torch
from torch import Tensor, nn

from seqtext.checkpoint import Model
from seqtext.data.tokenizer import Tokenizer, Tokenizers
from seqtext.errors import ConfigError
from seqtext.nn.config import EncoderConfig, NetworkConfig
from seqtext.training.config import Part

# with other values of these the weights fit all the same
_FREE = (
    "dropout",
    "locked_dropout",
    "recurrent_dropout",
    "word_dropout",
    "init_scale",
    "recurrent_start",
    "forget_bias",
)


def part_of(parameter: str) -> Part:
    """The part of a network that a parameter belongs to, by its name.

    >>> part_of("decoder.embedding.weight"), part_of("decoder.readout.bias")
    ('embeddings', 'decoder')
    """
    side, _, rest = parameter.partition(".")
    inner = rest.partition(".")[0]
    if inner == "embedding":
        return "embeddings"
    if side == "encoder":
        return "encoder"
    return "attention" if inner == "attention" else "output" if inner == "output" else "decoder"


def freeze(network: nn.Module, parts: Collection[str]) -> None:
    """Leave the weights of some parts as they are.

    A tied output layer has the embeddings' weights, and is frozen with them.
    """
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(part_of(name) not in parts)


# --- the network ----------------------------------------------------------------------------------------


def refuse_other_network(saved: EncoderConfig, wanted: EncoderConfig) -> None:
    """Compare the network of a checkpoint with the configured one.

    Raises:
        ConfigError: They differ; names every field, what the checkpoint has and what was given.
    """
    if type(saved) is not type(wanted):
        raise ConfigError(
            f"the checkpoint's network is described by {type(saved).__name__}, and the run trains one of"
            f" {type(wanted).__name__}; go on with the recipe that the checkpoint is of"
        )
    _refuse(
        saved,
        {name: value for name, value in vars(wanted).items() if name not in _FREE},
        "a checkpoint's network cannot be changed",
        "or start a new run",
    )


def inherit(saved: NetworkConfig, given: NetworkConfig) -> NetworkConfig:
    """The network of a checkpoint, with what was given for training.

    Args:
        saved: The checkpoint's.
        given: The options; what is at its default there was not given.

    Raises:
        ConfigError: An option contradicts the checkpoint.
    """
    default = vars(NetworkConfig())
    chosen = {name: value for name, value in vars(given).items() if value != default[name]}
    _refuse(
        saved,
        {name: value for name, value in chosen.items() if name not in _FREE},
        "model.init_from takes the network from the checkpoint",
        "or choose parts of it with model.init_parts",
    )
    return dataclasses.replace(saved, **chosen)


def _refuse(saved: EncoderConfig, wanted: dict[str, object], why: str, otherwise: str) -> None:
    there = vars(saved)
    changed = [
        f"network.{name}: the checkpoint has {there[name]!r}, given is {value!r}"
        for name, value in wanted.items()
        if there[name] != value
    ]
    if changed:
        raise ConfigError(f"{why}; {'; '.join(changed)}. Leave these options out, {otherwise}")


# --- the weights ----------------------------------------------------------------------------------------


@torch.no_grad()
def load_parts(
    network: nn.Module, tokenizers: Tokenizers, model: Model, parts: Collection[str]
) -> dict[str, float]:
    """Copy the weights of some parts of a model.

    Embeddings and output layer are copied piece by piece, so that vocabularies may differ. A piece that
    the model does not have gets the mean of those that it is made of there.

    Args:
        network: Copied into.
        tokenizers: Of ``network``.
        model: Copied from.
        parts: Names of parts.

    Returns:
        For each side whose pieces were looked for, the share of them that the model has.

    Raises:
        ConfigError: A part has another shape in the model.
    """
    sides = {
        side: _same_pieces(getattr(tokenizers, side), getattr(model.tokenizers, side))
        for side in ("source", "target")
    }
    made_of = {
        side: _missing_pieces(getattr(tokenizers, side), getattr(model.tokenizers, side), here)
        for side, (here, _) in sides.items()
    }
    shares = {}
    for name, weight in network.state_dict().items():
        part = part_of(name)
        if part not in parts or name == "copy_ids":  # they depend on the tokenizers alone
            continue
        by_piece = part in ("embeddings", "output")
        saved = _saved_weight(model, name, weight, by_piece)
        if not by_piece:
            weight.copy_(saved)
            continue
        side = "source" if name.startswith("encoder.") else "target"
        here, saved_ids = sides[side]
        weight[here] = saved[saved_ids]
        for piece, saved_parts in made_of[side].items():
            weight[piece] = saved[saved_parts].mean(0)
        shares[side] = len(here) / getattr(tokenizers, side).vocab_size
    return shares


def _saved_weight(model: Model, name: str, weight: Tensor, by_piece: bool) -> Tensor:
    """The model's weight of a name. With ``by_piece`` it may have another number of rows.

    Raises:
        ConfigError: It does not fit ``weight``.
    """
    saved = model.weights.get(name)
    if saved is None or saved.shape[by_piece:] != weight.shape[by_piece:]:
        shape = "nothing of that name" if saved is None else tuple(saved.shape)
        raise ConfigError(
            f"model.init_parts: {part_of(name)} of the checkpoint does not fit: {name} is"
            f" {tuple(weight.shape)} here, there it is {shape}; give the network options that the"
            " checkpoint was trained with"
        )
    return saved


def _same_pieces(here: Tokenizer, there: Tokenizer) -> tuple[Tensor, Tensor]:
    """Ids of the pieces that both have, in either."""
    ids = torch.tensor(list(here.shared(there).items()), dtype=torch.long).view(-1, 2)
    return ids[:, 0], ids[:, 1]


def _missing_pieces(here: Tokenizer, there: Tokenizer, both: Tensor) -> dict[int, list[int]]:
    """Ids of the other pieces, and of those that each is made of there."""
    missing = sorted(set(range(here.vocab_size)).difference(both.tolist()))
    if not missing:
        return {}
    made_of = there.made_of(here.pieces(missing))
    return {piece: ids for piece, ids in zip(missing, made_of, strict=True) if ids}
