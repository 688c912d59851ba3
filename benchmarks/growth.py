"""Train on larger and larger corpora: time to the first update, pieces per second, memory.

    python -m benchmarks growth OUT --sizes 10000 100000 1000000

OUT keeps parallel files with sentences of the built-in grammar: 1.1 GB for ten million pairs. Each run
trains a tokenizer, prepares the files anew and makes some updates of the built-in recipe. The training
set is either mapped from disk or streamed in pools of 10,000 pairs. The rate contains the cost of a
pool.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.common import (
    REPOSITORY,
    Row,
    fit_command,
    log_options,
    parser_of,
    read_updates,
    report,
    table,
    use_threads,
    watch,
)
from seqtext.data.corpus import Corpus

MODES = {
    "mapped": [],
    "mapped, 2 processes": ["--data.preprocessing_workers=2"],
    "streaming": ["--data.streaming=true", "--data.shuffle_buffer=10000"],
}
_WARM = 20  # updates that are not counted


def write_corpus(size: int, out: Path) -> Path:
    """Write ``out/SIZE.en`` and ``out/SIZE.de`` unless they are there. Return ``out/SIZE``."""
    paths = [out / f"{size}.{side}" for side in ("en", "de")]
    if not all(path.exists() for path in paths):
        parts = [path.with_suffix(f"{path.suffix}.part") for path in paths]
        with parts[0].open("w", encoding="utf-8") as en, parts[1].open("w", encoding="utf-8") as de:
            for source, target in Corpus(f"builtin:train:{size}", "en", "de").rows():
                print(source, file=en)
                print(target, file=de)
        for part, path in zip(parts, paths, strict=True):
            part.rename(path)
    return out / str(size)


def measure(corpus: Path, mode: str, updates: int) -> Row:
    """Train in a folder beside the corpus."""
    folder = corpus.parent / "run"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    log = folder / "updates"
    options = [
        f"--data.train={corpus}",
        "--data.validation=builtin:validation:100",
        "--data.tokenizer.source_model=null",
        f"--data.cache_dir={folder / 'cache'}",
        f"--trainer.max_steps={updates}",
        "--trainer.val_check_interval=1.0",
        f"--run={folder / 'run'}",
        *MODES[mode],
        *log_options(log),
    ]
    start = time.perf_counter()
    command = [*fit_command("translation/builtin.yaml"), *options]
    cost = watch(command, folder, {"PYTHONPATH": str(REPOSITORY)})
    ends, pieces, _ = read_updates(log)
    return {
        "seconds_to_first_update": round(ends[0] - start, 1),
        "target_pieces_per_second": round(sum(pieces[_WARM + 1 :]) / (ends[-1] - ends[_WARM])),
        "anonymous_mib": cost.anonymous_mib,
    }


def main(arguments: Sequence[str]) -> None:
    parser = parser_of(__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--modes", nargs="+", choices=list(MODES), default=list(MODES))
    parser.add_argument("--updates", type=int, default=400)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args(arguments)
    use_threads(options.threads)
    options.out.mkdir(parents=True, exist_ok=True)
    rows = []
    for size in options.sizes:
        corpus = write_corpus(size, options.out)
        for mode in options.modes:
            row = measure(corpus, mode, options.updates)
            name = f"{size:,} pairs, {mode}"
            report("growth", name, **row)
            rows.append({"name": name, **row})
    table(rows)
