"""Train a classifier: ``python recipes/classification/train.py fit --config FILE``, FILE one of this folder.

The same command as ``seqtext``, with the classes and defaults of classification preset.
"""

import sys

from seqtext.cli import main

PRESET = {
    "model": {"class_path": "seqtext.ClassifierModule"},
    "data": {"class_path": "seqtext.LabelsDataModule"},
}

if __name__ == "__main__":
    sys.exit(main(task="classification", preset=PRESET))
