"""``python -m seqtext``."""

from seqtext.cli import entry

if __name__ == "__main__":
    entry()
