"""Spreadsheets that people upload, and templates they fill in: XLSX and CSV as rows of text.

Every cell becomes text as a person would read it: a whole number without its decimal point, a date as 2026-11-25.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import xlsxwriter
from django.utils.translation import gettext as _
from python_calamine import CalamineError, CalamineWorkbook

from kernel.errors import DomainError

MOST_BYTES = 4 * 1024 * 1024
MOST_ROWS = 5000
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_ENCODINGS = ("utf-8-sig", "gb18030")  # what Excel saves as CSV in China


@dataclass(frozen=True, slots=True)
class Sheet:
    """The header, and the rows below it with their numbers as a spreadsheet shows them; empty rows are left out."""

    header: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]


def read_sheet(content: bytes, name: str) -> Sheet:
    """The first sheet of an XLSX or a CSV file.

    DomainError `sheet_unreadable` naming what is accepted, `sheet_too_large`, `sheet_empty`.
    """
    if len(content) > MOST_BYTES:
        raise DomainError("sheet_too_large", {"limit": _("%(count)d MB") % {"count": MOST_BYTES // 2**20}})
    lines = _xlsx(content) if content[:2] == b"PK" else _csv(content, name)
    numbered = [(number, tuple(_text(cell) for cell in line)) for number, line in enumerate(lines, 1)]
    filled = [(number, line) for number, line in numbered if any(line)]
    if len(filled) < 2:
        raise DomainError("sheet_empty")
    if len(filled) > MOST_ROWS + 1:
        raise DomainError("sheet_too_large", {"limit": _("%(count)d rows") % {"count": MOST_ROWS}})
    (_number, header), *rows = filled
    return Sheet(header, tuple(rows))


def write_sheet(
    header: Sequence[str], rows: Iterable[Sequence[Any]] = (), *, notes: Sequence[str] = (), title: str = ""
) -> bytes:
    """An XLSX file of text cells; `notes` are comments on the header's cells."""
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True, "strings_to_formulas": False})
    sheet = book.add_worksheet(title[:31] or None)
    bold, text = book.add_format({"bold": True, "num_format": "@"}), book.add_format({"num_format": "@"})
    for column, words in enumerate(header):
        sheet.write_string(0, column, words, bold)
        sheet.set_column(column, column, max(12, 2 * len(words) + 2), text)
        if column < len(notes) and notes[column]:
            sheet.write_comment(0, column, notes[column])
    sheet.freeze_panes(1, 0)
    for number, row in enumerate(rows, 1):
        for column, value in enumerate(row):
            sheet.write_string(number, column, _text(value), text)
    book.close()
    return buffer.getvalue()


def _xlsx(content: bytes) -> list[list[Any]]:
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(content))
        return book.get_sheet_by_index(0).to_python(skip_empty_area=False, nrows=MOST_ROWS + 1000)
    except (CalamineError, IndexError, ValueError, OSError):
        raise DomainError("sheet_unreadable") from None


def _csv(content: bytes, name: str) -> list[list[str]]:
    if not name.lower().endswith((".csv", ".txt")) or b"\0" in content:
        raise DomainError("sheet_unreadable")
    for encoding in _ENCODINGS:
        try:
            text = content.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise DomainError("sheet_unreadable")
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    try:
        return list(csv.reader(io.StringIO(text), delimiter=delimiter))
    except csv.Error:
        raise DomainError("sheet_unreadable") from None


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime):
        return (value.date() if value.time() == datetime.min.time() else value).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return str(value if value is not None else "").strip()
