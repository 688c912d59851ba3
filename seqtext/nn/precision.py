"""Which number types a processor is fast in."""

from __future__ import annotations

import statistics
import time
from typing import Literal

import torch
from torch import nn

from seqtext import internals

Precision = Literal["fp32", "bf16", "int8"]

_ROWS, _LENGTH, _SIZE, _PIECES = 32, 10, 512, 1024  # of what is timed
_ROUNDS = 2


def has_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16, which oneDNN's LSTM needs."""
    return internals.multiplies_bfloat16()


def has_integers() -> bool:
    """Whether PyTorch multiplies 8-bit integers here."""
    return internals.multiplies_integers()


def speed_of_bfloat16() -> float:
    """How many times as fast as in float32 this processor trains in bfloat16, under autocast.

    A flag of the processor does not tell: where bfloat16 is there, it may be slower. So updates of an LSTM
    and an output layer are timed in turns, which takes about 0.3 s. Random numbers are as before.
    """
    with torch.random.fork_rng(devices=[]):
        lstm = nn.LSTM(_SIZE, _SIZE, batch_first=True)
        output = nn.Linear(_SIZE, _PIECES)
        inputs = torch.randn(_ROWS, _LENGTH, _SIZE)

    def seconds(bfloat16: bool) -> float:
        start = time.process_time()  # other programs do not count
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            loss = output(lstm(inputs)[0]).float().logsumexp(2).sum()
        loss.backward()
        return time.process_time() - start

    # the first round warms up
    ratios = [seconds(bfloat16=False) / seconds(bfloat16=True) for _ in range(1 + _ROUNDS)]
    return statistics.median(ratios[1:])
