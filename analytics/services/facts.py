"""Building the facts: an hour at a time, each replaced as a whole, any number of times."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Count, F, Min, Q, Sum, Value

from alerts.models import Alert
from analytics.models import ChannelFact, DriverFact, DriverVisit, HourFact, UseFact
from billing.models import Account, ChargingOrder, Entry, Journal
from billing.services.clearing.sources import in_the_name_of_a_source
from kernel import clock

HOUR = timedelta(hours=1)
K = Account.Kind
# The income accounts of an operator, and the measure each feeds. What a month card or the operator covers of a charge
# was not paid for it, as a discount is not; the price of a month card is no charge's.
INCOME: dict[str, str] = {
    K.OPERATOR_ELECTRICITY: "electricity_fen",
    K.OPERATOR_SERVICE: "service_fen",
    K.OPERATOR_FEES: "fees_fen",
    K.OPERATOR_OCCUPANCY: "fees_fen",
    K.OPERATOR_RESERVATION: "fees_fen",
    K.OPERATOR_PARKING: "fees_fen",
    K.OPERATOR_DISCOUNTS: "discount_fen",
    K.PLATFORM_DISCOUNTS: "discount_fen",
    K.OPERATOR_MONTH_CARDS: "discount_fen",
    K.OPERATOR_FREE: "discount_fen",
}
# Relations of a journal to sources that know their pile, and to those that know their operator alone.
_WITH_A_PLACE = ("order", "booking", "waived_booking")
_WITHOUT_A_PLACE = ("month_sale", "month_refund")
CHANNELS: tuple[str, ...] = (K.CHANNEL_WECHAT, K.CHANNEL_ALIPAY, K.MANUAL_TOPUP)
TIERS = ("sharp", "peak", "flat", "valley", "deep_valley")
# What tells one use from another, in the order of `into` below.
PLACE = ("operator", "station", "pile", "connector", "driver", "start_method")
_CHUNK = 2000

Visits = dict[tuple[int, int], tuple[int, datetime]]  # (driver, station) -> (operator, last charge)
Into = Callable[..., list[dict[str, Any]]]


def hour_of(moment: datetime) -> datetime:
    """The UTC hour that a moment falls into."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def income_entries(start: datetime, end: datetime) -> Any:
    """Ledger entries that are income of a charge, a booking or a month card, from `start` to before `end`.

    Dividing the income among payees moves it on and is no income again.
    """
    return _booked(start, end).filter(in_the_name_of_a_source("journal__"))


def _booked(start: datetime, end: datetime) -> Any:
    """Entries on income accounts, whatever they are in the name of."""
    entries = Entry.objects.unscoped("facts are computed over every tenant")
    return entries.filter(journal__at__gte=start, journal__at__lt=end, account__kind__in=INCOME).exclude(
        journal__kind=Journal.Kind.CLEARING
    )


def with_driver() -> Q:
    """The WHERE of income entries that are a known driver's: of their charges and bookings."""
    condition = Q()
    for relation in _WITH_A_PLACE:
        condition |= Q(**{f"journal__{relation}__driver__isnull": False})
    return condition


def build_hour(hour: datetime) -> int:
    """Replace the facts of one UTC hour; returns how many rows it has now."""
    end = hour + HOUR
    piles: dict[tuple, dict[str, Any]] = defaultdict(lambda: defaultdict(int))
    drivers: dict[tuple, dict[str, Any]] = defaultdict(lambda: defaultdict(int))
    uses: dict[tuple, dict[str, Any]] = defaultdict(lambda: defaultdict(int))

    def into(
        operator: int,
        station: int | None,
        pile: int | None,
        connector: int | None,
        driver: int | None,
        way: str,
    ) -> list:
        """The rows that something of one source adds to; the pile's is the first. `way` is empty without a charge."""
        rows = [piles[operator, station, pile], uses[operator, station, pile, connector, driver, way]]
        return rows if driver is None else [*rows, drivers[operator, station, driver]]

    visits = _add_orders(hour, end, into)
    _add_money(hour, end, into)
    _add_faults(hour, end, piles)
    channels = _channels(hour, end)
    with transaction.atomic():
        for model, rows, names in (
            (HourFact, piles, ("operator_id", "station_id", "pile_id")),
            (DriverFact, drivers, ("operator_id", "station_id", "driver_id")),
            (UseFact, uses, tuple(f"{name}_id" for name in PLACE[:5]) + PLACE[5:]),
        ):
            model.objects.unscoped("facts are replaced").filter(hour=hour).delete()
            model.objects.bulk_create(
                [model(hour=hour, **dict(zip(names, key, strict=True)), **row) for key, row in rows.items()],
                batch_size=500,
            )
        ChannelFact.objects.filter(hour=hour).delete()
        ChannelFact.objects.bulk_create(
            [ChannelFact(hour=hour, channel=channel, **row) for channel, row in channels.items()]
        )
        _keep_visits(visits)
    return len(piles) + len(drivers) + len(uses) + len(channels)


def build_span(start: datetime, end: datetime) -> Iterator[tuple[datetime, int]]:
    """Build every hour from `start` to before `end`, yielding (hour, rows) as each is done."""
    hour = hour_of(start)
    while hour < end:
        yield hour, build_hour(hour)
        hour += HOUR


def build_recent() -> int:
    """The hour that runs and the two before it: settlement and corrections of late orders."""
    now = hour_of(clock.now())
    return sum(rows for _hour, rows in build_span(now - 2 * HOUR, now + HOUR))


def fill_uses(*, hours: int = 48) -> int:
    """Uses of the past that was built before there were uses: some hours at a time, the latest first."""
    oldest = UseFact.objects.unscoped("facts are computed over every tenant").aggregate(hour=Min("hour"))
    built = HourFact.objects.unscoped("facts are computed over every tenant").exclude(
        orders=0, electricity_fen=0, service_fen=0, fees_fen=0, discount_fen=0
    )
    if oldest["hour"] is not None:
        built = built.filter(hour__lt=oldest["hour"])
    missing = built.order_by("-hour").values_list("hour", flat=True).distinct()[:hours]
    return sum(build_hour(hour) for hour in missing)


def first_hour() -> datetime | None:
    """The hour of the oldest journal, None on an empty ledger."""
    oldest = Journal.objects.aggregate(at=Min("at"))["at"]
    return None if oldest is None else hour_of(oldest)


def _add_orders(start: datetime, end: datetime, into: Into) -> Visits:
    """Add the orders that were settled in the hour; returns when each driver charged last at each station."""
    orders = ChargingOrder.objects.unscoped("facts are computed over every tenant")
    rows = orders.filter(settled_at__gte=start, settled_at__lt=end).values_list(
        *(name if name == "start_method" else f"{name}_id" for name in PLACE),
        "energy_kwh",
        "started_at",
        "ended_at",
        "bill",
        "settled_at",
    )
    visits: Visits = {}
    for *place, energy, began, ended, bill, settled in rows.iterator(chunk_size=_CHUNK):
        seconds = max(int((ended - began).total_seconds()), 0) if began and ended else 0
        operator, station, _pile, _connector, driver, _way = place
        if driver is not None:
            key = (driver, station)
            last = max(ended or settled, visits[key][1]) if key in visits else ended or settled
            visits[key] = (operator, last)
        found = into(*place)
        for row in found:
            row["orders"] += 1
            row["duration_s"] += seconds
            row["energy_kwh"] += energy or Decimal(0)
        for line in (bill or {}).get("lines", ()):
            if line.get("tier") in TIERS:
                found[0][f"{line['tier']}_kwh"] += Decimal(line["energy_kwh"])
    return visits


def _keep_visits(visits: Visits) -> None:
    """Move the last charge of each driver at each station on, never back; any number of times, in any order."""
    rows = DriverVisit.objects.unscoped("facts are computed over every tenant")
    keys = sorted(visits)
    for at in range(0, len(keys), 500):
        some = keys[at : at + 500]
        drivers = {driver for driver, _station in some}
        known = {
            (driver, station): last
            for driver, station, last in rows.filter(driver__in=drivers).values_list(
                "driver_id", "station_id", "last_at"
            )
        }
        rows.bulk_create(
            [
                DriverVisit(
                    driver_id=key[0], station_id=key[1], operator_id=visits[key][0], last_at=visits[key][1]
                )
                for key in some
                if key not in known
            ],
            ignore_conflicts=True,
        )
        for key in some:
            operator, last = visits[key]
            if key not in known or known[key] < last:
                rows.filter(driver_id=key[0], station_id=key[1], last_at__lt=last).update(
                    last_at=last, operator_id=operator
                )


def _add_money(start: datetime, end: datetime, into: Into) -> None:
    rows = _booked(start, end).order_by()
    for relation in _WITH_A_PLACE:
        source = f"journal__{relation}"
        way = F(f"{source}__start_method") if relation == "order" else Value("")
        keys = [f"{source}__{name}_id" for name in PLACE[:-1]]
        found = rows.filter(**{f"{source}__isnull": False}).values_list(*keys, "account__kind", way)
        for *place, kind, started_by, fen in found.annotate(fen=Sum("amount_fen")):
            measure = INCOME[kind]
            for row in into(*place, started_by):
                row[measure] += -fen if measure == "discount_fen" else fen
    for relation in _WITHOUT_A_PLACE:
        found = rows.filter(**{f"journal__{relation}__isnull": False}).values_list("account__operator_id")
        for operator, fen in found.annotate(fen=Sum("amount_fen")):
            for row in into(operator, None, None, None, None, ""):
                row["fees_fen"] += fen


def _add_faults(start: datetime, end: datetime, piles: dict) -> None:
    alerts = Alert.objects.unscoped("facts are computed over every tenant")
    rows = alerts.filter(opened_at__gte=start, opened_at__lt=end, kind=Alert.Kind.FAULT).order_by()
    for operator, station, pile, number in rows.values_list("operator_id", "station_id", "pile_id").annotate(
        n=Count("pk")
    ):
        piles[operator, station, pile]["faults"] += number


def _channels(start: datetime, end: datetime) -> dict[str, dict[str, int]]:
    entries = Entry.objects.unscoped("facts are computed over every tenant")
    rows = entries.filter(
        journal__at__gte=start,
        journal__at__lt=end,
        account__kind__in=CHANNELS,
        journal__kind__in=(
            Journal.Kind.RECHARGE,
            Journal.Kind.SCORE_DEBIT,
            Journal.Kind.TOPUP,
            Journal.Kind.REFUND_PAID,
        ),
    ).order_by()
    found: dict[str, dict[str, int]] = {}
    for channel, kind, number, fen in rows.values_list("account__kind", "journal__kind").annotate(
        n=Count("pk"), fen=Sum("amount_fen")
    ):
        row = found.setdefault(channel, {"recharges": 0, "recharged_fen": 0, "refunded_fen": 0})
        if kind == Journal.Kind.REFUND_PAID:
            row["refunded_fen"] += fen
        else:
            row["recharges"] += number
            row["recharged_fen"] -= fen
    return found
