"""Which run ``seqtext fit`` is asked for: a new one, a resumed one, or one of several folds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from seqtext import tasks
from seqtext.cli.corpus_rule import Followed, follow_corpus, options_given
from seqtext.cli.fit_options import LABELS
from seqtext.cli.folds import resume_folds, start_folds
from seqtext.cli.old_names import rename_preset
from seqtext.cli.options import classes_of, own_options
from seqtext.cli.recipe_files import Recipe
from seqtext.cli.training import Request, train_run
from seqtext.data.held_out import count_folds
from seqtext.errors import ConfigError
from seqtext.training.run import folder
from seqtext.training.run import resume as resuming
from seqtext.training.run.folder_callback import Destination


def train(arguments: list[str], task: str | None, preset: dict[str, object]) -> None:
    """Parse ``arguments``, then train a new run or a resumed one to its end.

    Without ``task``, the folder of runs is that of the recipes for the model's class.

    Raises:
        ConfigError: A wrong option, a used folder, or a resume that would change the network.
        CheckpointError: The checkpoint to resume from cannot be read.
    """
    torch.set_flush_denormal(True)  # denormal numbers make oneDNN's LSTM many times slower
    preset = rename_preset(preset)
    options, arguments = own_options(arguments, preset)
    if options.recipe is not None:
        task = _task_of(options.recipe, task)
    given, classes = options_given(arguments, preset), classes_of(arguments, preset)
    folds = count_folds(given.all.get("data.validation"))
    followed = Followed(task, {}, classes)
    if options.resume in (None, "auto"):
        followed = follow_corpus(given, classes, task)
        task = followed.task
        if followed.options or followed.classes != classes:
            arguments = [f"--config={followed.config}", *arguments]
    if task is None:
        task = (
            tasks.CLASSIFICATION if classes["model"] == LABELS["model"] else tasks.TRANSLATION
        ).name
    root = Path("runs") / task
    request = Request(
        arguments, preset, options.trusted, Destination(options.run, root), named=options.resume
    )
    if (run := resuming.find_folds(options.resume, options.run, root)) is not None:
        resume_folds(run, request)
        return
    resume = resuming.find(options.resume, options.run, root)
    if folds and resume is not None:
        raise ConfigError(
            f"--data.validation folds:{folds}: makes a run of its own for each fold, and {resume.parent} is a"
            " single run; start a new run"
        )
    if resume is not None and (resume.parent / folder.CONFIG).exists():  # it stays in its folder
        request = replace(request, resume=resume, destination=Destination(resume.parent, root))
    else:
        request = replace(request, resume=resume, lines=followed.lines)
    if folds:
        start_folds(request, folds)
    else:
        train_run(request)


def _task_of(recipe: Recipe, task: str | None) -> str:
    """The task of a recipe.

    Raises:
        ConfigError: The script that was started has the defaults of another task.
    """
    if task not in (None, recipe.task):
        raise ConfigError(
            f"--recipe {recipe.name}: is of the task {recipe.task}, and this script presets options of"
            f" {task}; use seqtext fit, or recipes/{recipe.task}/train.py"
        )
    return recipe.task
