"""Diverse beam search: groups of a beam that avoid what the groups before them choose."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from seqtext.errors import ConfigError
from seqtext.search.largest import largest


@dataclass(frozen=True)
class Diversity:
    """Hamming diversity (Vijayakumar et al. 2018, section 4).

    A beam has G groups. Each is a beam search of its own, in turn at every step. There, a group loses
    ``penalty`` for a piece whenever a live hypothesis of a group before it has just taken this piece. The
    penalty changes what a group chooses at this step. It changes no log-probability, and it is not for eos.

    Args:
        groups: G, which divides the beam size.
        penalty: Strength, at least 0, in nats.
    """

    groups: int
    penalty: float

    def group_size(self, beam_size: int) -> int:
        """Hypotheses that each group keeps.

        Raises:
            ConfigError: ``beam_size`` is below 1, or the groups do not divide it.
        """
        if beam_size < 1 or beam_size % self.groups:
            raise ConfigError(
                f"beam_size: {beam_size}, expected at least 1, and a multiple of {self.groups} groups"
            )
        return beam_size // self.groups

    def best(self, totals: Tensor, size: int, eos: int, searching: Tensor) -> Tensor:
        """The best continuations of each group, best first: ``2 * size`` of them, or all.

        Args:
            totals: (N, G, k, V) log-probabilities of all continuations.
            size: Hypotheses that a group keeps.
            eos: Id of the piece that ends a hypothesis.
            searching: (N, G) bool, whether a group still searches. Others have no influence.

        Returns:
            Indices (N, G, at most ``2 * size``) into the flat last two dimensions of ``totals``.
        """
        live, vocab_size = totals.shape[2:]
        count = min(2 * size, live * vocab_size)
        # So many continuations of a group have a penalty, at most. Then its best are among these candidates.
        penalized = (self.groups - 1) * size * live
        pool = min(count + penalized, live * vocab_size)
        all_values, all_places = (
            part.view(*totals.shape[:2], pool)
            for part in largest(totals.flatten(2).flatten(0, 1), pool)
        )
        taken = torch.empty((len(totals), 0), dtype=torch.long, device=totals.device)
        costs = totals.new_empty(taken.shape)
        best = []
        for group, (values, places) in enumerate(
            zip(all_values.unbind(1), all_places.unbind(1), strict=True)
        ):
            same = (places % vocab_size).unsqueeze(2) == taken.unsqueeze(1)
            values, chosen = (values + (same * costs.unsqueeze(1)).sum(2)).topk(count, 1)
            index = places.gather(1, chosen)
            ids = index % vocab_size
            lives = (ids != eos) & (values > -torch.inf) & searching[:, group : group + 1]
            lives &= lives.cumsum(1) <= size
            taken = torch.cat([taken, ids], 1)
            costs = torch.cat([costs, -self.penalty * lives.to(totals.dtype)], 1)
            best.append(index)
        return torch.stack(best, 1)
