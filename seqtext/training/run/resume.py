"""Which checkpoint a run goes on from, and which options it keeps."""

from __future__ import annotations

from pathlib import Path

from seqtext import checkpoint
from seqtext.checkpoint import ClassifierModel, Model, training_state
from seqtext.checkpoint.location import has_folds
from seqtext.console import say
from seqtext.errors import CheckpointError, ConfigError
from seqtext.training.run import folder

# what a new run's weights are taken from
_BEGINNINGS = (
    "model.init_from", "model.init_parts", "model.source_vectors", "model.target_vectors", "model.vectors",
)  # fmt: skip
# what the place in an epoch depends on
_ROWS = (
    "data.streaming", "data.shuffle_buffer", "data.hallucinated_pairs", "data.copied_targets",
)  # fmt: skip


def find(resume: str | None, run: Path | None, root: Path) -> Path | None:
    """The checkpoint to go on from, or None for a new run.

    Args:
        resume: What ``--resume`` names.
        run: What ``--run`` names.
        root: Where runs are numbered.

    Raises:
        CheckpointError: There is none where one was named.
        ConfigError: ``--run`` names another folder. Or a folder has the name of one of the run's files.
    """
    if resume is None:
        return None
    if resume == "auto":  # every process comes to the same answer, for nothing is written yet
        found = run if run is not None and (run / folder.LAST).exists() else None
        if run is None:
            found = folder.unfinished(root)
        say(
            f"resume: {found / folder.LAST}" if found else "resume: no unfinished run, starting one"
        )
        if found:
            folder.check_kinds(found)
        return found / folder.LAST if found else None
    path = Path(resume)
    if path.is_dir():
        folder.check_kinds(path)
        if (path / folder.CONFIG).is_file() and not (path / folder.LAST).exists():
            raise CheckpointError(
                f"--resume {resume}: this run has no {folder.LAST}; {folder.start_again(path)}"
            )
        path = path / folder.LAST
    if not path.is_file():
        raise CheckpointError(
            f"--resume {resume}: no such checkpoint, and no run with a {folder.LAST}"
        )
    in_place = (path.parent / folder.CONFIG).exists()
    if in_place:
        folder.check_kinds(path.parent)
        _refuse_elsewhere(run, path.parent)
    return path


def find_folds(resume: str | None, run: Path | None, root: Path) -> Path | None:
    """The folder of the run to go on with, where it has several folds. Otherwise None.

    Args:
        resume: What ``--resume`` names.
        run: What ``--run`` names.
        root: Where runs are numbered.

    Raises:
        ConfigError: ``--run`` names another folder.
    """
    if resume == "auto":
        path = folder.unfinished(root) if run is None else run
    else:
        path = None if resume is None else Path(resume)
    if path is None or not has_folds(path):
        return None
    if resume == "auto":
        say(f"resume: {path}")
    _refuse_elsewhere(run, path)
    return path


def _refuse_elsewhere(run: Path | None, path: Path) -> None:
    """Refuse another ``--run`` than the folder of the run that is resumed."""
    if run is not None and run.resolve() != path.resolve():
        raise ConfigError(
            f"--run {run}: a resumed run stays in its folder, which is {path}; leave --run out"
        )


def model_in(path: Path) -> Model | ClassifierModel:
    """The model of a checkpoint that training can go on from.

    Raises:
        CheckpointError: It cannot be read, or training cannot go on from it.
    """
    content = checkpoint.read(path)
    if "optimizer_states" not in content:
        raise CheckpointError(
            f"--resume {path}: holds weights alone, and a run goes on from a {folder.LAST}"
        )
    try:
        training_state.check_whole(content)
    except ValueError as error:
        raise checkpoint.inconsistent(path, error) from error
    return checkpoint.unpack(content, str(path))


def tell_changes(run: Path, before: dict[str, object], after: dict[str, object]) -> None:
    """Print every option that differs from the saved run's.

    Args:
        run: Its folder.
        before: Its options by dotted name.
        after: Those of now.

    Raises:
        ConfigError: A run keeps that option.
    """
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if old == new or name == "config":
            continue
        if reason := _kept(run, name, old, new):
            raise ConfigError(reason)
        say(f"resume: {name} is now {new!r}, was {old!r}")


def _kept(run: Path, name: str, old: object, new: object) -> str | None:
    """Why an option cannot change, or None if it can."""
    change = f"--{name}: the run has {old!r}, given is {new!r}"
    otherwise = "Leave the option out, or start a new run"
    if ".tokenizer." in name and "sampling" not in name:
        return f"{change}; a run keeps its tokenizers. {otherwise}"
    if name == "model.bleu_tokenize":
        return (
            f"--{name} {new}: the run's scores so far are by {old or 'the default'}, and the two do not"
            " compare; leave the option out, or start a new run"
        )
    if name.startswith(("model.freeze", "model.optimizer.learning_rate_factors")):
        return (
            f"{change}, and a run keeps the weights that it trains and the groups of their rates."
            f" {otherwise} from this one with --model.init_from {run}"
        )
    if name in _BEGINNINGS:
        return f"{change}, and a run goes on with its own weights. {otherwise}"
    if name in ("data.several_labels", "data.label_separator", "data.out_of_scope"):
        return f"{change}; a run keeps its labels. {otherwise}"
    if name in _ROWS:
        return f"{change}, and its place in the corpus is told by that. {otherwise}"
    if name.endswith("optimizer.schedule") and "plateau" in (old, new):
        return f"--{name} {new}: a run that began with {old} cannot change to it. {otherwise}"
    return None
