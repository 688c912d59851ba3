"""Documents: every character of a text is in its sentences, and the outputs take their places."""

from __future__ import annotations

import random
import re
import sys
from typing import Any

import pytest
import torch

from seqtext.data.readers.columns import source_columns
from seqtext.data.tokenizer import Tokenizer, TokenizerConfig, Tokenizers
from seqtext.errors import ConfigError
from seqtext.inference.documents import divide, load_segmenter, split_sentences
from seqtext.inference.generator import Generator
from seqtext.inference.hypothesis import Hypothesis
from seqtext.nn.config import NetworkConfig
from seqtext.nn.encoder_decoder import EncoderDecoder

pytest.importorskip("sentencex")
BOOK = (
    "  Dr. Smith went home.  Was he tired? Nobody knows.\r\n\n\t\n"
    '"It is late," she said.\u00a0He met J.\u00a0R.\u00a0R. Tolkien.\n'
)
SENTENCES = [
    "Dr. Smith went home.", "Was he tired?", "Nobody knows.", '"It is late," she said.',
    "He met J.\u00a0R.\u00a0R. Tolkien.",
]  # fmt: skip


class Shouts(Generator):
    """Answers each source with capital letters."""

    def search(self, sources: Any, *_: Any) -> list[list[Hypothesis]]:
        self.asked = [*sources]
        answers = [self.answers.get(text, text.upper()) for text in self.asked]
        return [
            [Hypothesis(text=text, score=0.0, log_prob=0.0, pieces=(), ids=())] for text in answers
        ]

    answers: dict[str, str] = {}  # noqa: RUF012


def build(cls: type[Generator] = Shouts, /, **limits: Any) -> Generator:
    torch.manual_seed(0)
    tokenizer = Tokenizer.train(
        [*SENTENCES, BOOK.lower()], TokenizerConfig(model_type="char", vocab_size=80)
    )
    config = NetworkConfig(embedding_size=8, hidden_size=12, init_scale=4.0)
    network = EncoderDecoder(config, tokenizer.vocab_size, tokenizer.vocab_size).double()
    return cls([network], Tokenizers(tokenizer, tokenizer), **limits)


def test_space_and_lines_stay_as_they_are() -> None:
    generator = build()
    [document, empty, blank] = generator.generate_documents([BOOK, "", " \n\n"], "en")
    assert document.text == BOOK.upper()
    assert list(document.sources) == SENTENCES == generator.asked  # type: ignore[attr-defined]
    assert [each.text for each in document.hypotheses] == [text.upper() for text in SENTENCES]
    assert (empty.text, blank.text, blank.sources) == ("", " \n\n", ())
    assert generator.counts.divided == 0


def test_sentences_are_decoded_as_if_alone() -> None:
    generator = build(Generator)
    [document] = generator.generate_documents([BOOK], "EN", beam_size=2, max_length=9)
    alone = [best for [best] in generator.generate(SENTENCES, beam_size=2, max_length=9)]
    assert [best.text for best in document.hypotheses] == [best.text for best in alone]
    scores = [best.score for best in document.hypotheses]
    assert scores == pytest.approx([best.score for best in alone], abs=1e-12)
    assert generator.counts.texts == 2 * len(SENTENCES)


def test_each_language_has_its_rules() -> None:
    text = "Am 5. Mai kam z.B. Herr Dr. Maier. Er ging."
    segment = load_segmenter("de")
    assert [*split_sentences(text, "de", segment)][1:] == ["Er ging."]
    assert [*split_sentences("私は学生です。彼は先生です。", "ja", segment)] == [
        "私は学生です。",
        "彼は先生です。",
    ]


def test_space_follows_the_writing_of_the_output() -> None:
    generator = build()
    generator.answers = {"私は学生です。": "I am a student.", "He came.": "彼は来た。"}  # type: ignore[attr-defined]
    told = generator.generate_documents(["私は学生です。私は学生です。"], "ja")[0].text
    assert told == "I am a student. I am a student."
    told = generator.generate_documents(["He came. He came.  He came."], "en")[0].text
    assert told == "彼は来た。彼は来た。  彼は来た。"


@pytest.mark.parametrize("language", ["en", "de", "ja", "ar", "xx"])
def test_no_character_is_lost(language: str) -> None:
    pick = random.Random(1)
    parts = ["a", "É", "B", ". ", ".", "! ", '"', "(", ")", "\t", "\n", "\r\n", "\u00a0", "\u3000"]
    parts += [
        "\u2028",
        "\x0c",
        "\x85",
        "。",
        "Dr. ",
        "1.",
        "…",
        "e\u0301",
        "😀",
        "\u200b",
        "[",
        "]",
    ]
    segment = load_segmenter(language)
    for _ in range(2_000):
        text = "".join(pick.choices(parts, k=pick.randint(0, 30)))
        assert "".join(split_sentences(text, language, segment)) == text
        limit = pick.randint(1, 9)
        divided = [*divide(text, lambda part, limit=limit: len(part) <= limit)]  # type: ignore[misc]
        assert "".join(divided) == text
        assert all(len(part) <= limit for part in divided)


def test_a_long_sentence_is_divided_at_punctuation_then_spaces_then_anywhere() -> None:
    text = "one two three, four five six seven eight, nine ten"
    first, *rest = "one two three, ", "four five six seven eight, ", "nine ten"
    assert [*divide(text, lambda part: len(part) <= 50)] == [text]
    assert [*divide(text, lambda part: len(part) <= 35)] == [first, "".join(rest)]
    assert [*divide(text, lambda part: len(part) <= 30)] == [first, *rest]
    by_spaces = [*divide(text, lambda part: len(part) <= 15)]
    assert by_spaces == [first, "four five six ", "seven eight, ", "nine ten"]
    assert [*divide("a, bcd efgh ij", lambda part: len(part) <= 8)] == ["a, bcd ", "efgh ij"]
    assert [*divide("abcdefgh", lambda part: len(part) <= 4)] == ["abcd", "efgh"]
    assert [*divide("", lambda part: False)] == [""]


@pytest.mark.parametrize("limits", [{"source_limit": 20}, {"longest_source": 20}])
def test_a_sentence_too_long_for_the_model_keeps_its_text(limits: dict[str, Any]) -> None:
    generator = build(**limits)
    long = "she said it is late, and he knows it, and nobody went home. She said it is."
    [document] = generator.generate_documents([f"Nobody knows. {long}"], "en")
    assert document.text == f"Nobody knows. {long}".upper()
    pieces = generator.tokenizers.source.encode(list(document.sources))
    assert max(map(len, pieces)) <= 20 and len(document.sources) > 4
    assert generator.counts.divided == 1
    [told] = [line for line in generator.messages() if "divided" in line]
    assert told.startswith("1 sentences are too long for the model")


def test_what_a_document_cannot_be_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = build()
    with pytest.raises(ConfigError, match=r"^n_best: 2"):
        generator.generate_documents([BOOK], "en", n_best=2)
    with pytest.raises(ConfigError, match=r"^language: 'English'"):
        generator.generate_documents([BOOK], "English")
    with pytest.raises(ConfigError, match="expected a list of strings"):
        generator.generate_documents(BOOK, "en")
    with pytest.raises(ConfigError, match="no option 'beam'"):
        generator.generate_documents([BOOK], "en", beam=2)
    generator.source_columns = source_columns(("lemma+features:symbols", "form"))
    with pytest.raises(ConfigError, match="reads columns: lemma as text, features as symbols"):
        generator.generate_documents([BOOK], "en")
    monkeypatch.setitem(sys.modules, "sentencex", None)
    with pytest.raises(ConfigError, match=re.escape("pip install sentencex")):
        generator.generate_documents([BOOK], "en")
