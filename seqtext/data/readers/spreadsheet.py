"""Spreadsheets: xlsx, xls and ods."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from seqtext.data.files import UNREADABLE, open_file
from seqtext.data.readers.rows import Columns, Record
from seqtext.data.readers.tables import Fields, are_numbers, read_rows
from seqtext.errors import ConfigError, DataError
from seqtext.suggestion import suggest

if TYPE_CHECKING:
    from python_calamine import CalamineSheet


def read_spreadsheet(
    paths: list[Path], columns: Columns, *, lenient: bool = False, sheet: str | None = None
) -> Iterator[Record]:
    """A sheet, held in memory. Every cell is text. Rows without content are skipped.

    Numbers as ``columns`` are those of a sheet without header, counted from 1.

    Args:
        sheet: Its name. None takes the first visible one with content.

    Raises:
        ConfigError: ``python-calamine`` is not installed.
        DataError: No spreadsheet, or without such a sheet or column.
    """
    [path] = paths
    rows = _rows_of(_open_sheet(path, sheet), path)
    yield from read_rows(rows, columns, header=not are_numbers(columns))


def _open_sheet(path: Path, name: str | None) -> CalamineSheet:
    try:
        from python_calamine import (
            CalamineError,
            CalamineWorkbook,
            SheetTypeEnum,
            SheetVisibleEnum,
        )
    except ImportError:
        raise ConfigError(
            f"{path}: is a spreadsheet, and python-calamine, which reads it, is not installed. Install it"
            " with: pip install python-calamine. Or save the sheet as CSV (UTF-8)"
        ) from None
    try:
        with open_file(path) as file:
            book = CalamineWorkbook.from_filelike(io.BytesIO(file.read()))
        sheets = {
            sheet.name: book.get_sheet_by_name(sheet.name)
            for sheet in book.sheets_metadata
            if sheet.typ == SheetTypeEnum.WorkSheet and sheet.visible == SheetVisibleEnum.Visible
        }
    except (CalamineError, *UNREADABLE) as error:
        raise DataError(f"{path}: not a spreadsheet that can be read ({error})") from error
    if name is None:
        name = next((name for name, sheet in sheets.items() if sheet.height), "")
    if name not in sheets:
        names = ", ".join(map(repr, sheets)) or "none"
        raise DataError(f"{path}: no sheet {name!r}; there are {names}{suggest(name, sheets)}")
    return sheets[name]


def _rows_of(sheet: CalamineSheet, path: Path) -> Iterator[Fields]:
    for number, row in enumerate(sheet.to_python(skip_empty_area=False), 1):
        values = [_text_of(cell) for cell in row]
        if any(values):
            yield f"{path}, {sheet.name}, row {number}", values


def _text_of(cell: object) -> str:
    """What a cell shows. A spreadsheet keeps whole numbers as fractions."""
    if isinstance(cell, bool):
        return str(cell).upper()
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)
