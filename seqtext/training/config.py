"""Options of training: optimizer, parts of a network, choice of the best checkpoint. No PyTorch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Literal, get_args

from seqtext import tasks
from seqtext.errors import ConfigError
from seqtext.renames import OPTIMIZER, SELECTION, accept_old_names
from seqtext.values import Count, Positive, Range, Share, check_fields

Part = Literal["embeddings", "encoder", "attention", "decoder", "output"]  # of a network
PARTS: tuple[Part, ...] = get_args(Part)
Schedule = Literal["constant", "inverse_sqrt", "cosine", "plateau", "adaptive"]
AboveZero = Annotated[float, Range(above=0)]
Decay = Annotated[float, Range(0, below=1)]
if TYPE_CHECKING:
    Monitor = str
else:  # the tasks know the choices
    Monitor = Literal["task", *tasks.MONITORS]


def parts_of(name: str, value: str | list[str] | None) -> list[Part]:
    """Parts by name, in a list or separated by commas.

    Raises:
        ConfigError: No network has such a part. The message starts with ``name``.
    """
    given = value.split(",") if isinstance(value, str) else value or []
    parts: list[Part] = []
    for part in given:
        if part not in PARTS:
            raise ConfigError(f"{name}: {part!r}, expected some of {', '.join(PARTS)}")
        parts.append(part)
    return parts


@accept_old_names(OPTIMIZER)
@dataclass(frozen=True, kw_only=True)
class OptimizerConfig:
    """How weights are updated.

    Args:
        name: ``adam`` (Kingma & Ba 2015) or ``adamw`` (Loshchilov & Hutter 2019), both fused.
        learning_rate: The highest learning rate.
        beta1: Decay of the mean gradient.
        beta2: Decay of the mean squared gradient.
        eps: Added to the denominator.
        weight_decay: Decoupled for ``adamw``, an L2 penalty for ``adam``.
        schedule: The learning rate after the warm-up. With ``constant`` it stays. With ``inverse_sqrt`` it
            falls as 1 / sqrt(step) (Vaswani et al. 2017). With ``cosine`` it falls to
            ``min_learning_rate_share`` at ``total_steps`` (Loshchilov & Hutter 2017). With ``plateau`` it
            falls when the validation loss does not. With ``adaptive`` it stays while
            validation improves. Behind ``selection.patience`` it falls to 0, and training ends (Hu et al.
            2024, section 4; Hägele et al. 2024, equation 2). A limit of updates starts the fall in time.
        warmup_steps: Updates over which the learning rate rises from 0.
        total_steps: Updates until ``cosine`` is at its end. Default: those of the whole run.
        min_learning_rate_share: Share of ``learning_rate`` that ``cosine`` ends at.
        learning_rate_factors: Multiplies the learning rate of a part of the network: ``embeddings``,
            ``encoder``, ``attention``, ``decoder`` or ``output``. Default: 1 for every part.
        decay_share: Updates of the fall of ``adaptive``, as a share of the updates before it.
        plateau_factor: What ``plateau`` multiplies the learning rate by.
        plateau_patience: Validations without a better loss that ``plateau`` waits for.

    Raises:
        ConfigError: A value is out of range, or two contradict each other.
    """

    name: Literal["adam", "adamw"] = "adam"
    learning_rate: AboveZero = 1e-3
    beta1: Decay = 0.9
    beta2: Decay = 0.999
    eps: AboveZero = 1e-8
    weight_decay: Annotated[float, Range(0)] = 0.0
    schedule: Schedule = "constant"
    warmup_steps: Count = 0
    total_steps: Positive | None = None
    min_learning_rate_share: Share = 0.02
    learning_rate_factors: dict[str, float] = field(default_factory=dict)
    decay_share: Annotated[float, Range(most=10, above=0)] = 0.3
    plateau_factor: Annotated[float, Range(above=0, below=1)] = 0.5
    plateau_patience: Count = 1

    def __post_init__(self) -> None:
        check_fields(self, "optimizer.")
        if self.schedule == "inverse_sqrt" and not self.warmup_steps:
            raise ConfigError(
                "optimizer.schedule: inverse_sqrt needs optimizer.warmup_steps above 0"
            )
        if self.schedule == "plateau" and self.warmup_steps:
            raise ConfigError("optimizer.warmup_steps: plateau has no warm-up, set it to 0")
        parts_of("optimizer.learning_rate_factors", list(self.learning_rate_factors))
        for part, factor in self.learning_rate_factors.items():
            if factor not in Range(above=0):
                raise ConfigError(
                    f"optimizer.learning_rate_factors: {factor} for {part}, expected more than 0;"
                    " model.freeze keeps a part as it is"
                )


@accept_old_names(SELECTION)
@dataclass(frozen=True, kw_only=True)
class SelectionConfig:
    """Which checkpoint is the model to use.

    Args:
        monitor: The score that chooses: ``val_loss``, or a validation score of ``model.task``. ``task``
            is the task's own: ``val_bleu`` for translation.
        average_best: The weights of so many best checkpoints are averaged at the end. The average becomes
            ``best.ckpt`` if it is better than all of them. 1 averages nothing.
        patience: Training stops after so many validations in a row without a better result. Default:
            it goes on to the end.
        save_minutes: ``last.ckpt`` is written at every validation, and at least this often.

    Raises:
        ConfigError: A value is out of range.
    """

    monitor: Monitor = "task"
    average_best: Positive = 4
    patience: Positive | None = None
    save_minutes: AboveZero = 10.0

    def __post_init__(self) -> None:
        check_fields(self, "selection.")

    def is_better(self, score: float, other: float) -> bool:
        """Whether a score of ``monitor`` is better than another."""
        if tasks.MONITORS[self.monitor].smaller_is_better:
            return score < other
        return score > other
