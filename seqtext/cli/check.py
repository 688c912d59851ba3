"""``seqtext check``: what is odd about a corpus, what it does to training, and a copy without it."""

from __future__ import annotations

import argparse
import functools
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seqtext import files
from seqtext.cli.check_report import as_figures, draw_lengths, shorten, tell
from seqtext.cli.corpora import add_columns, add_corpus, add_format, add_label_columns
from seqtext.cli.flags import Parser
from seqtext.cli.outputs import check_output, write_errors
from seqtext.cli.progress import watched_rows
from seqtext.cli.streams import as_json
from seqtext.errors import ConfigError, DataError

if TYPE_CHECKING:
    from seqtext.check.findings import Finding
    from seqtext.check.scan import Scan
    from seqtext.data.corpus import Corpus
    from seqtext.data.labels import Labels
    from seqtext.data.readers import Row
    from seqtext.data.tokenizer import Tokenizer

HARMFUL = 3  # exit status where harmful rows remain


def parser() -> Parser:
    """The options. Importing this and asking for help stays light."""
    parser = Parser(
        "check",
        "--data.train PATH [--KEY VALUE]…",
        "Look at every row of a corpus before it is trained on: pairs, or texts with labels. Exit status"
        f" {HARMFUL} means that harmful rows remain, 0 that none do, or that --write has left them out.",
    )
    add_corpus(parser, "train", required=True)
    add_corpus(parser, "validation")
    add_corpus(parser, "test")
    add_format(parser)
    add_columns(parser, filled=False)
    add_label_columns(parser)
    parser.add_argument(
        "--data.several_labels", dest="several_labels", nargs="?", const="true", default="false",
        type=str.lower, choices=("true", "false"), help="a text can have several labels, or none",
    )  # fmt: skip
    parser.add_argument(
        "--data.label_separator", dest="label_separator", metavar="S",
        help="separator between several labels in one field",
    )  # fmt: skip
    parser.add_argument(
        "--data.out_of_scope", dest="out_of_scope", metavar="LABEL",
        help="label of the texts that belong to no label",
    )  # fmt: skip
    parser.add_argument(
        "--tokenizer", metavar="F",
        help="a SentencePiece file, a checkpoint or a run: count pieces, known and unknown",
    )  # fmt: skip
    parser.add_argument(
        "--write", metavar="F.jsonl", help="write the training rows without those of --drop"
    )
    parser.add_argument(
        "--drop", metavar="NAMES",
        help="findings that --write leaves out, by comma (default: all harmful ones)",
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
    """Read, report, write. Returns the exit status."""
    options = parser().parse(arguments)
    from seqtext.check.findings import FINDINGS, LABEL_FINDINGS, harmful
    from seqtext.check.scan import mark_overlap

    if options.examples < 0:
        raise ConfigError(f"--examples {options.examples}: expected at least 0")
    labels = _labels(options)
    drop = _dropped(options, FINDINGS if labels is None else LABEL_FINDINGS)
    _check_outputs(options)
    scans = _scan_splits(options, labels)
    train, *held_out = scans.values()
    mark_overlap(train, held_out)
    stops = _compare_labels(scans) if labels is not None else []
    odd = [not scan.kept(harmful(scan.findings)).all() for scan in scans.values()]
    if options.format == "json":
        figures: dict[str, object] = {split: as_figures(scan) for split, scan in scans.items()}
        print(json.dumps({**figures, "stops": stops} if stops else figures))
    else:
        tell(scans, options.examples, stops, advise=odd[0] and options.write is None)
    if options.plot is not None:
        draw_lengths(train, options.plot)
    if options.write is not None:
        # rows that cannot be read cannot be written
        drop = list(dict.fromkeys(["unreadable", *drop]))
        _write(train, drop, options.write)
        odd[0] = bool((train.kept(drop) & ~train.kept(harmful(train.findings))).any())
    return HARMFUL if any(odd) or stops else 0


def _dropped(options: argparse.Namespace, findings: list[Finding]) -> list[str]:
    """Names of the findings that ``--write`` leaves out.

    Raises:
        ConfigError: There is no such finding, or nothing is written.
    """
    from seqtext.check.findings import harmful

    if options.drop is None:
        return harmful(findings)
    drop = [name for name in options.drop.split(",") if name]
    known = [finding.name for finding in findings]
    for name in drop:
        if name not in known:
            raise ConfigError(f"--drop {name}: no such finding. There are {', '.join(known)}")
    if options.write is None:
        raise ConfigError(
            f"--drop {options.drop}: says what --write leaves out. Name a file with --write"
        )
    return drop


def _scan_splits(options: argparse.Namespace, labels: Labels | None) -> dict[str, Scan]:
    """Read each corpus, that of training first.

    Raises:
        ConfigError: One option names several corpora.
    """
    from seqtext.check.scan import scan
    from seqtext.data.corpus import Corpus
    from seqtext.data.held_out import NAMED

    tokenizers = _tokenizers(options.tokenizer) if options.tokenizer else []
    columns = options.source or "source", options.target or "target"
    if labels is not None:
        columns = options.text or "text", options.label or "label"
    scans = {}
    for split in ("train", "validation", "test"):
        name = getattr(options, split)
        if name is None:
            continue
        if name.startswith(NAMED):
            raise ConfigError(
                f"--data.{split} {name}: names training rows, which are checked anyway"
            )
        if name.startswith("["):
            raise ConfigError(f"--data.{split} {name}: is a list, expected one corpus")
        corpus = Corpus(
            name, *columns, split, labelled=labels is not None, format=options.corpus_format
        )
        watch = functools.partial(watched_rows, estimate=corpus.estimated_rows)
        scans[split] = scan(corpus, tokenizers, labels, watch)
    return scans


def _labels(options: argparse.Namespace) -> Labels | None:
    """How labels are read, or None where rows are pairs."""
    named = options.text, options.label, options.label_separator, options.out_of_scope
    several = options.several_labels == "true"
    columns = options.source, options.target
    if not several and named == (None,) * len(named):
        if columns != (None, None) or not _have_labels(options):
            return None
        print("check: the rows have a text and a label: texts with labels", file=sys.stderr)
    if columns != (None, None):
        raise ConfigError(
            "--data.source and --data.target: name columns of pairs. --data.text and --data.label name those"
            " of texts with labels. Give only one kind"
        )
    from seqtext.data.labels import Labels

    outside = None if options.out_of_scope is None else options.out_of_scope.strip()
    return Labels(several=several, separator=options.label_separator, out_of_scope=outside)


def _have_labels(options: argparse.Namespace) -> bool:
    """Whether training rows have a text and a label, and no source and target."""
    from seqtext.data.corpus import Corpus
    from seqtext.data.survey import survey

    for labelled in (False, True):
        names = ("text", "label") if labelled else ("source", "target")
        try:
            corpus = Corpus(
                options.train, *names, "train", labelled=labelled, format=options.corpus_format
            )
            if survey([corpus]) is not None:
                return labelled
        except (ConfigError, DataError):  # the scan says it
            continue
    return False


def _compare_labels(scans: dict[str, Scan]) -> list[str]:
    """Mark held-out rows with labels that no training row has, and say what would stop training."""
    from seqtext.check.labels import mark_unknown, stops

    rows = {split: scan.labels for split, scan in scans.items() if scan.labels is not None}
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
            raise DataError(f"--{option} {path}: exists already. Remove it, or choose another name")


def _tokenizers(path: str) -> list[Tokenizer]:
    """The tokenizers of source and target. A classifier has one for both."""
    from seqtext import assets, checkpoint
    from seqtext.checkpoint.location import models_in
    from seqtext.data.tokenizer import Tokenizer

    if os.path.isdir(path) or path.endswith(".ckpt"):
        both = checkpoint.load_any(models_in(path)[0]).tokenizers
        return [
            side if isinstance(side, Tokenizer) else both.source
            for side in (both.source, both.target)
        ]
    tokenizer = Tokenizer.load(assets.find(path))
    return [tokenizer, tokenizer]


def _write(scan: Scan, drop: list[str], path: str) -> None:
    from seqtext.check.scan import clean_rows

    left_out: list[str] = []
    names: list[str] = []
    for name in drop:  # a row with several findings counts for the first
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
            print(f"{path}: no text with the label {shorten(lost)!r} is left", file=sys.stderr)
    print(
        f"{path}: {kept:,} of {len(scan.flags):,} {rows}; left out: {', '.join(left_out) or 'none'}",
        file=sys.stderr,
    )


def _fields(corpus: Corpus, row: Row) -> dict[str, str | list[str]]:
    """The fields of a row, so that the readers read the same row again."""
    source, target = row
    several = target.split("\n") if corpus.labelled else [target]
    return {**corpus.fields_of(source), corpus.target: several if len(several) > 1 else target}
