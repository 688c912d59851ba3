"""The number format that a model computes in: the one that is named, or the quickest on this machine."""

from __future__ import annotations

from collections.abc import Sequence

from seqtext.inference.predictor import BatchT, NetworkT, Predictor, ResultT
from seqtext.nn.encoder_decoder import EncoderDecoder
from seqtext.nn.laid_out import second_of
from seqtext.nn.precision import Precision, PrecisionChoice, has_integers, times_as_fast
from seqtext.speeds import WORTH, named, recall

_TEXTS, _LENGTH = 24, 4  # of what is timed, and fewer texts where the networks are large
_PRODUCTS = 150_000_000  # about so many for each position of all texts


def settle_precision(
    model: Predictor[NetworkT, BatchT, ResultT], precision: PrecisionChoice
) -> None:
    """Lay out the weights of a model, and note its precision.

    Args:
        model: Its weights have the type that the precision asks for.
        precision: ``auto`` chooses between ``fp32`` and ``int8`` on a CPU, and is ``fp32`` elsewhere.

    Raises:
        ConfigError: A network has no such layout, or the environment names an unknown precision.
        CheckpointError: The network's outputs are no numbers.
    """
    if precision != "auto":
        _lay_out(model.networks, precision)
        model.precision = precision
    elif model.device.type != "cpu" or not has_integers() or not _recurrent(model.networks):
        _lay_out(model.networks, "fp32")
    elif (name := named()) in ("fp32", "int8"):
        _lay_out(model.networks, name)
        model.precision = name
    else:
        _choose(model)


def _recurrent(networks: Sequence[NetworkT]) -> bool:
    return all(network.config.is_recurrent for network in networks)


def _lay_out(networks: Sequence[NetworkT], precision: Precision) -> None:
    for network in networks:
        if precision == "int8":
            network.quantize()
        elif isinstance(network, EncoderDecoder):
            network.decoder.precompute()


def _choose(model: Predictor[NetworkT, BatchT, ResultT]) -> None:
    """The quicker one of fp32 and int8, by what is known of this machine or by a test."""
    quantized = list[NetworkT]()

    def measure() -> float:
        _lay_out(model.networks, "fp32")
        quantized.extend(map(_quantized, model.networks))
        return _speed(model, quantized)

    model.int8_speed = recall({"ratio": "int8 to fp32", "networks": _shapes(model)}, measure)
    model.precision = "int8" if model.int8_speed > WORTH else "fp32"
    if not quantized:
        _lay_out(model.networks, model.precision)
    elif model.precision == "int8":
        model.networks = quantized


def _quantized(network: NetworkT) -> NetworkT:
    """A network with the same weights, and the same products with embeddings, in 8-bit integers."""
    second = second_of(network)
    if isinstance(second, EncoderDecoder):
        second.quantize(again=False)
    else:
        second.quantize()
    return second


def _shapes(model: Predictor[NetworkT, BatchT, ResultT]) -> list[object]:
    """What the speed depends on."""
    return [
        [str(network.config), [list(weight.shape) for weight in network.parameters()]]
        for network in model.networks
    ]


def _speed(model: Predictor[NetworkT, BatchT, ResultT], quantized: Sequence[NetworkT]) -> float:
    """How many times as fast as those of ``model`` networks with 8-bit integers are."""
    floats = model.networks
    parameters = sum(weight.numel() for network in floats for weight in network.parameters())
    texts = max(1, min(_TEXTS, _PRODUCTS // parameters))
    batch = model.batch_of([[*range(_LENGTH)]] * texts, _LENGTH)

    def predict(networks: Sequence[NetworkT]) -> None:
        model.networks = networks
        model.predict_batches([batch])

    try:
        return times_as_fast(lambda: predict(quantized), lambda: predict(floats))
    finally:
        model.networks = floats
