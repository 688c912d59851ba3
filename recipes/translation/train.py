"""Train a translator: ``python recipes/translation/train.py fit --config recipes/translation/builtin.yaml``.

The same command as ``seqtext``, with the classes and defaults of translation preset.
"""

import sys

from seqtext.cli import main

PRESET = {
    "model": {"class_path": "seqtext.EncoderDecoderModule"},
    "data": {
        "class_path": "seqtext.PairsDataModule",
        "init_args": {"source": "en", "target": "de"},
    },
}

if __name__ == "__main__":
    sys.exit(main(task="translation", preset=PRESET))
