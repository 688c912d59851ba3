"""What is odd about the labels of a corpus."""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Collection
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from seqtext.check.characters import look
from seqtext.check.findings import bit
from seqtext.data.labels import Labels

Flags = npt.NDArray[np.uint32]
Mask = npt.NDArray[np.bool_]

_FEW = 5  # rows of a label


class LabelledRows(NamedTuple):
    """Labels of N rows."""

    labels: Labels  # how they are read. Its names do not count
    of_rows: npt.NDArray[np.int64]  # (N,) places in ``known``, -1 where a row cannot be read
    known: list[tuple[str, ...]]  # names of labels that some rows have

    def counts(self, which: Mask | None = None) -> dict[str, int]:
        """How many of the rows ``which`` have each label, the most frequent first."""
        places = self.of_rows if which is None else self.of_rows[which]
        rows = np.bincount(places[places >= 0], minlength=len(self.known)).tolist()
        labels: Counter[str] = Counter()
        for names, count in zip(self.known, rows, strict=True):
            if count:
                labels.update(dict.fromkeys(names, count))
        return dict(labels.most_common())

    def learned(self, which: Mask | None = None) -> set[str]:
        """The labels that training on the rows ``which`` would learn."""
        return self.counts(which).keys() - {"", self.labels.out_of_scope}

    def having(self, wanted: Collection[str]) -> Mask:
        """(N,) rows with one of these labels."""
        return self._rows([not set(names).isdisjoint(wanted) for names in self.known])

    def flags(self) -> Flags:
        """(N,) what is odd about the labels alone."""
        labels, counts = self.labels, self.counts()
        few = {name for name, rows in counts.items() if rows < _FEW}
        marks = {
            "rare": self.having(few & self.learned()),
            "alike": self.having(_alike(counts)),
            "joined": self.having({name for name in counts if labels.separator_in(name, counts)}),
            "unlabelled": self._rows(
                [
                    not (labels.several or any(names) or labels.out_of_scope == "")
                    for names in self.known
                ]
            ),
            "several": self._rows(
                [not labels.several and any("\n" in name for name in names) for names in self.known]
            ),
        }
        flags = np.array([_odd(names) for names in self.known] + [0], dtype=np.uint32)[self.of_rows]
        for name, which in marks.items():
            flags[which] |= np.uint32(bit(name))
        return flags

    def _rows(self, of_known: list[bool]) -> Mask:
        # row -1, which cannot be read, takes the last value
        mask: Mask = np.array([*of_known, False])[self.of_rows]
        return mask


class LabelReading:
    """Collects ``LabelledRows``."""

    def __init__(self, labels: Labels) -> None:
        self._labels, self._of_rows = labels, array("q")
        self._known: dict[tuple[str, ...], int] = {}
        self._of_text: dict[str, tuple[str, ...]] = {}

    def add(self, text: str | None) -> tuple[str, ...]:
        """Add a row's labels, None where it cannot be read. Returns their names, sorted."""
        if text is None:
            self._of_rows.append(-1)
            return ()
        names = self._of_text.get(text)
        if names is None:
            names = self._of_text[text] = tuple(sorted(set(self._labels.split(text))))
        self._of_rows.append(self._known.setdefault(names, len(self._known)))
        return names

    def done(self) -> LabelledRows:
        """All of them."""
        return LabelledRows(self._labels, np.array(self._of_rows, np.int64), list(self._known))


def mark_unknown(train: LabelledRows, held_out: LabelledRows, flags: Flags) -> None:
    """Mark held-out rows with a label that no training row has. No held-out label counts as rare."""
    unknown = held_out.having(held_out.learned() - train.learned())
    flags[unknown] |= np.uint32(bit("unknown"))
    flags &= ~np.uint32(bit("rare"))


def stops(train: LabelledRows, validation: LabelledRows | None) -> list[str]:
    """What would stop training in the corpora as a whole."""
    labels, outside = train.labels, train.labels.out_of_scope
    messages, learned = [], train.learned()
    if len(learned) < (fewest := 1 if labels.several else 2):
        messages.append(
            f"training needs {fewest} labels, and there are {len(learned)}; is it the right column?"
        )
    both = [rows for rows in (train, validation) if rows is not None]
    if outside is not None and not any(outside in rows.counts() for rows in both):
        messages.append(
            f"no text of the training or validation set is labelled {outside!r} (out_of_scope)"
        )
    if validation is not None and not (validation.learned() or labels.several):
        messages.append("every text of the validation set is out of scope")
    return messages


def _alike(counts: dict[str, int]) -> set[str]:
    """Labels that a more frequent one is but for case and spaces."""
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for name in counts:
        groups[name.strip().casefold()].append(name)
    return {name for names in groups.values() for name in names[1:]}


def _odd(names: tuple[str, ...]) -> int:
    flags = 0
    for name in names:
        for line in name.split("\n"):
            flags |= look(line)[1]
    return flags
