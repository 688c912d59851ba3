"""A batch of sources -> the hypotheses of its search."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from seqtext.data.batch import source_rows
from seqtext.data.tokenizer import Tokenizers
from seqtext.inference.constraints.rules import ConstraintRules
from seqtext.inference.rules import RuleMaker
from seqtext.inference.source_batch import SourceBatch
from seqtext.nn.encoder_decoder import EncoderDecoder
from seqtext.nn.listed import ListedNetwork
from seqtext.search.ensemble import Ensemble
from seqtext.search.lists import PieceLists
from seqtext.search.protocol import FinishedHypothesis, Pieces, State, StepModel, Watch
from seqtext.search.rules import Rule
from seqtext.search.run import run_search


class Searcher:
    """Searches with the rules that options and constraints ask for.

    Args:
        tokenizers: Of both sides.
        copies: Whether a network copies.
    """

    def __init__(self, tokenizers: Tokenizers, *, copies: bool) -> None:
        self._tokenizers = tokenizers
        target = tokenizers.target
        banned = target.control_ids
        if copies:
            banned = (*banned, target.unk)  # a word of the source says more
        self._rules, self._constraints = RuleMaker(target), ConstraintRules(target)
        self._special = Pieces(bos=target.bos, eos=target.eos, banned=banned)

    def search(
        self, networks: Sequence[EncoderDecoder], batch: SourceBatch, device: torch.device
    ) -> tuple[list[list[FinishedHypothesis]], Tensor]:
        """The hypotheses of each source, and the most pieces of each output, (N,) int64.

        Several networks are an ensemble.
        """
        config = batch.config
        source, lengths = (
            part.to(device) for part in source_rows(batch.ids, self._tokenizers.source.eos)
        )
        fewest, most = config.limits(lengths - 1)
        single = config.samples > 0 or config.beam_size == 1  # hypotheses that do not compete
        first, last, most = self._constraints.rules(
            batch.constraints, most, batch.words, greedy=single
        )
        lists = self._lists_of(batch, device)
        special = self._special
        watch: Watch | None = batch.growing
        if lists is not None:
            special, watch = lists.special, watch and lists.watch(watch)
            first, last = (list(map(lists.rule, rules)) for rules in (first, last))
        rules: list[Rule] = [*first, *self._rules.rules(config, fewest, batch.words, lists), *last]
        keys = batch.keys() if config.samples else []
        given = lengths, most, special, config, rules, keys, watch

        def run(
            models: Sequence[StepModel[State]], states: list[State]
        ) -> list[list[FinishedHypothesis]]:
            if len(states) == 1:
                return run_search(models[0], states[0], *given)
            return run_search(Ensemble(models), states, *given)

        if lists is None:
            states = [network.start(source, lengths) for network in networks]
            return run(networks, states), most
        listed = [ListedNetwork(network, lists.ids) for network in networks]
        rows = run(listed, [network.start(source, lengths) for network in listed])
        return lists.restore(rows), most

    def _lists_of(self, batch: SourceBatch, device: torch.device) -> PieceLists | None:
        if batch.lists is None:
            return None
        target = self._tokenizers.target
        lists = [torch.from_numpy(own).long() for own in batch.lists]
        return PieceLists(lists, self._special, target.unk, target.vocab_size, device)
