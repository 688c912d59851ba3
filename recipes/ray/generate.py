"""Decode a file with workers of Ray, on one machine or on many. README.md says more.

    python recipes/ray/generate.py MODEL --input in.txt --output out.txt --workers 2

The input is cut into blocks of lines. Each worker loads the model once. It decodes a block at a time, and
writes its outputs to a file. At the end these files become the output, in order.
"""

from __future__ import annotations

import argparse
import contextlib
import glob
import hashlib
import json
import logging
import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from tqdm import tqdm

from seqtext import files, signals
from seqtext.cli.flags import Parser
from seqtext.cli.models import add_search
from seqtext.cli.outputs import check_outputs, is_stream, write_errors
from seqtext.cli.streams import as_line, check_input, lines_of, open_input
from seqtext.errors import ConfigError, DataError, SeqtextError
from seqtext.search.stored import STORED

_RESTARTS = 3  # of a worker that dies. Its block is tried again with it
_STORE = 1 << 27  # bytes that Ray's processes share. Only names of blocks pass through them

_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_AUTO_CONNECT": "0",  # else an end by a signal starts Ray again
    "RAY_BACKEND_LOG_LEVEL": "fatal",  # errors are raised here, and told once
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # else Ray warns of it
}


class Model(NamedTuple):
    """A model, and how each worker uses it."""

    place: str  # of a checkpoint, of a run, or of what seqtext export wrote
    threads: int
    precision: Any
    search: dict[str, Any]

    def load(self) -> Any:
        """The model of seqtext, or of its runtime without PyTorch."""
        if is_exported(self.place):
            import seqtext_runtime

            return seqtext_runtime.load(self.place, self.threads)
        import torch

        import seqtext

        torch.set_num_threads(self.threads)
        torch.set_flush_denormal(True)  # denormal numbers make an LSTM many times slower
        return seqtext.load_generator(self.place, precision=self.precision)


class Worker:
    """A process of Ray that decodes blocks."""

    def __init__(self, folder: Path, model: Model) -> None:
        self._folder, self._search, self._model = folder, model.search, model.load()

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Decode a block. An error becomes data. Ray would show a long traceback of it."""
        [name], reason = batch["name"], ""
        try:
            self._decode(name)
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
        return {**batch, "reason": [reason]}

    def _decode(self, name: str) -> None:
        """Write the outputs of a block to a file, which appears when it is whole."""
        lines = (self._folder / f"{name}.in").read_bytes().decode().split("\n")[:-1]
        outputs = self._model.generate(lines, **self._search)
        content = lines_of(as_line(best.text) for best, *_ in outputs).encode()
        with files.whole(self._folder / f"{name}.{digest(content)}.out") as file:
            file.write(content)


def is_exported(place: str) -> bool:
    return (Path(place) / "config.json").is_file()


def digest(*contents: bytes) -> str:
    return hashlib.sha256(b"".join(contents)).hexdigest()[:16]


def outputs_of(folder: Path, name: str) -> bytes | None:
    """The outputs of a block, or None where no file holds them as they were written."""
    for path in folder.glob(f"{name}.*.out"):
        if path.name == f"{name}.{digest(content := path.read_bytes())}.out":
            return content
    return None


def cut(path: str, folder: Path) -> dict[str, int]:
    """Write the blocks, which are what ``seqtext generate`` reads at once. Names and numbers of lines."""
    blocks = dict[str, int]()
    with open_input(path) as source:
        for lines in source.chunks():
            content = lines_of(lines).encode()
            name = f"{len(blocks) + 1:06}.{digest(content)}"
            with files.whole(folder / f"{name}.in") as file:
                file.write(content)
            blocks[name] = len(lines)
    return blocks


def start_ray(options: argparse.Namespace) -> None:
    """Start Ray on this machine, or join a cluster.

    Raises:
        ConfigError: There is no such cluster, or it is too small.
    """
    os.environ.update(_ENVIRONMENT)
    import ray

    cores = options.workers * options.threads
    own = {"num_cpus": cores, "include_dashboard": False, "object_store_memory": _STORE}
    try:
        ray.init(
            options.address, log_to_driver=False, logging_level=logging.ERROR,
            **(own if options.address == "local" else {}),
        )  # fmt: skip
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise ConfigError(f"--address {options.address}: no cluster answers ({error})") from error
    if (cluster := ray.cluster_resources().get("CPU", 0)) < cores:
        raise ConfigError(f"--workers: need {cores} cores, and the cluster has {cluster:.0f}")


def decode(blocks: dict[str, int], folder: Path, model: Model, options: argparse.Namespace) -> None:
    """Have the workers decode blocks.

    Raises:
        DataError: A worker failed.
        ConfigError: See ``start_ray``.
    """
    start_ray(options)
    import ray.data

    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    ray.data.DataContext.get_current().enable_progress_bars = False
    handlers = signals.listen(stop)  # Ray would abort on SIGTERM
    try:
        rows = [{"name": name, "lines": count} for name, count in blocks.items()]
        done = ray.data.from_items(rows, override_num_blocks=len(rows)).map_batches(
            Worker, fn_constructor_args=(folder, model), batch_size=1, num_cpus=options.threads,
            compute=ray.data.ActorPoolStrategy(size=min(options.workers, len(rows))),
            max_restarts=_RESTARTS, max_task_retries=-1,
        )  # fmt: skip
        with tqdm(total=sum(blocks.values()), unit=" lines", disable=None) as bar:
            for row in done.iter_rows():
                if row["reason"]:
                    raise DataError(f"block {row['name']}: {row['reason']}")
                bar.update(int(row["lines"]))
    except ray.exceptions.RayError as error:
        reason = str(error).strip().rpartition("\n")[2]
        raise DataError(f"a worker failed: {reason}") from error
    finally:
        ray.shutdown()
        signals.restore(handlers)


def stop(number: int, frame: object) -> None:
    """End the command as Ctrl-C does."""
    raise signals.Stopped(number)


def parse(words: list[str]) -> argparse.Namespace:
    """The options.

    Raises:
        SeqtextError: One is wrong.
    """
    parser = Parser("generate", "MODEL --input F --output F [--KEY VALUE]…", "Decode with Ray.")
    parser.prog = "generate.py"
    parser.add_argument("model", metavar="MODEL", help="a checkpoint, a run, or an exported folder")
    parser.add_argument("--input", required=True, metavar="F", help="file to read, packed or not")
    parser.add_argument("--output", required=True, metavar="F", help="file to write")
    parser.add_argument("--resume", action="store_true", help="go on after an interruption")
    parser.add_argument(
        "--workers", type=int, default=2, metavar="N", help="processes (default: 2)"
    )
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="of each (default: 1)")
    parser.add_argument("--address", default="local", help="of a cluster, as HOST:6379 or auto")
    parser.add_argument("--precision", choices=("auto", "fp32", "int8"), default="auto")
    add_search(parser, STORED)
    options = parser.parse(words)
    for name in ("workers", "threads"):
        if getattr(options, name) < 1:
            raise ConfigError(f"--{name}: {getattr(options, name)}, expected at least 1")
    check_input(options.input)
    check_outputs([options.input, options.model], {"--output": options.output})
    for name in ("input", "output"):
        if is_stream(getattr(options, name)):
            raise ConfigError(f"--{name} {getattr(options, name)}: expected a file")
    if find_spec("ray") is None:
        raise ConfigError("the package ray is missing. Install it with: pip install 'seqtext[ray]'")
    return options


def open_model(options: argparse.Namespace) -> tuple[Model, str]:
    """The model, whose options are checked by loading it here, and what identifies its outputs.

    Raises:
        SeqtextError: It cannot be loaded, or an option is wrong.
    """
    search = {name: value for name, value in vars(options).items() if name in STORED}
    model = Model(os.path.abspath(options.model), options.threads, options.precision, search)
    if is_exported(model.place) and options.precision != "auto":
        raise ConfigError("--precision: an exported model has its own. Leave the option out")
    try:
        loaded = model.load()
        if not hasattr(loaded, "generate"):
            raise ConfigError(f"{model.place}: labels text, and this script generates it")
        loaded.generate([], **search)
    except SeqtextError:
        raise
    except ValueError as error:  # of the runtime
        raise ConfigError(str(error)) from error
    if is_exported(model.place):
        paths = loaded.files
    else:
        from seqtext.checkpoint.location import find, models_in

        # every worker computes in the precision that is the quicker one here
        model = model._replace(precision=loaded.precision)
        paths = [find(place) for place in models_in(model.place)]
    check_outputs(map(str, paths), {"--output": options.output})
    described = json.dumps([model.precision, search], sort_keys=True).encode()
    return model, digest(described, *(path.read_bytes() for path in paths))[:8]


def main(words: list[str]) -> None:
    """Decode what is not decoded yet, and write the output.

    Raises:
        SeqtextError: An option, the input, the model or a worker is at fault.
    """
    options = parse(words)
    model, key = open_model(options)
    target = Path(os.path.realpath(options.output))
    folder = target.with_name(f"{target.name}.{key}.blocks")
    for other in target.parent.glob(f"{glob.escape(target.name)}.*.blocks"):
        if (other != folder or not options.resume) and any(other.glob("*.out")):
            raise DataError(
                f"{other}: holds outputs of an interrupted command. Repeat that command with --resume, or"
                " remove the folder"
            )
    with write_errors(options.output, "--output"), contextlib.ExitStack() as stack:
        folder.mkdir(exist_ok=True)
        if not files.lock(stack.enter_context((folder / "lock").open("w"))):
            raise DataError(f"{folder}: another process is writing it. Wait for its end")
        try:
            write_output(target, folder, model, options)
        finally:
            if not any(folder.glob("*.out")):  # nothing is left to keep
                shutil.rmtree(folder)


def write_output(target: Path, folder: Path, model: Model, options: argparse.Namespace) -> None:
    """Decode the blocks that are missing in ``folder``, and put all together."""
    blocks = cut(options.input, folder)
    missing = {name: n for name, n in blocks.items() if outputs_of(folder, name) is None}
    count, left = sum(blocks.values()), sum(missing.values())
    print(f"{count - left:,} of {count:,} lines are done", file=sys.stderr)
    if missing:
        decode(missing, folder, model, options)
    with files.whole(target) as file:
        for name in blocks:
            if (content := outputs_of(folder, name)) is None:
                raise DataError(f"{folder}: the outputs of block {name} are gone. Use --resume")
            file.write(content)
    for path in folder.glob("*.out"):
        path.unlink()


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except SeqtextError as error:
        print(f"generate.py: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt as error:
        print("generate.py: stopped. --resume goes on", file=sys.stderr)
        sys.exit(getattr(error, "status", 130))
