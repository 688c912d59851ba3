"""``seqtext fit --data.validation folds:N``: a run for each fold, and what they reach together."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lightning.pytorch.utilities import rank_zero_only

from seqtext import checkpoint, tasks
from seqtext.checkpoint.description import KEY
from seqtext.checkpoint.location import FOLDS, find, fold_folder
from seqtext.cli.fit_options import flatten
from seqtext.cli.options import parse
from seqtext.cli.training import (
    Request,
    check_unused,
    parse_over,
    read_saved,
    settled_text,
    train_run,
)
from seqtext.console import say
from seqtext.data.held_out import Fold, count_folds
from seqtext.errors import ConfigError
from seqtext.training.run import folder
from seqtext.training.run.folder_callback import Destination

_OPTION = "data.validation"


def start_folds(request: Request, folds: int) -> None:
    """Train a new run for each fold.

    Raises:
        ConfigError: See ``train_run``.
        CheckpointError: Likewise.
    """
    cli = parse(request.arguments, request.preset, request.trusted)
    check_unused(request)
    config = settled_text(cli)
    _train(request, config, folds, range(1, folds + 1))


def resume_folds(run: Path, request: Request) -> None:
    """Train the folds that are not finished. Options that differ from the saved ones resume all folds.

    Args:
        run: The folder around the folds.
        request: Its options override the saved ones.

    Raises:
        ConfigError: The folds would change, or see ``train_run``.
        CheckpointError: See ``train_run``.
    """
    saved = read_saved(run, request)
    cli, before = parse_over(saved, request)
    config = settled_text(cli)
    after = flatten(cli.config.as_dict())
    folds = count_folds(before.get(_OPTION))
    if folds is None or before[_OPTION] != after.get(_OPTION):
        raise ConfigError(
            f"--{_OPTION}: {run} has {before.get(_OPTION)!r}, given is {after.get(_OPTION)!r}; a run keeps"
            " its folds. Leave the option out, or start a new run"
        )
    changed = any(before.get(name) != after[name] for name in after if name != "config")
    numbers = [
        number
        for number in range(1, folds + 1)
        if changed or not (fold_folder(run, number) / folder.RESULT).exists()
    ]
    destination = replace(request.destination, path=run)
    _train(replace(request, destination=destination), config, folds, numbers)


def _train(request: Request, config: str, folds: int, numbers: Sequence[int]) -> None:
    """Train some of the folds, one after the other.

    Args:
        request: What is asked for.
        config: Text of the options of all folds.
        folds: How many folds there are.
        numbers: Those to train, counted from 1.
    """
    run = request.destination.path
    # every process looks before one of them writes, so that all do the same
    last = {n: fold_folder(run, n) / folder.LAST for n in numbers if run is not None}
    resumed = {number: path for number, path in last.items() if path.exists()}
    for number in numbers:
        say(f"fit: fold {number} of {folds}")
        first = None if run is None or number == 1 else find(fold_folder(run, 1))
        path = train_run(
            replace(
                request,
                arguments=[f"--config={config}", f"--{_OPTION}={Fold(number, folds)}"],
                destination=Destination(run, request.destination.root, number, config),
                resume=resumed.get(number),
                tokenizers_of=first,
            )
        )
        request, run = replace(request, lines=()), path.parent
    assert run is not None
    _finish(run, folds)


@rank_zero_only
def _finish(run: Path, folds: int) -> None:
    """Write what the folds have reached, which marks the run as finished."""
    places = [fold_folder(run, number) for number in range(1, folds + 1)]
    results = [folder.result(place) for place in places]
    scores = [result.best_score for result in results if result.best_score is not None]
    content: dict[str, object] = {FOLDS: [place.name for place in places]}
    told = f"fit: {folds} folds are trained"
    if len(scores) == folds:
        mean, deviation = statistics.mean(scores), statistics.stdev(scores)
        content |= {
            "monitor": results[0].monitor,
            "best_scores": scores,
            "mean": mean,
            "standard_deviation": deviation,
        }
        told += (
            f": {results[0].monitor} {mean:.2f} on average, from {min(scores):.2f} to {max(scores):.2f},"
            f" standard deviation {deviation:.2f}"
        )
    folder.write(run / folder.RESULT, json.dumps(content, indent=2) + "\n")
    say(told)
    task = checkpoint.read(places[0])[KEY]["task"]
    command = "classify" if task == tasks.CLASSIFICATION.name else "generate"
    use = f"seqtext {command} {run} --input FILE"
    say(f"fit: the model is {run}, an ensemble of all folds; use it with: {use}")
