"""Hub name, files or the built-in grammar -> rows of source and target text."""

from __future__ import annotations

import dataclasses
import glob
import hashlib
import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Required, TypedDict

from seqtext.data import hub
from seqtext.data.files import PACKINGS, open_file
from seqtext.data.readers import (
    READERS,
    SEPARATOR,
    Columns,
    LabelColumns,
    Record,
    Row,
    check_columns,
    fields,
    read_lines,
    records,
)
from seqtext.errors import ConfigError, DataError
from seqtext.values import check_value

Example = tuple[str, list[str]]  # a source and its references
Split = Literal["train", "validation", "test"]
_KNOWN = ", ".join(READERS)
_SAME = {"ndjson": "jsonl"}  # other endings of known formats
_SPREADSHEETS = ("xlsx", "xls", "ods", "numbers")
_ARCHIVES = ("zip", "tar", "tgz", "7z", "rar", "bz2", "xz")
_MOST_WEIGHT = 1_000_000


class CorpusOptions(TypedDict, total=False):
    """A corpus in a configuration: ``CorpusConfig`` as options by name."""

    path: Required[str]
    weight: float
    tag: str | None
    source: str | None
    target: str | None


# An option's type. Not CorpusConfig, for which the option parser would import any text, or read it.
CorpusOption = str | CorpusOptions
CorporaOption = str | Sequence[CorpusOption]


@dataclass(frozen=True, kw_only=True)
class CorpusConfig:
    """One of several corpora: what its options are.

    Args:
        path: As a corpus is named.
        weight: How often an epoch reads it: 0.5 a random half, 3 three times; another half each epoch.
        tag: Put before each source, and a piece of its own: the target language, the domain.
        source: Its column of the source text, where it has another one than ``data.source``.
        target: Likewise for the target text.

    Raises:
        ConfigError: A value is out of range.
    """

    path: str
    weight: float = 1.0
    tag: str | None = None
    source: str | None = None
    target: str | None = None

    @classmethod
    def of(cls, given: CorpusOption, where: str) -> CorpusConfig:
        """From a path, or from options by name.

        Raises:
            ConfigError: An option does not exist, or its value is out of range; names ``where``.
        """
        options: Any = {"path": given} if isinstance(given, str | os.PathLike) else given
        if not isinstance(options, dict):
            raise ConfigError(
                f"{where}: {given!r:.80} ({type(given).__name__}), expected the name of a corpus, or its"
                " options by name"
            )
        known = [field.name for field in dataclasses.fields(cls)]
        for name, value in options.items():
            if name not in known:
                raise ConfigError(f"{where}: no option {name!r}; there are {', '.join(known)}")
            wanted = float if name == "weight" else str
            options = {**options, name: check_value(f"{where}: {name}", value, wanted)}
        if "path" not in options:
            raise ConfigError(f"{where}: {options}, expected a path as well")
        return cls(**options)

    def __post_init__(self) -> None:
        if not 0 < self.weight <= _MOST_WEIGHT:
            raise ConfigError(
                f"data: weight {self.weight} of {self.path}, expected more than 0 and at most"
                f" {_MOST_WEIGHT:,}"
            )
        if self.tag is not None and (not self.tag or self.tag.split() != [self.tag]):
            raise ConfigError(f"data: tag {self.tag!r} of {self.path}, expected a word, as <en>")


def listed(given: Any) -> list[Any]:
    """The corpora that an option names, each for ``CorpusConfig.of``."""
    if given is None:
        return []
    return list(given) if isinstance(given, list | tuple) else [given]


@dataclass(frozen=True)
class Corpus:
    """A place where sentence pairs are, resolved but not yet read.

    Args:
        name: What the user wrote: ``file.{csv,tsv,jsonl,json,parquet,tmx}``, packed (``.gz``, ``.zst``)
            or not, the PREFIX of parallel files ``PREFIX.en`` and ``PREFIX.de``,
            ``builtin:SPLIT:COUNT[:SEED]``, or a hub name (``NAME`` or ``NAME:CONFIG:SPLIT``).
        source: Column of the table (suffix of the file, language of a TMX file) with the source text.
            A dotted name reaches into nested columns: ``translation.en``. In a TSV file two numbers
            name columns of a file without header, counted from 1.
        target: Likewise for the target text; a list of several makes a pair of each.
        split: What it is used for; the split to take where the name does not say.
        tag: Put before each source.
        streamed: Read data from the hub as they come, instead of keeping a copy first.
        labelled: The target is no text but a label, or a list of them: see ``LabelColumns``.
    """

    name: str
    source: str
    target: str
    split: Split = "train"
    tag: str | None = None
    streamed: bool = False
    labelled: bool = False

    @property
    def columns(self) -> Columns:
        """Names of source and target."""
        if self.labelled:
            return LabelColumns(self.source, self.target)
        return self.source, self.target

    def texts_of(self, text: str) -> list[str]:
        """The text, or the two that a labelled row's text is made of."""
        return text.split(f" {SEPARATOR} ", 1) if self.labelled and "+" in self.source else [text]

    @property
    def kind(self) -> str:
        """``builtin``, ``lines``, ``hub``, or the kind of table."""
        if self.name.startswith("builtin:"):
            return "builtin"
        if self._ending in READERS:
            return self._ending
        if self._prefix_files() or _looks_like_path(self.name):
            return "lines"
        return "hub"

    @property
    def _ending(self) -> str:
        """The ending of the name, that of a packing left out: small letters, without a dot."""
        path = Path(self.name.lower())
        ending = Path(path.stem).suffix if path.suffix in PACKINGS else path.suffix
        return _SAME.get(ending[1:], ending[1:])

    @property
    def files(self) -> list[Path]:
        """The local files that hold it.

        Raises:
            DataError: One of them is missing or no file.
        """
        self._check_name()
        if self.kind in ("builtin", "hub"):
            return []
        paths = [Path(self.name)]
        if self.kind == "lines":
            paths = [self._side(side) for side in self.columns]
        for path in paths:
            try:
                there = path.is_file()
            except OSError as error:  # a folder on the way that may not be entered
                raise DataError(f"{path}: cannot be read ({error.strerror})") from error
            if not there:
                raise DataError(self._missing(path))
        return paths

    def _check_name(self) -> None:
        """Refuse what cannot be the name of a corpus.

        Raises:
            DataError: It is empty, an address, or an unknown part of the grammar.
        """
        if not self.name:
            raise DataError(f"the name is empty, expected {_KNOWN}, a PREFIX or a hub name")
        if "://" in self.name:
            raise DataError(
                f"{self.name}: is an address, and nothing is downloaded from there; fetch the file, and give"
                " its name"
            )
        if self.kind == "builtin":
            self._builtin_fields()

    def digest(self) -> str:
        """Of all that decides the rows, the files' content included: cached results hang on it."""
        decisive = (self.name, self.source, self.target, self.split)
        how = (self.tag or "") + ("\nlabels" if self.labelled else "")
        content = hashlib.sha256(repr(decisive).encode() + how.encode())
        paths = self.files
        if self.kind == "builtin":  # its rows are as new as the grammar that makes them
            from seqtext import grammar as builtin

            paths = sorted(Path(builtin.__file__).parent.glob("*.py"))
        for path in paths:
            with open_file(path, unpack=False) as file:
                content.update(hashlib.file_digest(file, "sha256").digest())
        if self.kind == "hub":
            content.update(self._load_hub()[1].encode())
        return content.hexdigest()

    def rows(self) -> Iterator[Row]:
        """All pairs, in order.

        Raises:
            DataError: Something cannot be read as what it should be; names file and line.
        """
        for _, row in self.records():
            if isinstance(row, DataError):
                raise row
            yield row

    def examples(self) -> Iterator[Example]:
        """Sources with all their references: a row whose target is a list has several.

        Raises:
            DataError: See ``rows``.
        """
        for _, group in itertools.groupby(self.records(), key=lambda one: one.where):
            source, targets = "", []
            for _, row in group:
                if isinstance(row, DataError):
                    raise row
                source = row[0]
                targets.append(row[1])
            yield source, targets

    @staticmethod
    def merged(examples: Iterable[Example]) -> list[Example]:
        """One example of each source, with the references of all: a dictionary has a line for each."""
        found: dict[str, list[str]] = {}
        for source, targets in examples:
            found.setdefault(source, []).extend(targets)
        return list(found.items())

    def records(self, *, lenient: bool = False) -> Iterator[Record]:
        """All rows and where they stand; those that cannot be read as well, with the reason.

        Args:
            lenient: Put U+FFFD where bytes are not UTF-8, instead of raising.

        Raises:
            DataError: Nothing more can be read.
        """
        kind, count = self.kind, 0
        if kind == "builtin":
            found = self._builtin()
        elif kind == "hub":
            found = self._hub()
        else:
            found = READERS.get(kind, read_lines)(self.files, self.columns, lenient=lenient)
        for one in found:
            count += 1
            if self.tag is not None and not isinstance(one.row, DataError):
                source, target = one.row
                if source.strip():  # what is empty stays so, and is left out
                    one = Record(one.where, (f"{self.tag} {source}".rstrip(), target))
            yield one
        if not count:
            raise DataError(f"{self.name}: there are no rows in it")

    def estimated_rows(self) -> int | None:
        """About how many rows there are, found without reading them; None where nothing tells.

        Raises:
            DataError: A file cannot be read.
        """
        if self.kind == "builtin":
            count = self.name.split(":")[2:3]
            return int(count[0]) if count and count[0].isdecimal() else None
        if self.kind == "parquet":
            import pyarrow.parquet

            return int(pyarrow.parquet.read_metadata(self.files[0]).num_rows)
        if self.kind not in ("lines", "csv", "tsv", "jsonl"):
            return None
        with open_file(self.files[0]) as file:
            blocks: Iterator[bytes] = iter(lambda: file.read(1 << 20), b"")
            return sum(block.count(b"\n") for block in blocks)

    def _side(self, suffix: str) -> Path:
        """One of two parallel files, packed or not."""
        path = Path(f"{self.name}.{suffix}")
        packed = [Path(f"{path}{packing}") for packing in PACKINGS]
        return next((found for found in (path, *packed) if found.exists()), path)

    def _prefix_files(self) -> list[Path]:
        path = Path(self.name)
        try:
            return sorted(path.parent.glob(f"{glob.escape(path.name)}.*")) if path.name else []
        except (OSError, ValueError):
            return []

    def _missing(self, path: Path) -> str:
        """What to say of a file that is not there."""
        expected = (
            f"expected {_KNOWN}, or the PREFIX of PREFIX.{self.source} and PREFIX.{self.target}"
        )
        there = self._prefix_files() if self.kind == "lines" else []
        if there and not path.is_dir():
            names = ", ".join(map(str, there))
            return (
                f"{path}: no such file; with the prefix {self.name} there are {names}. Name two of the"
                " suffixes with --data.source and --data.target"
            )
        for folder in (path, Path(self.name)):
            if folder.is_dir():
                return f"{folder}: is a folder, {expected}"
        if Path(self.name).is_file():
            return self._other_format(expected)
        return f"{path}: no such file ({expected})"

    def _other_format(self, expected: str) -> str:
        """What to say of a file that no reader is for."""
        suffix = Path(self.name).suffix
        prefix = self.name.removesuffix(suffix)
        if suffix[1:] in self.columns:
            return f"{self.name}: is one side of parallel files; give their prefix, {prefix}"
        if self._ending in _SPREADSHEETS:
            return f"{self.name}: is a spreadsheet; save it as CSV (UTF-8), or as text with tabs named .tsv"
        if self._ending in _ARCHIVES:
            return f"{self.name}: is packed in a way that is not read here; unpack it ({expected})"
        others = [str(one) for one in dataclasses.replace(self, name=prefix)._prefix_files()]
        others = [one for one in others if one != self.name and Corpus(one, "", "").kind == "lines"]
        advice = "if tabs separate source and target, rename it to end with .tsv"
        if others:
            advice = (
                f"if it is one side of parallel files, beside {', '.join(others)}, give their prefix,"
                f" {prefix}, and the two suffixes with --data.source and --data.target"
            )
        return f"{self.name}: its ending does not say what it is ({expected}); {advice}"

    def _builtin_fields(self) -> tuple[Any, list[int]]:
        """Split of the grammar's corpus, and its count and seed."""
        from seqtext import grammar as builtin

        expected = "expected builtin:SPLIT:COUNT[:SEED], for example builtin:train:20000"
        _, *fields = self.name.split(":")
        if len(fields) not in (2, 3) or not all(field.isdecimal() for field in fields[1:]):
            raise DataError(f"{self.name}: {expected}")
        split: Any = fields[0]
        if split not in builtin.SPLITS:
            raise DataError(
                f"{self.name}: no split {split!r}; there are {', '.join(builtin.SPLITS)}"
            )
        return split, [int(field) for field in fields[1:]]

    def _builtin(self) -> Iterator[Record]:
        from seqtext import grammar as builtin

        split, numbers = self._builtin_fields()
        summarized = "summary" in self.columns
        drawn: Iterator[tuple[str, ...]] = (builtin.examples if summarized else builtin.pairs)(
            split, *numbers
        )
        for number, (english, german, *summary) in enumerate(drawn, 1):
            row = {"en": english, "de": german, "source": english, "target": german}
            if summary:
                row["summary"] = summary[0]
            if number == 1:
                check_columns({**row, "summary": ""}, self.columns, self.name)
            yield from records(row, self.columns, f"{self.name}, pair {number}")

    def _hub(self) -> Iterator[Record]:
        dataset, _ = self._load_hub()
        check_columns(dataset.column_names, self.columns, self.name)
        names = dataset.column_names
        there = [
            name if name in names else name.partition(".")[0]
            for name in fields(self.columns, names)
        ]
        for number, row in enumerate(dataset.select_columns(list(dict.fromkeys(there)))):
            where = f"{self.name}, row {number}"
            try:
                yield from records(self._named(row, dataset.features, where), self.columns, where)
            except DataError as error:
                yield Record(where, error)

    def _named(self, row: dict[str, Any], features: Any, where: str) -> dict[str, Any]:
        """A row with the names of its labels, where the hub's data set has numbers and knows names."""
        feature = (features or {}).get(self.target) if self.labelled else None
        names = getattr(feature, "names", None) or getattr(
            getattr(feature, "feature", None), "names", None
        )
        if names is None:
            return row
        numbers = row[self.target]
        several = numbers if isinstance(numbers, list) else [numbers]
        if not all(isinstance(one, int) and 0 <= one < len(names) for one in several):
            raise DataError(
                f"{where}: column {self.target!r} holds {numbers!r}, no label (test sets of the hub often"
                " hide theirs); choose another split, as NAME:CONFIG:SPLIT"
            )
        return {**row, self.target: [names[one] for one in several]}

    def _load_hub(self) -> tuple[Any, str]:
        """The data set of a hub name, and its fingerprint.

        Raises:
            DataError: It cannot be reached, or there is no such data, configuration or split.
        """
        self._check_name()
        name, _, rest = self.name.partition(":")
        config, _, split = rest.partition(":")
        if self.name.count(":") not in (0, 2):
            raise DataError(f"{self.name}: expected a hub name NAME or NAME:CONFIG:SPLIT")
        try:
            return hub.load(name, config or None, split or self.split, self.streamed)
        except Exception as error:  # the hub's client raises whatever its transport does
            reason = str(error).strip().split("\n")[0] or type(error).__name__
            raise DataError(
                f"{self.name}: is no file here, and cannot be had from the hub either ({reason})."
                f" Local data is a table ({_KNOWN}) or the prefix of two parallel files"
            ) from error


def _looks_like_path(name: str) -> bool:
    # a hub name is NAME or USER/NAME; whatever lies in an existing folder, or deeper, is a path
    path = Path(name)
    return (
        name.startswith((".", "/", "~", "\\"))
        or len(path.parts) > 2
        or os.path.exists(path)
        or (len(path.parts) == 2 and os.path.isdir(path.parent))
    )
