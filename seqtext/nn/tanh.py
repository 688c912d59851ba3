"""tanh, by the quickest way that a processor has."""

from __future__ import annotations

import torch
from torch import Tensor

_UNROLLED = 32  # values that PyTorch's sigmoid computes at once. It has other code for a rest


def tanh(inputs: Tensor) -> Tensor:
    """tanh(x). Outside of autograd, in float32 on a CPU, it may be computed as 2 s(2x) - 1.

    PyTorch's sigmoid takes a fifth of the time of its tanh there. The results differ by 2e-7 at most. A rest
    at the end of a thread's share would make the last digits of a row depend on the batch. So widths that
    leave a rest take tanh. So do three threads and more, whose shares may end anywhere.
    """
    plain = torch.is_grad_enabled() or inputs.dtype != torch.float32 or inputs.device.type != "cpu"
    if plain or (threads := torch.get_num_threads()) > 2 or inputs.size(-1) % (_UNROLLED * threads):
        return inputs.tanh()
    return inputs.mul(2).sigmoid_().mul_(2).sub_(1)
