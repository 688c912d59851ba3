"""Constraints on texts -> rules of a search."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from seqtext.data.tokenizer import Tokenizer
from seqtext.errors import ConfigError
from seqtext.inference.constraints.exact import ExactTexts
from seqtext.inference.constraints.options import SourceConstraints
from seqtext.inference.constraints.phrases import BannedPhrases, RequiredPhrases
from seqtext.inference.constraints.pieces import PieceTexts
from seqtext.inference.constraints.reading import PieceIndex
from seqtext.search.required import RequiredRule
from seqtext.search.rules import Rule, StrictRule
from seqtext.search.text_rule import TextRule


class ConstraintRules:
    """Makes the rules of constraints. What all sources share is computed once.

    Args:
        target: The tokenizer of the outputs.
    """

    def __init__(self, target: Tokenizer) -> None:
        self._target = target
        self._indices: dict[bool, PieceIndex] = {}
        self._banned: tuple[tuple[object, ...], BannedPhrases, int] | None = None
        self._outputs: tuple[tuple[str, ...], ExactTexts] | None = None

    def rules(
        self,
        constraints: SourceConstraints,
        most: Tensor,
        words: Sequence[Sequence[str]],
        *,
        greedy: bool,
    ) -> tuple[list[Rule], list[Rule], Tensor]:
        """The rules for a batch.

        Args:
            constraints: Of its sources.
            most: (N,) int64, most pieces of each output.
            words: Of each source, its words that the vocabulary lacks.
            greedy: Whether the search keeps a single hypothesis.

        Returns:
            Rules that come before those of a search, rules that come behind them, and ``most``. It is raised
            where an output must have more pieces.
        """
        exact, required = self._exact(constraints, most.device), None
        needed = torch.zeros_like(most)
        if exact is not None:
            needed += self._needs(exact, most)
        if any(constraints.required):
            automaton = RequiredPhrases(self._index(lower=False), self._target)
            starts = [automaton.number(automaton.start(row)) for row in constraints.required]
            required = automaton, torch.tensor(starts, device=most.device)
            needed += self._needs(required, most)
        most = most.maximum(needed)
        first: list[Rule] = []
        eos = self._target.eos
        if exact is not None:
            first.append(TextRule(*exact, most, eos, words))
        if constraints.banned:
            banned, start = self._of_banned(constraints)
            same = torch.full_like(most, start)
            # a required phrase may begin with a banned word
            free = [greedy and not row for row in constraints.required]
            wary = torch.tensor(free, device=most.device)
            first.append(TextRule(banned, same, most, eos, words, wary=wary))
        last = [
            _own(rule, torch.tensor(constraints.places, device=most.device))
            for rule in constraints.rules
        ]
        if required is not None:
            last.append(RequiredRule(*required, most, eos, words, greedy=greedy))
        return first, last, most

    @functools.cached_property
    def _pieces(self) -> PieceTexts:
        return PieceTexts(self._target)

    def _index(self, *, lower: bool) -> PieceIndex:
        if lower not in self._indices:
            self._indices[lower] = PieceIndex(self._pieces, lower=lower)
        return self._indices[lower]

    def _needs(self, rule: tuple[ExactTexts | RequiredPhrases, Tensor], most: Tensor) -> Tensor:
        automaton, starts = rule
        return automaton.table(most.device).needs[starts]

    def _exact(
        self, constraints: SourceConstraints, device: torch.device
    ) -> tuple[ExactTexts, Tensor] | None:
        """What reads prefixes, or a closed set, and its states before the first pieces."""
        count = len(constraints.places)
        if constraints.outputs:
            if self._outputs is None or self._outputs[0] != constraints.outputs:
                texts = constraints.outputs
                self._outputs = texts, ExactTexts(self._pieces, texts)
            automaton = self._outputs[1]
            return automaton, torch.tensor(
                [automaton.number(automaton.start())] * count, device=device
            )
        if not any(constraints.prefixes):
            return None
        texts = tuple(filter(None, constraints.prefixes))
        automaton = ExactTexts(self._pieces, texts, open_end=True)
        starts = [automaton.number(automaton.start(prefix)) for prefix in constraints.prefixes]
        return automaton, torch.tensor(starts, device=device)

    def _of_banned(self, constraints: SourceConstraints) -> tuple[BannedPhrases, int]:
        """What reads banned phrases, and the number of its state before the first piece."""
        key = constraints.banned, constraints.any_case
        if self._banned is None or self._banned[0] != key:
            automaton = BannedPhrases(self._index(lower=constraints.any_case))
            self._banned = key, automaton, automaton.number(automaton.start(constraints.banned))
        return self._banned[1], self._banned[2]


class _OwnRule:
    """A user's rule, whose ``origin`` counts all given sources. What it does is checked."""

    def __init__(self, rule: Rule, places: Tensor) -> None:
        self._rule: Callable[..., object] = rule
        self._places = places
        self._name = f"rules: {getattr(rule, '__name__', type(rule).__name__)}"

    def __call__(self, log_probs: Tensor, history: Tensor, origin: Tensor) -> None:
        """See ``Rule``.

        Raises:
            ConfigError: The rule returns something, or writes NaN or infinity.
        """
        sound = _are_log_probs(log_probs)  # else the network is to blame, and the search says so
        returned = self._rule(log_probs, history, self._places[origin])
        if returned is not None:
            raise ConfigError(
                f"{self._name} returns a value of type {type(returned).__name__}, which has no use. A rule"
                " writes into log_probs, as in log_probs[:, :, ids] = -torch.inf"
            )
        if sound and not _are_log_probs(log_probs):
            raise ConfigError(
                f"{self._name} writes NaN or infinity into log_probs, expected -inf where a piece is ruled"
                " out"
            )


class _OwnStrictRule(_OwnRule):
    """The same for a ``StrictRule``."""

    def __init__(self, rule: StrictRule, places: Tensor) -> None:
        super().__init__(rule, places)
        self._strict = rule

    def may_end(self, history: Tensor, origin: Tensor) -> Tensor:
        """See ``StrictRule``.

        Raises:
            ConfigError: The rule returns something else.
        """
        ends: object = self._strict.may_end(history, self._places[origin])
        shape = history.shape[:2]
        if isinstance(ends, Tensor) and ends.dtype == torch.bool and ends.shape == shape:
            return ends
        raise ConfigError(
            f"{self._name}: may_end returns {ends!r:.60}, expected a tensor of bool with shape {tuple(shape)}"
        )


def _are_log_probs(values: Tensor) -> bool:
    return bool((values < torch.inf).all())  # which NaN is not


def _own(rule: Rule, places: Tensor) -> Rule:
    return _OwnStrictRule(rule, places) if isinstance(rule, StrictRule) else _OwnRule(rule, places)
