"""A search over a list of pieces for each sentence, instead of the whole vocabulary."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import torch
from torch import Tensor

from seqtext.search.protocol import FinishedHypothesis, Pieces, Watch
from seqtext.search.rules import Rule, StrictRule


class PieceLists:
    """Lists of pieces, and what a search needs to work with places in them instead of ids.

    Special pieces come first. So they stand at the same places in all lists.

    Args:
        lists: Of each sentence, ids of pieces. Special pieces may be among them.
        special: Ids of special pieces. Those that are never produced are in the lists too: they take their
            share of the probability.
        unk: Id of the unknown piece, which all lists have too.
        vocab_size: V, number of pieces.
        device: Of the tensors.
    """

    def __init__(
        self,
        lists: Sequence[Tensor],
        special: Pieces,
        unk: int,
        vocab_size: int,
        device: torch.device,
    ) -> None:
        first = sorted({special.bos, special.eos, *special.banned, unk})
        kept = torch.ones(vocab_size, dtype=torch.bool)
        kept[first] = False
        head = torch.tensor(first)
        whole = [torch.cat([head, own[kept[own]]]) for own in lists]
        self.vocab_size = vocab_size
        # A list that is shorter than others is filled up with V, which is no id
        self.ids = torch.nn.utils.rnn.pad_sequence(
            whole, batch_first=True, padding_value=vocab_size
        ).to(device)
        self.special = Pieces(
            bos=first.index(special.bos),
            eos=first.index(special.eos),
            banned=tuple(map(first.index, special.banned)),
        )

    def to_vocabulary(self, places: Tensor, origin: Tensor) -> Tensor:
        """Places (N, ...) in the lists of sentences ``origin`` (N,) -> ids of the vocabulary."""
        ids = self.ids[origin].gather(1, places.flatten(1)).view(places.shape)
        return ids.clamp_(max=self.vocab_size - 1)

    def restore(
        self, hypotheses: Sequence[list[FinishedHypothesis]]
    ) -> list[list[FinishedHypothesis]]:
        """The hypotheses of each sentence with ids of the vocabulary."""
        tables = self.ids.tolist()
        return [
            [
                dataclasses.replace(each, ids=tuple(table[place] for place in each.ids))
                for each in own
            ]
            for table, own in zip(tables, hypotheses, strict=True)
        ]

    def watch(self, watch: Watch) -> Watch:
        """A watch that sees places, and tells ids of the vocabulary to ``watch``."""

        def tell(origin: Tensor, history: Tensor) -> None:
            watch(origin, self.to_vocabulary(history, origin))

        return tell

    def rule(self, rule: Rule) -> Rule:
        """A rule on places, by ``rule`` on ids of the vocabulary. It passes over the whole vocabulary."""
        if isinstance(rule, StrictRule):
            return _StrictRuleOnPlaces(self, rule)
        return _RuleOnPlaces(self, rule)


class _RuleOnPlaces:
    """See ``PieceLists.rule``."""

    def __init__(self, lists: PieceLists, rule: Rule) -> None:
        self._lists, self._rule = lists, rule

    def __call__(self, log_probs: Tensor, history: Tensor, origin: Tensor) -> None:
        """See ``Rule``."""
        ids = self._lists.ids[origin].unsqueeze(1).expand_as(log_probs)
        shape = *log_probs.shape[:2], self._lists.vocab_size + 1
        whole = log_probs.new_full(shape, -torch.inf).scatter_(2, ids, log_probs)
        self._rule(whole[:, :, :-1], self._lists.to_vocabulary(history, origin), origin)
        log_probs.copy_(whole.gather(2, ids))


class _StrictRuleOnPlaces(_RuleOnPlaces):
    """The same for a ``StrictRule``."""

    def __init__(self, lists: PieceLists, rule: StrictRule) -> None:
        super().__init__(lists, rule)
        self._strict = rule

    def may_end(self, history: Tensor, origin: Tensor) -> Tensor:
        """See ``StrictRule``."""
        return self._strict.may_end(self._lists.to_vocabulary(history, origin), origin)
