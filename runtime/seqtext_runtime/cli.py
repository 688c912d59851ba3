"""``seqtext-run FOLDER``: lines of text in, outputs or labels out."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import re
import secrets
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import IO, NoReturn

from seqtext_runtime.errors import RuntimeModelError
from seqtext_runtime.options import Decision, Search, unknown

_CHUNK = 2_000  # most lines that are read before their answers are written
_BLOCK = 1 << 16  # bytes
# every character that some program takes for the end of a line
_ENDS = re.compile("\r\n|[\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029]")
_ESCAPED = {ord(end): f"\\u{ord(end):04x}" for end in "\x85\u2028\u2029"}  # JSON leaves these raw
OWN = ("input", "output", "format", "scores", "threads")
Answer = Callable[[int, list[str]], list[str]]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise RuntimeModelError(message.removeprefix("argument "))


def _parser() -> _Parser:
    parser = _Parser(
        prog="seqtext-run",
        usage="%(prog)s FOLDER [--KEY VALUE]…",
        allow_abbrev=False,
        description="Decode or label text with a model that seqtext export wrote, a line a text. With"
        " --n_best, each hypothesis has a line, index<TAB>score<TAB>text. A classifier prints"
        " label<TAB>probability. With --top_k, each label has a line, index<TAB>probability<TAB>label.",
    )
    parser.add_argument("folder", metavar="FOLDER", help="what seqtext export wrote")
    parser.add_argument(
        "--input", metavar="F", help="file to read; - is standard input, the default"
    )
    parser.add_argument("--output", metavar="F", help="file to write (default: standard output)")
    parser.add_argument(
        "--format", choices=("text", "jsonl"), default="text", help="jsonl: one object a line"
    )
    parser.add_argument("--scores", action="store_true", help="print score<TAB>text")
    parser.add_argument(
        "--threads", type=int, default=1, metavar="N", help="of the processor (default: 1)"
    )
    for title, kind in (("of models that generate text", Search), ("of classifiers", Decision)):
        group = parser.add_argument_group(title)
        for field in dataclasses.fields(kind):
            option = f"--{field.name}"
            if kind is Decision and field.name == "batch_size":
                continue  # both kinds have it
            if choices := field.metadata.get("choices"):
                group.add_argument(
                    option, choices=choices, default=argparse.SUPPRESS, help=field.metadata["help"]
                )
                continue
            whole = str(field.type).startswith("int")
            number: type[int] | type[float] = int if whole else float
            group.add_argument(
                option,
                type=number if field.default is not None else _or_none(number),
                metavar="N" if whole else "X",
                default=argparse.SUPPRESS,
                help=field.metadata["help"] + _shown(field.default),
            )
    return parser


def _or_none(kind: Callable[[str], float]) -> Callable[[str], float | None]:
    """The same type, with words for None."""

    def read(word: str) -> float | None:
        return None if word.lower() in ("none", "null") else kind(word)

    read.__name__ = kind.__name__  # in messages of argparse
    return read


def _shown(default: object) -> str:
    if default is None:
        return " (none: the default, whatever the model brings)"
    return f" (default: {default}, or what the model brings)"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Returns its exit status: 0, or 2 for a user's mistake."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", newline="\n")
    try:
        _run(sys.argv[1:] if arguments is None else list(arguments))
        sys.stdout.flush()
    except RuntimeModelError as error:
        print(f"seqtext-run: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        if isinstance(error, BrokenPipeError):  # the reader has gone, as `head` does
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        print(f"seqtext-run: {error.filename or 'output'}: {error.strerror}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return 0


def _run(arguments: list[str]) -> None:
    parser = _parser()
    options, rest = parser.parse_known_args(arguments)
    names = [field.name for kind in (Search, Decision) for field in dataclasses.fields(kind)]
    if rest and not rest[0].startswith("-"):
        raise RuntimeModelError(f"{rest[0]}: is no option. Name the file to read with --input")
    if rest:
        raise RuntimeModelError(
            unknown(rest[0].removeprefix("--").split("=")[0], [*dict.fromkeys(names), *OWN])
        )
    if options.input not in (None, "-"):
        if not os.path.exists(options.input):
            raise RuntimeModelError(f"--input {options.input}: no such file")
        if os.path.isdir(options.input):
            raise RuntimeModelError(
                f"--input {options.input}: is a folder, expected a file of text"
            )
    given = {name: value for name, value in vars(options).items() if name in names}
    answer = _answering(options, given)
    with _opened(options) as (lines, output):
        first = 0
        for chunk in _chunks(lines):
            output.writelines(answer(first, chunk))
            output.flush()
            first += len(chunk)


def _answering(options: argparse.Namespace, given: dict[str, object]) -> Answer:
    """A function of the number of the first text, and of texts, that gives lines."""
    from seqtext_runtime.model import Generator, load
    from seqtext_runtime.options import read

    model = load(options.folder, options.threads)
    if isinstance(model, Generator):
        config = read(Search, given, model.config["search"])

        def generate(first: int, texts: list[str]) -> list[str]:
            decoded = model.generate(texts, **vars(config))
            pairs = enumerate(zip(texts, decoded, strict=True), first)
            return [_generated(options, config, i, *pair) for i, pair in pairs]

        return generate
    decision = read(Decision, given, {})
    if options.scores:
        raise RuntimeModelError(
            "--scores: is of models that generate text, and this one labels it. Leave it out"
        )
    if decision.top_k > 1 and decision.threshold is not None and options.format == "text":
        raise RuntimeModelError(
            "--top_k: lists likely labels, whatever --threshold decides. --format jsonl prints both"
        )

    def classify(first: int, texts: list[str]) -> list[str]:
        labelled = model.classify(texts, **vars(decision))
        pairs = enumerate(zip(texts, labelled, strict=True), first)
        return [_labelled(options, decision, i, *pair) for i, pair in pairs]

    return classify


def _generated(
    options: argparse.Namespace,
    config: Search,
    index: int,
    source: str,
    hypotheses: Sequence[object],
) -> str:
    records = [vars(each) for each in hypotheses]
    if options.format == "jsonl":
        fields = ("text", "score", "log_prob", "pieces", "at_limit")
        shown = [{name: record[name] for name in fields} for record in records]
        return _json({"index": index, "source": source, "hypotheses": shown})
    lines = []
    for record in records:
        columns = [str(index)] if config.n_best > 1 else []
        columns += [f"{record['score']:.4f}"] if config.n_best > 1 or options.scores else []
        lines.append(_row(*columns, record["text"]) if columns else _line(record["text"]))
    return "".join(f"{line}\n" for line in lines)


def _labelled(
    options: argparse.Namespace, decision: Decision, index: int, text: str, result: object
) -> str:
    record = vars(result)
    if options.format == "jsonl":
        shown = {
            "index": index,
            "text": text,
            "labels": record["labels"],
            "probabilities": [round(chance, 6) for chance in record["probabilities"]],
            "top": [{"label": name, "probability": round(p, 6)} for name, p in record["top"]],
        }
        return _json(shown)
    if decision.top_k > 1:
        rows = [_row(str(index), f"{chance:.4f}", name) for name, chance in record["top"]]
        return "".join(f"{row}\n" for row in rows)
    chances = ", ".join(f"{chance:.4f}" for chance in record["probabilities"])
    return _row(", ".join(record["labels"]), chances) + "\n"


# --- lines ----------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _opened(options: argparse.Namespace) -> Iterator[tuple[IO[bytes], IO[str]]]:
    with contextlib.ExitStack() as stack:
        lines: IO[bytes] = sys.stdin.buffer
        if options.input not in (None, "-"):
            lines = stack.enter_context(open(options.input, "rb"))
        output: IO[str] = sys.stdout
        if options.output not in (None, "-"):
            output = stack.enter_context(_whole(options.output))
        yield lines, output


@contextlib.contextmanager
def _whole(path: str) -> Iterator[IO[str]]:
    """A file that appears when it is whole. A pipe or a device is written directly."""
    path = os.path.realpath(path)  # a link stays one
    whole = os.path.isfile(path) or not os.path.exists(path)
    part = f"{path}.{secrets.token_hex(4)}.part" if whole else path
    try:
        with open(part, "x" if whole else "w", encoding="utf-8", newline="\n") as file:
            yield file
        if part != path:
            os.replace(part, path)
    finally:
        if part != path and os.path.exists(part):
            os.remove(part)


def _chunks(file: IO[bytes]) -> Iterator[list[str]]:
    """Lines of a file. A pipe may wait for an answer, so all lines that have arrived make a chunk."""
    waits, start, number, chunk = not file.seekable(), b"", 0, list[str]()
    ended = False
    while not ended:
        data = file.read1(_BLOCK)  # type: ignore[attr-defined]
        ended = not data
        *lines, start = (start + data).split(b"\n")
        for raw in [*lines, *([start] if ended and start else [])]:
            number += 1
            try:
                text = raw.removesuffix(b"\r").decode()
            except UnicodeDecodeError:
                if chunk:
                    yield chunk
                raise RuntimeModelError(f"line {number} of the input: is no UTF-8") from None
            chunk.append(text.removeprefix("\ufeff") if number == 1 else text)
            if len(chunk) == _CHUNK:
                yield chunk
                chunk = []
        if chunk and (waits or ended):
            yield chunk
            chunk = []


def _line(text: str) -> str:
    return _ENDS.sub(" ", text)


def _row(*columns: str) -> str:
    return "\t".join(_line(column).replace("\t", " ") for column in columns)


def _json(record: object) -> str:
    return json.dumps(record, ensure_ascii=False).translate(_ESCAPED) + "\n"


def entry() -> None:
    """The ``seqtext-run`` program."""
    sys.exit(main())
