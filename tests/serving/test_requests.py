"""The bodies of requests are read or refused."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

import pytest

from seqtext.data.readers.columns import Column, SourceColumns
from seqtext.errors import ConfigError
from seqtext.inference.config import DecisionConfig
from seqtext.search.config import SearchConfig
from seqtext.serving.config import ServingConfig
from seqtext.serving.messages import Description, Task
from seqtext.serving.openapi import describe_model, describe_paths
from seqtext.serving.refusals import RefusedError
from seqtext.serving.requests import Request, RequestReader

PLAIN = SourceColumns((Column("en", "text"),))
SEVERAL = SourceColumns((Column("lemma", "text"), Column("features", "symbols")))
_SEARCH = ["beam_size", "n_best", "samples", "seed", "prefixes", "banned", "mbr", "max_length"]
GENERATOR = Description(
    kind="generator",
    task="translation",
    columns=("en", "de"),
    source_columns=PLAIN,
    precision="fp32",
    int8_speed=None,
    search=SearchConfig(beam_size=3),
    options={"generate": _SEARCH, "score": ["attention"]},
    labels=[],
    state=None,
)
CLASSIFIER = Description(
    kind="classifier",
    task="classification",
    columns=("text", "label"),
    source_columns=PLAIN,
    precision="fp32",
    int8_speed=None,
    search=SearchConfig(),
    options={"classify": ["top_k", "threshold"], "explain": []},
    labels=["a", "b"],
    state=None,
)
CONFIG = ServingConfig(max_texts=3, max_characters=20, max_hypotheses=10)


def reader(model: Description = GENERATOR) -> RequestReader:
    def describe(task: Task, name: str, known: Collection[str]) -> str:
        return f"{task} has no {name}, but {', '.join(known)}"

    return RequestReader(model, CONFIG, describe)


def read(task: Task, model: Description = GENERATOR, **fields: Any) -> Request:
    return reader(model).read(task, json.dumps(fields).encode())


def test_a_request_is_read() -> None:
    asked = read("generate", texts=["A dog.", ""], beam_size=5, n_best=2)
    assert asked.rows == ["A dog.", ""] and asked.options == {"beam_size": 5, "n_best": 2}
    assert asked.shown == [{"source": "A dog."}, {"source": ""}]
    pairs = read("score", sources=["a", "b"], targets=["c", "d"], attention=True)
    assert pairs.rows == [("a", "c"), ("b", "d")]
    assert pairs.shown[1] == {"source": "b", "target": "d"}
    assert read("classify", CLASSIFIER, texts=["a"], top_k=2).shown == [{"text": "a"}]


def test_equal_options_have_equal_keys() -> None:
    both: dict[str, Any] = {"texts": ["a"], "beam_size": 2, "n_best": 2}
    cases = [both, dict(reversed(both.items())), {"texts": ["b"]}, {"texts": ["a"], "n_best": 2}]
    keys = [reader().read("generate", json.dumps(each).encode()).key for each in cases]
    assert keys[0] == keys[1] and len(set(keys)) == 3
    terms = [{"man": "Mann", "Man": "Man"}, {"Man": "Man", "man": "Mann"}]  # the first one counts
    model = GENERATOR._replace(options={"generate": ["terminology"]})
    assert len({read("generate", model, texts=["a"], terminology=each).key for each in terms}) == 2
    assert read("generate", texts=["a"], prefixes=["b"]).key is None  # it is of this text


def test_columns() -> None:
    model = GENERATOR._replace(source_columns=SEVERAL)
    rows = [["gehen", "V;PST"], {"lemma": "kommen", "features": "V"}]
    asked = read("generate", model, texts=rows)
    assert asked.rows == ["gehen⟦V⟧⟦PST⟧", "kommen⟦V⟧"]
    assert asked.shown == [{"source": row} for row in rows]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"texts": ["a"], "beam": 2}, "generate has no beam, but texts, beam_size"),
        ({"texts": ["a"], "batch_size": 2}, "generate has no batch_size"),
        ({"texts": ["a"], "beam_size": "5"}, r"beam_size: '5' \(str\), expected a whole number"),
        ({"texts": ["a"], "beam_size": 0}, "beam_size: 0, expected at least 1"),
        ({"texts": ["a"], "beam_size": 11}, "beam_size: 11, expected at most 10 on this server"),
        ({"texts": ["a"], "samples": 11}, "samples: 11, expected at most 10 on this server"),
        ({"texts": ["a"], "n_best": 4, "beam_size": 3}, "n_best: 4, expected at most beam_size, which is 3"),
        ({"texts": ["a"], "mbr": "rouge"}, "mbr: 'rouge', expected one of chrf, bleu"),
        ({"texts": ["a"], "banned": [""]}, r"banned\[0\]: an empty phrase"),
        ({"texts": ["a"], "prefixes": ["b", "c"]}, "prefixes: 2 for 1 texts"),
        ({"beam_size": 2}, "texts: is missing, expected a list of strings"),
        ({"texts": "A dog."}, "texts: a single string, expected a list of strings"),
        ({"texts": {"a": 1}}, "texts: a value of type dict"),
        ({"texts": 3}, r"texts: 3 \(int\), expected a list of strings"),
        ({"texts": ["a", 3]}, r"texts\[1\]: 3 \(int\), expected a string"),
        ({"texts": ["a\ud800"]}, r"texts\[0\]: character 1 .* surrogate"),
        ({"texts": ["a"] * 4}, "texts: 4 texts, expected at most 3"),
        ({"texts": ["a"], "banned": ["b", "c" * 21]}, r"banned\[1\]: 21 characters, expected at most 20"),
        ({"texts": ["a"], "prefixes": ["b" * 21]}, r"prefixes\[0\]: 21 characters"),
        ({"texts": ["a", "b" * 21]}, r"texts\[1\]: 21 characters, expected at most 20"),
    ],
)  # fmt: skip
def test_mistakes(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read("generate", **fields)


def test_mistakes_of_other_tasks() -> None:
    with pytest.raises(ConfigError, match="targets: 1 texts for 2 sources"):
        read("score", sources=["a", "b"], targets=["c"])
    with pytest.raises(ConfigError, match=r"attention: 1 .*, expected true or false"):
        read("score", sources=["a"], targets=["c"], attention=1)
    with pytest.raises(ConfigError, match="targets: is missing"):
        read("score", sources=["a"])
    with pytest.raises(ConfigError, match="threshold: 2, expected at least 0 and at most 1"):
        read("classify", CLASSIFIER, texts=["a"], threshold=2)
    with pytest.raises(RefusedError, match="/classify: this model cannot do it") as told:
        read("classify", texts=["a"])
    assert told.value.status == 404


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "is no JSON .Expecting value, line 1, column 1"),
        (b'{"texts": ["a"]', "is no JSON"),
        (b'{"texts": [\n"a" "b"]}', "line 2, column 5"),
        (b"\xff", "is no UTF-8 .byte 0"),
        (b'["a"]', "a value of type list, expected an object"),
        (b'{"beam_size": NaN}', "NaN is no number of JSON"),
        (b"[" * 100_000, "is no JSON that can be read"),
        (b"1" * 10_000, "is no JSON that can be read"),
    ],
)
def test_what_is_no_json(body: bytes, message: str) -> None:
    with pytest.raises(RefusedError, match=message) as told:
        reader().read("generate", body)
    assert told.value.status == 400


def test_the_description_has_types_ranges_and_defaults() -> None:
    paths = describe_paths(GENERATOR, CONFIG)["paths"]
    schema = paths["/generate"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    options = schema["properties"]
    assert [*options] == ["texts", "mbr", "beam_size", "n_best", "samples", "seed", "max_length", "prefixes",
                          "banned"]  # fmt: skip
    beam = options["beam_size"]
    assert (beam["type"], beam["minimum"], beam["maximum"], beam["default"]) == (
        "integer",
        1,
        10,
        3,
    )
    assert beam["description"].startswith("Hypotheses kept at every step")
    assert options["max_length"]["type"] == ["integer", "null"]
    assert options["mbr"]["enum"] == ["chrf", "bleu", None]
    assert options["banned"]["items"] == {"type": "string"} and options["banned"]["default"] == []
    assert options["texts"]["maxItems"] == 3 and schema["required"] == ["texts"]
    assert schema["additionalProperties"] is False
    assert {"/score", "/health", "/metrics"} <= set(paths) and "/classify" not in paths


def test_the_description_of_a_classifier() -> None:
    paths = describe_paths(CLASSIFIER, CONFIG)["paths"]
    schema = paths["/classify"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    threshold = schema["properties"]["threshold"]
    assert (threshold["type"], threshold["minimum"], threshold["maximum"]) == (
        ["number", "null"],
        0,
        1,
    )
    assert schema["properties"]["top_k"]["default"] == DecisionConfig().top_k
    told = describe_model(CLASSIFIER, CONFIG)
    assert told["labels"] == ["a", "b"] and told["limits"]["max_texts"] == 3
    several = describe_paths(CLASSIFIER._replace(source_columns=SEVERAL), CONFIG)["paths"]
    schema = several["/explain"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert schema["properties"]["texts"]["items"]["oneOf"][1]["required"] == ["lemma", "features"]
