"""``seqtext generate`` for the strings of a program: the same file with the translations that it lacked."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from seqtext.cli.collected import collected_answers
from seqtext.cli.constraints import OF_SOURCE, read_constraints
from seqtext.cli.inputs import Row, StringsFormat
from seqtext.cli.models import settle_search, tell_counts
from seqtext.cli.outputs import STANDARD
from seqtext.cli.processes import shared_model
from seqtext.cli.single_output import refuse_options
from seqtext.cli.streams import open_input
from seqtext.errors import DataError

if TYPE_CHECKING:
    from seqtext.data.readers.columns import SourceColumns
    from seqtext.data.readers.strings.entries import StringsFile


def fill_strings(
    options: argparse.Namespace, format: StringsFormat, dictionary: Mapping[str, str]
) -> None:
    """Translate what is untranslated in the input. Write it marked as fuzzy, with all else as it is.

    Args:
        options: Of ``seqtext generate``.
        format: Of the input.
        dictionary: Translations of unknown words.

    Raises:
        ConfigError: An option asks for more than one translation, or for lines.
        DataError: The input has another format, or the output cannot be written.
    """
    reason = (
        f"the output has the format of the input, {format}, and one translation of each text. --input_format"
        " text reads each line as a text"
    )
    several = ("n_best", "samples", "scores", "alignments", "format", *OF_SOURCE)
    refuse_options(options, dict.fromkeys(several, reason))
    constraints = read_constraints(options)
    options.output = options.output or "-"
    strings = _read(options, format)
    from seqtext.inference.loading import load_generator

    with shared_model(options, load_generator) as generator:
        config = settle_search(options, generator)
        generator.dictionary = dictionary

        def translate(rows: Sequence[Row]) -> list[str]:
            return [best.text for best, *_ in generator.search(rows, config, constraints)]

        with collected_answers(options) as answers:
            sources = _sources(strings, generator.source_columns)
            targets = answers.answers_to(sources, translate, "texts")
            filled = strings.fill(targets)
            answers.finish(filled.content)
    _tell(strings, format, filled.filled, filled.unwritable)
    tell_counts(generator)


def _read(options: argparse.Namespace, format: StringsFormat) -> StringsFile:
    from seqtext.data.readers.strings import PARSERS

    with open_input(options.input) as lines:
        content, name = lines.read(), lines.name
    strings = PARSERS[format](content, name)
    if options.output in STANDARD and not strings.encoding.lower().startswith(
        ("utf-8", "us-ascii")
    ):
        raise DataError(
            f"{name}: is written in {strings.encoding}, and standard output takes UTF-8. Name a file with"
            " --output"
        )
    return strings


def _sources(strings: StringsFile, columns: SourceColumns) -> list[Row]:
    """What the model reads of each untranslated text.

    Raises:
        DataError: It reads a column that such a file has not.
    """
    from seqtext.data.readers.rows import values_of

    rows: list[Row] = []
    for entry, form in strings.untranslated:
        if columns.plain:
            rows.append(form.source)
        else:
            row = {"source": form.source, "context": entry.context}
            rows.append(tuple(values_of(row, columns.names, f"{strings.name}:{entry.line}")))
    return rows


def _tell(strings: StringsFile, format: StringsFormat, filled: int, unwritable: int) -> None:
    from seqtext.data.readers.strings import SINGLE_LANGUAGE

    done = "translated" if format in SINGLE_LANGUAGE else "filled and marked as fuzzy"
    print(
        f"{strings.name}: {filled:,} of {len(strings.entries):,} entries {done},"
        f" {len(strings.entries) - filled:,} left as they were",
        file=sys.stderr,
    )
    if unwritable:
        print(
            f"{strings.name}: {unwritable:,} of them because the output lacks a text, or has other inline"
            " elements than the source",
            file=sys.stderr,
        )
