"""Write the checkpoints of this folder and their outputs, with the version of seqtext at hand.

    python tests/checkpoints/make.py

Run it only when the format gets a new number, and give the new files that number. The text is of the
built-in grammar. The tests compare what later versions of seqtext read from these files.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

import seqtext
from seqtext.cli import main
from seqtext.data.corpus import Corpus

FOLDER = Path(__file__).parent
FORMAT = 1
SENTENCES = ["The dog sleeps.", "Does she read the old book?", "We see a house in the garden."]
SMALL = [
    "--data.batch_size=32",
    "--data.tokenizer.vocab_size=360",
    "--data.tokenizer.normalization=identity",  # the rules of the others take 240 kB
    "--model.network.embedding_size=12",
    "--model.network.hidden_size=16",
    "--model.optimizer.learning_rate=0.02",
    "--trainer.accelerator=cpu",
]


def make_translator(folder: Path) -> Path:
    """Train an encoder-decoder."""
    options = ["--data.train=builtin:train:2000", "--data.validation=builtin:validation:20"]
    options += ["--data.source=en", "--data.target=de", "--trainer.max_epochs=10"]
    run = folder / "translator"
    assert main(["fit", *options, *SMALL, f"--run={run}"]) == 0
    return run


def make_classifier(folder: Path) -> Path:
    """Train a classifier that tells questions from statements."""
    for split, count in (("train", 600), ("validation", 40)):
        rows = [
            {"text": english, "label": "question" if english.endswith("?") else "statement"}
            for english, _ in Corpus(f"builtin:{split}:{count}", "en", "de").rows()
        ]
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"{split}.jsonl").write_text(lines, encoding="utf-8")
    options = ["--model=seqtext.ClassifierModule", "--data=seqtext.LabelsDataModule"]
    options += [f"--data.{split}={folder / split}.jsonl" for split in ("train", "validation")]
    run = folder / "classifier"
    assert main(["fit", *options, *SMALL, "--trainer.max_epochs=2", f"--run={run}"]) == 0
    return run


def outputs_of(translator: Path, classifier: Path) -> dict[str, object]:
    """What both models say about ``SENTENCES``."""
    hypotheses = seqtext.load_generator(translator).generate(SENTENCES, beam_size=3, n_best=2)
    model = seqtext.load_classifier(classifier)
    return {
        "sentences": SENTENCES,
        "translator": [[[best.text, best.score] for best in several] for several in hypotheses],
        "probabilities": model.probabilities(SENTENCES).tolist(),
        "labels": [decision.labels for decision in model.classify(SENTENCES)],
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        for make in (make_translator, make_classifier):
            run = make(Path(folder))
            shutil.copy(run / "best.ckpt", FOLDER / f"format{FORMAT}-{run.name}.ckpt")
    files = [FOLDER / f"format{FORMAT}-{name}.ckpt" for name in ("translator", "classifier")]
    text = json.dumps(outputs_of(*files), indent=1, ensure_ascii=False)
    (FOLDER / f"format{FORMAT}.json").write_text(f"{text}\n", encoding="utf-8")
