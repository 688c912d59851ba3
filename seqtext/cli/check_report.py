"""What ``seqtext check`` says of corpora: text, figures and a plot."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from seqtext.cli.outputs import write_whole
from seqtext.errors import DataError

if TYPE_CHECKING:
    from seqtext.check.scan import Lengths, Scan
    from seqtext.data.readers import Record

_WIDTH = 48  # characters of a text that are shown
_LABELS = 4  # labels shown of the most frequent ones, and of the rarest ones


def as_figures(scan: Scan) -> dict[str, object]:
    """Counts of a corpus, for JSON."""
    counts = {finding.name: len(scan.rows(finding.name)) for finding in scan.findings}
    sides = scan.sides
    figures: dict[str, object] = {
        "corpus": scan.corpus.name,
        _kind(scan): len(scan.flags),
        "words": dict(zip(sides, (int(words.sum()) for words in scan.words), strict=True)),
        "scripts": dict(zip(sides, scan.scripts, strict=True)),
        "findings": {name: count for name, count in counts.items() if count},
    }
    if scan.labels is not None:
        figures["labels"] = scan.labels.counts()
    if scan.pieces is not None:
        pieces = (int(pieces.sum()) for pieces in scan.pieces)
        figures["pieces"] = dict(zip(sides, pieces, strict=True))
        figures["uncovered_share"] = dict(zip(sides, scan.uncovered, strict=True))
    return figures


def tell(scans: dict[str, Scan], shown: int, stops: list[str], *, advise: bool) -> None:
    """Print what was found.

    Args:
        scans: The corpora, that of training first.
        shown: Examples of each finding.
        stops: What would stop training.
        advise: Whether to say how to leave rows out.
    """
    for split, scan in scans.items():
        _tell_lengths(split, scan)
        _tell_findings(scan, shown)
    for stop in stops:
        print(f"* {stop}\n")
    if advise:
        rows = "pairs" if scans["train"].labels is None else "rows"
        print(
            f"* --write CLEAN.jsonl leaves these training {rows} out, --drop NAMES some of them\n"
        )


def _tell_lengths(split: str, scan: Scan) -> None:
    count = len(scan.flags)
    print(f"{split}: {scan.corpus.name}, {count:,} {_kind(scan)}")
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


def _tell_findings(scan: Scan, shown: int) -> None:
    from seqtext.check.scan import examples

    counts = {finding: len(scan.rows(finding.name)) for finding in scan.findings}
    if not any(counts.values()):
        print("  nothing odd found\n")
        return
    records = examples(scan, shown)
    for finding, odd in counts.items():
        if not odd:
            continue
        mark, share = "*" if finding.harmful else " ", odd / len(scan.flags)
        print(
            f"\n{mark} {finding.name}: {odd:,} of the {_kind(scan)} ({share:.2%}); {finding.what}"
        )
        print(f"    {finding.effect}")
        for record in records.get(finding.name, []):
            print(f"    {_shown(record)}")
    print()


def _kind(scan: Scan) -> str:
    return "pairs" if scan.labels is None else "texts"


def _labels_told(counts: dict[str, int], rows: int) -> str:
    """The most frequent labels, and the rarest ones."""
    each = [f"{shorten(name)!r} {n:,} ({n / rows:.1%})" for name, n in counts.items()]
    if len(each) > 2 * _LABELS:
        each[_LABELS:-_LABELS] = ["…"]
    return f"{len(counts):,} labels: {', '.join(each)}"


def _quantiles(values: Lengths) -> str:
    import numpy as np

    middle, most, nearly, longest = np.quantile(values, [0.5, 0.95, 0.99, 1])
    return f"median {middle:.0f}, 95 % {most:.0f}, 99 % {nearly:.0f}, longest {longest:.0f}"


def _shown(record: Record) -> str:
    if isinstance(record.row, DataError):
        return str(record.row)
    # repr spells characters that cannot be printed
    return f"{record.where}: {' | '.join(repr(shorten(text)) for text in record.row)}"


def shorten(text: str) -> str:
    """The beginning of a text, as much as is shown."""
    return text if len(text) <= _WIDTH else f"{text[:_WIDTH]}…"


def draw_lengths(train: Scan, path: str) -> None:
    """Write a histogram of the lengths of all rows as PNG.

    Raises:
        DataError: It cannot be written.
    """
    import numpy as np
    from matplotlib.figure import Figure

    unit, lengths = ("words", train.words) if train.pieces is None else ("pieces", train.pieces)
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot(xlabel=f"{unit} of a side", ylabel=_kind(train), yscale="log")
    longest = max(1, *(int(values.max()) for values in lengths))
    bins = np.linspace(0, longest + 1, min(longest + 2, 60))
    axes.hist(lengths, bins=bins, label=list(train.sides))  # type: ignore[arg-type]
    axes.legend()
    axes.set_title(f"{train.corpus.name}, {len(train.flags):,} {_kind(train)}")
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=120)
    write_whole(path, picture.getvalue(), "--plot")
