"""Where each word of an output came from: what was attended to for it, and how much of it was copied."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from seqtext.data.batch import IGNORE, collate
from seqtext.data.tokenizer import SPACE, Tokenizer
from seqtext.inference.generator import Generator
from seqtext.search.config import SearchConfig

Word = tuple[str, list[int]]  # and the places of its pieces


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """One output, word by word.

    Args:
        source: Words of the source.
        words: Words of the output.
        attention: For each word of the output what each word of the source got: the sum over the
            source word's pieces, the mean over the output word's. What is missing to 1 went to the
            source's end.
        copied: Of each word's probability the share that was copied, the mean over its pieces; 0
            without ``network.copying``.
    """

    source: list[str]
    words: list[str]
    attention: list[list[float]]
    copied: list[float]

    def origin(self, word: int) -> tuple[int, float]:
        """The source word that an output word attended to most, and its attention."""
        row = self.attention[word]
        best = max(range(len(row)), key=row.__getitem__)
        return best, row[best]


@torch.inference_mode()
def explain(
    generator: Generator, sources: Iterable[str], config: SearchConfig
) -> list[Explanation]:
    """Decode, read every output again, and look at what the network does.

    Of an ensemble it is the mean over its networks.

    Raises:
        CheckpointError, ConfigError: See ``Generator.generate``.
    """
    ids, words = generator.encode(sources)
    found = [best for best, *_ in generator.decode(ids, words, config)]
    explained = []
    for row, unknown, best in zip(ids, words, found, strict=True):
        if not row:
            explained.append(Explanation(source=[], words=[], attention=[], copied=[]))
            continue
        attention, copied = _look(generator, row, list(best.ids))
        of_source = words_of(generator.tokenizers.source, row, unknown)
        of_target = words_of(generator.tokenizers.target, best.ids, unknown)
        explained.append(_by_words(of_source, of_target, attention, copied))
    return explained


def _look(generator: Generator, source: list[int], target: list[int]) -> tuple[Tensor, Tensor]:
    """Attention (T, S) and copied share (T,) of the pieces of an output, float64; T is without eos."""
    own, other = generator.tokenizers
    batch = collate(
        [source], [target], source_eos=own.eos, target_bos=other.bos, target_eos=other.eos
    )
    parts = [part.to(generator.device) for part in batch]
    looks = [network.look(*parts) for network in generator.networks]
    attention = torch.stack([weights[0].double() for weights, _ in looks]).mean(0)
    copied = torch.stack([share[0].double() for _, share in looks]).mean(0)
    kept = (batch.labels[0] != IGNORE).sum() - 1  # without eos
    return attention[:kept, : len(source)].cpu(), copied[:kept].cpu()


def _by_words(
    of_source: list[Word], of_target: list[Word], attention: Tensor, copied: Tensor
) -> Explanation:
    rows = [
        [float(attention[inside][:, columns].sum(1).mean()) for _, columns in of_source]
        for _, inside in of_target
    ]
    shares = [float(copied[inside].mean()) for _, inside in of_target]
    return Explanation(
        source=[word for word, _ in of_source],
        words=[word for word, _ in of_target],
        attention=rows,
        copied=shares,
    )


def words_of(tokenizer: Tokenizer, ids: Sequence[int], unknown: Sequence[str]) -> list[Word]:
    """Words as spaces separate them; of a single word its characters, where they are the pieces."""
    pieces = tokenizer.pieces(ids, unknown)
    words: list[list[int]] = []
    for place, piece in enumerate(pieces):
        if piece.startswith(SPACE) or not words:
            words.append([])
        words[-1].append(place)
    if len(words) == 1 and tokenizer.of_characters:
        return [(piece, [i]) for i, piece in enumerate(pieces) if piece != SPACE]
    told = [(tokenizer.decode([ids[i] for i in word], unknown).strip(), word) for word in words]
    # a space that is a piece of its own says nothing about its word
    return [(text, [i for i in word if pieces[i] != SPACE]) for text, word in told if text]


# --- to look at -----------------------------------------------------------------------------------------

_GREEN, _DIM, _PLAIN = "\x1b[32m", "\x1b[2m", "\x1b[0m"


def as_text(one: Explanation, colours: bool) -> str:
    """A line a word: the word, the source word that it comes from, how much is copied."""
    wide = max((len(word) for word in one.words), default=0)
    lines = []
    for i, word in enumerate(one.words):
        place, weight = one.origin(i) if one.source else (0, 0.0)
        line = f"  {word:{wide}s}"
        if one.source:
            line += f"  <- {one.source[place]} ({weight:.2f})"
        if one.copied[i] >= 0.005:
            line += f", copied {one.copied[i]:.0%}"
        if colours:
            line = (
                f"{_GREEN if one.copied[i] >= 0.5 else _DIM if weight < 0.2 else ''}{line}{_PLAIN}"
            )
        lines.append(line)
    heads = [" ".join(one.source), f"-> {' '.join(one.words)}"]
    return "\n".join([*heads, *lines]) + "\n"


_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Where each word came from</title><style>
body { font-family: sans-serif; max-width: 50em; margin: 2em auto; line-height: 1.8 }
section { border-top: 1px solid #ccc; padding: 1em 0 }
span { padding: .1em .15em; border-radius: .2em }
.output span { cursor: pointer }
.output span:hover, .output span:focus { outline: 2px solid #27c }
.source { color: #555 }
</style></head><body>
<h1>Where each word came from</h1>
<p>Point at a word of an output: the source shows what was attended to.</p>
"""
# A direction of its own keeps the heading out of the search for the direction of the text
_HEAD = '<b dir="ltr">{}</b>'
_COPIED = "<p>The greener a word of an output, the more of it was copied.</p>\n"
_SCRIPT = """<script>
for (const section of document.querySelectorAll("section")) {
  const attention = JSON.parse(section.dataset.attention);
  const source = section.querySelectorAll(".source span");
  section.querySelectorAll(".output span").forEach((word, i) => {
    const show = () => source.forEach((one, j) => {
      one.style.background = `rgba(255, 160, 0, ${attention[i][j]})`;
    });
    const hide = () => source.forEach(one => { one.style.background = ""; });
    for (const event of ["mouseenter", "focus"]) word.addEventListener(event, show);
    for (const event of ["mouseleave", "blur"]) word.addEventListener(event, hide);
  });
}
</script></body></html>
"""


def _copied(share: float) -> str:
    """Attributes of a word of an output."""
    if not share:
        return ""
    return f' style="background: rgba(40, 160, 60, {share * 0.6:.2f})" title="{share:.0%} copied"'


def as_html(explanations: Sequence[Explanation]) -> str:
    """A page of its own, without anything from elsewhere."""
    sections = [_COPIED] if any(any(one.copied) for one in explanations) else []
    for one in explanations:
        attention = html.escape(json.dumps([[round(w, 3) for w in row] for row in one.attention]))
        source = " ".join(f"<span>{html.escape(word)}</span>" for word in one.source)
        output = " ".join(
            f'<span tabindex="0"{_copied(share)}>{html.escape(word)}</span>'
            for word, share in zip(one.words, one.copied, strict=True)
        )
        sections.append(
            f'<section data-attention="{attention}">'
            f'<p class="source" dir="auto">{_HEAD.format("source")} {source}</p>'
            f'<p class="output" dir="auto">{_HEAD.format("output")} {output}</p></section>\n'
        )
    return _PAGE + "".join(sections) + _SCRIPT
