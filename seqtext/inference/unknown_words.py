"""Unknown words of outputs, replaced by the source words that they attend to."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence

from seqtext.data.tokenizer import SPACE, Tokenizer
from seqtext.inference.hypothesis import Hypothesis
from seqtext.inference.reading import WordReading

_AROUND = re.compile(r"^[\W_]+|[\W_]+$")


def replace_unknown(
    target: Tokenizer,
    hypothesis: Hypothesis,
    reading: WordReading,
    dictionary: Mapping[str, str],
) -> Hypothesis:
    """Replace the unknown words in the text of a hypothesis (Luong et al. 2015b, section 3).

    A word with an unknown part is replaced as a whole, without the punctuation around it. It becomes the
    source word of its alignment, or that word's translation. The paper is "Addressing the rare word problem
    in neural machine translation".

    Args:
        target: The tokenizer of the output.
        hypothesis: Its pieces, ids and scores stay as they are.
        reading: Of the source and the output.
        dictionary: Source words and their translations.
    """
    ids, added, end = list[int](), list[str](), 0
    for source, place in reading.alignment() or ():
        start, end = end, reading.target[place].places[-1] + 1
        own = hypothesis.ids[start:end]
        if target.unk in own:
            first, last = _core(target, own)
            begins = target.of_words or target.pieces(own[first : first + 1])[0].startswith(SPACE)
            word = _translation(reading.source[source].text, dictionary)
            own = (*own[:first], target.vocab_size + len(added), *own[last:])
            added.append(SPACE + word if begins else word)
        ids += own
    ids += hypothesis.ids[end:]
    return dataclasses.replace(hypothesis, text=target.decode(ids, added)) if added else hypothesis


def _core(target: Tokenizer, ids: Sequence[int]) -> tuple[int, int]:
    """Where a word begins and ends, without the spaces and punctuation around it."""
    pieces = zip(ids, target.pieces(ids), strict=True)
    inside = [i == target.unk or any(map(str.isalnum, piece)) for i, piece in pieces]
    return inside.index(True), len(inside) - inside[::-1].index(True)


def _translation(word: str, dictionary: Mapping[str, str]) -> str:
    core = _AROUND.sub("", word) or word
    return dictionary.get(word) or dictionary.get(core, core)
