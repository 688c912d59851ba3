"""What the command line knows of other libraries beyond their interfaces, in one place, each with a test."""

from __future__ import annotations

import traceback

# of PyTorch's allocator for the CPU, on Linux and macOS, and on Windows
_NO_MEMORY = ("can't allocate memory", "not enough memory")


def lacks_memory(error: Exception) -> bool:
    """Whether memory ran out.

    For a GPU PyTorch has a class. For the CPU it raises a plain RuntimeError, so only the text tells (seen
    in PyTorch 2.13).
    """
    if isinstance(error, MemoryError):
        return True
    import torch

    out = isinstance(error, torch.OutOfMemoryError)
    return out or any(text in str(error) for text in _NO_MEMORY)


def raised_by(error: Exception, module: str) -> bool:
    """Whether the code of a module raised an error, whatever its text says."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return bool(frames) and frames[-1].f_globals.get("__name__") == module
