"""Train a transducer: ``python recipes/transduction/train.py fit --config recipes/transduction/g2p.yaml``.

The same command as ``seqtext``, with the classes and defaults of transduction preset.
"""

import sys

from seqtext.cli import main

PRESET = {
    "model": {
        "class_path": "seqtext.EncoderDecoderModule",
        "init_args": {"task": "transduction"},
    },
    "data": {
        "class_path": "seqtext.PairsDataModule",
        "init_args": {"source": "1", "target": "2"},
    },
}

if __name__ == "__main__":
    sys.exit(main(task="transduction", preset=PRESET))
