"""Time copying, coverage and long sources.

    python benchmarks/summarization.py
    python benchmarks/summarization.py --rounds 7 --precision fp32
    python benchmarks/summarization.py --device cuda

The input is random ids, so only the sizes matter. Copying and coverage use the sizes of
recipes/summarization/compression.yaml. The encoder reads sources of 100 to 1,600 pieces, and all
batches have the same number of source pieces. Variants take turns. The script prints medians: JSON
objects, then tables.
"""

from __future__ import annotations

from typing import Any

import torch
from common import in_turns, parser_of, report, table, use_threads

from seqtext.data.batch import IGNORE
from seqtext.nn.config import NetworkConfig
from seqtext.nn.encoder_decoder import EncoderDecoder
from seqtext.search.beam import beam_search
from seqtext.search.protocol import Pieces
from seqtext.search.rules import MinLength

VOCABULARY, ROWS, SOURCE, TARGET = 4032, 30, 32, 16
VARIANTS: dict[
    str, tuple[dict[str, Any], float]
] = {  # network options, weight of the coverage loss
    "plain": ({}, 0.0),
    "copying": ({"copying": True}, 0.0),
    "copying, coverage loss": ({"copying": True}, 1.0),
    "copying, coverage shown, its loss": ({"copying": True, "coverage": True}, 1.0),
}
LENGTHS, LONG_PIECES, LONG_TARGET = (100, 200, 400, 800, 1600), 12_800, 16
_BOS, _EOS = 1, 2


class Subject:
    """A network, and one batch that it is measured on."""

    def __init__(
        self,
        options: dict[str, Any],
        coverage_loss: float,
        rows: int,
        source: int,
        target: int,
        device: str,
    ) -> None:
        torch.manual_seed(1)
        config = NetworkConfig(embedding_size=256, hidden_size=512, **options)
        self.network = EncoderDecoder(config, VOCABULARY, VOCABULARY).to(device)
        self.optimizer = torch.optim.Adam(self.network.parameters(), fused=True)
        self.coverage_loss = coverage_loss
        self.source = torch.randint(3, VOCABULARY, (rows, source), device=device)
        self.lengths = torch.full((rows,), source, device=device)
        self.target = torch.randint(3, VOCABULARY, (rows, target), device=device)
        self.target[:, 0] = _BOS
        self.labels = self.target.roll(-1, 1)
        self.labels[:, -1] = IGNORE

    def update(self, precision: str) -> None:
        """One update of training."""
        self.network.train()
        kind = self.source.device.type
        with torch.autocast(kind, torch.bfloat16, enabled=precision == "bf16"):
            loss = self.network.loss(
                self.source, self.lengths, self.target, self.labels, 0.1, self.coverage_loss
            )
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()

    def decode(self) -> None:
        """Beam search for as many steps as the target has pieces."""
        self.network.eval()
        with torch.no_grad():
            state = self.network.start(self.source, self.lengths)
        most = torch.full((len(self.source),), self.target.size(1), device=self.source.device)
        longest = MinLength(most, _EOS)  # so that all variants take the same steps
        beam_search(self.network, state, most, Pieces(bos=_BOS, eos=_EOS), 5, rules=[longest])


def copying(rounds: int, precision: str, device: str) -> None:
    """What it costs in training and in search."""
    subjects = {
        name: Subject(options, loss, ROWS, SOURCE, TARGET, device)
        for name, (options, loss) in VARIANTS.items()
    }
    training = in_turns(
        {name: lambda one=one: one.update(precision) for name, one in subjects.items()}, rounds
    )
    for one in subjects.values():
        one.network.eval().decoder.precompute()
    search = in_turns(
        {name: lambda one=one: one.decode() for name, one in subjects.items()}, rounds
    )
    rows = []
    for name in VARIANTS:
        ratios = [of[name] / of["plain"] for of in (training, search)]
        report(
            "copying",
            f"{name}, {precision}, {device}",
            update_ms=round(1000 * training[name], 1),
            search_ms=round(1000 * search[name], 1),
            training_ratio=round(ratios[0], 3),
            search_ratio=round(ratios[1], 3),
        )
        rows.append([name, f"{1000 * training[name]:.0f}", *(f"{ratio:.2f}" for ratio in ratios)])
    table(["network", "ms an update", "training, ratio", "beam 5, ratio"], rows)


def long_sources(rounds: int, precision: str, device: str) -> None:
    """What a source piece costs in training, by the length of its source."""
    rows = []
    for title, window in (("as a whole", None), ("in windows of 100", 100)):
        subjects = {
            str(length): Subject(
                {"copying": True, "window": window},
                0.0,
                LONG_PIECES // length,
                length,
                LONG_TARGET,
                device,
            )
            for length in LENGTHS
        }
        found = in_turns(
            {name: lambda one=one: one.update(precision) for name, one in subjects.items()}, rounds
        )
        each = [1e6 * found[str(length)] / LONG_PIECES for length in LENGTHS]
        name = f"source read {title}, {precision}, {device}"
        for length, microseconds in zip(LENGTHS, each, strict=True):
            figures = {"length": length, "microseconds_a_piece": round(microseconds, 1)}
            report("long sources", name, **figures)
        rows.append([title, *(f"{one:.0f}" for one in each), f"{each[-1] / each[0]:.2f}"])
    table(["source read", *map(str, LENGTHS), "1,600 to 100"], rows)


def main() -> None:
    parser = parser_of(__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="bf16")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    if options.threads:
        use_threads(options.threads)
    torch.set_flush_denormal(True)
    copying(options.rounds, options.precision, options.device)
    long_sources(options.rounds, options.precision, options.device)


if __name__ == "__main__":
    main()
