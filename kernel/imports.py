"""Bringing in rows from a spreadsheet: all of them or none, each error by its row, column and accepted values.

A preview does everything the import does and takes it back, so what it promises is what happens.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db import models, transaction
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import override

from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.sheets import Sheet, read_sheet, write_sheet

Words = str | Promise


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        key: name of the value handed to the importer; DomainErrors whose field is `key` land here.
        title: what the header says; the English words and `key` are accepted too.
        parse: text to value; ValueError for text it does not accept.
        accepted: what is accepted, for the error and the template.
        example: a cell of the template.
    """

    key: str
    title: Words
    parse: Callable[[str], Any] = str
    accepted: Words = ""
    example: str = ""
    required: bool = False

    def names(self) -> set[str]:
        with override("en"):
            english = str(self.title)
        with override("zh-hans"):
            chinese = str(self.title)
        return {self.key.casefold(), english.casefold(), chinese.casefold()}


@dataclass(frozen=True, slots=True)
class CellError:
    """What is wrong in one row; `column` is empty when it is the row as a whole."""

    column: str
    value: str
    message: str


@dataclass(slots=True)
class RowReport:
    number: int
    values: list[str]
    errors: list[CellError] = field(default_factory=list)
    made: str = ""


@dataclass(slots=True)
class ImportReport:
    """What an import did, or would do. `errors` are about the file as a whole."""

    titles: list[str] = field(default_factory=list)
    rows: list[RowReport] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    done: bool = False

    @property
    def wrong(self) -> list[RowReport]:
        return [row for row in self.rows if row.errors]

    @property
    def ok(self) -> bool:
        return not self.errors and not self.wrong


class Importer:
    """A kind of row that can be brought in: its columns, and how one row is made."""

    columns: Sequence[Column] = ()
    title: Words = ""
    name = ""  # of the template file

    def make(self, actor: Actor, values: Mapping[str, Any]) -> str:
        """Make one row through its service and return its name; values that were left empty are absent."""
        raise NotImplementedError

    def template(self) -> bytes:
        """An XLSX file with the header, what each column accepts, and one example."""
        notes = [
            f"{_('Required') if column.required else _('Optional')}. {column.accepted}"
            for column in self.columns
        ]
        header = [str(column.title) for column in self.columns]
        return write_sheet(header, [[column.example for column in self.columns]], notes=notes)


def run_import(importer: Importer, *, actor: Actor, content: bytes, name: str, commit: bool) -> ImportReport:
    """Bring in every row of a file, or, with errors or without `commit`, none.

    DomainErrors of single rows become errors of the report; `permission_denied` and errors of the file are raised.
    """
    sheet = read_sheet(content, name)
    report = ImportReport(titles=list(sheet.header))
    places = _places(importer, sheet, report)
    if report.errors:
        return report
    with transaction.atomic():
        for number, cells in sheet.rows:
            row = RowReport(number, [*cells, *[""] * (len(sheet.header) - len(cells))])
            report.rows.append(row)
            values = _values(importer, places, row)
            if not row.errors:
                _make(importer, actor, values, row)
        if report.ok and commit:
            report.done = True
        else:
            transaction.set_rollback(True)
    return report


def _places(importer: Importer, sheet: Sheet, report: ImportReport) -> dict[str, int]:
    by_name = {name: column.key for column in importer.columns for name in column.names()}
    titles = ", ".join(str(column.title) for column in importer.columns)
    places: dict[str, int] = {}
    for index, title in enumerate(sheet.header):
        if not title:
            continue
        key = by_name.get(title.casefold())
        if key is None:
            report.errors.append(
                _("The column “%(title)s” is not known; accepted are: %(accepted)s.")
                % {"title": title, "accepted": titles}
            )
        elif key in places:
            report.errors.append(_("The column “%(title)s” is there twice.") % {"title": title})
        else:
            places[key] = index
    missing = [str(one.title) for one in importer.columns if one.required and one.key not in places]
    if missing:
        report.errors.append(_("Columns are missing: %(titles)s.") % {"titles": ", ".join(missing)})
    return places


def _values(importer: Importer, places: Mapping[str, int], row: RowReport) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for column in importer.columns:
        text = row.values[places[column.key]] if column.key in places else ""
        if not text:
            if column.required:
                row.errors.append(CellError(str(column.title), "", _("A value is needed here.")))
            continue
        try:
            values[column.key] = column.parse(text)
        except (ValueError, InvalidOperation):
            message = _("It is not accepted; accepted is: %(accepted)s.") % {"accepted": column.accepted}
            row.errors.append(CellError(str(column.title), text[:80], message))
    return values


def _make(importer: Importer, actor: Actor, values: Mapping[str, Any], row: RowReport) -> None:
    try:
        with transaction.atomic():
            row.made = importer.make(actor, values)
    except DomainError as error:
        if error.code == "permission_denied":
            raise
        titles = {column.key: str(column.title) for column in importer.columns}
        value = str(values.get(error.field, "")) if error.field != "password" else ""
        row.errors.append(CellError(titles.get(error.field or "", ""), value[:80], error.message))


# --- cells ---------------------------------------------------------------------------------------------------


def integer(lowest: int, highest: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        number = int(text)
        if not lowest <= number <= highest:
            raise ValueError
        return number

    return parse


def decimal(text: str) -> Decimal:
    number = Decimal(text)
    if not number.is_finite():
        raise ValueError
    return number


def day(text: str) -> date:
    """A date, also as Excel writes it in China: 2026/10/1."""
    year, month, number = (int(part) for part in text.replace("/", "-").replace(".", "-").split("-"))
    return date(year, month, number)


def choice(choices: type[models.TextChoices]) -> Callable[[str], str]:
    """A value of `choices`, or its label in either language."""

    def parse(text: str) -> str:
        wanted = text.casefold()
        for language in ("en", "zh-hans"):
            with override(language):
                for value, label in choices.choices:
                    if wanted in (value.casefold(), str(label).casefold()):
                        return value
        raise ValueError

    return parse


def choices_of(choices: type[models.TextChoices]) -> Callable[[str], list[str]]:
    """Several values or labels of `choices`, separated by commas."""
    one = choice(choices)

    def parse(text: str) -> list[str]:
        parts = text.replace("，", ",").replace("、", ",").replace(";", ",").split(",")
        return [one(part.strip()) for part in parts if part.strip()]

    return parse


class Labels:
    """The labels of `choices`, in the reader's language when they are read."""

    def __init__(self, choices: type[models.TextChoices]):
        self.choices = choices

    def __str__(self) -> str:
        return ", ".join(str(label) for label in self.choices.labels)
