"""The rules of a search that its options ask for, made with what the tokenizer knows of its pieces."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import torch
from torch import Tensor

from seqtext.data.batch import pad
from seqtext.data.tokenizer import SPACE, Tokenizer
from seqtext.errors import ConfigError
from seqtext.search.config import SearchConfig
from seqtext.search.lists import PieceLists
from seqtext.search.rules import MinLength, NoRepeatedNgram, Rule, WordLimits, WordPart


class RuleMaker:
    """Makes the rules of a search.

    Args:
        target: The tokenizer of the outputs.
    """

    def __init__(self, target: Tokenizer) -> None:
        self._target = target

    def rules(
        self,
        config: SearchConfig,
        fewest: Tensor,
        words: Sequence[Sequence[str]],
        lists: PieceLists | None = None,
    ) -> list[Rule]:
        """The rules for a batch.

        Args:
            config: The options.
            fewest: (N,) int64, fewest pieces of each output.
            words: Of each source, its words that the vocabulary lacks.
            lists: What each output is made of. None is the vocabulary.

        Raises:
            ConfigError: The tokenizer cannot follow an option.
        """
        rules: list[Rule] = []
        if bool((fewest > 0).any()):
            eos = self._target.eos if lists is None else lists.special.eos
            rules.append(MinLength(fewest, eos))
        if config.min_words or config.max_words is not None:
            own = torch.tensor(self._parts, device=fewest.device).repeat(len(words), 1)
            copied = pad([[_word_part(word) for word in row] for row in words]).to(fewest.device)
            limits = config.min_words, config.max_words
            rule = WordLimits(torch.cat([own, copied], 1), *limits, self._target.eos)
            rules.append(rule if lists is None else lists.rule(rule))
        if config.no_repeat_ngram_size:
            rules.append(NoRepeatedNgram(config.no_repeat_ngram_size))
        return rules

    @functools.cached_property
    def _parts(self) -> list[WordPart]:
        """The part of a word that each target piece is."""
        pieces = self._target.pieces(range(self._target.vocab_size))
        if any(piece.endswith(SPACE) and piece.strip(SPACE) for piece in pieces):
            raise ConfigError(
                "min_words, max_words: the target's tokenizer writes spaces behind words, so words cannot be"
                " counted before they end. Limit pieces with min_length and max_length"
            )
        return [_word_part(piece) for piece in pieces]


def _word_part(piece: str) -> WordPart:
    if not piece.startswith(SPACE):
        return WordPart.INNER
    return WordPart.FIRST if piece.strip(SPACE) else WordPart.SPACE
