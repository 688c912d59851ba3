"""Further training pairs that are made of the training pairs."""

from __future__ import annotations

import difflib
import random
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from seqtext.console import say
from seqtext.data.encoding import Sides
from seqtext.data.readers import Row
from seqtext.data.readers.columns import SEPARATOR, SYMBOL
from seqtext.data.tokenizer import Tokenizer
from seqtext.errors import ConfigError, DataError

COPY = "<copy>"  # tag of a source that is its own target
_SHORTEST_STEM = 3  # characters
_ATTEMPTS = 10  # for each pair, to make one that is new


@dataclass(frozen=True)
class Augmentation:
    """Which pairs are made of the training pairs. Every rank makes the same ones.

    Args:
        hallucinated: Number of pairs with random letters in their stems, see ``hallucinate``.
        copied: Number of targets that become their own source, with the tag ``COPY``.
        seed: Of the draw.
    """

    hallucinated: int
    copied: int
    seed: int

    @property
    def tags(self) -> list[str]:
        """Words of made sources that must be pieces."""
        return [COPY] if self.copied else []

    def check(self, tokenizers: Sides) -> None:
        """Check that made pairs can be read.

        Raises:
            ConfigError: Stems are no letters to the model. Or targets cannot be read as sources.
        """
        source, target = tokenizers.source, tokenizers.target
        joint = isinstance(target, Tokenizer) and source.fingerprint == target.fingerprint
        if self.hallucinated and not (joint and source.of_characters):
            raise ConfigError(
                f"data.hallucinated_pairs: {self.hallucinated:,}, but random letters help only where sources"
                " and targets are read letter by letter, as lemmas and their forms; leave the option out, or"
                " give data.tokenizer.model_type char and data.tokenizer.joint true"
            )
        if self.copied and not joint:
            raise ConfigError(
                f"data.copied_targets: {self.copied:,}, but the source's tokenizer does not know targets;"
                " leave the option out, or give data.tokenizer.joint true"
            )

    def make(self, rows: Sequence[Row], tags: Iterable[str]) -> list[Row]:
        """Make pairs of training pairs.

        Args:
            rows: The training pairs.
            tags: Words at the start of sources that stay as they are.

        Raises:
            DataError: No pair has a stem.
        """
        made: list[Row] = []
        if self.hallucinated:
            made += hallucinate(rows, tags, self.hallucinated, self.seed)
        if self.copied:
            copies = copy_targets(rows, self.copied, self.seed)
            say(f"data: {len(copies):,} targets are also their own source")
            made += copies
        return made


def augmentation_of(
    hallucinated: int, copied: int, seed: int, streamed: bool
) -> Augmentation | None:
    """What the options of a data module ask for. None where they ask for nothing.

    Raises:
        ConfigError: The training pairs are streamed.
    """
    if not hallucinated and not copied:
        return None
    if streamed:
        option = "hallucinated_pairs" if hallucinated else "copied_targets"
        raise ConfigError(
            f"data.{option}: makes pairs of all training pairs, but data.streaming never has all of them;"
            " leave one of the options out"
        )
    return Augmentation(hallucinated, copied, seed)


def copy_targets(rows: Sequence[Row], count: int, seed: int) -> list[Row]:
    """Different targets, drawn at random, each with itself as its source (Currey et al. 2017).

    There are fewer where the rows have no more.
    """
    targets = list(dict.fromkeys(target for _, target in rows))
    drawn = random.Random(seed).sample(targets, min(count, len(targets)))
    return [(f"{COPY} {target}", target) for target in drawn]


# --- hallucinated pairs -----------------------------------------------------------------------------------


class StemmedRow(NamedTuple):
    """A pair, and the places of letters inside of its stem, in source and target."""

    source: str
    target: str
    places: list[tuple[int, int]]


def hallucinate(rows: Sequence[Row], tags: Iterable[str], count: int, seed: int) -> list[Row]:
    """Pairs with random letters inside of their stems (Anastasopoulos and Neubig 2019, section 3.2).

    Stems are runs of at least three characters that source and target share. Their first and last ones
    stay, and so do symbols of further columns. A letter becomes a letter of the targets of the same kind
    (Unicode's general category). All rows with a stem are used about equally often.

    Args:
        rows: Pairs of source and target.
        tags: Words at the start of sources that stay as they are.
        count: Pairs to make. There are fewer where letters and stems allow no more.
        seed: Of the draw.

    Raises:
        DataError: No pair can be made.
    """
    fixed = re.compile("|".join([SYMBOL.pattern, *(f"^{re.escape(t)} " for t in tags), SEPARATOR]))
    stemmed = [row for row in (_find_stem(*row, fixed) for row in rows) if row.places]
    letters = _letters_by_kind(target for _, target in rows)
    draw = random.Random(seed)
    known, made = {source for source, _ in rows}, list[Row]()
    for attempt in range(_ATTEMPTS * count if stemmed else 0):
        if attempt % len(stemmed) == 0:
            draw.shuffle(stemmed)
        source, target = _change_stem(stemmed[attempt % len(stemmed)], letters, draw)
        if source not in known:
            known.add(source)
            made.append((source, target))
        if len(made) == count:
            break
    if not made:
        raise DataError(
            f"data.hallucinated_pairs: no target shares {_SHORTEST_STEM} characters in a row with its source,"
            " so there is no stem to change; leave the option out"
        )
    say(
        f"data: {len(made):,} hallucinated pairs, made of {len(stemmed):,} of {len(rows):,} training pairs"
    )
    return made


def has_stem(source: str, target: str) -> bool:
    """Whether both sides share letters that ``hallucinate`` can change."""
    return bool(_find_stem(source, target, SYMBOL).places)


def _find_stem(source: str, target: str, fixed: re.Pattern[str]) -> StemmedRow:
    # a character that no target has keeps the places of what follows
    free = fixed.sub(lambda match: "\0" * len(match[0]), source)
    matcher = difflib.SequenceMatcher(None, free, target, autojunk=False)
    places = [
        (start + i, start_in_target + i)
        for start, start_in_target, size in matcher.get_matching_blocks()
        if size >= _SHORTEST_STEM
        for i in range(1, size - 1)
        if free[start + i].isalpha()
    ]
    return StemmedRow(source, target, places)


def _letters_by_kind(texts: Iterable[str]) -> dict[str, list[str]]:
    kinds = defaultdict[str, list[str]](list)
    for letter in sorted(set().union(*texts)):
        kinds[unicodedata.category(letter)].append(letter)
    return kinds


def _change_stem(row: StemmedRow, letters: dict[str, list[str]], draw: random.Random) -> Row:
    source, target = list(row.source), list(row.target)
    for place, place_in_target in row.places:
        letter = draw.choice(letters[unicodedata.category(source[place])])
        source[place] = target[place_in_target] = letter
    return "".join(source), "".join(target)
