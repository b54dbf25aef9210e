"""Reports for finance and operation: dimension × grain over a period, with totals that the ledger confirms.

Everything is read from the facts, inside the actor's scope. A period is local days, both included.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, F, Q, QuerySet, Sum, Value
from django.db.models.functions import TruncDay, TruncHour, TruncMonth
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from analytics.models import ChannelFact, DriverFact, HourFact
from analytics.services.facts import INCOME, income_entries, with_driver
from kernel import clock
from kernel.actor import Actor
from kernel.errors import DomainError
from kernel.exports import Column, Kind, register_exporter
from users import policy
from users.scope import grants_of

COUNTED_WITHIN = timedelta(minutes=3)  # facts are built every minute
PERMISSION = "analytics.view_reports"
LONGEST_DAYS = 366 * 3
LONGEST_HOURLY_DAYS = 31
MOST_LINES = 2_000

DIMENSIONS = {
    "platform": _("Platform"),
    "operator": _("Operator"),
    "station": _("Station"),
    "pile": _("Pile"),
    "driver": _("Driver"),
    "channel": _("Payment channel"),
}
GRAINS = {"hour": _("By hour"), "day": _("By day"), "month": _("By month"), "total": _("Whole period")}
_TRUNC = {"hour": TruncHour, "day": TruncDay, "month": TruncMonth}
NOWHERE = _("Without a station")  # income of month cards
_LABELS = {"operator": "operator__name", "station": "station__name", "pile": "pile__code"}


@dataclass(frozen=True, slots=True)
class Measure:
    code: str
    title: Any
    kind: Kind


ORDERS = Measure("orders", _("Orders"), Kind.INTEGER)
ENERGY = Measure("energy_kwh", _("Energy (kWh)"), Kind.DECIMAL)
DURATION = Measure("duration_s", _("Charging time (s)"), Kind.INTEGER)
MONEY = (
    Measure("electricity_fen", _("Electricity fee"), Kind.FEN),
    Measure("service_fen", _("Service fee"), Kind.FEN),
    Measure("fees_fen", _("Further fees"), Kind.FEN),
    Measure("discount_fen", _("Discounts"), Kind.FEN),
    Measure("income_fen", _("Net income"), Kind.FEN),
)
TIERS = (
    Measure("sharp_kwh", _("Sharp (kWh)"), Kind.DECIMAL),
    Measure("peak_kwh", _("Peak (kWh)"), Kind.DECIMAL),
    Measure("flat_kwh", _("Flat (kWh)"), Kind.DECIMAL),
    Measure("valley_kwh", _("Valley (kWh)"), Kind.DECIMAL),
    Measure("deep_valley_kwh", _("Deep valley (kWh)"), Kind.DECIMAL),
)
FAULTS = Measure("faults", _("Faults"), Kind.INTEGER)
USERS = Measure("users", _("Users"), Kind.INTEGER)
PILES = Measure("piles", _("Piles with orders"), Kind.INTEGER)
CHANNEL = (
    Measure("recharges", _("Recharges"), Kind.INTEGER),
    Measure("recharged_fen", _("Recharged"), Kind.FEN),
    Measure("refunded_fen", _("Refunded"), Kind.FEN),
    Measure("net_fen", _("Net received"), Kind.FEN),
)
NET_INCOME = F("electricity_fen") + F("service_fen") + F("fees_fen") - F("discount_fen")
_DERIVED = {
    "income_fen": NET_INCOME,
    "net_fen": F("recharged_fen") - F("refunded_fen"),
}


def measures_of(dimension: str, grain: str) -> tuple[Measure, ...]:
    """The measures that a report shows. Distinct counts only for a whole period: they do not add up over time."""
    if dimension == "channel":
        return CHANNEL
    if dimension == "driver":
        return (ORDERS, ENERGY, DURATION, *MONEY)
    counts = (PILES, USERS) if grain == "total" and dimension != "pile" else ()
    return (ORDERS, *counts, ENERGY, DURATION, *MONEY, *TIERS, FAULTS)


@dataclass(frozen=True, slots=True)
class Query:
    """What a report is asked for; `first` and `last` are local days, both included."""

    dimension: str
    grain: str
    first: date
    last: date

    @property
    def start(self) -> datetime:
        return timezone.make_aware(datetime.combine(self.first, time.min))

    @property
    def end(self) -> datetime:
        return timezone.make_aware(datetime.combine(self.last + timedelta(days=1), time.min))

    def to_json(self) -> dict[str, str]:
        return {
            "dimension": self.dimension,
            "grain": self.grain,
            "first": self.first.isoformat(),
            "last": self.last.isoformat(),
        }


@dataclass
class Report:
    """`lines` are (moment or None, label, {measure: value}); `more` says that there are further ones."""

    query: Query
    measures: tuple[Measure, ...]
    lines: list[tuple[datetime | None, str, dict[str, Any]]]
    totals: dict[str, Any]
    more: bool = False
    ledger_fen: int | None = None
    newest_fen: int = 0
    chart: dict[str, list[Any]] = field(default_factory=dict)

    @property
    def agrees(self) -> bool | None:
        """Whether the ledger says the same; None where this report has no one figure in the ledger."""
        return None if self.ledger_fen is None else self.ledger_fen == self.totals["income_fen"]

    @property
    def settling(self) -> bool:
        return is_settling(self.ledger_fen, self.newest_fen, self.totals)


def parse(values: Any) -> Query:
    """A query from texts (`dimension`, `grain`, `first`, `last`), the last seven days by station by default.

    DomainError `report_query` names the field and what is accepted.
    """
    today = timezone.localdate(clock.now())
    dimension = one_of(values, "dimension", DIMENSIONS, "station")
    grain = one_of(values, "grain", GRAINS, "day")
    last = day_of(values, "last", today)
    first = day_of(values, "first", last - timedelta(days=6))
    days = (last - first).days + 1
    if days < 1:
        raise refuse("first", values.get("first"), f"≤ {last.isoformat()}")
    longest = LONGEST_HOURLY_DAYS if grain == "hour" else LONGEST_DAYS
    if days > longest:
        raise refuse("first", first.isoformat(), f"≥ {(last - timedelta(days=longest - 1)).isoformat()}")
    return Query(dimension, grain, first, last)


def one_of(values: Any, name: str, accepted: dict[str, Any], usual: str) -> str:
    """A value among those accepted, or the usual one; DomainError `report_query`."""
    value = values.get(name) or usual
    if value not in accepted:
        raise refuse(name, value, ", ".join(accepted))
    return value


def day_of(values: Any, name: str, usual: date) -> date:
    """A day given as 2026-01-31, or the usual one; DomainError `report_query`."""
    text = values.get(name) or ""
    if not text:
        return usual
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise refuse(name, text, "2026-01-31") from None
    if not 2000 <= day.year <= 2100:
        raise refuse(name, text, "2000-01-01 … 2100-12-31")
    return day


def refuse(name: str, value: Any, accepted: str) -> DomainError:
    """The refusal of one field of a question, with what is accepted."""
    return DomainError(
        "report_query", {"field": name, "value": str(value)[:64], "accepted": accepted}, field=name
    )


def read(*, actor: Actor, query: Query) -> Report:
    """The report of a query inside the actor's scope, at most `MOST_LINES` lines, with totals of all of them."""
    policy.require(actor, PERMISSION)
    measures = measures_of(query.dimension, query.grain)
    found = list(_lines(actor, query, MOST_LINES + 1))
    totals = _sums(_facts(actor, query).order_by(), query, measures)
    return Report(
        query=query,
        measures=measures,
        lines=found[:MOST_LINES],
        totals=totals,
        more=len(found) > MOST_LINES,
        ledger_fen=ledger_fen(actor, query),
        newest_fen=newest_fen(actor, query),
        chart=_chart(actor, query),
    )


def _facts(actor: Actor, query: Query) -> QuerySet:
    if query.dimension == "channel":
        rows = ChannelFact.objects.all()
        if not grants_of(actor).everything:  # a channel's money belongs to no one operator
            rows = rows.none()
    else:
        model = DriverFact if query.dimension == "driver" else HourFact
        rows = model.objects.for_actor(actor)
    return rows.filter(hour__gte=query.start, hour__lt=query.end)


def _sums(rows: QuerySet, query: Query, measures: tuple[Measure, ...]) -> dict[str, Any]:
    sums = {m.code: Sum(m.code) for m in measures if m.code not in _DERIVED and m not in (USERS, PILES)}
    values = {code: value or 0 for code, value in rows.aggregate(**sums).items()}
    return _derive(values, measures)


def _derive(values: dict[str, Any], measures: tuple[Measure, ...]) -> dict[str, Any]:
    codes = {measure.code for measure in measures}
    if "income_fen" in codes:
        values["income_fen"] = (
            values["electricity_fen"] + values["service_fen"] + values["fees_fen"] - values["discount_fen"]
        )
    if "net_fen" in codes:
        values["net_fen"] = values["recharged_fen"] - values["refunded_fen"]
    return values


def _lines(
    actor: Actor, query: Query, limit: int | None = None
) -> Iterator[tuple[datetime | None, str, dict[str, Any]]]:
    """Lines by time, then by income or label; distinct counts joined for a whole period."""
    measures = measures_of(query.dimension, query.grain)
    keys: dict[str, Any] = {"whole": Value(1)}  # one group where nothing else divides
    if query.grain != "total":
        keys = {"moment": _TRUNC[query.grain]("hour", tzinfo=timezone.get_default_timezone())}
    names = {"channel": ("channel",), "driver": ("driver_id",)}.get(query.dimension, ())
    if query.dimension in _LABELS:
        names = (f"{query.dimension}_id", _LABELS[query.dimension])
    sums = {m.code: Sum(m.code) for m in measures if m.code not in _DERIVED and m not in (USERS, PILES)}
    if PILES in measures:
        sums["piles"] = Count("pile_id", distinct=True)
    rows = _facts(actor, query).order_by().annotate(**keys).values(*keys, *names).annotate(**sums)
    first = "recharged_fen" if query.dimension == "channel" else "energy_kwh"
    rows = rows.order_by(*keys, F(first).desc(), *names)
    users = _users(actor, query) if USERS in measures else {}
    drivers = {}
    if query.dimension == "driver":
        drivers = driver_labels(actor, {row["driver_id"] for row in rows[: limit or 1_000_000]})
    from billing.models import Account

    channels = dict(Account.Kind.choices)
    for row in rows[:limit] if limit else rows.iterator():
        label = str(DIMENSIONS["platform"])
        if query.dimension in _LABELS:
            label = row[_LABELS[query.dimension]] or str(NOWHERE)
        elif query.dimension == "driver":
            label = drivers.get(row["driver_id"], f"#{row['driver_id']}")
        elif query.dimension == "channel":
            label = str(channels.get(row["channel"], row["channel"]))
        values = {code: row[code] or 0 for code in sums}
        if USERS in measures:
            values["users"] = users.get(row.get(f"{query.dimension}_id"), 0)
        yield row.get("moment"), label, _derive(values, measures)


def _users(actor: Actor, query: Query) -> dict[Any, int]:
    rows = DriverFact.objects.for_actor(actor).filter(hour__gte=query.start, hour__lt=query.end, orders__gt=0)
    if query.dimension == "platform":
        return {None: rows.aggregate(n=Count("driver_id", distinct=True))["n"]}
    key = f"{query.dimension}_id"
    return dict(rows.order_by().values_list(key).annotate(n=Count("driver_id", distinct=True)))


def driver_labels(actor: Actor, ids: Iterable[int]) -> dict[int, str]:
    """How each driver is written, masked where the actor must not see personal data."""
    from users.models import Driver

    personal = policy.allows(actor, "users.view_personal_data")
    found = Driver.objects.unscoped("the drivers of facts in scope").filter(pk__in=list(ids))
    return {
        driver.pk: (driver.phone if personal else driver.masked_phone)
        + (f" {driver.name}" if driver.name else "")
        for driver in found
    }


def is_settling(ledger: int | None, newest: int, totals: Mapping[str, Any]) -> bool:
    """Whether a report only lacks what was booked this moment: it counts new orders once a minute."""
    if ledger is None:
        return False
    missing = ledger - totals["income_fen"]
    return missing != 0 and min(0, newest) <= missing <= max(0, newest)


def newest_fen(actor: Actor, query: Query) -> int:
    """Of the period's income in the ledger, what was booked so lately that reports may not count it yet."""
    since = clock.now() - COUNTED_WITHIN
    return (ledger_fen(actor, query, since=since) or 0) if query.end > since else 0


def ledger_fen(actor: Actor, query: Query, *, since: datetime | None = None) -> int | None:
    """What the ledger booked as income in the period, for those who see whole operators; None for others."""
    if query.dimension == "channel":
        return None
    grants = grants_of(actor)
    rows = income_entries(max(query.start, since) if since else query.start, query.end)
    if query.dimension == "driver":
        rows = rows.filter(with_driver())
    if not grants.everything:
        if not grants.operator or grants.station or grants.pile:
            return None
        rows = rows.filter(
            Q(account__operator__in=grants.operator)
            | Q(account__operator=None, journal__order__operator__in=grants.operator)
        )
    return rows.filter(account__kind__in=INCOME).aggregate(fen=Sum("amount_fen"))["fen"] or 0


def _chart(actor: Actor, query: Query) -> dict[str, list[Any]]:
    """Energy and income over time (or per line for a whole period), as numbers for a chart."""
    if query.dimension == "channel":
        return {}
    if query.grain == "total":
        lines = list(_lines(actor, query, 20))
        labels = [label for _moment, label, _values in lines]
        rows = [values for _moment, _label, values in lines]
    else:
        platform = Query("platform", query.grain, query.first, query.last)
        lines = list(_lines(actor, platform, 1_000))
        form = {"hour": "%m-%d %H:00", "day": "%m-%d", "month": "%Y-%m"}[query.grain]
        labels = [timezone.localtime(moment).strftime(form) for moment, _label, _values in lines]
        rows = [values for _moment, _label, values in lines]
    return {
        "labels": labels,
        "energy": [float(round(Decimal(row["energy_kwh"]), 2)) for row in rows],
        "electricity": [row["electricity_fen"] / 100 for row in rows],
        "service": [(row["service_fen"] + row["fees_fen"]) / 100 for row in rows],
    }


class ReportExport:
    """A report as a file: every line, not only those that a page shows."""

    title = pgettext_lazy("export", "Report")

    def columns(self) -> list[Column]:
        every = {
            m.code: m for m in (ORDERS, PILES, USERS, ENERGY, DURATION, *MONEY, *TIERS, FAULTS, *CHANNEL)
        }
        return [
            Column("moment", _("Time"), Kind.MOMENT),
            Column("label", _("What")),
            *(Column(m.code, m.title, m.kind) for m in every.values()),
        ]

    def check(self, actor: Actor) -> None:
        policy.require(actor, "kernel.add_exportjob")
        policy.require(actor, PERMISSION)

    def clean(self, params: Any) -> dict[str, str]:
        return parse(params).to_json()

    def total(self, actor: Actor, params: Any) -> int | None:
        return None

    def rows(self, actor: Actor, params: Any) -> Iterator[list[Any]]:
        codes = [column.code for column in self.columns()][2:]
        for moment, label, values in _lines(actor, parse(params)):
            yield [moment, label, *(values.get(code) for code in codes)]


def register() -> None:
    register_exporter("report", ReportExport())
