"""Train a writer of code: ``python recipes/code/train.py fit --config recipes/code/django.yaml``.

The same command as ``seqtext``, with the classes and defaults of code preset.
"""

import sys

from seqtext.cli import main

PRESET = {
    "model": {
        "class_path": "seqtext.EncoderDecoderModule",
        "init_args": {"task": "code", "bleu_tokenize": "none"},
    },
    "data": {"class_path": "seqtext.PairsDataModule"},
}

if __name__ == "__main__":
    sys.exit(main(task="code", preset=PRESET))
