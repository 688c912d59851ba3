"""The body of a request -> what is to be computed, or a message about the client's mistake."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, NoReturn

from seqtext.data.texts import check_text, rows_of, texts_of
from seqtext.errors import ConfigError
from seqtext.inference.call_options import read_options
from seqtext.inference.config import DecisionConfig
from seqtext.inference.constraints.options import Constraints
from seqtext.serving.config import ServingConfig
from seqtext.serving.messages import Description, Task
from seqtext.serving.refusals import RefusedError
from seqtext.values import check_value

# The names of a task's rows
ROWS: Mapping[Task, Sequence[str]] = {
    "generate": ["texts"],
    "classify": ["texts"],
    "explain": ["texts"],
    "score": ["sources", "targets"],
}
_SPLIT = ". Split the text"
_OF_EACH = ("prefixes", "required")  # options that have a value for each text
DescribeUnknown = Callable[[Task, str, Collection[str]], str]  # see RequestReader


class Request(NamedTuple):
    """What a client asks for.

    Args:
        task: What to compute.
        options: By name, as given.
        rows: Texts, or pairs of source and target.
        shown: What each answer says of its row.
        key: Requests with equal keys can be computed together. None is alone.
    """

    task: Task
    options: Mapping[str, Any]
    rows: Sequence[Any]
    shown: Sequence[Mapping[str, Any]]
    key: str | None


class RequestReader:
    """Reads requests for a model.

    Args:
        model: What its workers say of it.
        config: What is refused.
        describe_unknown: Makes the message about an unknown option, of task, name and known names.
    """

    def __init__(
        self, model: Description, config: ServingConfig, describe_unknown: DescribeUnknown
    ) -> None:
        self._model, self._config, self._describe_unknown = model, config, describe_unknown

    def read(self, task: Task, body: bytes) -> Request:
        """Read the body of a request.

        Raises:
            RefusedError: It is no JSON, or the model does not do this task.
            ConfigError: A field is unknown, missing or wrong.
        """
        if task not in self._model.options:
            tasks = ", ".join(f"/{name}" for name in self._model.options)
            raise RefusedError(404, f"/{task}: this model cannot do it. It has {tasks}")
        fields = _parse(body)
        names, options = ROWS[task], self._model.options[task]
        known = [*names, *options]
        for name in fields:
            if name not in known:
                raise ConfigError(self._describe_unknown(task, name[:80], known))
        given = {name: value for name, value in fields.items() if name not in names}
        self._check_options(task, given)
        rows, shown = self._read_rows(names, fields)
        for name in _OF_EACH:
            if isinstance(given.get(name), list) and len(given[name]) != len(rows):
                raise ConfigError(f"{name}: {len(given[name]):,} for {len(rows):,} texts")
        key = None if any(name in given for name in _OF_EACH) else json.dumps(sorted(given.items()))
        return Request(task, given, rows, shown, key)

    def _check_options(self, task: Task, given: Mapping[str, Any]) -> None:
        """Refuse options that cannot work, before a worker has them.

        Raises:
            ConfigError: There is one.
        """
        if task == "classify" or self._model.kind == "classifier":
            DecisionConfig(**given)
        elif task == "score":
            check_value("attention", given.get("attention", False), bool)
        else:
            config, constraints = read_options(given, self._model.search)
            self._check_phrases(constraints)
            if config.width > (most := self._config.max_hypotheses):
                name = "samples" if config.samples else "beam_size"
                raise ConfigError(
                    f"{name}: {config.width:,}, expected at most {most:,} on this server"
                )

    def _read_rows(
        self, names: Sequence[str], fields: Mapping[str, Any]
    ) -> tuple[list[Any], list[dict[str, Any]]]:
        """The rows, and what answers say of them.

        Raises:
            ConfigError: They are missing, too many or too long, or no texts.
        """
        for name in names:
            if name not in fields:
                raise ConfigError(f"{name}: is missing, expected a list of strings")
            if isinstance(fields[name], list) and len(fields[name]) > self._config.max_texts:
                raise ConfigError(
                    f"{name}: {len(fields[name]):,} texts, expected at most {self._config.max_texts:,}"
                )
        first = fields[names[0]]
        texts = texts_of(first, names[0], self._model.source_columns)
        self._check_lengths(names[0], texts, _SPLIT)
        if len(names) == 1:
            label = "text" if self._model.kind == "classifier" else "source"
            return texts, [{label: given} for given in first]
        others = rows_of(fields[names[1]], names[1])
        targets = [check_text(row, f"{names[1]}[{i}]") for i, row in enumerate(others)]
        self._check_lengths(names[1], targets, _SPLIT)
        if len(targets) != len(texts):
            raise ConfigError(f"targets: {len(targets):,} texts for {len(texts):,} sources")
        pairs = zip(first, targets, strict=True)
        shown = [{"source": source, "target": target} for source, target in pairs]
        return [*zip(texts, targets, strict=True)], shown

    def _check_phrases(self, constraints: Constraints) -> None:
        """Refuse long texts in constraints. They take gigabytes of a worker's memory.

        Raises:
            ConfigError: There is one.
        """
        self._check_length("prefix", constraints.prefix)
        for name in ("prefixes", "banned", "outputs"):
            self._check_lengths(name, getattr(constraints, name) or ())
        for term, translation in constraints.terminology.items():
            for text in (term, translation):
                self._check_length(f"terminology {term[:40]!r}", text)
        for phrases in constraints.required or ():
            self._check_lengths("required", phrases)

    def _check_lengths(self, name: str, texts: Iterable[str], advice: str = "") -> None:
        for i, text in enumerate(texts):
            self._check_length(f"{name}[{i}]", text, advice)

    def _check_length(self, name: str, text: str, advice: str = "") -> None:
        if len(text) > (most := self._config.max_characters):
            raise ConfigError(
                f"{name}: {len(text):,} characters, expected at most {most:,}{advice}"
            )


def _parse(body: bytes) -> dict[str, Any]:
    """The object that a body is.

    Raises:
        RefusedError: It is none.
    """
    try:
        fields = json.loads(body.decode(), parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise RefusedError(400, f"body: is no UTF-8 (byte {error.start})") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise RefusedError(400, f"body: is no JSON ({error.msg}, {where})") from None
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, many brackets
        raise RefusedError(400, f"body: is no JSON that can be read ({error})") from None
    if not isinstance(fields, dict):
        kind = type(fields).__name__
        raise RefusedError(
            400, f'body: a value of type {kind}, expected an object, as {{"texts": ["…"]}}'
        )
    return fields


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")
