"""Exporters: what can be taken out of the platform as a file. One generator of rows serves every format.

An app registers an exporter under a code; a job names the code, the filters and the columns. Rows are read in
chunks and written as they come, so a file of millions of rows costs no more memory than one of ten.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from kernel.actor import Actor
from kernel.errors import DomainError


class Kind(StrEnum):
    """What the values of a column are; the writers decide how each format shows it."""

    TEXT = "text"
    INTEGER = "integer"
    DECIMAL = "decimal"  # Decimal or float
    FEN = "fen"  # integer fen, written as yuan with two places
    MOMENT = "moment"  # aware datetime, written in local time
    DAY = "day"  # date


@dataclass(frozen=True, slots=True)
class Column:
    code: str
    title: Any
    kind: Kind = Kind.TEXT


class Exporter(Protocol):
    """A source of rows. `rows` yields a value per column of `columns`, in that order."""

    title: Any

    def columns(self) -> Sequence[Column]: ...

    def check(self, actor: Actor) -> None:
        """Raise `permission_denied` unless the actor may take this out."""

    def clean(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """The filters as the job keeps them (JSON); DomainError for what is not accepted."""

    def total(self, actor: Actor, params: Mapping[str, Any]) -> int | None:
        """Number of rows, None where counting costs too much."""

    def rows(self, actor: Actor, params: Mapping[str, Any]) -> Iterator[Sequence[Any]]: ...


_EXPORTERS: dict[str, Exporter] = {}
_FAMILIES: dict[str, Any] = {}


def register_exporter(code: str, exporter: Exporter) -> None:
    """Register an exporter once."""
    if _EXPORTERS.setdefault(code, exporter) is not exporter:
        raise RuntimeError(f"exporter {code!r} is registered twice")


def register_family(prefix: str, find: Any) -> None:
    """Register `find(rest) -> Exporter | None` for codes `prefix:rest`."""
    _FAMILIES[prefix] = find


def exporter_of(code: str) -> Exporter:
    """The exporter of a code; DomainError `export_unknown`."""
    exporter = _EXPORTERS.get(code)
    if exporter is None:
        prefix, _, rest = code.partition(":")
        find = _FAMILIES.get(prefix)
        exporter = find(rest) if find is not None else None
    if exporter is None:
        raise DomainError("export_unknown", {"code": code[:96], "known": ", ".join(sorted(_EXPORTERS))})
    return exporter


def chosen_columns(exporter: Exporter, wanted: Iterable[str]) -> tuple[list[Column], list[int]]:
    """The wanted columns in the wanted order, and their places in a row; all of them for none wanted.

    DomainError `export_column_unknown` names what is accepted.
    """
    columns = list(exporter.columns())
    places = {column.code: place for place, column in enumerate(columns)}
    codes = list(dict.fromkeys(wanted)) or list(places)
    for code in codes:
        if code not in places:
            raise DomainError(
                "export_column_unknown",
                {"column": str(code)[:64], "known": ", ".join(places)},
                field="columns",
            )
    return [columns[places[code]] for code in codes], [places[code] for code in codes]
