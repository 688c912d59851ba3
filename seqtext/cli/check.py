"""``seqtext check``: what is odd about a corpus, what it does to training, and a copy without it."""

from __future__ import annotations

import argparse
import functools
import io
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seqtext import files
from seqtext.cli.corpora import add_columns, add_corpus, add_label_columns
from seqtext.cli.outputs import check_output, write_errors, write_whole
from seqtext.cli.progress import watched_rows
from seqtext.cli.streams import as_json
from seqtext.errors import ConfigError, DataError

if TYPE_CHECKING:
    from seqtext.check.scan import Scan
    from seqtext.data.corpus import Corpus
    from seqtext.data.labels import Labels
    from seqtext.data.readers import Record, Row
    from seqtext.data.tokenizer import Tokenizer

FOUND = 3  # exit status
_WIDTH = 48  # characters of a text that are shown
_LABELS = 4  # shown of the most frequent ones, and of the rarest ones


def parser() -> argparse.ArgumentParser:
    """The options; importing and asking for help stays light."""
    parser = argparse.ArgumentParser(
        prog="seqtext check",
        usage="%(prog)s --data.train PATH [--KEY VALUE]…",
        description="Look at every row of a corpus before it is trained on: pairs, or texts with labels."
        f" Exit status 0: nothing harmful, or no more of it in what --write has written; {FOUND}: there are"
        " rows that are better left out.",
    )
    add_corpus(parser, "train", required=True)
    add_corpus(parser, "validation")
    add_corpus(parser, "test")
    add_columns(parser, filled=False)
    add_label_columns(parser)
    parser.add_argument(
        "--data.several_labels", dest="several_labels", nargs="?", const="true", default="false",
        type=str.lower, choices=("true", "false"), help="a text can have several labels, or none",
    )  # fmt: skip
    parser.add_argument(
        "--data.label_separator", dest="label_separator", metavar="S",
        help="what stands between several labels in one field",
    )  # fmt: skip
    parser.add_argument(
        "--data.out_of_scope", dest="out_of_scope", metavar="LABEL",
        help="what texts are labelled that belong to no label",
    )  # fmt: skip
    parser.add_argument(
        "--tokenizer", metavar="F",
        help="a SentencePiece file, a checkpoint or a run: count pieces, and what it does not know",
    )  # fmt: skip
    parser.add_argument(
        "--write", metavar="F.jsonl", help="write the training rows without what is dropped"
    )
    parser.add_argument(
        "--drop", metavar="NAMES",
        help="findings that --write leaves out, by comma (default: all that are harmful)",
    )  # fmt: skip
    parser.add_argument("--plot", metavar="F.png", help="draw the lengths of all rows")
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
    from seqtext.check.findings import FINDINGS, LABEL_FINDINGS, harmful
    from seqtext.check.scan import mark_overlap, scan
    from seqtext.data.corpus import Corpus

    if options.examples < 0:
        raise ConfigError(f"--examples {options.examples}: expected at least 0")
    labels = _labels(options)
    findings = FINDINGS if labels is None else LABEL_FINDINGS
    drop = harmful(findings)
    if options.drop is not None:
        drop = [name for name in options.drop.split(",") if name]
        known = [finding.name for finding in findings]
        for name in drop:
            if name not in known:
                raise ConfigError(f"--drop {name}: no such finding; there are {', '.join(known)}")
        if options.write is None:
            raise ConfigError(
                f"--drop {options.drop}: is what --write leaves out; name a file with --write"
            )
    _check_outputs(options)
    tokenizers = _tokenizers(options.tokenizer) if options.tokenizer else []
    columns = options.source or "source", options.target or "target"
    if labels is not None:
        columns = options.text or "text", options.label or "label"
    scans = {}
    for split in ("train", "validation", "test"):
        if (name := getattr(options, split)) is not None:
            if name.startswith("split:"):
                raise ConfigError(
                    f"--data.{split} {name}: takes training rows, which are looked at anyway"
                )
            if name.startswith("["):
                raise ConfigError(
                    f"--data.{split} {name}: a list; check looks at one corpus at a time"
                )
            corpus = Corpus(name, *columns, split, labelled=labels is not None)
            watch = functools.partial(watched_rows, estimate=corpus.estimated_rows)
            scans[split] = scan(corpus, tokenizers, labels, watch)
    train = scans["train"]
    mark_overlap(train, [found for split, found in scans.items() if split != "train"])
    whole = _compare_labels(scans) if labels is not None else []
    odd = [not found.kept(harmful(findings)).all() for found in scans.values()]
    if options.format == "json":
        figures: dict[str, object] = {split: _figures(found) for split, found in scans.items()}
        print(json.dumps({**figures, "stops": whole} if whole else figures))
    else:
        for split, found in scans.items():
            _tell(split, found, options.examples)
        for one in whole:
            print(f"* {one}\n")
        if odd[0] and options.write is None:
            rows = "pairs" if labels is None else "rows"
            print(
                f"* --write CLEAN.jsonl leaves these training {rows} out, --drop NAMES some of them\n"
            )
    if options.plot is not None:
        _plot(train, options.plot)
    if options.write is not None:
        # what cannot be read cannot be written
        drop = list(dict.fromkeys(["unreadable", *drop]))
        _write(train, drop, options.write)
        odd[0] = bool((train.kept(drop) & ~train.kept(harmful(findings))).any())
    return FOUND if any(odd) or whole else 0


def _labels(options: argparse.Namespace) -> Labels | None:
    """How labels are read; None where rows are pairs."""
    of_labels = options.text, options.label, options.label_separator, options.out_of_scope
    several = options.several_labels == "true"
    if not several and all(one is None for one in of_labels):
        return None
    if options.source is not None or options.target is not None:
        raise ConfigError(
            "--data.source and --data.target are of pairs, --data.text and --data.label of texts with"
            " labels: which are these?"
        )
    from seqtext.data.labels import Labels, check_text_column

    check_text_column(options.text or "text")
    outside = None if options.out_of_scope is None else options.out_of_scope.strip()
    return Labels(several=several, separator=options.label_separator, out_of_scope=outside)


def _compare_labels(scans: dict[str, Scan]) -> list[str]:
    """Mark the held-out rows whose labels training does not know; what training as a whole stops at."""
    from seqtext.check.labels import mark_unknown, stops

    rows = {split: found.labels for split, found in scans.items() if found.labels is not None}
    train = rows.pop("train")
    for split, of_split in rows.items():
        mark_unknown(train, of_split, scans[split].flags)
    return stops(train, rows.get("validation"))


def _check_outputs(options: argparse.Namespace) -> None:
    for option, suffix in (("write", ".jsonl"), ("plot", ".png")):
        path = getattr(options, option)
        if path is None:
            continue
        if not path.endswith(suffix):
            raise ConfigError(f"--{option} {path}: expected a name that ends with {suffix}")
        check_output(path, f"--{option}")
        if Path(path).exists():
            raise DataError(f"--{option} {path}: exists already; remove it, or choose another name")


def _tokenizers(path: str) -> list[Tokenizer]:
    """Of source and target; a classifier has but one."""
    from seqtext import assets, checkpoint
    from seqtext.data.tokenizer import Tokenizer

    if os.path.isdir(path) or path.endswith(".ckpt"):
        both = checkpoint.load_any(path).tokenizers
        return [
            side if isinstance(side, Tokenizer) else both.source
            for side in (both.source, both.target)
        ]
    one = Tokenizer.load(assets.find(path))
    return [one, one]


# --- what is told ---------------------------------------------------------------------------------------


def _figures(scan: Scan) -> dict[str, object]:
    found = {finding.name: len(scan.rows(finding.name)) for finding in scan.findings}
    sides = scan.sides
    figures: dict[str, object] = {
        "corpus": scan.corpus.name,
        "pairs" if scan.labels is None else "texts": len(scan.flags),
        "words": dict(zip(sides, (int(words.sum()) for words in scan.words), strict=True)),
        "scripts": dict(zip(sides, scan.scripts, strict=True)),
        "findings": {name: count for name, count in found.items() if count},
    }
    if scan.labels is not None:
        figures["labels"] = scan.labels.counts()
    if scan.pieces is not None:
        pieces = (int(pieces.sum()) for pieces in scan.pieces)
        figures["pieces"] = dict(zip(sides, pieces, strict=True))
        figures["uncovered_share"] = dict(zip(sides, scan.uncovered, strict=True))
    return figures


def _tell(split: str, scan: Scan, shown: int) -> None:
    from seqtext.check.scan import examples

    count, rows = len(scan.flags), "pairs" if scan.labels is None else "texts"
    print(f"{split}: {scan.corpus.name}, {count:,} {rows}")
    for unit, lengths in (("words", scan.words), ("pieces", scan.pieces)):
        if lengths is not None:
            for side, values in zip(scan.sides, lengths, strict=True):
                print(f"  {side} in {unit:7s}{_quantiles(values)}")
    if scan.pieces is not None:
        for i, side in enumerate(scan.sides):
            pieces, words = scan.pieces[i].sum(), max(1, scan.words[i].sum())
            print(
                f"  {side}: {pieces / words:.2f} pieces a word, {scan.uncovered[i]:.2%} of them unknown"
                " or bytes"
            )
    scripts = (
        f"{side} {script or 'mixed'}" for side, script in zip(scan.sides, scan.scripts, strict=True)
    )
    print(f"  script: {', '.join(scripts)}")
    if scan.labels is not None:
        print(f"  {_labels_told(scan.labels.counts(), count)}")
    counts = {finding: len(scan.rows(finding.name)) for finding in scan.findings}
    if not any(counts.values()):
        print("  nothing odd found\n")
        return
    found = examples(scan, shown)
    for finding, odd in counts.items():
        if not odd:
            continue
        mark = "*" if finding.harmful else " "
        print(f"\n{mark} {finding.name}: {odd:,} of the {rows} ({odd / count:.2%}); {finding.what}")
        print(f"    {finding.effect}")
        for one in found.get(finding.name, []):
            print(f"    {_shown(one)}")
    print()


def _labels_told(counts: dict[str, int], rows: int) -> str:
    """The most frequent labels, and the rarest ones."""
    each = [f"{_short(name)!r} {n:,} ({n / rows:.1%})" for name, n in counts.items()]
    if len(each) > 2 * _LABELS:
        each[_LABELS:-_LABELS] = ["…"]
    return f"{len(counts):,} labels: {', '.join(each)}"


def _quantiles(values: object) -> str:
    import numpy as np

    middle, most, nearly, longest = np.quantile(values, [0.5, 0.95, 0.99, 1])  # type: ignore[call-overload]
    return f"median {middle:.0f}, 95 % {most:.0f}, 99 % {nearly:.0f}, longest {longest:.0f}"


def _shown(one: Record) -> str:
    if isinstance(one.row, DataError):
        return str(one.row)
    # what cannot be printed is spelled
    return f"{one.where}: {' | '.join(repr(_short(text)) for text in one.row)}"


def _short(text: str) -> str:
    return text if len(text) <= _WIDTH else f"{text[:_WIDTH]}…"


# --- what is written ------------------------------------------------------------------------------------


def _write(scan: Scan, drop: list[str], path: str) -> None:
    from seqtext.check.scan import clean_rows

    left_out: list[str] = []
    names: list[str] = []
    for name in drop:  # a pair is counted once, where it is first found
        before = int(scan.kept(names).sum())
        names.append(name)
        if removed := before - int(scan.kept(names).sum()):
            left_out.append(f"{removed:,} {name}")
    with write_errors(path, "--write"), files.whole(path) as output:
        for row in clean_rows(scan, names):
            output.write(f"{as_json(_fields(scan.corpus, row))}\n".encode())
    which = scan.kept(names)
    kept, rows = int(which.sum()), "pairs" if scan.labels is None else "texts"
    if scan.labels is not None:
        for lost in sorted(scan.labels.learned() - scan.labels.learned(which)):
            print(f"{path}: no text with the label {_short(lost)!r} is left", file=sys.stderr)
    print(
        f"{path}: {kept:,} of {len(scan.flags):,} {rows}; left out: {', '.join(left_out) or 'none'}",
        file=sys.stderr,
    )


def _fields(corpus: Corpus, row: Row) -> dict[str, str | list[str]]:
    """What the readers make ``row`` of again."""
    if not corpus.labelled:
        return dict(zip(corpus.columns, row, strict=True))
    text, label = row
    texts, several = corpus.texts_of(text), label.split("\n")
    # a single column may have a + in its name
    names = corpus.source.split("+") if len(texts) > 1 else [corpus.source]
    return {
        **dict(zip(names, texts, strict=True)),
        corpus.target: several if len(several) > 1 else label,
    }


def _plot(train: Scan, path: str) -> None:
    import numpy as np
    from matplotlib.figure import Figure

    unit, lengths = ("words", train.words) if train.pieces is None else ("pieces", train.pieces)
    figure = Figure(figsize=(7, 4), layout="constrained")
    rows = "pairs" if train.labels is None else "texts"
    axes = figure.add_subplot(xlabel=f"{unit} of a side", ylabel=rows, yscale="log")
    longest = max(1, *(int(values.max()) for values in lengths))
    bins = np.linspace(0, longest + 1, min(longest + 2, 60))
    axes.hist(lengths, bins=bins, label=list(train.sides))  # type: ignore[arg-type]
    axes.legend()
    axes.set_title(f"{train.corpus.name}, {len(train.flags):,} {rows}")
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=120)
    write_whole(path, picture.getvalue(), "--plot")
