"""Orders counted by station, facility, driver, time and way of starting: any of the five against any other.

Read from the finest facts inside the actor's scope, so that the totals are those of the reports and of the ledger.
A table shows the greatest rows and columns; what is left is summed up in a line of its own and never lost.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice
from typing import Any

from django.db.models import F, Q, QuerySet, Sum, Value
from django.db.models.functions import ExtractHour, TruncDay, TruncMonth
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from analytics import reports
from analytics.models import UseFact
from analytics.reports import DURATION, ENERGY, MONEY, ORDERS, Measure
from billing.models import ChargingOrder
from kernel.actor import Actor
from kernel.exports import Column, Kind, register_exporter
from stations.models import Connector, Pile, Station
from users import policy

DIMENSIONS = {
    "station": _("Station"),
    "pile": _("Pile"),
    "connector": _("Connector"),
    "driver": _("Driver"),
    "hour": _("Hour of the day"),
    "day": _("Date"),
    "month": _("Month"),
    "way": _("Way of starting"),
}
NONE = "none"
COLUMNS = {NONE: _("Nothing"), **DIMENSIONS}
TIMES = ("hour", "day", "month")
MEASURES: dict[str, Measure] = {m.code: m for m in (ORDERS, ENERGY, DURATION, *MONEY)}
MOST_ROWS, MOST_COLUMNS = 200, 31
LONGEST_DAYS = {"day": 366}  # as rows; as columns MOST_COLUMNS
_SUMS = {code: Sum(code) for code in MEASURES if code != "income_fen"}


@dataclass(frozen=True, slots=True)
class Query:
    """Rows against columns over local days, both included; `station` narrows to one."""

    row: str
    column: str
    measure: str
    first: date
    last: date
    station: int | None = None

    @property
    def span(self) -> reports.Query:
        return reports.Query("platform", "total", self.first, self.last)

    def to_json(self) -> dict[str, str]:
        texts = {
            "row": self.row,
            "column": self.column,
            "measure": self.measure,
            "first": self.first.isoformat(),
            "last": self.last.isoformat(),
        }
        return texts if self.station is None else {**texts, "station": str(self.station)}


@dataclass
class Pivot:
    """`rows` are (label, cells by column, values of the whole row); `columns` the labels above the cells."""

    query: Query
    columns: list[str]
    rows: list[tuple[str, list[Any], dict[str, Any]]]
    column_totals: list[Any]
    totals: dict[str, Any]
    ledger_fen: int | None = None
    newest_fen: int = 0

    @property
    def agrees(self) -> bool | None:
        """Whether the ledger says the same; None for those who have no one figure in it."""
        return None if self.ledger_fen is None else self.ledger_fen == self.totals["income_fen"]

    @property
    def settling(self) -> bool:
        return reports.is_settling(self.ledger_fen, self.newest_fen, self.totals)


def parse(values: Any) -> Query:
    """A query from texts; by default the net income of the last seven days, stations against ways of starting.

    DomainError `report_query` names the field and what is accepted.
    """
    row = reports.one_of(values, "row", DIMENSIONS, "station")
    column = reports.one_of(values, "column", COLUMNS, "way" if row != "way" else NONE)
    if row == column:
        raise reports.refuse("column", column, ", ".join(name for name in COLUMNS if name != row))
    measure = reports.one_of(values, "measure", MEASURES, "income_fen")
    span = reports.parse({"grain": "total", "first": values.get("first"), "last": values.get("last")})
    for name, dimension in (("row", row), ("column", column)):
        longest = (LONGEST_DAYS if name == "row" else {"day": MOST_COLUMNS}).get(dimension)
        if longest and (span.last - span.first).days + 1 > longest:
            earliest = span.last - timedelta(days=longest - 1)
            raise reports.refuse("first", span.first.isoformat(), f"≥ {earliest.isoformat()}")
    text = values.get("station") or ""
    if text and not (text.isascii() and text.isdigit() and len(text) < 19):
        raise reports.refuse("station", text, "1, 2, 3 …")
    return Query(row, column, measure, span.first, span.last, int(text) if text else None)


def read(*, actor: Actor, query: Query) -> Pivot:
    """The table of a query inside the actor's scope."""
    policy.require(actor, reports.PERMISSION)
    facts = _facts(actor, query)
    totals = _income(facts.aggregate(**_SUMS))
    rows = _greatest(facts, query.row, query.measure, MOST_ROWS)
    columns = {} if query.column == NONE else _greatest(facts, query.column, query.measure, MOST_COLUMNS)
    cells = _cells(facts, query, rows, columns) if columns else {}
    row_words, column_words = labels(actor, query.row, rows), labels(actor, query.column, columns)

    def line(label: str, of: dict[Any, Any], whole: dict[str, Any]) -> tuple[str, list[Any], dict[str, Any]]:
        shown = [of.get(key, 0) for key in columns]
        return label, [*shown, whole[query.measure] - sum(shown)], whole

    lines = [
        line(row_words[key], {column: cells.get((key, column), 0) for column in columns}, whole)
        for key, whole in rows.items()
    ]
    by_column = {column: whole[query.measure] for column, whole in columns.items()}
    left = {code: totals[code] - sum(whole[code] for whole in rows.values()) for code in MEASURES}
    if any(left.values()):
        seen = {column: sum(cells.get((key, column), 0) for key in rows) for column in columns}
        rest = {column: by_column[column] - seen[column] for column in columns}
        lines.append(line(gettext("All others"), rest, left))
    _label, column_totals, _whole = line("", by_column, totals)
    names = [column_words[key] for key in columns]
    if any(of[-1] for _l, of, _w in lines) and columns:
        names.append(gettext("All others"))
    else:  # no column was cut off
        lines = [(label, of[:-1], whole) for label, of, whole in lines]
        column_totals = column_totals[:-1]
    return Pivot(
        query=query,
        columns=names,
        rows=lines,
        column_totals=column_totals,
        totals=totals,
        ledger_fen=None if query.station else reports.ledger_fen(actor, query.span),
        newest_fen=reports.newest_fen(actor, query.span),
    )


def _facts(actor: Actor, query: Query) -> QuerySet:
    rows = UseFact.objects.for_actor(actor).filter(hour__gte=query.span.start, hour__lt=query.span.end)
    if query.station is not None:
        rows = rows.filter(station_id=query.station)
    return rows.order_by()


def _key(dimension: str) -> Any:
    """What a dimension groups by."""
    zone = timezone.get_default_timezone()
    times = {"hour": ExtractHour, "day": TruncDay, "month": TruncMonth}
    if dimension in times:
        return times[dimension]("hour", tzinfo=zone)
    if dimension == NONE:
        return Value(0)
    return F("start_method" if dimension == "way" else f"{dimension}_id")


def _greatest(facts: QuerySet, dimension: str, measure: str, most: int) -> dict[Any, dict[str, Any]]:
    """The values of each key: times in their order, else the greatest by the measure."""
    rows = facts.annotate(key=_key(dimension)).values("key").annotate(**_SUMS)
    if dimension in TIMES:
        return {row.pop("key"): _income(row) for row in rows.order_by("key")}
    size = reports.NET_INCOME if measure == "income_fen" else F(measure)
    rows = rows.annotate(size=size).order_by("-size", "key")[:most]
    return {row.pop("key"): _income(row) for row in rows}


def _cells(facts: QuerySet, query: Query, rows: dict, columns: dict) -> dict[tuple[Any, Any], Any]:
    for dimension, keys in ((query.row, rows), (query.column, columns)):
        if dimension not in TIMES:
            facts = facts.filter(_one_of(dimension, keys))
    groups = facts.annotate(row=_key(query.row), column=_key(query.column)).values("row", "column")
    return {
        (group["row"], group["column"]): _income(group)[query.measure] for group in groups.annotate(**_SUMS)
    }


def _one_of(dimension: str, keys: Iterable[Any]) -> Any:
    name = "start_method" if dimension == "way" else f"{dimension}_id"
    condition = Q(**{f"{name}__in": [key for key in keys if key is not None]})
    return condition | Q(**{f"{name}__isnull": True}) if None in keys else condition


def _income(row: dict[str, Any]) -> dict[str, Any]:
    values = {code: row.get(code) or 0 for code in _SUMS}
    values["income_fen"] = (
        values["electricity_fen"] + values["service_fen"] + values["fees_fen"] - values["discount_fen"]
    )
    return values


def labels(actor: Actor, dimension: str, keys: Iterable[Any]) -> dict[Any, str]:
    """Words for the keys of a dimension, in the reader's language; drivers masked where the actor must not know."""
    keys = list(keys)
    ids = [key for key in keys if isinstance(key, int)]
    reason = "the places of facts in scope"
    if dimension == "way":
        words = dict(ChargingOrder.StartMethod.choices)
        return {key: str(words.get(key, key)) or gettext("No charge") for key in keys}
    if dimension == "hour":
        return {key: f"{key:02d}:00" for key in keys}
    if dimension in TIMES:
        form = "%Y-%m-%d" if dimension == "day" else "%Y-%m"
        return {key: timezone.localtime(key).strftime(form) for key in keys}
    if dimension == "station":
        found = dict(Station.objects.unscoped(reason).filter(pk__in=ids).values_list("pk", "name"))
    elif dimension == "pile":
        rows = Pile.objects.unscoped(reason).filter(pk__in=ids).select_related("station")
        found = {pile.pk: f"{pile.station.name} {pile}" for pile in rows}
    elif dimension == "connector":
        rows = Connector.objects.unscoped(reason).filter(pk__in=ids).select_related("pile__station")
        found = {one.pk: f"{one.pile.station.name} {one.pile} · {one.number}" for one in rows}
    elif dimension == "driver":
        found = {None: gettext("Without a driver"), **reports.driver_labels(actor, ids)}
    else:
        found = {}
    nowhere = str(reports.NOWHERE)
    return {key: found.get(key, nowhere if key is None else f"#{key}") for key in keys}


class PivotExport:
    """A table as a file: one line per row and column, with every measure, nothing summed up."""

    title = _("Order statistics")

    def columns(self) -> list[Column]:
        return [
            Column("row", _("Rows")),
            Column("column", _("Columns")),
            *(Column(m.code, m.title, m.kind) for m in MEASURES.values()),
        ]

    def check(self, actor: Actor) -> None:
        policy.require(actor, "kernel.add_exportjob")
        policy.require(actor, reports.PERMISSION)

    def clean(self, params: Any) -> dict[str, str]:
        return parse(params).to_json()

    def total(self, actor: Actor, params: Any) -> int | None:
        return None

    def rows(self, actor: Actor, params: Any) -> Iterator[list[Any]]:
        query = parse(params)
        keys = _facts(actor, query).annotate(a=_key(query.row), b=_key(query.column)).values("a", "b")
        found = keys.annotate(**_SUMS).order_by("a", "b")
        groups = found.iterator(chunk_size=500)
        while some := list(islice(groups, 500)):
            rows = labels(actor, query.row, {one["a"] for one in some})
            columns = labels(actor, query.column, {one["b"] for one in some})
            for one in some:
                values = _income(one)
                column = "" if query.column == NONE else columns[one["b"]]
                yield [rows[one["a"]], column, *(values[code] for code in MEASURES)]


def chart(pivot: Pivot, *, most_bars: int = 62, most_series: int = 8) -> dict[str, Any]:
    """The table as stacked bars: rows along, the first columns as series, what is left as one more."""
    measure = MEASURES[pivot.query.measure]

    def number(value: Any) -> float:
        if measure.kind is Kind.FEN:
            return value / 100
        return round(value / 3600, 2) if measure.code == "duration_s" else round(float(value), 2)

    bars = pivot.rows[:most_bars]
    if not pivot.columns:
        series = [(str(measure.title), [number(whole[measure.code]) for _l, _c, whole in bars])]
    else:
        series = [
            (name, [number(cells[at]) for _l, cells, _w in bars])
            for at, name in enumerate(pivot.columns[:most_series])
        ]
        rest = [number(sum(cells[most_series:])) for _l, cells, _w in bars]
        if any(rest):
            series.append((gettext("All others"), rest))
    unit = {Kind.FEN: "¥", Kind.DECIMAL: "kWh"}.get(measure.kind, "h" if measure.code == "duration_s" else "")
    return {"labels": [label for label, _c, _w in bars], "series": series, "unit": unit}


def register() -> None:
    register_exporter("order_pivot", PivotExport())
