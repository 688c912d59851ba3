"""Few pairs, and more text of the target language: back-translation, then distillation.

    python recipes/translation/low_resource.py --run runs/low --target_text de.txt \\
        --data.train pairs/train --data.validation pairs/dev --data.source en --data.target de

It trains three kinds of models, one after the other. Each has its own folder in ``--run``.

1. ``backward`` translates from target to source. It turns ``--target_text`` into ``synthetic.jsonl``
   (Sennrich et al. 2016).

2. ``teacher-1``, ``teacher-2``, … learn from the pairs and the synthetic pairs. A tag marks the synthetic
   sources (Caswell et al. 2019). As an ensemble they translate all sources into ``distilled.jsonl`` (Kim &
   Rush 2016).

3. ``student`` learns from the pairs, the synthetic and the distilled pairs.

Finished steps are not repeated, and an interrupted training resumes. All other options go to every
``seqtext fit``. The default configuration is ``low_resource.yaml``.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import torch

from seqtext.console import say
from seqtext.data.corpus import Corpus
from seqtext.data.files import open_file, text_lines
from seqtext.data.held_out import NAMED
from seqtext.data.readers import Row
from seqtext.errors import ConfigError, SeqtextError
from seqtext.training.run.folder import RESULT

_SYNTHETIC = "<synthetic>"


def seqtext(*arguments: str | Path) -> None:
    """Run a command, and stop if it fails. It prints its own errors, and saves itself when interrupted."""
    command = subprocess.Popen([sys.executable, "-m", "seqtext", *map(str, arguments)])
    while command.returncode is None:
        with contextlib.suppress(KeyboardInterrupt):  # which the command has got as well
            command.wait()
    if command.returncode:
        sys.exit(command.returncode)


def fit(run: Path, *options: str) -> Path:
    """Train in the folder ``run``, or resume there."""
    if not (run / RESULT).exists():
        say(f"low_resource: training {run}")
        seqtext("fit", "--run", run, "--resume", "auto", *options)
    return run


def translate(models: list[Path], texts: Iterable[str], output: Path, device: str) -> list[str]:
    """The ensemble's best hypothesis for each text, kept in ``output``."""
    asked = output.with_suffix(".in")
    lines = "".join(f"{' '.join(text.split())}\n" for text in texts)
    if not output.exists():
        say(f"low_resource: translating into {output}")
        asked.write_text(lines, encoding="utf-8")
        seqtext("generate", *models, "--input", asked, "--output", output, "--device", device)
    elif not asked.exists() or asked.read_bytes() != lines.encode():
        raise ConfigError(
            f"{output}: is of other text than what is to be translated now; choose another --run, or"
            f" remove {output.parent} to begin anew"
        )
    # as bytes: what else Python takes for the end of a line may stand within a hypothesis
    return output.read_bytes().decode().removesuffix("\n").split("\n")


def write_pairs(path: Path, pairs: Iterable[Row]) -> Path:
    """A table of those pairs that have two sides."""
    with path.open("w", encoding="utf-8") as file:
        for source, target in pairs:
            if source.strip() and target.strip():
                row = {"source": source, "target": target}
                print(json.dumps(row, ensure_ascii=False), file=file)
    return path


def train(options: argparse.Namespace, rest: list[str]) -> None:
    """All three steps."""
    pairs = list(Corpus(options.train, options.source, options.target).rows())
    with open_file(options.target_text) as file:
        monolingual = [line for line in text_lines(file, str(options.target_text)) if line.strip()]
    root: Path = options.run
    root.mkdir(parents=True, exist_ok=True)
    common = ["--config", options.config, *rest, "--data.validation", options.validation]
    forward = ["--data.source", options.source, "--data.target", options.target]
    swapped = ["--data.source", options.target, "--data.target", options.source]

    backward = fit(root / "backward", *common, *swapped, "--data.train", options.train)
    sources = translate([backward], monolingual, root / "backward.out", options.device)
    synthetic = write_pairs(root / "synthetic.jsonl", zip(sources, monolingual, strict=True))

    def corpora(*more: dict[str, object]) -> str:
        columns = {"source": "source", "target": "target"}
        return json.dumps([{"path": options.train}, *({**columns, **one} for one in more)])

    tagged: dict[str, object] = {"path": str(synthetic), "tag": _SYNTHETIC}
    augmented = [*common, *forward, f"--data.train={corpora(tagged)}"]
    teachers = [
        fit(root / f"teacher-{i}", *augmented, f"--model.seed={i}", f"--data.seed={i}")
        for i in range(options.seed, options.seed + options.teachers)
    ]
    asked = [*(source for source, _ in pairs), *sources]
    targets = translate(teachers, asked, root / "teachers.out", options.device)
    distilled = write_pairs(root / "distilled.jsonl", zip(asked, targets, strict=True))

    more = corpora(tagged, {"path": str(distilled)})
    seeds = [f"--model.seed={options.seed}", f"--data.seed={options.seed}"]
    fit(root / "student", *common, *forward, f"--data.train={more}", *seeds)
    say(
        f"low_resource: the models are {root / 'student'}, and {teachers[0]}, which learned without the"
        " distilled text; take the better one on your validation set"
    )


def main() -> int:
    """Parse and train."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--run", type=Path, required=True, help="folder for all of it")
    parser.add_argument(
        "--target_text", type=Path, required=True, help="target language, a sentence a line"
    )
    parser.add_argument("--teachers", type=int, default=2, help="trained, and distilled as one")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--device",
        default="cuda" if torch.cuda.is_available() else "cpu",
        help="where to translate (default: cuda where there is one, else cpu)",
    )
    parser.add_argument("--config", default="recipes/translation/low_resource.yaml")
    for name in ("train", "validation"):
        parser.add_argument(f"--data.{name}", dest=name, required=True)
    for name, side in (("source", "en"), ("target", "de")):
        parser.add_argument(f"--data.{name}", dest=name, default=side)
    options, rest = parser.parse_known_args()
    try:
        if options.teachers < 1:
            raise ConfigError(f"--teachers {options.teachers}: expected at least 1")
        if options.validation.startswith(NAMED):
            raise ConfigError(
                f"--data.validation {options.validation}: each step would hold out other pairs; name a"
                " corpus"
            )
        train(options, rest)
    except SeqtextError as error:
        print(f"low_resource.py: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
