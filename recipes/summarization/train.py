"""Train a summarizer: ``recipes/summarization/train.py fit --config recipes/summarization/builtin.yaml``.

The same command as ``seqtext``, with the classes and defaults of summarization preset.
"""

import sys

from seqtext.cli import main

PRESET = {
    "model": {
        "class_path": "seqtext.EncoderDecoderModule",
        "init_args": {"task": "summarization"},
    },
    "data": {"class_path": "seqtext.PairsDataModule"},
}

if __name__ == "__main__":
    sys.exit(main(task="summarization", preset=PRESET))
