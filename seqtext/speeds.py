"""How fast this machine is in different number formats, as it was measured before."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import platform
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

import seqtext
from seqtext import files
from seqtext.values import check_value

VARIABLE = "SEQTEXT_PRECISION"
WORTH = 1.05  # times as fast, from which fewer digits are worth it
# fields of /proc/cpuinfo on x86 and on ARM
_PROCESSOR = (
    "model name", "cpu family", "model", "stepping", "flags", "CPU implementer", "CPU part", "Features"
)  # fmt: skip
_Name = Literal["fp32", "bf16", "int8", "32-true", "bf16-mixed"]


def named() -> _Name | None:
    """The precision that the environment names for ``auto``, None if it names none.

    A run tells the processes that it starts so, by Lightning's names.

    Raises:
        ConfigError: It names something else.
    """
    name = os.environ.get(VARIABLE)
    return check_value(VARIABLE, name, _Name) if name else None


def recall(what: Mapping[str, object], measure: Callable[[], float]) -> float:
    """A ratio of speeds: as a file of the cache has it, else measured and kept.

    A cache that cannot be read or written changes nothing else.

    Args:
        what: What was measured, as JSON can write it. Processor, threads and versions are added.
        measure: Measures it.
    """
    import torch

    measured = {
        **what,
        "processor": _processor(),
        "kernels": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "torch": str(torch.__version__),
        "seqtext": seqtext.__version__,
    }
    key = hashlib.sha256(json.dumps(measured, sort_keys=True).encode()).hexdigest()[:16]
    with contextlib.suppress(OSError, RuntimeError, ValueError, KeyError, TypeError):
        speed = float(json.loads(_file(key).read_text(encoding="utf-8"))["speed"])
        if 0 < speed < math.inf:
            return speed
    speed = measure()
    with contextlib.suppress(OSError, RuntimeError, ValueError):
        _file(key).parent.mkdir(parents=True, exist_ok=True)
        with files.whole(_file(key)) as file:
            file.write(json.dumps({"speed": speed, **measured}, indent=1).encode())
    return speed


def _file(key: str) -> Path:
    """Raises a RuntimeError without a home folder."""
    return files.cache_folder() / "speeds" / f"{key}.json"


def _processor() -> str:
    """What the system says of the first processor. A virtual machine may hide its name, not its flags."""
    with contextlib.suppress(OSError):
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
        fields = (line.partition(":")[::2] for line in text.partition("\n\n")[0].splitlines())
        return "; ".join(value.strip() for name, value in fields if name.strip() in _PROCESSOR)
    return platform.machine()
