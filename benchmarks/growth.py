"""Train on larger and larger corpora: time to the first update, pieces per second, memory.

    python benchmarks/growth.py OUT --sizes 10000 100000 1000000

OUT keeps parallel files with sentences of the built-in grammar: 1.1 GB for ten million pairs. Each run
trains a tokenizer, prepares the files anew and makes some updates of the built-in recipe. The training
set is either mapped from disk or streamed in pools of 10,000 pairs. The rate contains the cost of a
pool.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from common import (
    Command,
    fit_command,
    parser_of,
    read,
    report,
    table,
    use_threads,
    watch,
)

from seqtext.data.corpus import Corpus

MODES = {
    "mapped": [],
    "mapped, 2 processes": ["--data.processes=2"],
    "streaming": ["--data.streaming=true", "--data.shuffle_buffer=10000"],
}
_WARM = 20  # updates that are not counted


def corpus_of(size: int, out: Path) -> None:
    """Write ``out/SIZE.en`` and ``out/SIZE.de``, unless they are there."""
    paths = [out / f"{size}.{side}" for side in ("en", "de")]
    if all(path.exists() for path in paths):
        return
    parts = [path.with_suffix(f"{path.suffix}.part") for path in paths]
    with parts[0].open("w", encoding="utf-8") as en, parts[1].open("w", encoding="utf-8") as de:
        for source, target in Corpus(f"builtin:train:{size}", "en", "de").rows():
            print(source, file=en)
            print(target, file=de)
    for part, path in zip(parts, paths, strict=True):
        part.rename(path)


def measure(size: int, mode: str, out: Path, updates: int) -> tuple[float, float, float]:
    """Seconds until training starts, target pieces a second, peak of anonymous memory in MiB."""
    folder = out / "run"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    log = folder / "updates"
    command: Command = [
        *fit_command("builtin.yaml", out, [f"--data.train={out / str(size)}", *MODES[mode]]),
        "--data.tokenizer.source_model=null",
        "--data.validation=builtin:validation:100",
        f"--trainer.max_steps={updates}",
        "--trainer.val_check_interval=1.0",
        f"--data.cache_dir={folder / 'cache'}",
        f"--run={folder / 'run'}",
        "--trainer.callbacks+=common.UpdateLog",
        f"--trainer.callbacks.path={log}",
    ]
    start = time.perf_counter()
    cost = watch(command, folder, {"PYTHONPATH": str(Path(__file__).parent)})
    lines = [line.split() for line in read(log)]
    counted = [(float(at), int(pieces)) for at, pieces, _ in lines][_WARM:]
    rate = sum(pieces for _, pieces in counted[1:]) / (counted[-1][0] - counted[0][0])
    return float(lines[0][0]) - start, rate, cost.anonymous_mib


def main() -> None:
    parser = parser_of(__doc__, "out")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--modes", nargs="+", choices=list(MODES), default=list(MODES))
    parser.add_argument("--updates", type=int, default=400)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    use_threads(options.threads)
    options.out.mkdir(parents=True, exist_ok=True)
    rows = []
    for size in options.sizes:
        corpus_of(size, options.out)
        for mode in options.modes:
            seconds, rate, memory = measure(size, mode, options.out, options.updates)
            row = {
                "seconds_to_first_update": round(seconds, 1),
                "target_pieces_per_second": round(rate),
                "anonymous_mib": round(memory),
            }
            report("growth", f"{size:,} pairs, {mode}", **row)
            rows.append([f"{size:,} {mode}", *row.values()])
    table(("pairs", "s to first update", "target pieces/s", "peak RssAnon, MiB"), rows)


if __name__ == "__main__":
    main()
