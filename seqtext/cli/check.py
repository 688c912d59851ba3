"""``seqtext check``: what is odd about a corpus, what it does to training, and a copy without it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seqtext.cli.corpora import add_columns, add_corpus
from seqtext.cli.generate import open_output
from seqtext.errors import ConfigError, DataError

if TYPE_CHECKING:
    from seqtext.data.check import Scan
    from seqtext.data.readers import Record
    from seqtext.data.tokenizer import Tokenizers

FOUND = 3  # exit status
_WIDTH = 48  # characters of a text that are shown


def parser() -> argparse.ArgumentParser:
    """The options; importing and asking for help stays light."""
    parser = argparse.ArgumentParser(
        prog="seqtext check",
        description="Look at every pair of a corpus before it is trained on. Exit status 0: nothing"
        f" harmful; {FOUND}: there are pairs that are better left out.",
    )
    add_corpus(parser, "train", required=True)
    add_corpus(parser, "validation")
    add_corpus(parser, "test")
    add_columns(parser)
    parser.add_argument(
        "--tokenizer", metavar="F",
        help="a SentencePiece file, a checkpoint or a run: count pieces, and what it does not know",
    )  # fmt: skip
    parser.add_argument(
        "--write", metavar="F.jsonl", help="write the training pairs without what is dropped"
    )
    parser.add_argument(
        "--drop", metavar="NAMES",
        help="findings that --write leaves out, by comma (default: all that are harmful)",
    )  # fmt: skip
    parser.add_argument("--plot", metavar="F.png", help="draw the lengths of all pairs")
    parser.add_argument(
        "--examples", type=int, default=2, metavar="N", help="shown of each finding (default: 2)"
    )
    parser.add_argument(
        "--format",
        choices=("text", "json"),
        default="text",
        help="json: one object with all counts",
    )
    return parser


def run(arguments: Sequence[str]) -> int:
    """Read, report, write; the exit status."""
    options = parser().parse_args(arguments)
    from seqtext.data.check import FINDINGS, HARMFUL, mark_overlap, scan
    from seqtext.data.corpus import Corpus

    drop = HARMFUL
    if options.drop is not None:
        drop = [name for name in options.drop.split(",") if name]
        known = [finding.name for finding in FINDINGS]
        for name in drop:
            if name not in known:
                raise ConfigError(f"--drop {name}: no such finding; there are {', '.join(known)}")
    _check_outputs(options)
    tokenizers = _tokenizers(options.tokenizer) if options.tokenizer else None
    scans = {}
    for split in ("train", "validation", "test"):
        if (name := getattr(options, split)) is not None:
            scans[split] = scan(Corpus(name, options.source, options.target, split), tokenizers)
    train = scans["train"]
    mark_overlap(train, [found for split, found in scans.items() if split != "train"])
    harmful = not all(found.kept(HARMFUL).all() for found in scans.values())
    if options.format == "json":
        print(json.dumps({split: _figures(found) for split, found in scans.items()}))
    else:
        for split, found in scans.items():
            _tell(split, found, options.examples)
        if harmful and options.write is None:
            print("* --write CLEAN.jsonl leaves these pairs out, --drop NAMES some of them\n")
    if options.plot is not None:
        _plot(train, Path(options.plot))
    if options.write is not None:
        _write(train, drop, options.write)
        return 0
    return FOUND if harmful else 0


def _check_outputs(options: argparse.Namespace) -> None:
    for option, suffix in (("write", ".jsonl"), ("plot", ".png")):
        path = getattr(options, option)
        if path is None:
            continue
        if not path.endswith(suffix):
            raise ConfigError(f"--{option} {path}: expected a name that ends with {suffix}")
        if Path(path).exists():
            raise DataError(f"--{option} {path}: exists already; remove it, or choose another name")


def _tokenizers(path: str) -> Tokenizers:
    from seqtext import assets, checkpoint
    from seqtext.data.tokenizer import Tokenizer, Tokenizers

    if Path(path).is_dir() or path.endswith(".ckpt"):
        return checkpoint.load(path).tokenizers
    both = Tokenizer.load(assets.find(path))
    return Tokenizers(both, both)


# --- what is told ---------------------------------------------------------------------------------------


def _figures(scan: Scan) -> dict[str, object]:
    from seqtext.data.check import FINDINGS

    found = {finding.name: len(scan.rows(finding.name)) for finding in FINDINGS}
    figures: dict[str, object] = {
        "corpus": scan.corpus.name,
        "pairs": len(scan.flags),
        "words": {"source": int(scan.words.source.sum()), "target": int(scan.words.target.sum())},
        "scripts": {"source": scan.scripts[0], "target": scan.scripts[1]},
        "findings": {name: count for name, count in found.items() if count},
    }
    if scan.pieces is not None:
        figures["pieces"] = {
            "source": int(scan.pieces.source.sum()),
            "target": int(scan.pieces.target.sum()),
        }
        figures["uncovered_share"] = {"source": scan.uncovered[0], "target": scan.uncovered[1]}
    return figures


def _tell(split: str, scan: Scan, shown: int) -> None:
    from seqtext.data.check import FINDINGS, examples

    count = len(scan.flags)
    print(f"{split}: {scan.corpus.name}, {count:,} pairs")
    for unit, lengths in (("words", scan.words), ("pieces", scan.pieces)):
        if lengths is not None:
            for side, values in zip(("source", "target"), lengths, strict=True):
                print(f"  {side} in {unit:7s}{_quantiles(values)}")
    if scan.pieces is not None:
        for i, side in enumerate(("source", "target")):
            pieces, words = scan.pieces[i].sum(), max(1, scan.words[i].sum())
            print(
                f"  {side}: {pieces / words:.2f} pieces a word, {scan.uncovered[i]:.2%} of them unknown"
                " or bytes"
            )
    print(f"  script: source {scan.scripts[0] or 'mixed'}, target {scan.scripts[1] or 'mixed'}")
    found = examples(scan, shown)
    if not found:
        print("  nothing odd found\n")
        return
    for finding in FINDINGS:
        if finding.name not in found:
            continue
        rows = len(scan.rows(finding.name))
        mark = "*" if finding.harmful else " "
        print(
            f"\n{mark} {finding.name}: {rows:,} of the pairs ({rows / count:.2%}); {finding.what}"
        )
        print(f"    {finding.effect}")
        for one in found[finding.name]:
            print(f"    {_shown(one)}")
    print()


def _quantiles(values: object) -> str:
    import numpy as np

    middle, most, nearly, longest = np.quantile(values, [0.5, 0.95, 0.99, 1])  # type: ignore[call-overload]
    return f"median {middle:.0f}, 95 % {most:.0f}, 99 % {nearly:.0f}, longest {longest:.0f}"


def _shown(one: Record) -> str:
    if isinstance(one.row, DataError):
        return str(one.row)
    texts = (text if len(text) <= _WIDTH else f"{text[:_WIDTH]}…" for text in one.row)
    return f"{one.where}: {' | '.join(map(repr, texts))}"  # what cannot be printed is spelled


# --- what is written ------------------------------------------------------------------------------------


def _write(scan: Scan, drop: list[str], path: str) -> None:
    from seqtext.data.check import clean_rows

    left_out: list[str] = []
    names: list[str] = []
    for name in drop:  # a pair is counted once, where it is first found
        before = int(scan.kept(names).sum())
        names.append(name)
        if removed := before - int(scan.kept(names).sum()):
            left_out.append(f"{removed:,} {name}")
    source, target = scan.corpus.columns
    with open_output(path, "--write") as output:
        for row in clean_rows(scan, names):
            pair = dict(zip((source, target), row, strict=True))
            output.write(json.dumps(pair, ensure_ascii=False) + "\n")
    kept = int(scan.kept(names).sum())
    print(
        f"{path}: {kept:,} of {len(scan.flags):,} pairs; left out: {', '.join(left_out) or 'none'}",
        file=sys.stderr,
    )


def _plot(train: Scan, path: Path) -> None:
    import numpy as np
    from matplotlib.figure import Figure

    unit, lengths = ("words", train.words) if train.pieces is None else ("pieces", train.pieces)
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot(xlabel=f"{unit} of a side", ylabel="pairs", yscale="log")
    longest = max(1, *(int(values.max()) for values in lengths))
    bins = np.linspace(0, longest + 1, min(longest + 2, 60))
    axes.hist(lengths, bins=bins, label=["source", "target"])  # type: ignore[arg-type]
    axes.legend()
    axes.set_title(f"{train.corpus.name}, {len(train.flags):,} pairs")
    try:
        figure.savefig(path, dpi=120)
    except OSError as error:
        raise DataError(f"--plot {path}: cannot be written ({error.strerror})") from error
