"""What a server can do, for programs: its model, and its paths in the format OpenAPI."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from importlib import metadata
from typing import Any, Literal, get_args, get_origin, get_type_hints

from seqtext.docstrings import field_texts
from seqtext.inference.config import DecisionConfig
from seqtext.inference.constraints.options import Constraints
from seqtext.inference.records import Fields
from seqtext.search.config import SearchConfig
from seqtext.serving.config import ServingConfig
from seqtext.serving.messages import Description, Task
from seqtext.serving.requests import ROWS
from seqtext.values import range_of

_TITLES: Mapping[Task, str] = {
    "generate": "Generate text",
    "classify": "Label texts",
    "score": "Say how likely given pairs of texts are",
    "explain": "Show which words the result of each text comes from",
}
_KINDS: Mapping[object, str] = {int: "integer", float: "number", bool: "boolean", str: "string"}
_TEXT = {"type": "string"}
_TEXTS = {"type": "array", "items": _TEXT}
_CONSTRAINTS: Mapping[str, Fields] = {  # whose types name any iterable
    "prefixes": _TEXTS,
    "banned": _TEXTS,
    "outputs": _TEXTS,
    "required": {"type": "array", "items": _TEXTS},
    "terminology": {"type": "object", "additionalProperties": _TEXT},
}
_LIMITS = ("max_texts", "max_characters", "max_hypotheses", "max_body")
_ERRORS = {
    "400": "The body is no JSON object",
    "403": "A web page of another server has sent the request",
    "404": "The model does not do this task",
    "405": "The path expects another method",
    "408": "The body did not arrive in time",
    "413": "The body is too large",
    "421": "The server answers its own machine alone, and the client names another host",
    "422": "A field is unknown, missing or wrong",
    "500": "The model or the server has failed",
    "503": "The server is busy. Send the request again later",
}


def describe_model(model: Description, config: ServingConfig) -> Fields:
    """What the path ``/model`` tells."""
    return {
        "kind": model.kind,
        "task": model.task,
        "columns": model.source_columns.names,
        "target": model.columns[1],
        "precision": model.precision,
        "labels": list(model.labels),
        "tasks": list(model.options),
        "options": {task: list(names) for task, names in model.options.items()},
        "search": {
            name: value
            for name, value in vars(model.search).items()
            if name in model.options.get("generate", ())
        },
        "limits": {name: getattr(config, name) for name in _LIMITS},
    }


def describe_paths(model: Description, config: ServingConfig) -> Fields:
    """The description of all paths, as OpenAPI has it."""
    paths: Fields = {
        f"/{task}": {"post": _operation(task, model, config)} for task in model.options
    }
    for path, summary in (
        ("/health", "Whether a worker has the model: 200, or else 503"),
        ("/metrics", "Figures in the text format of Prometheus"),
        ("/model", "What is served, with defaults and limits"),
    ):
        paths[path] = {"get": {"summary": summary, "responses": {"200": {"description": "OK"}}}}
    error = {"type": "object", "properties": {"error": _TEXT}, "required": ["error"]}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"seqtext: {model.task}",
            "version": metadata.version("seqtext"),
            "description": "Errors are objects with the field error.",
        },
        "paths": paths,
        "components": {"schemas": {"Error": error}},
    }


def _operation(task: Task, model: Description, config: ServingConfig) -> Fields:
    rows = {name: _rows(name, model, config) for name in ROWS[task]}
    schema = {
        "type": "object",
        "properties": {**rows, **_options(task, model, config)},
        "required": list(rows),
        "additionalProperties": False,
    }
    reference = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    answer = {
        "type": "object",
        "properties": {"results": {"type": "array", "items": {"type": "object"}}},
        "required": ["results"],
    }
    return {
        "summary": _TITLES[task],
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "responses": {
            "200": {
                "description": "A result for each text, in order",
                "content": {"application/json": {"schema": answer}},
            },
            **{
                status: {"description": text, "content": reference}
                for status, text in _ERRORS.items()
            },
        },
    }


def _rows(name: str, model: Description, config: ServingConfig) -> Fields:
    text: Fields = {**_TEXT, "maxLength": config.max_characters}
    row = text
    if name != "targets" and not model.source_columns.plain:
        columns = model.source_columns.names
        named = {"type": "object", "properties": dict.fromkeys(columns, _TEXT)}
        count = {"minItems": len(columns), "maxItems": len(columns)}
        row = {"oneOf": [{**_TEXTS, **count}, {**named, "required": columns}]}
    return {"type": "array", "items": row, "maxItems": config.max_texts}


def _options(task: Task, model: Description, config: ServingConfig) -> Fields:
    """The schema of each option of a task, with its range, default and help."""
    owners: list[tuple[type[Any], object]] = [
        (SearchConfig, model.search),
        (Constraints, Constraints()),
    ]
    if model.kind == "classifier":
        owners = [(DecisionConfig, DecisionConfig())]
    schemas: Fields = {}
    for kind, defaults in owners:
        types_of, texts = _types_of(kind), field_texts(kind)
        for field in dataclasses.fields(kind):
            if field.name in model.options[task]:
                schema = _CONSTRAINTS.get(field.name) or _schema(types_of[field.name])
                default = getattr(defaults, field.name)
                default = list(default) if isinstance(default, tuple) else default
                text = texts[field.name].replace("``", "")
                schemas[field.name] = {**schema, "default": default, "description": text}
    for name in ("beam_size", "samples"):
        if name in schemas:
            schemas[name]["maximum"] = min(config.max_hypotheses, schemas[name]["maximum"])
    return schemas


def _types_of(kind: type[Any]) -> dict[str, Any]:
    """Types of the fields that have a type of their own here. The others are in ``_CONSTRAINTS``."""
    if kind is Constraints:
        return {"prefix": str, "banned_any_case": bool}
    return get_type_hints(kind, include_extras=True)


def _schema(declared: Any) -> Fields:
    """The schema of a type, as ``seqtext.values`` reads it."""
    choices = [each for each in get_args(declared) if each is not types.NoneType]
    if type(None) in get_args(declared):
        schema = _schema(choices[0])
        if "enum" in schema:
            return {"enum": [*schema["enum"], None]}
        return {**schema, "type": [schema["type"], "null"]}
    if get_origin(declared) is Literal:
        return {"enum": list(get_args(declared))}
    limits = range_of(declared)
    plain = declared if limits is None else get_args(declared)[0]
    schema = {"type": _KINDS[plain]}
    if limits is not None:
        named = {
            "minimum": limits.least, "maximum": limits.most, "exclusiveMinimum": limits.above,
            "exclusiveMaximum": limits.below,
        }  # fmt: skip
        schema |= {name: limit for name, limit in named.items() if limit is not None}
    return schema
