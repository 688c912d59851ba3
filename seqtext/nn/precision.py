"""Which number types a processor is fast in."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from typing import Literal

import torch
from torch import nn

from seqtext import internals

Precision = Literal["fp32", "bf16", "int8"]
PrecisionChoice = Literal["auto", "fp32", "bf16", "int8"]

_ROWS, _LENGTH, _SIZE, _PIECES = 32, 10, 512, 1024  # of what is timed
_ROUNDS, _MOST = 5, 0.25  # CPU seconds that further rounds may take


def has_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16, which oneDNN's LSTM needs."""
    return internals.multiplies_bfloat16()


def has_integers() -> bool:
    """Whether PyTorch multiplies 8-bit integers here."""
    return internals.multiplies_integers()


def speed_of_bfloat16() -> float:
    """How many times as fast as in float32 this processor trains in bfloat16, under autocast.

    A flag of the processor does not tell: where bfloat16 is there, it may be slower. So updates of an LSTM
    and an output layer are timed. Random numbers are as before.
    """
    with torch.random.fork_rng(devices=[]):
        lstm = nn.LSTM(_SIZE, _SIZE, batch_first=True)
        output = nn.Linear(_SIZE, _PIECES)
        inputs = torch.randn(_ROWS, _LENGTH, _SIZE)

    def update(*, bfloat16: bool) -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            loss = output(lstm(inputs)[0]).float().logsumexp(2).sum()
        loss.backward()

    return times_as_fast(lambda: update(bfloat16=True), lambda: update(bfloat16=False))


def times_as_fast(fast: Callable[[], object], slow: Callable[[], object]) -> float:
    """How many times as fast as ``slow`` another function is.

    Both run in turns, so that a machine whose speed changes treats them alike. This takes at most 0.25 s,
    unless they are so slow that two rounds take longer.
    """

    # Other programs do not add to the CPU time. But Windows counts it in steps of 16 ms
    clock = time.perf_counter if os.name == "nt" else time.process_time

    def seconds(run: Callable[[], object]) -> float:
        start = clock()
        run()
        return clock() - start

    ratios, spent = list[float](), 0.0
    while len(ratios) <= _ROUNDS and (len(ratios) < 2 or spent + spent / len(ratios) < _MOST):
        of_slow, of_fast = seconds(slow), seconds(fast)
        ratios.append(of_slow / of_fast)
        spent += of_slow + of_fast
    return statistics.median(ratios[1:])  # kernels are made in the first round
