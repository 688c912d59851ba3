"""Names of labels to ids and back: what a classifier has on its target side."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import random
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from seqtext.data.readers import SEPARATOR, Record, Row
from seqtext.data.tokenizer import SPACE, Tokenizer, TokenizerConfig
from seqtext.errors import ConfigError, DataError
from seqtext.suggestion import suggest
from seqtext.values import read_fields

if TYPE_CHECKING:
    from seqtext.data.batch import LabelledBatch

_SEPARATORS = (",", ";", "|", "/", "+")  # that files have between several labels


@dataclass(frozen=True)
class Labels:
    """The labels that a classifier tells apart. ``bytes(labels)`` is the whole of it.

    Args:
        names: Name of each label. Its id is its place. Empty before ``learn``.
        several: Whether a text can have several labels, or none.
        separator: What stands between several labels in one text, beside a line break.
        out_of_scope: The label of rows that belong to none of the labels.

    White space around a label is no part of it.

    Raises:
        ConfigError: Two of the options contradict each other.
    """

    names: tuple[str, ...] = ()
    several: bool = False
    separator: str | None = None
    out_of_scope: str | None = None

    def __post_init__(self) -> None:
        if self.separator is not None and not self.several:
            raise ConfigError("data.label_separator: of what? Set data.several_labels as well")
        if self.separator == "":
            raise ConfigError("data.label_separator: is empty, expected what stands between labels")
        if self.out_of_scope is not None and self.several:
            raise ConfigError(
                "data.out_of_scope: a text that can have several labels can have none; give such rows an"
                " empty label"
            )

    def learn(self, texts: Iterable[str]) -> Labels:
        """Add the labels of a training corpus in alphabetical order, numbers by size.

        Raises:
            DataError: There are fewer than two (one, where a text can have several).
        """
        parts = {name for text in set(texts) for name in self.split(text)} - {self._outside}
        # wrong names are refused when the rows are read, with file and line
        names = sorted((part for part in parts if part and "\n" not in part), key=_order)
        if len(names) < (1 if self.several else 2):
            if lists := sorted(part for part in parts if "\n" in part):
                raise DataError(f"data.label: {self._unknown(lists[0])}")
            raise DataError(
                f"data.label: there {'is' if len(names) == 1 else 'are'} {len(names)} label(s) in the"
                f" training corpus ({', '.join(map(repr, names))}), expected at least two; is it the right"
                " column?"
            )
        return dataclasses.replace(self, names=tuple(names))

    @classmethod
    def load(cls, content: bytes) -> Labels:
        """Read ``bytes(labels)``.

        Raises:
            ValueError: The bytes hold something else.
        """
        try:
            fields = json.loads(content)
        except RecursionError as error:
            raise ValueError("labels: nested too deeply") from error
        return read_fields(cls, fields, "labels")

    def __bytes__(self) -> bytes:
        return json.dumps(vars(self), ensure_ascii=False).encode()

    @property
    def fingerprint(self) -> str:
        """Hexadecimal digest."""
        return hashlib.sha256(bytes(self)).hexdigest()

    @property
    def vocab_size(self) -> int:
        """Number of labels."""
        return len(self.names)

    @property
    def _outside(self) -> str | None:
        """``out_of_scope`` as ``split`` returns it. Older checkpoints keep white space around names."""
        return None if self.out_of_scope is None else self.out_of_scope.strip()

    @property
    def count(self) -> int | None:
        """Number of labels where a text can have several, otherwise None."""
        return self.vocab_size if self.several else None

    def read(self, records: Iterable[Record]) -> Iterator[tuple[str, list[int]]]:
        """Each row's text, and the ids of its labels.

        Raises:
            DataError: A row cannot be read, or see ``encode``. The message names file and line.
        """
        known: dict[str, list[int]] = {}
        for where, row in records:
            if isinstance(row, DataError):
                raise row
            text, label = row
            if label not in known:
                try:
                    [known[label]] = self.encode([label])
                except DataError as error:
                    raise DataError(f"{where}: {error}") from None
            yield text, known[label]

    def split(self, text: str) -> list[str]:
        """The names in the label column's text."""
        lines = text.split("\n")
        if not self.several:
            return ["\n".join(line.strip() for line in lines)]
        if self.separator is not None:
            lines = [part for line in lines for part in line.split(self.separator)]
        return [name for line in lines if (name := line.strip())]

    @staticmethod
    def separator_in(name: str, known: Collection[str]) -> str | None:
        """The separator between the parts of ``name``, if all parts are among ``known``."""
        for separator in _SEPARATORS:
            parts = [part.strip() for part in name.split(separator)]
            if len(parts) > 1 and all(part and part in known for part in parts):
                return separator
        return None

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of each row's labels, ascending. A row that is out of scope has none.

        Raises:
            DataError: A label is unknown, or a row has several where it can have one.
        """
        ids = {name.strip(): i for i, name in enumerate(self.names)}
        ids |= {name: i for i, name in enumerate(self.names)}
        rows = []
        for text in texts:
            names = [name for name in self.split(text) if name != self._outside]
            for name in names:
                if name not in ids:
                    raise DataError(self._unknown(name))
            rows.append(sorted({ids[name] for name in names}))
        return rows

    def _unknown(self, name: str) -> str:
        if not self.several and "\n" in name:
            names = ", ".join(map(repr, name.split("\n")))
            return f"a row has several labels ({names}), expected one; data.several_labels allows several"
        if (separator := self.separator_in(name, self.names)) is not None:
            return (
                f"{name!r} is no label of the training corpus, but its parts between {separator!r} are; if"
                f" a text can have several, set data.several_labels and data.label_separator {separator!r}"
            )
        if not name:
            return "a row has an empty label, expected a name; leave such rows out"
        some = ", ".join(map(repr, self.names[:10]))
        more = f" and {len(self.names) - 10} more" if len(self.names) > 10 else ""
        return (
            f"label {name!r} is none of the training corpus, which has {some}{more}"
            f"{suggest(name, self.names)}; leave such rows out, or"
            f" call them out of scope when training (data.out_of_scope {name})"
        )


def _order(name: str) -> tuple[bool, int, str]:
    return (False, int(name), name) if name.isdecimal() else (True, 0, name)


class TextAndLabels(NamedTuple):
    """A classifier's ``Tokenizers``."""

    source: Tokenizer
    target: Labels

    @property
    def sizes(self) -> tuple[int, int]:
        """Numbers of pieces and of labels."""
        return self.source.vocab_size, self.target.vocab_size

    @property
    def spellings(self) -> list[str]:
        """What each piece adds to a text. An end or a piece without text is a space."""
        own, blank = self.source, {self.source.bos, self.source.eos, *self.source.control_ids}
        pieces = own.pieces(range(own.vocab_size))
        return [SPACE if i in blank else piece for i, piece in enumerate(pieces)]

    @property
    def described(self) -> str:
        """These numbers, for a message."""
        pieces, labels = self.sizes
        return f"{pieces:,} pieces; {labels:,} labels"

    def cut(self, ids: list[int], limit: int | None) -> list[int]:
        """The first ids of a text. Of two texts the longer one is cut first."""
        if limit is None or len(ids) <= limit:
            return ids
        separator = self.source.id_of(SEPARATOR)
        if separator not in ids:
            return ids[:limit]
        place, room = ids.index(separator), limit - 1
        after = len(ids) - place - 1
        first = min(place, max(room - after, room - room // 2))
        return [*ids[:first], *ids[place : place + 1 + room - first]]

    def encode_pairs(
        self, sources: Sequence[str], targets: Sequence[str]
    ) -> tuple[list[list[int]], list[list[int]]]:
        """Ids of texts and of their labels.

        Raises:
            DataError: See ``Labels.encode``.
        """
        return self.source.encode(sources), self.target.encode(targets)

    def sample_pairs(
        self, rows: Sequence[Row], config: TokenizerConfig, keys: Sequence[str]
    ) -> tuple[list[list[int]], list[list[int]]]:
        """Ids of drawn segmentations, which depend on ``keys`` alone, and of labels."""
        nbest, alpha = config.sampling_nbest, config.sampling_alpha
        drawn = [
            self.source.sample(text, nbest, alpha, random.Random(key))
            for (text, _), key in zip(rows, keys, strict=True)
        ]
        return drawn, self.target.encode([label for _, label in rows])

    def collate(
        self, source: Sequence[list[int]], target: Sequence[list[int]], source_limit: int | None
    ) -> LabelledBatch:
        """The batch of ids of texts and of labels, texts cut to ``source_limit`` pieces."""
        from seqtext.data.batch import collate_labels

        return collate_labels(
            [self.cut(ids, source_limit) for ids in source],
            target,
            source_eos=self.source.eos,
            count=self.target.count,
        )
