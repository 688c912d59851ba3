"""The speed of decoding, of other toolkits and of seqtext."""

from __future__ import annotations

import argparse
import contextlib
import shutil
import statistics
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.common import (
    Cost,
    FailedError,
    Row,
    read,
    report,
    watch,
    write,
)
from benchmarks.peer_toolkits import PEERS
from benchmarks.toolkit import NETWORKS, PRECISIONS, Search, Seqtext, Toolkit

DONE = "trained"  # marks the folder of a training that came to its end
Decoding = tuple[Cost, list[list[str]]]  # with the pieces of every sentence


def decode(options: argparse.Namespace) -> list[Row]:
    """Speed of decoding the test set, one row for each trained model and precision."""
    search = Search(options.beam_size, options.batch_size, options.pieces)
    data, sizes = options.out / "data", (1, options.sentences)
    for size in sizes:
        for suffix, name in ((".en", "test.en"), (".pieces", "test.pieces.en")):
            write(data / f"test-{size}{suffix}", read(data / name)[:size])
    rows: list[Row] = []
    for name, (toolkit, model) in {**_peers(options), **_ours(options)}.items():
        with failures_reported(name):
            folder = options.out / "decode" / name
            decodings = [
                decode_file(
                    toolkit, model, fresh(folder / str(size)), data / f"test-{size}.pieces", search
                )
                for size in sizes * options.repeats
            ]
            figures = decoding_speed(decodings[0::2], decodings[1::2])
            first = rows[0]["pieces_per_second"] if rows else figures["pieces_per_second"]
            figures["to_first"] = round(figures["pieces_per_second"] / float(str(first)), 2)
            rows.append({"name": name, **figures})
            report("decoding", name, **search._asdict(), **figures, peer=toolkit.versions())
    return rows


def _peers(options: argparse.Namespace) -> dict[str, tuple[Toolkit, Path]]:
    """The peers that are trained, and the folders of their models."""
    models = {}
    for name, peer in installed_peers(options).items():
        folders = [(options.out / command / name).resolve() for command in ("quality", "train")]
        if model := next((folder for folder in folders if (folder / DONE).exists()), None):
            models[name] = peer, model
    return models


def _ours(options: argparse.Namespace) -> dict[str, tuple[Toolkit, Path]]:
    """Runs of seqtext, those that ``train`` has made and those that are named, in each precision."""
    runs = dict[str, Path]()
    for network in NETWORKS:
        for precision in PRECISIONS:
            folder = (options.out / "train" / f"seqtext-{network}-{precision}").resolve()
            if network in options.networks and (folder / DONE).exists():
                runs.setdefault(f"seqtext-{network}", folder / "run")
    for run in options.seqtext_run:
        runs["-".join(("seqtext", *run.resolve().parts[-2:]))] = run.resolve()
    return {
        f"{name}-{precision}": (Seqtext(f"recipe-{precision}", options.out / "data"), run)
        for name, run in runs.items()
        for precision in options.precisions
    }


def decode_file(
    toolkit: Toolkit, model: Path, folder: Path, source: Path, search: Search
) -> Decoding:
    """Decode a file of pieces, beside which the same text lies with the suffix ``.en``."""
    output, source = folder / "output", source.resolve()
    call = toolkit.decode(model, source, output, search)
    cost = watch(call, folder, toolkit.variables, source)
    return cost, toolkit.decoded(output)


def decoding_speed(single: list[Decoding], whole: list[Decoding]) -> dict[str, float]:
    """Figures of the commands on one sentence and on all sentences."""
    startup, wall = (
        statistics.median(cost.seconds for cost, _ in some) for some in (single, whole)
    )
    startup_cpu, cpu = (
        statistics.median(cost.cpu_seconds for cost, _ in some) for some in (single, whole)
    )
    sentences = whole[0][1]
    rest, seconds = sentences[1:], wall - startup
    words = sum(len(detokenized(pieces).split()) for pieces in rest)
    lengths = [len(pieces) for pieces in sentences]
    return {
        "sentences": len(sentences),
        "startup_seconds": round(startup, 2),
        "wall_seconds": round(wall, 2),
        "sentences_per_second": round(len(rest) / seconds, 1),
        "pieces_per_second": round(sum(lengths[1:]) / seconds),
        "pieces_per_cpu_second": round(sum(lengths[1:]) / (cpu - startup_cpu)),
        "words_per_second": round(words / seconds),
        "pieces_a_sentence": round(statistics.mean(lengths), 1),
        "fewest_pieces": min(lengths),
        "most_pieces": max(lengths),
        "peak_mib": max(cost.peak_mib for cost, _ in whole),
    }


# --- helpers --------------------------------------------------------------------------------------------


def fresh(folder: Path) -> Path:
    """An empty folder, as an absolute path."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder.resolve()


@contextlib.contextmanager
def failures_reported(name: str) -> Iterator[None]:
    """Say what failed, and go on with the others."""
    try:
        yield
    except FailedError as failure:
        print(f"benchmarks peers: {name} failed\n{failure}", file=sys.stderr)


def installed_peers(options: argparse.Namespace) -> dict[str, Toolkit]:
    """The peers asked for that have an environment."""
    if options.environments is None:
        return {}
    peers = {
        name: PEERS[name](options.environments, options.out / "data") for name in options.peers
    }
    return {name: peer for name, peer in peers.items() if peer.bin.is_dir()}


def detokenized(pieces: Sequence[str]) -> str:
    """The text that pieces spell."""
    return "".join(pieces).replace("▁", " ").strip()
