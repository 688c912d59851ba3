"""Several columns make one source text, in which no symbol is a letter."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqtext.data.readers.columns import SYMBOL, LabelColumns, read_source_option, source_columns
from seqtext.errors import ConfigError


def cuts(source: str, *, labelled: bool = False, known: tuple[str, ...] = ()) -> str:
    columns = LabelColumns(source, "label") if labelled else (source, "target")
    return str(source_columns(columns, known))


def test_how_columns_are_cut() -> None:
    assert cuts("lemma+features") == "lemma as text, features as symbols"
    assert cuts("title+body:text") == "title as text, body as text"
    assert cuts("language:symbols+lemma:text") == "language as symbols, lemma as text"
    assert cuts("premise+hypothesis", labelled=True) == "premise as text, hypothesis as text"
    assert cuts("a+b:symbols", labelled=True) == "a as text, b as symbols"
    assert cuts("a+b", known=("a+b", "target")) == "a+b as text"  # a single column
    assert cuts("meta:x.lemma") == "meta:x.lemma as text"


@pytest.mark.parametrize(
    ("given", "source"),
    [
        ("lemma", "lemma"),
        ([1, 3], "1+3"),
        (["1", {3: "symbols"}], "1+3:symbols"),
        (("title", {"body": "text"}), "title+body:text"),
        ([{"features": "symbols"}], "features:symbols"),
    ],
)
def test_notations_of_the_option(given: Any, source: str) -> None:
    assert read_source_option("data.source", given) == source


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ([], "data.source: [] (list), expected a column, or a list of columns"),
        (None, "data.source: None (NoneType)"),
        ([None], "data.source: None (NoneType)"),
        ([True], "data.source: True (bool)"),
        ([{"a": "text", "b": "text"}], "(dict)"),
        (["a+b"], "'a+b' has a + in its name"),
        ([{"a": "characters"}], "the column 'a' is cut as 'characters', expected text or symbols"),
        ([{"a": None}], "the column 'a' is cut as None"),
        ([{"a": ["text"]}], "the column 'a' is cut as ['text']"),
    ],
)
def test_mistakes_in_the_option(given: Any, told: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read_source_option("data.source", given)
    assert told in str(refused.value)


def test_values_become_one_text() -> None:
    inflection = source_columns(("lemma+features", "form"))
    assert inflection.join(["kuzu", "N;LOC;SG"]) == "kuzu⟦N⟧⟦LOC⟧⟦SG⟧"
    assert inflection.join(["kuzu", " N  LOC ; SG;"]) == "kuzu⟦N⟧⟦LOC⟧⟦SG⟧"
    assert inflection.join(["V", "V"]) == "V⟦V⟧"
    assert inflection.join(["kuzu", ""]) == "kuzu⟦⟧"
    assert inflection.join(["a⟦V⟧", "⟦N⟧"]) == "a[V]⟦[N]⟧"  # marks are ours alone
    first = source_columns(("language:symbols+a:text+b:text", "c"))
    assert first.join(["en", "a", "b"]) == "⟦en⟧ a <sep> b"
    plain = source_columns(("a", "b"))
    assert plain.join(["a⟦V⟧ ;"]) == "a⟦V⟧ ;"


@given(
    st.lists(st.text(), min_size=3, max_size=3), st.permutations(["a:text", "b:text", "c:symbols"])
)
def test_no_column_is_taken_for_another(values: list[str], names: list[str]) -> None:
    columns = source_columns(("+".join(names), "target"))
    source = columns.join(values)
    parts = columns.split(source)
    assert parts is not None and columns.join(parts) == source
    place = names.index("c:symbols")
    symbols = re.split(r"[\s;\0]+", values[place].replace("⟦", "[").replace("⟧", "]"))
    expected = [f"⟦{symbol}⟧" for symbol in symbols if symbol]
    assert SYMBOL.findall(source) == (expected or ["⟦⟧"])


def test_a_text_of_other_columns_is_refused() -> None:
    inflection = source_columns(("lemma+features", "form"))
    assert inflection.split("kuzu") is None
    assert inflection.split("kuzu⟦N⟧ oyun") is None
    assert inflection.split("kuzu⟦N⟧⟦SG⟧") == ["kuzu", "N;SG"]
    assert source_columns(LabelColumns("a+b", "c")).split("one two") is None
