"""Writers of rows: CSV that spreadsheets open as it is, XLSX in constant memory.

Text that a spreadsheet would run as a formula is defused: in CSV by a leading apostrophe, in XLSX by writing it as
text. XLSX holds 1,048,576 rows a sheet; a longer table goes on over further sheets, each with its header.
"""

import csv
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, Protocol

from django.utils import timezone

from kernel.exports import Column, Kind

SHEET_ROWS = 1_048_576
_FORMULA = frozenset("=+-@\t\r\n")


class Writer(Protocol):
    def write(self, row: Sequence[Any]) -> None: ...

    def close(self) -> None: ...


def defuse(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in _FORMULA else text


def yuan(amount_fen: int) -> str:
    """Integer fen as a plain number of yuan: 1234 -> 12.34, -5 -> -0.05."""
    sign = "-" if amount_fen < 0 else ""
    whole, rest = divmod(abs(amount_fen), 100)
    return f"{sign}{whole}.{rest:02d}"


_CSV: dict[Kind, Callable[[Any], Any]] = {
    Kind.TEXT: lambda value: defuse(str(value)),
    Kind.INTEGER: int,
    Kind.DECIMAL: str,
    Kind.FEN: yuan,
    Kind.DAY: date.isoformat,
}


class CsvWriter:
    """UTF-8 with a byte order mark, so that spreadsheets read Chinese."""

    def __init__(self, path: Path, columns: Sequence[Column], sheet: str):
        self._file = path.open("w", encoding="utf-8-sig", newline="")
        self._csv = csv.writer(self._file)
        self._csv.writerow([defuse(str(column.title)) for column in columns])
        zone = timezone.get_current_timezone()

        def moment(value: datetime) -> str:
            return value.astimezone(zone).isoformat(" ", "seconds")[:19]

        self._converters = [{**_CSV, Kind.MOMENT: moment}[column.kind] for column in columns]

    def write(self, row: Sequence[Any]) -> None:
        self._csv.writerow(
            [
                "" if value is None else convert(value)
                for convert, value in zip(self._converters, row, strict=True)
            ]
        )

    def close(self) -> None:
        self._file.close()


class XlsxWriter:
    """Rows go to disk as they come; moments and amounts are real cells, so that they sort and add up."""

    def __init__(self, path: Path, columns: Sequence[Column], sheet: str):
        import xlsxwriter

        self._book = xlsxwriter.Workbook(
            str(path),
            {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False},
        )
        self._bold = self._book.add_format({"bold": True})
        formats = {
            Kind.FEN: {"num_format": "#,##0.00"},
            Kind.MOMENT: {"num_format": "yyyy-mm-dd hh:mm:ss"},
            Kind.DAY: {"num_format": "yyyy-mm-dd"},
        }
        known = {kind: self._book.add_format(options) for kind, options in formats.items()}
        self._cells = [known.get(column.kind) for column in columns]
        self._columns, self._name, self._sheets = columns, sheet, 0
        self._zone = timezone.get_current_timezone()
        self._next_sheet()

    def _next_sheet(self) -> None:
        self._sheets += 1
        name = "".join("_" if char in "[]:*?/\\'" else char for char in self._name)[:28] or "Sheet"
        self._sheet = self._book.add_worksheet(name if self._sheets == 1 else f"{name}{self._sheets}")
        self._sheet.freeze_panes(1, 0)
        for place, column in enumerate(self._columns):
            self._sheet.set_column(place, place, 20 if column.kind in (Kind.MOMENT, Kind.TEXT) else 14)
        self._sheet.write_row(0, 0, [str(column.title) for column in self._columns], self._bold)
        self._row = 1

    def write(self, row: Sequence[Any]) -> None:
        if self._row >= SHEET_ROWS:
            self._next_sheet()
        for place, (column, cell, value) in enumerate(zip(self._columns, self._cells, row, strict=True)):
            if value is None or value == "":
                continue
            if column.kind is Kind.TEXT:
                self._sheet.write_string(self._row, place, str(value)[:32_767])
            elif column.kind is Kind.MOMENT:
                local = value.astimezone(self._zone).replace(tzinfo=None)
                self._sheet.write_datetime(self._row, place, local, cell)
            elif column.kind is Kind.DAY:
                self._sheet.write_datetime(self._row, place, value, cell)
            elif column.kind is Kind.FEN:
                self._sheet.write_number(self._row, place, value / 100, cell)
            else:
                self._sheet.write_number(self._row, place, value)
        self._row += 1

    def close(self) -> None:
        self._book.close()


WRITERS: dict[str, Callable[[Path, Sequence[Column], str], Writer]] = {"csv": CsvWriter, "xlsx": XlsxWriter}


def write_rows(writer: Writer, rows: Iterable[Sequence[Any]], places: Sequence[int], tick: Callable) -> int:
    """Write the chosen places of each row; calls `tick(number)` after each and returns how many."""
    number = 0
    whole = list(places) == list(range(len(places)))
    for row in rows:
        writer.write(row if whole and len(row) == len(places) else [row[place] for place in places])
        number += 1
        tick(number)
    return number
