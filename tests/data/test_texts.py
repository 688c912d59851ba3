"""Texts are taken once, in order, from anything that has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import datasets
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from seqtext.data.readers.columns import source_columns
from seqtext.data.texts import TextCounts, texts_of
from seqtext.errors import ConfigError

PLAIN = source_columns(("source", "target"))
WORDS = ["körte", "alma", "fa-9", ""]
HOLDERS: dict[str, Callable[[list[str]], Any]] = {
    "list": list,
    "tuple": tuple,
    "generator": iter,
    "keys": dict.fromkeys,
    "numpy": np.array,
    "numpy_objects": lambda words: np.array(words, dtype=object),
    "series": lambda words: pd.Series(words, index=[3, 0, 2, 1]),
    "arrow_series": lambda words: pd.Series(words, dtype="string[pyarrow]"),
    "index": pd.Index,
    "arrow": pa.array,
    "chunks": lambda words: pa.chunked_array([words[:1], words[1:]]),
    "datasets": lambda words: datasets.Dataset.from_dict({"word": words})["word"],
}


@pytest.mark.parametrize("name", HOLDERS)
def test_any_iterable_gives_its_texts_in_order(name: str) -> None:
    given = HOLDERS[name](WORDS)
    found = texts_of(given.keys() if name == "keys" else given, "sources", PLAIN)
    assert found == WORDS and {type(text) for text in found} == {str}


def test_a_set_gives_all_its_texts() -> None:
    assert sorted(texts_of(set(WORDS), "sources", PLAIN)) == sorted(WORDS)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("alma", "sources: a single string, expected a list of strings"),
        (b"alma", "sources: a value of type bytes"),
        ({"word": "alma"}, "sources: a value of type dict"),
        (
            pd.DataFrame({"word": WORDS}),
            "sources: a DataFrame, expected a list of strings. Give one",
        ),
        (None, "sources: None (NoneType)"),
        (5, "sources: 5 (int)"),
        (np.array("alma"), "(ndarray)"),
        (["a", None], "sources[1]: None (NoneType), expected a string"),
        (["a", float("nan")], "sources[1]: nan (float)"),
        (pd.Series(["a", None], dtype="string"), "sources[1]: <NA> (NAType)"),
        (pa.array(["a", None]), "sources[1]: None (NoneType)"),
        ([1], "sources[0]: 1 (int)"),
        ([b"\xff"], r"sources[0]: b'\xff' (bytes)"),
        ([["a"]], "sources[0]: ['a'] (list)"),
        (np.array([["a", "b"]]), "(ndarray)"),
        (pa.table({"word": WORDS}), "sources[0]: {'word': 'körte'} (dict)"),
        (datasets.Dataset.from_dict({"word": WORDS}), "sources[0]: {'word': 'körte'} (dict)"),
        (["a", "b\udce9"], r"sources[1]: character 1 is '\udce9', half a character"),
    ],
)
def test_what_is_no_text_is_refused_by_row_and_type(given: Any, told: str) -> None:
    with pytest.raises(ConfigError) as refused:
        texts_of(given, "sources", PLAIN)
    assert told in str(refused.value)


def test_counts_say_what_is_remarkable() -> None:
    counts = TextCounts()
    assert counts.messages(10, 5) == []
    counts.add([3, 12, 7], [(), ("▁É", "\u0301"), ("É",)], source_limit=10, longest_source=5)
    counts.add([4], [("9",)], source_limit=10, longest_source=5)
    assert (counts.texts, counts.cut, counts.longer, counts.longest) == (4, 1, 2, 10)
    assert (counts.unknown, counts.unknown_parts) == (3, ["É", "\u0301", "9"])
    cut, longer, unknown = counts.messages(10, 5)
    assert cut.startswith("1 of 4 texts cut behind 10 pieces")
    assert longer.startswith(
        "2 of 4 texts are longer than any in training: up to 10 pieces, in training 5"
    )
    assert unknown.startswith("3 of 4 texts have parts that the model does not know")
    assert r"'É', '\u0301', '9'" in unknown
    counts = TextCounts(texts=2, at_limit=1)
    [limit] = counts.messages(None, None)
    assert limit.startswith("1 of 2 outputs reached their length limit")


def test_few_unknown_parts_are_kept() -> None:
    counts = TextCounts()
    counts.add([1] * 99, [(chr(0x400 + i),) for i in range(99)], None, None)
    assert counts.unknown == 99 and len(counts.unknown_parts) == 5
